//! Every way in which a plugin's process misbehaves, with the text a person reads.

use std::time::Duration;

use insta::assert_snapshot;
use takopi_core::event::Outcome;

use super::*;

#[tokio::test]
async fn a_process_that_never_shakes_hands_is_given_up() {
    let mut scripted = Scripted::engine("sleep 1000");
    scripted.bounds.handshake = Duration::from_millis(100);
    assert_snapshot!(failure(&scripted, "x").await, @"takopi-acme cannot be used: no answer to initialize within 100 ms; mend it, then type: takopi plugins --load");
}

#[tokio::test]
async fn a_process_that_prints_instead_is_told_where_to_print() {
    let mut scripted = Scripted::engine("echo 'Acme v2 ready.'; sleep 1000");
    scripted.bounds.handshake = Duration::from_millis(300);
    assert_snapshot!(failure(&scripted, "x").await, @r#"takopi-acme cannot be used: it printed "Acme v2 ready." instead of answering the handshake: stdout is for the protocol, print to stderr; mend it, then type: takopi plugins --load"#);
}

#[tokio::test]
async fn a_process_that_prints_and_ends_is_told_where_to_print() {
    let scripted = Scripted::engine("echo 'usage: acme'; exit 2");
    assert_snapshot!(failure(&scripted, "x").await, @r#"takopi-acme cannot be used: it printed "usage: acme" instead of answering the handshake: stdout is for the protocol, print to stderr; mend it, then type: takopi plugins --load"#);
}

#[tokio::test]
async fn a_process_that_ends_before_the_handshake_is_quoted() {
    let scripted = Scripted::engine("echo 'no such module: acme' >&2; exit 3");
    assert_snapshot!(failure(&scripted, "x").await, @"takopi-acme cannot be used: it ended before it answered the handshake (exit status 3): no such module: acme; mend it, then type: takopi plugins --load");
}

#[tokio::test]
async fn a_program_that_is_not_there_is_to_be_installed() {
    let mut scripted = Scripted::engine("");
    scripted.package.manifest.process.command = vec!["no-such-program-acme".to_owned()];
    assert_snapshot!(failure(&scripted, "x").await, @"takopi-acme cannot be used: there is no program no-such-program-acme; install it: npm i -g acme");
}

#[tokio::test]
async fn another_version_of_the_protocol_is_named() {
    let scripted = Scripted::engine(
        r#"read -r line; echo '{"id":1,"result":{"protocol":7,"provides":[]}}'; sleep 1000"#,
    );
    assert_snapshot!(failure(&scripted, "x").await, @"takopi-acme cannot be used: it speaks protocol 7, this takopi speaks 1; update takopi; mend it, then type: takopi plugins --load");
}

#[tokio::test]
async fn providing_more_than_the_manifest_says_is_refused() {
    let scripted = Scripted::engine(&polite(r#"PROVIDES='{"kind":"command","id":"deploy"}'"#));
    assert_snapshot!(failure(&scripted, "x").await, @"takopi-acme cannot be used: its process provides command deploy, which its manifest does not name; mend it, then type: takopi plugins --load");
}

#[tokio::test]
async fn providing_less_is_refused_for_what_is_missing() {
    let scripted = Scripted::engine(&polite("PROVIDES="));
    assert_snapshot!(failure(&scripted, "x").await, @"takopi-acme cannot be used: its process does not provide engine acme, which its manifest names; mend it, then type: takopi plugins --load");
}

#[tokio::test]
async fn settings_that_the_plugin_refuses_are_told_in_its_words() {
    let scripted = Scripted::engine(
        r#"read -r line; echo '{"id":1,"error":{"code":-32014,"message":"bad","data":{"issues":[{"level":"error","title":"no api key","lines":["set api_key"]}]}}}'; sleep 1000"#,
    );
    assert_snapshot!(failure(&scripted, "x").await, @"takopi-acme cannot be used: no api key; set api_key; mend it, then type: takopi plugins --load");
}

#[tokio::test]
async fn stray_lines_are_passed_over_once_hands_are_shaken() {
    let scripted = Scripted::engine(&polite("on_run() { echo debugging; echo '{'; done_with well; }"));
    let (end, _) = run(&scripted, "x").await;
    assert_eq!(end.unwrap().answer, "well");
}

#[tokio::test]
async fn a_line_of_two_megabytes_fails_the_run() {
    let scripted = Scripted::engine(&polite(
        "on_run() { head -c 2000000 /dev/zero | tr '\\0' x; echo; done_with well; }",
    ));
    assert_snapshot!(failure(&scripted, "x").await, @"the plugin takopi-acme printed a line of more than 1 MiB; its author must put what is larger into files of its data folder");
}

#[tokio::test]
async fn a_gap_in_the_numbers_fails_the_run() {
    let scripted = Scripted::engine(&polite(
        r#"on_run() { tell '{"type":"text","delta":"a"}'; seq=2; tell '{"type":"text","delta":"b"}'; done_with well; }"#,
    ));
    assert_snapshot!(failure(&scripted, "x").await, @"the plugin takopi-acme broke the order of events: event 3 came where 2 was due; its author finds it with: takopi plugins check FOLDER");
}

#[tokio::test]
async fn an_event_that_cannot_be_read_fails_the_run() {
    let scripted = Scripted::engine(&polite(r#"on_run() { tell '{"type":"dance"}'; done_with well; }"#));
    assert_snapshot!(failure(&scripted, "x").await, @"the plugin takopi-acme broke the order of events: an event cannot be read: invalid parameters: unknown variant `dance`, expected one of `session`, `action`, `text`, `usage`, `note`; its author finds it with: takopi plugins check FOLDER");
}

#[tokio::test]
async fn an_event_behind_the_end_is_dropped() {
    let scripted = Scripted::engine(&polite(
        r#"on_run() { done_with well; tell '{"type":"text","delta":"late"}'; seq=9; tell '{"type":"text","delta":"later"}'; }"#,
    ));
    let (end, events) = run(&scripted, "x").await;
    assert_eq!(end.unwrap().outcome, Outcome::Answered);
    assert_eq!(events, [RunEvent::Answer("well".to_owned())]);
}

#[tokio::test]
async fn an_event_of_another_run_is_ignored() {
    let scripted = Scripted::engine(&polite(
        r#"on_run() { mine=$run; run=other; tell '{"type":"text","delta":"a"}'; run=$mine; done_with well; }"#,
    ));
    let (end, events) = run(&scripted, "x").await;
    assert_eq!((end.unwrap().outcome, events.len()), (Outcome::Answered, 1));
}

#[tokio::test]
async fn a_crash_on_the_way_fails_the_run_and_keeps_its_session() {
    let scripted = Scripted::engine(&polite(
        r#"on_run() { tell '{"type":"session","session":"s-1"}'; echo 'thread panicked' >&2; echo 'at acme.rs' >&2; kill -SEGV $$; }"#,
    ));
    let (end, _) = run(&scripted, "x").await;
    let end = end.unwrap();
    assert_eq!(end.session, Some(token("s-1")));
    let Outcome::Failed(why) = end.outcome else { panic!("it failed") };
    assert_snapshot!(why, @"takopi-acme ended unexpectedly (ended by SIGSEGV): thread panicked / at acme.rs");
}

#[tokio::test]
async fn a_process_that_closes_its_stdout_and_goes_on_is_ended() {
    let scripted = Scripted::engine(&polite("on_run() { exec >&-; sleep 1000; }"));
    let going = start(&engine(scripted.plugin()), job("x"));
    let run = going.run;
    let Outcome::Failed(why) = going.finish().await.0.unwrap().outcome else { panic!("it failed") };
    assert_snapshot!(why, @"takopi-acme ended unexpectedly (it closed its stdout)");
    assert_eq!(alive(run), []);
}

#[tokio::test]
async fn a_variable_that_is_missing_is_named_and_nothing_started() {
    let mut scripted = Scripted::engine("touch started");
    scripted.package.manifest.process.needs_env = vec!["NO_SUCH_ACME_KEY".to_owned()];
    assert_snapshot!(failure(&scripted, "x").await, @"takopi-acme cannot be used: the variable NO_SUCH_ACME_KEY is not set; set it where takopi is started; mend it, then type: takopi plugins --load");
    assert!(!scripted.package.dir.join("started").exists());
}

#[tokio::test]
async fn a_stop_during_the_handshake_leaves_nothing() {
    let scripted = Scripted::engine("trap '' TERM; echo >up; while :; do sleep 0.01; done");
    let mut going = start(&engine(scripted.plugin()), job("x"));
    while !scripted.package.dir.join("up").exists() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(!alive(going.run).is_empty());
    going.stop.send_replace(Some(Stop::Shutdown));
    let run = going.run;
    let end = timeout(BOUND, &mut going.end).await.unwrap().unwrap().unwrap();
    assert_eq!(end.outcome, Outcome::Interrupted);
    assert_eq!(alive(run), []);
}

#[tokio::test]
async fn an_exit_without_an_answer_fails_the_run() {
    let scripted = Scripted::engine(&polite("on_run() { exit 0; }"));
    assert_snapshot!(failure(&scripted, "x").await, @"takopi-acme ended unexpectedly (exit status 0)");
}

#[tokio::test]
async fn an_answer_that_is_none_fails_the_run() {
    let scripted = Scripted::engine(&polite("on_run() { answer '{\"answer\":1}'; }"));
    assert_snapshot!(failure(&scripted, "x").await, @"the plugin's answer to engine/run cannot be read: invalid type: integer `1`, expected a string");
}

#[tokio::test]
async fn an_empty_answer_fails_the_run() {
    let scripted = Scripted::engine(&polite("on_run() { done_with ' '; }"));
    assert_snapshot!(failure(&scripted, "x").await, @"acme gave no answer");
}

#[tokio::test]
async fn a_crash_leaves_no_grandchild() {
    let scripted = Scripted::engine(&polite("on_run() { setsid sleep 1000 & exit 4; }"));
    let going = start(&engine(scripted.plugin()), job("x"));
    let run = going.run;
    assert!(matches!(going.finish().await.0.unwrap().outcome, Outcome::Failed(_)));
    assert_eq!(alive(run), []);
}

#[tokio::test]
async fn what_a_run_leaves_running_on_purpose_is_named() {
    // It says that it is there, since a process that is just becoming another program shows no marks.
    let scripted = Scripted::engine(&polite(
        "on_run() { mkfifo up never; setsid sh -c 'echo up >up; read x <never' >&- 2>&- <&- & read -r up <up; done_with well; }",
    ));
    let going = start(&engine(scripted.plugin()), job("x"));
    let run = going.run;
    let end = going.finish().await.0.unwrap();
    let left = alive(run);
    assert_eq!(left.len(), 1, "{left:?}");
    let [named] = &end.left_running[..] else { panic!("one is named: {:?}", end.left_running) };
    assert_eq!(*named, format!("sh -c echo up >up; read x <never (pid {})", left[0].identity.pid()));
    takopi_stdio::end_marked(&Marker::new("TAKOPI_RUN", run.to_string()), &scripted.bounds.ladder).await;
}

#[tokio::test]
async fn a_shared_process_that_ignores_a_cancel_is_ended_and_every_run_of_it_told() {
    let mut scripted = Scripted::engine(&polite(
        r#"on_run() { tell '{"type":"text","delta":"ready"}'; case $1 in deaf) sleep 1000;; esac; done_with "$1"; }"#,
    ));
    scripted.package.manifest.engines.get_mut("acme").unwrap().shared = true;
    let engine = engine(scripted.plugin());
    let mut deaf = start(&engine, job("deaf"));
    deaf.event().await;
    let waiting = start(&engine, job("behind it"));
    // It waits in the process's stdin: this script does one thing at a time.
    while engine.plugin.current().unwrap().switchboard.runs.names().len() < 2 {
        tokio::task::yield_now().await;
    }
    deaf.stop.send_replace(Some(Stop::Cancel));
    assert_eq!(deaf.finish().await.0.unwrap().outcome, Outcome::Cancelled);
    let Outcome::Failed(why) = waiting.finish().await.0.unwrap().outcome else { panic!("it failed") };
    assert_snapshot!(why, @"takopi-acme was ended: it did not end a run within 400 ms after it was told to");
    let (end, _) = start(&engine, job("anew")).finish().await;
    assert_eq!(end.unwrap().answer, "anew");
}

#[tokio::test]
async fn settings_that_the_plugin_refuses_are_told_in_its_words_and_nothing_runs() {
    let scripted = Scripted::engine(&polite(
        r#"ISSUES='{"level":"error","title":"model gpt-0 is unknown","lines":["write model = \"gpt-1\""]}'
on_run() { echo ran >ran; done_with ok; }"#,
    ));
    let told = failure(&scripted, "hello").await;
    assert_snapshot!(told, @r#"takopi-acme cannot be used: model gpt-0 is unknown; write model = "gpt-1"; mend it, then type: takopi plugins --load"#);
    assert!(!scripted.package.dir.join("ran").exists());
}

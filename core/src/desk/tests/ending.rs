//! Cancelled, failed, crashed, asked, closed: how runs end and what is told.

use super::*;
use crate::event::Outcome;
use crate::message::{ButtonAction, Press};
use crate::port::SetupIssue;
use crate::port::ledger::Accepted;
use crate::port::transport::Admission;
use crate::testing::transport::Fault;

#[tokio::test(start_paused = true)]
async fn cancel_signals_at_once_and_closes_the_progress_message() {
    let stage = Stage::open().await;
    stage.say("a", "1", "action:build hang").await;
    stage.service.wait_for("a", |seen| seen.len() == 1).await;
    stage.engine.wait_running(&["action:build hang"]).await;
    stage.say("a", "2", "/cancel").await;
    let seen = stage.service.wait_for("a", |seen| seen.len() == 2 && seen[0].edits > 0).await;
    assert!(seen[0].body.header.as_deref().unwrap().starts_with("`cancelled` · alpha"), "{seen:?}");
    assert!(seen[0].body.text.contains("build") && seen[0].body.buttons.is_empty());
    assert_eq!(seen[1].body.text, "stopped 1");
    assert!(stage.desk.runs().is_empty());
}

#[tokio::test(start_paused = true)]
async fn cancel_signals_though_the_ledger_is_stuck() {
    let stage = Stage::open().await;
    stage.say("a", "1", "hang").await;
    stage.engine.wait_running(&["hang"]).await;
    stage.ledger.break_writes(true);
    let message = stage.service.message("a", "2", "/cancel");
    stage.service.hand_in(Inbound::Message(message)).await.unwrap_err();
    stage.engine.wait_running(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_waiting_run_is_cancelled_by_its_own_button_alone() {
    let stage = Stage::open().await;
    stage.say("a", "1", "one gate:x").await;
    stage.say("a", "2", "two").await;
    stage.say("a", "3", "three").await;
    let seen = stage.service.wait_for("a", |seen| seen.len() == 3).await;
    let second = answering(&seen, "2");
    let action = second.body.buttons[0][0].action.clone();
    assert!(matches!(action, ButtonAction::Cancel { .. }));
    let message =
        crate::message::MessageRef { address: stage.service.address("a"), id: second.id.to_string() };
    let sender = stage.service.message("a", "", "").sender;
    let press = Press { upstream: "p".to_owned(), message, sender, action };
    let first = stage.service.hand_in(Inbound::Press(press)).await.unwrap();
    assert_eq!(first, FirstResponse::Toast("dropped from queue.".to_owned()));
    stage.engine.open_gate("x");
    stage.service.wait_for("a", |seen| texts(seen).iter().filter(|text| **text == "ok").count() == 2).await;
    let id = second.id;
    let cancelled =
        stage.service.wait_for("a", |seen| seen.iter().any(|seen| seen.id == id && seen.edits > 0)).await;
    assert!(cancelled[0].body.header.as_deref().unwrap().contains("cancelled"), "{cancelled:?}");
    let prompts: Vec<String> = stage.engine.jobs().into_iter().map(|job| job.prompt).collect();
    assert_eq!(prompts, ["one gate:x", "three"]);
    assert!(stage.ledger.unfinished().await.unwrap().inbox.is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_is_not_there_is_told_at_once_and_noticed_when_it_comes() {
    let stage = Stage::open().await;
    stage.engine.lack(Some(SetupIssue::not_on_path("alpha", Some("npm install alpha"))));
    stage.say("a", "1", "one").await;
    let seen = stage.service.wait_for("a", |seen| seen.len() == 1 && seen[0].notified).await;
    assert_eq!(
        (seen[0].edits, seen[0].reply_to.as_deref()),
        (0, Some("1")),
        "no progress comes first: {seen:?}"
    );
    let told = format!("{:?}", seen[0].body);
    assert!(told.contains("error: alpha not found on PATH; install it: npm install alpha"), "{told}");
    assert!(stage.engine.jobs().is_empty());
    stage.engine.lack(None);
    stage.say("a", "2", "two").await;
    stage.service.wait_for("a", |seen| texts(seen).contains(&"ok")).await;
}

#[tokio::test(start_paused = true)]
async fn the_next_run_of_a_thread_waits_until_a_deaf_engine_has_returned() {
    let stage = Stage::open().await;
    stage.say("a", "1", "deaf").await;
    stage.engine.wait_running(&["deaf"]).await;
    stage.say("a", "2", "two").await;
    let first = stage.desk.runs()[0].id;
    assert!(stage.desk.cancel(first));
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(stage.engine.jobs().len(), 1);
    stage.engine.open_gate("deaf");
    stage.service.wait_for("a", |seen| texts(seen).contains(&"ok")).await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_shows_before_the_engine_is_over_and_a_later_one_takes_its_place() {
    let stage = Stage::open().await;
    stage.say("a", "1", "answer:first gate:x answer:second gate:y").await;
    stage.say("a", "2", "two").await;
    let seen = stage.service.wait_for("a", |seen| texts(seen).contains(&"first")).await;
    assert!(seen.iter().any(|seen| seen.body.text == "first" && seen.notified));
    stage.engine.open_gate("x");
    let seen = stage.service.wait_for("a", |seen| texts(seen).contains(&"second")).await;
    assert!(!texts(&seen).contains(&"first"));
    assert_eq!(stage.engine.jobs().len(), 1, "the thread is not released yet");
    stage.engine.open_gate("y");
    stage.texts("a", &["second", "ok"]).await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_of_nothing_is_not_shown_before_the_end_says_what_it_means() {
    let stage = Stage::open().await;
    stage.say("a", "1", "answer: note:after gate:x fail:silence").await;
    let shows = |seen: &[Seen], note: &str| seen.iter().any(|seen| seen.body.text.contains(note));
    let seen = stage.service.wait_for("a", |seen| shows(seen, "after")).await;
    assert!(seen.iter().all(|seen| !seen.notified), "{seen:?}");
    stage.engine.open_gate("x");
    let seen = stage.service.wait_for("a", |seen| shows(seen, "silence")).await;
    assert!(seen.last().unwrap().notified && seen.last().unwrap().edits == 0, "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn failures_are_told_with_their_reason_and_the_session() {
    let stage = Stage::open().await;
    for (number, (prompt, reason)) in
        [("session:s9 fail:because", "because"), ("broken", "it broke"), ("panic", "crashed")]
            .into_iter()
            .enumerate()
    {
        let chat = number.to_string();
        stage.say(&chat, &format!("m{number}"), prompt).await;
        let seen =
            stage.service.wait_for(&chat, |seen| seen.iter().any(|s| s.body.text.contains(reason))).await;
        let last = seen.last().unwrap();
        assert!(last.body.header.as_deref().unwrap().starts_with("error · alpha"), "{last:?}");
        if prompt.starts_with("session") {
            assert!(last.body.footer.iter().any(|line| line.contains("alpha resume s9")), "{last:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_question_is_answered_by_its_button() {
    let stage = Stage::open().await;
    stage.say("a", "1", "ask:deploy").await;
    let seen = stage.service.wait_for("a", |seen| texts(seen).contains(&"deploy?")).await;
    let asked = seen.iter().find(|seen| seen.body.text == "deploy?").unwrap();
    let message =
        crate::message::MessageRef { address: stage.service.address("a"), id: asked.id.to_string() };
    let action = asked.body.buttons[0][0].action.clone();
    let sender = stage.service.message("a", "", "").sender;
    let press = Press { upstream: "p".to_owned(), message, sender, action };
    stage.service.hand_in(Inbound::Press(press)).await.unwrap();
    stage.service.wait_for("a", |seen| texts(seen).contains(&"yes")).await;
}

#[tokio::test(start_paused = true)]
async fn a_command_that_panics_is_an_error_in_the_chat() {
    let stage = Stage::open().await;
    stage.say("a", "1", "/cancel panic").await;
    stage.texts("a", &["error: the command crashed inside takopi"]).await;
    stage.say("a", "2", "one").await;
    stage.service.wait_for("a", |seen| texts(seen).contains(&"ok")).await;
}

#[tokio::test(start_paused = true)]
async fn strangers_meet_silence_and_leave_no_trace() {
    let service = FakeTransport::new().admitting(Admission::Silence);
    let stage = Stage::open_with(service, Arc::default()).await;
    stage.say("a", "1", "one").await;
    assert!(stage.ledger.unfinished().await.unwrap().inbox.is_empty());
    assert!(stage.engine.jobs().is_empty() && stage.service.seen("a").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_run_that_cannot_be_opened_is_told_and_kept_for_the_next_start() {
    let stage = Stage::open().await;
    stage.say("a", "1", "one gate:x").await;
    stage.say("a", "2", "two").await;
    stage.engine.wait_running(&["one gate:x"]).await;
    stage.ledger.break_writes(true);
    stage.engine.open_gate("x");
    stage
        .service
        .wait_for("a", |seen| seen.iter().any(|s| s.body.text.contains("the message is kept")))
        .await;
    assert_eq!(stage.engine.jobs().len(), 1);
    let seen = stage.service.wait_for("a", |seen| texts(seen).contains(&"ok")).await;
    assert_eq!(
        seen.iter().filter(|seen| seen.body.text == "ok").count(),
        1,
        "told, though it could not be stored"
    );
    stage.ledger.break_writes(false);
    let ledger = stage.ledger.clone();
    assert!(stage.desk.close(Duration::from_secs(10)).await);
    let next = Stage::open_with(stage.service.clone(), ledger).await;
    let answered = |seen: &Seen| seen.reply_to.as_deref() == Some("2") && seen.body.text == "ok";
    next.service.wait_for("a", |seen| seen.iter().any(answered)).await;
    assert_eq!(next.engine.jobs()[0].prompt, "two");
}

#[tokio::test(start_paused = true)]
async fn closing_interrupts_what_runs_and_keeps_what_waits() {
    let stage = Stage::open().await;
    stage.say("a", "1", "session:s1 hang").await;
    stage.say("a", "2", "two").await;
    stage.service.wait_for("a", |seen| seen.len() == 2).await;
    stage.engine.wait_running(&["session:s1 hang"]).await;
    let mut watch = stage.desk.watch();
    assert!(stage.desk.close(Duration::from_secs(10)).await);
    let mut outcomes = Vec::new();
    while let Ok(event) = watch.try_recv() {
        if let DeskEvent::Ended { outcome, .. } = event {
            outcomes.push(outcome);
        }
    }
    assert_eq!(outcomes, [Outcome::Interrupted]);
    let seen = stage.service.seen("a");
    let first = answering(&seen, "1");
    assert!(first.body.header.as_deref().unwrap().contains("interrupted"), "{seen:?}");
    assert!(first.body.footer.iter().any(|line| line.contains("alpha resume s1")));

    let next = Stage::open_with(stage.service.clone(), stage.ledger.clone()).await;
    let seen = next.service.wait_for("a", |seen| texts(seen).contains(&"ok")).await;
    assert_eq!(next.engine.jobs().len(), 1, "only what waited");
    assert_eq!(seen.len(), 2, "the progress message of the waiting run was taken over: {seen:?}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_was_shown_stands_when_its_run_is_stopped_later() {
    let stage = Stage::open().await;
    stage.say("a", "1", "answer:first hang").await;
    stage.texts("a", &["first"]).await;
    let run = stage.desk.runs()[0].id;
    assert!(stage.desk.cancel(run));
    stage.say("a", "2", "answer:second hang").await;
    stage.texts("a", &["first", "second"]).await;
    assert!(stage.desk.close(Duration::from_secs(10)).await);
    assert_eq!(texts(&stage.service.seen("a")), ["first", "second"]);
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_never_lets_go_of_its_sink_ends_all_the_same() {
    let stage = Stage::open().await;
    stage.say("a", "1", "leak text:b").await;
    stage.texts("a", &["ok"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_captured_run_that_waits_leaves_no_trace_in_the_chat() {
    let stage = Stage::open().await;
    stage.say("a", "1", "session:s1 gate:x").await;
    stage.engine.wait_running(&["session:s1 gate:x"]).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    stage.say("a", "2", "/probe capture s1 answer:secret").await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(stage.service.seen("a").len(), 1, "{:?}", stage.service.seen("a"));
    stage.engine.open_gate("x");
    stage.texts("a", &["ok", "captured secret"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_command_has_as_much_time_as_the_run_it_waits_for() {
    let stage = Stage::open().await;
    stage.say("a", "1", "/probe capture s1 gate:x").await;
    tokio::time::sleep(Duration::from_secs(7200)).await;
    assert_eq!(stage.service.seen("a").len(), 0);
    stage.engine.open_gate("x");
    stage.texts("a", &["captured ok"]).await;
}

#[tokio::test(start_paused = true)]
async fn cancel_stops_the_run_it_names_and_none_of_another_chat() {
    let stage = Stage::open().await;
    stage.say("a", "1", "hang").await;
    stage.say("b", "2", "hang").await;
    stage.engine.wait_running(&["hang", "hang"]).await;
    let there = stage.desk.runs().into_iter().find(|run| run.address.chat == "b").unwrap().id;
    stage.say("a", "3", &format!("/cancel {there}")).await;
    stage.service.wait_for("a", |seen| texts(seen).contains(&"stopped 0")).await;
    assert_eq!(stage.desk.runs().len(), 2);
    stage.say("b", "4", &format!("/cancel {there}")).await;
    stage.service.wait_for("b", |seen| texts(seen).contains(&"stopped 1")).await;
    stage.engine.wait_running(&["hang"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_run_that_crashes_before_its_engine_does_not_keep_its_thread() {
    let service = FakeTransport::new().with_spec(|spec| {
        spec.features.conversations = true;
        spec.features.caller_dir = true;
    });
    let stage = Stage::open_with(service, Arc::default()).await;
    let mut message = stage.service.message("a", "1", "one");
    message.chosen.dir = Some("/panic".into());
    stage.hand_in(message).await;
    stage.say("a", "2", "two").await;
    stage.service.wait_for("a", |seen| texts(seen).contains(&"ok")).await;
    assert!(stage.desk.runs().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_has_answered_and_only_winds_up_is_not_meant_by_a_cancel_without_a_name() {
    let stage = Stage::open().await;
    stage.say("a", "1", "answer:first hang").await;
    stage.texts("a", &["first"]).await;
    let run = stage.desk.runs()[0].id;
    stage.say("a", "2", "/cancel").await;
    stage.texts("a", &["first", "stopped 0"]).await;
    let press = press_of_cancel(&stage, run, "99");
    let nothing = FirstResponse::Toast("nothing is currently running for that message.".to_owned());
    assert_eq!(stage.service.hand_in(Inbound::Press(press)).await.unwrap(), nothing);
    stage.hand_in(stage.service.message("a", "3", "/beta hang")).await;
    stage.engine.wait_running(&["answer:first hang", "hang"]).await;
    stage.say("a", "4", "/cancel").await;
    stage.engine.wait_running(&["answer:first hang"]).await;
    stage.say("a", "5", &format!("/cancel {run}")).await;
    stage.engine.wait_running(&[]).await;
}

fn press_of_cancel(stage: &Stage, run: RunId, id: &str) -> Press {
    let message = crate::message::MessageRef { address: stage.service.address("a"), id: id.to_owned() };
    let sender = stage.service.message("a", "", "").sender;
    Press { upstream: format!("press of {id}"), message, sender, action: ButtonAction::Cancel { run } }
}

#[tokio::test(start_paused = true)]
async fn a_stray_progress_message_goes_when_its_button_is_pressed_after_the_end() {
    let stage = Stage::open().await;
    stage.service.fail_sends([Some(Fault::ArrivesUnknown)]);
    stage.say("a", "said", "session:s one gate:x").await;
    let stray = stage.service.wait_for("a", |seen| seen.len() == 1).await.remove(0);
    let ButtonAction::Cancel { run } = stray.body.buttons[0][0].action.clone() else { panic!("{stray:?}") };
    stage.engine.open_gate("x");
    let seen = stage.service.wait_for("a", |seen| seen.len() == 2 && stage.desk.runs().is_empty()).await;
    assert_eq!(seen[1].body.text, "ok");
    let press = press_of_cancel(&stage, run, &stray.id.to_string());
    let nothing = FirstResponse::Toast("nothing is currently running for that message.".to_owned());
    assert_eq!(stage.service.hand_in(Inbound::Press(press)).await.unwrap(), nothing);
    stage.texts("a", &["ok"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_button_whose_data_is_made_up_reaches_no_run_of_another_chat() {
    let stage = Stage::open().await;
    stage.say("b", "other", "one gate:x").await;
    stage.engine.wait_running(&["one gate:x"]).await;
    let run = stage.desk.runs()[0].id;
    let press = press_of_cancel(&stage, run, "77");
    let nothing = FirstResponse::Toast("nothing is currently running for that message.".to_owned());
    assert_eq!(stage.service.hand_in(Inbound::Press(press)).await.unwrap(), nothing);
    stage.engine.open_gate("x");
    stage.texts("b", &["ok"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_message_that_was_put_aside_runs_for_nobody_but_its_author() {
    let stage = Stage::open().await;
    let theirs = stage.service.message("a", "theirs", "one");
    let inbox =
        stage.ledger.accept(&Inbound::Message(theirs), crate::time::Timestamp::default()).await.unwrap();
    let Accepted::New(inbox) = inbox else { panic!("{inbox:?}") };
    let mut press =
        press_of_cancel(&stage, RunId::parse("01a1ffe6-f515-7ae8-a600-000000707c4d").unwrap(), "9");
    press.action = ButtonAction::Run { inbox };
    press.sender.id = "somebody else".to_owned();
    stage.service.hand_in(Inbound::Press(press)).await.unwrap();
    let seen = stage.service.wait_for("a", |seen| !seen.is_empty()).await;
    assert!(texts(&seen)[0].contains("only who wrote that message"), "{seen:?}");
    assert_eq!(stage.engine.jobs(), []);
}

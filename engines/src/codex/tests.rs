//! codex: its command line, its settings, and every recording of it.

use proptest::prelude::*;
use takopi_core::event::{Outcome, Phase, RunEvent};
use takopi_core::session::SessionToken;
use takopi_stdio::Exit;

use super::*;
use crate::agent::recording::{check, noise, survives};
use crate::jsonl::{Over, Translator as _};
use crate::testing;

fn line(config: &CodexConfig, job: &Job, options: &RunOptions) -> (String, String) {
    let line = Codex::new(config.clone()).command(job, options).unwrap();
    let args: Vec<String> = line.args.iter().map(|arg| arg.to_str().unwrap().to_owned()).collect();
    (args.join(" "), line.stdin)
}

#[test]
fn the_prompt_goes_by_stdin_whatever_it_looks_like() {
    for prompt in ["--help me", "42", "@file", "/x", "- a\n- b"] {
        let (args, stdin) = line(&testing::read(""), &testing::job(prompt), &RunOptions::default());
        assert_eq!(args, "-c notify=[] exec --json --skip-git-repo-check --color=never -");
        assert_eq!(stdin, prompt);
    }
}

#[test]
fn settings_options_and_session_have_their_places() {
    let config = testing::read("profile = \"work\"\nextra_args = [\"--search\"]");
    let mut job = testing::job("go on");
    job.session = SessionToken::parse("0199a213-81c0-7800-8aa1-bbab2a035a53");
    let options = RunOptions { model: Some("m".to_owned()), reasoning: Some("high".to_owned()) };
    let (args, _) = line(&config, &job, &options);
    assert_eq!(
        args,
        "--search --profile work --model m -c model_reasoning_effort=high exec --json --skip-git-repo-check \
         --color=never resume 0199a213-81c0-7800-8aa1-bbab2a035a53 -"
    );
}

#[test]
fn options_takopi_sets_itself_are_refused_by_name() {
    let mistakes = testing::mistakes::<CodexConfig>(
        "extra_args = [\"--json\", \"--color=always\", \"--\"]\nprofile = 7",
    );
    insta::assert_snapshot!(mistakes);
}

#[test]
fn the_mode_of_the_python_takopi_loads_and_is_told() {
    let mistakes = testing::mistakes::<CodexConfig>("mode = \"app_server\"");
    insta::assert_snapshot!(mistakes);
    assert_eq!(testing::mistakes::<CodexConfig>("mode = \"exec\""), "");
}

#[test]
fn models_are_listed_by_priority_with_the_levels_of_the_one_that_is_meant() {
    let stdout = r#"{"models":[
        {"slug":"b","priority":2,"visibility":"list","supported_reasoning_levels":[{"effort":"low"}]},
        {"slug":"a","priority":1,"visibility":"list","supported_reasoning_levels":[{"effort":"max"}]},
        {"slug":"hidden","priority":3,"visibility":"hide","supported_reasoning_levels":[{"effort":"x"}]}]}"#;
    let told = |model| {
        let Choices { models, levels, .. } = choices(stdout, model);
        (models.join(" "), levels.join(" "))
    };
    assert_eq!(told(None), ("a b".to_owned(), "max".to_owned()));
    assert_eq!(told(Some("b")), ("a b".to_owned(), "low".to_owned()));
    assert_eq!(told(Some("other")), ("a b".to_owned(), String::new()));
    assert_eq!(choices("no json", None), Choices::default());
}

#[test]
fn a_session_is_recognised_and_an_option_is_not_taken_for_one() {
    let pattern = Codex::spec().unwrap().resume.unwrap();
    assert_eq!(pattern.find("x\n`codex resume abc-1`\n").unwrap().as_str(), "abc-1");
    assert_eq!(pattern.find("codex resume --yolo"), None);
}

#[test]
fn recordings_are_told_as_they_were() {
    check("codex", |recording| Translator::new("/home/dev/codex/proj".as_ref(), recording.resume.is_some()));
}

#[test]
fn a_thread_is_missing_only_if_it_was_asked_for_and_none_was_begun() {
    let stderr = "Error: thread/resume: thread/resume failed: no rollout found for thread id 1 (code -32600)";
    let is_missing = |resumed: bool, lines: &[&str], stderr: &str| {
        let mut translator = Translator::new("/".as_ref(), resumed);
        lines.iter().for_each(|line| translator.line(line.as_bytes(), &mut Vec::new()).unwrap());
        let over = Over { exit: Exit::Code(1), stderr: stderr.to_owned(), undecodable: 0, stopped: None };
        translator.end(&over).session_missing
    };
    assert!(is_missing(true, &[], stderr));
    assert!(!is_missing(false, &[], stderr), "a new one was wanted");
    assert!(!is_missing(true, &[r#"{"type":"thread.started","thread_id":"1"}"#], stderr));
    let of_another = "ERROR codex_core::session: no rollout found for thread id 2";
    assert!(!is_missing(true, &[], of_another), "a log line");
}

fn end(lines: &[&str], exit: i32) -> (Outcome, String) {
    testing::end(Translator::new("/".as_ref(), false), lines, exit)
}

#[test]
fn what_was_said_before_a_crash_is_kept() {
    let said = r#"{"type":"item.completed","item":{"id":"1","type":"agent_message","text":"partial words"}}"#;
    let (outcome, answer) = end(&[said], 3);
    assert_eq!(outcome, Outcome::Failed("codex exec failed (rc=3).".to_owned()));
    assert_eq!(answer, "partial words");
}

#[test]
fn a_message_of_a_named_thread_is_an_answer_without_a_result_and_of_no_thread_is_none() {
    let thread = r#"{"type":"thread.started","thread_id":"1"}"#;
    let said = r#"{"type":"item.completed","item":{"id":"1","type":"agent_message","text":"words"}}"#;
    assert_eq!(end(&[thread, said], 0), (Outcome::Answered, "words".to_owned()));
    let failed = Outcome::Failed("codex exec finished but no session_id/thread_id was captured".to_owned());
    assert_eq!(end(&[said], 0), (failed, "words".to_owned()));
}

#[test]
fn tries_to_reconnect_are_one_note_and_an_error_is_told_when_the_run_goes_on() {
    let lines = ["Reconnecting... 1/5", "Reconnecting... 2/5 (broken)", "stream broke"];
    let (mut translator, mut events) = (Translator::new("/".as_ref(), false), Vec::new());
    for message in lines {
        let line = serde_json::json!({ "type": "error", "message": message }).to_string();
        translator.line(line.as_bytes(), &mut events).unwrap();
    }
    assert_eq!(events.len(), 2, "a failure would repeat it");
    let goes_on = br#"{"type":"turn.completed","usage":{}}"#;
    translator.line(goes_on, &mut events).unwrap();
    events.retain(|event| matches!(event, RunEvent::Action(_)));
    let told = events.iter().map(|event| match event {
        RunEvent::Action(action) => (action.phase, action.title.as_str(), action.ok),
        other => panic!("{other:?}"),
    });
    let expected = [
        (Phase::Started, "Reconnecting... 1/5", None),
        (Phase::Updated, "Reconnecting... 2/5: broken", None),
        (Phase::Completed, "stream broke", Some(false)),
        (Phase::Completed, "Reconnecting... 2/5: broken", Some(true)),
    ];
    assert_eq!(told.collect::<Vec<_>>(), expected);
}

#[test]
fn a_named_final_answer_stays_the_answer() {
    let message = |phase: &str, text: &str| {
        format!(
            r#"{{"type":"item.completed","item":{{"id":"1","type":"agent_message","phase":"{phase}","text":"{text}"}}}}"#
        )
    };
    let lines = [message("commentary", "looking"), message("final_answer", "done"), message("x", "bye")];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    assert_eq!(end(&lines, 0).1, "done");
}

#[test]
fn a_try_after_a_named_final_answer_may_answer_anew() {
    let message = |phase: &str, text: &str| {
        format!(
            r#"{{"type":"item.completed","item":{{"id":"1","type":"agent_message"{phase},"text":"{text}"}}}}"#
        )
    };
    let again = r#"{"type":"error","message":"Reconnecting... 1/5 (broken)"}"#.to_owned();
    let named = r#"{"type":"thread.started","thread_id":"t"}"#.to_owned();
    let lines = [named, message(r#","phase":"final_answer""#, "do"), again, message("", "done")];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    assert_eq!(end(&lines, 0), (Outcome::Answered, "done".to_owned()));
}

proptest! {
    #[test]
    fn a_run_ends_whatever_is_printed(bytes in noise("codex"), resumed in any::<bool>()) {
        let session = resumed.then(|| SessionToken::parse("s").unwrap());
        survives(&bytes, Translator::new("/".as_ref(), resumed), session);
    }
}

//! opencode: its command line, its settings, and every recording of it.

use proptest::prelude::*;
use takopi_core::event::{ActionKind, Outcome, RunEvent};
use takopi_core::session::SessionToken;

use super::*;
use crate::agent::recording::{check, noise, survives};
use crate::jsonl::Translator as _;
use crate::testing;

fn line(config: &OpencodeConfig, job: &Job, options: &RunOptions) -> (String, String) {
    let line = Opencode::new(config.clone()).command(job, options).unwrap();
    let args: Vec<String> = line.args.iter().map(|arg| arg.to_str().unwrap().to_owned()).collect();
    (args.join(" "), line.stdin)
}

#[test]
fn the_prompt_goes_by_stdin_whatever_it_looks_like() {
    for prompt in ["42", "--help me", "@file", "/x", "- a\n- b"] {
        let (args, stdin) = line(&testing::read(""), &testing::job(prompt), &RunOptions::default());
        assert_eq!((args.as_str(), stdin.as_str()), ("run --format json", prompt));
    }
}

#[test]
fn settings_options_and_session_have_their_places() {
    let config = testing::read("extra_args = [\"--thinking\"]");
    let mut job = testing::job("go on");
    job.session = SessionToken::parse("ses_e0435b1e9ffefO73s6EZ5M9A42");
    let options = RunOptions { model: Some("p/m".to_owned()), reasoning: Some("high".to_owned()) };
    assert_eq!(
        line(&config, &job, &options).0,
        "run --thinking --format json --session ses_e0435b1e9ffefO73s6EZ5M9A42 --model p/m --variant high"
    );
}

#[test]
fn options_takopi_sets_itself_are_refused_by_name() {
    let table = "extra_args = [\"--format=default\", \"-c\", \"--auto\"]\nmodel = 7";
    insta::assert_snapshot!(testing::mistakes::<OpencodeConfig>(table));
}

#[test]
fn models_are_listed_as_they_are_printed() {
    let stdout = "opencode/big-pickle\n mock/mock-model\nsome words about a/b\n\n";
    assert_eq!(choices(stdout, None).models, ["opencode/big-pickle", "mock/mock-model"]);
}

#[test]
fn a_session_is_recognised_in_all_its_command_lines() {
    let pattern = Opencode::spec().unwrap().resume.unwrap();
    for command in ["opencode", "opencode run"] {
        for option in ["-s", "--session"] {
            let found = pattern.find(&format!("`{command} {option} ses_1a`")).unwrap();
            assert_eq!(pattern.show_as_code(&found), "`opencode --session ses_1a`");
        }
    }
    assert_eq!(pattern.find("opencode --session --auto"), None);
}

#[test]
fn recordings_are_told_as_they_were() {
    check("opencode", |_| Translator::new("/home/dev/opencode/proj".as_ref()));
}

fn told(lines: &[&str]) -> Vec<RunEvent> {
    let (mut translator, mut events) = (Translator::new("/home/me/app".as_ref()), Vec::new());
    for line in lines {
        translator.line(line.as_bytes(), &mut events).unwrap();
    }
    events
}

fn end(lines: &[&str]) -> (Outcome, String) {
    testing::end(Translator::new("/home/me/app".as_ref()), lines, 0)
}

const START: &str = r#"{"type":"step_start"}"#;
const STOP: &str = r#"{"type":"step_finish","part":{"reason":"stop"}}"#;

fn said(text: &str) -> String {
    format!(r#"{{"type":"text","part":{{"id":"{text}","text":"{text}"}}}}"#)
}

#[test]
fn the_texts_of_an_answer_are_told_apart() {
    assert_eq!(end(&[START, &said("one"), &said("two"), STOP]), (Outcome::Answered, "one\n\ntwo".to_owned()));
}

#[test]
fn what_was_said_before_another_try_is_not_said_twice() {
    let lines = [START, &said("half"), START, &said("half and whole"), STOP];
    assert_eq!(end(&lines), (Outcome::Answered, "half and whole".to_owned()));
}

#[test]
fn an_error_it_recovers_from_is_a_warning() {
    let error = r#"{"type":"error","error":{"name":"APIError","data":{"message":"busy"}}}"#;
    assert_eq!(end(&[error]), (Outcome::Failed("busy".to_owned()), String::new()));
    let lines = [error, START, &said("done"), STOP];
    assert_eq!(end(&lines), (Outcome::Answered, "done".to_owned()));
    let told = told(&lines);
    let titles = told.iter().filter_map(|event| match event {
        RunEvent::Action(action) => Some(action.title.as_str()),
        _ => None,
    });
    assert_eq!(titles.collect::<Vec<_>>(), ["busy"]);
}

#[test]
fn what_is_said_before_any_step_has_ended_is_no_answer() {
    let failed = Outcome::Failed("opencode finished but no session_id was captured".to_owned());
    assert_eq!(end(&[START, &said("half")]), (failed, "half".to_owned()));
}

#[test]
fn a_session_is_told_when_it_is_another_one() {
    let of = |session: &str| format!(r#"{{"type":"step_start","sessionID":"{session}"}}"#);
    let told = told(&[&of("ses_1"), STOP, &of("ses_1"), STOP, &of("ses_2")]);
    let sessions = told.iter().filter_map(|event| match event {
        RunEvent::Session(token) => Some(token.as_str()),
        _ => None,
    });
    assert_eq!(sessions.collect::<Vec<_>>(), ["ses_1", "ses_2"]);
}

#[test]
fn an_answer_that_is_cut_short_says_so() {
    let cut = r#"{"type":"step_finish","part":{"reason":"length"}}"#;
    let lines = [START, &said("half a sen"), cut];
    assert_eq!(end(&lines), (Outcome::Answered, "half a sen".to_owned()));
    insta::assert_debug_snapshot!(told(&lines));
}

#[test]
fn a_title_of_its_own_stands_and_a_path_is_told_as_seen_from_the_run() {
    let tool = |tool: &str, input: &str, state: &str| {
        format!(
            r#"{{"type":"tool_use","part":{{"tool":"{tool}","callID":"c","state":{{"input":{input},{state}}}}}}}"#
        )
    };
    let read = r#"{"filePath":"/home/me/app/src/a.rs"}"#;
    let lines = [
        tool("bash", r#"{"command":"ls"}"#, r#""status":"completed","title":"List files""#),
        tool("read", read, r#""status":"completed","title":"app/src/a.rs""#),
        tool("read", read, r#""status":"completed","title":"a.rs""#),
        tool("read", r#"{"filePath":"/etc/motd"}"#, r#""status":"completed","title":"../../../etc/motd""#),
        tool("task", r#"{"description":"look"}"#, r#""status":"completed""#),
        tool("bash", r#"{"command":"ls"}"#, r#""status":"error","metadata":{"exit":2}"#),
    ];
    let told = told(&lines.each_ref().map(String::as_str));
    let told = told.iter().map(|event| match event {
        RunEvent::Action(action) => (action.title.as_str(), action.kind, action.detail.exit_code),
        other => panic!("{other:?}"),
    });
    let expected = [
        ("List files", ActionKind::Command, None),
        ("`src/a.rs`", ActionKind::Tool, None),
        ("`src/a.rs`", ActionKind::Tool, None),
        ("`/etc/motd`", ActionKind::Tool, None),
        ("look", ActionKind::Tool, None),
        ("ls", ActionKind::Command, Some(2)),
    ];
    assert_eq!(told.collect::<Vec<_>>(), expected);
}

#[test]
fn a_patch_names_its_files_and_shows_its_diff() {
    let patch = r#"{"type":"tool_use","part":{"tool":"apply_patch","callID":"c","state":{"status":"completed",
        "input":{"patchText":"*** Begin"},"output":"Success","title":"Success","metadata":{"diff":"-a\n+b",
        "files":[{"filePath":"/home/me/app/src/a.rs","relativePath":"app/src/a.rs","type":"update"},7]}}}}"#;
    insta::assert_debug_snapshot!(told(&[&patch.replace('\n', "")]));
}

proptest! {
    #[test]
    fn a_run_ends_whatever_is_printed(bytes in noise("opencode"), resumed in any::<bool>()) {
        let session = resumed.then(|| SessionToken::parse("ses_1").unwrap());
        survives(&bytes, Translator::new("/".as_ref()), session);
    }
}

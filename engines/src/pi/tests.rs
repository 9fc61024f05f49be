//! pi: its command line, its settings, and every recording of both its packages.

use proptest::prelude::*;
use takopi_core::event::{ActionKind, Outcome, Phase, RunEvent};
use takopi_core::session::SessionToken;
use takopi_stdio::Exit;

use super::*;
use crate::agent::recording::{check, noise, recordings, survives};
use crate::jsonl::{Over, Translator as _};
use crate::testing;

const ID: &str = "01a1fbe1-e2c4-7368-8190-21d3f4771ebd";

fn session(name: &str) -> Option<SessionToken> {
    SessionToken::parse(name)
}

fn line(config: &PiConfig, job: &Job, options: &RunOptions) -> (String, String) {
    let line = Pi::new(config.clone()).command(job, options).unwrap();
    let args: Vec<String> = line.args.iter().map(|arg| arg.to_str().unwrap().to_owned()).collect();
    (args.join(" "), line.stdin)
}

#[test]
fn the_prompt_goes_by_stdin_whatever_it_looks_like() {
    for prompt in ["--help me", "42", "@file", "/x", "- a\n- b"] {
        let (args, stdin) = line(&testing::read(""), &testing::job(prompt), &RunOptions::default());
        assert_eq!((args.as_str(), stdin.as_str()), ("--print --mode json", prompt));
    }
}

#[test]
fn settings_options_and_session_have_their_places() {
    let config = testing::read("provider = \"p\"\nextra_args = [\"--offline\"]");
    let mut job = testing::job("go on");
    job.session = session(ID);
    let options = RunOptions { model: Some("m".to_owned()), reasoning: Some("high".to_owned()) };
    let expected =
        format!("--offline --print --mode json --provider p --model m --thinking high --session {ID}");
    assert_eq!(line(&config, &job, &options).0, expected);
}

#[test]
fn a_prompt_never_answers_a_question_about_the_session() {
    let mut job = testing::job("y\nand then");
    job.session = session(ID);
    assert_eq!(line(&testing::read(""), &job, &RunOptions::default()).1, "\ny\nand then");
}

#[test]
fn a_session_file_has_to_be_there() {
    let mut job = testing::job("go on");
    job.session = session("/no/such/file_1.jsonl");
    let refused = Pi::new(PiConfig::default()).command(&job, &RunOptions::default()).err().unwrap();
    assert_eq!(refused.to_string(), "there is no session file /no/such/file_1.jsonl");
    let file = tempfile::NamedTempFile::with_suffix(".jsonl").unwrap();
    job.session = session(file.path().to_str().unwrap());
    assert!(Pi::new(PiConfig::default()).command(&job, &RunOptions::default()).is_ok());
}

#[test]
fn colours_and_questions_are_off_unless_the_environment_says_something_of_them() {
    let line = Pi::new(PiConfig::default()).command(&testing::job("x"), &RunOptions::default()).unwrap();
    for name in PLAIN {
        let told = line.env.iter().any(|(told, value)| *told == name && value == "1");
        assert_eq!(told, std::env::var_os(name).is_none(), "{name}");
    }
}

#[test]
fn options_takopi_sets_itself_are_refused_by_name() {
    let table = "extra_args = [\"--mode=rpc\", \"--no-session\", \"-nt\"]\nprovider = 7";
    insta::assert_snapshot!(testing::mistakes::<PiConfig>(table));
}

#[test]
fn models_are_listed_with_their_providers() {
    let table = "provider  model       context  max-out  thinking  images\n\
                 mock      mock-model  128K     16K      no        no\n\
                 router    a/b         1M       16K      yes       no\n\n";
    assert_eq!(choices(table, None).models, ["mock/mock-model", "router/a/b"]);
    assert_eq!(choices("No models available. Use /login", None), Choices::default());
}

#[test]
fn a_session_is_recognised_with_and_without_quotes() {
    let pattern = Pi::spec().unwrap().resume.unwrap();
    for line in
        [format!("`pi --session {ID}`"), format!("pi --session \"{ID}\""), format!("pi --session '{ID}'")]
    {
        assert_eq!(pattern.find(&line).unwrap().as_str(), ID);
    }
    assert_eq!(pattern.find("`pi --session /a/b_1.jsonl`").unwrap().as_str(), "/a/b_1.jsonl");
    assert_eq!(pattern.find("pi --session --no-session"), None);
}

#[test]
fn recordings_of_the_first_package_are_told_as_they_were() {
    check("pi", |recording| Translator::new("/home/dev/pi/proj".as_ref(), recording.resume.clone()));
}

#[test]
fn recordings_of_its_successor_are_told_as_they_were() {
    let dir = Path::new("/home/dev/pi-0.87.1/proj");
    check("pi-0.87.1", |recording| Translator::new(dir, recording.resume.clone()));
}

#[test]
fn a_line_tells_the_same_in_whatever_order_its_keys_come() {
    // serde_json writes keys sorted, so `type` comes late.
    let translator = || Translator::new("/home/dev/pi/proj".as_ref(), None);
    for recording in recordings("pi").iter().filter(|recording| recording.resume.is_none()) {
        let (mut as_written, mut sorted) = (translator(), translator());
        let (mut told, mut told_sorted) = (Vec::new(), Vec::new());
        for line in recording.lines() {
            let json: serde_json::Value = serde_json::from_slice(line).unwrap();
            as_written.line(line, &mut told).unwrap();
            sorted.line(json.to_string().as_bytes(), &mut told_sorted).unwrap();
        }
        assert_eq!(told, told_sorted, "{}", recording.case);
    }
}

#[test]
fn an_error_that_only_the_end_tells_of_is_told() {
    let lines = [
        HEADER,
        r#"{"type":"agent_start"}"#,
        r#"{"type":"agent_end","messages":[{"role":"user"},{"role":"assistant","content":[],"stopReason":"error","errorMessage":"no credit"}]}"#,
    ];
    let bytes = lines.join("\n");
    let over = |undecodable| crate::jsonl::Over {
        exit: takopi_stdio::Exit::Code(0),
        stderr: String::new(),
        undecodable,
        stopped: None,
    };
    let played = crate::rehearsal::play(bytes.as_bytes(), Translator::new("/".as_ref(), None), None, over);
    assert_eq!(played.end.outcome, takopi_core::event::Outcome::Failed("no credit".to_owned()));
}

const HEADER: &str = r#"{"type":"session","id":"01a1fbe1-e2c4-7368-8190-21d3f4771ebd"}"#;
const SAID: &str = r#"{"type":"message_end","message":{"role":"assistant","stopReason":"stop",
    "content":[{"type":"text","text":"one"},{"type":"text","text":"two"}]}}"#;
const END: &str = r#"{"type":"agent_end"}"#;

fn told(wanted: Option<&str>, lines: &[&str]) -> Vec<RunEvent> {
    let mut translator = Translator::new("/".as_ref(), wanted.and_then(session));
    let mut events = Vec::new();
    for line in lines {
        translator.line(line.as_bytes(), &mut events).unwrap();
    }
    events
}

#[test]
fn a_fresh_session_is_told_once_there_is_something_to_continue() {
    let token = session(ID).unwrap();
    assert_eq!(told(None, &[HEADER]), []);
    assert_eq!(told(None, &[HEADER, SAID]), [RunEvent::Session(token.clone())]);
    assert_eq!(told(Some(ID), &[HEADER]), [RunEvent::Session(token)]);
}

#[test]
fn the_beginning_of_a_name_is_taken_with_a_warning() {
    let events = told(Some("01a1fbe1"), &[HEADER]);
    assert_eq!(events[0], RunEvent::Session(session(ID).unwrap()));
    assert!(matches!(&events[1], RunEvent::Note(note) if note.text.contains(ID)), "{events:?}");
}

#[test]
fn texts_of_a_message_are_told_apart() {
    let end = testing::end(Translator::new("/".as_ref(), None), &[&SAID.replace('\n', ""), END], 0);
    assert_eq!(end, (Outcome::Answered, "one\n\ntwo".to_owned()));
}

#[test]
fn what_is_said_without_the_agents_end_is_no_answer() {
    let failed = Outcome::Failed("pi finished without an agent_end event".to_owned());
    assert_eq!(testing::end(Translator::new("/".as_ref(), None), &[&SAID.replace('\n', "")], 0).0, failed);
}

#[test]
fn a_message_that_only_the_end_calls_aborted_is_no_answer() {
    let end = r#"{"type":"agent_end","messages":[{"role":"assistant","content":[],"stopReason":"aborted"}]}"#;
    let (outcome, answer) =
        testing::end(Translator::new("/".as_ref(), None), &[&SAID.replace('\n', ""), end], 0);
    assert_eq!((outcome, answer.as_str()), (Outcome::Failed("pi run aborted".to_owned()), "one\n\ntwo"));
}

#[test]
fn an_answer_that_another_follows_stays_as_a_step() {
    let again = SAID.replace("one", "three").replace("two", "four");
    let lines = [SAID, END, r#"{"type":"agent_start"}"#, &again, END];
    let events = told(None, &lines);
    let answers: Vec<&RunEvent> =
        events.iter().filter(|event| matches!(event, RunEvent::Answer(_))).collect();
    assert_eq!(answers, [&RunEvent::Answer("one\n\ntwo".into()), &RunEvent::Answer("three\n\nfour".into())]);
    let steps = events.iter().filter_map(|event| match event {
        RunEvent::Action(action) => Some((action.kind, action.title.as_str())),
        _ => None,
    });
    assert_eq!(steps.collect::<Vec<_>>(), [(ActionKind::Note, "one\n\ntwo")]);
}

#[test]
fn making_the_conversation_shorter_is_part_of_the_run() {
    let mut translator = Translator::new("/".as_ref(), None);
    let mut events = Vec::new();
    let mut settled_after = |line: &str| {
        translator.line(line.as_bytes(), &mut events).unwrap();
        translator.settled()
    };
    assert!(!settled_after(SAID));
    assert!(settled_after(END));
    assert!(!settled_after(r#"{"type":"compaction_start","reason":"threshold"}"#));
    assert!(settled_after(r#"{"type":"compaction_end","result":{},"aborted":false,"willRetry":false}"#));
    let phases = events.iter().filter_map(|event| match event {
        RunEvent::Action(action) => Some((action.phase, action.ok)),
        _ => None,
    });
    assert_eq!(phases.collect::<Vec<_>>(), [(Phase::Started, None), (Phase::Completed, Some(true))]);
}

#[test]
fn a_session_of_another_directory_names_it() {
    let stderr =
        "Session found in different project: /home/me/app\nFork this session into current directory? [y/N] ";
    let over = Over { exit: Exit::Code(0), stderr: stderr.to_owned(), undecodable: 0, stopped: None };
    let end = Translator::new("/".as_ref(), session(ID)).end(&over);
    let text = "this session of pi belongs to /home/me/app: continue it there, or begin a new one";
    assert_eq!(end.outcome, Outcome::Failed(text.to_owned()));
}

proptest! {
    #[test]
    fn a_run_ends_whatever_is_printed(bytes in noise("pi"), resumed in any::<bool>()) {
        let session = resumed.then(|| session(ID).unwrap());
        survives(&bytes, Translator::new("/".as_ref(), session.clone()), session);
    }

    #[test]
    fn a_run_of_the_successor_ends_whatever_is_printed(bytes in noise("pi-0.87.1")) {
        survives(&bytes, Translator::new("/".as_ref(), None), None);
    }
}

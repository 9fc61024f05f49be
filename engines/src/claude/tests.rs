//! claude: its command line, its settings, and every recording of it.

use std::ffi::OsString;

use proptest::prelude::*;
use takopi_core::event::{Outcome, Phase, RunEvent};
use takopi_core::session::SessionToken;
use takopi_stdio::Exit;

use super::*;
use crate::agent::recording::{check, noise, play, survives};
use crate::jsonl::{Over, Translator as _};
use crate::testing;

fn command(config: &str, job: &Job, options: &RunOptions) -> CommandLine {
    Claude::new(testing::read(config)).command(job, options).unwrap()
}

fn args(line: &CommandLine) -> String {
    line.args.iter().map(|arg| arg.to_str().unwrap()).collect::<Vec<_>>().join(" ")
}

#[test]
fn the_prompt_goes_by_stdin_whatever_it_looks_like() {
    for prompt in ["--help me", "42", "@file", "- a\n- b", "!ls", "# a"] {
        let line = command("", &testing::job(prompt), &RunOptions::default());
        assert_eq!(
            args(&line),
            "-p --output-format stream-json --verbose --allowedTools Bash,Read,Edit,Write"
        );
        assert_eq!(line.stdin, prompt);
    }
}

#[test]
fn a_prompt_behind_a_slash_is_claudes_to_read_unless_it_begins_another_session() {
    let stdin = |prompt| command("", &testing::job(prompt), &RunOptions::default()).stdin;
    assert_eq!(
        (stdin("/compact"), stdin("/etc/hosts is wrong")),
        ("/compact".into(), "/etc/hosts is wrong".into())
    );
    let clear = Claude::new(testing::read("")).command(&testing::job("/clear"), &RunOptions::default());
    let told = clear.map(|line| line.stdin).unwrap_err().to_string();
    assert!(told.contains("type /new"), "{told}");
}

#[test]
fn a_word_behind_a_slash_that_claude_does_not_know_is_told_again_as_a_text() {
    const REFUSED: &str = r#"{"type":"assistant","message":{"id":"1","model":"<synthetic>","content":[{"type":"text","text":"Unknown command: /frobnicate"}]},"session_id":"s1"}
{"type":"result","subtype":"success","is_error":false,"num_turns":0,"result":"Unknown command: /frobnicate","session_id":"s1"}"#;
    let claude = Claude::new(testing::read(""));
    let played = |prompt: &str| {
        let job = testing::job(prompt);
        let mut translator = claude.translator(&job, &RunOptions::default());
        let mut events = Vec::new();
        REFUSED.lines().for_each(|line| translator.line(line.as_bytes(), &mut events).unwrap());
        let over = Over { exit: Exit::Code(0), stderr: String::new(), undecodable: 0, stopped: None };
        let end = translator.end(&over);
        (events.iter().any(|event| matches!(event, RunEvent::Answer(_))), claude.again(&job, &end))
    };
    let (shown, again) = played("/frobnicate the thing");
    assert_eq!((shown, again.unwrap().prompt.as_str()), (false, " /frobnicate the thing"));
    // Of any other prompt it is the answer.
    let (shown, again) = played("what does it say of /frobnicate?");
    assert_eq!((shown, again), (true, None));
}

#[test]
fn settings_options_and_session_have_their_places() {
    let config = "extra_args = [\"--add-dir\", \"/srv\"]\nallowed_tools = \"Bash(git *),Read\"\n\
                  dangerously_skip_permissions = true";
    let mut job = testing::job("go on");
    job.session = SessionToken::parse("1c04959d-7e52-4638-9af6-d05fdd4baf20");
    let options = RunOptions { model: Some("opus".to_owned()), reasoning: Some("max".to_owned()) };
    assert_eq!(
        args(&command(config, &job, &options)),
        "--add-dir /srv -p --output-format stream-json --verbose --resume 1c04959d-7e52-4638-9af6-d05fdd4baf20 \
         --model opus --effort max --settings {\"alwaysThinkingEnabled\":true} --allowedTools Bash(git *),Read \
         --dangerously-skip-permissions"
    );
}

#[test]
fn settings_a_person_hands_over_are_not_outvoted() {
    let options = RunOptions { reasoning: Some("low".to_owned()), ..RunOptions::default() };
    let line = command("extra_args = [\"--settings=/a.json\"]", &testing::job("x"), &options);
    assert_eq!(args(&line).matches("--settings").count(), 1);
}

#[test]
fn tools_are_a_list_or_a_text_and_empty_ones_leave_the_option_out() {
    let tools = |config| testing::read::<ClaudeConfig>(config).allowed_tools;
    assert_eq!(tools(""), "Bash,Read,Edit,Write");
    assert_eq!(tools("allowed_tools = [\"Bash\", \"Read\"]"), "Bash,Read");
    assert_eq!(tools("allowed_tools = \"Bash, Read\""), "Bash, Read");
    for empty in ["allowed_tools = []", "allowed_tools = \"\""] {
        let line = command(empty, &testing::job("x"), &RunOptions::default());
        assert_eq!(args(&line), "-p --output-format stream-json --verbose");
    }
}

#[test]
fn the_subscription_pays_unless_the_api_is_to() {
    let removed = |config| command(config, &testing::job("x"), &RunOptions::default()).env_remove;
    assert_eq!(removed(""), ["CLAUDECODE", "CLAUDE_CODE_ENTRYPOINT", "ANTHROPIC_API_KEY"]);
    assert_eq!(removed("use_api_billing = true"), ["CLAUDECODE", "CLAUDE_CODE_ENTRYPOINT"]);
    let line = command("", &testing::job("x"), &RunOptions::default());
    assert_eq!(line.env, Vec::<(&str, OsString)>::new());
}

#[test]
fn mistakes_name_the_key_and_what_to_write() {
    let mistakes = testing::mistakes::<ClaudeConfig>(
        "model = 4\nallowed_tools = [\"Bash\", 7]\ndangerously_skip_permissions = \"yes\"\n\
         use_api_billing = 1\nextra_args = [\"-p\", \"--resume=x\", \"--allowed-tools\"]",
    );
    insta::assert_snapshot!(mistakes);
    let option = testing::mistakes::<ClaudeConfig>("allowed_tools = \"--mcp-config\"");
    assert!(option.contains("allowed_tools"), "{option}");
}

#[test]
fn a_session_is_recognised_in_both_spellings_and_an_option_is_not_taken_for_one() {
    let pattern = Claude::spec().unwrap().resume.unwrap();
    assert_eq!(pattern.find("x\n`claude --resume abc-1`\n").unwrap().as_str(), "abc-1");
    assert_eq!(pattern.find("claude -r abc-2").unwrap().as_str(), "abc-2");
    assert_eq!(pattern.find("claude --resume --yolo"), None);
}

#[test]
fn recordings_are_told_as_they_were() {
    let translator =
        |folder: &str, resumed| Translator::new(format!("/home/dev/{folder}/proj").as_ref(), resumed);
    for folder in ["claude", "claude-2.1.329"] {
        check(folder, |recording| translator(folder, recording.resume.is_some()));
    }
}

fn fresh() -> Translator {
    Translator::new("/".as_ref(), false)
}

fn end(lines: &[&str], exit: i32) -> (Outcome, String) {
    testing::end(fresh(), lines, exit)
}

fn failed(why: &str) -> Outcome {
    Outcome::Failed(why.to_owned())
}

const SAID: &str = r#"{"type":"assistant","message":{"content":[{"type":"text","text":"partial words"}]}}"#;

const DONE: &str = r#"{"type":"result","subtype":"success","is_error":false,"result":"done"}"#;

#[test]
fn what_was_said_before_a_crash_is_kept() {
    let without = failed("claude failed (rc=3).");
    assert_eq!(end(&[SAID], 3), (without.clone(), "partial words".to_owned()));
    assert_eq!(end(&[DONE, SAID], 3), (without, "partial words".to_owned()));
    assert_eq!(end(&[SAID, DONE], 3), (Outcome::Answered, "done".to_owned()));
}

#[test]
fn a_quiet_end_says_whether_the_session_or_the_result_is_missing() {
    let init = r#"{"type":"system","subtype":"init","session_id":"s"}"#;
    assert_eq!(end(&[], 0).0, failed("claude finished but no session_id was captured"));
    assert_eq!(end(&[init], 0).0, failed("claude finished without a result event"));
    let limit = r#"{"type":"result","subtype":"error_max_turns","is_error":true}"#;
    assert_eq!(end(&[init, limit], 0).0, failed("claude run failed (error_max_turns)"));
}

#[test]
fn a_refusal_to_start_reaches_the_person() {
    let said = "--dangerously-skip-permissions cannot be used with root/sudo privileges for security reasons";
    let over =
        Over { exit: takopi_stdio::Exit::Code(1), stderr: said.to_owned(), undecodable: 0, stopped: None };
    let told = format!("claude failed (rc=1).\n{said}");
    assert_eq!(fresh().end(&over).outcome, failed(&told));
}

#[test]
fn a_text_that_came_in_pieces_is_one_answer() {
    let piece = |text| {
        format!(
            r#"{{"type":"assistant","message":{{"id":"m","content":[{{"type":"text","text":"{text}"}}]}}}}"#
        )
    };
    let lines = [piece("so "), piece("done"), DONE.to_owned()];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    assert_eq!(end(&lines, 0).1, "so done");
}

#[test]
fn results_that_come_together_are_each_of_their_own_turn() {
    let said = |text| {
        format!(r#"{{"type":"assistant","message":{{"content":[{{"type":"text","text":"{text}"}}]}}}}"#)
    };
    let empty = r#"{"type":"result","subtype":"success","is_error":false,"result":""}"#;
    let lines = [said("done"), said("second"), DONE.to_owned(), empty.to_owned()];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    assert_eq!(end(&lines, 0), (Outcome::Answered, "second".to_owned()));
}

#[test]
fn a_turn_that_adds_nothing_leaves_the_answer_of_the_one_before() {
    let empty = r#"{"type":"result","subtype":"success","is_error":false,"result":""}"#;
    assert_eq!(end(&[DONE, empty], 0), (Outcome::Answered, "done".to_owned()));
    let told = events(&[DONE, empty]);
    assert_eq!(told.last(), Some(&RunEvent::Answer("done".to_owned())));
    assert_eq!(end(&[empty], 0), (Outcome::Answered, String::new()));
}

#[test]
fn a_run_is_settled_when_its_last_turn_is_and_no_agent_is_at_work() {
    let mut translator = fresh();
    let mut settled = |line: &str| {
        translator.line(line.as_bytes(), &mut Vec::new()).unwrap();
        translator.settled()
    };
    let init = r#"{"type":"system","subtype":"init","session_id":"s"}"#;
    let begun = r#"{"type":"system","subtype":"task_started","task_id":"a","task_type":"local_agent"}"#;
    let server = r#"{"type":"system","subtype":"task_started","task_id":"b","task_type":"local_bash"}"#;
    let over = r#"{"type":"system","subtype":"task_notification","task_id":"a","status":"completed"}"#;
    let told = [init, server, begun, DONE, over, init, SAID, DONE].map(&mut settled);
    assert_eq!(told, [false, false, false, false, true, false, false, true]);
}

#[test]
fn an_agent_in_the_background_is_a_step_until_it_is_done() {
    let lines = [
        r#"{"type":"assistant","message":{"content":[{"type":"tool_use","id":"t","name":"Agent","input":{"description":"look"}}]}}"#,
        r#"{"type":"user","message":{"content":[{"type":"tool_result","tool_use_id":"t","content":"launched"}]},"tool_use_result":{"isAsync":true}}"#,
        r#"{"type":"system","subtype":"task_notification","task_id":"a","tool_use_id":"t","status":"failed","summary":"no"}"#,
    ];
    let told: Vec<_> = events(&lines).into_iter().filter_map(action).collect();
    assert_eq!(told, [(Phase::Started, None), (Phase::Completed, Some(false))]);
}

#[test]
fn an_error_that_no_failure_followed_is_a_warning() {
    let error = r#"{"type":"assistant","error":"server_error","message":{"content":[{"type":"text","text":"API Error: 500"}]}}"#;
    let told: Vec<_> = events(&[error, SAID, DONE]).into_iter().filter_map(action).collect();
    assert_eq!(told, [(Phase::Completed, Some(false))]);
    let failure = r#"{"type":"result","subtype":"success","is_error":true,"result":"API Error: 500"}"#;
    assert_eq!(end(&[error, failure], 1), (failed("API Error: 500"), String::new()));
    assert_eq!(events(&[error, failure]), []);
}

#[test]
fn a_step_that_writes_shows_its_diff_and_a_long_output_only_its_ends() {
    let edit = r#"{"type":"assistant","message":{"content":[{"type":"tool_use","id":"t","name":"Edit","input":{"file_path":"/a","old_string":"x","new_string":"y"}}]}}"#;
    let done =
        r#"{"type":"user","message":{"content":[{"type":"tool_result","tool_use_id":"t","content":"ok"}]}}"#;
    let shell = r#"{"type":"assistant","message":{"content":[{"type":"tool_use","id":"u","name":"Bash","input":{"command":"ls"}}]}}"#;
    let long = format!(
        r#"{{"type":"user","message":{{"content":[{{"type":"tool_result","tool_use_id":"u","content":"{}"}}]}}}}"#,
        "x".repeat(10_000_000)
    );
    let outputs: Vec<String> = events(&[edit, done, shell, &long])
        .into_iter()
        .filter_map(|event| match event {
            RunEvent::Action(action) => action.detail.output,
            _ => None,
        })
        .collect();
    assert_eq!(outputs[0], "-x\n+y");
    assert!(outputs[1].len() <= takopi_core::progress::MAX_OUTPUT_BYTES);
}

fn events(lines: &[&str]) -> Vec<RunEvent> {
    let over = |undecodable| Over {
        exit: takopi_stdio::Exit::Code(0),
        stderr: String::new(),
        undecodable,
        stopped: None,
    };
    play(lines.join("\n").as_bytes(), fresh(), None, over).events
}

fn action(event: RunEvent) -> Option<(Phase, Option<bool>)> {
    match event {
        RunEvent::Action(action) => Some((action.phase, action.ok)),
        _ => None,
    }
}

proptest! {
    #[test]
    fn a_run_ends_whatever_is_printed(bytes in noise("claude"), resumed in any::<bool>()) {
        let session = resumed.then(|| SessionToken::parse("s").unwrap());
        survives(&bytes, Translator::new("/".as_ref(), resumed), session);
    }

    #[test]
    fn a_run_of_the_newest_version_ends_whatever_is_printed(bytes in noise("claude-2.1.329")) {
        survives(&bytes, fresh(), None);
    }
}

//! How each of the four goes on with a session, and what it does with one it doesn't have.

use serde_json::Value;

use crate::cast::{CAST, Cast, arguments};

const NOBODYS: &str = "00000000-0000-4000-8000-000000000000";

/// Returns the arguments by which `name` goes on with `session`.
fn going_on<'a>(name: &str, session: &'a str) -> Vec<&'a str> {
    match name {
        "codex" => vec!["resume", session, "-"],
        "claude" => vec!["--resume", session],
        _ => vec!["--session", session],
    }
}

#[test]
fn a_resumed_session_counts_on() {
    let cast = Cast::new();
    for (name, _) in CAST {
        let first = cast.ask(name, &[], "hello");
        assert!(first.holds("ok: hello (turn 1)"), "{name}: {:?}", first.lines);
        let session = first.session();
        let second = cast.ask(name, &going_on(name, &session), "again");
        assert!(second.holds("ok: again (turn 2)"), "{name}: {:?}", second.lines);
        assert_eq!(second.session(), session);
    }
}

#[test]
fn an_unknown_session_is_refused_in_each_ones_own_way() {
    let cast = Cast::new();
    let codex = cast.ask("codex", &going_on("codex", NOBODYS), "x");
    assert!(codex.code == Some(1) && codex.lines.is_empty(), "{:?}", codex.lines);
    assert!(codex.stderr.contains("no rollout found for thread id"), "{}", codex.stderr);

    let claude = cast.ask("claude", &going_on("claude", NOBODYS), "x");
    assert_eq!((claude.code, claude.lines.len()), (Some(1), 1));
    assert_eq!(claude.lines[0]["errors"][0], format!("No conversation found with session ID: {NOBODYS}"));
    assert_eq!(claude.session(), NOBODYS);

    let opencode = cast.ask("opencode", &going_on("opencode", "ses_nobodys"), "x");
    assert!(opencode.code == Some(1) && opencode.lines.is_empty());
    assert!(opencode.stderr.contains("Session not found"), "{}", opencode.stderr);

    let pi = cast.ask("pi", &going_on("pi", NOBODYS), "x");
    assert!(pi.code == Some(1) && pi.lines.is_empty());
    assert!(pi.stderr.contains("No session found matching"), "{}", pi.stderr);
}

#[test]
fn what_is_no_id_begins_a_new_thread_of_codex_and_fails_with_a_new_id_of_claude() {
    let cast = Cast::new();
    let codex = cast.ask("codex", &going_on("codex", "garbage"), "x");
    assert!(codex.holds("ok: x (turn 1)"), "{:?}", codex.lines);
    assert_ne!(codex.session(), "garbage");
    let claude = cast.ask("claude", &going_on("claude", "garbage"), "x");
    assert_eq!(claude.code, Some(1));
    assert_ne!(claude.session(), "garbage");
}

#[test]
fn claude_and_pi_find_a_session_only_where_it_was_begun() {
    let cast = Cast::new();
    for (name, code, lines) in [("claude", 1, 1), ("pi", 0, 0), ("codex", 0, 4), ("opencode", 0, 3)] {
        let session = cast.ask(name, &[], "hello").session();
        let mut command = cast.command(name, &arguments(name, &going_on(name, &session)));
        command.current_dir(cast.folder("elsewhere"));
        let told = Cast::told(command, "again");
        assert_eq!((told.code, told.lines.len()), (Some(code), lines), "{name}: {:?}", told.lines);
    }
}

#[test]
fn pi_takes_the_first_session_whose_id_begins_so() {
    let cast = Cast::new();
    let mut sessions = [(); 2].map(|()| cast.ask("pi", &[], "hello").session());
    sessions.sort();
    let short = sessions[1].split('-').next().unwrap();
    assert_eq!(cast.ask("pi", &["--session", short], "x").session(), sessions[0]);
    assert_eq!(cast.ask("pi", &["--session", &sessions[1]], "x").session(), sessions[1]);
}

#[test]
fn pi_begins_a_session_in_the_file_it_is_given_and_goes_on_with_it() {
    let cast = Cast::new();
    let file = cast.folder("work").join("session.jsonl");
    let file = file.to_str().unwrap();
    let first = cast.ask("pi", &["--session", file], "one");
    let second = cast.ask("pi", &["--session", file], "two");
    assert!(second.holds("ok: two (turn 2)"), "{:?}", second.lines);
    assert_eq!(first.session(), second.session());
}

#[test]
fn opencode_believes_pwd_more_than_the_system() {
    let cast = Cast::new();
    let elsewhere = cast.folder("elsewhere");
    for (name, _) in CAST {
        let mut command = cast.command(name, &arguments(name, &[]));
        command.env("PWD", &elsewhere);
        let told = Cast::told(command, "[[where]]");
        assert_eq!(told.holds("elsewhere"), name == "opencode", "{name}: {:?}", told.lines);
    }
}

#[test]
fn the_log_tells_how_it_was_started() {
    let cast = Cast::new();
    drop(cast.ask("codex", &["-"], "a prompt"));
    let start = &cast.logged("start")[0];
    assert_eq!((&start["prompt"], &start["stdin_bytes"]), (&Value::from("a prompt"), &Value::from(8)));
    assert_eq!(start["cwd"], cast.folder("work").canonicalize().unwrap().to_str().unwrap());
    let names = start["environment"].as_array().unwrap();
    assert!(names.contains(&Value::from("PATH")), "{names:?}");
}

#[test]
fn a_model_or_level_that_nobody_has_is_told_as_the_real_ones_do() {
    let cast = Cast::new();
    let pi = cast.ask("pi", &["--model", "no-such-model", "--thinking", "bogus"], "x");
    assert!(pi.code == Some(1) && pi.lines.is_empty());
    assert!(pi.stderr.contains("\"bogus\"") && pi.stderr.contains("not found"), "{}", pi.stderr);
    let opencode = cast.ask("opencode", &["--model", "a/no-such-model", "--variant", "bogus"], "x");
    assert_eq!((opencode.code, opencode.stderr.as_str()), (Some(1), ""));
    assert!(opencode.holds("Unexpected server error"), "{:?}", opencode.lines);
    let claude = cast.ask("claude", &["--model", "no-such-model", "--effort", "bogus"], "x");
    assert!(claude.code == Some(0) && claude.holds("no-such-model"), "{:?}", claude.lines);
    assert!(claude.stderr.contains("'bogus'"), "{}", claude.stderr);
}

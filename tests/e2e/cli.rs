//! What a person types, and what stands on stdout, on stderr and in the exit code afterwards.

use std::io::Write as _;
use std::process::{Command, Stdio};

use rustix::process::Signal;
use serde_json::Value;
use uuid::Uuid;

use crate::gate::Gate;
use crate::house::{Daemon, Home};
use crate::program::{Ended, Program};
use crate::wait::wait_for;

/// Leaves two processes beside a command that go on: one has left its session, neither minds SIGTERM.
const STUBBORN: &str = "setsid sh -c 'trap \"\" TERM; echo a >> up; while :; do sleep 1; done' & \
                        trap '' TERM; echo b >> up; while :; do sleep 1; done";

fn with_stdin(mut command: Command, text: &str) -> Ended {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    Ended {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// What holds with a daemon and without one.
fn answers(home: &Home) {
    let hello = home.run(&["chat", "echo hello"]);
    assert_eq!((hello.stdout.as_str(), hello.code), ("hello\n", 0), "{}", hello.stderr);
    assert_eq!(hello.stderr, "▸ echo hello\n✓ echo hello\n");

    let failed = home.run(&["chat", "echo said; exit 3"]);
    assert_eq!((failed.stdout.as_str(), failed.code), ("said\n", 1));
    assert!(failed.stderr.ends_with("error: exit status 3\n"), "{}", failed.stderr);

    let silent = home.run(&["chat", "true"]);
    assert_eq!((silent.stdout.as_str(), silent.code), ("(no output)\n", 0));

    let piped = with_stdin(home.takopi(&["chat", "-"]), "echo one\necho two\n");
    assert_eq!((piped.stdout.as_str(), piped.code), ("one\ntwo\n", 0));
    let piped = with_stdin(home.takopi(&["chat"]), "echo three");
    assert_eq!((piped.stdout.as_str(), piped.code), ("three\n", 0));

    let place = home.run(&["chat", "pwd"]);
    assert_eq!(place.stdout.trim(), home.work().canonicalize().unwrap().to_str().unwrap());

    let command = home.run(&["chat", "/help"]);
    assert_eq!(command.code, 0);
    assert!(command.stdout.contains("/cancel"), "{}", command.stdout);
}

#[test]
fn a_message_is_answered_on_stdout_without_a_daemon() {
    answers(&Home::new());
}

#[test]
fn a_message_is_answered_on_stdout_through_a_daemon() {
    let home = Home::new();
    let daemon = Daemon::start(&home);
    answers(&home);
    daemon.stop();
}

#[test]
fn json_tells_every_event_and_ends_with_the_end() {
    let home = Home::new();
    let ended = home.run(&["chat", "--json", "echo hello; exit 4"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (1, ""));
    let events: Vec<Value> = ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events.first().unwrap()["type"], "accepted");
    let last = events.last().unwrap();
    assert_eq!((&last["type"], &last["outcome"]), (&Value::from("ended"), &Value::from("failed")));
    assert_eq!(last["answer"].as_str().map(str::trim_end), Some("hello"));
}

#[test]
fn what_is_mistyped_is_wrong_usage_and_says_what_is_near() {
    let home = Home::new();
    let option = home.run(&["chat", "--jsn", "x"]);
    assert_eq!((option.code, option.stdout.as_str()), (2, ""));
    assert!(option.stderr.contains("'--json'"), "{}", option.stderr);
    let word = home.run(&["statos"]);
    assert_eq!(word.code, 2);
    assert!(word.stderr.contains("'status'"), "{}", word.stderr);
    let empty = with_stdin(home.takopi(&["chat", "-"]), "\n");
    assert_eq!(empty.code, 2, "{}", empty.stderr);
}

#[test]
fn a_mistake_in_the_settings_is_told_with_file_and_line() {
    let home = Home::with_config("\nmax_parallel_runs = \"many\"\n");
    for arguments in [&[][..], &["chat", "echo hello"]] {
        let ended = home.run(arguments);
        assert_eq!((ended.code, ended.stdout.as_str()), (1, ""), "{arguments:?}");
        assert!(ended.stderr.contains("takopi.toml:2"), "{arguments:?}: {}", ended.stderr);
        assert!(ended.stderr.contains("max_parallel_runs"), "{arguments:?}: {}", ended.stderr);
    }
}

#[test]
fn a_second_daemon_is_refused_with_the_pid_of_the_first() {
    let home = Home::new();
    let daemon = Daemon::start(&home);
    let second = home.run(&[]);
    assert_eq!((second.code, second.stdout.as_str()), (1, ""));
    assert!(second.stderr.contains(&format!("already running (pid {})", daemon.pid())), "{}", second.stderr);
    daemon.stop();
    Daemon::start(&home).stop();
}

#[test]
fn status_tells_who_runs_or_that_nobody_does() {
    let home = Home::new();
    let none = home.run(&["status"]);
    assert_eq!((none.code, none.stdout.as_str()), (1, ""));
    assert!(none.stderr.contains("not running"), "{}", none.stderr);
    assert_eq!(home.status(), serde_json::json!({"running": false}));

    let daemon = Daemon::start(&home);
    let some = home.run(&["status"]);
    assert_eq!(some.code, 0, "{}", some.stderr);
    assert!(some.stdout.contains(&format!("pid {}", daemon.pid())), "{}", some.stdout);
    assert!(!some.stdout.contains("token="), "a pipe gets no token");
    assert_eq!(home.status()["pid"], daemon.pid());
    daemon.stop();
}

#[test]
fn plugins_are_listed_and_can_be_tried() {
    let home = Home::new();
    for arguments in [&["plugins"][..], &["plugins", "--load"]] {
        let ended = home.run(arguments);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        for id in ["shell", "local", "cancel"] {
            assert!(ended.stdout.contains(id), "{arguments:?} without {id}: {}", ended.stdout);
        }
    }
    let json = home.run(&["plugins", "--load", "--json"]);
    assert!(serde_json::from_str::<Value>(&json.stdout).is_ok(), "{}", json.stdout);
    assert!(!home.place().exists(), "looking changes nothing");
}

#[test]
fn the_version_is_one_line() {
    let ended = Home::new().run(&["--version"]);
    assert_eq!((ended.code, ended.stdout.trim_end()), (0, env!("CARGO_PKG_VERSION")));
}

#[test]
fn what_a_terminal_asks_the_daemon_is_there_for_the_page() {
    let home = Home::new();
    let elsewhere = home.work().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    let daemon = Daemon::start(&home);
    let said = Program::start(home.takopi(&["chat", "pwd"]).current_dir(&elsewhere)).wait();
    assert_eq!(said.stdout.trim(), elsewhere.canonicalize().unwrap().to_str().unwrap());

    let state = daemon.page.get("/api/state");
    let conversation = &state["conversations"][0];
    assert_eq!((&conversation["title"], &conversation["running"]), (&Value::from("pwd"), &Value::from(0)));
    let id: Uuid = serde_json::from_value(conversation["id"].clone()).unwrap();
    let history = daemon.page.history(id);
    assert_eq!(history[0]["text"], "pwd");
    assert_eq!(history[1]["state"], "done");
    assert_eq!(history[1]["answer"]["source"].as_str().map(str::trim), Some(said.stdout.trim()));
    daemon.stop();
}

fn cancelled(home: &Home) {
    let chat = home.chat(STUBBORN);
    wait_for("both processes", || (home.lines("up").len() == 2).then_some(()));
    assert!(home.at_work().len() >= 2);
    chat.signal(Signal::INT);
    let ended = chat.wait();
    assert_eq!((ended.code, ended.stdout.as_str()), (130, ""), "{}", ended.stderr);
    assert_eq!(home.at_work(), [], "the whole tree is gone when the terminal is told");
}

#[test]
fn ctrl_c_ends_the_whole_tree_of_a_hosted_run() {
    cancelled(&Home::new());
}

#[test]
fn ctrl_c_ends_the_whole_tree_of_a_daemons_run() {
    let home = Home::new();
    let daemon = Daemon::start(&home);
    cancelled(&home);
    assert_eq!(home.status()["runs"], serde_json::json!([]));
    daemon.stop();
}

#[test]
fn a_terminal_that_is_gone_stops_nothing() {
    let home = Home::new();
    let gate = Gate::new(&home, "gate");
    let daemon = Daemon::start(&home);
    let chat = home.chat("cat gate; echo went on >> journal");
    let standing = gate.reached();
    chat.kill();
    assert_eq!(home.status()["runs"].as_array().unwrap().len(), 1);
    drop(standing);
    wait_for("the run's end", || (home.status()["runs"] == serde_json::json!([])).then_some(()));
    assert_eq!(home.lines("journal"), ["went on"]);
    daemon.stop();
}

//! From being started to being stopped: supervisors, reloads, and who takes the house over from whom.

use std::process::Command;

use rustix::process::Signal;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::gate::Gate;
use crate::house::{Daemon, Home};
use crate::program::Program;
use crate::wait::wait_for;

#[test]
fn sigterm_ends_what_runs_and_says_so() {
    let home = Home::new();
    let mut daemon = Daemon::start(&home);
    let chat = home.chat("setsid sleep 600 & echo begun; sleep 600");
    wait_for("the run", || (home.at_work().len() >= 2).then_some(()));
    daemon.signal(Signal::TERM);
    daemon.tells("STOPPING=1");
    let ended = daemon.wait();
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stderr.contains("ending 1 run"), "{}", ended.stderr);
    assert_eq!(home.at_work(), []);
    let told = chat.wait();
    assert_eq!((told.code, told.stdout.as_str()), (1, "begun\n"), "{}", told.stderr);
    assert!(told.stderr.contains("interrupted"), "{}", told.stderr);
}

#[test]
fn ctrl_c_stops_the_daemon_as_interrupted() {
    let home = Home::new();
    let daemon = Daemon::start(&home);
    daemon.signal(Signal::INT);
    assert_eq!(daemon.wait().code, 130);
}

#[test]
fn the_lock_file_is_there_while_somebody_holds_it_and_gone_after_a_clean_end() {
    let home = Home::new();
    for signal in [Signal::INT, Signal::TERM] {
        let daemon = Daemon::start(&home);
        let lock = home.place().join("takopi.lock");
        assert!(lock.exists());
        let second = home.run(&[]);
        assert!(second.stderr.contains("takopi is already running"), "{}", second.stderr);
        assert!(lock.exists(), "who is refused leaves it alone");
        daemon.signal(signal);
        daemon.wait();
        assert!(!lock.exists());
    }
    Daemon::start(&home).stop();
}

#[test]
fn what_waits_when_the_daemon_stops_runs_when_it_is_back() {
    let home = Home::new();
    let gate = Gate::new(&home, "gate");
    let daemon = Daemon::start(&home);
    let here = Uuid::new_v4();
    for text in ["cat gate", "echo first >> journal", "echo second >> journal"] {
        daemon.page.submit(here, &Uuid::new_v4().to_string(), text, &home.work()).unwrap();
    }
    let standing = gate.reached();
    daemon.stop();
    drop(standing);
    assert_eq!(home.lines("journal"), Vec::<String>::new());

    let daemon = Daemon::start(&home);
    wait_for("what waited", || (home.lines("journal") == ["first", "second"]).then_some(()));
    wait_for("idle", || (home.status()["runs"] == json!([])).then_some(()));
    let states: Vec<Value> =
        daemon.page.history(here).iter().filter_map(|item| item.get("state").cloned()).collect();
    assert_eq!(states, ["interrupted", "done", "done"]);
    daemon.stop();
}

#[test]
fn sighup_reads_the_settings_again_and_a_broken_file_changes_nothing() {
    let home = Home::with_config("max_parallel_runs = 1\n");
    let gates = [Gate::new(&home, "first"), Gate::new(&home, "second")];
    let mut daemon = Daemon::start(&home);
    for gate in ["first", "second"] {
        let text = format!("cat {gate}");
        daemon.page.submit(Uuid::new_v4(), &Uuid::new_v4().to_string(), &text, &home.work()).unwrap();
    }
    let first = gates[0].reached();

    home.configure("max_parallel_runs = \"\n");
    daemon.signal(Signal::HUP);
    let told = daemon.remarks("the settings stay as they were");
    assert!(told.contains("takopi.toml:1"), "{told}");
    assert!(!gates[1].is_reached());
    daemon.tells("RELOADING=1");
    daemon.tells("READY=1");

    home.configure("max_parallel_runs = 2\n");
    daemon.signal(Signal::HUP);
    daemon.tells("READY=1");
    let second = gates[1].reached();
    drop((first, second));
    wait_for("idle", || (home.status()["runs"] == json!([])).then_some(()));
    daemon.stop();
}

/// Starts an interactive `takopi chat` on a terminal of its own and returns it once it hosts the house.
fn hosting(home: &Home) -> Program {
    // A pipe would be taken for the message: script(1) lends a terminal, and the FIFO keeps it open.
    let mut command: Command = home.command("/usr/bin/script");
    let takopi = format!("exec {} chat", env!("CARGO_BIN_EXE_takopi"));
    command.args(["-qfec", &takopi, "/dev/null"]).env("TERM", "dumb");
    let chat = Program::start(command.stdin(std::process::Stdio::piped()));
    wait_for("a hosted house", || (home.status()["host"] == "chat").then_some(()));
    chat
}

#[test]
fn an_idle_terminal_hands_the_house_over_to_a_daemon() {
    let home = Home::new();
    let chat = hosting(&home);
    let daemon = Daemon::start(&home);
    assert_eq!(home.status()["host"], "daemon");
    assert_eq!(home.run(&["chat", "echo hello"]).stdout, "hello\n");
    chat.signal(Signal::TERM);
    chat.wait();
    daemon.stop();
}

#[test]
fn a_daemon_waits_for_a_busy_terminal_and_says_what_for() {
    let home = Home::new();
    let gate = Gate::new(&home, "gate");
    let chat = home.chat("cat gate; echo done");
    let standing = gate.reached();
    let mut waiting = Program::start(&mut home.takopi(&[]));
    let told = waiting.remarks("waiting for");
    assert!(told.contains(&format!("(pid {}) to end: shell · cat gate", chat.pid())), "{told}");
    assert_eq!(home.status()["host"], "chat");
    drop(standing);
    let ended = chat.wait();
    assert_eq!((ended.code, ended.stdout.as_str()), (0, "done\n"), "{}", ended.stderr);
    waiting.says("is ready");
    waiting.signal(Signal::TERM);
    assert_eq!(waiting.wait().code, 0);
}

#[test]
fn a_second_terminal_uses_the_house_of_the_first() {
    let home = Home::new();
    let gate = Gate::new(&home, "gate");
    let first = home.chat("cat gate; echo first");
    let standing = gate.reached();
    assert_eq!(home.run(&["chat", "echo second"]).stdout, "second\n");
    drop(standing);
    assert_eq!(first.wait().stdout, "first\n");
}

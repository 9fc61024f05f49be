//! How runs end that do not end well, and what holds them up.

use std::fs::OpenOptions;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use crate::cast::{CAST, Cast, arguments};

/// Puts up a gate.
fn gate(cast: &Cast, name: &str) -> std::path::PathBuf {
    let path = cast.folder("gates").join(name);
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    path
}

#[test]
fn a_run_stands_at_a_gate_until_it_is_opened() {
    let cast = Cast::new();
    let path = gate(&cast, "here");
    let child = Cast::start(cast.command("codex", &arguments("codex", &[])), "hello [[wait here]]");
    // Returns when the agent stands there.
    let standing = OpenOptions::new().write(true).open(path).unwrap();
    assert_eq!(cast.logged("result").len(), 0);
    drop(standing);
    let output = child.wait_with_output().unwrap();
    assert!(String::from_utf8(output.stdout).unwrap().contains("ok: hello"));
    assert_eq!(cast.logged("result").len(), 1);
}

#[test]
fn a_crash_has_its_code_words_on_stderr_and_no_result() {
    let cast = Cast::new();
    for (name, _) in CAST {
        let told = cast.ask(name, &[], "boom [[crash rc=7 half a word]]");
        assert_eq!(told.code, Some(7), "{name}");
        assert!(told.holds("half a word") && !told.holds("ok: boom"), "{name}: {:?}", told.lines);
        assert!(told.stderr.contains("fell over"), "{name}: {}", told.stderr);
    }
}

#[test]
fn an_error_of_its_own_has_the_exit_code_of_the_real_one() {
    let cast = Cast::new();
    for (name, code) in [("codex", 1), ("claude", 1), ("opencode", 1), ("pi", 0)] {
        let told = cast.ask(name, &[], "x [[fail the model is overloaded]]");
        assert_eq!(told.code, Some(code), "{name}");
        assert!(told.holds("the model is overloaded"), "{name}: {:?}", told.lines);
    }
}

#[test]
fn an_interrupt_is_answered_by_claude_and_kills_its_tool() {
    let cast = Cast::new();
    let mut child = Cast::start(cast.command("claude", &arguments("claude", &[])), "x [[child]]");
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("tool_use") {
        line.clear();
        assert_ne!(lines.read_line(&mut line).unwrap(), 0, "the tool is told of");
    }
    kill_process(pid(u64::from(child.id())), Signal::INT).unwrap();
    let mut rest = String::new();
    lines.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("error_during_execution"), "{rest}");
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let tool = cast.logged("child")[0]["child"].as_u64().unwrap();
    assert!(is_gone(tool));
}

#[test]
fn the_tool_of_another_outlives_it() {
    let cast = Cast::new();
    let mut child = Cast::start(cast.command("opencode", &arguments("opencode", &[])), "x [[child]]");
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    assert_ne!(lines.read_line(&mut String::new()).unwrap(), 0, "a step begins");
    kill_process(pid(u64::from(child.id())), Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(Signal::TERM.as_raw()));
    let tool = cast.logged("child")[0]["child"].as_u64().unwrap();
    assert!(test_kill_process(pid(tool)).is_ok(), "its own session keeps it");
    kill_process(pid(tool), Signal::KILL).unwrap();
}

#[test]
fn a_stubborn_one_minds_only_a_kill() {
    let cast = Cast::new();
    let path = gate(&cast, "here");
    for (name, _) in CAST {
        let mut child =
            Cast::start(cast.command(name, &arguments(name, &[])), "hello [[stubborn]] [[wait here]]");
        let standing = OpenOptions::new().write(true).open(&path).unwrap();
        for signal in [Signal::TERM, Signal::INT] {
            kill_process(pid(u64::from(child.id())), signal).unwrap();
        }
        drop(standing);
        assert_eq!(child.wait().unwrap().code(), Some(0), "{name}");
    }
}

#[test]
fn garbage_and_half_lines_stand_beside_the_answer() {
    let cast = Cast::new();
    for (name, _) in CAST {
        let command = cast.command(name, &arguments(name, &[]));
        let child = Cast::start(command, "g [[garbage]] [[halfline]] [[nonewline]]");
        let output = child.wait_with_output().unwrap();
        assert!(String::from_utf8(output.stdout.clone()).is_err(), "{name}: not all of it is UTF-8");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(text.contains("ok: g") && text.contains("this is not json"), "{name}: {text}");
        assert!(!text.ends_with('\n'), "{name}: {text}");
    }
}

#[test]
fn a_line_may_be_huge() {
    let cast = Cast::new();
    for (name, _) in CAST {
        let child = Cast::start(cast.command(name, &arguments(name, &[])), "h [[huge mb=1]]");
        let output = child.wait_with_output().unwrap();
        let longest = output.stdout.split(|byte| *byte == b'\n').map(<[u8]>::len).max();
        assert!(longest.is_some_and(|longest| longest > 1 << 20), "{name}: {longest:?}");
    }
}

#[test]
fn what_is_not_known_of_one_is_the_tests_mistake() {
    let told = Cast::new().ask("codex", &[], "x [[no_such_thing]]");
    assert_eq!(told.code, Some(70));
    assert!(told.stderr.contains("no_such_thing"), "{}", told.stderr);
}

fn pid(number: u64) -> Pid {
    Pid::from_raw(i32::try_from(number).unwrap()).unwrap()
}

/// Waits until a process is over; who is still to be reaped is.
fn is_gone(number: u64) -> bool {
    let over = || match std::fs::read_to_string(format!("/proc/{number}/stat")) {
        Ok(stat) => stat.rsplit_once(')').unwrap().1.trim_start().starts_with('Z'),
        Err(_) => true,
    };
    (0..2_000).any(|_| {
        let over = over();
        std::thread::sleep(std::time::Duration::from_millis(if over { 0 } else { 5 }));
        over
    })
}

//! Agents that hold things up: lines of 10 MB, processes that linger or mind no signal, tools in sessions of
//! their own. No answer waits for them, and a stop ends them all.

use rustix::process::{Pid, Signal, kill_process};
use uuid::Uuid;

use crate::agents::{Agents, ENGINES, Heard, resume_line};
use crate::house::Daemon;
use crate::wait::wait_for;

/// What one line of 10 MB may cost at its peak.
const HUGE_LINE_KB: u64 = 40 << 10;

/// Returns the most memory the daemon has held, in kB: `VmHWM` of proc(5).
fn peak_kb(daemon: &Daemon<'_>) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", daemon.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn a_line_of_ten_megabytes_is_taken_for_little_memory() {
    for engine in ENGINES {
        let agents = Agents::with(&[engine], "");
        let daemon = Daemon::start(&agents.home);
        agents.ask("warm [[tools n=1]]").answered("ok: warm (turn 1)");
        let idle = peak_kb(&daemon);
        agents.ask("h [[huge mb=10]]").answered("ok: h (turn 1)");
        let cost = peak_kb(&daemon) - idle;
        assert!(cost <= HUGE_LINE_KB, "{engine}: {cost} kB more than {idle} kB");
        daemon.stop();
    }
}

#[test]
fn an_answer_never_waits_for_the_process_to_exit() {
    let agents = Agents::all();
    let daemon = Daemon::start(&agents.home);
    for engine in ENGINES {
        let gate = agents.gate(engine);
        let mut chat = agents.say_in(Uuid::new_v4(), &format!("/{engine} x [[linger {engine}]]"));
        let lingering = gate.reached();
        let told = chat.says("ok: x (turn 1)");
        assert!(told.contains("answer"), "{engine}: {told}");
        assert!(agents.log("exit").iter().all(|exit| exit["cli"] != engine), "{engine} is still there");
        drop(lingering);
        Heard::of(chat.wait()).answered("ok: x (turn 1)");
    }
    daemon.stop();
}

#[test]
fn a_cancel_ends_the_tools_in_sessions_of_their_own_and_the_session_goes_on() {
    let agents = Agents::all();
    let daemon = Daemon::start(&agents.home);
    for engine in ENGINES {
        let before = agents.log("child").len();
        let mut chat = agents.say_in(Uuid::new_v4(), &format!("/{engine} x [[note begun]] [[child]]"));
        chat.says(r#""type":"session""#);
        wait_for("the tool", || (agents.log("child").len() > before).then_some(()));
        chat.signal(Signal::INT);
        let heard = Heard::of(chat.wait());
        assert_eq!((heard.code, heard.end()["outcome"].as_str()), (130, Some("cancelled")), "{heard:?}");
        assert_eq!(agents.home.at_work(), [], "{engine}");
        let again = agents.ask(&format!("{}\nagain", resume_line(engine, heard.session())));
        again.answered("ok: again (turn 2)");
    }
    daemon.stop();
}

#[test]
fn an_agent_that_minds_no_signal_is_ended_with_its_tools() {
    let agents = Agents::all();
    let daemon = Daemon::start(&agents.home);
    for engine in ENGINES {
        let before = agents.log("child").len();
        let chat = agents.say_in(Uuid::new_v4(), &format!("/{engine} x [[stubborn]] [[child]]"));
        wait_for("the tool", || (agents.log("child").len() > before).then_some(()));
        chat.signal(Signal::INT);
        let heard = Heard::of(chat.wait());
        assert_eq!(heard.end()["outcome"], "cancelled", "{engine}: {heard:?}");
        assert_eq!(agents.home.at_work(), [], "{engine}");
    }
    daemon.stop();
}

#[test]
fn a_daemon_that_stops_ends_its_runs_with_their_tools() {
    for engine in ENGINES {
        let agents = Agents::with(&[engine], "");
        let daemon = Daemon::start(&agents.home);
        let chat = agents.say_in(Uuid::new_v4(), "x [[note begun]] [[child]]");
        wait_for("the tool", || (!agents.log("child").is_empty()).then_some(()));
        // It asserts that nothing of a run is left.
        daemon.stop();
        assert_ne!(chat.wait().code, 0, "{engine}");
    }
}

#[test]
fn an_agent_that_is_killed_takes_its_tools_along() {
    let agents = Agents::all();
    let daemon = Daemon::start(&agents.home);
    for engine in ENGINES {
        let before = agents.log("child").len();
        let chat = agents.say_in(Uuid::new_v4(), &format!("/{engine} x [[note begun]] [[child]]"));
        wait_for("the tool", || (agents.log("child").len() > before).then_some(()));
        let agent = agents.last_start()["pid"].as_i64().and_then(|pid| i32::try_from(pid).ok());
        kill_process(agent.and_then(Pid::from_raw).unwrap(), Signal::KILL).unwrap();
        let heard = Heard::of(chat.wait());
        assert!(heard.reason().contains("SIGKILL"), "{engine}: {heard:?}");
        assert_eq!(agents.home.at_work(), [], "{engine}: {heard:?}");
    }
    daemon.stop();
}

#[test]
fn two_messages_to_one_session_run_one_after_the_other() {
    let agents = Agents::all();
    let daemon = Daemon::start(&agents.home);
    for engine in ENGINES {
        let begun = agents.ask(&format!("/{engine} one"));
        let line = resume_line(engine, begun.session());
        let gate = agents.gate(engine);
        let second = agents.say_in(Uuid::new_v4(), &format!("{line}\ntwo [[wait {engine}]]"));
        let standing = gate.reached();
        let mut third = agents.say_in(Uuid::new_v4(), &format!("{line}\nthree"));
        let queued = third.says("\"queued\"");
        assert!(queued.contains("\"ahead\":1"), "{engine}: {queued}");
        drop(standing);
        Heard::of(second.wait()).answered("ok: two (turn 2)");
        Heard::of(third.wait()).answered("ok: three (turn 3)");
    }
    daemon.stop();
}

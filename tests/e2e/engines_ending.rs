//! Agents that end badly, or oddly: what the person is told, and that the session is not lost by it.

use serde_json::Value;

use crate::agents::{Agents, ENGINES, resume_line};
use crate::house::Daemon;

#[test]
fn a_crash_is_told_with_its_exit_code_and_last_words_and_the_session_goes_on() {
    let agents = Agents::all();
    let daemon = Daemon::start(&agents.home);
    for engine in ENGINES {
        let crashed = agents.ask(&format!("/{engine} boom [[tools n=1]] [[crash rc=7]]"));
        let reason = crashed.reason();
        assert!(reason.contains('7') && reason.contains("the agent fell over"), "{engine}: {reason}");
        let again = agents.ask(&format!("{}\nagain", resume_line(engine, crashed.session())));
        again.answered("ok: again (turn 2)");
    }
    daemon.stop();
}

#[test]
fn what_was_said_before_a_crash_is_kept() {
    let agents = Agents::all();
    let daemon = Daemon::start(&agents.home);
    for engine in ENGINES {
        let crashed = agents.ask(&format!("/{engine} boom [[crash rc=3 half a word]]"));
        assert!(crashed.reason().contains('3'), "{engine}: {crashed:?}");
        assert!(crashed.answer().contains("half a word"), "{engine}: {crashed:?}");
    }
    daemon.stop();
}

#[test]
fn an_error_of_the_agents_own_is_told_once() {
    const MESSAGE: &str = "the model is overloaded";
    let agents = Agents::all();
    let daemon = Daemon::start(&agents.home);
    for engine in ENGINES {
        let failed = agents.ask(&format!("/{engine} x [[fail {MESSAGE}]]"));
        let told = format!("{}{}", failed.answer(), failed.reason());
        assert_eq!(told.matches(MESSAGE).count(), 1, "{engine}: {failed:?}");
        let shown = agents.home.run(&["chat", &format!("/{engine} x [[fail {MESSAGE}]]")]);
        let shown = format!("{}{}", shown.stdout, shown.stderr);
        assert_eq!(shown.matches(MESSAGE).count(), 1, "{engine}: {shown}");
    }
    daemon.stop();
}

#[test]
fn retries_are_told_while_they_go_on_and_are_no_failure() {
    let agents = Agents::all();
    let daemon = Daemon::start(&agents.home);
    for engine in ENGINES {
        let heard = agents.ask(&format!("/{engine} x [[retry n=2 the service failed]]"));
        heard.answered("ok: x (turn 1)");
        let warnings: Vec<_> =
            heard.all("action").into_iter().filter(|event| event["action"]["ok"] == false).collect();
        assert!(warnings.is_empty(), "{engine}: {warnings:?}");
        let told =
            heard.events.iter().any(|event| event["type"] != "ended" && event.to_string().contains("1/2"));
        assert!(told || engine == "opencode", "{engine} tells nothing of its own retries: {heard:?}");
    }
    daemon.stop();
}

#[test]
fn lines_that_nobody_understands_stop_nothing() {
    let agents = Agents::all();
    let daemon = Daemon::start(&agents.home);
    for engine in ENGINES {
        let heard = agents.ask(&format!(
            "/{engine} g [[garbage]] [[halfline]] [[stderr n=50]] [[tools n=1]] [[nonewline]]"
        ));
        heard.answered("ok: g (turn 1)");
        let done =
            |event: &&Value| event["action"]["title"].as_str().is_some_and(|title| title.contains("step-1"));
        assert!(heard.all("action").iter().any(done), "{engine}: {heard:?}");
    }
    daemon.stop();
}

#[test]
fn an_end_without_session_answer_and_result_is_an_error() {
    let agents = Agents::all();
    let daemon = Daemon::start(&agents.home);
    for engine in ENGINES {
        let heard = agents.ask(&format!("/{engine} x [[nosession]] [[silent]] [[noresult]]"));
        assert!(heard.reason().contains(" finished "), "{engine}: {heard:?}");
    }
    daemon.stop();
}

#[test]
fn a_message_without_a_session_and_a_result_is_no_answer() {
    let agents = Agents::all();
    let daemon = Daemon::start(&agents.home);
    for engine in ENGINES {
        let heard = agents.ask(&format!("/{engine} x [[nosession]] [[noresult]]"));
        assert!(heard.reason().contains(" finished "), "{engine}: {heard:?}");
        assert_eq!(heard.answer(), "ok: x (turn 1)", "{engine}");
    }
    daemon.stop();
}

#[test]
fn what_was_said_is_kept_when_there_is_no_result() {
    let agents = Agents::all();
    let daemon = Daemon::start(&agents.home);
    for engine in ENGINES {
        let heard = agents.ask(&format!("/{engine} x [[noresult]]"));
        assert_eq!(heard.answer(), "ok: x (turn 1)", "{engine}: {heard:?}");
        assert!(!heard.session().is_empty(), "{engine}: {heard:?}");
        // The last message of codex is its answer, with a result or without, once the thread has a name.
        assert_eq!(heard.code, i32::from(engine != "codex"), "{engine}: {heard:?}");
    }
    daemon.stop();
}

#[test]
fn an_empty_answer_is_an_error() {
    let agents = Agents::all();
    let daemon = Daemon::start(&agents.home);
    for engine in ENGINES {
        let heard = agents.ask(&format!("/{engine} mute [[silent]]"));
        assert!(!heard.reason().is_empty(), "{engine}: {heard:?}");
        assert_eq!(heard.answer(), "", "{engine}");
        assert!(!heard.session().is_empty(), "{engine}");
    }
    daemon.stop();
}

#[test]
fn a_session_that_changes_midway_is_an_error_and_the_first_one_stays() {
    let agents = Agents::all();
    let daemon = Daemon::start(&agents.home);
    for engine in ENGINES {
        let heard = agents.ask(&format!("/{engine} x [[tools n=1]] [[wrongsession]] [[tools n=1]]"));
        assert!(heard.reason().contains("session"), "{engine}: {heard:?}");
        let begun = agents.log("turn").pop().unwrap();
        assert_eq!(heard.session(), begun["session"].as_str().unwrap(), "{engine}");
    }
    daemon.stop();
}

#[test]
fn what_an_agent_leaves_running_on_purpose_stays_and_is_named() {
    let agents = Agents::all();
    let daemon = Daemon::start(&agents.home);
    for engine in ENGINES {
        let heard = agents.ask(&format!("/{engine} serve [[leftover]]"));
        heard.answered("ok: serve (turn 1)");
        let left = heard.end()["left_running"].as_array().unwrap();
        let server = agents.log("child").pop().unwrap()["child"].to_string();
        assert!(left.len() == 1 && left[0].as_str().unwrap().contains(&server), "{engine}: {left:?}");
        assert!(agents.home.at_work().iter().any(|process| process.pid.to_string() == server), "{engine}");
        agents.end_leftovers();
    }
    daemon.stop();
}

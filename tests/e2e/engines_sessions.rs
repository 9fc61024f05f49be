//! Going on with a session: by its line, by the conversation, with the engine that began it.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::agents::{Agents, ENGINES, Heard, resume_line};
use crate::house::Daemon;

#[test]
fn every_engine_runs_and_goes_on_by_the_line_it_gave() {
    let agents = Agents::all();
    let daemon = Daemon::start(&agents.home);
    for engine in ENGINES {
        let first = agents.ask(&format!("/{engine} one"));
        first.answered("ok: one (turn 1)");
        let line = resume_line(engine, first.session());
        let second = agents.ask(&format!("two\n`{line}`"));
        second.answered("ok: two (turn 2)");
        assert_eq!(second.session(), first.session(), "{engine}");
        let start = agents.last_start();
        assert_eq!((start["cli"].as_str(), start["prompt"].as_str()), (Some(engine), Some("two")));
        assert_eq!(start["resume"].as_str(), Some(first.session()));
    }
    daemon.stop();
}

#[test]
fn a_person_at_the_command_line_sees_how_to_go_on() {
    let agents = Agents::all();
    let daemon = Daemon::start(&agents.home);
    for engine in ENGINES {
        let shown = agents.home.run(&["chat", &format!("/{engine} one")]);
        assert_eq!((shown.code, shown.stdout.as_str()), (0, "ok: one (turn 1)\n"), "{shown:?}");
        let line = shown.stderr.lines().last().unwrap();
        let second = agents.ask(&format!("two\n{line}"));
        second.answered("ok: two (turn 2)");
        assert_eq!(line, resume_line(engine, second.session()));
    }
    let told = agents.home.run(&["chat", "/shell echo hi"]);
    let last = told.stderr.lines().last();
    assert_eq!((told.stdout.as_str(), last), ("hi\n", Some("✓ echo hi")), "a shell has no sessions");
    daemon.stop();
}

#[test]
fn a_line_alone_asks_the_agent_to_continue() {
    let agents = Agents::all();
    let daemon = Daemon::start(&agents.home);
    for engine in ENGINES {
        let first = agents.ask(&format!("/{engine} one"));
        agents.ask(&resume_line(engine, first.session())).answered("ok: continue (turn 2)");
    }
    daemon.stop();
}

#[test]
fn the_line_of_a_session_beats_an_engine_that_is_named() {
    let agents = Agents::all();
    let daemon = Daemon::start(&agents.home);
    for engine in ENGINES {
        let first = agents.ask(&format!("/{engine} one"));
        let line = resume_line(engine, first.session());
        let other = ENGINES.into_iter().find(|other| *other != engine).unwrap_or("shell");
        let second = agents.ask(&format!("/{other} echo two\n{line}"));
        assert_eq!(agents.last_start()["cli"], engine, "{second:?}");
        assert_eq!(second.session(), first.session(), "{engine}");
    }
    daemon.stop();
}

#[test]
fn a_conversation_goes_on_by_itself() {
    let agents = Agents::all();
    let daemon = Daemon::start(&agents.home);
    for engine in ENGINES {
        let here = Uuid::new_v4();
        let ask = |text: String| Heard::of(agents.say_in(here, &text).wait());
        ask(format!("/{engine} one")).answered("ok: one (turn 1)");
        ask(format!("/{engine} two")).answered("ok: two (turn 2)");
    }
    daemon.stop();
}

#[test]
fn messages_that_name_no_session_begin_their_own() {
    let agents = Agents::all();
    let daemon = Daemon::start(&agents.home);
    for engine in ENGINES {
        let [one, two] = ["one", "two"].map(|text| agents.ask(&format!("/{engine} {text}")));
        two.answered("ok: two (turn 1)");
        assert_ne!(one.session(), two.session(), "{engine}");
    }
    daemon.stop();
}

#[test]
fn two_engines_in_one_message_are_refused_and_nothing_runs() {
    let agents = Agents::all();
    let daemon = Daemon::start(&agents.home);
    let refused = agents.home.run(&["chat", "/claude /codex x"]);
    assert_eq!((refused.code, refused.stdout.as_str()), (1, ""));
    assert!(refused.stderr.contains("multiple engine directives"), "{}", refused.stderr);
    assert!(agents.log("start").is_empty());
    daemon.stop();
}

#[test]
fn an_engine_may_be_called_with_the_name_of_a_bot_behind_it() {
    let agents = Agents::all();
    let daemon = Daemon::start(&agents.home);
    for engine in ENGINES {
        let upper = engine.to_uppercase();
        agents.ask(&format!("/{upper}@some_bot one")).answered("ok: one (turn 1)");
        assert_eq!(agents.last_start()["cli"], engine);
    }
    daemon.stop();
}

#[test]
fn a_message_whose_session_is_gone_runs_once_as_a_new_one_and_says_so() {
    let agents = Agents::all();
    let daemon = Daemon::start(&agents.home);
    for engine in ENGINES {
        let nobodys =
            if engine == "opencode" { "ses_nobodys" } else { "00000000-0000-4000-8000-000000000000" };
        let heard = agents.ask(&format!("{}\nx", resume_line(engine, nobodys)));
        heard.answered("ok: x (turn 1)");
        assert_ne!(heard.session(), nobodys, "{engine}");
        let notes = heard.all("note");
        let told = |note: &&&Value| note["text"] == "the session you named was not found; began a new one";
        assert_eq!(notes.iter().filter(told).count(), 1, "{engine}: {heard:?}");
        let of_engine = |start: &&Value| start["cli"] == engine;
        let starts = agents.log("start");
        let starts: Vec<_> = starts.iter().filter(of_engine).collect();
        assert_eq!(starts.len(), 2, "{engine}: {starts:?}");
        assert_eq!((&starts[0]["resume"], &starts[1]["resume"]), (&json!(nobodys), &Value::Null), "{engine}");
        assert_eq!(starts[0]["prompt"], starts[1]["prompt"]);
        agents.ask(&resume_line(engine, heard.session())).answered("ok: continue (turn 2)");
    }
    daemon.stop();
}

#[test]
fn codex_never_goes_on_with_another_thread_than_the_one_asked_for() {
    let agents = Agents::with(&["codex"], "");
    let daemon = Daemon::start(&agents.home);
    // It takes what is no id for a name, and begins a new thread when nobody has that name.
    let heard = agents.ask("codex resume no-such-name\nx");
    assert!(heard.reason().contains("session"), "{heard:?}");
    assert_eq!(heard.end()["session"], "no-such-name");
    daemon.stop();
}

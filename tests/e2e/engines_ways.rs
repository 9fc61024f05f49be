//! What is particular of one engine: who pays, commands of its own, names of its sessions, where it finds them.

use rustix::process::Signal;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::agents::{Agents, ENGINES, Heard, resume_line};
use crate::house::Daemon;
use crate::program::Program;

/// Tells whether the agent that was started last had the variable `name`.
fn had(agents: &Agents, name: &str) -> bool {
    agents.last_start()["environment"].as_array().unwrap().contains(&Value::from(name))
}

/// Starts a daemon that has keys of the models' makers.
fn with_keys(agents: &Agents) -> Daemon<'_> {
    let mut command = agents.home.takopi(&[]);
    command.env("ANTHROPIC_API_KEY", "a-key").env("OPENAI_API_KEY", "another-key");
    Daemon::ready(&agents.home, command)
}

#[test]
fn claude_gets_no_key_of_the_api_unless_it_is_to_bill_it() {
    for (config, billed) in [("", false), ("[engines.claude]\nuse_api_billing = true\n", true)] {
        let agents = Agents::with(&ENGINES, config);
        let daemon = with_keys(&agents);
        agents.ask("/claude x").answered("ok: x (turn 1)");
        assert_eq!(had(&agents, "ANTHROPIC_API_KEY"), billed, "{config:?}");
        for engine in ENGINES.into_iter().filter(|engine| *engine != "claude") {
            agents.ask(&format!("/{engine} x")).answered("ok: x (turn 1)");
            assert!(had(&agents, "ANTHROPIC_API_KEY") && had(&agents, "OPENAI_API_KEY"), "{engine}");
        }
        daemon.stop();
    }
}

#[test]
fn what_the_table_of_claude_allows_arrives() {
    let config = "[engines.claude]\nmodel = \"opus\"\nallowed_tools = [\"Bash\", \"Read\"]\n\
        dangerously_skip_permissions = true\n";
    let agents = Agents::with(&["claude"], config);
    let daemon = Daemon::start(&agents.home);
    agents.ask("x").answered("ok: x (turn 1)");
    let argv = agents.last_start()["argv"].to_string();
    for words in
        [r#""--model","opus""#, r#""--allowedTools","Bash,Read""#, r#""--dangerously-skip-permissions""#]
    {
        assert!(argv.contains(words), "{words} in {argv}");
    }
    daemon.stop();
}

#[test]
fn pi_is_told_to_be_plain_and_whose_models_are_meant() {
    let agents = Agents::with(&["pi"], "[engines.pi]\nprovider = \"prov\"\nmodel = \"m1\"\n");
    let daemon = Daemon::start(&agents.home);
    agents.ask("x").answered("ok: x (turn 1)");
    let start = agents.last_start();
    assert_eq!((&start["values"]["NO_COLOR"], &start["values"]["CI"]), (&json!("1"), &json!("1")));
    assert!(start["argv"].to_string().contains(r#""--provider","prov""#), "{start}");
    daemon.stop();
}

#[test]
fn a_text_that_begins_with_a_slash_is_a_text_for_every_engine() {
    for engine in ENGINES {
        let agents = Agents::with(&[engine], &format!("default_engine = \"{engine}\"\n"));
        let daemon = Daemon::start(&agents.home);
        agents.ask("/frobnicate the thing").answered("ok: /frobnicate the thing (turn 1)");
        let prompt = agents.last_start()["prompt"].clone();
        assert_eq!(prompt, "/frobnicate the thing", "{engine}");
        daemon.stop();
    }
}

#[test]
fn an_older_claude_that_takes_a_text_for_a_command_is_told_again() {
    let agents = Agents::with(&["claude"], "");
    let daemon = Daemon::start(&agents.home);
    agents.ask("/frobnicate the thing [[old]]").answered("ok: /frobnicate the thing (turn 1)");
    let starts = agents.log("start");
    let prompts: Vec<_> = starts.iter().map(|start| start["prompt"].as_str().unwrap()).collect();
    assert_eq!(prompts, ["/frobnicate the thing [[old]]", " /frobnicate the thing [[old]]"]);
    daemon.stop();
}

#[test]
fn a_command_of_claudes_own_reaches_it_and_one_that_would_leave_the_session_is_refused() {
    let agents = Agents::with(&["claude"], "");
    let daemon = Daemon::start(&agents.home);
    assert_eq!(agents.ask("/compact").code, 0);
    assert_eq!(agents.last_start()["prompt"], "/compact");
    let refused = agents.ask("/clear");
    assert!(refused.code == 1 && format!("{refused:?}").contains("type /new"), "{refused:?}");
    assert_eq!(agents.log("start").len(), 1);
    daemon.stop();
}

#[test]
fn a_session_of_pi_is_gone_on_with_by_its_whole_name_and_by_the_beginning_that_was_shown_once() {
    let agents = Agents::with(&["pi"], "");
    let daemon = Daemon::start(&agents.home);
    let first = agents.ask("one");
    let id = first.session();
    assert!(Uuid::try_parse(id).is_ok(), "{id}");
    let by_its_beginning = agents.ask(&format!("pi --session {}\ntwo", &id[..8]));
    by_its_beginning.answered("ok: two (turn 2)");
    assert_eq!(by_its_beginning.session(), id);
    let notes = format!("{:?}", by_its_beginning.events);
    assert!(notes.contains("may mean several sessions"), "{notes}");

    // Sessions begun within a minute begin alike: only the whole name tells them apart.
    let sessions = [first.session().to_owned(), agents.ask("another").session().to_owned()];
    assert_eq!(sessions[0][..8], sessions[1][..8]);
    for (session, turn) in sessions.iter().zip([3, 2]) {
        let heard = agents.ask(&format!("{}\nagain", resume_line("pi", session)));
        heard.answered(&format!("ok: again (turn {turn})"));
        assert_eq!(heard.session(), session);
    }
    daemon.stop();
}

#[test]
fn a_session_is_gone_on_with_where_it_was_begun_wherever_that_is_asked() {
    let agents = Agents::all();
    let daemon = Daemon::start(&agents.home);
    let elsewhere = agents.home.work().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    let begun_in = agents.home.work().canonicalize().unwrap();
    for engine in ENGINES {
        let first = agents.ask(&format!("/{engine} one"));
        let message = format!("{}\ntwo", resume_line(engine, first.session()));
        let mut chat = agents.home.takopi(&["chat", "--json", &message]);
        let heard = Heard::of(Program::start(chat.current_dir(&elsewhere)).wait());
        heard.answered("ok: two (turn 2)");
        assert_eq!(agents.last_start()["cwd"], begun_in.to_str().unwrap(), "{engine}");
    }
    daemon.stop();
}

#[test]
fn a_run_that_is_cancelled_before_its_session_is_kept_says_that_it_cannot_be_continued() {
    let agents = Agents::all();
    let daemon = Daemon::start(&agents.home);
    for (engine, kept) in [("codex", true), ("claude", true), ("opencode", false), ("pi", false)] {
        let gate = agents.gate(engine);
        let chat = agents.say_in(Uuid::new_v4(), &format!("/{engine} x [[wait {engine}]]"));
        let standing = gate.reached();
        chat.signal(Signal::INT);
        let heard = Heard::of(chat.wait());
        drop(standing);
        assert_eq!(heard.end()["outcome"], "cancelled", "{engine}: {heard:?}");
        let told = format!("{:?}", heard.events).contains("cannot be continued");
        assert_eq!((told, heard.end()["session"].is_string()), (!kept, kept), "{engine}: {heard:?}");
        if kept {
            let again = agents.ask(&format!("{}\nagain", resume_line(engine, heard.session())));
            again.answered("ok: again (turn 2)");
        }
    }
    daemon.stop();
}

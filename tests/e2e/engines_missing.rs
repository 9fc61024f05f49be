//! CLIs that are not installed, come, or go, and engines that are named or set up wrongly.

use crate::agents::{Agents, ENGINES};
use crate::house::Daemon;

/// What is typed to install each.
fn hint(engine: &str) -> &'static str {
    match engine {
        "codex" => "npm install -g @openai/codex",
        "claude" => "npm install -g @anthropic-ai/claude-code",
        "opencode" => "npm install -g opencode-ai",
        _ => "npm install -g @earendil-works/pi-coding-agent",
    }
}

#[test]
fn a_message_for_a_missing_cli_is_answered_with_what_to_type_until_it_is_there() {
    for engine in ENGINES {
        let agents = Agents::with(&[], "default_engine = \"shell\"\n");
        let daemon = Daemon::start(&agents.home);
        let asked = format!("/{engine} hello");
        let missing = agents.ask(&asked);
        assert!(missing.code == 1 && format!("{missing:?}").contains(hint(engine)), "{missing:?}");
        agents.ask("echo others work").answered("others work");
        agents.install(engine);
        agents.ask(&asked).answered("ok: hello (turn 1)");
        agents.uninstall(engine);
        let gone = agents.ask(&asked);
        assert!(gone.code == 1 && format!("{gone:?}").contains(hint(engine)), "{gone:?}");
        daemon.stop();
    }
}

#[test]
fn a_named_default_that_is_missing_refuses_the_start() {
    for engine in ENGINES {
        let agents = Agents::with(&[], &format!("default_engine = \"{engine}\"\n"));
        let ended = agents.home.run(&[]);
        assert_eq!((ended.code, ended.stdout.as_str()), (1, ""), "{engine}: {}", ended.stderr);
        assert!(ended.stderr.contains(hint(engine)), "{}", ended.stderr);
        assert!(ended.stderr.contains("takopi.toml:1"), "{}", ended.stderr);
    }
}

#[test]
fn a_default_that_does_not_exist_refuses_the_start_and_names_those_there_are() {
    let agents = Agents::with(&ENGINES, "default_engine = \"nonesuch\"\n");
    let ended = agents.home.run(&[]);
    assert_eq!((ended.code, ended.stdout.as_str()), (1, ""), "{}", ended.stderr);
    for word in ["nonesuch", "takopi.toml:1", "codex"] {
        assert!(ended.stderr.contains(word), "{word} in {}", ended.stderr);
    }
}

#[test]
fn a_wrong_table_of_the_default_refuses_the_start() {
    let agents = Agents::with(&["codex"], "[engines.codex]\nextra_args = [\"--json\"]\n");
    let ended = agents.home.run(&[]);
    assert_eq!((ended.code, ended.stdout.as_str()), (1, ""), "{}", ended.stderr);
    assert!(ended.stderr.contains("takopi.toml:2"), "{}", ended.stderr);
    assert!(ended.stderr.contains("remove --json"), "{}", ended.stderr);
}

#[test]
fn a_wrong_table_disables_its_engine_alone() {
    for engine in ENGINES {
        let config = format!("default_engine = \"shell\"\n[engines.{engine}]\nextra_args = \"nope\"\n");
        let agents = Agents::with(&ENGINES, &config);
        let mut daemon = Daemon::start(&agents.home);
        let told = daemon.remarks("extra_args");
        assert!(told.contains("takopi.toml:3"), "{engine}: {told}");
        agents.ask("echo others work").answered("others work");
        daemon.stop();
    }
}

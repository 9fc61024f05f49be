//! What reaches an agent: the prompt as it was typed, its options, and no variable that is none of its business.

use std::io::Write as _;
use std::process::Stdio;

use serde_json::Value;

use crate::agents::{Agents, ENGINES};
use crate::house::Daemon;

#[test]
fn a_prompt_arrives_as_it_was_typed() {
    let agents = Agents::all();
    let daemon = Daemon::start(&agents.home);
    for engine in ENGINES {
        for prompt in [
            "--help me",
            "-",
            "42",
            "42.",
            "look at @file or @other",
            "look at /codex later",
            "first\n\n  second\n\tthird — ünïcödé 🐙",
            "\"quoted\" $HOME `back` \\n {} %s",
        ] {
            let message = format!("/{engine} {prompt}");
            assert_eq!(agents.ask(&message).code, 0, "{engine}: {prompt:?}");
            let start = agents.last_start();
            assert_eq!((&start["cli"], &start["prompt"]), (&Value::from(engine), &Value::from(prompt)));
        }
    }
    daemon.stop();
}

#[test]
fn a_prompt_of_200_kilobytes_arrives_whole_and_not_in_the_command_line() {
    let agents = Agents::all();
    let daemon = Daemon::start(&agents.home);
    for engine in ENGINES {
        let prompt = format!("begin {}end [[say got it]]", "0123456789abcdef ".repeat(12_000));
        let mut child = agents
            .home
            .takopi(&["chat", "--engine", engine, "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(prompt.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), "got it\n", "{engine}");
        let start = agents.last_start();
        assert_eq!(start["prompt"].as_str(), Some(prompt.as_str()), "{engine}");
        assert!(start["argv"].to_string().len() < 1_000, "{engine}");
    }
    daemon.stop();
}

#[test]
fn the_directory_of_the_person_is_where_the_agent_works_whatever_pwd_says() {
    let agents = Agents::all();
    let daemon = Daemon::start(&agents.home);
    let elsewhere = agents.home.work().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    let elsewhere = elsewhere.canonicalize().unwrap();
    for engine in ENGINES {
        let mut chat = agents.home.takopi(&["chat", &format!("/{engine} x [[where]] [[edit made.txt]]")]);
        let ended = crate::program::Program::start(chat.current_dir(&elsewhere).env("PWD", "/")).wait();
        assert_eq!(ended.stdout.trim_end(), elsewhere.to_str().unwrap(), "{engine}");
        std::fs::remove_file(elsewhere.join("made.txt")).unwrap();
        assert_eq!(agents.last_start()["values"]["PWD"], elsewhere.to_str().unwrap(), "{engine}");
    }
    daemon.stop();
}

#[test]
fn the_model_and_the_level_of_a_table_arrive() {
    for engine in ENGINES {
        let agents = Agents::with(
            &[engine],
            &format!("[engines.{engine}]\nmodel = \"some/model\"\nreasoning = \"high\"\n"),
        );
        let daemon = Daemon::start(&agents.home);
        agents.ask("x").answered("ok: x (turn 1)");
        let start = agents.last_start();
        let told = (&start["model"], &start["effort"]);
        assert_eq!(told, (&Value::from("some/model"), &Value::from("high")), "{engine}");
        daemon.stop();
    }
}

#[test]
fn further_arguments_of_a_table_arrive() {
    let config = "[engines.codex]\nextra_args = [\"-c\", \"model_reasoning_effort=low\", \"--search\"]\n";
    let agents = Agents::with(&["codex"], config);
    let daemon = Daemon::start(&agents.home);
    agents.ask("x").answered("ok: x (turn 1)");
    let start = agents.last_start();
    assert_eq!(start["effort"], "low");
    assert!(start["argv"].to_string().contains("--search"), "{start}");
    daemon.stop();
}

#[test]
fn settings_and_secrets_in_the_environment_stay_behind() {
    let agents = Agents::all();
    let mut command = agents.home.takopi(&[]);
    command.env("TAKOPI__LEDGER__RETENTION_DAYS", "30").env("NOTIFY_ME", "1");
    let daemon = Daemon::ready(&agents.home, command);
    for engine in ENGINES {
        agents.ask(&format!("/{engine} x")).answered("ok: x (turn 1)");
        let start = agents.last_start();
        let names: Vec<&str> =
            start["environment"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        assert!(
            !names.iter().any(|name| name.starts_with("TAKOPI__") || *name == "NOTIFY_SOCKET"),
            "{names:?}"
        );
        for name in ["NOTIFY_ME", "PATH", "HOME", "TAKOPI_RUN", "TAKOPI_CHILD"] {
            assert!(names.contains(&name), "{engine} without {name}: {names:?}");
        }
    }
    daemon.stop();
}

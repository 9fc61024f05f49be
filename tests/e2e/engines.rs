//! Which engine a message gets: named, chosen, by default; and what is said when it isn't there or cannot be used.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::house::{Daemon, Home};
use crate::program::{Ended, Program};

/// What is said when codex isn't there.
const HINT: &str = "codex not found on PATH; install it: npm install -g @openai/codex";

/// Says its version, its models, and answers with what it was started with.
const CODEX: &str = r#"#!/bin/sh
case "$*" in
--version) echo codex-cli 0.169.0; exit ;;
'debug models') echo '{"models":[{"slug":"m-2","visibility":"list","supported_reasoning_levels":[{"effort":"low"}]}]}'; exit ;;
esac
cat > prompt
echo '{"type":"thread.started","thread_id":"thread-1"}'
echo '{"type":"brand.new"}'
echo "{\"type\":\"item.completed\",\"item\":{\"id\":\"1\",\"type\":\"agent_message\",\"text\":\"$* key=$MY_KEY\"}}"
echo '{"type":"turn.completed","usage":{}}'
"#;

fn programs(home: &Home) -> PathBuf {
    home.work().parent().unwrap().join("bin")
}

/// Installs a codex that does as the script above says.
pub(crate) fn install_codex(home: &Home) {
    std::fs::create_dir_all(programs(home)).unwrap();
    // Written beside and renamed, so that nobody finds half of it.
    let (made, there) = (programs(home).join("codex.new"), programs(home).join("codex"));
    std::fs::write(&made, CODEX).unwrap();
    std::fs::set_permissions(&made, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::rename(made, there).unwrap();
}

/// Makes a command line of takopi that looks for programs in the home's own folder first.
pub(crate) fn takopi(home: &Home, arguments: &[&str]) -> Command {
    let mut command = home.takopi(arguments);
    command.env("PATH", format!("{}:/usr/bin:/bin", programs(home).display()));
    command
}

pub(crate) fn run(home: &Home, arguments: &[&str]) -> Ended {
    Program::start(&mut takopi(home, arguments)).wait()
}

fn said(home: &Home, message: &str) -> (i32, String) {
    let ended = run(home, &["chat", message]);
    (ended.code, if ended.code == 0 { ended.stdout } else { ended.stderr })
}

/// Returns codex' row among the engines of a status or a listing.
fn codex_of(told: &Value) -> &Value {
    told["engines"].as_array().unwrap().iter().find(|engine| engine["id"] == "codex").unwrap()
}

#[test]
fn an_engine_that_is_not_there_answers_with_how_to_install_it_until_it_is() {
    let home = Home::new();
    let daemon = Daemon::ready(&home, takopi(&home, &[]));
    for message in ["/codex hi", "codex resume thread-1"] {
        let (code, text) = said(&home, message);
        assert_eq!((code, text.lines().next()), (1, Some(&*format!("error: {HINT}"))), "{message}");
    }
    let (_, chosen) = said(&home, "/agent codex");
    assert!(chosen.contains(HINT), "{chosen}");

    install_codex(&home);
    let (code, text) = said(&home, "/codex hi");
    assert_eq!((code, text.trim_end().ends_with("- key=")), (0, true), "{text}");
    let status = home.status();
    assert_eq!(status["default_engine"], "shell");
    assert_eq!(codex_of(&status).get("issue"), None, "{status}");
    daemon.stop();
}

#[test]
fn a_named_default_that_is_not_there_refuses_the_start_with_how_to_install_it() {
    let home = Home::with_config("\ndefault_engine = \"codex\"\n");
    for arguments in [&[][..], &["chat", "hi"]] {
        let ended = run(&home, arguments);
        assert_eq!((ended.code, ended.stdout.as_str()), (1, ""), "{arguments:?}");
        assert!(ended.stderr.contains("takopi.toml:2:1: default_engine"), "{}", ended.stderr);
        assert!(ended.stderr.contains(HINT), "{}", ended.stderr);
    }
    let ended = run(&Home::new(), &["codex"]);
    assert_eq!((ended.code, ended.stderr.contains(HINT)), (1, true), "{}", ended.stderr);
    let ended = run(&Home::new(), &["codxe"]);
    assert_eq!((ended.code, ended.stderr.contains("'codex'")), (2, true), "{}", ended.stderr);
}

#[test]
fn an_engine_named_on_the_command_line_is_the_default_of_that_start_whatever_flags_stand_beside_it() {
    let home = Home::with_config("default_engine = \"shell\"\n");
    install_codex(&home);
    for arguments in [["codex", "--transport", "local"], ["--transport", "local", "codex"]] {
        let daemon = Daemon::ready(&home, takopi(&home, &arguments));
        assert_eq!(home.status()["default_engine"], "codex", "{arguments:?}");
        daemon.stop();
    }
    let daemon = Daemon::ready(&home, takopi(&home, &[]));
    assert_eq!(home.status()["default_engine"], "shell");
    daemon.stop();
}

#[test]
fn an_engine_whose_table_is_wrong_says_so_and_keeps_no_other_from_working() {
    let home = Home::with_config("default_engine = \"shell\"\n[engines.codex]\nprofile = 7\n");
    install_codex(&home);
    let daemon = Daemon::ready(&home, takopi(&home, &[]));
    for message in ["/codex hi", "codex resume thread-1", "/model codex m"] {
        let (code, text) = said(&home, message);
        assert!(text.contains("takopi.toml:3:1: engines.codex.profile"), "{message}: {code} {text}");
        assert!(text.contains("write e.g. profile = "), "{message}: {text}");
    }
    assert_eq!(said(&home, "echo fine"), (0, "fine\n".to_owned()));
    daemon.stop();
    let listed = run(&home, &["plugins", "--load", "--json"]);
    assert_eq!(listed.code, 1);
    let listing: Value = serde_json::from_str(&listed.stdout).unwrap();
    assert_eq!(listing["errors"][0]["id"], "codex");
    assert_eq!(codex_of(&listing)["id"], "codex", "it stays listed");
    // As the default it would be no use at all.
    let refused = run(&home, &["codex"]);
    assert_eq!(
        (refused.code, refused.stderr.contains("engines.codex.profile")),
        (1, true),
        "{}",
        refused.stderr
    );
}

#[test]
fn a_missing_engine_is_a_note_of_the_listing_and_no_error() {
    let listed = run(&Home::new(), &["plugins", "--load", "--json"]);
    let listing: Value = serde_json::from_str(&listed.stdout).unwrap();
    assert_eq!((listed.code, &listing["errors"]), (0, &serde_json::json!([])));
    let note = listing["notes"].as_array().unwrap().iter().find(|note| note["id"] == "codex").unwrap();
    assert_eq!(note["message"], HINT);
    let shown = run(&Home::new(), &["plugins", "--load"]).stdout;
    assert!(shown.contains(&format!("notes:\n  engine codex (takopi): {HINT}\n")), "{shown}");
}

#[test]
fn a_model_and_a_level_are_asked_of_the_program_kept_for_the_chat_and_given_to_it() {
    let home = Home::with_config(
        "[codex]\nmodel = \"m-1\"\n[codex.env]\nMY_KEY = \"sk-secret-7391\"\n[transports.local]\n",
    );
    install_codex(&home);
    let daemon = Daemon::ready(&home, takopi(&home, &["codex", "--debug"]));
    let talk = "11111111-2222-4333-8444-555555555555";
    let say = |message: &str| {
        let ended = run(&home, &["chat", "--conversation", talk, message]);
        if ended.code == 0 { ended.stdout } else { ended.stderr }
    };
    assert!(say("hi").starts_with("-c notify=[] --model m-1 exec "));
    let shown = say("/model");
    assert!(shown.contains("model: `m-1` (settings)") && shown.contains("lists `m-2`"), "{shown}");
    assert!(!say("/model m-2").contains("does not list"));
    assert!(say("/reasoning high").contains("available levels: low"));
    say("/reasoning low");
    let answer = say("again");
    assert!(answer.contains("--model m-2 -c model_reasoning_effort=low exec"), "{answer}");
    assert!(answer.contains("resume thread-1 - key=sk-secret-7391"), "{answer}");
    assert!(say("/model clear").contains("chat model override cleared."));
    assert!(say("/model").contains("model: `m-1` (settings)"));
    let ended = daemon.end();
    assert!(!ended.stderr.contains("sk-secret-7391") && !ended.stdout.contains("sk-secret-7391"));
}

#[test]
fn only_the_variables_that_are_listed_reach_an_engine() {
    for (list, told) in [("", "key=of-the-daemon"), ("[engines]\nenv = [\"PATH\", \"HOME\"]\n", "key=")] {
        let home = Home::with_config(list);
        install_codex(&home);
        let ended =
            Program::start(takopi(&home, &["chat", "/codex hi"]).env("MY_KEY", "of-the-daemon")).wait();
        assert!(ended.stdout.trim_end().ends_with(told), "{list}: {} {}", ended.stdout, ended.stderr);
    }
}

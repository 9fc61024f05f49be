//! `takopi doctor`: what it finds on a machine, with a daemon and without one.

use std::net::TcpListener;

use serde_json::Value;

use crate::engines::{install_codex, run, takopi};
use crate::house::{Daemon, Home};

/// Returns the exit code, and the rows about one part of the house.
fn look(home: &Home, part: &str) -> (i32, Vec<Value>) {
    let ended = run(home, &["doctor", "--json"]);
    let checkup: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(checkup["ok"], ended.code == 0, "{checkup}");
    let rows = checkup["rows"].as_array().unwrap().iter();
    (ended.code, rows.filter(|row| row["part"] == part).cloned().collect())
}

fn named<'a>(rows: &'a [Value], name: &str) -> &'a Value {
    rows.iter().find(|row| row["name"] == name).unwrap()
}

#[test]
fn a_fresh_machine_has_notes_and_nothing_is_made_on_it() {
    let home = Home::new();
    let seen = run(&home, &["doctor"]);
    assert_eq!((seen.code, seen.stderr.as_str()), (0, ""));
    assert!(seen.stdout.contains("· codex     codex not found on PATH\n"), "{}", seen.stdout);
    assert!(
        seen.stdout.contains("              install it: npm install -g @openai/codex\n"),
        "{}",
        seen.stdout
    );
    assert!(seen.stdout.contains("✓ shell     needs no program (default)"), "{}", seen.stdout);
    assert!(seen.stdout.ends_with("\nnothing fails\n") && !seen.stdout.contains('\u{1b}'), "{}", seen.stdout);
    assert!(!home.place().exists());
}

#[test]
fn what_an_engine_prints_and_nobody_knows_is_counted_over_restarts() {
    let home = Home::new();
    install_codex(&home);
    for times in 1..=2 {
        let daemon = Daemon::ready(&home, takopi(&home, &[]));
        assert_eq!(run(&home, &["chat", "/codex hi"]).code, 0);
        daemon.stop();
        let (code, drift) = look(&home, "drift");
        assert_eq!((code, &drift[0]["unknown"]["kinds"]["brand.new"]), (0, &Value::from(times)), "{drift:?}");
        assert_eq!(drift[0]["unknown"]["last"], serde_json::json!(["brand.new"]), "{drift:?}");
    }
    let (_, engines) = look(&home, "engine");
    let codex = named(&engines, "codex");
    assert_eq!((&codex["version"], &codex["default"]), (&"codex-cli 0.169.0".into(), &true.into()));
    let (_, ledger) = look(&home, "ledger");
    assert_eq!(ledger[0]["format"], 1);
}

#[test]
fn a_running_daemon_is_asked_what_only_it_knows() {
    let home = Home::new();
    let daemon = Daemon::ready(&home, takopi(&home, &[]));
    install_codex(&home);
    let (code, daemons) = look(&home, "daemon");
    assert_eq!((code, &daemons[0]["pid"]), (0, &daemon.pid().into()), "{daemons:?}");
    let (_, transports) = look(&home, "transport");
    let page = named(&transports, "local")["text"].as_str().unwrap();
    assert!(page.contains("served at http://127.0.0.1:") && !page.contains("token="), "{page}");
    // Installed after the start: nothing is switched, and it is said.
    let (_, engines) = look(&home, "engine");
    assert!(named(&engines, "default")["text"].as_str().unwrap().contains("go to shell"), "{engines:?}");
    daemon.stop();
}

#[test]
fn what_does_not_work_is_a_failure_with_a_remedy() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    // /usr is there, and in no repository.
    let home = Home::with_config(&format!(
        "default_engine = \"codex\"\n[engines.shell]\ntransports = 7\n[projects.gone]\npath = \"/nowhere\"\n\
         [projects.here]\npath = \"/usr\"\n[transports.local]\nport = {port}\n"
    ));
    let (code, engines) = look(&home, "engine");
    assert_eq!(code, 1);
    let failing = |row: &Value| row["state"] == "failure" && !row["remedy"].as_array().unwrap().is_empty();
    assert!(failing(named(&engines, "default")) && failing(named(&engines, "shell")), "{engines:?}");
    let (_, projects) = look(&home, "project");
    assert!(failing(named(&projects, "gone")), "{projects:?}");
    assert_eq!(named(&projects, "here")["state"], "note");
    let (_, transports) = look(&home, "transport");
    assert!(failing(named(&transports, "local")), "{transports:?}");

    home.configure("max_parallel_runs = \"many\"\n");
    let (code, config) = look(&home, "config");
    assert_eq!((code, config.len()), (1, 2), "{config:?}");
    assert!(failing(&config[1]), "{config:?}");
}

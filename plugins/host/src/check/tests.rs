//! The suite tried on the plugins that `plugins new` makes for the shell, and on ones that break one thing each.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;
use takopi_core::port::command::Access;
use takopi_core::port::engine::EngineFeatures;
use takopi_core::port::transport::{Limits, TextLimit, TextUnit, TransportFeatures};
use takopi_core::resume::ResumePattern;
use takopi_core::testing::clock::TestClock;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::*;
use crate::manifest::{CommandTable, DistributionTable, EngineTable, Manifest, ProcessTable, TransportTable};

const COMMAND: &str = include_str!("../../../templates/sh/command.sh");
const ENGINE: &str = include_str!("../../../templates/sh/engine.sh");
const TRANSPORT: &str = include_str!("../../../templates/sh/transport.sh");
const HELPER: &str = include_str!("../../../templates/sh/takopi-plugin.sh");

fn engine() -> EngineTable {
    EngineTable {
        title: "Acme".to_owned(),
        install: None,
        needs: Vec::new(),
        features: EngineFeatures::default(),
        shared: false,
        resume: Some(ResumePattern::new("acme resume {token}", &[], "[A-Za-z0-9_-]{1,128}").unwrap()),
        config_schema: None,
    }
}

fn transport() -> TransportTable {
    let text = TextLimit { max: 4000, unit: TextUnit::Chars };
    TransportTable {
        title: "Acme".to_owned(),
        needs: Vec::new(),
        limits: Limits { text, bot: None, chat: None, edit_gap: Duration::ZERO },
        features: TransportFeatures { edit: true, delete: true, ..TransportFeatures::default() },
        config_schema: None,
    }
}

fn command() -> CommandTable {
    let (description, usage) = ("says".to_owned(), "/acme".to_owned());
    CommandTable { description, usage, needs: Vec::new(), config_schema: None, access: Access::default() }
}

/// Tries a shell script as the plugin `acme` of one kind.
async fn tried(kind: life::Kind, script: &str) -> Vec<Row> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("acme.sh");
    fs::write(&file, script.replace("@ID@", "acme").replace("@DISTRIBUTION@", "takopi-acme")).unwrap();
    fs::write(dir.path().join("takopi-plugin.sh"), HELPER).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o700)).unwrap();
    let mut manifest = Manifest {
        distribution: DistributionTable {
            name: "takopi-acme".to_owned(),
            version: "0.1.0".to_owned(),
            ..DistributionTable::default()
        },
        process: ProcessTable {
            command: vec!["sh".to_owned(), "acme.sh".to_owned()],
            ..ProcessTable::default()
        },
        ..Manifest::default()
    };
    let id = "acme".to_owned();
    match kind {
        life::Kind::Engine => drop(manifest.engines.insert(id, Box::new(engine()))),
        life::Kind::Transport => drop(manifest.transports.insert(id, Box::new(transport()))),
        life::Kind::Command => drop(manifest.commands.insert(id, Box::new(command()))),
    }
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let parts = HostParts {
        tasks: tasks.clone(),
        stop: stop.clone(),
        clock: Arc::new(TestClock::new()),
        dress: Arc::new(|spawn, _| spawn),
        passes: Arc::new(|_, _| true),
        mark: ("TAKOPI_CHECKED".to_owned(), "1".to_owned()),
        data: dir.path().join("data"),
        version: "0.1.0".to_owned(),
    };
    let work = dir.path().join("work");
    fs::create_dir(&work).unwrap();
    let package = Package { dir: dir.path().to_owned(), manifest };
    let subject =
        Subject { package: Arc::new(package), tables: Tables::default(), parts: Arc::new(parts), dir: work };
    let mut told = Vec::new();
    let rows = check(&subject, &mut |row| told.push(row.clone())).await;
    assert_eq!(told, rows, "each is told once");
    stop.cancel();
    tasks.close();
    tasks.wait().await;
    rows
}

fn shown(rows: &[Row], but: State) -> String {
    let lines = rows.iter().filter(|row| row.state != but).map(|row| {
        let told = row.told.as_deref().unwrap_or_default();
        format!("{:?} {}: {}: {told}", row.state, row.about, row.check)
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Returns a text without the numbers of times that things were seen: a call that is cancelled may see them or not.
fn uncounted(text: &str) -> String {
    let counts = regex::Regex::new(r" \(\d+ times\)|\b\d+ lines were|\b1 line was").unwrap();
    counts.replace_all(text, "…").into_owned()
}

#[tokio::test]
async fn a_new_command_passes() {
    let rows = tried(life::Kind::Command, COMMAND).await;
    assert_eq!(shown(&rows, State::Ok), "");
    assert!(rows.iter().any(|row| row.about == "command acme"), "{rows:?}");
}

#[tokio::test]
async fn a_new_engine_passes() {
    let rows = tried(life::Kind::Engine, ENGINE).await;
    assert!(rows.iter().all(|row| row.state != State::Failed), "{}", shown(&rows, State::Ok));
    assert!(rows.contains(&Row::ok("engine acme", "a session can be continued")), "{rows:?}");
}

#[tokio::test]
async fn a_new_transport_passes() {
    let rows = tried(life::Kind::Transport, TRANSPORT).await;
    assert_eq!(shown(&rows, State::Ok), "");
    assert!(rows.contains(&Row::ok("transport acme", "it stops, and starts again")), "{rows:?}");
}

#[tokio::test]
async fn an_engine_that_can_wait_is_cancelled() {
    let slow = ENGINE.replace("now=$(date)", "now=$(sleep 100)");
    assert_ne!(slow, ENGINE);
    // The first run of the suite must end: only the long one sleeps.
    let slow = slow.replace("sleep 100", "case $P_prompt in Count*) sleep 100 ;; esac");
    let rows = tried(life::Kind::Engine, &slow).await;
    assert!(rows.contains(&Row::ok("engine acme", "a cancelled run ends within 5 s")), "{rows:?}");
}

/// Tries the new command with one line added to what answers a call.
async fn command_that(line: &str) -> String {
    let script = COMMAND.replace("command_@ID@() {\n", &format!("command_@ID@() {{\n    {line}\n"));
    assert_ne!(script, COMMAND);
    shown(&tried(life::Kind::Command, &script).await, State::Ok)
}

#[tokio::test]
async fn each_bad_habit_of_a_command_has_a_row() {
    let message = |text: serde_json::Value| format!("takopi_write '{text}'");
    let ask = message(json!({"jsonrpc": "2.0", "id": "a", "method": "host/nonsense", "params": {}}));
    let tell = message(json!({"jsonrpc": "2.0", "method": "nonsense", "params": {}}));
    let send = message(json!({"jsonrpc": "2.0", "id": "b", "method": "host/send",
                              "params": {"context": "x", "body": {"text": "hi"}}}));
    let mut told = Vec::new();
    for habit in ["echo hello >&3", "sleep 300 >/dev/null 2>&1 3>&- &", ask.as_str(), &tell, &send] {
        told.push(format!("--- {habit}\n{}", command_that(habit).await));
    }
    insta::assert_snapshot!(uncounted(&told.join("\n")));
}

#[tokio::test]
async fn after_a_call_without_an_answer_no_other_is_waited_for() {
    let told = command_that("kill -9 $$").await;
    let states = |state: &str| {
        told.lines().filter(|line| line.starts_with(state) && line.contains("command acme: a call")).count()
    };
    assert_eq!((states("Failed"), states("Skipped")), (1, 3), "{told}");
}

#[tokio::test]
async fn each_bad_habit_of_an_engine_has_a_row() {
    let habits = [
        ("now=", "takopi_seq=7; now="),
        ("\"${P_session:-$(date +%s)-$$}\"", "\"a b\""),
        ("said: $P_prompt\"", "said: $P_prompt\"; return 3"),
        ("printf", "true"),
    ];
    let mut told = Vec::new();
    for (good, bad) in habits {
        let script = ENGINE.replace(good, bad);
        assert_ne!(script, ENGINE, "{good}");
        let rows = tried(life::Kind::Engine, &script).await;
        let failed: Vec<Row> = rows.into_iter().filter(|row| row.state == State::Failed).collect();
        told.push(format!("--- {bad}\n{}", shown(&failed, State::Ok)));
    }
    insta::assert_snapshot!(told.join("\n"));
}

#[tokio::test]
async fn a_plugin_that_does_not_come_up_has_one_row_that_says_why() {
    let dead = [
        ("echo sorry >&2; exit 3", "exit status 3\nsorry"),
        ("echo hello; sleep 1", "it wrote to stdout what is no message: hello"),
        ("sed -u s/initialize/x/", "the other side refused: unknown method `x` (-32601)"),
    ];
    for (script, why) in dead {
        let rows = tried(life::Kind::Command, script).await;
        assert_eq!((rows.len(), rows[0].state), (1, State::Failed), "{rows:?}");
        let told = rows[0].told.as_deref().unwrap();
        let remedy = rows[0].remedy.as_deref().unwrap();
        assert!(told.contains(why), "{script}: {told}");
        assert_eq!(remedy.contains("try it by hand"), script.contains("exit"), "{script}: {remedy}");
    }
}

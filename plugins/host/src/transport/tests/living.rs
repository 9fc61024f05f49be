//! How it starts, breaks and stops.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use takopi_core::port::Transport as _;
use takopi_core::port::transport::TransportError;

use super::super::{PluginTransport, Waits};
use super::stage::{Rule, Stage, instance, said};

#[tokio::test]
async fn it_starts_with_what_its_table_says_and_stops_when_it_is_told_to() {
    let stage = Stage::new();
    let receiving = stage.started().await;
    let start = stage.player.asked("transport/start", 1).await;
    assert_eq!(start, json!({ "id": "folder", "instance": "work", "config": { "server": "here" } }));
    assert_eq!(receiving.stopped().await, Ok(()));
    assert_eq!(stage.player.asked("transport/stop", 1).await, json!({ "instance": "work" }));
    assert_eq!(stage.player.hand_in(said("1", "too late")).await, Err(-32602));
}

#[tokio::test]
async fn a_process_that_ends_is_told_with_its_last_words_and_started_anew() {
    let stage = Stage::new();
    let receiving = stage.started().await;
    stage.player.write("die").await;
    let told = "the plugin takopi-folder ended unexpectedly (exit status 3): out of luck";
    assert_eq!(receiving.ended().await, Err(TransportError::Broken(told.to_owned())));
    assert_eq!(stage.transport.trouble().as_deref(), Some(told));
    let receiving = stage.receive().await;
    stage.player.asked("transport/start", 2).await;
    assert!(stage.player.hand_in(said("1", "there again")).await.is_ok());
    assert_eq!((stage.transport.trouble(), stage.accepted()), (None, vec!["1".to_owned()]));
    assert_eq!(receiving.stopped().await, Ok(()));
}

#[tokio::test]
async fn one_that_ends_again_and_again_is_told_so_while_it_receives() {
    let stage = Stage::new();
    for _ in 0..3 {
        stage.player.rule("transport/start", Rule::Dies);
        assert!(matches!(stage.receive().await.ended().await, Err(TransportError::Broken(_))));
    }
    stage.player.rule("transport/start", None);
    let receiving = stage.receive().await;
    stage.player.asked("transport/start", 4).await;
    assert!(stage.player.hand_in(said("1", "hi")).await.is_ok());
    let told = stage.transport.trouble().unwrap();
    assert!(told.starts_with("it broke 3 times in the last 10 minutes, last: "), "{told}");
    assert_eq!(receiving.stopped().await, Ok(()));
}

#[tokio::test]
async fn settings_that_a_plugin_refuses_end_the_transport_in_its_words() {
    let stage = Stage::new();
    let issues = json!({ "issues": [{ "level": "error", "title": "token: it is missing",
        "lines": ["write token = \"…\""] }] });
    stage.player.rule("transport/start", Rule::Refuses(-32014, "the table cannot be used", issues));
    let told = "the table cannot be used: token: it is missing; write token = \"…\"";
    assert_eq!(stage.receive().await.ended().await, Err(TransportError::Fatal(told.to_owned())));
}

#[tokio::test]
async fn a_plugin_that_provides_less_than_its_manifest_says_is_not_asked() {
    let stage = Stage::new();
    stage.player.rule("initialize", Rule::Answers(json!({ "protocol": 1, "provides": [] })));
    let ended = stage.receive().await.ended().await;
    assert!(
        matches!(&ended, Err(TransportError::Fatal(told)) if told.contains("does not provide")),
        "{ended:?}"
    );
}

#[tokio::test]
async fn a_start_that_is_never_answered_breaks_and_a_stop_is_not_waited_for() {
    let short = Duration::from_millis(50);
    let stage = Stage::new().changed(|transport| {
        transport.waits = Waits { start: short, stop: short, ..Waits::USUAL };
    });
    stage.player.rule("transport/start", Rule::IsSilent);
    let ended = stage.receive().await.ended().await;
    let told = "the plugin did not start its transport within 0 s";
    assert_eq!(ended, Err(TransportError::Broken(told.to_owned())));
    stage.player.rule("transport/start", None);
    stage.player.rule("transport/stop", Rule::IsSilent);
    let receiving = stage.receive().await;
    stage.player.asked("transport/start", 2).await;
    assert!(stage.player.hand_in(said("1", "hi")).await.is_ok());
    assert_eq!(receiving.stopped().await, Ok(()));
    assert_eq!(stage.player.hand_in(said("2", "it goes on")).await, Err(-32602));
    assert_eq!(stage.accepted(), ["1"]);
}

#[tokio::test]
async fn the_menu_is_told_at_the_start_and_when_it_changes() {
    let stage = Stage::new();
    let entry = |name: &str| (name.to_owned(), format!("does {name}"));
    stage.transport.set_menu([entry("new")]);
    let receiving = stage.started().await;
    let told = stage.player.asked("transport/menu", 1).await;
    let new = json!({ "id": "new", "description": "does new" });
    assert_eq!(told, json!({ "instance": "work", "commands": [new] }));
    stage.transport.set_menu([entry("new")]);
    stage.transport.set_menu([entry("ctx")]);
    let told = stage.player.asked("transport/menu", 2).await;
    assert_eq!(told["commands"][0]["id"], "ctx");
    assert_eq!(receiving.stopped().await, Ok(()));
}

#[tokio::test]
async fn what_keeps_it_from_working_is_told_by_its_check() {
    let stage = Stage::made(|table| table.needs = vec!["no-such-program".to_owned()]);
    let told: Vec<String> = stage.transport.check().await.iter().map(ToString::to_string).collect();
    assert_eq!(told, ["no-such-program not found on PATH; install it"]);
    let stage = Stage::new().changed(|transport| transport.house = super::super::HouseKeys::default());
    let issue = |level: &str, title: &str| json!({ "level": level, "title": title, "lines": ["mend it"] });
    let issues = json!({ "issues": [issue("error", "no token"), issue("info", "all is well")] });
    stage.player.rule("config/check", Rule::Answers(issues));
    let told: Vec<String> = stage.transport.check().await.iter().map(ToString::to_string).collect();
    let asked = stage.player.asked("config/check", 1).await;
    assert_eq!(asked, json!({ "kind": "transport", "id": "folder", "config": { "server": "here" } }));
    assert_eq!((told.len(), told[0].as_str()), (2, "no token; mend it"));
    assert!(told[1].starts_with("nobody is served"), "{told:?}");
    stage.player.rule("config/check", Rule::Refuses(-32601, "unknown method", Value::Null));
    assert_eq!(stage.transport.check().await.len(), 1);
    assert_eq!(stage.transport.account(), Some(format!("takopi-folder:{}", instance())));
}

#[tokio::test]
async fn one_that_gives_way_is_stopped_before_the_next_one_is_started() {
    let stage = Stage::new();
    let first = stage.started().await;
    let old = &stage.transport;
    let next = PluginTransport::new(stage.plugin.clone(), instance(), old.spec.clone(), old.config.clone());
    let second = stage.receive_by(Arc::new(next)).await;
    assert_eq!(first.stopped().await, Ok(()));
    stage.player.asked("transport/start", 2).await;
    let asked: Vec<_> = stage.player.service().asked.iter().map(|(method, _)| method.clone()).collect();
    assert_eq!(asked, ["initialize", "transport/start", "transport/stop", "transport/start"]);
    assert!(stage.player.hand_in(said("1", "hi")).await.is_ok());
    assert_eq!(second.stopped().await, Ok(()));
}

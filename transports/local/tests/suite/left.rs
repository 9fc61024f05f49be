//! What the page is told of runs that nobody performs any more: those of a daemon that died.

use std::sync::Arc;

use serde_json::{Value, json};
use takopi_core::port::Ledger;
use takopi_core::testing::ledger::{accepted, at, open_run, run_id};
use takopi_core::testing::memory_ledger::MemoryLedger;
use takopi_local::ConversationId;

use crate::client::Events;
use crate::house::House;

/// Has the ledger know of a run that was cut off, in a conversation that is returned.
async fn cut_off(ledger: &MemoryLedger) -> String {
    let conversation = ConversationId::mint().to_string();
    let inbox = accepted(ledger, &conversation, "m-1", 1).await;
    ledger.open(&open_run(1, &conversation, &[inbox])).await.unwrap();
    conversation
}

/// Returns the run as the page is first told of it.
async fn told_first(events: &mut Events) -> Value {
    let hello = events.wait("hello", |_| true).await;
    hello["piece"]["items"].as_array().unwrap().iter().find(|item| item["kind"] == "run").unwrap().clone()
}

#[tokio::test]
async fn a_browser_that_comes_back_before_the_runs_are_closed_is_told_when_they_are() {
    let ledger = Arc::new(MemoryLedger::new());
    let conversation = cut_off(&ledger).await;
    let house = House::opening(ledger).await;
    let page = house.page().await;
    let mut events = page.events(&conversation).await;
    let run = told_first(&mut events).await;
    assert_eq!((&run["run"], &run["state"]), (&json!(run_id(1)), &json!("starting")));

    house.desk.recover().await.unwrap();
    let end = events.wait("run", |told| told["run"] == run["run"]).await;
    assert_eq!(end["state"], "interrupted");
    house.close().await;
}

#[tokio::test]
async fn an_answer_that_was_stored_before_the_crash_is_told_as_done() {
    let ledger = Arc::new(MemoryLedger::new());
    let conversation = cut_off(&ledger).await;
    ledger.answer(run_id(1), "it is built", Vec::new(), at(200)).await.unwrap();
    let house = House::opening(ledger).await;
    let page = house.page().await;
    let mut events = page.events(&conversation).await;
    assert_eq!(told_first(&mut events).await["state"], "starting");

    house.desk.recover().await.unwrap();
    let end = events.wait("run", |_| true).await;
    assert_eq!((&end["state"], &end["answer"]["source"]), (&json!("done"), &json!("it is built")));
    house.close().await;
}

#[tokio::test]
async fn a_run_whose_end_never_reached_the_disk_does_not_read_as_working() {
    let house = House::open().await;
    let conversation = cut_off(&house.ledger).await;
    let page = house.page().await;
    let mut events = page.events(&conversation).await;
    assert_eq!(told_first(&mut events).await["state"], "interrupted");
    house.close().await;
}

//! Transports that come and go, and what happens at the edges of the house's day.

use super::*;
use crate::port::ledger::PreferenceKey;
use crate::testing::transport::Fault;

#[tokio::test(start_paused = true)]
async fn what_comes_in_before_recovery_is_over_runs_once_and_after_what_was_left() {
    let (service, ledger) = (FakeTransport::new(), Arc::new(MemoryLedger::new()));
    let service = service.with_spec(|spec| spec.features.conversations = true);
    let left = Inbound::Message(service.message("a", "0", "zero"));
    ledger.accept(&left, crate::time::Timestamp::default()).await.unwrap();
    let stage = Stage::unserved(service, ledger);
    stage.serve().await;
    let recover = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        stage.desk.recover().await.unwrap();
    };
    tokio::join!(stage.say("a", "1", "one"), recover);
    stage.texts("a", &["ok", "ok"]).await;
    let prompts: Vec<String> = stage.engine.jobs().into_iter().map(|job| job.prompt).collect();
    assert_eq!(prompts, ["zero", "one"]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_came_while_its_transport_was_away_is_told_when_it_is_back() {
    let stage = Stage::open().await;
    stage.say("a", "1", "one gate:x").await;
    stage.service.wait_for("a", |seen| seen.len() == 1).await;
    stage.desk.retire(&stage.service.instance()).await;
    stage.engine.open_gate("x");
    while !stage.desk.runs().is_empty() {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    stage.serve().await;
    stage.texts("a", &["ok"]).await;
}

#[tokio::test(start_paused = true)]
async fn another_account_paints_a_message_of_its_own_and_leaves_the_other_ones_alone() {
    let service = FakeTransport::new().as_account("one");
    let stage = Stage::open_with(service, Arc::new(MemoryLedger::new())).await;
    stage.say("a", "1", "one gate:x").await;
    let first = stage.service.wait_for("a", |seen| seen.len() == 1).await.remove(0);
    let other = stage.service.clone().as_account("two");
    stage.desk.serve(other.instance(), other.spec(), Arc::new(other.clone())).await;
    stage.service.wait_for("a", |seen| seen.len() == 2).await;
    stage.engine.open_gate("x");
    let is_done = |seen: &[Seen]| seen.len() == 2 && seen[1].body.text == "ok";
    let seen = stage.service.wait_for("a", is_done).await;
    assert_eq!(seen[0].id, first.id, "it still stands");
}

#[tokio::test(start_paused = true)]
async fn what_arrives_together_is_written_at_once_and_runs_in_its_order() {
    let stage = Stage::open().await;
    let inbox = stage.service.inbox().await;
    let said = [("a", "1", "one"), ("b", "2", "two"), ("a", "3", "three"), ("a", "1", "one again")];
    let said =
        said.map(|(chat, upstream, text)| Inbound::Message(stage.service.message(chat, upstream, text)));
    stage.ledger.hold_accepts(true);
    let accept = inbox.accept_all(said.to_vec());
    let release = async {
        stage.ledger.wait_held().await;
        assert!(stage.ledger.accepted().is_empty() && stage.engine.jobs().is_empty());
        stage.ledger.hold_accepts(false);
    };
    let (first, ()) = tokio::join!(accept, release);
    assert_eq!(first.unwrap(), [const { FirstResponse::Ack }; 4]);
    assert_eq!(stage.ledger.accepted(), said[..3]);
    stage.texts("a", &["ok", "ok"]).await;
    stage.texts("b", &["ok"]).await;
    let prompts: Vec<_> = stage.engine.jobs().into_iter().map(|job| job.prompt).collect();
    let of = |prompt: &str| prompts.iter().position(|other| other == prompt).unwrap();
    assert!(prompts.len() == 3 && of("one") < of("three"), "{prompts:?}");
}

#[tokio::test(start_paused = true)]
async fn a_cancel_that_arrives_behind_a_message_may_mean_either_run_and_stops_none() {
    let stage = Stage::open_with(FakeTransport::new(), Arc::new(MemoryLedger::new())).await;
    stage.say("a", "1", "one gate:x").await;
    stage.service.wait_for("a", |seen| seen.len() == 1).await;
    let said = ["two gate:y", "/cancel"].map(|text| Inbound::Message(stage.service.message("a", text, text)));
    stage.service.inbox().await.accept_all(said.to_vec()).await.unwrap();
    stage.service.wait_for("a", |seen| texts(seen).contains(&"stopped 0")).await;
    stage.engine.open_gate("x");
    stage.engine.open_gate("y");
    let done = |seen: &[Seen]| texts(seen).iter().filter(|text| **text == "ok").count() == 2;
    stage.service.wait_for("a", done).await;
}

#[tokio::test(start_paused = true)]
async fn a_run_that_a_command_asks_for_has_the_model_of_its_chat() {
    let stage = Stage::open().await;
    let (address, alpha) = (stage.service.address("a"), PluginId::parse("alpha").unwrap());
    stage.ledger.prefer(&address, PreferenceKey::Model, Some(&alpha), Some("m-1")).await.unwrap();
    stage.say("a", "1", "/probe capture s1 one").await;
    stage.texts("a", &["captured ok"]).await;
    assert_eq!(stage.engine.jobs()[0].options.model.as_deref(), Some("m-1"));
}

#[tokio::test(start_paused = true)]
async fn a_message_left_for_a_transport_runs_once_it_is_served() {
    let (service, ledger) = (FakeTransport::new(), Arc::new(MemoryLedger::new()));
    let left = Inbound::Message(service.message("a", "0", "zero"));
    ledger.accept(&left, crate::time::Timestamp::default()).await.unwrap();
    let stage = Stage::unserved(service, ledger);
    stage.desk.recover().await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    stage.serve().await;
    stage.texts("a", &["ok"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_run_goes_on_being_painted_by_a_transport_that_was_restarted() {
    let stage = Stage::open().await;
    stage.say("a", "1", "one gate:x").await;
    let before = stage.service.wait_for("a", |seen| seen.len() == 1).await[0].edits;
    stage.serve().await;
    stage.service.wait_for("a", |seen| seen.len() == 1 && seen[0].edits > before + 2).await;
}

#[tokio::test(start_paused = true)]
async fn closing_catches_runs_at_every_step_of_their_start() {
    for yields in 0..40 {
        let stage = Stage::open().await;
        stage.say("a", "1", "hang").await;
        for _ in 0..yields {
            tokio::task::yield_now().await;
        }
        assert!(stage.desk.close(Duration::from_secs(10)).await, "after {yields} steps");
        let jobs = stage.engine.jobs().len();
        let left = stage.ledger.unfinished().await.unwrap().inbox.len();
        assert_eq!(jobs + left, 1, "it ran or is kept, after {yields} steps");
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_whose_bearer_left_while_it_was_written_runs_all_the_same() {
    let stage = Stage::open().await;
    stage.ledger.hold_accepts(true);
    let message = Inbound::Message(stage.service.message("a", "1", "one"));
    tokio::select! {
        _ = stage.service.hand_in(message) => panic!("not while it is not written"),
        () = stage.ledger.wait_held() => {}
    }
    stage.ledger.hold_accepts(false);
    stage.texts("a", &["ok"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_transport_that_panics_in_a_call_delays_nothing_else_for_ever() {
    let stage = Stage::open().await;
    stage.service.fail_sends([Some(Fault::Panics), Some(Fault::Panics)]);
    stage.say("a", "1", "one gate:x").await;
    stage.engine.wait_running(&["one gate:x"]).await;
    stage.engine.open_gate("x");
    stage.texts("a", &["ok"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_transport_that_broke_is_in_trouble_until_it_receives_again() {
    let stage = Stage::open().await;
    let trouble = || stage.desk.transports().remove(0).trouble;
    stage.service.inbox().await;
    stage.service.disconnect();
    stage.service.break_connection();
    while trouble().is_none() {
        tokio::task::yield_now().await;
    }
    assert_eq!(trouble().as_deref(), Some("its connection broke"));
    stage.service.inbox().await;
    assert_eq!(trouble(), None);
}

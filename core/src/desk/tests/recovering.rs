//! What the next daemon makes of what the last one left. A crash is a desk that is dropped where it stands.

use super::*;

use crate::gather::Windows;
use crate::port::ledger::{RunState, Unfinished};

/// Ends a desk without a word, as kill -9 does: its tasks are gone with their runtime, the ledger stays.
pub(super) fn crash(
    script: impl AsyncFnOnce(&Stage) + 'static,
    ledger: &Arc<MemoryLedger>,
    service: &FakeTransport,
) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let (ledger, service) = (ledger.clone(), service.clone());
    runtime.block_on(async move {
        let stage = Stage::open_with(service, ledger).await;
        script(&stage).await;
    });
    runtime.shutdown_background();
}

pub(super) fn recovered(
    check: impl AsyncFnOnce(Stage) + 'static,
    ledger: &Arc<MemoryLedger>,
    service: &FakeTransport,
) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let (ledger, service) = (ledger.clone(), service.clone());
    runtime.block_on(async move { check(Stage::open_with(service, ledger).await).await });
}

#[test]
fn interrupted_runs_are_told_and_waiting_messages_run_in_order() {
    let ledger = Arc::new(MemoryLedger::new());
    let service = FakeTransport::new().with_spec(|spec| spec.features.conversations = true);
    crash(
        async |stage| {
            stage.say("a", "1", "session:s1 action:build hang").await;
            stage.say("a", "2", "two").await;
            stage.say("a", "3", "three").await;
            stage
                .service
                .wait_for("a", |seen| seen.len() == 3 && answering(seen, "1").body.text.contains("build"))
                .await;
        },
        &ledger,
        &service,
    );
    recovered(
        async |stage| {
            let seen = stage
                .service
                .wait_for("a", |seen| texts(seen).iter().filter(|text| **text == "ok").count() == 2)
                .await;
            assert_eq!(seen.len(), 3, "no message is left over: {seen:?}");
            let first = answering(&seen, "1");
            assert!(first.body.header.as_deref().unwrap().contains("interrupted"));
            assert!(first.body.footer.iter().any(|line| line.contains("alpha resume s1")));
            let prompts: Vec<String> = stage.engine.jobs().into_iter().map(|job| job.prompt).collect();
            assert_eq!(prompts, ["two", "three"]);
            assert_eq!(stage.ended.lock().unwrap().len(), 1, "its processes were looked for");
        },
        &ledger,
        &service,
    );
}

#[test]
fn the_button_of_an_interrupted_run_goes_on_with_its_session_once() {
    let ledger = Arc::new(MemoryLedger::new());
    let service = FakeTransport::new();
    crash(
        async |stage| {
            stage.say("a", "1", "session:s1 hang").await;
            stage.say("a", "2", "hang").await;
            stage.service.wait_for("a", |seen| seen.len() == 2).await;
            stage.engine.wait_running(&["session:s1 hang", "hang"]).await;
        },
        &ledger,
        &service,
    );
    recovered(
        async |stage| {
            let told = |seen: &[Seen]| {
                seen.iter()
                    .all(|one| one.body.header.as_deref().is_some_and(|text| text.contains("interrupted")))
            };
            let seen = stage.service.wait_for("a", told).await;
            let (first, second) = (answering(&seen, "1"), answering(&seen, "2"));
            assert!(second.body.buttons.is_empty(), "its session is not known");
            let button = first.body.buttons[0][0].clone();
            assert_eq!(button.label, "resume");
            let press = |upstream: &str| {
                Inbound::Press(crate::message::Press {
                    upstream: upstream.to_owned(),
                    message: crate::message::MessageRef {
                        address: stage.service.address("a"),
                        id: first.id.to_string(),
                    },
                    sender: stage.service.message("a", "p", "").sender,
                    action: button.action.clone(),
                })
            };
            stage.service.hand_in(press("p1")).await.unwrap();
            stage.service.hand_in(press("p2")).await.unwrap();
            let seen =
                stage.service.wait_for("a", |seen| seen.len() == 2 && texts(seen).contains(&"ok")).await;
            assert!(
                seen.iter().all(|one| one.id != first.id),
                "its progress took that one's place: {seen:?}"
            );
            assert_eq!(answering(&seen, "1").asked_by.as_deref(), Some("1"));
            stage.service.hand_in(press("p3")).await.unwrap();
            let jobs = stage.engine.jobs();
            let token = jobs[0].session.as_ref().map(ToString::to_string);
            assert_eq!((jobs.len(), jobs[0].prompt.as_str(), token.as_deref()), (1, "continue", Some("s1")));
        },
        &ledger,
        &service,
    );
}

#[test]
fn a_run_with_a_stored_answer_is_closed_as_answered_and_not_told_twice() {
    let ledger = Arc::new(MemoryLedger::new());
    let service = FakeTransport::new();
    crash(
        async |stage| {
            stage.say("a", "1", "answer:42 hang").await;
            stage.texts("a", &["42"]).await;
        },
        &ledger,
        &service,
    );
    recovered(
        async |stage| {
            stage.say("a", "2", "two").await;
            stage.texts("a", &["42", "ok"]).await;
            let Unfinished { runs, .. } = stage.ledger.unfinished().await.unwrap();
            assert!(runs.iter().all(|run| run.state != RunState::Answered), "{runs:?}");
        },
        &ledger,
        &service,
    );
}

#[tokio::test(start_paused = true)]
async fn whoever_watches_before_recovery_is_told_how_each_run_ended() {
    use crate::testing::ledger::{accepted, address, at, open_run, run_id};

    let ledger = Arc::new(MemoryLedger::new());
    for (n, number) in [(1, "1"), (2, "2")] {
        let inbox = accepted(&*ledger, "c", number, 1).await;
        ledger.open(&open_run(n, "c", &[inbox])).await.unwrap();
    }
    ledger.answer(run_id(2), "42", Vec::new(), at(200)).await.unwrap();

    let stage = Stage::unserved(FakeTransport::new(), ledger);
    let mut watcher = stage.desk.watch();
    stage.desk.recover().await.unwrap();
    let ended = |n, outcome| DeskEvent::Ended { run: run_id(n), address: address("c"), outcome };
    assert_eq!(watcher.try_recv().unwrap(), ended(1, Outcome::Interrupted));
    assert_eq!(watcher.try_recv().unwrap(), ended(2, Outcome::Answered));
}

#[test]
fn a_final_that_was_on_its_way_is_sent_again_and_counted() {
    let ledger = Arc::new(MemoryLedger::new());
    let service = FakeTransport::new().with_spec(|spec| spec.features.edit = false);
    service.fail_sends([Some(crate::testing::transport::Fault::Hangs)]);
    crash(
        async |stage| {
            stage.say("a", "1", "answer:42").await;
            while stage.service.calls().is_empty() {
                tokio::task::yield_now().await;
            }
        },
        &ledger,
        &service,
    );
    recovered(
        async |stage| {
            stage.texts("a", &["42"]).await;
        },
        &ledger,
        &service,
    );
}

#[test]
fn an_ended_run_is_not_run_again() {
    let ledger = Arc::new(MemoryLedger::new());
    let service = FakeTransport::new();
    crash(
        async |stage| {
            stage.say("a", "1", "one").await;
            stage.texts("a", &["ok"]).await;
        },
        &ledger,
        &service,
    );
    recovered(
        async |stage| {
            stage.say("a", "1", "one").await;
            stage.say("a", "2", "two").await;
            stage.texts("a", &["ok", "ok"]).await;
            assert_eq!(stage.engine.jobs().len(), 1);
            assert_eq!(stage.engine.jobs()[0].prompt, "two");
        },
        &ledger,
        &service,
    );
}

#[tokio::test(start_paused = true)]
async fn nothing_remembers_the_progress_message_of_a_run_that_is_over() {
    let stage = Stage::open().await;
    stage.say("a", "1", "one gate:x").await;
    stage.say("a", "2", "two").await;
    stage.service.wait_for("a", |seen| seen.len() == 2).await;
    assert!(stage.ledger.get(door::QUEUED, "2").await.unwrap().is_some());
    stage.engine.open_gate("x");
    stage.texts("a", &["ok", "ok"]).await;
    assert_eq!(stage.ledger.get(door::QUEUED, "2").await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn a_run_cut_off_before_its_progress_message_was_noted_closes_it() {
    use crate::port::ledger::Accepted;
    use crate::port::transport::SendOptions;
    use crate::testing::ledger::open_run;

    let (service, ledger) = (FakeTransport::new(), Arc::new(MemoryLedger::new()));
    let inbound = Inbound::Message(service.message("a", "1", "one"));
    let Accepted::New(inbox) = ledger.accept(&inbound, Default::default()).await.unwrap() else { panic!() };
    let queued = crate::message::Body::plain("queued");
    let sent = service.send(&service.address("a"), &queued, &SendOptions::default()).await.unwrap();
    let json = serde_json::to_string(&sent.message).unwrap();
    ledger.put(door::QUEUED, &inbox.0.to_string(), Some(&json)).await.unwrap();
    let run = crate::port::ledger::OpenRun { address: service.address("a"), ..open_run(1, "a", &[inbox]) };
    ledger.open(&run).await.unwrap();

    let stage = Stage::open_with(service, ledger).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let seen = stage.service.seen("a");
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert!(seen[0].body.header.as_deref().unwrap_or("").contains("interrupted"), "{seen:?}");
    assert_eq!(stage.ledger.get(door::QUEUED, "1").await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn what_was_left_is_joined_as_it_came_not_as_it_is_found() {
    let windows = Windows { forward: Duration::from_millis(300), ..Windows::NONE };
    let (service, ledger) = (FakeTransport::new().with_windows(windows), Arc::new(MemoryLedger::new()));
    let at = |ms| crate::time::Timestamp::from_unix_ms(ms);
    for (number, ms) in [("1", 0), ("2", 100), ("3", 60_000)] {
        let message = Message { forwarded: true, ..service.message("a", number, number) };
        ledger.accept(&Inbound::Message(message), at(ms)).await.unwrap();
    }
    let stage = Stage::open_with(service, ledger).await;
    stage.texts("a", &["ok", "ok"]).await;
    let prompts: Vec<String> = stage.engine.jobs().into_iter().map(|job| job.prompt).collect();
    assert_eq!(prompts, ["1\n\n2", "3"]);
}

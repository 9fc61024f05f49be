//! Progress and finals against a service that fails in every way it can.

use super::*;
use crate::port::transport::{RetryScope, SendError};
use crate::testing::transport::Fault;

fn fails(error: SendError) -> Option<Fault> {
    Some(Fault::Fails(error))
}

#[tokio::test(start_paused = true)]
async fn resume_lines_are_left_out_only_where_conversations_go_on_by_themselves() {
    for (conversations, wanted) in [(true, &[][..]), (false, &["`alpha resume s1`"])] {
        let service = FakeTransport::new().with_spec(|spec| {
            (spec.features.conversations, spec.features.hides_resume_lines) = (conversations, true);
        });
        let stage = Stage::open_with(service, Arc::default()).await;
        stage.say("a", "1", "session:s1").await;
        let seen = stage.texts("a", &["ok"]).await;
        assert_eq!(seen[0].body.footer, wanted);
    }
}

#[tokio::test(start_paused = true)]
async fn a_final_is_a_new_message_and_the_progress_message_goes() {
    let stage = Stage::open().await;
    stage.say("a", "7", "action:build gate:x done:build session:s1").await;
    let progress =
        stage.service.wait_for("a", |seen| seen.iter().any(|s| s.body.text.contains("build"))).await;
    assert_eq!((progress.len(), progress[0].notified), (1, false));
    assert_eq!(progress[0].reply_to.as_deref(), Some("7"));
    stage.engine.open_gate("x");
    let seen = stage.texts("a", &["ok"]).await;
    assert!(seen[0].notified && seen[0].id != progress[0].id && seen[0].body.buttons.is_empty());
    assert_eq!(seen[0].reply_to.as_deref(), Some("7"));
    assert!(seen[0].body.header.as_deref().unwrap().starts_with("done · alpha"));
    assert_eq!(seen[0].body.footer, ["`alpha resume s1`"]);
}

#[tokio::test(start_paused = true)]
async fn elapsed_time_moves_while_an_engine_is_silent() {
    let stage = Stage::open().await;
    stage.say("a", "1", "action:build gate:x").await;
    let seen = stage
        .service
        .wait_for("a", |seen| seen.iter().any(|s| s.body.header.as_deref().unwrap_or("").contains("· 1m 0")))
        .await;
    assert!(seen[0].edits < 10, "but not all the time: {}", seen[0].edits);
}

#[tokio::test(start_paused = true)]
async fn progress_too_long_for_one_message_is_cut_and_keeps_its_button() {
    let stage = Stage::open().await;
    let long = "w".repeat(90);
    stage.say("a", "1", &format!("action:{long}a action:{long}b action:{long}c gate:x")).await;
    let is_cut = |seen: &[Seen]| seen.len() == 1 && seen[0].body.text.ends_with('…');
    let seen = stage.service.wait_for("a", is_cut).await;
    assert_eq!(seen[0].body.buttons.len(), 1);
    stage.engine.open_gate("x");
    stage.texts("a", &["ok"]).await;
}

#[tokio::test(start_paused = true)]
async fn an_engine_starts_though_the_service_hangs() {
    let stage = Stage::open().await;
    stage.service.fail_sends([Some(Fault::Hangs)]);
    stage.say("a", "1", "one gate:x").await;
    stage.engine.wait_running(&["one gate:x"]).await;
    stage.engine.open_gate("x");
    stage.texts("a", &["ok"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_final_gets_through_whatever_definite_failures_come_first() {
    let stage = Stage::open().await;
    let after = Duration::from_secs(30);
    stage.service.fail_sends([
        None,
        fails(SendError::RetryAfter { after, scope: RetryScope::Chat }),
        fails(SendError::Broken("reset".to_owned())),
        fails(SendError::Broken("reset".to_owned())),
    ]);
    stage.say("a", "1", "one").await;
    stage.texts("a", &["ok"]).await;
    assert!(
        stage.ledger.unfinished().await.unwrap().outbox.is_empty() || !stage.service.seen("a").is_empty()
    );
}

#[tokio::test(start_paused = true)]
async fn an_unknown_outcome_is_repeated_once_and_then_edited_into_the_progress_message() {
    let stage = Stage::open().await;
    stage.say("a", "1", "action:b gate:x").await;
    let progress = stage.service.wait_for("a", |seen| seen.len() == 1).await;
    stage.service.fail_sends([Some(Fault::ArrivesUnknown), fails(SendError::Unknown("timeout".to_owned()))]);
    stage.service.fail_edits([
        fails(SendError::Unknown("timeout".to_owned())),
        fails(SendError::Broken("x".to_owned())),
    ]);
    stage.engine.open_gate("x");
    let seen = stage
        .service
        .wait_for("a", |seen| seen.iter().any(|s| s.id == progress[0].id && s.body.text == "ok"))
        .await;
    assert_eq!(seen.iter().filter(|seen| seen.body.text == "ok").count(), 2, "one counted copy");
    let sends = stage.service.calls().iter().filter(|call| *call == "send").count();
    assert_eq!(sends, 3, "the progress message and two tries");
}

#[tokio::test(start_paused = true)]
async fn without_a_progress_message_sends_go_on_until_one_is_definite() {
    let service = FakeTransport::new().with_spec(|spec| spec.features.edit = false);
    let stage = Stage::open_with(service, Arc::default()).await;
    stage.service.fail_sends([
        fails(SendError::Unknown("?".to_owned())),
        fails(SendError::Unknown("?".to_owned())),
        fails(SendError::Unknown("?".to_owned())),
    ]);
    stage.say("a", "1", "one").await;
    stage.texts("a", &["ok"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_rejected_rendering_is_sent_as_plain_text() {
    let stage = Stage::open().await;
    stage.service.fail_sends([None, fails(SendError::Denied("cannot parse entities".to_owned()))]);
    stage.say("a", "1", "one gate:x").await;
    stage.service.wait_for("a", |seen| seen.len() == 1).await;
    stage.engine.open_gate("x");
    let seen = stage.texts("a", &["ok"]).await;
    assert_eq!(seen[0].body.format, crate::message::Format::Plain);
}

#[tokio::test(start_paused = true)]
async fn a_long_answer_comes_in_parts_each_with_the_resume_line() {
    let stage = Stage::open().await;
    let long = "word,".repeat(80);
    stage.say("a", "1", &format!("session:s1 answer:{long}")).await;
    let seen = stage
        .service
        .wait_for("a", |seen| seen.len() > 1 && seen.iter().all(|s| s.body.buttons.is_empty()))
        .await;
    assert!(seen.iter().all(|seen| seen.body.footer == ["`alpha resume s1`"]), "{seen:?}");
    assert_eq!(seen.iter().map(|seen| seen.body.text.as_str()).collect::<String>(), long);
    assert_eq!(seen.iter().filter(|seen| seen.notified).count(), 1, "one sound per answer");
}

#[tokio::test(start_paused = true)]
async fn an_instant_run_answers_with_one_call_where_the_service_is_slow() {
    let service = FakeTransport::new().with_spec(|spec| {
        spec.features.conversations = true;
        spec.limits.chat =
            Some(crate::port::transport::Rate { calls: 1, per: Duration::from_secs(1), bursts: false });
    });
    let stage = Stage::open_with(service, Arc::default()).await;
    stage.say("a", "0", "zero").await;
    stage.texts("a", &["ok"]).await;
    let before = stage.service.calls().len();
    stage.say("a", "1", "one").await;
    stage.texts("a", &["ok", "ok"]).await;
    assert_eq!(stage.service.calls().len() - before, 1, "{:?}", stage.service.calls());
}

#[tokio::test(start_paused = true)]
async fn answers_that_overtake_the_first_painting_leave_no_progress_message() {
    let stage = Stage::open().await;
    stage.service.fail_sends([Some(Fault::Late(Duration::from_secs(5)))]);
    stage.say("a", "1", "answer:first answer:second").await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(texts(&stage.service.seen("a")), ["second"]);
}

#[tokio::test(start_paused = true)]
async fn of_answers_that_overtake_a_send_only_the_last_stands() {
    let stage = Stage::open().await;
    stage.service.fail_sends([None, Some(Fault::Late(Duration::from_secs(5)))]);
    stage.say("a", "1", "answer:first gate:x answer:second answer:third").await;
    stage.service.wait_for("a", |seen| seen.len() == 1).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    stage.engine.open_gate("x");
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(texts(&stage.service.seen("a")), ["third"]);
    assert!(stage.ledger.unfinished().await.unwrap().outbox.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_may_not_be_edited_is_sent_instead() {
    let stage = Stage::open().await;
    stage.say("a", "1", "hang").await;
    stage.service.wait_for("a", |seen| seen.len() == 1).await;
    stage.engine.wait_running(&["hang"]).await;
    let denied = || fails(SendError::Denied("message can't be edited".to_owned()));
    stage.service.fail_edits([denied(), denied()]);
    assert!(stage.desk.cancel(stage.desk.runs()[0].id));
    let seen = stage.service.wait_for("a", |seen| seen.len() == 1 && seen[0].id == 2).await;
    assert!(seen[0].body.header.as_deref().unwrap().contains("cancelled"), "{seen:?}");
}

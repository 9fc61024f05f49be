//! People who are let in by a code that is shown on the machine.

use super::*;
use crate::pairing::{CODE_LIFE, Code};
use crate::port::transport::Admission;

/// Opens a desk whose service knows nobody.
async fn among_strangers(ledger: Arc<MemoryLedger>) -> Stage {
    Stage::open_with(FakeTransport::new().admitting(Admission::Stranger), ledger).await
}

fn code(number: u8) -> Code {
    Code::from_random([0, 0, 0, 0, number])
}

async fn prompts(stage: &Stage, count: usize) -> Vec<String> {
    while stage.engine.jobs().len() < count {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    stage.engine.jobs().into_iter().map(|job| job.prompt).collect()
}

#[tokio::test(start_paused = true)]
async fn whoever_sends_the_code_is_served_and_everybody_else_leaves_no_trace() {
    let stage = among_strangers(Arc::default()).await;
    let instance = stage.service.instance();
    let open = stage.desk.open_code(&instance, code(1)).unwrap();
    stage.say("a", "1", "let me in").await;
    stage.say("a", "2", &code(2).to_string()).await;
    assert!(stage.ledger.accepted().is_empty() && stage.service.seen("a").is_empty());
    stage.say("a", "3", &code(1).to_string().to_lowercase()).await;
    let paired = open.taken().await.unwrap();
    assert_eq!((paired.id.as_str(), stage.desk.paired(&instance)), ("1", vec![paired.clone()]));
    assert!(stage.ledger.accepted().is_empty(), "not even the code is written down");
    stage.texts("a", &["paired: what you write to this bot runs on its machine from now on"]).await;
    stage.say("a", "4", "one").await;
    assert_eq!(prompts(&stage, 1).await, ["one"]);
}

#[tokio::test(start_paused = true)]
async fn the_message_with_the_code_is_no_prompt_however_often_it_comes() {
    let ledger = Arc::new(MemoryLedger::new());
    let stage = among_strangers(ledger.clone()).await;
    let open = stage.desk.open_code(&stage.service.instance(), code(1)).unwrap();
    stage.say("a", "1", &code(1).to_string()).await;
    open.taken().await.unwrap();
    assert!(stage.desk.close(Duration::from_secs(10)).await);

    let stage = among_strangers(ledger).await;
    stage.say("a", "1", &code(1).to_string()).await;
    stage.say("a", "2", "one").await;
    assert_eq!(prompts(&stage, 1).await, ["one"], "served after a restart, and asked for this alone");
    let open = stage.desk.open_code(&stage.service.instance(), code(7)).unwrap();
    stage.say("a", "3", &code(7).to_string()).await;
    stage
        .service
        .wait_for("a", |seen| seen.iter().any(|it| it.body.text.contains("is a pairing code")))
        .await;
    drop(open);
    stage.say("a", "4", &code(7).to_string()).await;
    assert_eq!(prompts(&stage, 2).await[1], code(7).to_string(), "a word as any other once it is no code");
}

#[tokio::test(start_paused = true)]
async fn a_code_that_was_given_back_or_is_too_old_lets_nobody_in() {
    let stage = among_strangers(Arc::default()).await;
    let instance = stage.service.instance();
    drop(stage.desk.open_code(&instance, code(1)).unwrap());
    stage.say("a", "1", &code(1).to_string()).await;
    let open = stage.desk.open_code(&instance, code(2)).unwrap();
    tokio::time::sleep(CODE_LIFE).await;
    stage.say("a", "2", &code(2).to_string()).await;
    assert_eq!(open.taken().await, None);
    assert_eq!(stage.desk.paired(&instance), []);
}

#[tokio::test(start_paused = true)]
async fn revoking_takes_effect_at_once_and_for_good() {
    let ledger = Arc::new(MemoryLedger::new());
    let stage = among_strangers(ledger.clone()).await;
    let instance = stage.service.instance();
    let open = stage.desk.open_code(&instance, code(1)).unwrap();
    stage.say("a", "1", &code(1).to_string()).await;
    open.taken().await.unwrap();
    assert_eq!(stage.desk.unpair(&instance, "ben").await.unwrap(), None);
    assert_eq!(stage.desk.unpair(&instance, "1").await.unwrap().unwrap().id, "1");
    stage.say("a", "2", "one").await;
    assert!(stage.ledger.accepted().is_empty());
    let stage = among_strangers(ledger).await;
    stage.say("a", "3", "two").await;
    assert!(stage.ledger.accepted().is_empty() && stage.desk.paired(&instance).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_code_stays_good_when_the_ledger_could_not_keep_who_sent_it() {
    let stage = among_strangers(Arc::default()).await;
    let open = stage.desk.open_code(&stage.service.instance(), code(1)).unwrap();
    let message = Inbound::Message(stage.service.message("a", "1", &code(1).to_string()));
    stage.ledger.break_writes(true);
    stage.service.hand_in(message.clone()).await.unwrap_err();
    stage.ledger.break_writes(false);
    stage.service.hand_in(message).await.unwrap();
    assert_eq!(open.taken().await.unwrap().id, "1");
}

#[tokio::test(start_paused = true)]
async fn codes_are_opened_only_where_strangers_may_send_one_and_only_a_few() {
    let served = Stage::open().await;
    let refused = served.desk.open_code(&served.service.instance(), code(1)).err();
    assert_eq!(refused, Some(PairingError::Nowhere(served.service.instance())));
    let stage = among_strangers(Arc::default()).await;
    let open: Vec<_> =
        (0..3).map(|it| stage.desk.open_code(&stage.service.instance(), code(it)).unwrap()).collect();
    let refused = stage.desk.open_code(&stage.service.instance(), code(9)).err();
    assert_eq!((refused, open.len()), (Some(PairingError::TooMany), 3));
}

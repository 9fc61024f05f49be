//! The names on the wire, held by a snapshot: changing one needs a new protocol version.

use serde_json::{Value, json};
use takopi_core::event::{Action, ActionKind, Detail, Outcome, Phase, RunEnd, RunEvent};

use super::*;

fn run() -> RunId {
    RunId::parse("01920000-0000-7000-8000-000000000001").unwrap()
}

fn conversation() -> ConversationId {
    ConversationId::parse("11111111-2222-4333-8444-555555555555").unwrap()
}

fn value(told: Told) -> Value {
    serde_json::to_value(Notice { id: 3, told }).unwrap()
}

#[test]
fn every_notice_has_its_shape() {
    let engine = EngineId::parse("shell").unwrap();
    let action = Action {
        id: "1".to_owned(),
        kind: ActionKind::Command,
        phase: Phase::Completed,
        title: "make".to_owned(),
        ok: Some(false),
        detail: Detail { exit_code: Some(2), ..Detail::default() },
    };
    let event = Followed::Event { seq: 1, elapsed_ms: 20, event: RunEvent::Action(action) };
    let end = RunEnd::new(Outcome::Failed("exit status 2".to_owned()), "out");
    let end = Followed::End { seq: 2, elapsed_ms: 30, end: Box::new(end) };
    let snapshot = Followed::Snapshot { seq: 1, elapsed_ms: 20, snapshot: Box::default() };
    let all = [
        Told::Accepted,
        Told::Queued { run: run(), engine, ahead: 2 },
        Told::Started { run: run() },
        Told::Run { run: run(), item: event, resume: None },
        Told::Run { run: run(), item: snapshot, resume: None },
        Told::Run { run: run(), item: end, resume: Some("codex resume 1".to_owned()) },
        Told::Reply { text: "done".to_owned() },
        Told::Settled,
    ];
    for told in &all {
        let again: Notice = serde_json::from_value(value(told.clone())).unwrap();
        assert_eq!(again.told, *told);
    }
    insta::assert_json_snapshot!(all.map(value));
}

#[test]
fn every_question_has_its_shape() {
    let message = Subject::Message { conversation: conversation(), message: "m".to_owned() };
    let hello = Hello { protocol: PROTOCOL, version: "0.1.0".to_owned(), pid: 7, host: Some(Host::Daemon) };
    insta::assert_json_snapshot!(json!({
        method::HELLO: hello,
        method::FOLLOW: [
            json!(Follow { id: 1, subject: Subject::Run { run: run() }, from_seq: 9 }),
            json!(Follow { id: 2, subject: message, from_seq: 0 }),
        ],
        method::CANCEL: [json!(Cancel { run: run() }), json!(Cancelled { cancelled: true })],
        method::HISTORY: HistoryQuery { conversation: conversation(), limit: 10 },
        method::CONVERSATIONS: ConversationQuery { limit: 10 },
        method::YIELD: Yielded { undecided: false, busy: Vec::new(), commands: Vec::new() },
        method::RENEW: [
            json!(Renew { folders: vec!["/plugins/weather".into()] }),
            json!(Renewed { distributions: vec!["takopi-weather".to_owned()] }),
        ],
    }));
}

#[test]
fn what_a_newer_takopi_adds_is_passed_over() {
    let follow: Follow =
        serde_json::from_value(json!({"id": 1, "run": run(), "from_seq": 2, "later": true})).unwrap();
    assert_eq!(follow, Follow { id: 1, subject: Subject::Run { run: run() }, from_seq: 2 });
}

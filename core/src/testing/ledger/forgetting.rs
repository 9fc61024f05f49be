//! What is forgotten of a chat when somebody asks for that.

use super::runs::end_run;
use super::{accepted, address, at, id, message, message_ref, open_run, post, run_id, session_row};
use crate::message::{Address, Inbound};
use crate::port::ledger::{
    Accepted, FactsQuery, InboxId, Ledger, OpenRun, PartState, PostKind, PreferenceKey, Remembered, RunNote,
    Settled, StoredFacts,
};
use crate::session::Scope;

async fn facts(ledger: &impl Ledger, place: &str, about: Option<&str>) -> StoredFacts {
    let about = about.map(|message| message_ref(place, message));
    let query = FactsQuery { scope: address(place).into(), about, session: None };
    ledger.facts(&query).await.unwrap()
}

/// Runs a message in a conversation of its own to its delivered end.
async fn conversation(ledger: &impl Ledger, place: &str, number: u32, token: &str) -> InboxId {
    let inbox = accepted(ledger, place, &number.to_string(), 10).await;
    ledger.open(&open_run(number, place, &[inbox])).await.unwrap();
    let generation = facts(ledger, place, None).await.generation;
    let conversation = Some((address(place).into(), generation));
    let note = RunNote { session: Some(session_row(token)), conversation, ..RunNote::default() };
    ledger.note(run_id(number), &note).await.unwrap();
    for posted in ledger.end(end_run(number, place, 20)).await.unwrap() {
        let sent = PartState::Sent { message: message_ref(place, &format!("f{number}")), unknown: 0 };
        ledger.mark(posted, 0, &sent).await.unwrap();
        ledger.close_post(posted).await.unwrap();
    }
    inbox
}

fn kept(messages: u64, runs: u64, posts: u64, sessions: u64, unfinished: u64) -> Remembered {
    Remembered { messages, runs, posts, sessions, unfinished }
}

pub(super) async fn all_that_is_finished_goes_and_only_of_that_chat(ledger: &impl Ledger) {
    for (place, number, token) in [("chat", 1, "a"), ("chat/9", 2, "b"), ("chat2", 3, "c")] {
        conversation(ledger, place, number, token).await;
        ledger.prefer(&address(place), PreferenceKey::Engine, None, Some("codex")).await.unwrap();
    }
    let settled = accepted(ledger, "chat", "4", 10).await;
    ledger.settle(&[settled], Settled::Ignored).await.unwrap();
    let notice = ledger.post(post("chat", PostKind::Notice, None, "hi"), at(12)).await.unwrap();
    ledger.close_post(notice).await.unwrap();

    let chat = address("chat");
    assert_eq!(ledger.remembered(&address("chat/9")).await.unwrap(), kept(1, 1, 1, 1, 0));
    assert_eq!(ledger.remembered(&chat).await.unwrap(), kept(3, 2, 3, 2, 0), "its threads are part of it");
    assert_eq!(ledger.forget(&chat).await.unwrap(), kept(3, 2, 3, 2, 0));
    assert_eq!(ledger.forget(&chat).await.unwrap(), Remembered::default(), "it is gone");
    for place in ["chat", "chat/9"] {
        assert_eq!(ledger.history(&address(place), None, 9).await.unwrap(), [], "{place}");
        let facts = facts(ledger, place, Some("1")).await;
        assert_eq!((facts.run, facts.session, facts.conversations), (None, None, Vec::new()), "{place}");
        assert_eq!(facts.preferences.first().unwrap().value, "codex", "what was set stays");
    }
    assert_eq!(ledger.run(run_id(1)).await.unwrap(), None);
    assert_eq!(ledger.outbox(notice).await.unwrap(), None);
    assert_eq!(ledger.inbound(settled).await.unwrap(), None);

    let other = facts(ledger, "chat2", Some("3")).await;
    assert!(other.run.is_some() && other.conversations.len() == 1);
    assert_eq!(ledger.history(&address("chat2"), None, 9).await.unwrap().len(), 2);
    let listed = ledger.conversations(&id("local"), 9).await.unwrap();
    assert_eq!(listed.into_iter().map(|it| it.address).collect::<Vec<Address>>(), [address("chat2")]);
}

pub(super) async fn a_thread_is_forgotten_alone(ledger: &impl Ledger) {
    conversation(ledger, "chat", 1, "shared").await;
    conversation(ledger, "chat/9", 2, "shared").await;
    assert_eq!(
        ledger.forget(&address("chat/9")).await.unwrap(),
        kept(1, 1, 1, 0, 0),
        "the chat has the session"
    );
    let chat = facts(ledger, "chat", Some("1")).await;
    assert_eq!(chat.session, Some(session_row("shared")));
    assert_eq!((chat.generation, chat.conversations.len()), (0, 1));
    assert_eq!(
        facts(ledger, "chat/9", None).await.generation,
        1,
        "what was begun before is another conversation"
    );
}

pub(super) async fn what_is_not_finished_stays_when_its_chat_is_forgotten(ledger: &impl Ledger) {
    conversation(ledger, "chat", 1, "a").await;
    accepted(ledger, "chat", "2", 11).await;
    let of_open = accepted(ledger, "chat", "3", 12).await;
    ledger.open(&open_run(3, "chat", &[of_open])).await.unwrap();
    let of_owing = accepted(ledger, "chat", "4", 13).await;
    ledger.open(&OpenRun { reply_to: None, ..open_run(4, "chat", &[of_owing]) }).await.unwrap();
    ledger.end(end_run(4, "chat", 14)).await.unwrap();
    let before = ledger.unfinished().await.unwrap();
    assert_eq!(ledger.forget(&address("chat")).await.unwrap(), kept(1, 1, 1, 1, 3));
    assert_eq!(ledger.unfinished().await.unwrap(), before);
    assert!(ledger.run(run_id(4)).await.unwrap().is_some(), "its answer is still to be sent");
    let note = RunNote {
        session: Some(session_row("b")),
        conversation: Some((address("chat").into(), 0)),
        ..RunNote::default()
    };
    ledger.note(run_id(3), &note).await.unwrap();
    assert_eq!(facts(ledger, "chat", None).await.conversations, [], "it belongs to what was forgotten");
}

pub(super) async fn a_forgotten_chat_takes_the_conversations_of_its_people_along(ledger: &impl Ledger) {
    let ann = Scope { address: address("chat"), person: Some("ann".to_owned()) };
    let conversations = async || {
        let query = FactsQuery { scope: ann.clone(), about: None, session: None };
        ledger.facts(&query).await.unwrap().conversations.len()
    };
    let inbox = accepted(ledger, "chat", "1", 10).await;
    ledger.open(&open_run(1, "chat", &[inbox])).await.unwrap();
    let conversation = Some((ann.clone(), 0));
    let note = RunNote { session: Some(session_row("a")), conversation, ..RunNote::default() };
    ledger.note(run_id(1), &note).await.unwrap();
    assert_eq!(conversations().await, 1);
    ledger.forget(&address("chat")).await.unwrap();
    assert_eq!(conversations().await, 0);
}

pub(super) async fn what_was_forgotten_is_still_a_duplicate_until_it_is_swept(ledger: &impl Ledger) {
    let known = conversation(ledger, "chat", 1, "a").await;
    let settled = accepted(ledger, "chat", "2", 10).await;
    ledger.settle(&[settled], Settled::Done).await.unwrap();
    ledger.forget(&address("chat")).await.unwrap();
    let again = async |number: &str, time| {
        ledger.accept(&Inbound::Message(message("chat", number, "again")), at(time)).await.unwrap()
    };
    assert_eq!(again("1", 30).await, Accepted::Duplicate(known));
    assert_eq!(again("2", 30).await, Accepted::Duplicate(settled));
    assert!(matches!(again("3", 30).await, Accepted::New(_)));
    ledger.sweep(at(11)).await.unwrap();
    assert!(matches!(again("1", 40).await, Accepted::New(id) if id > settled));
}

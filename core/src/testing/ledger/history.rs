//! What was said, page by page.

use super::runs::end_run;
use super::{accepted, address, at, id, message, message_ref, open_run, post, run_id};
use crate::message::{Inbound, MessageRef};
use crate::port::ledger::{
    Conversation, InboxId, Ledger, OpenRun, PostKind, Said, SessionOfChat, Settled, TITLE_CHARS,
};
use crate::session::SessionToken;

/// Returns what was said, a short word for each thing.
fn words(said: &[Said]) -> Vec<String> {
    said.iter()
        .map(|it| match it {
            Said::Inbound { inbound, run, .. } => {
                format!("{}{}", inbound.upstream(), if run.is_some() { "!" } else { "" })
            }
            Said::Run(run) => format!("run {:?}", run.state).to_lowercase(),
            Said::Post(row) => row.post.parts[0].text.clone(),
        })
        .collect()
}

async fn said(ledger: &impl Ledger, place: &str) -> Vec<String> {
    words(&ledger.history(&address(place), None, 100).await.unwrap())
}

pub(super) async fn a_chat_reads_as_it_was_said(ledger: &impl Ledger) {
    assert_eq!(said(ledger, "chat").await, Vec::<String>::new());
    ledger.post(post("chat", PostKind::Notice, None, "hello"), at(1)).await.unwrap();
    let one = accepted(ledger, "chat", "1", 10).await;
    let two = accepted(ledger, "chat", "2", 11).await;
    accepted(ledger, "chat/t", "elsewhere", 11).await;
    ledger.post(post("chat", PostKind::Reply, None, "queued"), at(12)).await.unwrap();
    let three = accepted(ledger, "chat", "3", 13).await;
    let ignored = accepted(ledger, "chat", "ignored", 14).await;
    ledger.settle(&[ignored], Settled::Ignored).await.unwrap();
    let gone = Inbound::Deleted { upstream: "gone".to_owned(), message: message_ref("chat", "1") };
    ledger.accept(&gone, at(15)).await.unwrap();
    ledger.open(&open_run(1, "chat", &[one, two])).await.unwrap();
    ledger.open(&open_run(2, "chat", &[three])).await.unwrap();
    let mut end = end_run(1, "chat", 30);
    end.post.push(post("chat", PostKind::Notice, Some(run_id(1)), "a server stays"));
    ledger.end(end).await.unwrap();
    accepted(ledger, "chat", "4", 40).await;

    let expected = ["hello", "1!", "2!", "run ended", "queued", "3!", "run open", "a server stays", "4"];
    assert_eq!(said(ledger, "chat").await, expected);
    assert_eq!(said(ledger, "chat/t").await, ["elsewhere"]);
    let all = ledger.history(&address("chat"), None, 100).await.unwrap();
    let expected = Said::Inbound {
        id: one,
        inbound: Box::new(Inbound::Message(message("chat", "1", "text 1"))),
        at: at(10),
        run: Some(run_id(1)),
    };
    assert_eq!(all[1], expected);
}

pub(super) async fn pages_join_without_gap_or_overlap(ledger: &impl Ledger) {
    let mut sixth = InboxId(0);
    for number in 1..=8_u32 {
        let inbound = accepted(ledger, "chat", &number.to_string(), 10).await;
        if number == 6 {
            sixth = inbound;
        }
        if number != 5 {
            ledger.open(&open_run(number, "chat", &[inbound])).await.unwrap();
        }
        for extra in 0..number % 3 {
            let text = format!("{number}.{extra}");
            ledger.post(post("chat", PostKind::Notice, None, &text), at(10)).await.unwrap();
        }
        if number == 5 {
            // What was said after it loses its inbound, and joins what was said before.
            ledger.settle(&[inbound], Settled::Ignored).await.unwrap();
        }
    }
    let all = said(ledger, "chat").await;
    assert_eq!(all.len(), 7 * 2 + 9);
    for limit in 5..=all.len() + 1 {
        let mut pages: Vec<Vec<String>> = Vec::new();
        let mut before: Option<InboxId> = None;
        loop {
            let page = ledger.history(&address("chat"), before, limit).await.unwrap();
            let Some(first) = page.first() else { break };
            let Said::Inbound { id, .. } = first else { panic!("a page begins with {first:?}") };
            assert!(page.len() <= limit, "limit {limit}: {}", page.len());
            before = Some(*id);
            pages.insert(0, words(&page));
        }
        assert_eq!(pages.concat(), all, "limit {limit}");
    }
    let short = ledger.history(&address("chat"), None, 2).await.unwrap();
    assert_eq!(words(&short), ["8!", "8.1"], "the inbound and the latest");
    let short = ledger.history(&address("chat"), Some(sixth), 2).await.unwrap();
    assert_eq!(words(&short), ["4!", "5.1"], "an inbound may be farther away than the page is long");
    assert_eq!(ledger.history(&address("chat"), None, 0).await.unwrap(), []);
}

pub(super) async fn conversations_are_listed_latest_first(ledger: &impl Ledger) {
    let write = async |place: &str, number: &str, text: &str, time| {
        ledger.accept(&Inbound::Message(message(place, number, text)), at(time)).await.unwrap();
    };
    write("a", "1", "\n  first line \nsecond", 10).await;
    write("b", "2", &"ü".repeat(500), 20).await;
    write("a", "3", "later", 15).await;
    write("c/1", "4", "in a thread", 12).await;
    let mut other = message("a", "5", "other instance");
    other.message = MessageRef { address: address("z"), id: "5".to_owned() };
    other.message.address.instance = id("other");
    ledger.accept(&Inbound::Message(other), at(90)).await.unwrap();

    let list = async |limit| ledger.conversations(&id("local"), limit).await.unwrap();
    let row = |place, title: &str, time| Conversation {
        address: address(place),
        title: title.to_owned(),
        last_at: at(time),
    };
    let long = "ü".repeat(TITLE_CHARS);
    let expected = [row("b", &long, 20), row("a", "first line", 15), row("c/1", "in a thread", 12)];
    assert_eq!(list(10).await, expected);
    ledger.post(post("c/1", PostKind::Notice, None, "news"), at(30)).await.unwrap();
    assert_eq!(list(2).await, [row("c/1", "in a thread", 30), row("b", &long, 20)]);
}

pub(super) async fn sessions_are_those_of_a_chat_and_its_threads_latest_first(ledger: &impl Ledger) {
    let open = async |number: u32, place: &str, session: Option<&str>, prompt: &str| {
        let run = open_run(number, place, &[]);
        let (session, prompt) = (session.and_then(SessionToken::parse), prompt.to_owned());
        ledger.open(&OpenRun { session, prompt, opened_at: at(number.into()), ..run }).await.unwrap();
    };
    open(1, "chat", Some("one"), "fix it\nall of it").await;
    open(2, "chat/t", Some("two"), "in a thread").await;
    open(3, "chat", Some("one"), "and more").await;
    open(4, "chat", None, "nobody knows its session yet").await;
    open(5, "chats", Some("three"), "elsewhere").await;
    let list = async |place: &str, limit| {
        let found = ledger.sessions(&address(place), limit).await.unwrap();
        let shown = |one: SessionOfChat| (one.session.token.to_string(), one.title, one.last_at);
        found.into_iter().map(shown).collect::<Vec<_>>()
    };
    let one = ("one".to_owned(), "fix it".to_owned(), at(3));
    let two = ("two".to_owned(), "in a thread".to_owned(), at(2));
    assert_eq!(list("chat", 9).await, [one.clone(), two.clone()]);
    assert_eq!(list("chat", 1).await, [one]);
    assert_eq!(list("chat/t", 9).await, [two], "of a thread its own");
}

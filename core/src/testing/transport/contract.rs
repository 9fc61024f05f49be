//! The contract of the transports' port, as a suite every implementation runs against its service or a
//! loopback fake of it.

#![expect(clippy::unwrap_used, reason = "a contract suite fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::desk::{Desk, Inbox};
use crate::id::CommandId;
use crate::message::{Address, Body, Button, ButtonAction, Format, Inbound, MessageRef, SpooledFile};
use crate::port::transport::{SendError, SendOptions, Transport, TransportSpec};
use crate::testing::desk::bare_desk;
use crate::testing::memory_ledger::MemoryLedger;
use crate::testing::transport::FakeTransport;

/// Longest anything may take.
const BOUND: Duration = Duration::from_secs(10);

/// Bodies laid out per run of the suite.
const CASES: u32 = 200;

/// A message as the service shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Which.
    pub message: MessageRef,
    /// What it says, however it is formatted; header and footer may be part of it.
    pub text: String,
}

/// The service as a person sees it who writes in one chat.
#[async_trait]
pub trait ServiceView: Send + Sync {
    /// Returns where the person writes.
    fn address(&self) -> Address;

    /// Writes a message, and returns whether the transport told the service that we have it. `upstream` tells
    /// it from others: the same again is the service's second try.
    async fn say(&self, upstream: &str, text: &str) -> bool;

    /// Returns what the bot has sent there and still stands, oldest first.
    async fn shown(&self) -> Vec<Shown>;

    /// Returns whether the service itself knows which messages stand, and so can say that one is gone.
    fn remembers(&self) -> bool {
        true
    }

    /// Returns whether the transport can send only while it receives. Until then every send must be
    /// [`SendError::Broken`].
    fn needs_receiving(&self) -> bool {
        false
    }
}

/// A transport to be tested.
pub struct TransportSubject {
    /// The transport; nobody has called `receive` yet.
    pub transport: Arc<dyn Transport>,
    /// What is known of it.
    pub spec: TransportSpec,
    /// Its service.
    pub view: Arc<dyn ServiceView>,
    /// What its messages are written to.
    pub ledger: Arc<MemoryLedger>,
    /// The time of the desk behind it.
    pub clock: Arc<dyn crate::port::Clock>,
}

/// Checks everything the port promises of any transport.
///
/// # Panics
/// Where a promise is broken.
pub async fn transport_contract(subject: &TransportSubject) {
    laid_out_bodies_fit_and_lose_nothing(subject);
    if subject.view.needs_receiving() {
        what_goes_out_arrives_while_it_receives(subject).await;
    } else {
        what_goes_out_arrives(subject).await;
    }
    what_comes_in_is_durable_before_it_is_acknowledged(subject).await;
    let issues = within("the check", subject.transport.check()).await;
    assert!(issues.is_empty(), "a service that works has no issues: {issues:?}");
}

async fn within<T>(what: &str, work: impl Future<Output = T>) -> T {
    match tokio::time::timeout(BOUND, work).await {
        Ok(done) => done,
        Err(_) => panic!("{what} took longer than {BOUND:?}"),
    }
}

// ── layout ──

fn bodies() -> impl Strategy<Value = Body> {
    let words = "([a-z]{1,12} ){1,40}";
    let emoji = "[a-z😀é]{1,80}";
    let block = prop_oneof![
        4 => words,
        1 => "[a-z]{100,900}",
        1 => emoji,
        2 => "([a-z ]{0,60}\n){1,30}".prop_map(|code| format!("```\n{code}```")),
        1 => "(- [a-z]{1,30}\n){1,12}",
    ];
    let text = prop::collection::vec(block, 0..24).prop_map(|blocks| blocks.join("\n\n"));
    let header = prop::option::of("[a-z]{1,16}");
    let footer = prop::collection::vec("[a-z]{1,16}", 0..3);
    (text, header, footer, any::<bool>(), any::<bool>(), any::<bool>()).prop_map(
        |(text, header, footer, plain, buttons, files)| Body {
            header,
            text,
            format: if plain { Format::Plain } else { Format::Markdown },
            footer,
            buttons: if buttons { vec![vec![button()]] } else { Vec::new() },
            files: if files {
                vec![SpooledFile { path: "a".into(), name: "a".to_owned() }]
            } else {
                Vec::new()
            },
            ..Body::default()
        },
    )
}

fn button() -> Button {
    let command = CommandId::parse("help").unwrap();
    let action = ButtonAction::Command { command, arguments: String::new() };
    Button { label: "help".to_owned(), action }
}

/// Returns what must not be lost: white space may go at the cuts, and fences come twice.
fn ink(text: &str) -> String {
    text.chars().filter(|character| character.is_alphabetic() || *character == '😀').collect()
}

fn laid_out_bodies_fit_and_lose_nothing(subject: &TransportSubject) {
    let limit = subject.spec.limits.text;
    let mut runner = TestRunner::new(Config { cases: CASES, failure_persistence: None, ..Config::default() });
    let checked = runner.run(&bodies(), |body| {
        let parts = subject.transport.lay_out(&body);
        prop_assert!(!parts.is_empty(), "nothing to send");
        for part in &parts {
            let lines = part.header.iter().chain([&part.text]).chain(&part.footer);
            let size = limit.unit.count(&lines.cloned().collect::<Vec<_>>().join("\n"));
            prop_assert!(size <= limit.max, "{size} units of {}: {part:?}", limit.max);
            if body.format == Format::Markdown {
                let fences = part.text.lines().filter(|line| line.starts_with("```")).count();
                prop_assert!(fences % 2 == 0, "code that is not closed: {part:?}");
            }
        }
        let text: String = parts.iter().map(|part| part.text.as_str()).collect();
        prop_assert_eq!(ink(&text), ink(&body.text), "text was lost");
        prop_assert_eq!(parts.first().and_then(|part| part.header.as_ref()), body.header.as_ref());
        prop_assert_eq!(
            parts.last().map(|part| &part.footer),
            Some(&body.footer),
            "the footer is at the end"
        );
        let buttons: Vec<_> = parts.iter().flat_map(|part| part.buttons.clone()).collect();
        let files: Vec<_> = parts.iter().flat_map(|part| part.files.clone()).collect();
        prop_assert_eq!((buttons, files), (body.buttons.clone(), body.files.clone()), "once and only once");
        prop_assert_eq!(&subject.transport.lay_out(&body), &parts, "the same body is laid out the same");
        // Nothing that was laid out needs it again: a part is kept, and sent after a restart.
        for part in &parts {
            prop_assert_eq!(subject.transport.lay_out(part), vec![part.clone()]);
        }
        Ok(())
    });
    if let Err(broken) = checked {
        panic!("{broken}");
    }
}

// ── out ──

async fn what_goes_out_arrives(subject: &TransportSubject) {
    a_laid_out_body_is_taken_part_by_part(subject).await;
    a_message_is_sent_edited_and_deleted(subject).await;
}

async fn what_goes_out_arrives_while_it_receives(subject: &TransportSubject) {
    let (address, part) = (subject.view.address(), Body::plain("too early"));
    let early = subject.transport.send(&address, &part, &SendOptions::default()).await;
    assert!(matches!(early, Err(SendError::Broken(_))), "{early:?}");
    // Another desk and ledger: what comes in is not looked at yet.
    let desk = bare_desk(Arc::new(MemoryLedger::new()), subject.clock.clone());
    let inbox = inbox(&desk, subject).await;
    let stop = CancellationToken::new();
    let (transport, stopped) = (subject.transport.clone(), stop.clone());
    let receiving = TaskTracker::new().spawn(async move { transport.receive(inbox, stopped).await });
    let first = within("the start", async {
        loop {
            match subject.transport.send(&address, &part, &SendOptions::default()).await {
                Err(SendError::Broken(_)) => tokio::task::yield_now().await,
                sent => break sent.unwrap(),
            }
        }
    });
    subject.transport.delete(&first.await.message).await.unwrap();
    what_goes_out_arrives(subject).await;
    stop.cancel();
    assert_eq!(within("the end of receiving", receiving).await.unwrap(), Ok(()));
    within("closing", desk.close(Duration::from_secs(1))).await;
}

async fn a_laid_out_body_is_taken_part_by_part(subject: &TransportSubject) {
    let words: String = (0..3000).map(|number| format!("word{number} ")).collect();
    let before = subject.view.shown().await.len();
    let parts = subject.transport.lay_out(&Body::markdown(&words));
    for part in &parts {
        send(subject, part, "").await;
    }
    let shown = subject.view.shown().await;
    assert_eq!(shown.len(), before + parts.len(), "every part is a message");
    let all: String = shown.iter().map(|shown| format!("{} ", shown.text)).collect();
    let there: std::collections::HashSet<&str> = all.split_whitespace().collect();
    let lost: Vec<_> = words.split_whitespace().filter(|word| !there.contains(word)).collect();
    assert!(lost.is_empty(), "lost on the way: {lost:?}");
    for Shown { message, .. } in shown {
        subject.transport.delete(&message).await.unwrap();
    }
}

async fn send(subject: &TransportSubject, part: &Body, nonce: &str) -> MessageRef {
    let nonce = (!nonce.is_empty()).then(|| nonce.to_owned());
    let options = SendOptions { nonce, ..SendOptions::default() };
    let address = subject.view.address();
    let sent = within("a send", subject.transport.send(&address, part, &options)).await.unwrap();
    assert_eq!(sent.message.address, address, "a message stands where it was sent");
    sent.message
}

async fn texts(subject: &TransportSubject) -> Vec<String> {
    subject.view.shown().await.into_iter().map(|shown| shown.text).collect()
}

async fn a_message_is_sent_edited_and_deleted(subject: &TransportSubject) {
    let (one, two, three) = (Body::plain("one"), Body::plain("two"), Body::plain("three"));
    let transport = &subject.transport;
    let features = subject.spec.features;
    let first = send(subject, &one, "a").await;
    let second = send(subject, &two, "b").await;
    assert_ne!(first.id, second.id);
    assert_eq!(texts(subject).await, ["one", "two"]);
    let reply_to = Some(first.clone());
    let answer = SendOptions { reply_to, notify: true, nonce: Some("c".to_owned()), asked_by: None };
    let third = within("an answer", transport.send(&subject.view.address(), &one, &answer)).await.unwrap();
    assert_eq!(texts(subject).await.len(), 3);

    if features.edit {
        for _ in 0..2 {
            let edited = within("an edit", transport.edit(&first, &three)).await.unwrap();
            assert_eq!(edited.message, first, "an edited message is the same message");
            assert_eq!(texts(subject).await[..2], ["three", "two"], "an edit done twice is done once");
        }
    }
    if features.delete {
        for _ in 0..2 {
            within("a deletion", transport.delete(&first)).await.unwrap();
        }
        transport.delete(&third.message).await.unwrap();
        assert_eq!(texts(subject).await, ["two"]);
    }
    if features.edit && features.delete {
        let edited = within("an edit", transport.edit(&first, &one)).await;
        assert!(
            edited == Err(SendError::Gone) || !subject.view.remembers(),
            "an edit of what is gone: {edited:?}"
        );
        assert_eq!(texts(subject).await, ["two"], "what is gone stays gone");
    }
}

// ── in ──

/// Returns the way in that `desk` gives to the instance the person writes at.
async fn inbox(desk: &Desk, subject: &TransportSubject) -> Inbox {
    let stand_in = FakeTransport::new();
    let instance = subject.view.address().instance;
    desk.serve(instance, subject.spec.clone(), Arc::new(stand_in.clone())).await;
    desk.recover().await.unwrap();
    stand_in.inbox().await
}

fn said(inbound: &Inbound) -> &str {
    match inbound {
        Inbound::Message(message) => &message.text,
        other => panic!("a message came in as {other:?}"),
    }
}

async fn what_comes_in_is_durable_before_it_is_acknowledged(subject: &TransportSubject) {
    let TransportSubject { ledger, view, .. } = subject;
    let desk = bare_desk(ledger.clone(), subject.clock.clone());
    let inbox = inbox(&desk, subject).await;
    let stop = CancellationToken::new();
    let (transport, stopped) = (subject.transport.clone(), stop.clone());
    let receiving = TaskTracker::new().spawn(async move { transport.receive(inbox, stopped).await });

    assert!(within("a message", view.say("1", "first\nline two 😀")).await, "it is acknowledged");
    assert_eq!(ledger.accepted().iter().map(said).collect::<Vec<_>>(), ["first\nline two 😀"]);
    let address = ledger.accepted().first().map(|inbound| inbound.address().clone());
    assert_eq!(address, Some(view.address()), "it stands where it was written");

    ledger.hold_accepts(true);
    {
        let mut saying = std::pin::pin!(view.say("2", "second"));
        tokio::select! {
            biased;
            told = &mut saying => panic!("acknowledged ({told}) before it was durable"),
            () = within("handing in", ledger.wait_held()) => {}
        }
        ledger.hold_accepts(false);
        assert!(within("a message", saying).await, "it is acknowledged once it is durable");
    }

    ledger.break_writes(true);
    assert!(!within("a refusal", view.say("3", "third")).await, "what was not stored is not acknowledged");
    ledger.break_writes(false);
    assert!(within("a second try", view.say("3", "third")).await, "the second try is taken");
    assert!(within("a third try", view.say("3", "third")).await, "a duplicate is acknowledged");
    let texts: Vec<_> = ledger.accepted().iter().map(|inbound| said(inbound).to_owned()).collect();
    assert_eq!(texts, ["first\nline two 😀", "second", "third"], "each is written once");

    stop.cancel();
    let received = within("the end of receiving", receiving).await.unwrap();
    assert_eq!(received, Ok(()), "a stop is no failure");
    within("closing", desk.close(Duration::from_secs(1))).await;
}

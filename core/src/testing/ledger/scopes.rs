//! What routing asks, and what is set per scope.

use super::{accepted, address, at, id, message, message_ref, open_run, post, run_id, session_row};
use crate::message::{Address, ButtonAction, Inbound, MessageRef, Press};
use crate::port::ledger::{
    FactsQuery, Ledger, OpenRun, PartState, PostKind, Preference, PreferenceKey, RunNote, Settled,
    StoredFacts,
};
use crate::session::{Scope, Session, SessionRow};

async fn about(ledger: &impl Ledger, message: MessageRef) -> StoredFacts {
    let query = FactsQuery { scope: address("chat").into(), about: Some(message), session: None };
    ledger.facts(&query).await.unwrap()
}

async fn at_place(ledger: &impl Ledger, place: &str) -> StoredFacts {
    let query = FactsQuery { scope: address(place).into(), about: None, session: None };
    ledger.facts(&query).await.unwrap()
}

pub(super) async fn replies_find_the_run_by_any_of_its_messages(ledger: &impl Ledger) {
    let one = accepted(ledger, "chat", "1", 10).await;
    let two = accepted(ledger, "chat", "2", 10).await;
    ledger.open(&open_run(1, "chat", &[one, two])).await.unwrap();
    let note = RunNote { progress: Some(message_ref("chat", "p")), ..RunNote::default() };
    ledger.note(run_id(1), &note).await.unwrap();
    let answer = post("chat", PostKind::Final, Some(run_id(1)), "42");
    let posted = ledger.answer(run_id(1), "42", vec![answer], at(20)).await.unwrap();
    let sent = PartState::Sent { message: message_ref("chat", "f"), unknown: 0 };
    ledger.mark(posted[0], 0, &sent).await.unwrap();
    let unrelated = ledger.post(post("chat", PostKind::Notice, None, "hi"), at(20)).await.unwrap();
    let sent = PartState::Sent { message: message_ref("chat", "n"), unknown: 0 };
    ledger.mark(unrelated, 0, &sent).await.unwrap();

    for mine in ["1", "2", "p", "f"] {
        let run = about(ledger, message_ref("chat", mine)).await.run;
        assert_eq!(run.map(|run| run.opened.id), Some(run_id(1)), "{mine}");
        let threaded = about(ledger, message_ref("chat/9", mine)).await.run;
        assert!(threaded.is_some(), "the thread is no part of a message's identity: {mine}");
    }
    for other in [message_ref("chat", "n"), message_ref("chat", "x"), message_ref("else", "1")] {
        assert_eq!(about(ledger, other.clone()).await.run, None, "{other:?}");
    }
}

pub(super) async fn a_waiting_message_is_found_by_itself_only(ledger: &impl Ledger) {
    let one = accepted(ledger, "chat", "1", 10).await;
    let edit = Inbound::Edited(super::Message { upstream: "1e".to_owned(), ..message("chat", "1", "new") });
    ledger.accept(&edit, at(11)).await.unwrap();
    let press = Inbound::Press(Press {
        upstream: "press".to_owned(),
        message: message_ref("chat", "m"),
        sender: message("chat", "1", "").sender,
        action: ButtonAction::Cancel { run: run_id(1) },
    });
    ledger.accept(&press, at(12)).await.unwrap();
    assert_eq!(about(ledger, message_ref("chat", "1")).await.pending, Some(one), "not its edit");
    assert_eq!(about(ledger, message_ref("chat", "m")).await.pending, None, "a press is no message");
    ledger.settle(&[one], Settled::Cancelled).await.unwrap();
    assert_eq!(about(ledger, message_ref("chat", "1")).await.pending, None);
}

pub(super) async fn a_session_named_in_the_text_outranks_the_runs(ledger: &impl Ledger) {
    let one = accepted(ledger, "chat", "1", 10).await;
    ledger.open(&open_run(1, "chat", &[one])).await.unwrap();
    assert_eq!(about(ledger, message_ref("chat", "1")).await.session, None, "none is known yet");
    let note = |token| RunNote { session: Some(session_row(token)), ..RunNote::default() };
    ledger.note(run_id(1), &note("mine")).await.unwrap();
    ledger.open(&open_run(2, "else", &[])).await.unwrap();
    ledger.note(run_id(2), &note("named")).await.unwrap();

    let facts = about(ledger, message_ref("chat", "1")).await;
    assert_eq!(facts.session, Some(session_row("mine")));
    let ask = async |session: Session| {
        let about = Some(message_ref("chat", "1"));
        ledger
            .facts(&FactsQuery { scope: address("chat").into(), about, session: Some(session) })
            .await
            .unwrap()
    };
    assert_eq!(ask(session_row("named").session).await.session, Some(session_row("named")));
    let strange = ask(session_row("strange").session).await;
    assert_eq!(strange.session, None, "nothing is known of it, whatever the run's is");
    assert!(strange.run.is_some());
    let claude = Session { engine: id("claude"), ..session_row("named").session };
    assert_eq!(ask(claude).await.session, None, "tokens are per engine");
}

pub(super) async fn preferences_of_the_thread_come_before_those_of_its_chat(ledger: &impl Ledger) {
    let (codex, claude) = (id("codex"), id("claude"));
    let set = async |place: &str, key, engine, value| {
        ledger.prefer(&address(place), key, engine, value).await.unwrap();
    };
    set("chat", PreferenceKey::Engine, None, Some("codex")).await;
    set("chat", PreferenceKey::Model, Some(&codex), Some("small")).await;
    set("chat", PreferenceKey::Model, Some(&claude), Some("opus")).await;
    set("chat", PreferenceKey::Model, Some(&codex), Some("large")).await;
    set("chat/1", PreferenceKey::Trigger, None, Some("all")).await;
    set("chat/1", PreferenceKey::Engine, None, Some("pi")).await;
    set("else", PreferenceKey::Engine, None, Some("claude")).await;

    let row = |place, key, engine: Option<&_>, value: &str| Preference {
        scope: address(place),
        key,
        engine: engine.cloned(),
        value: value.to_owned(),
    };
    let of_chat = [
        row("chat", PreferenceKey::Engine, None, "codex"),
        row("chat", PreferenceKey::Model, Some(&claude), "opus"),
        row("chat", PreferenceKey::Model, Some(&codex), "large"),
    ];
    let of_thread = [
        row("chat/1", PreferenceKey::Engine, None, "pi"),
        row("chat/1", PreferenceKey::Trigger, None, "all"),
    ];
    assert_eq!(at_place(ledger, "chat").await.preferences, of_chat);
    assert_eq!(at_place(ledger, "chat/1").await.preferences, [&of_thread[..], &of_chat].concat());
    assert_eq!(at_place(ledger, "chat/2").await.preferences, of_chat);

    set("chat", PreferenceKey::Model, Some(&codex), None).await;
    set("chat", PreferenceKey::Engine, None, None).await;
    set("chat", PreferenceKey::Context, None, None).await;
    assert_eq!(at_place(ledger, "chat").await.preferences, of_chat[1..2]);
}

pub(super) async fn what_threads_of_a_chat_are_bound_to_is_told_together(ledger: &impl Ledger) {
    let bind = async |place: &str, value| {
        ledger.prefer(&address(place), PreferenceKey::Context, None, value).await.unwrap();
    };
    for (place, value) in
        [("chat/2", "p @b"), ("chat/1", "p"), ("chat", "q"), ("chat/3", "p"), ("else/1", "p")]
    {
        bind(place, Some(value)).await;
    }
    bind("chat/3", None).await;
    ledger.prefer(&address("chat/1"), PreferenceKey::Engine, None, Some("codex")).await.unwrap();
    let told = ledger.preferences_of_threads(&address("chat"), PreferenceKey::Context).await.unwrap();
    let told: Vec<_> = told.into_iter().map(|row| (row.scope, row.value)).collect();
    assert_eq!(told, [(address("chat/1"), "p".to_owned()), (address("chat/2"), "p @b".to_owned())]);
}

pub(super) async fn what_is_set_at_an_instance_is_told_place_by_place(ledger: &impl Ledger) {
    let set = async |place: &Address, key, engine: Option<&str>, value| {
        let engine = engine.map(id);
        ledger.prefer(place, key, engine.as_ref(), Some(value)).await.unwrap();
    };
    let elsewhere = Address { instance: id("elsewhere"), ..address("chat") };
    set(&address("chat/1"), PreferenceKey::Context, None, "p").await;
    set(&address("chat"), PreferenceKey::Trigger, None, "mentions").await;
    set(&address("chat"), PreferenceKey::Context, None, "q").await;
    set(&address("chat"), PreferenceKey::Model, Some("codex"), "m").await;
    set(&elsewhere, PreferenceKey::Context, None, "r").await;
    let told = ledger.preferences_of(&address("chat").instance).await.unwrap();
    let told: Vec<_> = told.into_iter().map(|row| (row.scope, row.key, row.value)).collect();
    let row = |place: &str, key, value: &str| (address(place), key, value.to_owned());
    assert_eq!(
        told,
        [
            row("chat", PreferenceKey::Context, "q"),
            row("chat", PreferenceKey::Trigger, "mentions"),
            row("chat/1", PreferenceKey::Context, "p"),
        ]
    );
}

pub(super) async fn a_new_conversation_is_not_overtaken_by_an_older_run(ledger: &impl Ledger) {
    let scope = Scope::from(address("chat"));
    assert_eq!(at_place(ledger, "chat").await, StoredFacts::default());
    for n in 1..=3 {
        ledger.open(&open_run(n, "chat", &[])).await.unwrap();
    }
    let begun = async |n, token, generation| {
        let conversation = Some((Scope::from(address("chat")), generation));
        let note = RunNote { session: Some(session_row(token)), conversation, ..RunNote::default() };
        ledger.note(run_id(n), &note).await.unwrap();
    };
    begun(1, "a", 0).await;
    assert_eq!(at_place(ledger, "chat").await.conversations, [session_row("a")]);
    assert_eq!(at_place(ledger, "chat/1").await.conversations, [], "a thread has its own");

    assert_eq!(ledger.renew(&scope).await.unwrap(), 1);
    let facts = at_place(ledger, "chat").await;
    assert_eq!((facts.conversations, facts.generation), (Vec::new(), 1));
    begun(2, "b", 0).await;
    assert_eq!(at_place(ledger, "chat").await.conversations, [], "an outdated generation changes nothing");
    let run = ledger.run(run_id(2)).await.unwrap().unwrap();
    assert_eq!(run.opened.session, Some(session_row("b").session.token), "but the run has its session");
    begun(3, "c", 1).await;
    assert_eq!(at_place(ledger, "chat").await.conversations, [session_row("c")]);
    assert_eq!(ledger.renew(&scope).await.unwrap(), 2);
    assert_eq!(at_place(ledger, "chat/1").await.generation, 0);
}

pub(super) async fn the_conversation_that_went_on_last_comes_first(ledger: &impl Ledger) {
    let of = |engine: &str| {
        let session = Session { engine: id(engine), ..session_row(engine).session };
        SessionRow { session, ..session_row(engine) }
    };
    let went_on = async |n, engine: &str, is_continued: bool| {
        let row = of(engine);
        let session = is_continued.then(|| row.session.token.clone());
        ledger.open(&OpenRun { engine: id(engine), session, ..open_run(n, "chat/1", &[]) }).await.unwrap();
        let conversation = Some((Scope::from(address("chat/1")), 0));
        let note = RunNote { session: Some(row), conversation, ..RunNote::default() };
        if !is_continued {
            ledger.note(run_id(n), &note).await.unwrap();
        }
    };
    let running = async || {
        let rows = at_place(ledger, "chat/1").await.conversations.into_iter();
        rows.map(|row| row.session.engine.to_string()).collect::<Vec<_>>()
    };
    went_on(1, "codex", false).await;
    went_on(2, "claude", false).await;
    assert_eq!(running().await, ["claude", "codex"]);
    went_on(3, "codex", true).await;
    assert_eq!(running().await, ["codex", "claude"], "from when the run is opened");
    went_on(4, "pi", false).await;
    assert_eq!(running().await, ["pi", "codex", "claude"]);
}

pub(super) async fn each_person_has_a_conversation_of_their_own(ledger: &impl Ledger) {
    let of = |person: &str| Scope { address: address("chat"), person: Some(person.to_owned()) };
    let chat = Scope::from(address("chat"));
    for (n, scope, token) in [(1, of("ann"), "a"), (2, of("ben"), "b"), (3, chat.clone(), "c")] {
        ledger.open(&open_run(n, "chat", &[])).await.unwrap();
        let (session, conversation) = (Some(session_row(token)), Some((scope, 0)));
        ledger.note(run_id(n), &RunNote { session, conversation, ..RunNote::default() }).await.unwrap();
    }
    ledger.prefer(&address("chat"), PreferenceKey::Engine, None, Some("codex")).await.unwrap();
    let facts =
        async |scope: Scope| ledger.facts(&FactsQuery { scope, about: None, session: None }).await.unwrap();
    assert_eq!(ledger.renew(&of("ann")).await.unwrap(), 1);
    let expected =
        [(of("ann"), None, 1), (of("ben"), Some("b"), 0), (chat, Some("c"), 0), (of("cleo"), None, 0)];
    for (scope, token, generation) in expected {
        let facts = facts(scope.clone()).await;
        let running: Vec<_> = token.map(session_row).into_iter().collect();
        assert_eq!((facts.conversations, facts.generation), (running, generation), "{scope:?}");
        assert_eq!(facts.preferences.len(), 1, "what is set holds for everybody: {scope:?}");
    }
}

pub(super) async fn cursors_and_values_are_replaced_and_cleared(ledger: &impl Ledger) {
    let telegram = id("telegram");
    assert_eq!(ledger.cursor(&telegram).await.unwrap(), None);
    ledger.set_cursor(&telegram, "5").await.unwrap();
    ledger.set_cursor(&telegram, "6").await.unwrap();
    ledger.set_cursor(&id("discord"), "1").await.unwrap();
    assert_eq!(ledger.cursor(&telegram).await.unwrap().as_deref(), Some("6"));

    ledger.put("a", "k", Some("1")).await.unwrap();
    ledger.put("a", "k", Some("2")).await.unwrap();
    ledger.put("b", "k", Some("3")).await.unwrap();
    assert_eq!(ledger.get("a", "k").await.unwrap().as_deref(), Some("2"));
    ledger.put("a", "k", None).await.unwrap();
    ledger.put("a", "never", None).await.unwrap();
    assert_eq!(ledger.get("a", "k").await.unwrap(), None);
    assert_eq!(ledger.get("b", "k").await.unwrap().as_deref(), Some("3"));
}

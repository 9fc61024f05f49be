//! The contract of the ledger's port, as a suite every implementation runs. Each part gets a ledger of its
//! own; which promise a part checks is in its name. The builders below serve tests of implementations too.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a contract suite fails by panicking")]

mod forgetting;
mod history;
mod intake;
mod outbox;
mod runs;
mod scopes;
mod sweep;
mod temporary;

use std::future::Future;

use crate::id::{PluginId, RunId, RunIds};
use crate::message::{Address, Body, Chosen, Inbound, Message, MessageRef, Sender};
use crate::port::ledger::{Accepted, InboxId, Ledger, OpenRun, Post, PostKind, ProgressUse};
use crate::session::{Context, Session, SessionRow, SessionToken, ThreadKey};
use crate::time::Timestamp;

/// Checks everything the port promises of a ledger that lives as long as its process. What has to survive
/// the process is for the durable implementation's own tests.
///
/// # Panics
/// Where a promise is broken.
pub async fn ledger_contract<L, F, Made>(make: F)
where
    L: Ledger,
    F: Fn() -> Made,
    Made: Future<Output = L>,
{
    assert!(!make().await.id().is_empty());

    intake::a_second_delivery_is_a_duplicate_that_writes_nothing(&make().await).await;
    intake::numbers_rise_in_the_order_of_acceptance(&make().await).await;
    intake::what_is_accepted_together_is_numbered_in_its_order(&make().await).await;
    intake::settled_inbounds_are_finished_and_stay_as_they_were_settled(&make().await).await;
    intake::only_texts_nothing_was_done_with_are_amended(&make().await).await;

    runs::a_run_takes_its_inbounds_and_none_is_taken_twice(&make().await).await;
    runs::a_run_goes_from_open_to_answered_to_ended(&make().await).await;
    runs::what_becomes_known_of_a_run_is_kept(&make().await).await;
    runs::the_end_and_its_posts_come_together_or_not_at_all(&make().await).await;
    runs::questions_stand_in_the_order_they_were_asked(&make().await).await;

    outbox::posts_are_unfinished_until_closed_and_keep_a_state_per_part(&make().await).await;
    outbox::a_try_cut_off_by_a_crash_reads_as_unknown(&make().await).await;
    outbox::marks_need_a_part_that_exists(&make().await).await;

    scopes::replies_find_the_run_by_any_of_its_messages(&make().await).await;
    scopes::a_waiting_message_is_found_by_itself_only(&make().await).await;
    scopes::a_session_named_in_the_text_outranks_the_runs(&make().await).await;
    scopes::preferences_of_the_thread_come_before_those_of_its_chat(&make().await).await;
    scopes::what_threads_of_a_chat_are_bound_to_is_told_together(&make().await).await;
    scopes::what_is_set_at_an_instance_is_told_place_by_place(&make().await).await;
    scopes::a_new_conversation_is_not_overtaken_by_an_older_run(&make().await).await;
    scopes::the_conversation_that_went_on_last_comes_first(&make().await).await;
    scopes::each_person_has_a_conversation_of_their_own(&make().await).await;
    scopes::cursors_and_values_are_replaced_and_cleared(&make().await).await;

    history::a_chat_reads_as_it_was_said(&make().await).await;
    history::pages_join_without_gap_or_overlap(&make().await).await;
    history::conversations_are_listed_latest_first(&make().await).await;
    history::sessions_are_those_of_a_chat_and_its_threads_latest_first(&make().await).await;

    forgetting::all_that_is_finished_goes_and_only_of_that_chat(&make().await).await;
    forgetting::a_thread_is_forgotten_alone(&make().await).await;
    forgetting::what_is_not_finished_stays_when_its_chat_is_forgotten(&make().await).await;
    forgetting::a_forgotten_chat_takes_the_conversations_of_its_people_along(&make().await).await;
    forgetting::what_was_forgotten_is_still_a_duplicate_until_it_is_swept(&make().await).await;
    temporary::a_temporary_file_goes_with_its_owner(&make().await).await;

    sweep::what_is_finished_and_old_goes(&make().await).await;
    sweep::what_is_unfinished_stays_whatever_its_age(&make().await).await;
}

/// Returns the time `ms` after the epoch.
#[must_use]
pub fn at(ms: i64) -> Timestamp {
    Timestamp::from_unix_ms(ms)
}

/// Returns the id `text`.
///
/// # Panics
/// When it is none.
#[must_use]
pub fn id(text: &str) -> PluginId {
    PluginId::parse(text).expect("an id")
}

/// Returns the `n`th of a fixed row of run ids.
#[must_use]
pub fn run_id(n: u32) -> RunId {
    RunIds::new([1; 6]).next(at(1_700_000_000_000 + i64::from(n)))
}

/// Returns a chat of the instance `local`, or a thread of it, written `chat/thread`.
#[must_use]
pub fn address(text: &str) -> Address {
    let (chat, thread) = match text.split_once('/') {
        Some((chat, thread)) => (chat, Some(thread.to_owned())),
        None => (text, None),
    };
    Address { instance: id("local"), chat: chat.to_owned(), thread }
}

/// Returns a message of an address.
#[must_use]
pub fn message_ref(place: &str, message: &str) -> MessageRef {
    MessageRef { address: address(place), id: message.to_owned() }
}

/// Returns a message a person wrote, with `number` for its identity and id.
#[must_use]
pub fn message(place: &str, number: &str, text: &str) -> Message {
    Message {
        upstream: number.to_owned(),
        message: message_ref(place, number),
        sender: Sender { id: "7".to_owned(), name: "Ada".to_owned(), is_bot: false },
        text: text.to_owned(),
        reply_to: None,
        attachments: Vec::new(),
        album: None,
        forwarded: false,
        sent_at: at(1),
        chosen: Chosen::default(),
    }
}

/// Accepts a message and returns its number.
///
/// # Panics
/// When it cannot be accepted or is a duplicate.
pub async fn accepted(ledger: &impl Ledger, place: &str, number: &str, time: i64) -> InboxId {
    let inbound = Inbound::Message(message(place, number, &format!("text {number}")));
    match ledger.accept(&inbound, at(time)).await.unwrap() {
        Accepted::New(id) => id,
        Accepted::Duplicate(id) => panic!("{number} is known as {id:?}"),
    }
}

/// Returns a run about to be opened.
#[must_use]
pub fn open_run(n: u32, place: &str, inbox: &[InboxId]) -> OpenRun {
    OpenRun {
        id: run_id(n),
        inbox: inbox.to_vec(),
        address: address(place),
        reply_to: Some(message_ref(place, "1")),
        engine: id("codex"),
        thread: ThreadKey::Scope(address(place).into(), id("codex"), 0),
        context: Context { project: Some("happy".to_owned()), branch: None },
        dir: Some("/src/happy".into()),
        session: None,
        prompt: "do it".to_owned(),
        opened_at: at(100 + i64::from(n)),
    }
}

/// Returns what is kept of a codex session.
///
/// # Panics
/// When `token` is none.
#[must_use]
pub fn session_row(token: &str) -> SessionRow {
    let token = SessionToken::parse(token).expect("a token");
    SessionRow {
        session: Session { engine: id("codex"), token },
        context: Context { project: Some("happy".to_owned()), branch: Some("main".to_owned()) },
        cwd: Some("/src/happy".into()),
        mode: Some("exec".to_owned()),
        host: None,
    }
}

/// Returns a post of one part.
#[must_use]
pub fn post(place: &str, kind: PostKind, run: Option<RunId>, text: &str) -> Post {
    Post {
        to: address(place),
        kind,
        run,
        reply_to: None,
        notify: true,
        progress: ProgressUse::Keep,
        revises: None,
        parts: vec![Body::markdown(text)],
    }
}

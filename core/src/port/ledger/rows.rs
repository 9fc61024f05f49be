//! What the durable memory is given and gives back. Stored by it: a change of these types' JSON needs a
//! migration.

use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::event::{Action, Handle, Outcome, Usage};
use crate::id::{EngineId, RunId};
use crate::message::{Address, Body, Inbound, MessageRef};
use crate::port::engine::{Answer, Question};
use crate::session::{Context, Generation, Scope, Session, SessionRow, SessionToken, ThreadKey};
use crate::time::Timestamp;

/// How many of a run's first and of its last actions are kept.
pub const KEPT_ACTIONS: usize = 200;

/// Longest title of a conversation, in characters; lists show less.
pub const TITLE_CHARS: usize = 120;

/// The ledger's number of an inbound; rises in the order of acceptance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct InboxId(pub i64);

/// The ledger's number of something to send; rises in the order of posting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OutboxId(pub i64);

/// Why the ledger could not do something. Nothing accepted earlier is lost by it.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the ledger could not {attempt}: {reason}")]
pub struct LedgerError {
    /// What was attempted: a verb and its object.
    pub attempt: &'static str,
    /// What went wrong, and for a full disk or a damaged file what to do.
    pub reason: String,
    /// The cause, where there is one.
    #[source]
    pub cause: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

impl LedgerError {
    /// Returns the failure of `attempt` for `reason`, without a deeper cause.
    #[must_use]
    pub fn new(attempt: &'static str, reason: impl Into<String>) -> Self {
        Self { attempt, reason: reason.into(), cause: None }
    }
}

/// What became of an inbound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepted {
    /// It is new, and durable under this number.
    New(InboxId),
    /// It is known already; nothing was written.
    Duplicate(InboxId),
}

/// How an inbound was dealt with other than by a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Settled {
    /// A command, a button or a refusal took care of it.
    Done,
    /// It is none of our business.
    Ignored,
    /// It was taken back while it waited.
    Cancelled,
}

/// An inbound nothing was done with yet.
#[derive(Debug, Clone, PartialEq)]
pub struct PendingInbound {
    /// Its number.
    pub id: InboxId,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// What came in.
    pub inbound: Inbound,
}

/// What is written when a run starts.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenRun {
    /// The run.
    pub id: RunId,
    /// The inbounds it answers, oldest first; empty for a run a command started.
    pub inbox: Vec<InboxId>,
    /// Where it shows.
    pub address: Address,
    /// The message it answers.
    pub reply_to: Option<MessageRef>,
    /// Who runs it.
    pub engine: EngineId,
    /// The thread it belongs to.
    pub thread: ThreadKey,
    /// Project and branch.
    pub context: Context,
    /// The directory, once known.
    pub dir: Option<PathBuf>,
    /// The session it continues.
    pub session: Option<SessionToken>,
    /// What the engine is told.
    pub prompt: String,
    /// When it was opened.
    pub opened_at: Timestamp,
}

/// What becomes known of a run while it works. `None` leaves what is there.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RunNote {
    /// Its session; also becomes the running conversation of the scope named below.
    pub session: Option<SessionRow>,
    /// The scope whose running conversation the session becomes, with the generation it was started in;
    /// an outdated generation changes nothing. Heeded only together with `session`.
    pub conversation: Option<(Scope, Generation)>,
    /// How to join it again.
    pub handle: Option<Handle>,
    /// The message its progress is painted into.
    pub progress: Option<MessageRef>,
    /// The directory it works in.
    pub dir: Option<PathBuf>,
}

/// What is written when a run is over.
#[derive(Debug, Clone, PartialEq)]
pub struct EndRun {
    /// The run.
    pub id: RunId,
    /// How it ended.
    pub outcome: Outcome,
    /// Its answer.
    pub answer: String,
    /// What it used.
    pub usage: Option<Usage>,
    /// How many distinct actions it took.
    pub steps: u64,
    /// Its first and last actions, at most [`KEPT_ACTIONS`] each.
    pub actions: Vec<Action>,
    /// When it ended.
    pub ended_at: Timestamp,
    /// What is to be sent because of it, in the same transaction.
    pub post: Vec<Post>,
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// The engine works.
    Open,
    /// An answer is stored; the engine may still be winding up.
    Answered,
    /// It is over.
    Ended,
}

/// What the ledger keeps of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRow {
    /// What was written at its start, with what became known since.
    pub opened: OpenRun,
    /// Where it stands.
    pub state: RunState,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// Its answer.
    pub answer: Option<String>,
    /// The message its progress is painted into.
    pub progress: Option<MessageRef>,
    /// How to join it again.
    pub handle: Option<Handle>,
    /// What it used.
    pub usage: Option<Usage>,
    /// How many distinct actions it took.
    pub steps: u64,
    /// Its first and last actions.
    pub actions: Vec<Action>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

/// What kind of thing is sent. The order is the order of urgency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PostKind {
    /// The reply to a command or a button, a refusal.
    Reply,
    /// A question of an engine.
    Question,
    /// A run's answer or error.
    Final,
    /// Something the daemon tells by itself.
    Notice,
}

/// What becomes of a run's progress message when something else is posted for the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProgressUse {
    /// It stays as it is.
    #[default]
    Keep,
    /// It becomes the first part; without one the part is sent.
    Become,
    /// It is deleted once all parts stand.
    Replace,
}

/// Something to be sent for certain, already laid out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Post {
    /// Where.
    pub to: Address,
    /// What kind of thing it is.
    pub kind: PostKind,
    /// The run it belongs to: a reply to any of its messages continues that run's session.
    pub run: Option<RunId>,
    /// The message it answers.
    pub reply_to: Option<MessageRef>,
    /// Whether the person's device may make a sound.
    pub notify: bool,
    /// What becomes of the run's progress message.
    pub progress: ProgressUse,
    /// The post this one takes the place of: its messages are edited into this one's parts.
    pub revises: Option<OutboxId>,
    /// The parts, in order. Never empty.
    pub parts: Vec<Body>,
}

impl Post {
    /// Returns an answer to a message, of no run, with notification.
    #[must_use]
    pub fn reply(message: &MessageRef, parts: Vec<Body>) -> Self {
        let to = message.address.clone();
        Self { kind: PostKind::Reply, reply_to: Some(message.clone()), ..Self::notice(to, parts) }
    }

    /// Returns something that is said by itself, with notification.
    #[must_use]
    pub const fn notice(to: Address, parts: Vec<Body>) -> Self {
        Self {
            to,
            kind: PostKind::Notice,
            run: None,
            reply_to: None,
            notify: true,
            progress: ProgressUse::Keep,
            revises: None,
            parts,
        }
    }
}

/// Where a part of a post stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum PartState {
    /// Not tried, or certainly not arrived.
    Waiting,
    /// A try is under way; after a crash this reads as an unknown outcome.
    Trying {
        /// Tries before this one whose outcome is unknown.
        unknown: u32,
    },
    /// So many tries ended unknown.
    Unknown {
        /// How many.
        unknown: u32,
    },
    /// It stands as this message.
    Sent {
        /// The message.
        message: MessageRef,
        /// Tries before it whose outcome is unknown: possible extra copies.
        unknown: u32,
    },
    /// The service will not take it; the reason was logged and, where possible, told.
    Refused {
        /// Why.
        reason: String,
    },
}

/// A post and where its parts stand.
#[derive(Debug, Clone, PartialEq)]
pub struct OutboxRow {
    /// Its number.
    pub id: OutboxId,
    /// When it was posted.
    pub posted_at: Timestamp,
    /// What is to be sent.
    pub post: Post,
    /// One state per part.
    pub states: Vec<PartState>,
    /// Whether all is done, the deletion of what it replaces included.
    pub closed: bool,
}

/// What the last daemon left undone.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Unfinished {
    /// Accepted, neither settled nor part of a run; in the order of acceptance.
    pub inbox: Vec<PendingInbound>,
    /// Opened and not ended, in the order of opening.
    pub runs: Vec<RunRow>,
    /// Not closed, in the order of posting.
    pub outbox: Vec<OutboxRow>,
}

/// What a person can set per scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PreferenceKey {
    /// The default engine.
    Engine,
    /// Project and branch, as `project`, `project @branch` or `@branch`.
    Context,
    /// The model of one engine.
    Model,
    /// The reasoning level of one engine.
    Reasoning,
    /// When the bot listens: `all` or `mentions`.
    Trigger,
}

/// One thing set in one scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preference {
    /// The scope: a whole chat or one of its threads.
    pub scope: Address,
    /// What is set.
    pub key: PreferenceKey,
    /// The engine it is set for, where it is per engine.
    pub engine: Option<EngineId>,
    /// The value.
    pub value: String,
}

/// What routing asks the ledger, in one read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FactsQuery {
    /// Where the message stands, and whose conversation goes on there.
    pub scope: Scope,
    /// The message replied to or carrying the button.
    pub about: Option<MessageRef>,
    /// The session named in the text.
    pub session: Option<Session>,
}

/// What routing learns from the ledger.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StoredFacts {
    /// The run that the message asked about belongs to.
    pub run: Option<RunRow>,
    /// The new message that the message asked about is, while nothing was done with it.
    pub pending: Option<InboxId>,
    /// What is known of the session named in the text, or else of that run's session.
    pub session: Option<SessionRow>,
    /// What is set in the thread and its chat; the thread's come first.
    pub preferences: Vec<Preference>,
    /// The running conversations of the scope, one per engine; that in which a run was opened last comes first.
    pub conversations: Vec<SessionRow>,
    /// The generation of the scope.
    pub generation: Generation,
}

/// A question an engine asked.
#[derive(Debug, Clone, PartialEq)]
pub struct QuestionRow {
    /// Whose question.
    pub run: RunId,
    /// What was asked.
    pub question: Question,
    /// What was answered.
    pub answer: Option<Answer>,
}

/// What the ledger keeps of a chat or thread, in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Remembered {
    /// Messages of people, overheard ones included.
    pub messages: u64,
    /// Runs, with their answers, actions and questions.
    pub runs: u64,
    /// Messages that were sent.
    pub posts: u64,
    /// Sessions that nothing elsewhere names.
    pub sessions: u64,
    /// What waits, runs or is still to be sent: it is in none of the other numbers, and cannot be forgotten.
    pub unfinished: u64,
}

impl Remembered {
    /// Returns whether there is nothing that can be forgotten.
    #[must_use]
    pub const fn is_nothing(&self) -> bool {
        self.messages + self.runs + self.posts + self.sessions == 0
    }
}

/// One thing that was said in a conversation.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    /// A person's message.
    Inbound {
        /// Its number.
        id: InboxId,
        /// What it was.
        inbound: Box<Inbound>,
        /// When it was accepted.
        at: Timestamp,
        /// The run that answers it.
        run: Option<RunId>,
    },
    /// A run; it stands where its last inbound stands.
    Run(Box<RunRow>),
    /// Something the house said other than a run's final.
    Post(Box<OutboxRow>),
}

/// Runs that are looked at for the sessions of a chat: the last ones.
pub const SESSION_RUNS: usize = 1000;

/// A session that ran in a chat, for lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionOfChat {
    /// The session.
    pub session: Session,
    /// The first line of its first prompt.
    pub title: String,
    /// When its last run was opened.
    pub last_at: Timestamp,
}

impl SessionOfChat {
    /// Returns the sessions of runs, which come the latest first, in that order; `limit` at most.
    #[must_use]
    pub fn of_runs(runs: impl IntoIterator<Item = (Session, String, Timestamp)>, limit: usize) -> Vec<Self> {
        let mut found: Vec<Self> = Vec::new();
        for (session, prompt, last_at) in runs {
            let title = Conversation::title_from(&prompt);
            match found.iter_mut().find(|one| one.session == session) {
                Some(known) => known.title = title,
                None => found.push(Self { session, title, last_at }),
            }
        }
        found.truncate(limit);
        found
    }
}

/// A chat of an instance, for lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    /// Where it is.
    pub address: Address,
    /// The first line of its first message.
    pub title: String,
    /// When something was last said.
    pub last_at: Timestamp,
}

impl Conversation {
    /// Returns the title that a first message of `text` gives: its first line that isn't blank, at most
    /// [`TITLE_CHARS`] of it.
    #[must_use]
    pub fn title_from(text: &str) -> String {
        let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
        line.chars().take(TITLE_CHARS).collect()
    }
}

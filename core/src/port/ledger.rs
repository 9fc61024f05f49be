//! The port to the durable memory. One process holds it, one writer is in it. What is written and read is
//! in `ledger/rows.rs`.
//!
//! `accept`, `open`, `answer` and `end` are on disk (synchronous=FULL) when they return; the rest is
//! ordered with them but may be lost with the machine's power, never with the process.

mod rows;

pub use rows::*;

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use tokio::io::AsyncWrite;

use crate::id::{EngineId, InstanceId, RunId};
use crate::message::{Address, Inbound};
use crate::session::{Generation, Scope};
use crate::time::Timestamp;

/// A file for bytes on their way in; dropped, it is gone. What was written is in it once it is flushed.
pub trait Temporary: AsyncWrite + Send + Unpin {
    /// Returns where it is.
    fn path(&self) -> &Path;
}
/// The namespace of topics' titles, as far as they are known; the key is `INSTANCE/CHAT/THREAD`.
pub const TOPIC_TITLES: &str = "topic_title";

/// The durable memory.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Returns this ledger's own id, the same for its life: children carry it as `TAKOPI_CHILD`.
    fn id(&self) -> &str;

    /// Writes an inbound. On disk when it returns. The same upstream identity on the same instance is a
    /// duplicate, for as long as retention keeps the row.
    ///
    /// # Errors
    /// [`LedgerError`]; then upstream must not be told that we have it.
    async fn accept(&self, inbound: &Inbound, at: Timestamp) -> Result<Accepted, LedgerError>;

    /// Writes several, as [`Self::accept`] writes one: all of them or none, numbered in their order, and on disk
    /// together. Returns what became of each.
    ///
    /// # Errors
    /// [`LedgerError`]; then none of them is written.
    async fn accept_all(&self, inbounds: &[Inbound], at: Timestamp) -> Result<Vec<Accepted>, LedgerError>;

    /// Closes inbounds that no run answers. Those dealt with already, or not known, stay as they are.
    ///
    /// # Errors
    /// [`LedgerError`].
    async fn settle(&self, inbox: &[InboxId], how: Settled) -> Result<(), LedgerError>;

    /// Replaces the text of an inbound nothing was done with yet; returns whether it was so.
    ///
    /// # Errors
    /// [`LedgerError`].
    async fn amend(&self, inbox: InboxId, text: &str) -> Result<bool, LedgerError>;

    /// Returns an inbound as it came in or was amended; `None` when it is not known, or not any more.
    ///
    /// # Errors
    /// [`LedgerError`].
    async fn inbound(&self, inbox: InboxId) -> Result<Option<Inbound>, LedgerError>;

    /// Opens a run with the inbounds it answers. On disk when it returns.
    ///
    /// # Errors
    /// [`LedgerError`], also when one of the inbounds is dealt with already, so that none runs twice; then
    /// the engine must not be started.
    async fn open(&self, run: &OpenRun) -> Result<(), LedgerError>;

    /// Writes what became known of a run.
    ///
    /// # Errors
    /// [`LedgerError`].
    async fn note(&self, run: RunId, note: &RunNote) -> Result<(), LedgerError>;

    /// Stores an answer while the engine still winds up; a later one replaces it. On disk when it
    /// returns, together with `post`. Returns the numbers of the posts.
    ///
    /// # Errors
    /// [`LedgerError`], also when the run is over.
    async fn answer(
        &self,
        run: RunId,
        answer: &str,
        post: Vec<Post>,
        at: Timestamp,
    ) -> Result<Vec<OutboxId>, LedgerError>;

    /// Ends a run. On disk when it returns, together with its posts, whose numbers are returned.
    ///
    /// # Errors
    /// [`LedgerError`], also when the run is over, and then nothing is posted.
    async fn end(&self, end: EndRun) -> Result<Vec<OutboxId>, LedgerError>;

    /// Returns what the last daemon left undone. Parts found [`PartState::Trying`] come back as
    /// [`PartState::Unknown`] with one more unknown try.
    ///
    /// # Errors
    /// [`LedgerError`].
    async fn unfinished(&self) -> Result<Unfinished, LedgerError>;

    /// Returns a run.
    ///
    /// # Errors
    /// [`LedgerError`].
    async fn run(&self, run: RunId) -> Result<Option<RunRow>, LedgerError>;

    /// Returns what routing needs to know, in one consistent read.
    ///
    /// # Errors
    /// [`LedgerError`].
    async fn facts(&self, query: &FactsQuery) -> Result<StoredFacts, LedgerError>;

    /// Puts something into the outbox and returns its number.
    ///
    /// # Errors
    /// [`LedgerError`].
    async fn post(&self, post: Post, at: Timestamp) -> Result<OutboxId, LedgerError>;

    /// Returns a post.
    ///
    /// # Errors
    /// [`LedgerError`].
    async fn outbox(&self, id: OutboxId) -> Result<Option<OutboxRow>, LedgerError>;

    /// Writes where one part stands. A sent part of a run's post makes its message one of that run's.
    ///
    /// # Errors
    /// [`LedgerError`].
    async fn mark(&self, id: OutboxId, part: usize, state: &PartState) -> Result<(), LedgerError>;

    /// Closes a post: nothing more is to be done for it. Its spooled files go, but for those that another post
    /// needs.
    ///
    /// # Errors
    /// [`LedgerError`].
    async fn close_post(&self, id: OutboxId) -> Result<(), LedgerError>;

    /// Begins a new conversation in `scope`: raises its generation, forgets its running sessions, and
    /// returns the generation.
    ///
    /// # Errors
    /// [`LedgerError`].
    async fn renew(&self, scope: &Scope) -> Result<Generation, LedgerError>;

    /// Sets or (with `None`) clears a preference.
    ///
    /// # Errors
    /// [`LedgerError`].
    async fn prefer(
        &self,
        scope: &Address,
        key: PreferenceKey,
        engine: Option<&EngineId>,
        value: Option<&str>,
    ) -> Result<(), LedgerError>;

    /// Returns what is set under a key in the threads of a chat, by thread; what is set per engine is left out.
    ///
    /// # Errors
    /// [`LedgerError`].
    async fn preferences_of_threads(
        &self,
        chat: &Address,
        key: PreferenceKey,
    ) -> Result<Vec<Preference>, LedgerError>;

    /// Returns what is set at an instance, but for what is set per engine: a chat before its threads, and what is set
    /// for one place together.
    ///
    /// # Errors
    /// [`LedgerError`].
    async fn preferences_of(&self, instance: &InstanceId) -> Result<Vec<Preference>, LedgerError>;

    /// Writes a question, or its answer when the question is known already.
    ///
    /// # Errors
    /// [`LedgerError`].
    async fn question(&self, row: &QuestionRow) -> Result<(), LedgerError>;

    /// Returns the questions of a run, in the order they were asked.
    ///
    /// # Errors
    /// [`LedgerError`].
    async fn questions(&self, run: RunId) -> Result<Vec<QuestionRow>, LedgerError>;

    /// Returns up to where an instance has received.
    ///
    /// # Errors
    /// [`LedgerError`].
    async fn cursor(&self, instance: &InstanceId) -> Result<Option<String>, LedgerError>;

    /// Stores up to where an instance has received. Ordered after every accept that returned before.
    ///
    /// # Errors
    /// [`LedgerError`].
    async fn set_cursor(&self, instance: &InstanceId, cursor: &str) -> Result<(), LedgerError>;

    /// Returns a value of a namespace.
    ///
    /// # Errors
    /// [`LedgerError`].
    async fn get(&self, namespace: &str, key: &str) -> Result<Option<String>, LedgerError>;

    /// Sets or (with `None`) clears a value of a namespace.
    ///
    /// # Errors
    /// [`LedgerError`].
    async fn put(&self, namespace: &str, key: &str, value: Option<&str>) -> Result<(), LedgerError>;

    /// Returns what was said at an address: the last things older than `before` (an inbox number; `None`
    /// is now), oldest first, `limit` at most. A post stands after the inbound that came last before it.
    /// Ignored messages are left out, and so are presses, edits and deletions no run answers. A page begins
    /// with an inbound, whose number is the next page's `before`; one that doesn't is the last. Of more than
    /// `limit` things after one inbound the latest are told.
    ///
    /// # Errors
    /// [`LedgerError`].
    async fn history(
        &self,
        address: &Address,
        before: Option<InboxId>,
        limit: usize,
    ) -> Result<Vec<Said>, LedgerError>;

    /// Returns the conversations of an instance, the latest first.
    ///
    /// # Errors
    /// [`LedgerError`].
    async fn conversations(
        &self,
        instance: &InstanceId,
        limit: usize,
    ) -> Result<Vec<Conversation>, LedgerError>;

    /// Returns the sessions that ran at an address, of a whole chat also those of its threads, the latest first, as
    /// far as its last [`SESSION_RUNS`] runs know them.
    ///
    /// # Errors
    /// [`LedgerError`].
    async fn sessions(&self, address: &Address, limit: usize) -> Result<Vec<SessionOfChat>, LedgerError>;

    /// Returns what [`Ledger::forget`] would take of an address, and what it would leave.
    ///
    /// # Errors
    /// [`LedgerError`].
    async fn remembered(&self, address: &Address) -> Result<Remembered, LedgerError>;

    /// Forgets what is finished at an address, spooled files and running conversations included; of a whole chat
    /// also what is in its threads. Preferences stay, and so does what is not finished. What was accepted stays
    /// known as a duplicate for as long as retention would have kept it, without any of its content. On disk
    /// when it returns; done twice it is done once.
    ///
    /// # Errors
    /// [`LedgerError`]; then a part of it may be forgotten already.
    async fn forget(&self, address: &Address) -> Result<Remembered, LedgerError>;

    /// Returns the folder for files on their way out, made on first use. What lies there when the ledger is opened
    /// and belongs to no open post is removed.
    fn spool(&self) -> PathBuf;

    /// Makes an empty file in the spool for bytes on their way in. Nobody but its maker knows of it; what a crash
    /// leaves is taken away when the ledger is opened again.
    ///
    /// # Errors
    /// [`LedgerError`].
    async fn temporary(&self) -> Result<Box<dyn Temporary>, LedgerError>;

    /// Forgets what is finished and older than `before`, spooled files included; returns how many rows
    /// went. Work that is not finished stays whatever its age.
    ///
    /// # Errors
    /// [`LedgerError`].
    async fn sweep(&self, before: Timestamp) -> Result<u64, LedgerError>;
}

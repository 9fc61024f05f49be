//! A ledger that forgets everything with the process: for tests of those who write into one. It keeps the
//! port's contract (`testing/ledger.rs`) by the simplest means, linear scans under one lock.

mod forgetting;
mod reads;
mod temporary;
mod writes;

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::sync::watch;

use crate::id::{EngineId, InstanceId, RunId};
use crate::message::{Address, Inbound, MessageRef};
use crate::port::ledger::{
    Accepted, Conversation, EndRun, FactsQuery, InboxId, Ledger, LedgerError, OpenRun, OutboxId, OutboxRow,
    PartState, Post, Preference, PreferenceKey, QuestionRow, Remembered, RunNote, RunRow, Said,
    SessionOfChat, Settled, StoredFacts, Temporary, Unfinished,
};
use crate::session::{Generation, Scope, Session, SessionRow};
use crate::time::Timestamp;

/// The ledger in memory.
#[derive(Debug, Default)]
pub struct MemoryLedger {
    state: Mutex<State>,
    broken: AtomicBool,
    failed_writes: AtomicU64,
    held: watch::Sender<bool>,
    waiting: watch::Sender<usize>,
    spool: Option<PathBuf>,
}

/// What became of an inbound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Pending,
    Settled(Settled),
    Run(RunId),
}

#[derive(Debug)]
struct InboxEntry {
    inbound: Inbound,
    at: Timestamp,
    fate: Fate,
}

/// Something with the inbound after which it stands in its chat's history; 0 is before the first.
#[derive(Debug)]
struct Placed<T> {
    place: i64,
    row: T,
}

#[derive(Debug, Default)]
struct State {
    last_inbox: i64,
    last_outbox: i64,
    inbox: BTreeMap<i64, InboxEntry>,
    runs: Vec<Placed<RunRow>>,
    outbox: BTreeMap<i64, Placed<OutboxRow>>,
    messages: HashMap<(InstanceId, String, String), RunId>,
    sessions: BTreeMap<Session, SessionRow>,
    conversations: BTreeMap<(Scope, EngineId), Session>,
    generations: HashMap<Scope, Generation>,
    preferences: BTreeMap<(Address, PreferenceKey, Option<EngineId>), String>,
    questions: Vec<QuestionRow>,
    cursors: HashMap<InstanceId, String>,
    values: HashMap<(String, String), String>,
    /// What was accepted and forgotten: its number, and when it came.
    forgotten: HashMap<(InstanceId, String), (i64, Timestamp)>,
}

impl MemoryLedger {
    /// Lets files on their way out lie in `folder`.
    #[must_use]
    pub fn with_spool(mut self, folder: impl Into<PathBuf>) -> Self {
        self.spool = Some(folder.into());
        self
    }

    /// Returns an empty ledger.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes every write fail from now on, as a full disk does, or lets them succeed again.
    pub fn break_writes(&self, broken: bool) {
        self.broken.store(broken, Ordering::SeqCst);
    }

    /// Returns how many writes have failed by [`Self::break_writes`].
    #[must_use]
    pub fn failed_writes(&self) -> u64 {
        self.failed_writes.load(Ordering::SeqCst)
    }

    /// Keeps every accept waiting from now on, as a slow disk does, or lets them go on.
    pub fn hold_accepts(&self, held: bool) {
        self.held.send_replace(held);
    }

    /// Waits until an accept is under way, which is for long only because of [`Self::hold_accepts`].
    pub async fn wait_held(&self) {
        // The sender lives as long as this ledger.
        drop(self.waiting.subscribe().wait_for(|waiting| *waiting > 0).await);
    }

    /// Returns everything that was accepted, in that order.
    #[must_use]
    pub fn accepted(&self) -> Vec<Inbound> {
        self.read().inbox.values().map(|entry| entry.inbound.clone()).collect()
    }

    async fn wait_for_the_disk(&self) {
        self.waiting.send_modify(|waiting| *waiting += 1);
        drop(self.held.subscribe().wait_for(|held| !held).await);
        self.waiting.send_modify(|waiting| *waiting -= 1);
    }

    fn read(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, attempt: &'static str) -> Result<MutexGuard<'_, State>, LedgerError> {
        if self.broken.load(Ordering::SeqCst) {
            self.failed_writes.fetch_add(1, Ordering::SeqCst);
            return Err(LedgerError::new(attempt, "the disk is full; free some space"));
        }
        Ok(self.read())
    }
}

/// The service's identity of a message: its thread is no part of it.
fn key_of(message: &MessageRef) -> (InstanceId, String, String) {
    (message.address.instance.clone(), message.address.chat.clone(), message.id.clone())
}

#[async_trait]
impl Ledger for MemoryLedger {
    fn id(&self) -> &'static str {
        "memory"
    }

    async fn accept(&self, inbound: &Inbound, at: Timestamp) -> Result<Accepted, LedgerError> {
        self.wait_for_the_disk().await;
        Ok(self.write("accept a message")?.accept(inbound, at))
    }

    async fn accept_all(&self, inbounds: &[Inbound], at: Timestamp) -> Result<Vec<Accepted>, LedgerError> {
        self.wait_for_the_disk().await;
        let mut state = self.write("accept messages")?;
        Ok(inbounds.iter().map(|inbound| state.accept(inbound, at)).collect())
    }

    async fn settle(&self, inbox: &[InboxId], how: Settled) -> Result<(), LedgerError> {
        self.write("settle a message")?.settle(inbox, how);
        Ok(())
    }

    async fn amend(&self, inbox: InboxId, text: &str) -> Result<bool, LedgerError> {
        Ok(self.write("amend a message")?.amend(inbox, text))
    }

    async fn inbound(&self, inbox: InboxId) -> Result<Option<Inbound>, LedgerError> {
        Ok(self.read().inbox.get(&inbox.0).map(|entry| entry.inbound.clone()))
    }

    async fn open(&self, run: &OpenRun) -> Result<(), LedgerError> {
        self.write("open a run")?.open(run)
    }

    async fn note(&self, run: RunId, note: &RunNote) -> Result<(), LedgerError> {
        self.write("note a run")?.note(run, note)
    }

    async fn answer(
        &self,
        run: RunId,
        answer: &str,
        post: Vec<Post>,
        at: Timestamp,
    ) -> Result<Vec<OutboxId>, LedgerError> {
        self.write("store an answer")?.answer(run, answer, post, at)
    }

    async fn end(&self, end: EndRun) -> Result<Vec<OutboxId>, LedgerError> {
        self.write("end a run")?.end(end)
    }

    async fn unfinished(&self) -> Result<Unfinished, LedgerError> {
        Ok(self.read().unfinished())
    }

    async fn run(&self, run: RunId) -> Result<Option<RunRow>, LedgerError> {
        Ok(self.read().run(run).map(|run| run.row.clone()))
    }

    async fn facts(&self, query: &FactsQuery) -> Result<StoredFacts, LedgerError> {
        Ok(self.read().facts(query))
    }

    async fn post(&self, post: Post, at: Timestamp) -> Result<OutboxId, LedgerError> {
        Ok(self.write("post a message")?.post(post, at))
    }

    async fn outbox(&self, id: OutboxId) -> Result<Option<OutboxRow>, LedgerError> {
        Ok(self.read().outbox.get(&id.0).map(|post| post.row.clone()))
    }

    async fn mark(&self, id: OutboxId, part: usize, state: &PartState) -> Result<(), LedgerError> {
        self.write("mark a post")?.mark(id, part, state)
    }

    async fn close_post(&self, id: OutboxId) -> Result<(), LedgerError> {
        self.write("close a post")?.close_post(id)
    }

    async fn renew(&self, scope: &Scope) -> Result<Generation, LedgerError> {
        Ok(self.write("begin a conversation")?.renew(scope))
    }

    async fn prefer(
        &self,
        scope: &Address,
        key: PreferenceKey,
        engine: Option<&EngineId>,
        value: Option<&str>,
    ) -> Result<(), LedgerError> {
        let preferences = &mut self.write("set a preference")?.preferences;
        let slot = (scope.clone(), key, engine.cloned());
        match value {
            Some(value) => preferences.insert(slot, value.to_owned()),
            None => preferences.remove(&slot),
        };
        Ok(())
    }

    async fn preferences_of_threads(
        &self,
        chat: &Address,
        key: PreferenceKey,
    ) -> Result<Vec<Preference>, LedgerError> {
        Ok(self.read().preferences_of_threads(chat, key))
    }

    async fn preferences_of(&self, instance: &InstanceId) -> Result<Vec<Preference>, LedgerError> {
        Ok(self.read().preferences_at(instance))
    }

    async fn question(&self, row: &QuestionRow) -> Result<(), LedgerError> {
        self.write("store a question")?.question(row)
    }

    async fn questions(&self, run: RunId) -> Result<Vec<QuestionRow>, LedgerError> {
        Ok(self.read().questions.iter().filter(|row| row.run == run).cloned().collect())
    }

    async fn cursor(&self, instance: &InstanceId) -> Result<Option<String>, LedgerError> {
        Ok(self.read().cursors.get(instance).cloned())
    }

    async fn set_cursor(&self, instance: &InstanceId, cursor: &str) -> Result<(), LedgerError> {
        self.write("store a cursor")?.cursors.insert(instance.clone(), cursor.to_owned());
        Ok(())
    }

    async fn get(&self, namespace: &str, key: &str) -> Result<Option<String>, LedgerError> {
        Ok(self.read().values.get(&(namespace.to_owned(), key.to_owned())).cloned())
    }

    async fn put(&self, namespace: &str, key: &str, value: Option<&str>) -> Result<(), LedgerError> {
        let values = &mut self.write("store a value")?.values;
        let slot = (namespace.to_owned(), key.to_owned());
        match value {
            Some(value) => values.insert(slot, value.to_owned()),
            None => values.remove(&slot),
        };
        Ok(())
    }

    async fn history(
        &self,
        address: &Address,
        before: Option<InboxId>,
        limit: usize,
    ) -> Result<Vec<Said>, LedgerError> {
        Ok(self.read().history(address, before, limit))
    }

    async fn conversations(
        &self,
        instance: &InstanceId,
        limit: usize,
    ) -> Result<Vec<Conversation>, LedgerError> {
        Ok(self.read().list_conversations(instance, limit))
    }

    async fn sessions(&self, address: &Address, limit: usize) -> Result<Vec<SessionOfChat>, LedgerError> {
        Ok(self.read().sessions_of(address, limit))
    }

    async fn remembered(&self, address: &Address) -> Result<Remembered, LedgerError> {
        Ok(self.read().remembered(address))
    }

    async fn forget(&self, address: &Address) -> Result<Remembered, LedgerError> {
        Ok(self.write("forget a chat")?.forget(address))
    }

    /// Returns a folder nobody made: who puts files there makes it.
    /// Returns the folder of [`Self::with_spool`]; without one a folder nobody made.
    fn spool(&self) -> PathBuf {
        let nobodys = || std::env::temp_dir().join("takopi-memory-ledger.spool");
        self.spool.clone().unwrap_or_else(nobodys)
    }

    async fn temporary(&self) -> Result<Box<dyn Temporary>, LedgerError> {
        drop(self.write("make a temporary file")?);
        temporary::make(&self.spool())
    }

    async fn sweep(&self, before: Timestamp) -> Result<u64, LedgerError> {
        Ok(self.write("sweep")?.sweep(before))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_ledger_in_memory_keeps_the_contract() {
        crate::testing::ledger::ledger_contract(|| async { MemoryLedger::new() }).await;
    }
}

//! The port, method by method: what is written by which thread and how durably. What the writes and reads
//! are is in the files named after their tables.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::{Connection, TransactionBehavior};
use takopi_core::id::{EngineId, InstanceId, RunId};
use takopi_core::message::{Address, Inbound};
use takopi_core::port::ledger::{
    Accepted, Conversation, EndRun, FactsQuery, InboxId, Ledger, LedgerError, OpenRun, OutboxId, OutboxRow,
    PartState, Post, Preference, PreferenceKey, QuestionRow, Remembered, RunNote, RunRow, Said,
    SessionOfChat, Settled, StoredFacts, Temporary, Unfinished,
};
use takopi_core::session::{Generation, Scope};
use takopi_core::time::Timestamp;

use crate::failure::Failure;
use crate::reader::Reader;
use crate::stored::{change, first};
use crate::writer::{Durability, Writer};
use crate::{file, forget, history, inbox, outbox, runs, scopes, spool, sweep, temporary};

/// The durable memory in one SQLite file. Letting go of it writes what is queued and merges the WAL into the
/// file, waiting for that at most some seconds.
#[derive(Debug)]
pub struct SqliteLedger {
    id: String,
    path: Arc<Path>,
    spool: PathBuf,
    // The reader is let go of first: the last connection to close is the one that merges the WAL.
    reader: Reader,
    pub(crate) writer: Writer,
}

impl SqliteLedger {
    /// Opens the ledger at `path`, making the file (mode 0600) and its folder (0700) where absent, and brings
    /// it to the latest format. What lies in the spool and belongs to no post that is to be sent is removed: nobody
    /// is about to post it. Takes a few milliseconds and blocks meanwhile. That nobody else holds the ledger is for
    /// the caller to see to.
    ///
    /// # Errors
    /// [`LedgerError`] when the file cannot be made or opened, is damaged, in use by another program, another
    /// program's, or of a newer takopi. The reason says what to do.
    pub fn open(path: &Path) -> Result<Self, LedgerError> {
        Self::try_open(path).map_err(|failure| failure.told("open its file", path))
    }

    fn try_open(path: &Path) -> Result<Self, Failure> {
        file::make(path)?;
        let mut connection = file::open_for_writing(path)?;
        let id = identity(&mut connection)?;
        let spool = file::spool_of(path);
        spool::clear(&connection, &spool);
        let shared: Arc<Path> = path.into();
        let reader = Reader::start(file::open_for_reading(path)?, Arc::clone(&shared))?;
        let writer = Writer::start(connection, Arc::clone(&shared))?;
        Ok(Self { id, spool, path: shared, reader, writer })
    }

    /// Returns the path of the file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Ends the conversations of an instance that take place in no project and in another directory than `dir`, and
    /// returns how many. Their sessions can still be resumed. Call before the transport is served.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn end_conversations_outside(
        &self,
        instance: &InstanceId,
        dir: &Path,
    ) -> Result<usize, LedgerError> {
        let (instance, dir) = (instance.clone(), dir.to_owned());
        self.write("end conversations of another directory", move |db| {
            scopes::end_outside(db, &instance, &dir)
        })
        .await
    }

    pub(crate) async fn write<T, F>(&self, attempt: &'static str, work: F) -> Result<T, LedgerError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    {
        self.writer.write(attempt, Durability::Normal, work).await
    }

    async fn write_to_disk<T, F>(&self, attempt: &'static str, work: F) -> Result<T, LedgerError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    {
        self.writer.write(attempt, Durability::Full, work).await
    }
}

/// Returns the ledger's own id, giving it one on its first day.
fn identity(connection: &mut Connection) -> Result<String, Failure> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let known = first(&transaction, "SELECT value FROM meta WHERE key = 'id'", [], |row| Ok(row.get(0)?))?;
    let id = match known {
        Some(id) => id,
        None => {
            let id = uuid::Uuid::new_v4().to_string();
            change(&transaction, "INSERT INTO meta (key, value) VALUES ('id', ?1)", [&id])?;
            id
        }
    };
    transaction.commit()?;
    Ok(id)
}

#[async_trait]
impl Ledger for SqliteLedger {
    fn id(&self) -> &str {
        &self.id
    }

    async fn accept(&self, inbound: &Inbound, at: Timestamp) -> Result<Accepted, LedgerError> {
        let inbound = inbound.clone();
        self.write_to_disk("accept a message", move |db| inbox::accept(db, &inbound, at)).await
    }

    async fn accept_all(&self, inbounds: &[Inbound], at: Timestamp) -> Result<Vec<Accepted>, LedgerError> {
        let inbounds = inbounds.to_vec();
        let accept = move |db: &Connection| inbounds.iter().map(|one| inbox::accept(db, one, at)).collect();
        self.write_to_disk("accept messages", accept).await
    }

    async fn settle(&self, inbox: &[InboxId], how: Settled) -> Result<(), LedgerError> {
        let inbox = inbox.to_vec();
        self.write("settle a message", move |db| inbox::settle(db, &inbox, how)).await
    }

    async fn amend(&self, inbox: InboxId, text: &str) -> Result<bool, LedgerError> {
        let text = text.to_owned();
        self.write("amend a message", move |db| inbox::amend(db, inbox, &text)).await
    }

    async fn open(&self, run: &OpenRun) -> Result<(), LedgerError> {
        let run = run.clone();
        self.write_to_disk("open a run", move |db| runs::open(db, &run)).await
    }

    async fn note(&self, run: RunId, note: &RunNote) -> Result<(), LedgerError> {
        let note = note.clone();
        self.write("note a run", move |db| runs::note(db, run, &note)).await
    }

    async fn answer(
        &self,
        run: RunId,
        answer: &str,
        post: Vec<Post>,
        at: Timestamp,
    ) -> Result<Vec<OutboxId>, LedgerError> {
        let answer = answer.to_owned();
        self.write_to_disk("store an answer", move |db| runs::answer(db, run, &answer, &post, at)).await
    }

    async fn end(&self, end: EndRun) -> Result<Vec<OutboxId>, LedgerError> {
        self.write_to_disk("end a run", move |db| runs::end(db, &end)).await
    }

    async fn unfinished(&self) -> Result<Unfinished, LedgerError> {
        let read = |db: &Connection| {
            Ok(Unfinished {
                inbox: inbox::pending(db)?,
                runs: runs::unfinished(db)?,
                outbox: outbox::unfinished(db)?,
            })
        };
        self.reader.read("read what is unfinished", read).await
    }

    async fn run(&self, run: RunId) -> Result<Option<RunRow>, LedgerError> {
        self.reader.read("read a run", move |db| runs::run(db, run)).await
    }

    async fn facts(&self, query: &FactsQuery) -> Result<StoredFacts, LedgerError> {
        let query = query.clone();
        self.reader.read("read what routing asks", move |db| scopes::facts(db, &query)).await
    }

    async fn post(&self, post: Post, at: Timestamp) -> Result<OutboxId, LedgerError> {
        self.write("post a message", move |db| outbox::post(db, &post, at)).await
    }

    async fn inbound(&self, inbox: InboxId) -> Result<Option<Inbound>, LedgerError> {
        self.reader.read("read a message", move |db| inbox::inbound(db, inbox)).await
    }

    async fn outbox(&self, id: OutboxId) -> Result<Option<OutboxRow>, LedgerError> {
        self.reader.read("read a post", move |db| outbox::row(db, id)).await
    }

    async fn mark(&self, id: OutboxId, part: usize, state: &PartState) -> Result<(), LedgerError> {
        let state = state.clone();
        self.write("mark a post", move |db| outbox::mark(db, id, part, &state)).await
    }

    async fn close_post(&self, id: OutboxId) -> Result<(), LedgerError> {
        let unneeded = self.write("close a post", move |db| outbox::close(db, id)).await?;
        if unneeded.is_empty() {
            return Ok(());
        }
        let spool = self.spool.clone();
        let remove = move |_db: &Connection| {
            spool::remove(&spool, &unneeded);
            Ok(())
        };
        // The post is closed: what stays goes when the ledger is opened again.
        self.reader.read("clean the spool", remove).await
    }

    async fn renew(&self, scope: &Scope) -> Result<Generation, LedgerError> {
        let scope = scope.clone();
        self.write("begin a conversation", move |db| scopes::renew(db, &scope)).await
    }

    async fn prefer(
        &self,
        scope: &Address,
        key: PreferenceKey,
        engine: Option<&EngineId>,
        value: Option<&str>,
    ) -> Result<(), LedgerError> {
        let (scope, engine, value) = (scope.clone(), engine.cloned(), value.map(str::to_owned));
        let set = move |db: &Connection| scopes::prefer(db, &scope, key, engine.as_ref(), value.as_deref());
        self.write("set a preference", set).await
    }

    async fn preferences_of_threads(
        &self,
        chat: &Address,
        key: PreferenceKey,
    ) -> Result<Vec<Preference>, LedgerError> {
        let chat = chat.whole_chat();
        let read = move |db: &Connection| scopes::preferences_of_threads(db, &chat, key);
        self.reader.read("read what topics are bound to", read).await
    }

    async fn preferences_of(&self, instance: &InstanceId) -> Result<Vec<Preference>, LedgerError> {
        let instance = instance.clone();
        let read = move |db: &Connection| scopes::preferences_at(db, &instance);
        self.reader.read("read what is set", read).await
    }

    async fn question(&self, row: &QuestionRow) -> Result<(), LedgerError> {
        let row = row.clone();
        self.write("store a question", move |db| runs::ask(db, &row)).await
    }

    async fn questions(&self, run: RunId) -> Result<Vec<QuestionRow>, LedgerError> {
        self.reader.read("read questions", move |db| runs::questions(db, run)).await
    }

    async fn cursor(&self, instance: &InstanceId) -> Result<Option<String>, LedgerError> {
        let instance = instance.clone();
        self.reader.read("read a cursor", move |db| scopes::cursor(db, &instance)).await
    }

    async fn set_cursor(&self, instance: &InstanceId, cursor: &str) -> Result<(), LedgerError> {
        let (instance, cursor) = (instance.clone(), cursor.to_owned());
        self.write("store a cursor", move |db| scopes::set_cursor(db, &instance, &cursor)).await
    }

    async fn get(&self, namespace: &str, key: &str) -> Result<Option<String>, LedgerError> {
        let (namespace, key) = (namespace.to_owned(), key.to_owned());
        self.reader.read("read a value", move |db| scopes::get(db, &namespace, &key)).await
    }

    async fn put(&self, namespace: &str, key: &str, value: Option<&str>) -> Result<(), LedgerError> {
        let (namespace, key, value) = (namespace.to_owned(), key.to_owned(), value.map(str::to_owned));
        self.write("store a value", move |db| scopes::put(db, &namespace, &key, value.as_deref())).await
    }

    async fn history(
        &self,
        address: &Address,
        before: Option<InboxId>,
        limit: usize,
    ) -> Result<Vec<Said>, LedgerError> {
        let address = address.clone();
        self.reader.read("read history", move |db| history::history(db, &address, before, limit)).await
    }

    async fn conversations(
        &self,
        instance: &InstanceId,
        limit: usize,
    ) -> Result<Vec<Conversation>, LedgerError> {
        let instance = instance.clone();
        self.reader.read("list conversations", move |db| history::conversations(db, &instance, limit)).await
    }

    async fn sessions(&self, address: &Address, limit: usize) -> Result<Vec<SessionOfChat>, LedgerError> {
        let place = forget::Place::of(address);
        self.reader.read("list the sessions of a chat", move |db| history::sessions(db, &place?, limit)).await
    }

    async fn remembered(&self, address: &Address) -> Result<Remembered, LedgerError> {
        let place = forget::Place::of(address);
        self.reader.read("count what is kept of a chat", move |db| forget::remembered(db, &place?)).await
    }

    async fn forget(&self, address: &Address) -> Result<Remembered, LedgerError> {
        let attempt = "forget a chat";
        let found = address.clone();
        let mut forgetting = self.write_to_disk(attempt, move |db| forget::begin(db, &found)).await?;
        while !forgetting.is_over() {
            let (next, files) = self.write_to_disk(attempt, move |db| forgetting.piece(db)).await?;
            let spool = self.spool.clone();
            let clean = move |_: &Connection| {
                spool::remove(&spool, &files);
                Ok(())
            };
            self.reader.read("clean the spool", clean).await?;
            forgetting = next;
        }
        let gone = forgetting.gone();
        let clear = |db: &Connection| {
            forget::clear_wal(db);
            Ok(())
        };
        self.reader.read("clear the WAL", clear).await?;
        Ok(gone)
    }

    fn spool(&self) -> PathBuf {
        if let Err(error) = file::make_private_dir(&self.spool) {
            tracing::warn!(spool = %self.spool.display(), %error, "the spool folder cannot be made");
        }
        self.spool.clone()
    }

    async fn temporary(&self) -> Result<Box<dyn Temporary>, LedgerError> {
        match temporary::make(&self.spool()).await {
            Ok(part) => Ok(Box::new(part)),
            Err(failure) => Err(failure.told("make a temporary file", &self.path)),
        }
    }

    async fn sweep(&self, before: Timestamp) -> Result<u64, LedgerError> {
        let mut rows = 0;
        loop {
            let swept = self.write("sweep", move |db| sweep::piece(db, before)).await?;
            let (last, spool) = (swept.rows == 0, self.spool.clone());
            // On the reader's thread: removing files blocks, and the writer has better things to do.
            let clean = move |db: &Connection| {
                spool::remove(&spool, &swept.files);
                if last { spool::tidy(db, &spool, before) } else { Ok(()) }
            };
            self.reader.read("clean the spool", clean).await?;
            if last {
                return Ok(rows);
            }
            rows += swept.rows;
        }
    }
}

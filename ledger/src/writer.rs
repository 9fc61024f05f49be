//! The one thread that writes. Jobs that wait together share one transaction, and so one fsync.
//!
//! A job is answered after the commit, never before. Each runs in a savepoint of its own: one that is
//! refused undoes only itself. Without a job that asks for it a commit is not fsynced.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::Connection;
use takopi_core::port::ledger::LedgerError;
use tokio::sync::{mpsc, oneshot};

use crate::failure::{Failure, told};
use crate::thread::Thread;

/// Jobs that may wait; whoever comes later waits for a place. Far more than chats bring in while one
/// fsync lasts.
const QUEUE: usize = 256;

/// Jobs that share a transaction at most, so that the first of them is not kept waiting for long.
const BATCH: usize = 64;

/// When a write has to be on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// Before it is answered: it survives the loss of power.
    Full,
    /// Some time later, in order: it survives the end of the process.
    Normal,
}

/// The writing thread, as its callers see it.
#[derive(Debug)]
pub(crate) struct Writer {
    thread: Thread<Box<dyn Job>>,
    path: Arc<Path>,
}

impl Writer {
    /// Starts the thread.
    pub(crate) fn start(connection: Connection, path: Arc<Path>) -> Result<Self, Failure> {
        let place = path.to_path_buf();
        let thread = Thread::start("ledger-writer", QUEUE, move |jobs| work(connection, jobs, place))?;
        Ok(Self { thread, path })
    }

    /// Does `work` in a transaction and returns when it is committed. There is no timeout: whoever gave up
    /// could not tell whether it was written.
    pub(crate) async fn write<T, F>(
        &self,
        attempt: &'static str,
        durability: Durability,
        work: F,
    ) -> Result<T, LedgerError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Write { attempt, durability, work: Some(work), made: None, reply };
        let closed = || Failure::Closed.told(attempt, &self.path);
        self.thread.send(Box::new(job)).await.map_err(|_gone| closed())?;
        answer.await.map_err(|_gone| closed())?
    }
}

/// Work of any type, for the queue.
trait Job: Send {
    fn durability(&self) -> Durability;
    /// Does the work inside the open transaction and keeps what came of it; returns its failure.
    fn run(&mut self, connection: &Connection) -> Option<Arc<Failure>>;
    /// Tells the caller what came of it, now that the transaction is committed or lost.
    fn finish(self: Box<Self>, lost: Option<&Arc<Failure>>, path: &Path);
}

struct Write<F, T> {
    attempt: &'static str,
    durability: Durability,
    work: Option<F>,
    made: Option<Result<T, Arc<Failure>>>,
    reply: oneshot::Sender<Result<T, LedgerError>>,
}

impl<F, T> Job for Write<F, T>
where
    T: Send,
    F: FnOnce(&Connection) -> Result<T, Failure> + Send,
{
    fn durability(&self) -> Durability {
        self.durability
    }

    fn run(&mut self, connection: &Connection) -> Option<Arc<Failure>> {
        let made = in_savepoint(connection, self.work.take()?).map_err(Arc::new);
        let failure = made.as_ref().err().cloned();
        self.made = Some(made);
        failure
    }

    fn finish(self: Box<Self>, lost: Option<&Arc<Failure>>, path: &Path) {
        let result = match (self.made, lost) {
            (Some(Err(failure)), _) => Err(told(&failure, self.attempt, path)),
            (_, Some(failure)) => Err(told(failure, self.attempt, path)),
            (Some(Ok(made)), None) => Ok(made),
            (None, None) => Err(Failure::Closed.told(self.attempt, path)),
        };
        if self.reply.send(result).is_err() {
            tracing::debug!(attempt = self.attempt, "nobody waits for this write any more");
        }
    }
}

fn in_savepoint<T>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> Result<T, Failure>,
) -> Result<T, Failure> {
    connection.execute_batch("SAVEPOINT job")?;
    let made = work(connection);
    // A full disk may have ended the whole transaction; then there is nothing left to undo.
    if connection.is_autocommit() {
        return made;
    }
    let close = if made.is_ok() { "RELEASE job" } else { "ROLLBACK TO job; RELEASE job" };
    if let Err(error) = connection.execute_batch(close) {
        // Half of the job may be left in the transaction: better none of it than that.
        connection.execute_batch("ROLLBACK")?;
        return Err(error.into());
    }
    made
}

fn work(mut connection: Connection, mut jobs: mpsc::Receiver<Box<dyn Job>>, path: PathBuf) {
    let mut synchronous = None;
    while let Some(first) = jobs.blocking_recv() {
        let mut batch = vec![first];
        while batch.len() < BATCH
            && let Ok(next) = jobs.try_recv()
        {
            batch.push(next);
        }
        let lost = commit(&mut connection, &mut batch, &mut synchronous).err();
        for job in batch {
            job.finish(lost.as_ref(), &path);
        }
    }
    close(connection);
}

fn commit(
    connection: &mut Connection,
    batch: &mut [Box<dyn Job>],
    synchronous: &mut Option<Durability>,
) -> Result<(), Arc<Failure>> {
    let failed = |error: rusqlite::Error| Arc::new(Failure::from(error));
    let full = batch.iter().any(|job| job.durability() == Durability::Full);
    let wanted = if full { Durability::Full } else { Durability::Normal };
    if *synchronous != Some(wanted) {
        connection
            .pragma_update(None, "synchronous", if full { "full" } else { "normal" })
            .map_err(failed)?;
        *synchronous = Some(wanted);
    }
    connection.execute_batch("BEGIN IMMEDIATE").map_err(failed)?;
    for job in batch {
        let failure = job.run(connection);
        if connection.is_autocommit() {
            // The failure took the transaction along, and with it what the jobs before it wrote.
            return Err(failure.unwrap_or_else(|| Arc::new(Failure::Closed)));
        }
    }
    let committed = connection.execute_batch("COMMIT");
    if committed.is_err() && !connection.is_autocommit() {
        connection.execute_batch("ROLLBACK").map_err(failed)?;
    }
    committed.map_err(failed)
}

/// Moves what is in the WAL into the file, so that the next start finds one file.
fn close(connection: Connection) {
    if let Err(error) = connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)") {
        tracing::warn!(%error, "the ledger's WAL stays; the next start reads it");
    }
    if let Err((_connection, error)) = connection.close() {
        tracing::warn!(%error, "the ledger was not closed cleanly; the next start recovers it");
    }
}

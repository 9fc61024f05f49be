//! The one thread that reads, on a connection of its own: a read never waits behind an fsync. Each read is
//! one transaction, and sees every write that was answered before it was asked.

use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;
use takopi_core::port::ledger::LedgerError;
use tokio::sync::oneshot;

use crate::failure::Failure;
use crate::thread::Thread;

/// Reads that may wait; whoever comes later waits for a place.
const QUEUE: usize = 256;

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// The reading thread, as its callers see it.
#[derive(Debug)]
pub(crate) struct Reader {
    thread: Thread<Job>,
    path: Arc<Path>,
}

impl Reader {
    /// Starts the thread.
    pub(crate) fn start(mut connection: Connection, path: Arc<Path>) -> Result<Self, Failure> {
        let thread = Thread::<Job>::start("ledger-reader", QUEUE, move |mut jobs| {
            while let Some(job) = jobs.blocking_recv() {
                job(&mut connection);
            }
        })?;
        Ok(Self { thread, path })
    }

    /// Does `work` in one read transaction.
    pub(crate) async fn read<T, F>(&self, attempt: &'static str, work: F) -> Result<T, LedgerError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = move |connection: &mut Connection| {
            if reply.send(in_transaction(connection, work)).is_err() {
                tracing::debug!(attempt, "nobody waits for this read any more");
            }
        };
        let told = |failure: Failure| failure.told(attempt, &self.path);
        self.thread.send(Box::new(job)).await.map_err(|_gone| told(Failure::Closed))?;
        answer.await.map_err(|_gone| told(Failure::Closed))?.map_err(told)
    }
}

fn in_transaction<T>(
    connection: &mut Connection,
    work: impl FnOnce(&Connection) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let transaction = connection.transaction()?;
    let made = work(&transaction)?;
    transaction.commit()?;
    Ok(made)
}

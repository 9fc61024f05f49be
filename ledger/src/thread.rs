//! An operating-system thread that takes jobs from a bounded queue, and ends, all jobs done, when its owner
//! lets go of it.

use std::fmt;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;

use crate::failure::Failure;

/// How long letting go waits for the jobs still queued: a few hundred fsyncs of a slow disk.
const END_WAIT: Duration = Duration::from_secs(10);

/// The thread and the way in.
pub(crate) struct Thread<J> {
    name: &'static str,
    jobs: Option<mpsc::Sender<J>>,
    ended: Mutex<Receiver<()>>,
}

impl<J: Send + 'static> Thread<J> {
    /// Starts a thread that runs `work` until the queue is closed.
    pub(crate) fn start(
        name: &'static str,
        bound: usize,
        work: impl FnOnce(mpsc::Receiver<J>) + Send + 'static,
    ) -> Result<Self, Failure> {
        let (jobs, queue) = mpsc::channel(bound);
        let (alive, ended) = sync_channel(0);
        let run = move || {
            let _alive: SyncSender<()> = alive;
            work(queue);
        };
        let started = std::thread::Builder::new().name(name.to_owned()).spawn(run);
        started.map_err(|error| Failure::Refused(format!("no thread can be started: {error}")))?;
        Ok(Self { name, jobs: Some(jobs), ended: Mutex::new(ended) })
    }

    /// Puts a job into the queue, waiting for a place.
    pub(crate) async fn send(&self, job: J) -> Result<(), Failure> {
        let jobs = self.jobs.as_ref().ok_or(Failure::Closed)?;
        jobs.send(job).await.map_err(|_gone| Failure::Closed)
    }
}

impl<J> fmt::Debug for Thread<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl<J> Drop for Thread<J> {
    fn drop(&mut self) {
        drop(self.jobs.take());
        let ended = self.ended.get_mut().unwrap_or_else(PoisonError::into_inner);
        if ended.recv_timeout(END_WAIT) == Err(RecvTimeoutError::Timeout) {
            tracing::warn!(thread = self.name, "still busy; left to itself");
        }
    }
}

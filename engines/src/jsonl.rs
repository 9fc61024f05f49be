//! The driver of every agent that prints JSON lines: [`Driver::run`] takes a child to the end of its run.
//!
//! An engine is a command line and a [`Translator`], a pure state machine of one run: lines in, events out,
//! one end. Everything else is the same for all of them and is here: batches, back-pressure, the check of
//! the session, a process that lingers after its result, a stop, stderr in the text of a failure, what was
//! left running. How lines become events is `reader.rs`; what a translator judges its end by is `over.rs`.

mod over;
mod reader;
#[cfg(test)]
mod tests;

use std::time::Duration;

use takopi_core::event::{RunEnd, RunEvent};
use takopi_core::port::engine::{EngineError, Job, RunWire};
use takopi_core::session::SessionToken;
use takopi_stdio::{Child, Exit, LINGER_GRACE, Ladder, Lines, Output, Process, Spawn, StopReport};
use tokio::io::AsyncRead;
use tokio::process::ChildStdout;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use over::Over;
#[cfg(test)]
pub(crate) use over::plain;
pub(crate) use over::{NO_RESULT, NO_SESSION};
pub(crate) use reader::{Pause, Reader};

use crate::drift::{Drift, UnknownKinds};
use crate::run::{left_running, not_started, outcome_of, warn_of_survivors};

/// How long the last words of an agent that is no more may take to be taken.
pub(crate) const LAST_WORDS: Duration = Duration::from_secs(1);

/// Translates what one run of an agent prints. Pure; one value per run, so that it may remember.
pub trait Translator: Send {
    /// Takes one line, without its line end and never blank, and appends what it tells to `events`. Most
    /// lines of most agents tell nothing; types and fields nobody knows are passed over.
    ///
    /// # Errors
    /// [`Undecodable`] for a line that is none of the agent's JSON. It is counted, and the run goes on.
    fn line(&mut self, line: &[u8], events: &mut Vec<RunEvent>) -> Result<(), Undecodable>;

    /// Returns whether the session the agent tells of is the one it was asked to continue. An agent whose
    /// sessions have several names knows better than a comparison of texts.
    fn continues(&self, wanted: &SessionToken, told: &SessionToken) -> bool {
        wanted == told
    }

    /// Returns the kinds of events that nobody knows here, counted: what a new version of the agent brought.
    fn unknown(&self) -> Option<&UnknownKinds> {
        None
    }

    /// Returns whether the result is there: as far as the agent has told, nothing more will come. A later
    /// line may change that, when the agent tries again or goes on with another turn.
    fn settled(&self) -> bool;

    /// Returns the end, when the process is over. The outcome of a run that was stopped before it had
    /// settled is not the translator's: it is replaced.
    fn end(self, over: &Over) -> RunEnd;
}

/// A line that is none of the agent's. It says nothing of the line, which may hold secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Undecodable;

impl From<serde_json::Error> for Undecodable {
    fn from(_: serde_json::Error) -> Self {
        Self
    }
}

/// Drives the runs of one agent; its engine keeps one.
#[derive(Debug, Clone)]
pub struct Driver {
    ladder: Ladder,
    linger: Duration,
    drift: Drift,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Driver {
    /// Returns the driver of an agent that is stopped by `ladder`. Children's keepers are spawned on `tasks`,
    /// and let go of what still runs at `stop`.
    #[must_use]
    pub fn new(ladder: Ladder, tasks: TaskTracker, stop: CancellationToken) -> Self {
        Self { ladder, linger: LINGER_GRACE, drift: Drift::default(), tasks, stop }
    }

    /// Sets where it is noted what an agent printed that nobody knows here.
    #[must_use]
    pub fn drift(self, drift: Drift) -> Self {
        Self { drift, ..self }
    }

    /// Sets how long a process may stay, and say nothing, after its result (default [`LINGER_GRACE`]).
    #[must_use]
    pub fn linger(self, linger: Duration) -> Self {
        Self { linger, ..self }
    }

    /// Runs `job`: starts the agent by `spawn` and takes it to its end.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn run<T: Translator>(
        &self,
        spawn: Spawn,
        translator: T,
        job: &Job,
        wire: &mut RunWire,
    ) -> Result<RunEnd, EngineError> {
        if let Some(reason) = wire.stop.get() {
            return Ok(RunEnd { session: job.session.clone(), ..RunEnd::new(outcome_of(reason), "") });
        }
        Ok(self.drive(self.start(spawn, job)?, translator, job, wire).await)
    }

    /// Starts the agent, in the directory of `job`.
    ///
    /// # Errors
    /// [`EngineError`] when it cannot be started, with what to do where that is known.
    pub fn start(&self, spawn: Spawn, job: &Job) -> Result<Child, EngineError> {
        let started = spawn.dir(&job.dir).start(&self.tasks, &self.stop);
        started.map_err(|error| not_started(&error, &job.dir))
    }

    /// Takes an agent that was started for `job` to its end, and returns when its process is over.
    ///
    /// Whatever the agent does, this comes to its end: with the agent, some time after its result, or by a
    /// stop. The session of the end is the one the agent named, else the one of the job.
    pub async fn drive<T: Translator>(
        &self,
        child: Child,
        translator: T,
        job: &Job,
        wire: &mut RunWire,
    ) -> RunEnd {
        let Child { leash, process, mut stdout, stdin: _stdin, stderr } = child;
        let mut reader = Reader::new(&mut stdout, translator, wire.events.clone(), job.session.clone());
        let seen_off = tokio::select! {
            biased;
            reason = wire.stop.wait() => Err(reason),
            report = self.see_off(&mut reader, &process) => Ok(report),
        };
        // An answer that was there before the stop stands.
        let stopped = seen_off.as_ref().err().copied().filter(|_| !reader.settled());
        let (report, alone) = match seen_off {
            Ok(Some(report)) => (report, true),
            Ok(None) | Err(_) => (self.end(&mut reader, &process).await, false),
        };
        warn_of_survivors(job.run, &report);
        let over = Over {
            exit: report.exit.unwrap_or(Exit::Unknown),
            stderr: over::plain(&stderr.text()),
            undecodable: reader.undecodable(),
            stopped,
        };
        self.drift.note(reader.unknown(), over.undecodable);
        let died = alone && !reader.settled() && !over.exit.is_success();
        let end = reader.end(&over);
        let outcome = stopped.map_or(end.outcome, outcome_of);
        if died {
            // What it had running is nobody's now, and was not left on purpose.
            warn_of_survivors(job.run, &process.stop(&self.ladder).await);
        }
        if !alone || died {
            return RunEnd { outcome, ..end };
        }
        leash.release();
        self.let_go(stdout);
        RunEnd { outcome, left_running: left_running(job.run).await, ..end }
    }

    /// Reads while the agent works, then waits until it is gone. `None`: it cannot be read on, and has to be
    /// stopped.
    async fn see_off<R: AsyncRead + Unpin, T: Translator>(
        &self,
        reader: &mut Reader<'_, R, T>,
        process: &Process,
    ) -> Option<StopReport> {
        let grace = match reader.read(Some(self.linger)).await {
            Pause::Ended => self.linger,
            Pause::Lingering => Duration::ZERO,
            Pause::Broken => return None,
        };
        let (report, ()) = tokio::join!(process.linger(grace, &self.ladder), reader.rest());
        Some(report)
    }

    /// Stops the agent and all that is part of it. What it says meanwhile is heard.
    async fn end<R: AsyncRead + Unpin, T: Translator>(
        &self,
        reader: &mut Reader<'_, R, T>,
        process: &Process,
    ) -> StopReport {
        let stopping = process.stop(&self.ladder);
        tokio::pin!(stopping);
        tokio::select! {
            () = reader.rest() => stopping.await,
            report = &mut stopping => {
                // What lies in the pipe takes no time, unless nobody takes events any more.
                timeout(LAST_WORDS, reader.rest()).await.ok();
                report
            }
        }
    }

    /// Goes on reading for what the agent left running: a server that prints would die of a closed pipe.
    fn let_go(&self, stdout: Lines<Output<ChildStdout>>) {
        let stop = self.stop.clone();
        // Ends with the last process that holds the pipe, which for nearly every run is now.
        self.tasks.spawn(async move { stdout.into_inner().drain(&stop).await });
    }
}

//! One run of a plugin's engine, from `engine/run` to its end: whatever the plugin does, this comes to one.

use std::sync::Arc;
use std::time::Duration;

use takopi_core::event::{Level, Outcome, RunEnd, RunEvent};
use takopi_core::port::engine::{Job, Steer, Stop, StopSignal};
use takopi_core::text::{clip_middle, visible};
use takopi_plugin_protocol::{code, engine as wire};
use takopi_stdio::rpc::{CallError, Patience};
use takopi_stdio::{Marker, find_marked};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::order::usage;
use super::runs::{Line, lock};
use crate::bounds::Bounds;
use crate::process::{Failure, Running, seconds, too_long};

/// Bytes of why a run failed, in the plugin's words: a screen or two on a phone.
const SHOWN_BYTES: usize = 4 << 10;

/// Marks every child of a run; [`crate::Dress`] sets it.
const RUN: &str = "TAKOPI_RUN";

/// A run under way.
pub(super) struct Turn<'a> {
    pub(super) running: &'a Arc<Running>,
    pub(super) line: &'a Arc<Line>,
    pub(super) bounds: &'a Bounds,
    /// Whether others use the process too.
    pub(super) shared: bool,
    /// The engine's name for people.
    pub(super) title: &'a str,
    /// Whether an empty answer is an answer.
    pub(super) blank_ok: bool,
}

/// Why a run is not let go on.
enum Halt {
    Stop(Stop),
    Fault(String),
}

impl Turn<'_> {
    /// Runs `job` to its end. Returns when the process is gone, or, for a shared one, the turn is over.
    pub(super) async fn drive(
        &self,
        id: String,
        job: &Job,
        mut stop: StopSignal,
        steer: mpsc::Receiver<Steer>,
    ) -> RunEnd {
        let request = wire::Run {
            id,
            run: job.run.to_string(),
            prompt: job.prompt.clone(),
            session: job.session.as_ref().map(ToString::to_string),
            cwd: job.dir.to_string_lossy().into_owned(),
            model: job.options.model.clone(),
            reasoning: job.options.reasoning.clone(),
            // The desk has put them into the directory, and the prompt names them.
            attachments: Vec::new(),
        };
        let cancel = CancellationToken::new();
        let grace = self.bounds.cancel + if self.shared { self.bounds.deaf } else { Duration::ZERO };
        let patience =
            Patience::endless().until(cancel.clone()).grace(grace).answered(self.line.ended.clone());
        let mut fault = self.line.fault.subscribe();
        let mut halt = None;
        let result = {
            let call = self.running.call(&request, &patience);
            let steering = self.steer(&request.run, steer);
            let quiet = self.tell_when_quiet();
            tokio::pin!(call, steering, quiet);
            let result = loop {
                tokio::select! {
                    biased;
                    result = &mut call => break result,
                    reason = stop.wait(), if halt.is_none() => halt = Some(Halt::Stop(reason)),
                    Ok(broken) = fault.wait_for(Option::is_some), if halt.is_none() => {
                        halt = broken.clone().map(Halt::Fault);
                    }
                    never = &mut steering => match never {},
                    never = &mut quiet => match never {},
                }
                if halt.is_some() {
                    self.line.given_up.cancel();
                    cancel.cancel();
                }
            };
            // What the plugin said of a text before its end was read before it.
            match timeout(Duration::ZERO, steering).await {
                Ok(never) => match never {},
                Err(_) => result,
            }
        };
        // A fault that was read before the end outweighs it.
        let late = || fault.borrow().clone().map(Halt::Fault);
        let halt = halt.or_else(late);
        let left_running = self.see_off(job, halt.is_none()).await;
        let end = match halt {
            Some(Halt::Stop(Stop::Cancel)) => RunEnd::new(Outcome::Cancelled, ""),
            Some(Halt::Stop(Stop::Shutdown | Stop::Detach)) => RunEnd::new(Outcome::Interrupted, ""),
            Some(Halt::Fault(problem)) => RunEnd::new(Outcome::Failed(problem), ""),
            None => self.judge(result).await,
        };
        RunEnd { session: self.line.session(), left_running, ..end }
    }

    /// Ends the process, if it was for this run alone; returns what was left running on purpose.
    async fn see_off(&self, job: &Job, is_orderly: bool) -> Vec<String> {
        let answered = self.line.ended.is_cancelled();
        if self.shared {
            if !is_orderly && !answered && self.running.is_alive() {
                let waited = self.bounds.cancel + self.bounds.deaf;
                self.running
                    .doom(format!("it did not end a run within {} after it was told to", seconds(waited)))
                    .await;
            }
            return Vec::new();
        }
        if !(is_orderly && answered) {
            self.running.kill().await;
            return Vec::new();
        }
        self.running.let_go().await;
        let marker = Marker::new(RUN, job.run.to_string());
        match tokio::task::spawn_blocking(move || find_marked(&marker)).await {
            Ok(found) => {
                found.iter().map(|left| format!("{} (pid {})", left.command, left.identity.pid())).collect()
            }
            Err(error) => {
                tracing::error!(run = %job.run, %error, "could not look for what a run left running");
                Vec::new()
            }
        }
    }

    /// Returns the end by what the plugin answered, or why it did not.
    async fn judge(&self, result: Result<wire::Ended, Failure>) -> RunEnd {
        let failed = |why: String| RunEnd::new(Outcome::Failed(why), "");
        let ended = match result {
            Ok(ended) => ended,
            Err(Failure::Call(CallError::Refused(error))) if error.code == code::CANCELLED => {
                return RunEnd::new(Outcome::Cancelled, "");
            }
            Err(Failure::Call(CallError::Refused(error))) => {
                return failed(format!("{} refused the run: {}", self.title, shown(&error.message)));
            }
            Err(Failure::Overlong) => return failed(too_long(&format!("the plugin {}", self.line.plugin))),
            Err(failure) => return failed(shown(&failure.to_string())),
        };
        let named = lock(&self.line.order).end(ended.session.as_deref());
        match named {
            Ok(Some(session)) => self.line.sink.put(RunEvent::Session(session)).await,
            Ok(None) => {}
            Err(problem) => return failed(self.line.disorder(&problem)),
        }
        let outcome = match ended.outcome {
            wire::Outcome::Answered if ended.answer.trim().is_empty() && !self.blank_ok => {
                Outcome::Failed(format!("{} gave no answer", self.title))
            }
            wire::Outcome::Answered => Outcome::Answered,
            wire::Outcome::Cancelled => Outcome::Cancelled,
            wire::Outcome::Interrupted => Outcome::Failed(format!("{} says it was interrupted", self.title)),
            wire::Outcome::Failed => {
                let error = ended.error.filter(|error| !error.trim().is_empty());
                Outcome::Failed(error.map_or_else(
                    || format!("{} failed and does not say why", self.title),
                    |error| shown(&error),
                ))
            }
        };
        if outcome == Outcome::Answered {
            self.line.sink.put(RunEvent::Answer(ended.answer.clone())).await;
        }
        let usage = ended.usage.as_ref().map(usage);
        RunEnd { usage, session_missing: ended.session_missing, ..RunEnd::new(outcome, ended.answer) }
    }

    /// Hands texts on to the plugin, one after the other.
    async fn steer(&self, run: &str, mut texts: mpsc::Receiver<Steer>) -> std::convert::Infallible {
        while let Some(Steer { text, taken }) = texts.recv().await {
            let steer = wire::Steer { run: run.to_owned(), text };
            let told = self.running.call(&steer, &Patience::of(self.bounds.reply)).await;
            if let Err(failure) = &told {
                tracing::debug!(run, %failure, "a plugin did not take a text for its run");
            }
            if taken.send(told.is_ok()).is_err() {
                tracing::debug!(run, "nobody waits any more whether a text was taken");
            }
        }
        std::future::pending().await
    }

    /// Tells the person, once per silence, that nothing is told.
    async fn tell_when_quiet(&self) -> std::convert::Infallible {
        let mut heard = self.line.heard.subscribe();
        let quiet = self.bounds.quiet;
        loop {
            let last = *heard.borrow_and_update();
            tokio::select! {
                changed = heard.changed() => if changed.is_err() { std::future::pending::<()>().await },
                () = self.line.clock.sleep_until(last + quiet) => {
                    let text = format!("quiet for {} min", quiet.as_secs() / 60);
                    self.line.note(Level::Info, text).await;
                    if heard.changed().await.is_err() {
                        std::future::pending::<()>().await;
                    }
                }
            }
        }
    }
}

/// Returns what a plugin says of a failure as people are shown it.
fn shown(words: &str) -> String {
    clip_middle(&visible(words), SHOWN_BYTES).into_owned()
}

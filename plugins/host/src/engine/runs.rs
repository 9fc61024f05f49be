//! Who is told what a process says of its runs: run by its name -> the line into the house.
//!
//! Events are taken while the connection is being read, so an event that waits for room stops the reading. For the process
//! of one run that is how the plugin is slowed down. Where several runs share a process nobody may wait for another's
//! room for long: after [`Line::room`] the events of that run are dropped as long as there is none, and that is told.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use takopi_core::event::{Level, Note, RunEvent};
use takopi_core::port::Clock;
use takopi_core::port::engine::{Asker, EventSink, Question, QuestionOption};
use takopi_core::session::SessionToken;
use takopi_core::text::clip;
use takopi_core::time::Moment;
use takopi_plugin_protocol::{code, engine as wire};
use takopi_stdio::rpc::RpcError;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::order::Order;
use crate::switchboard::read;

/// Bytes of a run's name that are logged where it is none: whoever made it up may have made it long.
const LOGGED_BYTES: usize = 80;

/// The runs that are under way in a process.
#[derive(Default)]
pub(crate) struct Runs {
    lines: Mutex<HashMap<String, Arc<Line>>>,
    /// Set once an event was told that is nobody's: a flood of them is not one of the log.
    strayed: AtomicBool,
}

/// What joins one run with the house.
pub(super) struct Line {
    /// The distribution that tells of it.
    pub(super) plugin: String,
    pub(super) sink: EventSink,
    pub(super) ask: Asker,
    pub(super) clock: Arc<dyn Clock>,
    /// How long an event may wait for room; `None` is as long as it takes.
    pub(super) room: Option<Duration>,
    pub(super) order: Mutex<Order>,
    /// How it broke the rules.
    pub(super) fault: watch::Sender<Option<String>>,
    /// When it told something last.
    pub(super) heard: watch::Sender<Moment>,
    /// Fires when its end is read: nothing may come after it.
    pub(super) ended: CancellationToken,
    /// Fires when the run is stopped or over: nothing waits any more.
    pub(super) given_up: CancellationToken,
    /// Events that were dropped for want of room.
    pub(super) dropped: Mutex<u64>,
}

/// A run's place among those under way; given up when dropped.
pub(super) struct Seat<'a> {
    runs: &'a Runs,
    run: String,
    pub(super) line: Arc<Line>,
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.line.given_up.cancel();
        lock(&self.runs.lines).remove(&self.run);
    }
}

impl Runs {
    /// Lets a run be told of.
    pub(super) fn seat(&self, run: String, line: Line) -> Seat<'_> {
        let line = Arc::new(line);
        lock(&self.lines).insert(run.clone(), line.clone());
        Seat { runs: self, run, line }
    }

    /// Returns the runs that are under way, in no order.
    #[cfg(test)]
    pub(crate) fn names(&self) -> Vec<String> {
        lock(&self.lines).keys().cloned().collect()
    }

    /// Takes an `engine/event`.
    pub(crate) async fn told(&self, params: Value) {
        let run = params.get("run").and_then(Value::as_str).unwrap_or_default().to_owned();
        let line = lock(&self.lines).get(&run).cloned();
        let Some(line) = line.filter(|line| !line.ended.is_cancelled()) else {
            if !self.strayed.swap(true, Ordering::Relaxed) {
                let run = clip(&run, LOGGED_BYTES);
                tracing::warn!(%run, "a plugin tells events of a run that is over, or of none; they are dropped");
            }
            return;
        };
        match read::<wire::Event>(params) {
            Ok(event) => line.take(event).await,
            Err(error) => line.break_off(&format!("an event cannot be read: {}", error.message)),
        }
    }

    /// Carries an `engine/ask` to the person.
    pub(crate) async fn ask(
        &self,
        ask: wire::Ask,
        cancel: &CancellationToken,
    ) -> Result<wire::Answer, RpcError> {
        let line = lock(&self.lines).get(&ask.run).cloned();
        let Some(line) = line.filter(|line| !line.ended.is_cancelled()) else {
            return Err(RpcError::new(code::GONE, "the run is over, or never was"));
        };
        let option = |choice: wire::Choice| QuestionOption { id: choice.id, label: choice.label };
        let question = Question {
            key: ask.key,
            title: ask.title,
            options: ask.options.into_iter().map(option).collect(),
            free_text: ask.free_text,
        };
        let answer = tokio::select! {
            answer = line.ask.ask(question) => answer,
            () = line.given_up.cancelled() => None,
            () = cancel.cancelled() => return Err(RpcError::cancelled()),
        };
        Ok(match answer {
            Some(answer) => wire::Answer { options: answer.options, text: answer.text, cancelled: false },
            None => wire::Answer { cancelled: true, ..wire::Answer::default() },
        })
    }
}

impl Line {
    async fn take(&self, event: wire::Event) {
        self.heard.send_replace(self.clock.moment());
        if self.fault.borrow().is_some() {
            return;
        }
        let taken = lock(&self.order).take(event.seq, event.event);
        match taken {
            Ok(event) => self.put(event).await,
            Err(problem) => self.break_off(&problem),
        }
    }

    fn break_off(&self, problem: &str) {
        let text = self.disorder(problem);
        self.fault.send_if_modified(|fault| fault.is_none() && fault.replace(text).is_none());
    }

    /// Returns what people are told of a plugin that broke the order of events.
    pub(super) fn disorder(&self, problem: &str) -> String {
        format!(
            "the plugin {} broke the order of events: {problem}; its author finds it with: takopi plugins check FOLDER",
            self.plugin
        )
    }

    async fn put(&self, event: RunEvent) {
        let is_full = *lock(&self.dropped) > 0;
        let wait = match self.room {
            _ if is_full || self.given_up.is_cancelled() => Duration::ZERO,
            Some(room) => room,
            None => {
                tokio::select! {
                    biased;
                    () = self.sink.put(event) => {}
                    () = self.given_up.cancelled() => {}
                }
                return;
            }
        };
        let has_room = tokio::select! {
            biased;
            put = timeout(wait, self.sink.put(event)) => put.is_ok(),
            () = self.given_up.cancelled() => true,
        };
        let dropped = {
            let mut dropped = lock(&self.dropped);
            if has_room {
                std::mem::take(&mut *dropped)
            } else {
                *dropped += 1;
                0
            }
        };
        if dropped > 0 {
            self.note(Level::Warning, format!("{dropped} events were dropped: nobody took them in time"))
                .await;
        }
    }

    /// Tells the person something, if there is room for it now.
    pub(super) async fn note(&self, level: Level, text: String) {
        let note = RunEvent::Note(Note { level, text });
        if timeout(Duration::ZERO, self.sink.put(note)).await.is_err() {
            tracing::debug!("no room for a note");
        }
    }

    /// Returns the session the run is in, as far as that is known.
    pub(super) fn session(&self) -> Option<SessionToken> {
        lock(&self.order).session().cloned()
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

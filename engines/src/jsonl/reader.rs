//! The reading side of a run: lines go through the translator, events into the sink, batch by batch.
//!
//! It knows no process: when to stop one, and how, is `jsonl.rs`. Every wait in here may be dropped and
//! begun again without losing a line or an event.

use std::time::Duration;

use takopi_core::event::{Outcome, RunEnd, RunEvent};
use takopi_core::port::engine::EventSink;
use takopi_core::session::SessionToken;
use takopi_stdio::{Lines, StdioError};
use tokio::io::AsyncRead;
use tokio::time::{Instant, timeout_at};

use super::{Over, Translator};
use crate::drift::UnknownKinds;
use crate::run::with_causes;

/// Why the reader paused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pause {
    /// There are no more lines.
    Ended,
    /// The result is there, and for a while nothing has come after it.
    Lingering,
    /// What comes cannot be read on, or must not be.
    Broken,
}

/// Reads one run.
pub(crate) struct Reader<'a, R, T> {
    lines: &'a mut Lines<R>,
    translator: T,
    sink: EventSink,
    /// Translated and not yet in the sink.
    events: Vec<RunEvent>,
    /// The session the run is in; the one it should continue until the agent has named it.
    session: Option<SessionToken>,
    session_told: bool,
    undecodable: u64,
    /// Since the result is there: until when the next word is waited for.
    silent_until: Option<Instant>,
    fault: Option<String>,
    wrong_session: bool,
}

impl<'a, R: AsyncRead + Unpin, T: Translator> Reader<'a, R, T> {
    pub(crate) fn new(
        lines: &'a mut Lines<R>,
        translator: T,
        sink: EventSink,
        expected: Option<SessionToken>,
    ) -> Self {
        Self {
            lines,
            translator,
            sink,
            events: Vec::new(),
            session: expected,
            session_told: false,
            undecodable: 0,
            silent_until: None,
            fault: None,
            wrong_session: false,
        }
    }

    pub(crate) fn settled(&self) -> bool {
        self.translator.settled()
    }

    pub(crate) fn unknown(&self) -> Option<&UnknownKinds> {
        self.translator.unknown()
    }

    pub(crate) fn undecodable(&self) -> u64 {
        self.undecodable
    }

    /// Reads until something has to be done about the process. After its result it may be silent for `linger`;
    /// without it, for ever.
    pub(crate) async fn read(&mut self, linger: Option<Duration>) -> Pause {
        loop {
            self.sink.put_all(&mut self.events).await;
            if self.fault.is_some() {
                return Pause::Broken;
            }
            let lines = self.lines.next_batch();
            let batch = match self.silent_until {
                None => lines.await,
                Some(deadline) => match timeout_at(deadline, lines).await {
                    Ok(batch) => batch,
                    Err(_) => return Pause::Lingering,
                },
            };
            match batch {
                Ok(None) => return Pause::Ended,
                Ok(Some(batch)) => {
                    for line in batch.lines().filter(|line| !line.trim_ascii().is_empty()) {
                        let understood = self.translator.line(line, &mut self.events);
                        self.undecodable += u64::from(understood.is_err());
                    }
                }
                Err(error) => self.fault = Some(unreadable(&error)),
            }
            self.check_session();
            self.silent_until = match linger.filter(|_| self.translator.settled()) {
                // Noise is not a word.
                Some(_) if self.silent_until.is_some() && self.events.is_empty() => self.silent_until,
                linger => linger.map(|linger| Instant::now() + linger),
            };
        }
    }

    /// Reads to the end, however long the agent takes. After a fault what comes is only taken off its hands.
    pub(crate) async fn rest(&mut self) {
        self.silent_until = None;
        if self.fault.is_none() && self.read(None).await == Pause::Ended {
            return;
        }
        loop {
            match self.lines.next_batch().await {
                Ok(Some(_)) | Err(StdioError::LineTooLong { .. }) => {}
                Ok(None) | Err(_) => return,
            }
        }
    }

    /// Returns the end of the run.
    pub(crate) fn end(self, over: &Over) -> RunEnd {
        if self.undecodable > 0 {
            tracing::debug!(lines = self.undecodable, "an agent printed lines that were not understood");
        }
        let end = self.translator.end(over);
        let session_missing = end.session_missing && self.fault.is_none();
        let outcome = self.fault.map_or(end.outcome, Outcome::Failed);
        // What was said in another session is no answer to this one.
        let answer = if self.wrong_session { String::new() } else { end.answer };
        RunEnd { outcome, answer, session: self.session, session_missing, ..end }
    }

    /// The session that was asked for may have several names; once it is told there is one.
    fn is_same(&self, known: &SessionToken, told: &SessionToken) -> bool {
        if self.session_told { known == told } else { self.translator.continues(known, told) }
    }

    /// Lets the first naming of the session pass and swallows the others. An agent that went on in another
    /// session than it was asked to, or changes it on the way, works on the wrong things: nothing after
    /// that passes.
    fn check_session(&mut self) {
        let mut place = 0;
        while let Some(event) = self.events.get(place) {
            match event {
                RunEvent::Session(token) => match &self.session {
                    Some(known) if !self.is_same(known, token) => {
                        self.wrong_session = true;
                        self.fault = Some(format!("it went on in session {token} instead of {known}"));
                        self.events.truncate(place);
                    }
                    Some(_) if self.session_told => drop(self.events.remove(place)),
                    _ => {
                        self.session = Some(token.clone());
                        self.session_told = true;
                        place += 1;
                    }
                },
                _ => place += 1,
            }
        }
    }
}

fn unreadable(error: &StdioError) -> String {
    match error {
        StdioError::LineTooLong { limit } => {
            format!("it printed a line of more than {limit} bytes, which is more than takopi takes")
        }
        other => format!("its output could not be read: {}", with_causes(other)),
    }
}

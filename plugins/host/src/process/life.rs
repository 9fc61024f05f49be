//! What a process was and how it ended, in words for people.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use takopi_core::text::{clip, tail, visible};
use takopi_core::time::Moment;
use takopi_stdio::{Ladder, Process, StderrTail};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::health::Health;

/// How long the words for an end wait for the exit status: a process that closed its stdout is ended meanwhile.
const STATUS: Duration = Duration::from_secs(1);

/// Lines of stderr that people are shown, and bytes of them.
const SHOWN_LINES: usize = 3;
const SHOWN_BYTES: usize = 400;

/// Lines of an exception of Python from its place on: the place, the code, the marks below it, the error and a note.
const EXCEPTION_LINES: usize = 5;

/// The life of one process, shared by who speaks with it and who keeps it.
pub(super) struct Life {
    /// The distribution it is of.
    pub(super) plugin: String,
    pub(super) process: Process,
    pub(super) stderr: StderrTail,
    /// Why it was ended by takopi, if it was for a fault.
    pub(super) doom: OnceLock<String>,
    /// How many want it to stay.
    pub(super) holds: AtomicUsize,
    /// Set when its connection ended while something was wanted of it.
    pub(super) was_wanted: AtomicBool,
    /// Set when its crash was noted: one process crashes once.
    pub(super) was_noted: AtomicBool,
    /// Fires when it is over: the process, and everything it has left.
    pub(super) over: CancellationToken,
}

impl Life {
    /// Notes that it crashed, unless that was done; returns whether that was one crash too many.
    pub(super) fn crashed(&self, health: &Mutex<Health>, now: Moment) -> bool {
        if self.was_noted.swap(true, Ordering::Relaxed) {
            return false;
        }
        health.lock().unwrap_or_else(PoisonError::into_inner).crashed(now)
    }

    /// Ends it for a fault; the first one counts.
    pub(super) async fn doom(&self, why: String, ladder: &Ladder) {
        tracing::warn!(plugin = self.plugin, why, "a plugin's process is ended");
        if self.doom.set(why).is_ok() {
            self.process.stop(ladder).await;
        }
    }

    /// Returns how it ended: `takopi-acme ended unexpectedly (exit status 3): the last it wrote to stderr`.
    pub(super) async fn obituary(&self) -> String {
        match self.doom.get() {
            Some(why) => format!("{} was ended: {why}", self.plugin),
            None => format!("{} ended unexpectedly {}", self.plugin, self.ending().await),
        }
    }

    /// Returns how it ended by itself: `(exit status 3): the last it wrote to stderr`.
    pub(super) async fn ending(&self) -> String {
        let exit = timeout(STATUS, self.process.wait()).await;
        // Only what ended by itself says why; the keeper's signals would say nothing.
        let exit = exit.map_or_else(|_| "it closed its stdout".to_owned(), |exit| exit.to_string());
        format!("({exit}){}", self.last_words())
    }

    /// Returns the last it wrote to stderr behind a colon, or nothing.
    pub(super) fn last_words(&self) -> String {
        let last = telling(&visible(&self.stderr.text()));
        if last.is_empty() { String::new() } else { format!(": {}", tail(&last, SHOWN_BYTES)) }
    }
}

/// Returns the lines of stderr that tell most: the place and the error of an exception of Python, else the last ones.
fn telling(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let is_place = |line: &&str| line.starts_with("File \"") && line.contains("\", line ");
    let near_end = lines.split_at(lines.len().saturating_sub(EXCEPTION_LINES)).1;
    let place = near_end.iter().rposition(is_place).and_then(|at| near_end.get(at..));
    match place {
        Some([place, .., error]) => format!("{place} / {error}"),
        _ => lines.split_at(lines.len().saturating_sub(SHOWN_LINES)).1.join(" / "),
    }
}

/// Returns a time as people write it: `10 s`, `200 ms`.
pub(crate) fn seconds(time: Duration) -> String {
    if time.subsec_millis() == 0 {
        format!("{} s", time.as_secs())
    } else {
        format!("{} ms", time.as_millis())
    }
}

/// Returns what a plugin printed where a message was due, as far as a line can show it.
pub(super) fn printed(line: &str) -> String {
    let shown = visible(line.trim());
    format!("printed {:?} instead of", clip(&shown, 80))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_an_exception_of_python_its_place_and_its_error_are_told() {
        let syntax = "  File \"/p/acme.py\", line 3\n    def (:\n        ^\nSyntaxError: invalid syntax\n";
        assert_eq!(telling(syntax), "File \"/p/acme.py\", line 3 / SyntaxError: invalid syntax");
        let trace = "Traceback (most recent call last):\n  File \"a.py\", line 9, in <module>\n    main()\n  \
                     File \"a.py\", line 5, in main\n    raise ValueError(\"x\")\nValueError: x\n";
        assert_eq!(telling(trace), "File \"a.py\", line 5, in main / ValueError: x");
    }

    #[test]
    fn of_anything_else_the_last_lines_are_told() {
        assert_eq!(telling("one\ntwo\n\nthree\n four\n"), "two / three / four");
        assert_eq!(telling("File \"a.py\", line 5"), "File \"a.py\", line 5");
        assert_eq!(telling("File \"a.py\", line 5\n1\n2\n3\n4\n5"), "3 / 4 / 5");
        assert_eq!(telling(""), "");
    }
}

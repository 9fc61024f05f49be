//! What a run looks like in a chat: a snapshot or an answer as a [`Body`].
//!
//! Layout only: header, text, footer, buttons. Nothing here knows a service; a transport cuts a body to its
//! service's limit with [`split`] or [`trim`] and translates the Markdown. When a body is sent decides
//! `pacing.rs`.

mod action;
mod cut;
mod elapsed;
mod fence;
mod shorten;
mod split;
mod table;

use std::path::Path;
use std::time::Duration;

use crate::event::{Action, Level, Note, Outcome, RunEnd};
use crate::id::{EngineId, RunId};
use crate::message::{Body, Button, ButtonAction};

pub use action::action_line;
pub use elapsed::format_elapsed;
pub use shorten::{code_span, shorten};
pub use split::{flatten, split, trim};
pub use table::{Cell, Table};

use fence::close_fence;
use shorten::close_code_spans;

/// How many of the last actions a progress message shows.
pub const SHOWN_ACTIONS: usize = 5;

/// Longest note shown, in characters.
const MAX_NOTE_CHARS: usize = 300;

/// Ends a line where CommonMark would make it one with the next.
const HARD_BREAK: &str = "  \n";

/// Where a run stands, as its header says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Label {
    /// It waits.
    Queued {
        /// How many runs are ahead of it.
        ahead: usize,
    },
    /// It is about to start.
    Starting,
    /// The engine works.
    Working,
    /// The engine answered.
    Done,
    /// It failed.
    Error,
    /// A person stopped it.
    Cancelled,
    /// The daemon stopped or died under it.
    Interrupted,
}

impl Label {
    /// Returns whether the run is not over.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, Self::Queued { .. } | Self::Starting | Self::Working)
    }

    fn text(self) -> String {
        match self {
            Self::Queued { ahead: 0 } => "queued".to_owned(),
            Self::Queued { ahead } => format!("queued ({ahead} ahead)"),
            Self::Starting => "starting".to_owned(),
            Self::Working => "working".to_owned(),
            Self::Done => "done".to_owned(),
            Self::Error => "error".to_owned(),
            Self::Cancelled => "`cancelled`".to_owned(),
            Self::Interrupted => "`interrupted`".to_owned(),
        }
    }
}

/// What every message of a run shows.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// The run.
    pub run: RunId,
    /// Who runs it.
    pub engine: &'a EngineId,
    /// How long it has been running; zero while it waits.
    pub elapsed: Duration,
    /// How many distinct actions there were.
    pub steps: u64,
    /// The directory it runs in: paths below it are shown relative.
    pub dir: Option<&'a Path>,
    /// The `ctx:` line, as Markdown.
    pub context_line: Option<&'a str>,
    /// The resume line, as Markdown; `None` while the session is not known or where it is not wanted.
    pub resume_line: Option<&'a str>,
}

impl View<'_> {
    fn header(&self, label: Label) -> String {
        let header = format!("{} · {} · {}", label.text(), self.engine, format_elapsed(self.elapsed));
        if self.steps > 0 { format!("{header} · step {}", self.steps) } else { header }
    }

    fn body(&self, label: Label, text: String) -> Body {
        let footer = [self.context_line, self.resume_line].into_iter().flatten().map(str::to_owned).collect();
        Body { header: Some(self.header(label)), text, footer, ..Body::default() }
    }
}

/// Returns the message that shows how a run stands: its last actions (the caller picks, by convention
/// [`SHOWN_ACTIONS`] of them), the last note, and a button that stops it unless it is over.
#[must_use]
pub fn render_progress<'a>(
    view: &View<'_>,
    label: Label,
    actions: impl IntoIterator<Item = &'a Action>,
    note: Option<&Note>,
) -> Body {
    let actions = actions.into_iter().map(|action| action_line(action, view.dir));
    let lines: Vec<String> = actions.chain(note.map(note_line)).collect();
    let mut body = view.body(label, lines.join(HARD_BREAK));
    if label.is_open() {
        let action = ButtonAction::Cancel { run: view.run };
        body.buttons = vec![vec![Button { label: "cancel".to_owned(), action }]];
    }
    body
}

/// Returns the message that shows how a run ended: its answer, why it failed, what it left running. A blank
/// answer is an error unless the engine may answer so (`blank_ok`).
#[must_use]
pub fn render_final(view: &View<'_>, end: &RunEnd, blank_ok: bool) -> Body {
    let answer = end.answer.trim();
    let (label, reason) = match &end.outcome {
        Outcome::Answered if answer.is_empty() && !blank_ok => (Label::Error, "the engine gave no answer"),
        Outcome::Answered => (Label::Done, ""),
        Outcome::Cancelled => (Label::Cancelled, ""),
        Outcome::Interrupted => (Label::Interrupted, ""),
        Outcome::Failed(reason) => (Label::Error, reason.trim()),
    };
    let mut paragraphs = vec![answer.to_owned(), reason.to_owned(), left_running(&end.left_running)];
    paragraphs.retain(|paragraph| !paragraph.is_empty());
    let last = paragraphs.len().saturating_sub(1);
    // What follows an answer that forgot to close its code must not become part of that code.
    let closed = paragraphs
        .iter()
        .enumerate()
        .map(|(at, text)| if at < last { close_fence(text) } else { text.clone() });
    view.body(label, closed.collect::<Vec<_>>().join("\n\n"))
}

/// Returns a note as a line of its own.
pub(crate) fn note_line(note: &Note) -> String {
    let mark = match note.level {
        Level::Info => "·",
        Level::Warning | Level::Error => "⚠",
    };
    format!("{mark} {}", close_code_spans(&shorten(note.text.trim(), MAX_NOTE_CHARS)))
}

fn left_running(lines: &[String]) -> String {
    let named = lines.iter().map(|line| shorten(line.trim(), MAX_NOTE_CHARS)).filter(|line| !line.is_empty());
    let items: Vec<String> = named.map(|line| format!("- {}", code_span(&line))).collect();
    if items.is_empty() { String::new() } else { format!("left running:\n\n{}", items.join("\n")) }
}

#[cfg(test)]
mod tests;

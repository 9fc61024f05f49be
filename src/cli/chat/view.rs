//! How a message's progress is shown: painted in place on a terminal, as plain lines elsewhere, as JSON on
//! stdout for programs. The answer itself is not shown here.

use std::collections::HashSet;
use std::io::{self, IsTerminal};
use std::time::Duration;

use serde_json::{Value, json};
use takopi_core::desk::Followed;
use takopi_core::event::{Action, ActionKind, Level, Outcome, Phase, RunEvent};
use takopi_core::text::visible;
use takopi_local::ConversationId;
use tokio::time::Instant;

use super::paint::Canvas;
use super::progress::{Progress, step};
use crate::control::wire::Told;
use crate::report::{Failure, remark, say};

/// Shortest time between two paintings: more often nobody can read.
const REPAINT: Duration = Duration::from_millis(80);

/// Steps of plain lines that are told apart; of a longer run the oldest may be told twice.
const TOLD_APART: usize = 4096;

/// A way to show progress.
pub(super) enum View {
    /// Painted in place.
    Terminal(Box<Terminal>),
    /// Lines on stderr.
    Plain(Plain),
    /// One JSON object per event on stdout.
    Json,
}

/// What is painted, and when it was.
pub(super) struct Terminal {
    progress: Progress,
    canvas: Canvas,
    heard: Instant,
    painted: Option<Instant>,
}

/// What was told already.
#[derive(Default)]
pub(super) struct Plain {
    told: HashSet<(String, bool)>,
}

impl View {
    /// Returns the view for progress on stderr.
    pub(super) fn for_stderr() -> Self {
        if !io::stderr().is_terminal() || std::env::var_os("TERM").is_some_and(|term| term == "dumb") {
            return Self::Plain(Plain::default());
        }
        Self::Terminal(Box::new(Terminal {
            progress: Progress::default(),
            canvas: Canvas::default(),
            heard: Instant::now(),
            painted: None,
        }))
    }

    /// Returns the view for programs.
    pub(super) fn json() -> Self {
        Self::Json
    }

    /// Shows what happened.
    ///
    /// # Errors
    /// When nobody reads stdout any more.
    pub(super) fn show(&mut self, told: &Told, conversation: Option<ConversationId>) -> Result<(), Failure> {
        match self {
            Self::Terminal(terminal) => terminal.hear(told),
            Self::Plain(plain) => plain.hear(told),
            Self::Json => {
                if let Some(object) = object(told, conversation) {
                    say(object)?;
                }
            }
        }
        Ok(())
    }

    /// Shows that time goes by.
    pub(super) fn tick(&mut self) {
        if let Self::Terminal(terminal) = self {
            terminal.paint();
        }
    }

    /// Tells the person something about this terminal, not about the run.
    pub(super) fn remark(&mut self, text: &str) {
        if let Self::Terminal(terminal) = self {
            terminal.canvas.clear();
        }
        remark(text);
    }

    /// Takes progress away: what comes now is the answer.
    pub(super) fn finish(&mut self) {
        if let Self::Terminal(terminal) = self {
            terminal.canvas.clear();
        }
    }
}

impl Terminal {
    fn hear(&mut self, told: &Told) {
        self.progress.hear(told);
        self.heard = Instant::now();
        if self.painted.is_none_or(|painted| painted.elapsed() >= REPAINT) {
            self.paint();
        }
    }

    fn paint(&mut self) {
        self.painted = Some(Instant::now());
        let since = if self.progress.started() { self.heard.elapsed() } else { Duration::ZERO };
        self.canvas.paint(&self.progress.lines(self.progress.elapsed() + since, Canvas::columns()));
    }
}

impl Plain {
    fn hear(&mut self, told: &Told) {
        match told {
            Told::Queued { ahead, .. } if *ahead > 0 => remark(format_args!("waiting behind {ahead}")),
            Told::Run { item: Followed::Snapshot { snapshot, .. }, .. } => {
                snapshot.actions.iter().for_each(|action| self.act(action));
            }
            Told::Run { item: Followed::Event { event: RunEvent::Action(action), .. }, .. } => {
                self.act(action)
            }
            Told::Run { item: Followed::Event { event: RunEvent::Note(note), .. }, .. }
                if note.level != Level::Info =>
            {
                remark(format_args!("! {}", visible(&note.text)));
            }
            _ => {}
        }
    }

    /// Tells that a step began and that it ended, each once.
    fn act(&mut self, action: &Action) {
        if action.id.is_empty() || matches!(action.kind, ActionKind::Turn | ActionKind::Telemetry) {
            return;
        }
        if self.told.len() >= TOLD_APART {
            self.told.clear();
        }
        if self.told.insert((action.id.clone(), action.phase == Phase::Completed)) {
            remark(visible(&step(action)));
        }
    }
}

/// Returns the object that tells of `told` on stdout. A promise to programs: fields are added, never changed.
///
/// `type` is one of `accepted`, `queued`, `started`, `snapshot`, `session`, `action`, `text`, `answer`, `usage`,
/// `note`, `ended`, `reply`, `settled`; the last object is `ended` or `settled`. Events of a run carry `run`, `seq`
/// and `elapsed_ms`; a `snapshot` takes the place of events that were missed.
fn object(told: &Told, conversation: Option<ConversationId>) -> Option<Value> {
    Some(match told {
        Told::Accepted => json!({"type": "accepted", "conversation": conversation}),
        Told::Queued { run, engine, ahead } => {
            json!({"type": "queued", "run": run, "engine": engine, "ahead": ahead})
        }
        Told::Started { run } => json!({"type": "started", "run": run}),
        Told::Reply { text } => json!({"type": "reply", "text": text}),
        Told::Settled => json!({"type": "settled"}),
        Told::Run { run, item, resume } => {
            let (seq, elapsed_ms, mut object) = match item {
                Followed::Snapshot { seq, elapsed_ms, snapshot } => {
                    (seq, elapsed_ms, json!({"type": "snapshot", "snapshot": snapshot}))
                }
                Followed::Event { seq, elapsed_ms, event } => (seq, elapsed_ms, event_object(event)?),
                Followed::End { seq, elapsed_ms, end } => {
                    let (outcome, reason) = match &end.outcome {
                        Outcome::Answered => ("answered", None),
                        Outcome::Cancelled => ("cancelled", None),
                        Outcome::Interrupted => ("interrupted", None),
                        Outcome::Failed(reason) => ("failed", Some(reason)),
                    };
                    let object = json!({
                        "type": "ended", "outcome": outcome, "reason": reason, "answer": end.answer,
                        "session": end.session, "resume": resume, "usage": end.usage, "left_running": end.left_running,
                    });
                    (seq, elapsed_ms, object)
                }
            };
            object["run"] = json!(run);
            object["seq"] = json!(seq);
            object["elapsed_ms"] = json!(elapsed_ms);
            object
        }
    })
}

fn event_object(event: &RunEvent) -> Option<Value> {
    Some(match event {
        RunEvent::Session(session) => json!({"type": "session", "session": session}),
        RunEvent::Action(action) => json!({"type": "action", "action": action}),
        RunEvent::Text(text) => json!({"type": "text", "text": text}),
        RunEvent::Answer(text) => json!({"type": "answer", "text": text}),
        RunEvent::Usage(usage) => json!({"type": "usage", "usage": usage}),
        RunEvent::Note(note) => json!({"type": "note", "level": note.level, "text": note.text}),
        // How the daemon joins the run again is nobody else's business.
        RunEvent::Handle(_) => return None,
    })
}

#[cfg(test)]
mod tests;

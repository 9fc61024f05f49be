//! A followed run, folded into what one client has not been shown yet.
//!
//! Pure: `web/events.rs` decides when to paint. However fast an engine talks, a client gets a few paints a
//! second, each holding only the steps that changed.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::Serialize;
use takopi_core::desk::Followed;
use takopi_core::event::{Action, ActionKind, Note, RunEnd, RunEvent, Usage};
use takopi_core::session::SessionToken;
use takopi_core::text::visible;

/// Characters of a step's output that are shown, its end.
const OUTPUT_CHARS: usize = 4_000;

/// Characters of the text written so far that are shown, its end.
const TEXT_CHARS: usize = 8_000;

/// Notes that are shown, the last ones.
const SHOWN_NOTES: usize = 5;

/// Steps whose ids are remembered, to count each once. An engine comes back to a step within few others.
const KNOWN_STEPS: usize = 1_024;

/// What changed since the last paint.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub(crate) struct Paint {
    /// Whether this is everything, and what was painted before is to be forgotten.
    pub(crate) reset: bool,
    /// Milliseconds since the engine was started.
    pub(crate) elapsed_ms: u64,
    /// How many steps there were.
    pub(crate) steps: u64,
    /// How many of them are not shown, after the first ones; told with a reset.
    pub(crate) left_out: u64,
    /// The steps that changed, as last heard of.
    pub(crate) actions: Vec<Action>,
    /// The text written so far, when it changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) text: Option<String>,
    /// The answer, when it changed.
    #[serde(skip)]
    pub(crate) answer: Option<String>,
    /// The last notes, when there is a new one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) notes: Option<Vec<Note>>,
    /// What was used, when that changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) usage: Option<Usage>,
    /// The session, when it became known.
    #[serde(skip)]
    pub(crate) session: Option<SessionToken>,
}

impl Paint {
    /// Returns whether there is nothing to show in it but the time.
    pub(crate) fn is_empty(&self) -> bool {
        let told = self.text.is_some() || self.answer.is_some() || self.notes.is_some();
        !told && self.actions.is_empty() && self.usage.is_none() && self.session.is_none()
    }
}

/// Folds what is followed.
#[derive(Debug, Default)]
pub(crate) struct Painter {
    paint: Paint,
    /// Where in `paint.actions` a step is.
    places: HashMap<String, usize>,
    known: HashMap<String, u64>,
    steps: u64,
    text: String,
    text_changed: bool,
    notes: Vec<Note>,
}

impl Painter {
    /// Returns a painter whose first paint is everything.
    pub(crate) fn new() -> Self {
        Self { paint: Paint { reset: true, ..Paint::default() }, ..Self::default() }
    }

    /// Folds one item in; returns the end when it is that.
    pub(crate) fn fold(&mut self, item: Followed) -> Option<Box<RunEnd>> {
        match item {
            Followed::Snapshot { elapsed_ms, snapshot, .. } => {
                *self = Self::new();
                self.paint.elapsed_ms = elapsed_ms;
                snapshot.actions.into_iter().for_each(|action| self.action(action));
                self.steps = snapshot.steps;
                self.paint.left_out = snapshot.left_out;
                self.paint.session = snapshot.session;
                self.paint.answer = snapshot.answer;
                self.paint.usage = snapshot.usage;
                snapshot.notes.into_iter().for_each(|note| self.note(note));
                self.write(&snapshot.text);
            }
            Followed::Event { elapsed_ms, event, .. } => {
                self.paint.elapsed_ms = elapsed_ms;
                self.event(event);
            }
            Followed::End { elapsed_ms, end, .. } => {
                self.paint.elapsed_ms = elapsed_ms;
                return Some(end);
            }
        }
        None
    }

    /// Returns what changed since the last call.
    pub(crate) fn take(&mut self) -> Paint {
        self.places.clear();
        self.paint.steps = self.steps;
        if std::mem::take(&mut self.text_changed) {
            let mut text = visible(&self.text).into_owned();
            keep_end(&mut text, TEXT_CHARS);
            self.paint.text = Some(text);
        }
        std::mem::take(&mut self.paint)
    }

    fn event(&mut self, event: RunEvent) {
        match event {
            RunEvent::Action(action) => self.action(action),
            RunEvent::Text(piece) => self.write(&piece),
            RunEvent::Answer(answer) => self.paint.answer = Some(answer),
            RunEvent::Usage(usage) => self.paint.usage = Some(usage),
            RunEvent::Note(note) => self.note(note),
            RunEvent::Session(token) => self.paint.session = Some(token),
            RunEvent::Handle(_) => {}
        }
    }

    fn action(&mut self, mut action: Action) {
        let hidden = matches!(action.kind, ActionKind::Turn | ActionKind::Telemetry);
        if hidden || action.id.is_empty() {
            return;
        }
        if let Some(output) = &mut action.detail.output {
            show_end(output, OUTPUT_CHARS);
        }
        if !self.known.contains_key(&action.id) {
            self.steps += 1;
            if self.known.len() == KNOWN_STEPS {
                let oldest = self.steps.saturating_sub(KNOWN_STEPS as u64 / 2);
                self.known.retain(|_, step| *step > oldest);
            }
            self.known.insert(action.id.clone(), self.steps);
        }
        match self.places.get(&action.id).and_then(|place| self.paint.actions.get_mut(*place)) {
            Some(shown) => *shown = action,
            None => {
                self.places.insert(action.id.clone(), self.paint.actions.len());
                self.paint.actions.push(action);
            }
        }
    }

    fn write(&mut self, piece: &str) {
        if piece.is_empty() {
            return;
        }
        self.text.push_str(piece);
        self.text_changed = true;
        // Cut rarely: a flood of small pieces must not be counted through with each of them.
        if self.text.len() > TEXT_CHARS * 8 {
            keep_end(&mut self.text, TEXT_CHARS);
        }
    }

    fn note(&mut self, note: Note) {
        self.notes.push(note);
        let surplus = self.notes.len().saturating_sub(SHOWN_NOTES);
        self.notes.drain(..surplus);
        self.paint.notes = Some(self.notes.clone());
    }
}

/// Makes an output readable and cuts it to its last `max_chars` characters.
pub(crate) fn show_end(output: &mut String, max_chars: usize) {
    if let Cow::Owned(shown) = visible(output) {
        *output = shown;
    }
    keep_end(output, max_chars);
}

/// Cuts `text` to its last `max_chars` characters.
fn keep_end(text: &mut String, max_chars: usize) {
    // A character has at least one byte, so a short text needs no counting.
    if text.len() <= max_chars {
        return;
    }
    if let Some((cut, _)) = text.char_indices().rev().nth(max_chars - 1) {
        text.drain(..cut);
    }
}

#[cfg(test)]
mod tests {
    use takopi_core::event::{Detail, Outcome, Phase};
    use takopi_core::progress::Snapshot;

    use super::*;

    fn action(id: &str, phase: Phase) -> Action {
        Action {
            id: id.to_owned(),
            kind: ActionKind::Command,
            phase,
            title: format!("step {id}"),
            ok: None,
            detail: Detail::default(),
        }
    }

    fn event(seq: u64, event: RunEvent) -> Followed {
        Followed::Event { seq, elapsed_ms: seq * 10, event }
    }

    #[test]
    fn a_flood_of_updates_is_one_paint_of_the_latest() {
        let mut painter = Painter::new();
        for seq in 1..=1_000 {
            let id = format!("a{}", seq % 3);
            assert_eq!(painter.fold(event(seq, RunEvent::Action(action(&id, Phase::Updated)))), None);
        }
        let paint = painter.take();
        assert!(paint.reset);
        assert_eq!((paint.steps, paint.actions.len(), paint.elapsed_ms), (3, 3, 10_000));

        painter.fold(event(1_001, RunEvent::Action(action("a1", Phase::Completed))));
        let paint = painter.take();
        assert!(!paint.reset);
        assert_eq!((paint.steps, paint.actions.len()), (3, 1));
        assert_eq!(paint.actions[0].phase, Phase::Completed);
    }

    #[test]
    fn a_snapshot_replaces_what_was_painted_before() {
        let mut painter = Painter::new();
        painter.fold(event(1, RunEvent::Text("lost".to_owned())));
        painter.take();
        let snapshot = Snapshot {
            steps: 900,
            left_out: 898,
            actions: vec![action("first", Phase::Completed), action("last", Phase::Started)],
            text: "new".to_owned(),
            ..Snapshot::default()
        };
        painter.fold(Followed::Snapshot { seq: 5_000, elapsed_ms: 7, snapshot: Box::new(snapshot) });
        painter.fold(event(5_001, RunEvent::Action(action("last", Phase::Completed))));
        painter.fold(event(5_002, RunEvent::Text("er".to_owned())));
        let paint = painter.take();
        assert!(paint.reset);
        assert_eq!((paint.steps, paint.left_out, paint.actions.len()), (900, 898, 2));
        assert_eq!(paint.text.as_deref(), Some("newer"));
    }

    #[test]
    fn turns_and_nameless_steps_are_neither_shown_nor_counted() {
        let mut painter = Painter::new();
        let turn = Action { kind: ActionKind::Turn, ..action("turn", Phase::Started) };
        painter.fold(event(1, RunEvent::Action(turn)));
        painter.fold(event(2, RunEvent::Action(action("", Phase::Started))));
        let paint = painter.take();
        assert_eq!((paint.steps, paint.actions.len()), (0, 0));
    }

    #[test]
    fn memory_stays_bounded_whatever_an_engine_says() {
        let mut painter = Painter::new();
        for seq in 0..10_000 {
            painter.fold(event(seq, RunEvent::Action(action(&format!("a{seq}"), Phase::Completed))));
            painter.fold(event(seq, RunEvent::Text("é".repeat(100))));
            if seq % 100 == 0 {
                painter.take();
            }
        }
        assert!(painter.known.len() <= KNOWN_STEPS);
        let shown = painter.take().text.unwrap();
        assert_eq!((painter.steps, shown.chars().count()), (10_000, TEXT_CHARS));
    }

    #[test]
    fn colours_and_redrawn_lines_are_painted_as_plain_text() {
        let mut painter = Painter::new();
        // A sequence may be torn between two pieces.
        painter.fold(event(1, RunEvent::Text("\u{1b}[3".to_owned())));
        painter.fold(event(2, RunEvent::Text("1mred\u{1b}[0m\n10%\r20%".to_owned())));
        let mut step = action("a", Phase::Completed);
        step.detail.output = Some("\u{1b}[1mbold\u{1b}[m".to_owned());
        painter.fold(event(3, RunEvent::Action(step)));
        let paint = painter.take();
        assert_eq!(paint.text.as_deref(), Some("red\n20%"));
        assert_eq!(paint.actions[0].detail.output.as_deref(), Some("bold"));
    }

    #[test]
    fn the_end_is_handed_back() {
        let end = Box::new(RunEnd::new(Outcome::Answered, "hello"));
        let item = Followed::End { seq: 1, elapsed_ms: 5, end: end.clone() };
        assert_eq!(Painter::new().fold(item), Some(end));
    }
}

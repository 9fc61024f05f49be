//! The events that translators make, with every text bounded: an agent may print lines of megabytes, and what
//! is kept of a step is a few kilobytes of it.

use takopi_core::event::{Action, ActionKind, Detail, FileChange, Phase, RunEvent};
use takopi_core::progress::{MAX_ACTION_ID_BYTES, MAX_CHANGES, MAX_OUTPUT_BYTES, MAX_TITLE_BYTES};
use takopi_core::text::{clip, clip_middle, head};

/// A step being told.
pub(crate) struct Item(Action);

impl Item {
    /// Begins to tell of the step `id`.
    pub(crate) fn new(id: &str, kind: ActionKind, phase: Phase, title: &str) -> Self {
        Self(Action {
            id: head(id, MAX_ACTION_ID_BYTES).to_owned(),
            kind,
            phase,
            title: clip(title, MAX_TITLE_BYTES).into_owned(),
            ok: None,
            detail: Detail::default(),
        })
    }

    /// Says whether it went well.
    pub(crate) fn ok(mut self, ok: bool) -> Self {
        self.0.ok = Some(ok);
        self
    }

    /// Says with which status a command ended.
    pub(crate) fn exit_code(mut self, code: Option<i64>) -> Self {
        self.0.detail.exit_code = code.and_then(|code| i32::try_from(code).ok());
        self
    }

    /// Says which files it touches.
    pub(crate) fn changes(mut self, changes: impl IntoIterator<Item = FileChange>) -> Self {
        self.0.detail.changes = changes.into_iter().take(MAX_CHANGES).collect();
        self
    }

    /// Adds output or a diff, its start and its end if it is long; an empty one says nothing.
    pub(crate) fn output(mut self, output: &str) -> Self {
        let output = output.trim_end();
        self.0.detail.output =
            (!output.is_empty()).then(|| clip_middle(output, MAX_OUTPUT_BYTES).into_owned());
        self
    }

    /// Returns the event.
    pub(crate) fn event(self) -> RunEvent {
        RunEvent::Action(self.0)
    }
}

/// Returns what the agent says on the way: shown as a step, since only the last of its texts is the answer.
pub(crate) fn remark(id: &str, text: &str) -> Option<RunEvent> {
    let text = text.trim();
    (!text.is_empty()).then(|| Item::new(id, ActionKind::Note, Phase::Completed, text).ok(true).event())
}

/// Returns a warning of the agent.
pub(crate) fn warning(id: &str, text: &str) -> RunEvent {
    Item::new(id, ActionKind::Warning, Phase::Completed, text.trim()).ok(false).event()
}

/// Returns the warning that an answer is not whole, by the model's `reason` to stop; `None` for the others.
pub(crate) fn cut_short(id: &str, reason: &str) -> Option<RunEvent> {
    let why = match reason {
        "length" => "the model reached the limit of its output: what it says is cut short",
        "content-filter" => "the model's service held back the rest of what it says",
        _ => return None,
    };
    Some(warning(id, why))
}

/// The step that tells of tries to reach the model: one row that changes, however many there are.
#[derive(Debug, Default)]
pub(crate) struct Retries {
    /// What the last try was told as, while it is not known how it ended.
    trying: Option<String>,
}

const RETRY: &str = "takopi.retry";

impl Retries {
    /// Tells of another try, in words such as `retry 1/2: the model is overloaded`.
    pub(crate) fn again(&mut self, attempt: u64, of: Option<u64>, reason: &str) -> RunEvent {
        let of = of.map_or_else(String::new, |of| format!("/{of}"));
        let colon = if reason.trim().is_empty() { "" } else { ": " };
        self.told(format!("retry {attempt}{of}{colon}{}", reason.trim()))
    }

    /// Tells of another try in the agent's own words.
    pub(crate) fn told(&mut self, title: String) -> RunEvent {
        let phase = if self.trying.is_some() { Phase::Updated } else { Phase::Started };
        let told = Item::new(RETRY, ActionKind::Note, phase, &title).event();
        self.trying = Some(title);
        told
    }

    /// Tells how the tries ended, if there were any: the agent goes on, or gives up.
    pub(crate) fn over(&mut self, ok: bool) -> Option<RunEvent> {
        let title = self.trying.take()?;
        Some(Item::new(RETRY, ActionKind::Note, Phase::Completed, &title).ok(ok).event())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_any_length_are_bounded() {
        let long = "ä".repeat(100_000);
        let event = Item::new(&long, ActionKind::Command, Phase::Completed, &long).output(&long).event();
        let RunEvent::Action(action) = event else { panic!("no action") };
        assert!(action.id.len() <= MAX_ACTION_ID_BYTES);
        assert!(action.title.len() <= MAX_TITLE_BYTES && action.title.ends_with('…'));
        assert!(action.detail.output.unwrap().len() <= MAX_OUTPUT_BYTES);
    }

    #[test]
    fn tries_are_one_row_that_begins_changes_and_ends() {
        let mut retries = Retries::default();
        assert_eq!(retries.over(true), None);
        let events = [
            retries.again(1, Some(2), "overloaded"),
            retries.again(2, None, ""),
            retries.over(true).unwrap(),
        ];
        let told = events.map(|event| match event {
            RunEvent::Action(action) => (action.phase, action.title, action.ok),
            other => panic!("{other:?}"),
        });
        let expected = [
            (Phase::Started, "retry 1/2: overloaded", None),
            (Phase::Updated, "retry 2", None),
            (Phase::Completed, "retry 2", Some(true)),
        ];
        assert_eq!(told, expected.map(|(phase, title, ok)| (phase, title.to_owned(), ok)));
    }
}

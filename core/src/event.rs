//! What a running engine tells: events while it works, one end when it is over.
//!
//! These types are stored by the ledger and sent over the control socket: a change of their JSON needs a
//! new version and a golden snapshot.

use serde::{Deserialize, Serialize};

use crate::session::SessionToken;

/// One thing an engine tells while it works.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "value", rename_all = "snake_case")]
pub enum RunEvent {
    /// How to join the run again after the daemon died. Durable before what follows it is shown.
    Handle(Handle),
    /// The engine's name of the session; at most one per run counts.
    Session(SessionToken),
    /// A step the engine takes.
    Action(Action),
    /// A piece of the answer as it is written.
    Text(String),
    /// The answer. Shown at once; a later one replaces it.
    Answer(String),
    /// What the run has used so far; a later one replaces it.
    Usage(Usage),
    /// Something the person should know: a retry, a warning.
    Note(Note),
}

/// Opaque text by which an engine joins a run that outlived the daemon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Handle(pub String);

/// What kind of step an action is. Unknown kinds read as [`ActionKind::Note`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActionKind {
    /// A command line.
    Command,
    /// A tool of the engine.
    Tool,
    /// Files written.
    FileChange,
    /// A search on the web.
    WebSearch,
    /// Another agent at work.
    Subagent,
    /// The start or end of a turn: neither shown nor counted.
    Turn,
    /// A warning.
    Warning,
    /// Numbers about the engine itself: neither shown nor counted.
    Telemetry,
    /// Anything else.
    #[serde(other)]
    Note,
}

/// Where an action stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// It began.
    Started,
    /// It goes on.
    Updated,
    /// It is over.
    Completed,
}

/// A step of an engine. Events of one `id` tell of the same step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    /// The engine's id of the step, unique within the run. Actions with an empty id are ignored.
    pub id: String,
    /// What kind of step it is.
    pub kind: ActionKind,
    /// Where it stands.
    pub phase: Phase,
    /// What it is: the command line, the tool's name, the path.
    pub title: String,
    /// Whether it went well, once completed and known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ok: Option<bool>,
    /// What more is known.
    #[serde(default, skip_serializing_if = "Detail::is_empty")]
    pub detail: Detail,
}

/// What more is known of an action.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Detail {
    /// The exit status of a command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// Files a file change touched.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<FileChange>,
    /// Output or a diff, as the engine gives it; bounded by the engine's translator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
}

impl Detail {
    /// Returns whether nothing more is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// One file of a file change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileChange {
    /// The path, absolute or relative to the run's directory.
    pub path: String,
    /// The verb: `add`, `update`, `delete`; empty reads as `update`.
    #[serde(default)]
    pub verb: String,
}

/// How loud a note is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// For the curious.
    Info,
    /// Something may be wrong.
    Warning,
    /// Something is wrong.
    Error,
}

/// Something the person should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// How loud it is.
    pub level: Level,
    /// One line of text.
    pub text: String,
}

/// What a run has used.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens read, cached ones included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_tokens: Option<u64>,
    /// Tokens written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<u64>,
    /// Cost in US dollars, where the engine tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<f64>,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "type", content = "reason", rename_all = "snake_case")]
pub enum Outcome {
    /// The engine answered.
    Answered,
    /// A person stopped it.
    Cancelled,
    /// The daemon stopped or died under it.
    Interrupted,
    /// It failed, and this is why, for people to read.
    Failed(String),
}

/// The end of a run: single and last, because it is what `Engine::run` returns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunEnd {
    /// How it ended.
    pub outcome: Outcome,
    /// The answer, empty when there is none.
    pub answer: String,
    /// The session, when the engine named one.
    pub session: Option<SessionToken>,
    /// What it used, when the engine told.
    pub usage: Option<Usage>,
    /// What it left running on purpose, a line each: named in the chat, not ended.
    #[serde(default)]
    pub left_running: Vec<String>,
    /// Whether it failed because the session it was to continue is not there, and nothing was begun: the same may
    /// be asked of a new one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub session_missing: bool,
}

impl RunEnd {
    /// Returns an end with `outcome` and `answer` and nothing else.
    #[must_use]
    pub fn new(outcome: Outcome, answer: impl Into<String>) -> Self {
        Self {
            outcome,
            answer: answer.into(),
            session: None,
            usage: None,
            left_running: Vec::new(),
            session_missing: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_that_says_nothing_of_a_missing_session_misses_none() {
        let end = RunEnd::new(Outcome::Answered, "a");
        let json = serde_json::to_value(&end).unwrap();
        assert_eq!(json.get("session_missing"), None, "as it was written before there was such a word");
        assert_eq!(serde_json::from_value::<RunEnd>(json).unwrap(), end);
        let missing = RunEnd { session_missing: true, ..end };
        let json = serde_json::to_value(&missing).unwrap();
        assert_eq!(json["session_missing"], true);
        assert_eq!(serde_json::from_value::<RunEnd>(json).unwrap(), missing);
    }
}

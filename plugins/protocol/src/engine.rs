//! Engines: takopi calls [`Run`], the plugin tells [`Event`]s while it works, the result is the end.

use serde::{Deserialize, Serialize};

use crate::life::Level;
use crate::message::File;
use crate::{Done, wire};

/// `engine/run`: do one job to its end. Cancelled by `$/cancel_request`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Run {
    /// Which engine.
    pub id: String,
    /// Which run; events name it.
    pub run: String,
    /// What to do. Never empty.
    pub prompt: String,
    /// The session to continue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The directory to work in.
    pub cwd: String,
    /// The model a person chose, in the engine's own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The reasoning level a person chose, in the engine's own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<String>,
    /// Files that came with the prompt.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<File>,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Ended {
    /// Well or not.
    pub outcome: Outcome,
    /// The answer; may be empty unless it was answered.
    #[serde(default)]
    pub answer: String,
    /// The session it can be continued by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// Why it failed, for people to read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What it used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// It failed because the session to continue is not there, before anything was done. Takopi then tells the person
    /// and runs the same prompt once more without a session.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub session_missing: bool,
}

impl Ended {
    /// Returns the end of a run that answered.
    pub fn answered(answer: impl Into<String>) -> Self {
        Self { answer: answer.into(), ..Self::bare(Outcome::Answered) }
    }

    /// Returns the end of a run that failed, with the reason for people.
    pub fn failed(error: impl Into<String>) -> Self {
        Self { error: Some(error.into()), ..Self::bare(Outcome::Failed) }
    }

    /// Returns the end of a run that failed since the session it was to continue is not there, with the reason for
    /// people.
    pub fn without_session(error: impl Into<String>) -> Self {
        Self { session_missing: true, ..Self::failed(error) }
    }

    /// Returns the end of a run that was cancelled.
    #[must_use]
    pub const fn cancelled() -> Self {
        Self::bare(Outcome::Cancelled)
    }

    const fn bare(outcome: Outcome) -> Self {
        Self {
            outcome,
            answer: String::new(),
            session: None,
            error: None,
            usage: None,
            session_missing: false,
        }
    }
}

/// Well or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It answered.
    Answered,
    /// It was cancelled.
    Cancelled,
    /// It failed.
    Failed,
    /// Takopi went down under it. Told to commands only.
    Interrupted,
}

/// What a run used.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Usage {
    /// Tokens read, cached ones included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_tokens: Option<u64>,
    /// Tokens written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<u64>,
    /// Cost in US dollars.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<f64>,
}

/// `engine/event`: what a running engine tells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Event {
    /// Whose.
    pub run: String,
    /// 1 for the first event of a run, then one more each time.
    pub seq: u64,
    /// What.
    pub event: Told,
}

/// One thing an engine tells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Told {
    /// By which name the session can be continued: once, as early as it is known.
    Session {
        /// The name.
        session: String,
    },
    /// A step. Events of one `id` tell of the same step.
    Action(Action),
    /// A piece of the answer as it is written.
    Text {
        /// The piece.
        delta: String,
    },
    /// What the run has used so far.
    Usage(Usage),
    /// Something the person should know.
    Note {
        /// How loud.
        level: Level,
        /// One line.
        text: String,
    },
}

/// A step of an engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Action {
    /// Unique within the run; not empty.
    pub id: String,
    /// What kind of step.
    pub kind: ActionKind,
    /// Where it stands.
    pub phase: Phase,
    /// What it is: the command line, the tool's name, the path.
    pub title: String,
    /// Whether it went well, once completed and known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ok: Option<bool>,
    /// What more is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<Detail>,
}

impl Action {
    /// Returns a step that begins.
    pub fn started(id: impl Into<String>, kind: ActionKind, title: impl Into<String>) -> Self {
        let (id, title) = (id.into(), title.into());
        Self { id, kind, phase: Phase::Started, title, ok: None, detail: None }
    }

    /// Returns the same step as it ends, well or not.
    #[must_use]
    pub fn completed(&self, ok: bool) -> Self {
        Self { phase: Phase::Completed, ok: Some(ok), ..self.clone() }
    }
}

/// What kind of step. Unknown kinds read as [`ActionKind::Note`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
    /// A warning.
    Warning,
    /// Anything else.
    #[serde(other)]
    Note,
}

/// Where a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// It began.
    Started,
    /// It goes on.
    Updated,
    /// It is over.
    Completed,
}

/// What more is known of a step.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Detail {
    /// The exit status of a command.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// Files that were written.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<FileChange>,
    /// Output, or a diff.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
}

/// One file that was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FileChange {
    /// The path, absolute or relative to the run's directory.
    pub path: String,
    /// `add`, `update` or `delete`; empty reads as `update`.
    #[serde(default)]
    pub verb: String,
}

/// `engine/ask`: a question to the person, told by the plugin. Its result may take as long as a person sleeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Ask {
    /// Whose question.
    pub run: String,
    /// Unique within the run.
    pub key: String,
    /// What is asked.
    pub title: String,
    /// What may be chosen; empty when only text fits.
    #[serde(default)]
    pub options: Vec<Choice>,
    /// Whether free text is an answer too.
    #[serde(default)]
    pub free_text: bool,
}

/// One choice of a question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Choice {
    /// The plugin's name of the choice.
    pub id: String,
    /// What its button says.
    pub label: String,
}

/// What a person answered.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Answer {
    /// The chosen ids.
    pub options: Vec<String>,
    /// The free text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Nobody can answer any more.
    pub cancelled: bool,
}

/// `engine/steer`: a text for a run that is under way. An error puts the text into the queue instead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Steer {
    /// Which run.
    pub run: String,
    /// The text.
    pub text: String,
}

/// `engine/choices`: what a person may choose from. Asked only of engines with the feature `options`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AskChoices {
    /// Which engine.
    pub id: String,
    /// The model whose levels are wanted; else the configured one's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
}

/// What a person may choose from.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Choices {
    /// The models it knows; empty when it cannot tell.
    pub models: Vec<String>,
    /// The reasoning levels, from low to high; empty when it takes any word or none.
    pub levels: Vec<String>,
    /// The model its settings name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The level its settings name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
}

wire! {
    Run, "engine/run" => Ended;
    Event, "engine/event";
    Ask, "engine/ask" => Answer;
    Steer, "engine/steer" => Done;
    AskChoices, "engine/choices" => Choices;
}

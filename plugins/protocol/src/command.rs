//! Commands: takopi calls one, which may call back by [`crate::host`].

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::message::{Body, MessageRef, Reply, Sender};
use crate::wire;

/// `command/call`: somebody typed the command, or pressed one of its buttons. Cancelled by `$/cancel_request`.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Call {
    /// Which command.
    pub id: String,
    /// By which name the methods of [`crate::host`] are called for this caller; good until it is released.
    pub context: String,
    /// The text after the command's name, further lines included.
    pub args_text: String,
    /// The same, split as a POSIX shell would; at white space when quotes are unbalanced.
    #[serde(default)]
    pub args: Vec<String>,
    /// The message that called it; for a button, the one that carries it.
    pub message: MessageRef,
    /// Who called it.
    pub sender: Sender,
    /// Whether a button was pressed.
    #[serde(default)]
    pub pressed: bool,
    /// What the message replies to, with its text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<Reply>,
    /// The project a plain message here would get.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// The branch a plain message here would get.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// `[plugins.<id>]`.
    #[serde(default)]
    pub config: Map<String, Value>,
}

/// What a command answers.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "CommandAnswer"))]
pub struct Answer {
    /// What is shown as a reply to the call; nothing is silence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<CommandReply>,
}

impl Answer {
    /// Returns no answer: nothing is shown.
    #[must_use]
    pub const fn silence() -> Self {
        Self { reply: None }
    }

    /// Returns an answer that shows `text` as Markdown.
    pub fn markdown(text: impl Into<String>) -> Self {
        Body::markdown(text).into()
    }

    /// Returns an answer that shows `text` as it stands.
    pub fn plain(text: impl Into<String>) -> Self {
        Body::plain(text).into()
    }
}

impl From<Body> for Answer {
    fn from(body: Body) -> Self {
        Self { reply: Some(CommandReply { body, notify: false }) }
    }
}

/// A reply.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CommandReply {
    /// What is shown.
    pub body: Body,
    /// Whether the person's device may make a sound.
    #[serde(default)]
    pub notify: bool,
}

wire! {
    Call, "command/call" => Answer;
}

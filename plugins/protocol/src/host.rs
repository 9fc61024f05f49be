//! What takopi does for a command, called by the plugin. Each method needs a context that was handed out with a call and,
//! [`Resolve`] aside, a permission of the manifest; after that call's answer, the permission `background` too. Without
//! that, wait for the answers before answering the call: what is still under way then ends with [`crate::code::GONE`].

use serde::{Deserialize, Serialize};

use crate::engine::Outcome;
use crate::message::Body;
use crate::{Done, wire};

/// `host/send`: show a message in the caller's chat, for certain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "HostSend"))]
pub struct Send {
    /// For which call.
    pub context: String,
    /// What: of text 100,000 characters at most, 20 rows of 8 buttons with labels of 80 characters and tokens of 1000
    /// bytes, 10 files.
    pub body: Body,
    /// Whether the person's device may make a sound.
    #[serde(default)]
    pub notify: bool,
}

/// Project and branch.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Place {
    /// The project's alias.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// The branch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
}

/// Whether a run shows in the chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// With progress and answer, as a message would.
    Emit,
    /// Only the command gets the answer.
    #[default]
    Capture,
}

/// What is to be run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Request {
    /// What to do.
    pub prompt: String,
    /// By whom; by whom a plain message here would be, when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<String>,
    /// Where; where a plain message here would be, when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// The session to continue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// Whether it shows.
    #[serde(default)]
    pub mode: Mode,
}

/// `host/run`: run an engine to its end. `$/cancel_request` cancels the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "HostRun"))]
pub struct Run {
    /// For which call.
    pub context: String,
    /// What.
    #[serde(flatten)]
    pub request: Request,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Ran {
    /// Which run.
    pub run: String,
    /// By whom.
    pub engine: String,
    /// Well or not.
    pub outcome: Outcome,
    /// The answer, empty when there is none.
    pub answer: String,
    /// The session it can be continued by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// `host/run_many`: run several engines to their ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RunMany {
    /// For which call.
    pub context: String,
    /// What: 64 at most.
    pub requests: Vec<Request>,
    /// At the same time, or one after the other.
    #[serde(default)]
    pub parallel: bool,
}

/// How several runs ended, in the order they were asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RanMany {
    /// Each.
    pub results: Vec<Ran>,
}

/// `host/engines`: the engines that serve the caller's chat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AskEngines {
    /// For which call.
    pub context: String,
}

/// The engines there are.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Engines {
    /// Each, by id.
    pub engines: Vec<Engine>,
    /// The one a plain message here would get.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
}

/// One engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Engine {
    /// Its id.
    pub id: String,
    /// Its name for people.
    pub title: String,
    /// Why it cannot be used now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issue: Option<String>,
}

/// `host/resolve`: reads a text as a message would be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Resolve {
    /// For which call.
    pub context: String,
    /// The text, with its directives.
    pub text: String,
    /// The text of what it replies to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_text: Option<String>,
}

/// What a text means.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Resolved {
    /// The text without directives.
    pub prompt: String,
    /// The engine, where one is named or a session continued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<String>,
    /// The session, where one is continued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// Where.
    #[serde(default)]
    pub place: Place,
    /// The directory of that place, where it has one already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dir: Option<String>,
}

/// `host/get`: a value the plugin has put away. The keys are its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Get {
    /// For which call.
    pub context: String,
    /// Under which name, 128 bytes at most.
    pub key: String,
}

/// `host/put`: puts a value away; `None` takes it away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Put {
    /// For which call.
    pub context: String,
    /// Under which name, 128 bytes at most.
    pub key: String,
    /// The value, 64 KiB at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// What was put away.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Got {
    /// The value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// `context/release`: nothing more will be asked for that call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Release {
    /// Which call.
    pub context: String,
}

wire! {
    Send, "host/send" => Done;
    Run, "host/run" => Ran;
    RunMany, "host/run_many" => RanMany;
    AskEngines, "host/engines" => Engines;
    Resolve, "host/resolve" => Resolved;
    Get, "host/get" => Got;
    Put, "host/put" => Done;
    Release, "context/release";
}

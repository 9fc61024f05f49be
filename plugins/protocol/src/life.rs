//! From the start of a plugin's process to its end. Takopi calls, except for [`Log`].

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Done, wire};

/// What a plugin can register.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Runs prompts.
    Engine,
    /// Carries messages.
    Transport,
    /// Answers a slash command.
    Command,
}

/// One thing a plugin registers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Provided {
    /// What it is.
    pub kind: Kind,
    /// Its id.
    pub id: String,
}

/// A program and its version.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Named {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// `initialize`: the first request. What a plugin is configured with holds until it is started anew.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Initialize {
    /// The highest protocol takopi speaks.
    pub protocol: u32,
    /// Takopi.
    pub host: Named,
    /// A folder in which the plugin may keep files.
    pub data_dir: String,
    /// What takopi wants of it, by its manifest.
    pub provides: Vec<Provided>,
    /// Its settings: by kind, then by id. What is not configured is an empty table.
    #[serde(default)]
    pub config: Settings,
    /// What takopi can do for it.
    #[serde(default)]
    pub capabilities: HostCapabilities,
}

/// Settings by what they are for.
#[derive(Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Settings {
    /// Of engines: `[engines.<id>]`.
    pub engine: Map<String, Value>,
    /// Of commands: `[plugins.<id>]`.
    pub command: Map<String, Value>,
}

/// What takopi can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct HostCapabilities {
    /// Runs engines for commands.
    pub run: bool,
    /// Carries questions of engines to people.
    pub ask: bool,
}

/// What a plugin answers to [`Initialize`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Initialized {
    /// The highest protocol the plugin speaks that is not above takopi's.
    pub protocol: u32,
    /// The plugin.
    #[serde(default)]
    pub plugin: Named,
    /// What it registers: no more than its manifest says.
    pub provides: Vec<Provided>,
    /// What it can do besides.
    #[serde(default)]
    pub capabilities: Capabilities,
}

/// What a plugin can do besides what its manifest says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Capabilities {
    /// Answers [`Ping`] at once, whatever else it is doing. Only such a plugin is pinged: one that does a thing at a
    /// time would seem to hang whenever it works.
    pub ping: bool,
}

/// `initialized`: the handshake is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Ready {}

/// `ping`: answered at once by whoever is well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Ping {}

/// `config/check`: whether settings can be used.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CheckConfig {
    /// Whose: the kind.
    pub kind: Kind,
    /// Whose: the id.
    pub id: String,
    /// The settings.
    #[serde(default)]
    pub config: Map<String, Value>,
}

/// What is wrong with settings.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Issues {
    /// Each.
    #[serde(default)]
    pub issues: Vec<Issue>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Issue {
    /// How bad it is; [`Level::Error`] keeps the plugin from being used.
    pub level: Level,
    /// What is wrong, in a few words.
    pub title: String,
    /// What to do about it, a line each.
    #[serde(default)]
    pub lines: Vec<String>,
}

impl Issue {
    /// Returns something that keeps the plugin from being used.
    pub fn error(title: impl Into<String>) -> Self {
        Self { level: Level::Error, title: title.into(), lines: Vec::new() }
    }

    /// Returns something that may be wrong.
    pub fn warning(title: impl Into<String>) -> Self {
        Self { level: Level::Warning, title: title.into(), lines: Vec::new() }
    }
}

/// How loud something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// For whoever looks for a fault.
    Debug,
    /// For the curious.
    Info,
    /// Something may be wrong.
    Warning,
    /// Something is wrong.
    Error,
}

/// `shutdown`: finish what must be finished. [`Exit`] follows the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Shutdown {}

/// `exit`: end now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Exit {}

/// `log`: a line for takopi's log, told by the plugin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Log {
    /// How loud.
    pub level: Level,
    /// What happened.
    pub message: String,
    /// What more is known.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub fields: Map<String, Value>,
}

/// `$/cancel_request`: nobody needs the answer to a request any more. Both sides send it; the request is answered all
/// the same, with its result or [`crate::code::CANCELLED`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Cancel {
    /// The request's id.
    pub id: Value,
}

wire! {
    Initialize, "initialize" => Initialized;
    Ready, "initialized";
    Ping, "ping" => Done;
    CheckConfig, "config/check" => Issues;
    Shutdown, "shutdown" => Done;
    Exit, "exit";
    Log, "log";
    Cancel, "$/cancel_request";
}

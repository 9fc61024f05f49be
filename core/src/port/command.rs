//! The port to slash commands: written once, they answer on every transport.

mod files;
mod guest;
mod topics;

use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

pub use files::{Deposit, Directed, FileHost};
pub use guest::{CallId, CallSummary, GuestHost, Resolved};

use crate::event::Outcome;
use crate::id::{CommandId, EngineId, RunId};
use crate::message::{Address, Attachment, Body, MessageRef, Reply, Sender};
use crate::port::engine::{Choices, RunOptions};
use crate::port::ledger::{Preference, PreferenceKey, Remembered};
use crate::port::transport::Trigger;
use crate::session::{Context, Scope, SessionToken};

pub use topics::TopicHost;

/// What an option of a command takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OptionKind {
    /// Any text.
    Text,
    /// The id of an engine.
    Engine,
    /// The alias of a project.
    Project,
    /// The name of a branch.
    Branch,
    /// A model of the engine that is meant.
    Model,
    /// A reasoning level of the engine that is meant.
    Level,
    /// The name of a command.
    Command,
    /// A session of the chat, as its engine and its token: `codex 0199…`.
    Session,
    /// A path below the directory that is meant where the command is given.
    Path,
    /// A file that comes with the command; of such there is no text form.
    File,
    /// Yes or no; in the text form yes is `--NAME`.
    Flag,
    /// No value: the first word of the text form, which says what the command does. The options after it, up to the
    /// next of this kind, are its own: see [`options_of`].
    Verb,
}

/// One option of a command, for services with native commands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandOption {
    /// Its name.
    pub name: String,
    /// What it takes.
    pub kind: OptionKind,
    /// What it is for, in a few words.
    pub description: String,
    /// Whether it must be given.
    pub required: bool,
}

/// Returns the options that belong to a verb of a command; without one, those that stand before any.
#[must_use]
pub fn options_of<'a>(options: &'a [CommandOption], verb: Option<&str>) -> &'a [CommandOption] {
    let is_verb = |option: &CommandOption| option.kind == OptionKind::Verb;
    let after = match verb {
        None => 0,
        Some(verb) => {
            let at = options.iter().position(|option| is_verb(option) && option.name == verb);
            at.map_or(options.len(), |at| at + 1)
        }
    };
    let own = options.get(after..).unwrap_or_default();
    let end = own.iter().position(is_verb).unwrap_or(own.len());
    own.get(..end).unwrap_or_default()
}

/// Who may call a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// Everyone who is served.
    #[default]
    Everyone,
    /// In groups, only those who manage the group.
    Manager,
}

/// What is known of a command without loading it: menus and help follow from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandSpec {
    /// Its id.
    pub id: CommandId,
    /// What it does, in a few words, for menus.
    pub description: String,
    /// How it is typed: `/agent [ENGINE | clear]`.
    pub usage: String,
    /// Its options, for services with native commands, in the order of the text form.
    pub options: Vec<CommandOption>,
    /// Whether its reply is for the caller's eyes only, where a service can do that.
    pub ephemeral: bool,
    /// Who may call it.
    pub access: Access,
}

/// What a command is called with. Native arguments are put into the text form of `options`.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// Which command.
    pub command: CommandId,
    /// The text after its name, further lines included.
    pub text: String,
    /// The text split as a POSIX shell would; on unbalanced quotes at white space.
    pub words: Vec<String>,
    /// The message that called it.
    pub message: MessageRef,
    /// Who called it.
    pub sender: Sender,
    /// What that message replies to.
    pub reply_to: Option<Reply>,
    /// The files that came with that message, voice notes aside.
    pub files: Vec<Attachment>,
    /// Whether those are an album.
    pub album: bool,
    /// Runs that were signalled to stop as the call came in: `/cancel` never waits in a queue.
    pub stopped: Vec<RunId>,
    /// Whether a button was pressed instead of a text typed.
    pub pressed: bool,
    /// `[plugins.<id>]` of the config.
    pub settings: CommandSettings,
}

/// `[plugins.<id>]` of the config, dates as texts. `Debug` prints the keys alone: a value may be a secret.
#[derive(Clone, PartialEq, Default)]
pub struct CommandSettings(pub Map<String, Value>);

impl fmt::Debug for CommandSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// What a command answers. `None` instead of one is silence.
#[derive(Debug, Clone, PartialEq)]
pub struct CommandReply {
    /// What is shown.
    pub body: Body,
    /// Whether the person's device may make a sound.
    pub notify: bool,
}

impl CommandReply {
    /// Returns a reply in Markdown that makes no sound.
    #[must_use]
    pub fn markdown(text: impl Into<String>) -> Self {
        Self { body: Body::markdown(text), notify: false }
    }
}

/// Why a command failed; shown in the chat.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CommandError(pub String);

/// A run as a command sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunSummary {
    /// The run.
    pub id: RunId,
    /// Where it shows.
    pub address: Address,
    /// Who runs it.
    pub engine: EngineId,
    /// Where it works.
    pub context: Context,
    /// The message it answers.
    pub asked_by: Option<MessageRef>,
    /// The beginning of its prompt.
    pub prompt: String,
    /// `None` while it runs, otherwise how many runs are ahead of it.
    pub ahead: Option<usize>,
    /// Whether its answer is out and its engine only winds up.
    pub answered: bool,
    /// How long it has been running or waiting, in seconds.
    pub elapsed_s: u64,
    /// The call of a command that waits for it.
    #[serde(skip)]
    pub of_call: Option<CallId>,
}

/// A conversation that was begun anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renewed {
    /// Whose.
    pub scope: Scope,
    /// How many runs of the old one go on.
    pub under_way: usize,
}

/// An engine as a command sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EngineStatus {
    /// Its id.
    pub id: EngineId,
    /// Its name for people.
    pub title: String,
    /// Why it cannot be used now, and what to do; `None` when it can.
    pub issue: Option<String>,
    /// Whether it takes a model and a reasoning level.
    pub options: bool,
}

/// What a command asks to be run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RunRequest {
    /// What to do.
    pub prompt: String,
    /// The engine; by the scope's precedence when `None`.
    pub engine: Option<EngineId>,
    /// Where; by the scope's precedence when `None`.
    pub context: Option<Context>,
    /// The session to continue; a new one when `None`.
    pub session: Option<SessionToken>,
}

/// Whether a command's run shows in the chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunMode {
    /// With progress and final, as a message would.
    Emit,
    /// Only the caller gets the answer; the chat's running conversation is left alone.
    Capture,
}

/// How a command's run ended.
#[derive(Debug, Clone, PartialEq)]
pub struct RunResult {
    /// The run.
    pub run: RunId,
    /// Who ran it.
    pub engine: EngineId,
    /// How it ended.
    pub outcome: Outcome,
    /// Its answer.
    pub answer: String,
    /// Its session.
    pub session: Option<SessionToken>,
}

/// What a project is to a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProjectStatus {
    /// Its alias as written in the config.
    pub alias: String,
    /// Its default engine.
    pub default_engine: Option<EngineId>,
}

/// The house as a command sees it, bound to one call. Outlives the call for those that work on.
#[async_trait]
pub trait CommandHost: FileHost + TopicHost + GuestHost {
    /// Sends a body to the caller's chat, for certain, replying to the call.
    ///
    /// # Errors
    /// [`CommandError`] when it could not be stored.
    async fn send(&self, body: Body, notify: bool) -> Result<(), CommandError>;

    /// Runs an engine and returns its end. A run that nobody waits for any more, because the future was dropped,
    /// is cancelled.
    ///
    /// # Errors
    /// [`CommandError`] when the run could not be started.
    async fn run(&self, request: RunRequest, mode: RunMode) -> Result<RunResult, CommandError>;

    /// Stops a run, waiting or running; returns whether there was one. Returns as soon as it is signalled.
    async fn cancel(&self, run: RunId) -> bool;

    /// Returns the calls of commands that are under way in the caller's chat, its own aside, oldest first.
    async fn calls(&self) -> Vec<CallSummary>;

    /// Stops such a call, with the runs it waits for; returns whether it was under way. Returns as soon as it is
    /// signalled.
    fn stop_call(&self, call: CallId) -> bool;

    /// Returns the runs of the caller's chat that wait or run, oldest first; all chats' with `everywhere`.
    async fn runs(&self, everywhere: bool) -> Vec<RunSummary>;

    /// Returns the run that a message belongs to: its progress, its final, or what it answers.
    async fn run_of(&self, message: &MessageRef) -> Option<RunId>;

    /// Returns the engines that serve the caller's chat, by id.
    async fn engines(&self) -> Vec<EngineStatus>;

    /// Returns the model and the reasoning level that an engine's settings name.
    ///
    /// # Errors
    /// [`CommandError`] when the engine cannot be had as it is set up.
    async fn configured(&self, engine: &EngineId) -> Result<RunOptions, CommandError>;

    /// Returns what may be chosen for an engine, as far as it can tell: its models, and the reasoning levels
    /// of `model`, or else of the one its settings name. Takes seconds where the engine's program is asked,
    /// half a minute at most; wait for the call's stop beside it.
    ///
    /// # Errors
    /// [`CommandError`] when the engine cannot be had as it is set up.
    async fn choices(&self, engine: &EngineId, model: Option<&str>) -> Result<Choices, CommandError>;

    /// Returns the projects, by alias.
    fn projects(&self) -> Vec<ProjectStatus>;

    /// Returns the commands, for help: id, usage and description.
    fn commands(&self) -> Vec<CommandSpec>;

    /// Returns the engine a plain message here would get, and why: `thread`, `conversation`, `chat`, `project`,
    /// `default`.
    async fn default_engine(&self) -> Result<(EngineId, &'static str), CommandError>;

    /// Returns the engine where nothing else says so.
    fn house_engine(&self) -> Option<EngineId>;

    /// Returns whether the caller may change what holds for everybody here: in groups only those who manage
    /// the group.
    ///
    /// # Errors
    /// [`CommandError`] when the service does not tell.
    async fn may_manage(&self) -> Result<bool, CommandError>;

    /// Returns the context a plain message here would get.
    async fn context(&self) -> Result<Context, CommandError>;

    /// Returns a context checked against the configured projects.
    ///
    /// # Errors
    /// [`CommandError`] naming the unknown project and the known ones.
    fn check_context(&self, context: Context) -> Result<Context, CommandError>;

    /// Returns what is set in the caller's thread and chat; the thread's come first.
    ///
    /// # Errors
    /// [`CommandError`] when the ledger could not be read.
    async fn preferences(&self) -> Result<Vec<Preference>, CommandError>;

    /// Sets or clears a preference of the caller's scope: its thread if it has one, else its chat.
    ///
    /// # Errors
    /// [`CommandError`] when it could not be stored.
    async fn prefer(
        &self,
        key: PreferenceKey,
        engine: Option<&EngineId>,
        value: Option<&str>,
    ) -> Result<(), CommandError>;

    /// Returns when a message in the caller's chat can be for the bot; the first is what holds where nothing is set.
    fn triggers(&self) -> Vec<Trigger>;

    /// Begins a new conversation in the caller's scope. Runs that wait or run go on. `None` where plain messages
    /// continue none, so that there is nothing to begin.
    ///
    /// # Errors
    /// [`CommandError`] when it could not be stored.
    async fn renew(&self) -> Result<Option<Renewed>, CommandError>;

    /// Returns what is kept of the caller's chat and its threads, or of the thread it is in; the call itself does
    /// not count.
    ///
    /// # Errors
    /// [`CommandError`] when the ledger could not be read.
    async fn remembered(&self) -> Result<Remembered, CommandError>;

    /// Forgets that, except for what is not finished; returns what went and what stays.
    ///
    /// # Errors
    /// [`CommandError`] when it could not be forgotten.
    async fn forget(&self) -> Result<Remembered, CommandError>;
}

/// A slash command.
#[async_trait]
pub trait Command: Send + Sync {
    /// Answers one call. `stop` fires when the caller takes the call back or the daemon goes down.
    ///
    /// # Errors
    /// [`CommandError`], shown to the caller.
    async fn call(
        &self,
        call: Call,
        host: std::sync::Arc<dyn CommandHost>,
        stop: CancellationToken,
    ) -> Result<Option<CommandReply>, CommandError>;
}

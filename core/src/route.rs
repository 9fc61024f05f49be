//! From what came in to one decision, in two pure steps: [`wants`] reads the text and says what the
//! ledger must be asked, [`decide`] takes the answer. Nothing here loads an engine or waits.
//!
//! A prompt is read and continued in `route/prompt.rs`; which engine, project and branch hold where nothing
//! else says so is `route/ambient.rs`, what becomes of files `route/files.rs`. The next stop is `queue.rs`.

mod ambient;
mod branch;
mod files;
mod native;
mod prompt;
mod resolve;
#[cfg(test)]
mod tests;

pub use ambient::{bound_context, default_engine, format_binding, parse_binding, plain_context};
pub(crate) use ambient::{options_for, unknown_project};
pub use branch::branch_of_thread;
pub use files::Enclosed;
pub(crate) use files::meant_directory;
use prompt::Prompt;
pub(crate) use resolve::AsMessage;

use std::collections::BTreeMap;

use crate::directive::{SlashCall, slash_command};
use crate::id::{CommandId, EngineId, RunId};
use crate::message::{Address, Body, ButtonAction, Inbound, Invoke, Message, MessageRef, Sender};
use crate::port::command::CommandOption;
use crate::port::engine::{Answer, RunOptions};
use crate::port::ledger::{FactsQuery, InboxId, StoredFacts};
use crate::port::transport::{AutoPut, Trigger};
use crate::port::workspace::Place;
use crate::resume::ResumePatterns;
use crate::session::{Context, Generation, Scope, SessionRow, SessionToken, ThreadKey};
use crate::speech;

/// The command that takes the short way: runs it is about are signalled before anything is queued.
pub const CANCEL: &str = "cancel";

/// The command that puts files into a directory and gets them from there.
pub const FILE: &str = "file";
/// The command that is offered only where there are topics.
pub const TOPIC: &str = "topic";

/// The commands that are offered only where conversations take place in threads of their own.
pub const THREADED: [&str; 2] = ["bind", "unbind"];

/// A project as routing knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownProject {
    /// Its key: the alias in lower case.
    pub key: String,
    /// Its alias as written.
    pub alias: String,
    /// Its default engine.
    pub default_engine: Option<EngineId>,
    /// The chat that is its own, as the service writes it.
    pub chat: Option<String>,
}

/// What routing knows by heart: names and patterns, no loaded thing.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Engines that may be asked for by name here, missing ones included.
    pub engines: Vec<EngineId>,
    /// Engines that may be asked for by name and cannot be used, as those of broken plugins, with what whoever asks is told.
    pub unusable: BTreeMap<EngineId, String>,
    /// Commands that answer here.
    pub commands: Vec<CommandId>,
    /// Projects.
    pub projects: Vec<KnownProject>,
    /// How sessions look in text.
    pub resume: ResumePatterns,
    /// The engine when nothing else says so; `None` when no engine serves this place.
    pub default_engine: Option<EngineId>,
    /// The project when nothing else says so, by key.
    pub default_project: Option<String>,
    /// Whether a plain message continues the conversation of its chat.
    pub conversations: bool,
    /// Whether several people share the chat: then each has a conversation of their own there.
    pub shared: bool,
    /// Whether this is a topic: a thread with a project, sessions and preferences of its own.
    pub topic: bool,
    /// Whether the sender may say which directory to run in.
    pub caller_dir: bool,
    /// What becomes of files that come without a command; `None` where files are switched off.
    pub files: Option<AutoPut>,
    /// What the bot is called where messages name it.
    pub bot: Option<String>,
    /// Whether a topic that nobody has bound is worked on as its chat is.
    pub threads: bool,
    /// When a message is for the bot where nobody has set it.
    pub trigger: Trigger,
    /// The branch that the thread of the message gets, should it be a new one without any.
    pub own_branch: Option<String>,
    /// The options of the native command that came in, in the order of its text form.
    pub options: Vec<CommandOption>,
}

impl Known {
    fn project(&self, key: &str) -> Option<&KnownProject> {
        self.projects.iter().find(|project| project.key == key)
    }

    /// Returns the engines that may be asked for by name, those that cannot be used too.
    fn engine_names(&self) -> impl Iterator<Item = &EngineId> {
        self.engines.iter().chain(self.unusable.keys())
    }

    fn names_engine(&self, id: &EngineId) -> bool {
        self.engine_names().any(|name| name == id)
    }

    /// Returns what preferences of an address are kept under: its topic, else its chat.
    #[must_use]
    pub fn place(&self, address: &Address) -> Address {
        if self.topic { address.clone() } else { address.whole_chat() }
    }

    /// Returns whose running session a message there goes on in: that of its place, where people share a chat that
    /// of its sender.
    #[must_use]
    pub fn scope(&self, address: &Address, sender: Option<&Sender>) -> Scope {
        Scope::of(&self.place(address), sender, self.shared)
    }
}

/// What a text turned out to be, and what the ledger must be asked about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Wants {
    /// The question to the ledger.
    pub query: FactsQuery,
    reading: Reading,
}

impl Wants {
    /// Returns what an engine would be told; `None` for what is no prompt.
    pub(crate) fn prompt(&self) -> Option<&str> {
        match &self.reading {
            Reading::Prompt(prompt) => Some(&prompt.text),
            _ => None,
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Reading {
    Prompt(Box<Prompt>),
    Call { command: CommandId, text: String },
    Native(Invoke),
    Press(ButtonAction),
    Form(ButtonAction, Answer),
    Amend { text: String },
    Withdraw,
    Store { command: CommandId },
    Tell(String),
    Refuse(String),
}

/// What is known of a run that is waiting or running now, which the ledger may not know yet.
#[derive(Debug, Clone, PartialEq)]
pub struct LiveFacts {
    /// The run.
    pub run: RunId,
    /// The thread it belongs to.
    pub thread: ThreadKey,
    /// Who runs it.
    pub engine: EngineId,
    /// Where.
    pub context: Context,
}

/// All that a decision rests on.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// From the ledger.
    pub stored: StoredFacts,
    /// From the desk: the run that the message is about.
    pub live: Option<LiveFacts>,
    /// The runs that wait or run in the same place and are shown there, oldest first.
    pub under_way: Vec<LiveFacts>,
}

/// Which session a run continues.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Continue {
    /// A new one.
    Fresh,
    /// This one.
    Session(SessionToken),
    /// That of a run which was waiting or running when this was decided.
    Run(RunId),
    /// The running conversation of the scope, as it is when the run starts.
    Conversation(Scope, Generation),
}

/// A run as decided; what is still open is settled when it starts.
#[derive(Debug, Clone, PartialEq)]
pub struct RunPlan {
    /// Where it shows.
    pub address: Address,
    /// The message it answers.
    pub reply_to: Option<MessageRef>,
    /// What the engine is told.
    pub prompt: String,
    /// Who runs it.
    pub engine: EngineId,
    /// Where it works.
    pub context: Context,
    /// What else is known of its directory.
    pub place: Place,
    /// Whether the person said where: then it does not go on in a conversation that is elsewhere.
    pub placed: bool,
    /// The thread to queue in; `None` is one of its own.
    pub thread: Option<ThreadKey>,
    /// Which session it continues.
    pub session: Continue,
    /// Model and reasoning.
    pub options: RunOptions,
    /// Whether where it works was said in a topic, which is bound to it from now on.
    pub binds: bool,
    /// What the person should be told about how their words were read.
    pub remark: Option<String>,
    /// The files that come with it: they are stored before the engine starts.
    pub enclosed: Option<Enclosed>,
}

impl RunPlan {
    /// Returns what it is known by: its prompt, or that it is about files alone.
    #[must_use]
    pub fn title(&self) -> &str {
        if self.prompt.is_empty() && self.enclosed.is_some() { "[uploaded files]" } else { &self.prompt }
    }

    /// Returns whether it belongs elsewhere than the session of a conversation: another project or branch was
    /// named, or its caller is in another directory.
    #[must_use]
    pub fn is_elsewhere(&self, row: &SessionRow) -> bool {
        let moved = match &self.place {
            Place::Caller(dir) => row.context.is_empty() && row.cwd.as_ref() != Some(dir),
            Place::Session(_) | Place::Open => false,
        };
        moved || (self.placed && self.context != row.context)
    }
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// Run an engine.
    Run(Box<RunPlan>),
    /// Call a command with the text after its name.
    Call {
        /// Which.
        command: CommandId,
        /// With what.
        text: String,
    },
    /// Stop a run.
    Stop(RunId),
    /// Answer a question of a run.
    Answer {
        /// Whose question.
        run: RunId,
        /// Which one.
        question: String,
        /// With what.
        answer: Answer,
    },
    /// Go on with the session of a run that was interrupted.
    Resume(RunId),
    /// Send a file that the answer of a run names.
    SendFile {
        /// Whose answer.
        run: RunId,
        /// The file's mark.
        file: String,
    },
    /// Change the prompt of a message that still waits.
    Amend {
        /// Which message.
        inbox: InboxId,
        /// What it says now.
        text: String,
    },
    /// Take back a message that still waits.
    Withdraw(InboxId),
    /// Run a message that was put aside.
    TakeUp(InboxId),
    /// Tell the sender this, and do nothing.
    Tell(Box<Body>),
    /// Tell the sender why not.
    Refuse(String),
    /// Nothing.
    Ignore,
}

/// Reads what came in and returns what must be known to decide.
#[must_use]
pub fn wants(inbound: &Inbound, known: &Known) -> Wants {
    let scope = known.scope(inbound.address(), inbound.sender());
    let mut query = FactsQuery { scope, about: None, session: None };
    let about_itself = Some(inbound.message().clone());
    let reading = match inbound {
        Inbound::Message(message) => {
            query.about = message.reply_to.as_ref().map(|reply| reply.message.clone());
            read_message(message, known)
        }
        Inbound::Edited(message) => {
            query.about = about_itself;
            Reading::Amend { text: message.text.clone() }
        }
        Inbound::Deleted { .. } => {
            query.about = about_itself;
            Reading::Withdraw
        }
        Inbound::Press(press) => {
            query.about = about_itself;
            Reading::Press(press.action.clone())
        }
        Inbound::Invoke(invoke) => Reading::Native(invoke.clone()),
        Inbound::Modal(modal) => {
            let text = modal.fields.values().find_map(|value| value.as_str().map(str::to_owned));
            Reading::Form(modal.action.clone(), Answer { options: Vec::new(), text })
        }
    };
    if let Reading::Prompt(prompt) = &reading {
        query.session.clone_from(&prompt.session);
    }
    Wants { query, reading }
}

/// Returns whether a message calls a command: then nothing else belongs to it.
#[must_use]
pub fn is_call(message: &Message, known: &Known) -> bool {
    read_call(message, known).is_some()
}

fn read_call(message: &Message, known: &Known) -> Option<Reading> {
    let SlashCall { name, arguments, .. } = slash_command(speech::split(&message.text).1)?;
    let command = known.commands.iter().find(|id| id.as_str() == name)?;
    known.project(&name).is_none().then(|| Reading::Call { command: command.clone(), text: arguments })
}

fn read_message(message: &Message, known: &Known) -> Reading {
    if let Some(call) = read_call(message, known) {
        return call;
    }
    if let Some(reading) = files::read(message, known) {
        return reading;
    }
    match prompt::read(message, known) {
        Ok(prompt) => Reading::Prompt(Box::new(prompt)),
        Err(problem) => Reading::Refuse(problem),
    }
}

/// Returns the one thing to do.
#[must_use]
pub fn decide(wants: &Wants, facts: &Facts, known: &Known) -> Decision {
    match &wants.reading {
        Reading::Prompt(prompt) => prompt::decide(prompt, &wants.query.scope, facts, known),
        Reading::Call { command, text } => Decision::Call { command: command.clone(), text: text.clone() },
        Reading::Native(invoke) => {
            if !known.commands.contains(&invoke.command) {
                return Decision::Refuse(format!(
                    "the command '{}' is not known here any more",
                    invoke.command
                ));
            }
            Decision::Call { command: invoke.command.clone(), text: native::text(invoke, &known.options) }
        }
        Reading::Press(action) => decide_press(action, Answer::default()),
        Reading::Form(action, answer) => decide_press(action, answer.clone()),
        Reading::Amend { text } => match facts.stored.pending {
            Some(inbox) => Decision::Amend { inbox, text: text.clone() },
            None => Decision::Ignore,
        },
        Reading::Withdraw => facts.stored.pending.map_or(Decision::Ignore, Decision::Withdraw),
        Reading::Store { command } => Decision::Call { command: command.clone(), text: "put".to_owned() },
        Reading::Tell(text) => Decision::Tell(Box::new(Body::plain(text.clone()))),
        Reading::Refuse(problem) => Decision::Refuse(problem.clone()),
    }
}

/// What a transport tells of a message, beside what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Heard {
    /// It names the bot.
    pub named: bool,
    /// It stands in a conversation that the bot takes part in.
    pub involved: bool,
}

/// Returns whether a prompt or a file was only overheard: the chat wants the bot to answer who addresses it
/// (`/trigger mentions`), and this neither names the bot, nor replies to it, nor begins with one of its words. With
/// `/trigger involved` it hears, too, what is said where it takes part.
#[must_use]
pub fn is_overheard(wants: &Wants, message: &Message, facts: &Facts, known: &Known, heard: Heard) -> bool {
    let is_meant = match Trigger::set(&facts.stored.preferences).unwrap_or(known.trigger) {
        Trigger::All => true,
        Trigger::Involved => heard.named || heard.involved,
        Trigger::Mentions => heard.named,
    };
    if is_meant {
        return false;
    }
    let is_prompt = matches!(
        wants.reading,
        Reading::Prompt(_) | Reading::Refuse(_) | Reading::Store { .. } | Reading::Tell(_)
    );
    let to_bot = message.reply_to.as_ref().is_some_and(|reply| reply.of_bot);
    let is_reply =
        to_bot || facts.stored.run.is_some() || facts.live.is_some() || wants.query.session.is_some();
    let ours = |call: SlashCall| {
        known.engine_names().any(|id| id.as_str() == call.name) || known.project(&call.name).is_some()
    };
    is_prompt && !is_reply && !slash_command(speech::split(&message.text).1).is_some_and(ours)
}

fn decide_press(action: &ButtonAction, mut answer: Answer) -> Decision {
    match action {
        ButtonAction::Cancel { run } => Decision::Stop(*run),
        ButtonAction::Run { inbox } => Decision::TakeUp(*inbox),
        ButtonAction::Resume { run } => Decision::Resume(*run),
        ButtonAction::SendFile { run, file } => Decision::SendFile { run: *run, file: file.clone() },
        ButtonAction::Command { command, arguments } => {
            Decision::Call { command: command.clone(), text: arguments.clone() }
        }
        ButtonAction::Answer { run, question, option } => {
            if !option.is_empty() {
                answer.options.push(option.clone());
            }
            Decision::Answer { run: *run, question: question.clone(), answer }
        }
    }
}

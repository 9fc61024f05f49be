//! What is said over the control socket: JSON-RPC methods, one message per line.
//!
//! Names and shapes are promises between takopis of different versions: a change that an older one would
//! misread raises [`PROTOCOL`], which both sides compare in `hello`. Snapshots below hold them.

pub(crate) mod pair;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use takopi_core::desk::Followed;
use takopi_core::id::{CommandId, EngineId, RunId};
use takopi_core::message::Address;
use takopi_core::time::Timestamp;
use takopi_local::ConversationId;

use crate::lock::Host;

/// The version of what is said here.
pub(crate) const PROTOCOL: u32 = 1;

/// The methods.
pub(crate) mod method {
    /// Both sides say who they are: [`super::Hello`] in, [`super::Hello`] out. Comes first.
    pub(crate) const HELLO: &str = "hello";
    /// Submits a message: [`takopi_local::Submit`] in, [`takopi_local::Submitted`] out, once it is durable.
    pub(crate) const SUBMIT: &str = "chat/submit";
    /// Follows a message or a run to its end: [`super::Follow`] in, notifications [`TOLD`] meanwhile, nothing out.
    pub(crate) const FOLLOW: &str = "chat/follow";
    /// What a followed message or run is told to do: [`super::Notice`].
    pub(crate) const TOLD: &str = "chat/told";
    /// Stops a run: [`super::Cancel`] in, [`super::Cancelled`] out.
    pub(crate) const CANCEL: &str = "chat/cancel";
    /// What was said: [`super::HistoryQuery`] in, a list of [`super::Line`] out, oldest first.
    pub(crate) const HISTORY: &str = "chat/history";
    /// The conversations: [`super::ConversationQuery`] in, a list of [`super::ConversationLine`] out, latest first.
    pub(crate) const CONVERSATIONS: &str = "chat/conversations";
    /// How the house is: nothing in, [`super::Status`] out.
    pub(crate) const STATUS: &str = "status";
    /// Asks a hosting `chat` to give up the ledger: nothing in, [`super::Yielded`] out at once.
    pub(crate) const YIELD: &str = "house/yield";
    /// Has plugins begin anew: [`super::Renew`] in, [`super::Renewed`] out.
    pub(crate) const RENEW: &str = "plugins/renew";
}

/// Error code: the other side speaks another [`PROTOCOL`].
pub(crate) const OTHER_PROTOCOL: i64 = -32010;
/// Error code: there is no such message, run or conversation.
pub(crate) const NOT_FOUND: i64 = -32011;
/// Error code: refused for what it says, not for how it is said; trying again changes nothing.
pub(crate) const REFUSED: i64 = -32012;
/// Error code: the house is opening or closing; trying again in a moment helps.
pub(crate) const NOT_NOW: i64 = -32013;

/// Who somebody is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hello {
    /// What it speaks.
    pub(crate) protocol: u32,
    /// Its version, for people.
    pub(crate) version: String,
    /// Its process.
    pub(crate) pid: u32,
    /// What it hosts; a client hosts nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) host: Option<Host>,
}

impl Hello {
    /// Returns who this process is.
    pub(crate) fn ours(host: Option<Host>) -> Self {
        Self {
            protocol: PROTOCOL,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            host,
        }
    }
}

/// What to follow, and from where on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Follow {
    /// The client's number for this, which every notice carries.
    pub(crate) id: u64,
    /// What.
    #[serde(flatten)]
    pub(crate) subject: Subject,
    /// The number of the last event that was seen, 0 for none.
    #[serde(default)]
    pub(crate) from_seq: u64,
}

/// What can be followed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Subject {
    /// A run.
    Run {
        /// Which.
        run: RunId,
    },
    /// A message, which need not be submitted yet: following it first misses nothing.
    Message {
        /// Where.
        conversation: ConversationId,
        /// Its identity, given by the client that submits it.
        message: String,
    },
}

/// A notice of something followed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Notice {
    /// The number the client gave.
    pub(crate) id: u64,
    /// What happened.
    pub(crate) told: Told,
}

/// What can happen to a message and its run. [`Told::Settled`] and an end are the last of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Told {
    /// The message is durable: it will be dealt with, whatever happens to this connection.
    Accepted,
    /// It became a run, which waits behind `ahead` others.
    Queued {
        /// The run.
        run: RunId,
        /// Who runs it.
        engine: EngineId,
        /// How many are ahead.
        ahead: usize,
    },
    /// The run's engine is being started.
    Started {
        /// The run.
        run: RunId,
    },
    /// What happens in the run, numbered; also its end.
    Run {
        /// The run.
        run: RunId,
        /// What.
        item: Followed,
        /// With the end: the line that continues its session, here or in the engine's own program.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        resume: Option<String>,
    },
    /// The house answered without a run: the reply to a command, a refusal.
    Reply {
        /// What it says.
        text: String,
    },
    /// The message was dealt with without a run.
    Settled,
}

/// What to cancel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cancel {
    /// Which run.
    pub(crate) run: RunId,
}

/// Whether there was something to cancel. It is signalled, not over yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cancelled {
    /// Whether there was.
    pub(crate) cancelled: bool,
}

/// Which part of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HistoryQuery {
    /// Which conversation.
    pub(crate) conversation: ConversationId,
    /// How many lines at most.
    pub(crate) limit: usize,
}

/// How many conversations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ConversationQuery {
    /// At most so many.
    pub(crate) limit: usize,
}

/// A conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ConversationLine {
    /// Which.
    pub(crate) conversation: ConversationId,
    /// The first line of its first message.
    pub(crate) title: String,
    /// When something was last said.
    pub(crate) last_at: Timestamp,
}

/// Something that was said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Line {
    /// By a person.
    Person {
        /// What.
        text: String,
        /// When.
        at: Timestamp,
    },
    /// By an engine, or by nobody yet.
    Run {
        /// The run.
        run: RunId,
        /// Whose.
        engine: EngineId,
        /// How it ended; none while it works.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        outcome: Option<takopi_core::event::Outcome>,
        /// The answer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        answer: Option<String>,
    },
    /// By the house.
    House {
        /// What.
        text: String,
    },
}

/// What a hosting `chat` answers to being asked for the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Yielded {
    /// Whether a message was just accepted, and it isn't known yet what becomes of it.
    #[serde(default)]
    pub(crate) undecided: bool,
    /// The runs it waits for. None of these, nothing undecided and no command: it gives the ledger up now.
    pub(crate) busy: Vec<RunLine>,
    /// The commands it waits for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) commands: Vec<CommandId>,
}

/// Plugins whose program was changed or mended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Renew {
    /// Their folders.
    pub(crate) folders: Vec<PathBuf>,
}

/// Plugins that had crashed too often, or whose process was ended: the next is started when it is needed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Renewed {
    /// The names of their distributions.
    pub(crate) distributions: Vec<String>,
}

/// How the house is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Status {
    /// Its version.
    pub(crate) version: String,
    /// Its process.
    pub(crate) pid: u32,
    /// What it is.
    pub(crate) host: Host,
    /// Seconds since it opened.
    pub(crate) uptime_s: u64,
    /// The config file.
    pub(crate) config: PathBuf,
    /// The ledger.
    pub(crate) ledger: PathBuf,
    /// The page, with the token that opens it; none when no page is served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) page: Option<String>,
    /// The engine for messages that name none.
    pub(crate) default_engine: EngineId,
    /// The engines.
    pub(crate) engines: Vec<EngineLine>,
    /// The transports that are served.
    pub(crate) transports: Vec<TransportLine>,
    /// The runs that wait or run, oldest first.
    pub(crate) runs: Vec<RunLine>,
}

/// An engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EngineLine {
    /// Its id.
    pub(crate) id: EngineId,
    /// Why it cannot be used now, and what to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) issue: Option<String>,
}

/// A transport.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TransportLine {
    /// Which configured one.
    pub(crate) instance: takopi_core::id::InstanceId,
    /// Its kind's name for people.
    pub(crate) title: String,
    /// Why it is not served now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) issue: Option<String>,
    /// Who was let in by a code, and is served beside those that the settings name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) paired: Vec<pair::Person>,
}

/// A run that waits or runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RunLine {
    /// Which.
    pub(crate) run: RunId,
    /// Where it shows.
    pub(crate) address: Address,
    /// Who runs it.
    pub(crate) engine: EngineId,
    /// The beginning of what it was told.
    pub(crate) prompt: String,
    /// How many are ahead of it; none while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ahead: Option<usize>,
    /// How long it has been running or waiting.
    pub(crate) elapsed_s: u64,
}

impl From<takopi_core::port::command::RunSummary> for RunLine {
    fn from(run: takopi_core::port::command::RunSummary) -> Self {
        Self {
            run: run.id,
            address: run.address,
            engine: run.engine,
            prompt: run.prompt,
            ahead: run.ahead,
            elapsed_s: run.elapsed_s,
        }
    }
}

#[cfg(test)]
mod tests;

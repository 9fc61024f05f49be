//! Transports: takopi starts one and tells it what to show, the plugin tells what comes in.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::message::{Address, Attachment, Body, File, MessageRef, Reply, Sender};
use crate::{Done, wire};

/// `transport/start`: receive until [`Stop`].
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Start {
    /// Which kind of transport.
    pub id: String,
    /// Which configured one; addresses carry it.
    pub instance: String,
    /// Its table, without takopi's own keys.
    #[serde(default)]
    pub config: Map<String, Value>,
    /// The last cursor takopi has on disk, where the plugin gave one: everything after it is wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// `transport/stop`: receive nothing more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Stop {
    /// Which one.
    pub instance: String,
}

/// `transport/inbound`, told by the plugin: something came in. It is on disk when the answer comes, and only then may the
/// service be told that it was taken. A duplicate is answered like a first one.
///
/// What is handed in keeps its order, also when nobody waits for the answer of one before handing in the next; 64 may be
/// under way. What is answered with [`crate::code::RETRY_LATER`] or [`crate::code::BUSY`] is to be handed in again, in its
/// order. Whoever may not speak is answered like everybody else, and nothing comes of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Inbound {
    /// The service's name of what happened: the same one twice is a duplicate.
    pub upstream_id: String,
    /// Where everything up to this ends, for [`Start::cursor`]; at most 4 KiB. It counts once everything handed in before
    /// is on disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// The message it is or is about.
    pub message: MessageRef,
    /// Who did it. A deletion needs none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<Sender>,
    /// What happened.
    #[serde(flatten)]
    pub what: What,
}

impl Inbound {
    /// Returns that somebody wrote a text. What happened has the message's own name, and there is no cursor.
    pub fn text(message: MessageRef, sender: Sender, text: impl Into<String>) -> Self {
        let what = What::Message(Text { text: text.into(), ..Text::default() });
        Self { upstream_id: message.id.clone(), cursor: None, message, sender: Some(sender), what }
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum What {
    /// Somebody wrote.
    Message(Text),
    /// Somebody changed what they had written.
    Edited(Text),
    /// A message is gone.
    Deleted,
    /// Somebody pressed a button.
    Press {
        /// What the button carries.
        token: String,
    },
    /// Somebody called a command that the service knows as one.
    Invoke {
        /// Which command.
        command: String,
        /// Its arguments by name.
        #[serde(default)]
        arguments: Map<String, Value>,
    },
}

/// What somebody wrote.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Text {
    /// The text; a caption counts.
    #[serde(default)]
    pub text: String,
    /// What it replies to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<Reply>,
    /// Files that came with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
    /// When it was sent, in ms since 1970; now where the service does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_at_ms: Option<i64>,
}

/// What the service may be told at once, for presses and native commands.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Accepted {
    /// A word for the person, shown for a moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub toast: Option<String>,
}

/// `transport/send`: show a new message. [`crate::code::GONE`], [`crate::code::TOO_LONG`], [`crate::code::NOT_ALLOWED`] and
/// [`crate::code::RETRY_LATER`] say that it was not shown; after any other error it may have been, and comes again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Send {
    /// Where.
    pub address: Address,
    /// What: no longer than the manifest's limits say.
    pub part: Body,
    /// The message it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<MessageRef>,
    /// Whether the person's device may make a sound.
    #[serde(default)]
    pub notify: bool,
    /// The same for every try of one message: who has shown it already answers as it did then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
}

/// A message that stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Sent {
    /// The message.
    pub message: MessageRef,
}

/// `transport/edit`: show this in the place of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Edit {
    /// Which.
    pub message: MessageRef,
    /// What.
    pub part: Body,
}

/// `transport/delete`: take a message away. One that is gone already is a success.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Delete {
    /// Which.
    pub message: MessageRef,
}

/// `transport/fetch`: put a file that came with a message into the data folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Fetch {
    /// Which transport.
    pub instance: String,
    /// Which file.
    pub attachment: Attachment,
    /// Bytes it may have at most; [`crate::code::TOO_LONG`] when it has more.
    pub max_bytes: u64,
}

/// Where a file is now. Takopi takes it away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Fetched {
    /// The file, inside the plugin's data folder.
    pub file: File,
}

/// `transport/menu`: the commands there are, for services that show them. Told at the start and when they change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Menu {
    /// Which transport.
    pub instance: String,
    /// The commands.
    pub commands: Vec<MenuItem>,
}

/// One command of a menu.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MenuItem {
    /// Its id.
    pub id: String,
    /// What it does, in a few words.
    pub description: String,
}

wire! {
    Start, "transport/start" => Done;
    Stop, "transport/stop" => Done;
    Inbound, "transport/inbound" => Accepted;
    Send, "transport/send" => Sent;
    Edit, "transport/edit" => Done;
    Delete, "transport/delete" => Done;
    Fetch, "transport/fetch" => Fetched;
    Menu, "transport/menu" => Done;
}

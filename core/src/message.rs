//! What comes in from a transport and what goes out to one, in words no service owns.
//!
//! A transport translates its service's updates into [`Inbound`] and gets [`Body`]s to show; nothing here
//! knows how a service formats, limits or numbers. Stored by the ledger: JSON changes need a new version.

mod token;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::files::clean_name;
use crate::id::{CommandId, EngineId, InstanceId, RunId};
use crate::port::ledger::InboxId;
use crate::render::shorten;
use crate::session::{Context, Session};
use crate::time::Timestamp;

/// Characters of a file's name that are shown: a line on a phone, or two.
const SHOWN_NAME_CHARS: usize = 60;

/// Where a conversation takes place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Address {
    /// Which configured transport.
    pub instance: InstanceId,
    /// The service's id of the chat, channel or conversation.
    pub chat: String,
    /// The service's id of the topic or thread inside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<String>,
}

impl Address {
    /// Returns the whole chat this address lies in.
    #[must_use]
    pub fn whole_chat(&self) -> Self {
        Self { thread: None, ..self.clone() }
    }
}

/// One message of a service.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MessageRef {
    /// Where it stands.
    pub address: Address,
    /// The service's id of it, unique within the chat.
    pub id: String,
}

/// Who sent something.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Sender {
    /// The service's id of the person.
    pub id: String,
    /// What people call them.
    pub name: String,
    /// Whether it is a program.
    #[serde(default)]
    pub is_bot: bool,
}

/// What was replied to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Reply {
    /// The message replied to.
    pub message: MessageRef,
    /// Its text, where the service tells.
    pub text: Option<String>,
    /// Whether the bot itself wrote it, where the service tells.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub of_bot: bool,
}

/// A file that came with a message. Its bytes are fetched by the transport when a run needs them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Attachment {
    /// The service's handle by which the transport fetches it.
    pub handle: String,
    /// What it is.
    pub kind: AttachmentKind,
    /// The file's name, where it has one.
    pub name: Option<String>,
    /// Its size in bytes, where the service tells.
    pub bytes: Option<u64>,
}

impl Attachment {
    /// Returns what people know it as: its name, as far as one line can show it.
    #[must_use]
    pub fn shown(&self) -> String {
        let name = self.name.as_deref().and_then(clean_name);
        name.map_or_else(|| "the file".to_owned(), |name| shorten(&name, SHOWN_NAME_CHARS))
    }
}

/// What an attachment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttachmentKind {
    /// A picture.
    Image,
    /// A voice note, to be transcribed.
    Voice,
    /// Any other file.
    File,
}

/// What was chosen with controls instead of typed as a directive: a page's engine picker, a native
/// command's options. Typed directives outrank it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Chosen {
    /// The engine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<EngineId>,
    /// Project and branch.
    #[serde(default, skip_serializing_if = "Context::is_empty")]
    pub context: Context,
    /// The session that is gone on with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<Session>,
    /// The directory to run in when no project is known. Heeded only from a transport whose spec has
    /// `caller_dir`: the person is on this machine already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dir: Option<PathBuf>,
}

/// A message a person wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The service's identity of this message: the same one twice is a duplicate.
    pub upstream: String,
    /// The message itself.
    pub message: MessageRef,
    /// Who wrote it.
    pub sender: Sender,
    /// What it says; a caption counts.
    pub text: String,
    /// What it replies to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<Reply>,
    /// Files that came with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
    /// The service's id of the album it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub album: Option<String>,
    /// Whether it was forwarded from elsewhere.
    #[serde(default)]
    pub forwarded: bool,
    /// When the service says it was sent.
    pub sent_at: Timestamp,
    /// What was chosen with controls.
    #[serde(default)]
    pub chosen: Chosen,
}

impl Message {
    /// Returns the files that came with it. A voice note is none: it is what its sender says.
    pub fn files(&self) -> impl Iterator<Item = &Attachment> {
        self.attachments.iter().filter(|file| file.kind != AttachmentKind::Voice)
    }
}

/// A button that was pressed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Press {
    /// The service's identity of the press.
    pub upstream: String,
    /// The message that carries the button.
    pub message: MessageRef,
    /// Who pressed.
    pub sender: Sender,
    /// What the button does.
    pub action: ButtonAction,
}

/// A native command with its arguments already parsed by the service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invoke {
    /// The service's identity of the invocation.
    pub upstream: String,
    /// Where it was given; the id is the interaction's.
    pub message: MessageRef,
    /// Who gave it.
    pub sender: Sender,
    /// Which command.
    pub command: CommandId,
    /// Its arguments by name; those of a verb are an object under the verb's name.
    pub arguments: Map<String, Value>,
    /// Files that came with it, as many as the service lets a command have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<Attachment>,
}

/// A filled-in form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Modal {
    /// The service's identity of the submission.
    pub upstream: String,
    /// Where it was filled in.
    pub message: MessageRef,
    /// Who filled it in.
    pub sender: Sender,
    /// What the form was for.
    pub action: ButtonAction,
    /// Its fields by name.
    pub fields: Map<String, Value>,
}

/// Anything a transport hands in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Inbound {
    /// A new message.
    Message(Message),
    /// A message whose text changed; `upstream` is the edit's identity.
    Edited(Message),
    /// A message that is gone. Not every service tells.
    Deleted {
        /// The deletion's identity.
        upstream: String,
        /// What is gone.
        message: MessageRef,
    },
    /// A pressed button.
    Press(Press),
    /// A native command.
    Invoke(Invoke),
    /// A filled-in form.
    Modal(Modal),
}

impl Inbound {
    /// Returns the service's identity of this inbound, unique within its instance.
    #[must_use]
    pub fn upstream(&self) -> &str {
        match self {
            Self::Message(message) | Self::Edited(message) => &message.upstream,
            Self::Deleted { upstream, .. } => upstream,
            Self::Press(press) => &press.upstream,
            Self::Invoke(invoke) => &invoke.upstream,
            Self::Modal(modal) => &modal.upstream,
        }
    }

    /// Returns the message this inbound is, or is about.
    #[must_use]
    pub fn message(&self) -> &MessageRef {
        match self {
            Self::Message(message) | Self::Edited(message) => &message.message,
            Self::Deleted { message, .. } => message,
            Self::Press(press) => &press.message,
            Self::Invoke(invoke) => &invoke.message,
            Self::Modal(modal) => &modal.message,
        }
    }

    /// Returns where this inbound came from.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.message().address
    }

    /// Returns who sent it; a deletion has no sender.
    #[must_use]
    pub fn sender(&self) -> Option<&Sender> {
        match self {
            Self::Message(message) | Self::Edited(message) => Some(&message.sender),
            Self::Deleted { .. } => None,
            Self::Press(press) => Some(&press.sender),
            Self::Invoke(invoke) => Some(&invoke.sender),
            Self::Modal(modal) => Some(&modal.sender),
        }
    }
}

/// What a button does when pressed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ButtonAction {
    /// Stops one run.
    Cancel {
        /// Which.
        run: RunId,
    },
    /// Runs a message that was put aside because it came late.
    Run {
        /// Which.
        inbox: InboxId,
    },
    /// Goes on with the session of a run that was interrupted.
    Resume {
        /// Which.
        run: RunId,
    },
    /// Sends a file that the answer of a run names.
    SendFile {
        /// Whose answer.
        run: RunId,
        /// The file's mark: see `NamedFile::mark`.
        file: String,
    },
    /// Calls a slash command.
    Command {
        /// Which.
        command: CommandId,
        /// The text after its name.
        arguments: String,
    },
    /// Answers a question of a run.
    Answer {
        /// Whose question.
        run: RunId,
        /// Which one of its questions.
        question: String,
        /// The option chosen.
        option: String,
    },
}

/// A button below a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Button {
    /// What it says.
    pub label: String,
    /// What it does.
    pub action: ButtonAction,
}

/// How the text of a [`Body`] is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// As CommonMark with tables and strikethrough.
    #[default]
    Markdown,
    /// As it stands.
    Plain,
}

/// A file in the ledger's spool folder, on its way out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpooledFile {
    /// Its path below the spool folder.
    pub path: PathBuf,
    /// The name people see.
    pub name: String,
}

/// What is shown in one message: header, text and footer are separate paragraphs; empty ones vanish.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Body {
    /// One line above the text, Markdown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    /// The text.
    #[serde(default)]
    pub text: String,
    /// How the text is to be read.
    #[serde(default)]
    pub format: Format,
    /// Lines below the text, Markdown, never split from it: the `ctx:` line, the resume line.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub footer: Vec<String>,
    /// Rows of buttons.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub buttons: Vec<Vec<Button>>,
    /// Files that go with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<SpooledFile>,
    /// What only one transport understands. Under a key that ends in [`ATTACHMENT`] stands what it sends as a file.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub extra: Map<String, Value>,
}

/// The end of those keys of [`Body::extra`] that a file stands under.
pub const ATTACHMENT: &str = ".attachment";

impl Body {
    /// Returns a body that shows `text` as it stands.
    #[must_use]
    pub fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), format: Format::Plain, ..Self::default() }
    }

    /// Returns a body that shows `text` as Markdown.
    #[must_use]
    pub fn markdown(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// Returns whether files go with it: of the spool, or what only its transport knows how to send.
    #[must_use]
    pub fn has_files(&self) -> bool {
        !self.files.is_empty() || self.extra.keys().any(|key| key.ends_with(ATTACHMENT))
    }
}

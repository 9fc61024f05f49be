//! What chats are made of: addresses, people, messages, buttons and files.

use serde::{Deserialize, Serialize};

/// Where a conversation takes place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Address {
    /// Which configured transport: the `<instance>` of `[transports.<instance>]`.
    pub instance: String,
    /// The service's name of the chat.
    pub chat: String,
    /// The service's name of the thread in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<String>,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MessageRef {
    /// Where it stands.
    pub address: Address,
    /// The service's name of it, unique within the chat.
    pub id: String,
}

/// A person, or a program.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Sender {
    /// The service's name of them, which never changes.
    pub id: String,
    /// What people call them.
    #[serde(default)]
    pub name: String,
    /// Whether it is a program.
    #[serde(default)]
    pub is_bot: bool,
}

/// How a text is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// As `CommonMark` with tables and strikethrough.
    #[default]
    Markdown,
    /// As it stands.
    Plain,
}

/// A button below a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Button {
    /// What it says.
    pub label: String,
    /// To a transport: what it hands back in a press, as it stands. From a command: the text after the command's name
    /// with which the command is called when somebody presses it.
    pub token: String,
}

/// What one message shows.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Body {
    /// The text.
    pub text: String,
    /// How it is to be read.
    pub format: Format,
    /// Rows of buttons.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub buttons: Vec<Vec<Button>>,
    /// Files that go with it. From a command: paths inside its data folder.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<File>,
}

impl Body {
    /// Returns a body that shows `text` as Markdown.
    pub fn markdown(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// Returns a body that shows `text` as it stands.
    pub fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), format: Format::Plain, ..Self::default() }
    }
}

impl From<&str> for Body {
    fn from(text: &str) -> Self {
        Self::markdown(text)
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Self::markdown(text)
    }
}

/// A file on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct File {
    /// Where it is, absolute.
    pub path: String,
    /// What people know it as.
    pub name: String,
}

/// A file that came with a message, which the transport fetches when it is needed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Attachment {
    /// By what the transport finds it.
    pub handle: String,
    /// What it is.
    pub kind: AttachmentKind,
    /// Its name, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its size in bytes, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum AttachmentKind {
    /// A picture.
    Image,
    /// A voice note.
    Voice,
    /// Any other file.
    File,
}

/// A message that was replied to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Reply {
    /// The message.
    pub message: MessageRef,
    /// Its text, where the service tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

//! The parts of the Bot API's objects that are read, and no more: what isn't read here can change or be missing
//! without making a message undecodable. teloxide's own types know every field of every kind, so one that
//! changes hides the message it is in.

use serde::Deserialize;
use serde_json::Value;

/// An update (Bot API, Update).
#[derive(Debug, Deserialize)]
pub(super) struct Update {
    pub(super) message: Option<Message>,
    pub(super) edited_message: Option<Message>,
    pub(super) callback_query: Option<CallbackQuery>,
}

/// A message (Bot API, Message); also one that a button hangs on and nobody can read any more.
#[derive(Debug, Deserialize)]
pub(super) struct Message {
    pub(super) message_id: i64,
    pub(super) chat: Chat,
    /// Seconds since 1970; 0 for a message nobody can read any more.
    #[serde(default)]
    pub(super) date: i64,
    pub(super) from: Option<User>,
    pub(super) sender_chat: Option<Chat>,
    pub(super) message_thread_id: Option<i64>,
    #[serde(default)]
    pub(super) is_topic_message: bool,
    pub(super) text: Option<String>,
    pub(super) caption: Option<String>,
    pub(super) reply_to_message: Option<Box<Self>>,
    pub(super) media_group_id: Option<String>,
    pub(super) migrate_to_chat_id: Option<i64>,
    pub(super) forum_topic_created: Option<Value>,
    pub(super) forward_origin: Option<Value>,
    pub(super) forward_date: Option<i64>,
    pub(super) forward_from: Option<Value>,
    pub(super) forward_from_chat: Option<Value>,
    pub(super) forward_sender_name: Option<String>,
    #[serde(default)]
    pub(super) is_automatic_forward: bool,
    pub(super) voice: Option<File>,
    pub(super) document: Option<File>,
    pub(super) video: Option<File>,
    pub(super) audio: Option<File>,
    pub(super) animation: Option<File>,
    pub(super) video_note: Option<File>,
    pub(super) sticker: Option<File>,
    #[serde(default)]
    pub(super) photo: Vec<File>,
}

impl Message {
    /// Returns the topic it stands in. Replies in ordinary groups, and in a forum's general topic, carry the
    /// thread of the message replied to, where nothing can be sent.
    pub(super) fn thread(&self) -> Option<i64> {
        self.message_thread_id.filter(|_| self.is_topic_message)
    }

    pub(super) fn is_forwarded(&self) -> bool {
        self.forward_origin.is_some()
            || self.forward_date.is_some()
            || self.forward_from.is_some()
            || self.forward_from_chat.is_some()
            || self.forward_sender_name.is_some()
            || self.is_automatic_forward
    }
}

/// A chat (Bot API, Chat).
#[derive(Debug, Deserialize)]
pub(super) struct Chat {
    pub(super) id: i64,
    pub(super) title: Option<String>,
}

/// A person or bot (Bot API, User).
#[derive(Debug, Deserialize)]
pub(super) struct User {
    pub(super) id: i64,
    #[serde(default)]
    pub(super) is_bot: bool,
    pub(super) first_name: Option<String>,
    pub(super) last_name: Option<String>,
    pub(super) username: Option<String>,
}

/// A file of any kind (Bot API, Document, PhotoSize, Voice, …).
#[derive(Debug, Clone, Deserialize)]
pub(super) struct File {
    pub(super) file_id: String,
    pub(super) file_name: Option<String>,
    pub(super) file_size: Option<u64>,
    pub(super) mime_type: Option<String>,
    #[serde(default)]
    pub(super) width: u64,
    #[serde(default)]
    pub(super) height: u64,
}

/// A press of a button (Bot API, CallbackQuery).
#[derive(Debug, Deserialize)]
pub(super) struct CallbackQuery {
    pub(super) id: String,
    pub(super) from: User,
    pub(super) message: Option<Message>,
    pub(super) data: Option<String>,
}

/// The bot itself (Bot API, User).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Me {
    /// Its id, which is also what its token begins with.
    pub(crate) id: i64,
    /// Its name after the `@`.
    pub(crate) username: Option<String>,
    /// Whether it reads all messages of groups; `false` while BotFather's privacy mode is on.
    #[serde(default)]
    pub(crate) can_read_all_group_messages: bool,
}

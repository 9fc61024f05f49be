//! Chats, who is in them, and the messages as Telegram keeps and describes them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::files::Media;
use super::params::Refusal;
use super::text::Rich;
use super::view::Version;

/// What somebody is in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The one who made it, who may do anything.
    Owner,
    /// An administrator, with or without the right to manage topics.
    Admin {
        /// Whether topics may be made, renamed and closed.
        manages_topics: bool,
    },
    /// An ordinary member.
    Member,
    /// Somebody who went, or never came.
    Left,
}

impl Role {
    pub(super) fn manages_topics(self) -> bool {
        matches!(self, Self::Owner | Self::Admin { manages_topics: true })
    }

    pub(super) fn administers(self) -> bool {
        matches!(self, Self::Owner | Self::Admin { .. })
    }

    /// Returns the `ChatMember` of the Bot API.
    pub(super) fn describe(self, user: &Value) -> Value {
        match self {
            Self::Owner => json!({"status": "creator", "user": user, "is_anonymous": false}),
            Self::Member => json!({"status": "member", "user": user}),
            Self::Left => json!({"status": "left", "user": user}),
            Self::Admin { manages_topics } => {
                let mut member = json!({"status": "administrator", "user": user, "can_be_edited": false});
                for right in ["manage_chat", "delete_messages", "manage_video_chats", "restrict_members"] {
                    member[format!("can_{right}")] = true.into();
                }
                for right in
                    ["promote_members", "change_info", "post_stories", "edit_stories", "delete_stories"]
                {
                    member[format!("can_{right}")] = false.into();
                }
                member["can_invite_users"] = true.into();
                member["can_pin_messages"] = true.into();
                member["can_manage_topics"] = manages_topics.into();
                member["is_anonymous"] = false.into();
                member
            }
        }
    }
}

/// What kind of chat it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Private,
    Group,
    Supergroup,
    Forum,
}

/// A topic of a forum.
#[derive(Debug, Clone)]
pub(super) struct Topic {
    pub(super) name: String,
    pub(super) closed: bool,
}

/// A chat with everything in it.
#[derive(Debug)]
pub(super) struct Chat {
    pub(super) id: i64,
    pub(super) kind: Kind,
    pub(super) title: String,
    pub(super) members: BTreeMap<i64, Role>,
    pub(super) messages: BTreeMap<i64, Message>,
    pub(super) deleted: BTreeMap<i64, Message>,
    pub(super) topics: BTreeMap<i64, Topic>,
    /// What the bot hears when it turns to this chat, once it is shut out.
    pub(super) shut: Option<Refusal>,
    pub(super) next_message: i64,
}

impl Chat {
    pub(super) fn new(id: i64, kind: Kind, title: &str) -> Self {
        Self {
            id,
            kind,
            title: title.to_owned(),
            members: BTreeMap::new(),
            messages: BTreeMap::new(),
            deleted: BTreeMap::new(),
            topics: BTreeMap::new(),
            shut: None,
            next_message: 101,
        }
    }

    /// Returns the `Chat` of the Bot API.
    pub(super) fn describe(&self) -> Value {
        let (id, title) = (self.id, &self.title);
        match self.kind {
            Kind::Private => json!({"id": id, "type": "private", "first_name": title}),
            Kind::Group => json!({"id": id, "type": "group", "title": title}),
            Kind::Supergroup => json!({"id": id, "type": "supergroup", "title": title}),
            Kind::Forum => json!({"id": id, "type": "supergroup", "title": title, "is_forum": true}),
        }
    }

    /// Returns the `Message` of the Bot API, with the message it replies to but not further back.
    pub(super) fn describe_message(&self, message: &Message) -> Value {
        let mut description = message.describe(self);
        if let Some(earlier) = message.reply_to.and_then(|id| self.messages.get(&id)) {
            description["reply_to_message"] = earlier.describe(self);
        }
        description
    }
}

/// A message.
#[derive(Debug, Clone)]
pub(super) struct Message {
    pub(super) id: i64,
    /// The `User` who sent it; none for an anonymous one.
    pub(super) from: Option<Value>,
    pub(super) by_bot: bool,
    /// Seconds since 1970.
    pub(super) date: i64,
    /// The text, or the caption where there is a file.
    pub(super) content: Rich,
    pub(super) media: Option<Media>,
    pub(super) keyboard: Option<Value>,
    pub(super) reply_to: Option<i64>,
    pub(super) thread: Option<i64>,
    pub(super) silent: bool,
    pub(super) preview: bool,
    pub(super) reactions: Vec<String>,
    /// What it said since when, the newest last.
    pub(super) versions: Vec<Version>,
    pub(super) deleted: Option<Duration>,
    /// Further fields, such as where it was forwarded from.
    pub(super) extra: Map<String, Value>,
}

impl Message {
    pub(super) fn new(from: Option<Value>, by_bot: bool, content: Rich, date: i64) -> Self {
        Self {
            id: 0,
            from,
            by_bot,
            date,
            content,
            media: None,
            keyboard: None,
            reply_to: None,
            thread: None,
            silent: false,
            preview: true,
            reactions: Vec::new(),
            versions: Vec::new(),
            deleted: None,
            extra: Map::new(),
        }
    }

    /// Tells whether it only says that something happened, such as a topic that was opened.
    pub(super) fn is_service(&self) -> bool {
        self.extra.keys().any(|key| key.starts_with("forum_topic_"))
    }

    fn describe(&self, chat: &Chat) -> Value {
        let mut description = json!({"message_id": self.id, "date": self.date, "chat": chat.describe()});
        if let Some(from) = &self.from {
            description["from"] = from.clone();
        }
        let (text, entities) = match &self.media {
            Some(media) => {
                description[media.kind] = media.part.clone();
                ("caption", "caption_entities")
            }
            None => ("text", "entities"),
        };
        if !self.content.text.is_empty() {
            description[text] = self.content.text.clone().into();
        }
        if !self.content.entities.is_empty() {
            description[entities] = json!(self.content.entities);
        }
        if let Some(keyboard) = &self.keyboard {
            description["reply_markup"] = keyboard.clone();
        }
        if let Some(thread) = self.thread {
            description["message_thread_id"] = thread.into();
            description["is_topic_message"] = true.into();
        }
        if self.versions.len() > 1 {
            description["edit_date"] = self.date.into();
        }
        for (name, value) in &self.extra {
            description[name] = value.clone();
        }
        description
    }
}

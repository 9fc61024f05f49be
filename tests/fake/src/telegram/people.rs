//! What people do in their chats, and how the bot hears of it.

use std::time::Duration;

use serde_json::{Value, json};

use super::chats::{Kind, Message};
use super::clock;
use super::text::{self, Rich};
use super::world::World;

/// A file that a person sends.
#[derive(Debug, Clone)]
pub struct Attachment {
    kind: &'static str,
    name: String,
    bytes: Vec<u8>,
    claims: Option<u64>,
}

impl Attachment {
    fn new(kind: &'static str, name: &str, bytes: &[u8]) -> Self {
        Self { kind, name: name.to_owned(), bytes: bytes.to_vec(), claims: None }
    }

    /// Returns a file with a name.
    #[must_use]
    pub fn document(name: &str, bytes: &[u8]) -> Self {
        Self::new("document", name, bytes)
    }

    /// Returns a photo; Telegram adds a smaller copy of it.
    #[must_use]
    pub fn photo(bytes: &[u8]) -> Self {
        Self::new("photo", "photo.jpg", bytes)
    }

    /// Returns a voice message.
    #[must_use]
    pub fn voice(bytes: &[u8]) -> Self {
        Self::new("voice", "voice.oga", bytes)
    }

    /// Returns a film with a name.
    #[must_use]
    pub fn video(name: &str, bytes: &[u8]) -> Self {
        Self::new("video", name, bytes)
    }

    /// Returns a sticker.
    #[must_use]
    pub fn sticker(bytes: &[u8]) -> Self {
        Self::new("sticker", "sticker.webp", bytes)
    }

    /// Makes Telegram say that it has this many bytes; above 20 MiB it can't be fetched.
    #[must_use]
    pub fn claiming(self, bytes: u64) -> Self {
        Self { claims: Some(bytes), ..self }
    }
}

/// A message of a person, to be sent with [`send`](super::TelegramServer::send).
#[derive(Debug, Clone)]
pub struct Say {
    pub(super) chat: i64,
    user: Option<i64>,
    text: String,
    reply_to: Option<i64>,
    thread: Option<i64>,
    attachment: Option<Attachment>,
    forwarded: bool,
    album: Option<String>,
    age: Duration,
}

impl Say {
    /// Returns a message of a user to a chat.
    #[must_use]
    pub fn new(chat: i64, user: i64, text: &str) -> Self {
        Self {
            chat,
            user: Some(user),
            text: text.to_owned(),
            reply_to: None,
            thread: None,
            attachment: None,
            forwarded: false,
            album: None,
            age: Duration::ZERO,
        }
    }

    /// Answers a message of the same chat. One that is deleted by now is left out, as Telegram does.
    #[must_use]
    pub fn reply_to(self, message: i64) -> Self {
        Self { reply_to: Some(message), ..self }
    }

    /// Speaks in a topic. Without [`reply_to`](Self::reply_to) it replies to the topic's root, as clients do.
    #[must_use]
    pub fn thread(self, thread: i64) -> Self {
        Self { thread: Some(thread), ..self }
    }

    /// Sends a file, with the text as its caption.
    #[must_use]
    pub fn with(self, attachment: Attachment) -> Self {
        Self { attachment: Some(attachment), ..self }
    }

    /// Forwards it from somebody else.
    #[must_use]
    pub fn forwarded(self) -> Self {
        Self { forwarded: true, ..self }
    }

    /// Makes it a part of an album; each part is a message of its own.
    #[must_use]
    pub fn album(self, id: &str) -> Self {
        Self { album: Some(id.to_owned()), ..self }
    }

    /// Makes it that old.
    #[must_use]
    pub fn aged(self, age: Duration) -> Self {
        Self { age, ..self }
    }

    /// Hides who says it, as anonymous administrators do.
    #[must_use]
    pub fn anonymous(self) -> Self {
        Self { user: None, ..self }
    }
}

/// A message that a person sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Said {
    /// Its id in the chat.
    pub message: i64,
    /// The update that tells of it.
    pub update: i64,
    /// When, see [`now`](super::now).
    pub at: Duration,
}

/// A button that a person pressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pressed {
    /// The id of the callback query, to look for its answers.
    pub id: String,
    /// The update that tells of it.
    pub update: i64,
    /// When, see [`now`](super::now).
    pub at: Duration,
}

impl World {
    /// Puts a person's message into a chat and tells the bot.
    pub(super) fn say(&mut self, say: Say, now: Duration) -> Option<Said> {
        let from = say.user.map(|id| self.user(id));
        let content = Rich { entities: text::found(&say.text), text: say.text };
        let date = clock::calendar() - i64::try_from(say.age.as_secs()).unwrap_or(0);
        let mut message = Message::new(from, false, content, date);
        if let Some(Attachment { kind, name, bytes, claims }) = say.attachment {
            message.media = Some(self.files.keep(kind, &name, bytes, claims));
        }
        message.reply_to = say.reply_to.or(say.thread);
        message.thread = say.thread;
        if let Some(album) = say.album {
            message.extra.insert("media_group_id".to_owned(), album.into());
        }
        if say.forwarded {
            let sender = json!({"id": 555, "is_bot": false, "first_name": "Somebody"});
            let origin = json!({"type": "user", "date": date - 60, "sender_user": sender});
            message.extra.insert("forward_origin".to_owned(), origin);
        }
        let (message, description) = self.keep(say.chat, message, now)?;
        Some(Said { message, update: self.updates.push("message", description), at: now })
    }

    /// Changes what a person wrote and tells the bot.
    pub(super) fn rewrite(&mut self, chat: i64, message: i64, text: &str, now: Duration) -> Option<i64> {
        let chat = self.chats.get_mut(&chat)?;
        let changed = chat.messages.get_mut(&message).filter(|message| !message.by_bot)?;
        changed.content = Rich { entities: text::found(text), text: text.to_owned() };
        changed.versions.push(super::view::Version { at: now, text: text.to_owned() });
        let changed = changed.clone();
        let description = chat.describe_message(&changed);
        Some(self.updates.push("edited_message", description))
    }

    /// Presses what carries `data`, whether or not there is such a button: old messages stay on some screens.
    pub(super) fn press(
        &mut self,
        chat: i64,
        message: i64,
        user: i64,
        data: &str,
        now: Duration,
    ) -> Option<Pressed> {
        let from = self.user(user);
        let chat = self.chats.get(&chat)?;
        let pressed = chat.messages.get(&message).or_else(|| chat.deleted.get(&message))?;
        let description = chat.describe_message(pressed);
        let id = format!("{}", 4_000_001 + self.presses.len());
        self.presses.insert(id.clone(), Vec::new());
        let query = json!({
            "id": id, "from": from, "message": description, "chat_instance": "1", "data": data
        });
        Some(Pressed { id, update: self.updates.push("callback_query", query), at: now })
    }

    /// Queues an update that no client can read.
    pub(super) fn mumble(&mut self, chat: i64) -> i64 {
        let chat = self.chats.get(&chat).map_or(Value::Null, |chat| chat.describe());
        self.updates.push("message", json!({"message_id": "not a number", "date": "never", "chat": chat}))
    }

    /// Adds the private chat of a person.
    pub(super) fn befriend(&mut self, user: i64) {
        let name = self.user(user)["first_name"].as_str().unwrap_or_default().to_owned();
        self.add_chat(user, Kind::Private, &name);
    }
}

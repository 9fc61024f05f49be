//! A chat as a person sees it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::chats::{Chat, Message};
use super::files::Files;
use super::text::Entity;

/// What a message said since a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// When it came to say this, see [`now`](super::now).
    pub at: Duration,
    /// The text or caption.
    pub text: String,
}

/// A button under a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Button {
    /// What stands on it.
    pub label: String,
    /// What a press brings back; none for a link.
    pub data: Option<String>,
    /// Where it leads; none for one that is pressed.
    pub url: Option<String>,
}

/// What the bot said to the press of a button.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// When.
    pub at: Duration,
    /// The text that pops up; empty when nothing does.
    pub text: String,
    /// Whether it has to be closed by hand.
    pub alert: bool,
}

/// A file of a message.
#[derive(Clone, PartialEq, Eq)]
pub struct Sent {
    /// `document`, `photo`, `voice`, `video` or `sticker`.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// What is in it.
    pub bytes: Arc<[u8]>,
}

impl fmt::Debug for Sent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {:?} of {} bytes", self.kind, self.name, self.bytes.len())
    }
}

/// A message as a person sees it.
#[derive(Debug, Clone)]
pub struct Shown {
    /// Its id in this chat.
    pub id: i64,
    /// Whether the bot wrote it.
    pub by_bot: bool,
    /// Who wrote it; none if that is hidden.
    pub from: Option<i64>,
    /// The text, or the caption of a file.
    pub text: String,
    /// What is set off in the text.
    pub entities: Vec<Entity>,
    /// The buttons, row by row.
    pub buttons: Vec<Vec<Button>>,
    /// The message it answers.
    pub reply_to: Option<i64>,
    /// The topic it stands in.
    pub thread: Option<i64>,
    /// Whether it came without a sound.
    pub silent: bool,
    /// Whether links in it may show a preview.
    pub preview: bool,
    /// How often its text was changed.
    pub edits: usize,
    /// Every text it had, the first one included; the last is what it says now.
    pub versions: Vec<Version>,
    /// The file that came with it.
    pub file: Option<Sent>,
    /// The emoji with which the bot reacted to it.
    pub reactions: Vec<String>,
    /// Whether it only tells that something happened, such as a topic that was opened.
    pub service: bool,
    /// When it was deleted.
    pub deleted: Option<Duration>,
}

impl Shown {
    pub(super) fn of(message: &Message, files: &Files) -> Self {
        let file = message.media.as_ref().and_then(|media| {
            let kept = files.get(&media.file)?;
            Some(Sent { kind: media.kind, name: kept.name.clone(), bytes: kept.bytes.clone() })
        });
        Self {
            id: message.id,
            by_bot: message.by_bot,
            from: message.from.as_ref().and_then(|user| user["id"].as_i64()),
            text: message.content.text.clone(),
            entities: message.content.entities.clone(),
            buttons: message.keyboard.as_ref().map(buttons).unwrap_or_default(),
            reply_to: message.reply_to,
            thread: message.thread,
            silent: message.silent,
            preview: message.preview,
            edits: message.versions.len().saturating_sub(1),
            versions: message.versions.clone(),
            file,
            reactions: message.reactions.clone(),
            service: message.is_service(),
            deleted: message.deleted,
        }
    }

    /// Returns what stands on the buttons, from the first to the last.
    #[must_use]
    pub fn labels(&self) -> Vec<&str> {
        self.buttons.iter().flatten().map(|button| button.label.as_str()).collect()
    }

    /// Returns the stretches of the text that are set off in this way, `bold` for example.
    #[must_use]
    pub fn set_off(&self, kind: &str) -> Vec<String> {
        let units: Vec<u16> = self.text.encode_utf16().collect();
        let fitting = self.entities.iter().filter(|entity| entity.kind == kind);
        fitting
            .map(|entity| units.iter().skip(entity.offset).take(entity.length).copied().collect::<Vec<_>>())
            .map(|stretch| String::from_utf16_lossy(&stretch))
            .collect()
    }
}

/// Shows the messages of a chat, the oldest first.
pub(super) fn messages(chat: &Chat, files: &Files) -> Vec<Shown> {
    chat.messages.values().map(|message| Shown::of(message, files)).collect()
}

fn buttons(keyboard: &Value) -> Vec<Vec<Button>> {
    let text = |button: &Value, name: &str| button[name].as_str().map(str::to_owned);
    let button = |value: &Value| Button {
        label: text(value, "text").unwrap_or_default(),
        data: text(value, "callback_data"),
        url: text(value, "url"),
    };
    let rows = keyboard["inline_keyboard"].as_array().into_iter().flatten();
    rows.map(|row| row.as_array().into_iter().flatten().map(button).collect()).collect()
}

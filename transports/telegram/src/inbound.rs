//! From an update of the Bot API to an [`Inbound`], purely. What is no message, edit or press of ours is
//! nothing; who may speak is `gate.rs`, and how updates come is `poll.rs`.

mod attachment;
#[cfg(test)]
mod tests;
mod wire;

use serde_json::Value;
use takopi_core::id::InstanceId;
use takopi_core::message::{
    Address, ButtonAction, Chosen, Inbound, Message, MessageRef, Press, Reply, Sender,
};
use takopi_core::time::Timestamp;

use crate::callback::{Here, Kept, Pressed};
use attachment::attachments;

pub(crate) use wire::Me;

/// What the bot wants to be told of (Bot API, getUpdates).
pub(crate) const WANTED: [&str; 3] = ["message", "edited_message", "callback_query"];

/// Ids of supergroups and channels are no higher (Bot API, "Dialog identifiers").
const SUPERGROUPS: i64 = -1_000_000_000_000;

/// What an update is to us.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Update {
    /// Something was said.
    Said(Inbound),
    /// A button was pressed; what the press asks for, and the query to be answered.
    Pressed {
        /// The query's id.
        query: String,
        /// What it asks for; `None` when nobody knows any more.
        inbound: Option<Inbound>,
        /// What it asks for instead of the run that its message shows.
        here: Option<Here>,
        /// Whether the button was of this bot's making.
        is_ours: bool,
        /// The press as it would be if it asked for nothing, for the gate.
        sender: Sender,
        /// Where it was pressed.
        message: MessageRef,
    },
    /// A group became a supergroup.
    Moved {
        /// The group's id until now.
        from: i64,
        /// Its id from now on.
        to: i64,
    },
    /// Nothing that concerns us.
    Nothing,
}

/// An update that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub(crate) struct Undecodable {
    /// Why, without anything of its content.
    pub(crate) problem: String,
}

/// Reads updates of one instance.
pub(crate) struct Reader<'a> {
    pub(crate) instance: &'a InstanceId,
    /// The bot's own id: what it counts itself is told from what another bot of this instance has counted.
    pub(crate) bot: &'a str,
    pub(crate) kept: &'a Kept,
}

/// Returns what a press is known by; `query` is the id of its query.
pub(crate) fn press_identity(query: &str) -> String {
    format!("p{query}")
}

/// Returns an update's id, which is all that is needed to step over it.
pub(crate) fn update_id(update: &Value) -> Option<i64> {
    update.get("update_id").and_then(Value::as_i64)
}

impl Reader<'_> {
    /// Reads an update.
    ///
    /// # Errors
    /// [`Undecodable`].
    pub(crate) fn read(&self, id: i64, update: Value) -> Result<Update, Undecodable> {
        let update: wire::Update = serde_json::from_value(update)
            // The position of what is wrong says enough, and the message of serde may quote what was said.
            .map_err(|error| Undecodable { problem: format!("{:?} error", error.classify()) })?;
        if let Some(message) = update.message {
            return Ok(self.read_message(message, None));
        }
        if let Some(message) = update.edited_message {
            return Ok(self.read_message(message, Some(format!("e{id}@{}", self.bot))));
        }
        Ok(update.callback_query.map_or(Update::Nothing, |query| self.read_press(query)))
    }

    fn read_message(&self, message: wire::Message, edit: Option<String>) -> Update {
        if let Some(to) = message.migrate_to_chat_id {
            return Update::Moved { from: message.chat.id, to };
        }
        let reference = self.reference(&message);
        let is_edit = edit.is_some();
        // One message is one inbound, under however many updates it comes.
        let upstream = edit.unwrap_or_else(|| self.identity(&message));
        let text = message.text.clone().or_else(|| message.caption.clone()).unwrap_or_default();
        let attachments = attachments(&message, &text);
        if text.trim().is_empty() && attachments.is_empty() {
            return Update::Nothing;
        }
        let inbound = Message {
            upstream,
            reply_to: self.reply(&message),
            sender: sender(&message),
            text,
            attachments,
            album: message.media_group_id.clone(),
            forwarded: message.is_forwarded(),
            sent_at: Timestamp::from_unix_ms(message.date.saturating_mul(1000)),
            message: reference,
            chosen: Chosen::default(),
        };
        Update::Said(if is_edit { Inbound::Edited(inbound) } else { Inbound::Message(inbound) })
    }

    /// Returns what tells a message from all others. A supergroup counts its messages itself, so that two bots
    /// know one message by one number; elsewhere each bot counts its own.
    fn identity(&self, message: &wire::Message) -> String {
        let (chat, id) = (message.chat.id, message.message_id);
        if chat <= SUPERGROUPS { format!("m{chat}:{id}") } else { format!("m{chat}:{id}@{}", self.bot) }
    }

    /// Returns what a message replies to. Telegram writes the root of a topic there when nothing else was
    /// replied to.
    fn reply(&self, message: &wire::Message) -> Option<Reply> {
        let replied = message.reply_to_message.as_deref()?;
        let is_root = message.thread().is_some_and(|thread| thread == replied.message_id)
            || replied.forum_topic_created.is_some();
        if is_root {
            return None;
        }
        let address = self.address(message);
        let text = replied.text.clone().or_else(|| replied.caption.clone());
        let of_bot = replied.from.as_ref().is_some_and(|from| from.id.to_string() == self.bot);
        Some(Reply { message: MessageRef { address, id: replied.message_id.to_string() }, text, of_bot })
    }

    fn read_press(&self, query: wire::CallbackQuery) -> Update {
        let (Some(message), Some(data)) = (query.message, query.data) else { return Update::Nothing };
        let sender = user(&query.from);
        let reference = self.reference(&message);
        let is_ours = Kept::is_ours(&data);
        let press = |action: ButtonAction| {
            let upstream = match &action {
                // However often it is pressed, and by whom: what came late runs once.
                ButtonAction::Run { inbox } => format!("r{}", inbox.0),
                _ => press_identity(&query.id),
            };
            Inbound::Press(Press { upstream, message: reference.clone(), sender: sender.clone(), action })
        };
        let (inbound, here) = match self.kept.read(&data) {
            Some(Pressed::Action(action)) => (Some(press(action)), None),
            Some(Pressed::Here(here)) => (None, Some(here)),
            None => (None, None),
        };
        Update::Pressed { query: query.id, inbound, here, is_ours, sender, message: reference }
    }

    fn address(&self, message: &wire::Message) -> Address {
        Address {
            instance: self.instance.clone(),
            chat: message.chat.id.to_string(),
            thread: message.thread().map(|thread| thread.to_string()),
        }
    }

    fn reference(&self, message: &wire::Message) -> MessageRef {
        MessageRef { address: self.address(message), id: message.message_id.to_string() }
    }
}

fn sender(message: &wire::Message) -> Sender {
    match (&message.from, &message.sender_chat) {
        (Some(from), _) => user(from),
        (None, Some(chat)) => {
            let name = chat.title.clone().unwrap_or_default();
            Sender { id: chat.id.to_string(), name, is_bot: false }
        }
        // Nobody has this id, so no list of people holds it.
        (None, None) => Sender { id: "0".to_owned(), name: String::new(), is_bot: false },
    }
}

fn user(user: &wire::User) -> Sender {
    let names = [user.first_name.as_deref(), user.last_name.as_deref()];
    let name = names.into_iter().flatten().collect::<Vec<_>>().join(" ");
    let name = if name.is_empty() { user.username.clone().unwrap_or_default() } else { name };
    Sender { id: user.id.to_string(), name, is_bot: user.is_bot }
}

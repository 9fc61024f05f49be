//! From a message of the gateway or of REST to an [`Inbound`], purely. What nobody wrote (joins, pins, unfurled
//! links) is nothing; who may speak is `gate.rs`, and whether it is for the bot is `audience.rs`.
//!
//! A message that may become a prompt is addressed to the thread it will open, before that thread is there: Discord
//! gives a thread the id of the message it was opened at.

mod attachment;
mod mention;
mod said;
#[cfg(test)]
mod tests;

use takopi_core::message::{Address, Chosen, Inbound, Message, MessageRef, Reply, Sender};
use takopi_core::time::Timestamp;

pub(crate) use said::{Said, lean};

use crate::audience::Words;
use crate::config::Id;
use crate::places::{Kind, Places};
use crate::render::as_written;

/// The first millisecond of Discord, of which its ids count (Discord, "Snowflakes").
const EPOCH_MS: i64 = 1_420_070_400_000;

/// Returns when the thing with this id came to be.
pub(crate) fn time_of(id: Id) -> Timestamp {
    Timestamp::from_unix_ms(i64::try_from(id >> 22).unwrap_or(i64::MAX).saturating_add(EPOCH_MS))
}

/// Returns the lowest id of something that came to be then.
pub(crate) fn id_at(time: Timestamp) -> Id {
    Id::try_from(time.unix_ms().saturating_sub(EPOCH_MS).max(0)).unwrap_or_default() << 22
}

/// Returns what a message says to the bot, as it says it to people.
pub(crate) fn text_of(message: &serenity::model::channel::Message, places: &Places) -> String {
    match places.me() {
        Some(me) => mention::read(&Said::of(message), &me, places).0,
        None => message.content.clone(),
    }
}

/// What a message is to us.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Heard {
    /// What is to be accepted.
    pub(crate) inbound: Inbound,
    /// Whether it names the bot.
    pub(crate) named: bool,
}

/// Reads messages of one instance.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    pub(crate) places: &'a Places,
    pub(crate) words: &'a Words,
    /// Whether sound files are what somebody says.
    pub(crate) listens: bool,
}

impl Reader<'_> {
    /// Reads a new message; `None` where there is nothing to do about it.
    pub(crate) fn message(&self, said: &Said<'_>) -> Option<Heard> {
        self.read(said, format!("m{}", said.id))
            .map(|(message, named)| Heard { inbound: Inbound::Message(message), named })
    }

    /// Reads an edit. Discord also tells of edits nobody made, when it has looked at a link: those have no time.
    pub(crate) fn edit(&self, said: &Said<'_>) -> Option<Heard> {
        let at = said.edited_us?;
        self.read(said, format!("e{}@{at}", said.id))
            .map(|(message, named)| Heard { inbound: Inbound::Edited(message), named })
    }

    /// Reads a deletion.
    pub(crate) fn deleted(&self, channel: Id, message: Id) -> Option<Inbound> {
        let here = self.places.address_of(channel)?;
        let address = self.opening(&here, channel, message);
        let message = MessageRef { address, id: message.to_string() };
        Some(Inbound::Deleted { upstream: format!("d{}", message.id), message })
    }

    fn read(&self, said: &Said<'_>, upstream: String) -> Option<(Message, bool)> {
        let me = self.places.me()?;
        if !said.is_written() || said.author.id == me.id {
            return None;
        }
        let (text, named) = mention::read(said, &me, self.places);
        let attachments = attachment::attachments(said, &text, self.listens);
        if text.trim().is_empty() && attachments.is_empty() {
            return None;
        }
        let here = self.places.address_of(said.channel)?;
        let address = match self.words.is_command(&text) {
            true => here.clone(),
            false => self.opening(&here, said.channel, said.id),
        };
        let message = Message {
            upstream,
            message: MessageRef { address, id: said.id.to_string() },
            sender: Sender {
                id: said.author.id.to_string(),
                name: said.author.name.clone(),
                is_bot: said.author.is_bot,
            },
            reply_to: self.reply(said, &here, me.id),
            text,
            attachments,
            album: None,
            forwarded: said.is_forwarded(),
            sent_at: time_of(said.id),
            chosen: Chosen::default(),
        };
        Some((message, named))
    }

    /// Returns the address of the thread that a message opens, or of the place it stands in where it opens none.
    fn opening(&self, here: &Address, channel: Id, message: Id) -> Address {
        let opens = self.places.channel(channel).is_some_and(|facts| facts.kind == Kind::Text);
        match opens {
            true => Address { thread: Some(message.to_string()), ..here.clone() },
            false => here.clone(),
        }
    }

    /// Returns what a message replies to. In a channel that is what opened a thread of its own, unless it is an
    /// answer of the bot that stands there.
    fn reply(&self, said: &Said<'_>, here: &Address, me: Id) -> Option<Reply> {
        let replied = said.reply.as_ref()?;
        let of_bot = replied.author == Some(me);
        let opened = !of_bot || self.places.channel(replied.id).is_some();
        let address = match opened {
            true => self.opening(here, said.channel, replied.id),
            false => here.clone(),
        };
        let message = MessageRef { address, id: replied.id.to_string() };
        let text = replied.text.clone();
        let text = if of_bot { text.map(|text| as_written(&text)) } else { text };
        Some(Reply { message, text, of_bot })
    }
}

//! What a text would mean as a message, for those who want to know before they ask for a run. Pure, like all of
//! routing.

use super::ambient::ambient_context;
use super::prompt::{self, Prompt};
use super::{Facts, Known};
use crate::message::{Chosen, Message, MessageRef, Reply, Sender};
use crate::port::command::Resolved;
use crate::session::Session;
use crate::time::Timestamp;

/// A text, read as a message.
pub(crate) struct AsMessage(Prompt);

impl AsMessage {
    /// Reads a text as a message that is `message` and replies to one with the text `reply`.
    ///
    /// # Errors
    /// A text for the sender.
    pub(crate) fn read(
        text: &str,
        reply: Option<&str>,
        message: &MessageRef,
        sender: &Sender,
        known: &Known,
    ) -> Result<Self, String> {
        let reply_to =
            reply.map(|text| Reply { message: message.clone(), text: Some(text.to_owned()), of_bot: false });
        let message = Message {
            upstream: String::new(),
            message: message.clone(),
            sender: sender.clone(),
            text: text.to_owned(),
            reply_to,
            attachments: Vec::new(),
            album: None,
            forwarded: false,
            sent_at: Timestamp::from_unix_ms(0),
            chosen: Chosen::default(),
        };
        prompt::read(&message, known).map(Self)
    }

    /// Returns the session it names, about which the ledger must be asked.
    pub(crate) fn session(&self) -> Option<&Session> {
        self.0.session.as_ref()
    }

    /// Returns what it means. A session goes on where it was.
    ///
    /// # Errors
    /// A text for the sender.
    pub(crate) fn resolved(self, facts: &Facts, known: &Known) -> Result<Resolved, String> {
        let Self(prompt) = self;
        let row = facts.stored.session.as_ref().filter(|row| prompt.session.as_ref() == Some(&row.session));
        let context = match row {
            Some(row) => row.context.clone(),
            None => ambient_context(&prompt, facts, known, &prompt.message.address)?,
        };
        let engine = prompt.session.as_ref().map(|session| session.engine.clone());
        Ok(Resolved {
            engine: engine.or_else(|| prompt.asked_engine()),
            session: prompt.session.map(|session| session.token),
            context,
            dir: row.and_then(|row| row.cwd.clone()),
            prompt: prompt.text,
        })
    }
}

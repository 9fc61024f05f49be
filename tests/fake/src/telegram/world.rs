//! All that exists behind the server: people, chats, files, what waits and what happened.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::chats::{Chat, Kind, Message, Role};
use super::faults::Injection;
use super::files::Files;
use super::limits::Limits;
use super::log::Log;
use super::params::{Params, Refusal, bad};
use super::updates::Updates;
use super::view::{Answer, Version};

/// The state of the server. It does nothing by itself and doesn't look at the clock.
#[derive(Debug)]
pub(super) struct World {
    pub(super) bot: Value,
    pub(super) bot_id: i64,
    pub(super) users: BTreeMap<i64, Value>,
    pub(super) chats: BTreeMap<i64, Chat>,
    pub(super) files: Files,
    pub(super) updates: Updates,
    /// What the bot said to each press of a button, by the id of its callback query.
    pub(super) presses: BTreeMap<String, Vec<Answer>>,
    /// Menus by their scope and language.
    pub(super) menus: BTreeMap<String, Value>,
    pub(super) injections: Vec<Injection>,
    pub(super) limits: Limits,
    pub(super) log: Log,
    /// Private chats share their message ids, as all messages of one account do.
    next_private: i64,
}

impl World {
    pub(super) fn new(bot_id: i64) -> Self {
        let bot =
            json!({"id": bot_id, "is_bot": true, "first_name": "Takopi", "username": "takopi_test_bot"});
        Self {
            bot,
            bot_id,
            users: BTreeMap::new(),
            chats: BTreeMap::new(),
            files: Files::default(),
            updates: Updates::default(),
            presses: BTreeMap::new(),
            menus: BTreeMap::new(),
            injections: Vec::new(),
            limits: Limits::default(),
            log: Log::default(),
            next_private: 11,
        }
    }

    /// Returns a `User`, made up if nobody has heard of this one.
    pub(super) fn user(&mut self, id: i64) -> Value {
        let unheard = || json!({"id": id, "is_bot": false, "first_name": format!("Person {id}"), "username": format!("person{id}")});
        self.users.entry(id).or_insert_with(unheard).clone()
    }

    /// Adds a chat; the bot is a member of every one, and a private chat has one more.
    pub(super) fn add_chat(&mut self, id: i64, kind: Kind, title: &str) {
        let mut chat = Chat::new(id, kind, title);
        chat.members.insert(self.bot_id, Role::Member);
        if kind == Kind::Private {
            chat.members.insert(id, Role::Member);
        }
        self.chats.insert(id, chat);
    }

    /// Returns the chat that a call names.
    pub(super) fn named(&mut self, params: &Params) -> Result<&mut Chat, Refusal> {
        let chat = params.number("chat_id").and_then(|id| self.chats.get_mut(&id));
        let chat = chat.ok_or_else(|| bad("chat not found"))?;
        match &chat.shut {
            Some(refusal) => Err(refusal.clone()),
            None => Ok(chat),
        }
    }

    /// Puts a message into a chat and describes it. The chat must be there.
    pub(super) fn keep(&mut self, chat: i64, mut message: Message, now: Duration) -> Option<(i64, Value)> {
        let chat = self.chats.get_mut(&chat)?;
        let next = match chat.kind {
            Kind::Private => &mut self.next_private,
            _ => &mut chat.next_message,
        };
        let id = *next;
        *next += 1;
        message.id = id;
        message.versions.push(Version { at: now, text: message.content.text.clone() });
        let description = chat.describe_message(&message);
        chat.messages.insert(id, message);
        Some((id, description))
    }
}

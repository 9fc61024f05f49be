//! When a message is for the bot, and what is set for the places where messages stand.

use serde::{Deserialize, Serialize};

use crate::message::Address;

/// When a message is for the bot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// Always.
    All,
    /// Where it addresses the bot, or stands in a conversation that the bot takes part in.
    Involved,
    /// Where it addresses the bot: names it, replies to it, or begins with one of its words.
    Mentions,
}

/// What is set for a place, by whoever may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaceSetting {
    /// Which place: a chat, or a topic in it.
    pub address: Address,
    /// When a message there is for the bot, where that is set.
    pub trigger: Option<Trigger>,
    /// Whether it has a project.
    pub bound: bool,
}

//! When a message is for the bot, and what is set for the places where messages stand.

use serde::{Deserialize, Serialize};

use crate::message::Address;
use crate::port::ledger::{Preference, PreferenceKey};
use crate::route::bound_context;

/// When a message is for the bot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// Always.
    #[default]
    All,
    /// Where it addresses the bot, or stands in a conversation that the bot takes part in.
    Involved,
    /// Where it addresses the bot: names it, replies to it, or begins with one of its words.
    Mentions,
}

impl Trigger {
    /// All of them, in the order of lists.
    pub const EACH: [Self; 3] = [Self::All, Self::Involved, Self::Mentions];

    /// Returns the word people type for it, and under which it is kept.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Involved => "involved",
            Self::Mentions => "mentions",
        }
    }

    /// Returns what a word stands for.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        Self::EACH.into_iter().find(|trigger| trigger.word() == word)
    }

    /// Returns what is set where the preferences are from; the first of them counts.
    #[must_use]
    pub fn set(preferences: &[Preference]) -> Option<Self> {
        let row = preferences.iter().find(|row| row.key == PreferenceKey::Trigger)?;
        // A word of a later version: better an answer too many than none.
        Some(Self::of_word(&row.value).unwrap_or(Self::All))
    }
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

impl PlaceSetting {
    /// Returns what `preferences`, sorted by scope, set for their places.
    #[must_use]
    pub fn of(preferences: &[Preference]) -> Vec<Self> {
        let setting = |rows: &[Preference]| {
            let trigger = Trigger::set(rows);
            let bound = bound_context(rows).project.is_some();
            let address = rows.first()?.scope.clone();
            (trigger.is_some() || bound).then_some(Self { address, trigger, bound })
        };
        preferences.chunk_by(|one, next| one.scope == next.scope).filter_map(setting).collect()
    }
}

//! What may go out when, for one transport instance: answers before notices before edits, within the
//! budgets of the bot and of each chat. It never sends, never waits and holds no clock: it is asked.
//!
//! A chat has one call under way at a time, which keeps its order whatever the network does. A chat that
//! is limited delays no other. Edits are worth only their newest state: one per message waits at most, and
//! where a chat's window is wide enough they leave part of it to sends and spread over the rest.

mod chat;
#[cfg(test)]
mod tests;
mod window;

use std::collections::HashMap;
use std::time::Duration;

use self::chat::{Chat, EDITS, Order};
use self::window::Window;
use crate::id::RunId;
use crate::message::{Address, MessageRef};
use crate::port::ledger::{OutboxId, PostKind};
use crate::port::transport::{Limits, Rate, RetryScope};
use crate::time::Moment;

/// Most calls of one bot under way at once: more would only wait in the service's own line.
pub const MAX_IN_FLIGHT: usize = 32;

/// Calls of a chat's window that edits leave to sends; of a window of less than three times as many, a third; of a burst
/// all but one.
pub const EDIT_RESERVE: u32 = 5;

/// What an item is, and so how urgent, and what it replaces.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Key {
    /// A part of a post, sent for certain. Replies, questions and finals go before notices; within these
    /// two classes posts go in the order of their numbers, and parts in order.
    Part(PostKind, OutboxId, usize),
    /// The newest state of a message. May be dropped; a newer one takes its place.
    Edit(MessageRef),
    /// The message a run's progress will be painted into. Like an edit.
    FirstProgress(RunId),
}

impl Key {
    fn lane(&self) -> usize {
        match self {
            Self::Part(PostKind::Reply | PostKind::Question | PostKind::Final, ..) => 0,
            Self::Part(PostKind::Notice, ..) => 1,
            Self::Edit(_) | Self::FirstProgress(_) => EDITS,
        }
    }
}

/// Something to be said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item<T> {
    /// What it is.
    pub key: Key,
    /// The chat whose budget it uses: the address the service counts by. One key has one chat while its
    /// call is under way.
    pub chat: Address,
    /// What the service allows in that chat; `None` where only the bot's budget counts.
    pub rate: Option<Rate>,
    /// Whether it uses up some of that: a deletion does not. It is a call of the bot's all the same.
    pub counts: bool,
    /// What the caller wants back when it goes.
    pub what: T,
}

/// Decides what goes out when. Takes time in proportion to the chats that were active of late.
#[derive(Debug)]
pub struct Pacer<T> {
    bot: Option<Rate>,
    window: Window,
    limited_until: Moment,
    edit_gap: Duration,
    chats: HashMap<Address, Chat<T>>,
    /// Where each waiting item stands.
    places: HashMap<Key, (Address, Order)>,
    in_flight: HashMap<Key, Address>,
    arrivals: i64,
}

impl<T> Pacer<T> {
    /// Returns a pacer with nothing to say.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self {
            bot: limits.bot,
            window: Window::default(),
            limited_until: Moment::START,
            edit_gap: limits.edit_gap,
            chats: HashMap::new(),
            places: HashMap::new(),
            in_flight: HashMap::new(),
            arrivals: 0,
        }
    }

    /// Takes in an item. One with the same key that waits gives up its place to it and is returned.
    pub fn offer(&mut self, item: Item<T>) -> Option<Item<T>> {
        let stands = self.places.get(&item.key).filter(|(chat, _)| *chat == item.chat);
        let (order, replaced) = match (stands, &item.key) {
            (Some((_, order)), _) => (*order, None),
            (None, Key::Part(_, post, part)) => {
                let order = (post.0, u64::try_from(*part).unwrap_or(u64::MAX));
                (order, self.forget(&item.key))
            }
            (None, _) => {
                self.arrivals += 1;
                ((self.arrivals, 0), self.forget(&item.key))
            }
        };
        self.places.insert(item.key.clone(), (item.chat.clone(), order));
        self.chats.entry(item.chat.clone()).or_default().put(order, item).or(replaced)
    }

    /// Drops what waits under a key: the edits of a message whose final supersedes them, the parts of a
    /// post whose chat is gone.
    pub fn forget(&mut self, key: &Key) -> Option<Item<T>> {
        let (chat, order) = self.places.remove(key)?;
        self.chats.get_mut(&chat)?.drop(key.lane(), order)
    }

    /// Returns the most urgent item that may go now, if any; its call is under way until [`Self::done`] or
    /// [`Self::again`].
    pub fn take(&mut self, now: Moment) -> Option<Item<T>> {
        self.chats.retain(|_, chat| !chat.is_idle(now));
        if self.opens()? > now {
            return None;
        }
        let due = self.chats.iter().flat_map(|(address, chat)| {
            let due = chat.next(now).filter(|(ready, ..)| *ready <= now);
            due.map(move |(_, lane, order)| (lane, order, address))
        });
        let (lane, order, address) = due.min()?;
        let address = address.clone();
        let item = self.chats.get_mut(&address)?.start(lane, order, self.edit_gap, now)?;
        self.places.remove(&item.key);
        if let Some(rate) = self.bot {
            self.window.count(rate, now);
        }
        self.in_flight.insert(item.key.clone(), address);
        Some(item)
    }

    /// Tells that the call for an item is over and needs no other.
    pub fn done(&mut self, key: &Key) {
        if let Some(chat) = self.in_flight.remove(key).and_then(|chat| self.chats.get_mut(&chat)) {
            chat.busy = false;
        }
    }

    /// Tells that the call for an item is over and has to be made again: a part gets back its place, an
    /// edit goes to the end unless a newer one waits.
    pub fn again(&mut self, item: Item<T>) {
        self.done(&item.key);
        if !self.places.contains_key(&item.key) {
            self.offer(item);
        }
    }

    /// Heeds a service that wants to be left alone for a while.
    pub fn retry_after(&mut self, scope: RetryScope, chat: &Address, after: Duration, now: Moment) {
        match scope {
            RetryScope::Bot => self.limited_until = self.limited_until.max(now + after),
            RetryScope::Chat => self.chats.entry(chat.clone()).or_default().limit(now + after),
        }
    }

    /// Heeds what a service says of a chat's budget: so many calls left until it is refilled.
    pub fn hint(&mut self, chat: &Address, left: u32, reset_in: Duration, now: Moment) {
        self.chats.entry(chat.clone()).or_default().hint(left, now + reset_in);
    }

    /// Returns the earliest moment, not before `now`, at which [`Self::take`] returns something. `None`
    /// when nothing waits but for calls that are under way.
    #[must_use]
    pub fn next_wake(&self, now: Moment) -> Option<Moment> {
        let opens = self.opens()?;
        let due = self.chats.values().flat_map(|chat| chat.next(now)).map(|(ready, ..)| ready).min()?;
        Some(due.max(opens))
    }

    /// Returns how many items wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.places.len()
    }

    /// Returns the earliest moment at which the bot may make another call; `None` while too many are under
    /// way.
    fn opens(&self) -> Option<Moment> {
        let window = self.bot.map_or(Moment::START, |rate| self.window.opens(rate, 0));
        (self.in_flight.len() < MAX_IN_FLIGHT).then(|| window.max(self.limited_until))
    }
}

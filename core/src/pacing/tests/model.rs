//! What the pacer must do, read off the list of all calls ever made.

use std::collections::HashMap;

use super::super::{EDIT_RESERVE, Item, Key, MAX_IN_FLIGHT};
use crate::message::Address;
use crate::port::ledger::PostKind;
use crate::port::transport::Rate;

pub(super) struct Model {
    bot: Rate,
    edit_gap: u64,
    arrivals: i64,
    /// With its order: class, post and part, or class and arrival.
    pub(super) waiting: Vec<((usize, i64, usize), Item<u64>)>,
    under_way: Vec<Item<u64>>,
    pub(super) calls: Vec<(u64, Address, Key, bool)>,
    pub(super) limits: Vec<(Option<Address>, u64)>,
    /// Calls left, until when, and how many calls had been made when it was said.
    pub(super) hints: HashMap<Address, (usize, u64, usize)>,
}

fn millis(rate: Rate) -> u64 {
    u64::try_from(rate.per.as_millis()).unwrap()
}

fn refill(rate: Rate) -> u64 {
    millis(rate) / u64::from(rate.calls)
}

/// Returns when a burst is whole again after calls at these times.
fn full_at(times: impl Iterator<Item = u64>, rate: Rate) -> u64 {
    times.fold(0, |full, time| full.max(time) + refill(rate))
}

fn is_edit(key: &Key) -> bool {
    !matches!(key, Key::Part(..))
}

impl Model {
    pub(super) fn new(bot: Rate, edit_gap: u64) -> Self {
        let (waiting, under_way, calls, limits) = Default::default();
        Self { bot, edit_gap, arrivals: 0, waiting, under_way, calls, limits, hints: HashMap::new() }
    }

    pub(super) fn offer(&mut self, item: Item<u64>) -> Option<Item<u64>> {
        if let Some((_, waiting)) = self.waiting.iter_mut().find(|(_, waiting)| waiting.key == item.key) {
            return Some(std::mem::replace(waiting, item));
        }
        self.arrivals += 1;
        let order = match &item.key {
            Key::Part(PostKind::Notice, post, part) => (1, post.0, *part),
            Key::Part(_, post, part) => (0, post.0, *part),
            _ => (2, self.arrivals, 0),
        };
        self.waiting.push((order, item));
        None
    }

    pub(super) fn forget(&mut self, key: &Key) -> Option<Item<u64>> {
        let index = self.waiting.iter().position(|(_, item)| item.key == *key)?;
        Some(self.waiting.remove(index).1)
    }

    /// Ends one of the calls under way.
    pub(super) fn over(&mut self, which: usize, again: bool) -> Option<Item<u64>> {
        let index = which.checked_rem(self.under_way.len())?;
        let item = self.under_way.remove(index);
        if again && !self.waiting.iter().any(|(_, waiting)| waiting.key == item.key) {
            self.offer(item.clone());
        }
        Some(item)
    }

    /// Returns the index of what goes at that moment.
    pub(super) fn next(&self, now: u64) -> Option<usize> {
        let ready = (0..self.waiting.len()).filter(|index| self.is_ready(&self.waiting[*index].1, now));
        ready.min_by_key(|index| self.waiting[*index].0)
    }

    pub(super) fn take(&mut self, now: u64) -> Option<Item<u64>> {
        let (_, item) = self.waiting.remove(self.next(now)?);
        self.calls.push((now, item.chat.clone(), item.key.clone(), item.counts));
        self.under_way.push(item.clone());
        Some(item)
    }

    fn is_ready(&self, item: &Item<u64>, now: u64) -> bool {
        let here = || self.calls.iter().filter(|call| call.1 == item.chat && call.3);
        let within = |per: u64| move |call: &&(u64, Address, Key, bool)| call.0 + per > now;
        let idle = self.under_way.iter().all(|other| other.chat != item.chat);
        let room = self.under_way.len() < MAX_IN_FLIGHT
            && self.calls.iter().filter(within(millis(self.bot))).count() < self.bot.calls as usize;
        let heeded = self
            .limits
            .iter()
            .all(|(chat, until)| chat.as_ref().is_some_and(|chat| *chat != item.chat) || *until <= now);
        let hinted = self.hints.get(&item.chat).is_none_or(|(left, until, from)| {
            let made = || self.calls[*from..].iter().filter(|call| call.1 == item.chat && call.3);
            *until <= now || made().count() < *left
        });
        let reserve =
            |rate: Rate| EDIT_RESERVE.min(if rate.bursts { rate.calls - 1 } else { rate.calls / 3 });
        let wide = item.rate.filter(|rate| reserve(*rate) > 0 && is_edit(&item.key));
        let spare = wide.map_or(0, reserve);
        let rated = item.rate.is_none_or(|rate| match rate.bursts {
            true => {
                full_at(here().map(|call| call.0), rate)
                    <= now + refill(rate) * u64::from(rate.calls - spare - 1)
            }
            false => here().filter(within(millis(rate))).count() < (rate.calls - spare) as usize,
        });
        let spread = wide.filter(|rate| !rate.bursts).is_none_or(|rate| {
            let share = millis(rate) / u64::from(rate.calls - reserve(rate));
            !here().filter(within(share)).any(|call| is_edit(&call.2))
        });
        // What is said for certain keeps its order.
        let order = |key: &Key| match key {
            Key::Part(kind, post, part) => Some((*kind == PostKind::Notice, post.0, *part)),
            _ => None,
        };
        let turn = self.waiting.iter().filter(|(_, other)| other.chat == item.chat).all(|(_, other)| {
            order(&other.key)
                .zip(order(&item.key))
                .is_none_or(|(other, own)| other.0 != own.0 || other >= own)
        });
        let gap = !is_edit(&item.key)
            || !self.calls.iter().filter(within(self.edit_gap)).any(|call| call.2 == item.key);
        idle && room && heeded && turn && gap && (!item.counts || (hinted && rated && spread))
    }

    /// Checks the budgets once more, without the rules above.
    pub(super) fn check_windows(&self, rate_of: impl Fn(&Address) -> Option<Rate>) {
        let fits = |times: &[u64], rate: Rate| {
            times.windows(rate.calls as usize + 1).all(|span| span[span.len() - 1] - span[0] >= millis(rate))
        };
        let all: Vec<u64> = self.calls.iter().map(|call| call.0).collect();
        assert!(fits(&all, self.bot));
        for (_, chat, ..) in &self.calls {
            let times: Vec<u64> =
                self.calls.iter().filter(|call| call.1 == *chat && call.3).map(|call| call.0).collect();
            // With bursts, a span may have as many again as come back within it.
            let bursts = |times: &[u64], rate: Rate| {
                let most = 2 * rate.calls as usize;
                times.windows(most).all(|span| span[most - 1] - span[0] >= millis(rate))
            };
            let check = |rate: Rate| if rate.bursts { bursts(&times, rate) } else { fits(&times, rate) };
            assert!(rate_of(chat).is_none_or(check));
        }
    }
}

//! What one chat waits to say, and when it may. Knows nothing of other chats nor of the bot's budget.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::window::Window;
use super::{EDIT_RESERVE, Item, Key};
use crate::port::transport::Rate;
use crate::time::Moment;

/// Where an item stands in its lane: post and part, or the order of arrival for edits.
pub(super) type Order = (i64, u64);

/// How many lanes there are: see [`Key::lane`].
pub(super) const LANES: usize = 3;
/// The lane of edits, the last.
pub(super) const EDITS: usize = LANES - 1;

#[derive(Debug)]
pub(super) struct Chat<T> {
    lanes: [BTreeMap<Order, Item<T>>; LANES],
    /// What the service allows here, as the last item said.
    rate: Option<Rate>,
    window: Window,
    /// Nothing goes before that.
    limited_until: Moment,
    /// So many calls may still go before that moment.
    hint: Option<(u32, Moment)>,
    /// No edit goes before that, so that edits spread over a window they share with sends.
    edits_from: Moment,
    /// Messages that were edited lately, and when the next edit of each may go.
    edited: HashMap<Key, Moment>,
    /// Whether a call is under way.
    pub(super) busy: bool,
}

impl<T> Default for Chat<T> {
    fn default() -> Self {
        Self {
            lanes: Default::default(),
            rate: None,
            window: Window::default(),
            limited_until: Moment::START,
            hint: None,
            edits_from: Moment::START,
            edited: HashMap::new(),
            busy: false,
        }
    }
}

impl<T> Chat<T> {
    /// Puts an item in its place and returns the one that was there.
    pub(super) fn put(&mut self, order: Order, item: Item<T>) -> Option<Item<T>> {
        self.rate = item.rate;
        self.lanes.get_mut(item.key.lane())?.insert(order, item)
    }

    /// Takes an item out of its place.
    pub(super) fn drop(&mut self, lane: usize, order: Order) -> Option<Item<T>> {
        self.lanes.get_mut(lane)?.remove(&order)
    }

    /// Returns, per lane, the item that goes first and the earliest moment at which it may.
    pub(super) fn next(&self, now: Moment) -> impl Iterator<Item = (Moment, usize, Order)> {
        let lanes = self.lanes.iter().enumerate().filter(|_| !self.busy);
        lanes.filter_map(move |(lane, items)| {
            let again = |key: &Key| self.edited.get(key).copied().unwrap_or_default();
            let ready = |item: &Item<T>| again(&item.key).max(self.opens(item));
            let due = items.iter().map(|(order, item)| (ready(item).max(now), lane, *order));
            if lane == EDITS { due.min() } else { due.take(1).min() }
        })
    }

    fn opens(&self, item: &Item<T>) -> Moment {
        if !item.counts {
            return self.limited_until;
        }
        let window = self.rate.map(|rate| self.window.opens(rate, spare(&item.key, rate)));
        let hint = self.hint.and_then(|(left, resets)| (left == 0).then_some(resets));
        let spread = match item.key {
            Key::Part(..) => false,
            Key::FirstProgress(_) | Key::Edit(_) => true,
        };
        let edits = spread.then_some(self.edits_from);
        [window, hint, edits].into_iter().flatten().fold(self.limited_until, Moment::max)
    }

    /// Takes an item out for a call that is made now.
    pub(super) fn start(&mut self, lane: usize, order: Order, gap: Duration, now: Moment) -> Option<Item<T>> {
        let item = self.drop(lane, order)?;
        self.busy = true;
        if !item.counts {
            return Some(item);
        }
        if let Some(rate) = self.rate {
            self.window.count(rate, now);
        }
        self.hint = match self.hint {
            Some((left, resets)) if now < resets => Some((left.saturating_sub(1), resets)),
            _ => None,
        };
        if lane == EDITS {
            if let Some(rate) = self.rate.filter(|rate| reserve(*rate) > 0 && !rate.bursts) {
                let share = rate.calls - reserve(rate);
                self.edits_from = now + rate.per / share;
            }
            self.edited.retain(|_, again| *again > now);
            self.edited.insert(item.key.clone(), now + gap);
        }
        Some(item)
    }

    /// Lets nothing go before that moment.
    pub(super) fn limit(&mut self, until: Moment) {
        self.limited_until = self.limited_until.max(until);
    }

    /// Lets so many calls go before that moment.
    pub(super) fn hint(&mut self, left: u32, resets: Moment) {
        self.hint = Some((left, resets));
    }

    /// Returns whether nothing of this chat matters any more.
    pub(super) fn is_idle(&mut self, now: Moment) -> bool {
        let waits = self.lanes.iter().any(|lane| !lane.is_empty());
        let calm = self.rate.is_none_or(|rate| self.window.expire(rate, now));
        let hinted = self.hint.is_some_and(|(_, resets)| resets > now);
        let spaced = self.edits_from > now || self.edited.values().any(|again| *again > now);
        !waits && !self.busy && calm && !hinted && !spaced && self.limited_until <= now
    }
}

/// Returns how many calls an item leaves to sends. Where bursts are allowed a first painting, which brings the button
/// that cancels, leaves none: whoever asks again right after an answer sees it at once.
fn spare(key: &Key, rate: Rate) -> u32 {
    match key {
        Key::Part(..) => 0,
        Key::FirstProgress(_) if rate.bursts => 0,
        Key::FirstProgress(_) | Key::Edit(_) => reserve(rate),
    }
}

/// Returns how many calls edits leave to sends: five of a wide window, a third of a narrow one, none where there is
/// hardly more than one call; of a burst all but their own.
fn reserve(rate: Rate) -> u32 {
    EDIT_RESERVE.min(if rate.bursts { rate.calls.saturating_sub(1) } else { rate.calls / 3 })
}

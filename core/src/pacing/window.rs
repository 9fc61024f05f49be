//! Counting the calls of one budget: never more than so many in any span of that length, or, where bursts are allowed,
//! so many at once and then one at a time.

use std::collections::VecDeque;
use std::time::Duration;

use crate::port::transport::Rate;
use crate::time::Moment;

/// The calls that still matter.
#[derive(Debug, Default)]
pub(super) struct Window {
    /// Those of the last span, the oldest first.
    calls: VecDeque<Moment>,
    /// With bursts: when as many may go at once as ever.
    full_at: Moment,
}

impl Window {
    /// Returns the earliest moment at which a call leaves `spare` more calls possible; the start when that
    /// has always been so. A rate of no calls counts as one.
    pub(super) fn opens(&self, rate: Rate, spare: u32) -> Moment {
        let before = rate.calls.saturating_sub(spare).max(1);
        if rate.bursts {
            let early = refill(rate) * (before - 1);
            return Moment::after_start(self.full_at.since_start().saturating_sub(early));
        }
        let before = usize::try_from(before).unwrap_or(usize::MAX);
        let oldest_in_the_way = self.calls.len().checked_sub(before);
        oldest_in_the_way
            .and_then(|index| self.calls.get(index))
            .map_or(Moment::START, |call| *call + rate.per)
    }

    /// Counts a call.
    pub(super) fn count(&mut self, rate: Rate, now: Moment) {
        self.expire(rate, now);
        match rate.bursts {
            true => self.full_at = self.full_at.max(now) + refill(rate),
            false => self.calls.push_back(now),
        }
    }

    /// Forgets the calls that no longer matter and returns whether none is left.
    pub(super) fn expire(&mut self, rate: Rate, now: Moment) -> bool {
        while self.calls.front().is_some_and(|call| *call + rate.per <= now) {
            self.calls.pop_front();
        }
        self.calls.is_empty() && self.full_at <= now
    }
}

/// Returns how long it takes until one more call may go.
fn refill(rate: Rate) -> Duration {
    rate.per / rate.calls.max(1)
}

//! Counting the calls of one budget: never more than so many in any span of that length.

use std::collections::VecDeque;

use crate::port::transport::Rate;
use crate::time::Moment;

/// The calls of the last span, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Window {
    calls: VecDeque<Moment>,
}

impl Window {
    /// Returns the earliest moment at which a call leaves `spare` more calls possible; the start when that
    /// has always been so. A rate of no calls counts as one.
    pub(super) fn opens(&self, rate: Rate, spare: u32) -> Moment {
        let before = usize::try_from(rate.calls.saturating_sub(spare).max(1)).unwrap_or(usize::MAX);
        let oldest_in_the_way = self.calls.len().checked_sub(before);
        oldest_in_the_way
            .and_then(|index| self.calls.get(index))
            .map_or(Moment::START, |call| *call + rate.per)
    }

    /// Counts a call.
    pub(super) fn count(&mut self, rate: Rate, now: Moment) {
        self.expire(rate, now);
        self.calls.push_back(now);
    }

    /// Forgets the calls that no longer matter and returns whether none is left.
    pub(super) fn expire(&mut self, rate: Rate, now: Moment) -> bool {
        while self.calls.front().is_some_and(|call| *call + rate.per <= now) {
            self.calls.pop_front();
        }
        self.calls.is_empty()
    }
}

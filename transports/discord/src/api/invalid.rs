//! The count of requests that Discord holds against the bot: answered with 401, 403 or 429, ten thousand of them in
//! ten minutes ban the machine's address (Discord docs, "Invalid Request Limit"). Pure.

use std::collections::VecDeque;
use std::time::Duration;

use takopi_core::time::Moment;

/// Over what time they are counted.
const SPAN: Duration = Duration::from_secs(600);

/// They are remembered in sums over this long.
const SUM: Duration = Duration::from_secs(30);

/// From how many on somebody should look.
const MANY: u32 = 1000;

/// At how many the bot is silent: half of what bans, for other programs may share the address.
const MOST: u32 = 5000;

/// The invalid requests of the last minutes.
#[derive(Debug, Default)]
pub(crate) struct Invalid {
    /// When each sum began, and how much it is.
    sums: VecDeque<(Moment, u32)>,
}

impl Invalid {
    /// Counts one; returns their number when that is worth a warning.
    pub(crate) fn count(&mut self, now: Moment) -> Option<u32> {
        match self.sums.back_mut() {
            Some((began, sum)) if now.since(*began) < SUM => *sum += 1,
            _ => self.sums.push_back((now, 1)),
        }
        Some(self.total(now)).filter(|total| [MANY, MOST].contains(total))
    }

    /// Returns until when the bot must be silent, if it must.
    pub(crate) fn pause(&mut self, now: Moment) -> Option<Moment> {
        if self.total(now) < MOST {
            return None;
        }
        self.sums.front().map(|(began, _)| *began + SPAN + SUM)
    }

    fn total(&mut self, now: Moment) -> u32 {
        while self.sums.front().is_some_and(|(began, _)| now.since(*began) >= SPAN + SUM) {
            self.sums.pop_front();
        }
        self.sums.iter().map(|(_, sum)| sum).sum()
    }
}

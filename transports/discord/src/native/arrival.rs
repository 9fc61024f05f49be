//! Which interactions are done: each once, and only while somebody still waits for an answer.
//!
//! A gateway that comes back may hand out old interactions again. Their ids tell when they were made, by Discord's
//! clock; ours may be wrong, so that how far it is ahead is learnt.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use takopi_core::time::Timestamp;

/// How long Discord waits for the first response (Discord, "Receiving and Responding to Interactions").
pub(crate) const WAITS: Duration = Duration::from_secs(3);

/// Most interactions that are remembered: what comes again comes soon.
const MAX_SEEN: usize = 4096;

/// What an interaction is that arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// To be done.
    Fresh,
    /// There before.
    Again,
    /// So old, by our clock, that nobody waits for an answer any more.
    Stale(Duration),
}

/// The interactions that were there.
#[derive(Debug, Default)]
pub(crate) struct Arrivals(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    ids: HashSet<u64>,
    order: VecDeque<u64>,
    /// How far our clock is ahead of Discord's, as far as that is known.
    ahead: Duration,
}

impl Arrivals {
    /// Returns what an interaction is that was made then and arrives now.
    pub(crate) fn look(&self, id: u64, made: Timestamp, now: Timestamp) -> Arrival {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !seen.ids.insert(id) {
            return Arrival::Again;
        }
        seen.order.push_back(id);
        while seen.order.len() > MAX_SEEN {
            if let Some(oldest) = seen.order.pop_front() {
                seen.ids.remove(&oldest);
            }
        }
        let age = now.since(made);
        if age > seen.ahead + WAITS { Arrival::Stale(age) } else { Arrival::Fresh }
    }

    /// Learns that an interaction of this age, by our clock, was still waited for.
    pub(crate) fn was_waited_for(&self, age: Duration) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.ahead = seen.ahead.max(age.saturating_sub(WAITS));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MADE: Timestamp = Timestamp::from_unix_ms(1_000_000);

    fn later(seconds: i64) -> Timestamp {
        Timestamp::from_unix_ms(MADE.unix_ms() + seconds * 1000)
    }

    #[test]
    fn what_comes_again_or_late_is_not_done() {
        let arrivals = Arrivals::default();
        assert_eq!(arrivals.look(1, MADE, later(1)), Arrival::Fresh);
        assert_eq!(arrivals.look(1, MADE, later(1)), Arrival::Again);
        assert_eq!(arrivals.look(2, MADE, later(4)), Arrival::Stale(Duration::from_secs(4)));
        assert_eq!(arrivals.look(3, MADE, later(-60)), Arrival::Fresh, "a clock that is behind");
    }

    #[test]
    fn a_clock_that_is_ahead_is_learnt_from_what_was_still_waited_for() {
        let arrivals = Arrivals::default();
        assert!(matches!(arrivals.look(1, MADE, later(60)), Arrival::Stale(_)));
        arrivals.was_waited_for(Duration::from_secs(60));
        assert_eq!(arrivals.look(2, MADE, later(60)), Arrival::Fresh);
        assert!(matches!(arrivals.look(3, MADE, later(64)), Arrival::Stale(_)));
    }

    #[test]
    fn of_what_was_there_only_the_latest_is_remembered() {
        let arrivals = Arrivals::default();
        for id in 0..=MAX_SEEN as u64 {
            assert_eq!(arrivals.look(id, MADE, MADE), Arrival::Fresh);
        }
        assert_eq!(arrivals.look(MAX_SEEN as u64, MADE, MADE), Arrival::Again);
        assert_eq!(arrivals.look(0, MADE, MADE), Arrival::Fresh);
    }
}

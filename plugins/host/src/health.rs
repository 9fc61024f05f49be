//! How often a plugin has crashed, and what follows from it. Pure: moments come from the caller.
//!
//! Few crashes cost a wait, which whoever restarts it unasked has to keep. Too many within a while end the matter until
//! somebody has looked at it.

use std::collections::VecDeque;
use std::time::Duration;

use takopi_core::time::Moment;

/// Crashes that are too many.
pub(crate) const CRASHES: usize = 5;

/// The while within which they are.
pub(crate) const WITHIN: Duration = Duration::from_secs(600);

/// The longest wait between two starts.
const LONGEST: Duration = Duration::from_secs(64);

/// The crashes of one plugin.
#[derive(Debug, Default)]
pub(crate) struct Health {
    /// The last of them, oldest first; never more than [`CRASHES`].
    crashes: VecDeque<Moment>,
    /// How many there were without a quiet while between them.
    in_a_row: u32,
    quarantined: bool,
}

impl Health {
    /// Notes a crash, and returns whether it was one too many.
    pub(crate) fn crashed(&mut self, now: Moment) -> bool {
        let is_near = |last: &Moment| now.since(*last) < WITHIN;
        self.in_a_row =
            if self.crashes.back().is_some_and(is_near) { self.in_a_row.saturating_add(1) } else { 1 };
        self.crashes.retain(is_near);
        self.crashes.push_back(now);
        let too_many = self.crashes.len() >= CRASHES;
        if too_many {
            self.crashes.pop_front();
        }
        too_many && !std::mem::replace(&mut self.quarantined, true)
    }

    /// Returns whether it is not to be started any more.
    pub(crate) const fn is_quarantined(&self) -> bool {
        self.quarantined
    }

    /// Returns how long whoever starts it unasked waits: 1, 2, 4 … 64 s after the last crash.
    pub(crate) fn backoff(&self, now: Moment) -> Duration {
        if self.crashes.back().is_none_or(|last| now.since(*last) >= WITHIN) {
            return Duration::ZERO;
        }
        let doubled = 1_u64.checked_shl(self.in_a_row.saturating_sub(1)).unwrap_or(u64::MAX);
        Duration::from_secs(doubled).min(LONGEST)
    }

    /// Forgets everything: somebody has looked at it.
    pub(crate) fn pardon(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment::after_start(Duration::from_secs(seconds))
    }

    #[test]
    fn waits_double_up_to_a_minute_and_end_with_a_quiet_while() {
        let mut health = Health::default();
        assert_eq!(health.backoff(at(0)), Duration::ZERO);
        let waits: Vec<u64> = (0..9)
            .map(|n| {
                let now = at(n * 200);
                assert!(!health.crashed(now), "four within ten minutes are not too many");
                health.backoff(now).as_secs()
            })
            .collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 64, 64]);
        assert_eq!(health.backoff(at(1600 + 600)), Duration::ZERO);
        health.crashed(at(5000));
        assert_eq!(health.backoff(at(5000)), Duration::from_secs(1));
    }

    #[test]
    fn the_fifth_crash_within_ten_minutes_is_told_once_and_a_pardon_forgets_it() {
        let mut health = Health::default();
        let told: Vec<bool> = (0..6).map(|n| health.crashed(at(n))).collect();
        assert_eq!(told, [false, false, false, false, true, false]);
        assert!(health.is_quarantined());
        health.pardon();
        assert!(!health.is_quarantined());
        assert!(!health.crashed(at(7)));
    }

    proptest! {
        #[test]
        fn it_is_quarantined_exactly_when_five_crashes_lie_within_ten_minutes(
            gaps in prop::collection::vec(0_u64..400, 0..40),
        ) {
            let mut health = Health::default();
            let mut times: Vec<u64> = Vec::new();
            let mut expected = false;
            for gap in gaps {
                times.push(times.last().copied().unwrap_or(0) + gap);
                let now = times[times.len() - 1];
                health.crashed(at(now));
                expected |= times.len() >= CRASHES && now - times[times.len() - CRASHES] < WITHIN.as_secs();
                prop_assert_eq!(health.is_quarantined(), expected);
                prop_assert!(health.crashes.len() <= CRASHES);
                prop_assert!((1..=64).contains(&health.backoff(at(now)).as_secs()));
            }
        }
    }
}

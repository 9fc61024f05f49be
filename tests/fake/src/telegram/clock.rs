//! The two times of the server: one that only goes forward, for the log, and the calendar, for dates in messages.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Returns the machine's monotonic time (`CLOCK_MONOTONIC`): the same for every process until the next boot.
#[must_use]
pub fn now() -> Duration {
    read(ClockId::Monotonic)
}

/// Returns the seconds since 1970.
pub(super) fn calendar() -> i64 {
    i64::try_from(read(ClockId::Realtime).as_secs()).unwrap_or(i64::MAX)
}

fn read(clock: ClockId) -> Duration {
    Duration::try_from(clock_gettime(clock)).unwrap_or_default()
}

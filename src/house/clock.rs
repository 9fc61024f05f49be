//! The machine's clock: the one place in the program that reads it.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use takopi_core::port::Clock;
use takopi_core::time::{Moment, Timestamp};

/// Longest sleep asked of the runtime at once; longer ones are asked again.
const LONGEST_SLEEP: Duration = Duration::from_secs(3600);

/// Wall-clock and monotonic time of this machine.
#[derive(Debug)]
pub(crate) struct MachineClock {
    start: Instant,
}

impl MachineClock {
    /// Returns a clock whose moments count from now.
    #[expect(clippy::disallowed_methods, reason = "this is where the clock is read")]
    pub(crate) fn start() -> Self {
        Self { start: Instant::now() }
    }
}

#[async_trait]
impl Clock for MachineClock {
    #[expect(clippy::disallowed_methods, reason = "this is where the clock is read")]
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_unix_ms(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn moment(&self) -> Moment {
        Moment::after_start(self.start.elapsed())
    }

    async fn sleep_until(&self, until: Moment) {
        loop {
            let left = until.since(self.moment());
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left.min(LONGEST_SLEEP)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_machines_clock_keeps_the_contract() {
        takopi_core::testing::clock::clock_contract(&MachineClock::start()).await;
    }
}

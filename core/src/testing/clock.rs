//! Time that stands still until nothing else can happen, by tokio's paused clock: `start_paused` tests of
//! hours take milliseconds and never depend on the machine.

use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use crate::port::Clock;
use crate::time::{Moment, Timestamp};

/// When a test's wall clock starts: 2026-01-01 00:00 UTC.
const EPOCH_MS: i64 = 1_767_225_600_000;

/// A clock for tests under `#[tokio::test(start_paused = true)]`.
#[derive(Debug)]
pub struct TestClock {
    start: Instant,
}

impl Default for TestClock {
    fn default() -> Self {
        Self::new()
    }
}

impl TestClock {
    /// Returns a clock that starts now. Must be made inside a tokio runtime.
    #[must_use]
    pub fn new() -> Self {
        Self { start: Instant::now() }
    }
}

#[async_trait]
impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        let elapsed = i64::try_from(self.moment().since_start().as_millis()).unwrap_or(i64::MAX);
        Timestamp::from_unix_ms(EPOCH_MS.saturating_add(elapsed))
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
            // Within what tokio's timer takes.
            tokio::time::sleep(left.min(Duration::from_secs(86_400 * 365))).await;
        }
    }
}

/// Checks everything the port promises. Sleeps 5 ms of the clock's own time.
///
/// # Panics
/// Where a promise is broken.
pub async fn clock_contract(clock: &dyn Clock) {
    let (wall, started) = (clock.now(), clock.moment());
    assert!(wall.unix_ms() >= EPOCH_MS, "the wall clock says {wall:?}");

    // What has passed already is not waited for.
    assert!(is_over(clock.sleep_until(Moment::START)), "waited for the start");
    assert!(is_over(clock.sleep_until(started)), "waited for a moment that had come");
    // The end of time is a wait like any other.
    assert!(!is_over(clock.sleep_until(Moment::after_start(Duration::MAX))), "woke before the end of time");

    let (near, far) = (started + Duration::from_millis(2), started + Duration::from_millis(5));
    let wake = |until: Moment| async move {
        clock.sleep_until(until).await;
        let woken = clock.moment();
        assert!(woken >= until, "woke at {woken:?}, before {until:?}");
        woken
    };
    let (late, early) = tokio::join!(wake(far), wake(near));
    assert!(early <= late, "the nearer of two moments came later");

    // A wait that was given up leaves the clock as it is.
    tokio::select! {
        biased;
        () = clock.sleep_until(clock.moment() + Duration::from_secs(3600)) => panic!("woke an hour early"),
        () = std::future::ready(()) => {}
    }
    assert!(clock.moment() >= late, "the clock went back");
    // Both kinds of time pass; the wall clock may be set meanwhile, but hardly by an hour.
    assert!(clock.now().since(wall) < Duration::from_secs(3600), "the wall clock ran away");
}

fn is_over(future: impl Future<Output = ()>) -> bool {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    std::pin::pin!(future).poll(&mut context).is_ready()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_test_clock_keeps_the_contract() {
        clock_contract(&TestClock::new()).await;
    }

    #[tokio::test(start_paused = true)]
    async fn years_pass_at_once() {
        let clock = TestClock::new();
        let then = Moment::START + Duration::from_secs(86_400 * 365 * 2);
        clock.sleep_until(then).await;
        assert!(clock.moment() >= then);
    }
}

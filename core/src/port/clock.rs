//! The port through which time comes in. Core never reads a clock; the house hands it one.

use async_trait::async_trait;

use crate::time::{Moment, Timestamp};

/// A source of time: the machine's, or a test's.
#[async_trait]
pub trait Clock: Send + Sync {
    /// Returns the wall-clock time.
    fn now(&self) -> Timestamp;

    /// Returns how long the house has been open; never goes back.
    fn moment(&self) -> Moment;

    /// Returns once [`Clock::moment`] has reached `until`. Dropping the future is how a wait is stopped.
    async fn sleep_until(&self, until: Moment);
}

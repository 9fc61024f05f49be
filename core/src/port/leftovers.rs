//! The port to processes a dead daemon left behind.

use async_trait::async_trait;

use crate::id::RunId;

/// Ends what is left of runs that nobody runs any more.
#[async_trait]
pub trait Leftovers: Send + Sync {
    /// Ends every process of `run` that still lives, found by its environment; returns how many there were.
    async fn end(&self, run: RunId) -> usize;
}

//! Ends what runs of a dead daemon left behind, found by the mark in their environment.

use async_trait::async_trait;
use takopi_core::id::RunId;
use takopi_core::port::Leftovers;
use takopi_engines::RUN;
use takopi_stdio::{Ladder, Marker, end_marked, find_marked};

/// Processes of this machine.
#[derive(Debug)]
pub(crate) struct MarkedProcesses;

#[async_trait]
impl Leftovers for MarkedProcesses {
    async fn end(&self, run: RunId) -> usize {
        let marker = Marker::new(RUN, run.to_string());
        let left = find_marked(&marker).len();
        let report = end_marked(&marker, &Ladder::TERMINATE).await;
        for survivor in &report.survivors {
            tracing::error!(%run, ?survivor, "a process of an interrupted run could not be ended");
        }
        left
    }
}

//! Ends what a dead daemon left behind: processes of its runs and of its plugins, found by the marks in their environment.

use async_trait::async_trait;
use takopi_core::id::RunId;
use takopi_core::port::Leftovers;
use takopi_engines::{CHILD, RUN};
use takopi_plugin_host::MARK;
use takopi_stdio::{Ladder, Marker, end_marked, find_marked, markers_beside};
use tokio_util::task::TaskTracker;

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

/// Ends the processes of plugins that the last daemon of this ledger left: each at once, so that one that is stubborn
/// keeps the others from nothing. Call before any plugin is started.
pub(super) async fn end_plugins(ledger: &str) {
    let left = markers_beside(&Marker::new(CHILD, ledger), MARK);
    let tasks = TaskTracker::new();
    for marker in left {
        tasks.spawn(async move {
            let report = end_marked(&marker, &Ladder::TERMINATE).await;
            tracing::info!(?report, "a plugin of the last takopi was still there and is ended");
        });
    }
    tasks.close();
    tasks.wait().await;
}

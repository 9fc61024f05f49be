//! Plugins' processes outside any house: what they are made of, and that none stays when the command is over.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use takopi_core::settings::Settings;
use takopi_plugin_host::HostParts;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::cli::runtime;
use crate::house;
use crate::report::Failure;
use crate::signals::Signals;

/// How long processes get to be gone when all is over: more than takopi gives them before it kills them.
const FAREWELL: Duration = Duration::from_secs(15);

/// Does `work` with what plugins' processes are made of; `data` is the folder of their own folders. Returns nothing when
/// the person pressed Ctrl-C: then `work` was told to stop, and every process is gone.
///
/// # Errors
/// When the system has no threads or signals left.
pub(super) fn trial<T>(
    settings: &Settings,
    data: &Path,
    work: impl AsyncFnOnce(Arc<HostParts>) -> T,
) -> Result<Option<T>, Failure> {
    runtime()?.block_on(async {
        let mut signals = Signals::listen()?;
        if let Err(error) = takopi_stdio::become_subreaper() {
            tracing::debug!(%error, "orphans of plugins fall to init");
        }
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        // No daemon's: one that starts meanwhile shall not take these for what it left.
        let mark = format!("plugins-{}", uuid::Uuid::new_v4());
        let parts = Arc::new(house::plugin_parts(settings, &mark, data.to_owned(), &tasks, &stop));
        let work = work(parts);
        tokio::pin!(work);
        let done = tokio::select! {
            done = &mut work => Some(done),
            _ = signals.stop() => None,
        };
        stop.cancel();
        if done.is_none() {
            // It stops at that, and sees to its processes.
            work.await;
        }
        tasks.close();
        if tokio::time::timeout(FAREWELL, tasks.wait()).await.is_err() {
            tracing::warn!("a plugin's process holds on to its pipes");
        }
        Ok(done)
    })
}

//! What plugins' processes are made of: the house brings it.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::Arc;

use takopi_core::id::RunId;
use takopi_core::port::Clock;
use takopi_stdio::Spawn;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Gives a child the environment of engines and the marks by which it is found: of a run, or of the daemon alone.
pub type Dress = Arc<dyn Fn(Spawn, Option<RunId>) -> Spawn + Send + Sync>;

/// Tells whether a plugin may have a variable of the daemon's, by name and value: never a secret of the settings.
pub type Passes = Arc<dyn Fn(&OsStr, &OsStr) -> bool + Send + Sync>;

/// What plugins' processes are made of.
#[derive(Clone)]
pub struct HostParts {
    /// Where tasks are spawned.
    pub tasks: TaskTracker,
    /// Fires when the daemon goes down.
    pub stop: CancellationToken,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// What engines inherit.
    pub dress: Dress,
    /// What others may inherit.
    pub passes: Passes,
    /// The mark of all children of this daemon: its name and value.
    pub mark: (String, String),
    /// The folder of plugins' own folders.
    pub data: PathBuf,
    /// This takopi's version.
    pub version: String,
}

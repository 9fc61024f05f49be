//! Whose turn it is to make a worktree: one at a time in a repository, whoever asks.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

use crate::paths::resolved;

/// The turns at making worktrees, by the real directory of the project. They outlive the settings: two generations,
/// or two projects of one directory, would take a worktree the other is making for one that was cut off. Clones
/// share them.
#[derive(Debug, Clone, Default)]
pub struct Turns(Arc<Mutex<BTreeMap<PathBuf, Arc<Semaphore>>>>);

impl Turns {
    /// Waits for the turn in a directory, which lasts until what is returned is dropped.
    pub(crate) async fn wait(&self, dir: &Path) -> Result<OwnedSemaphorePermit, AcquireError> {
        self.of(resolved(dir).await).acquire_owned().await
    }

    fn of(&self, real: PathBuf) -> Arc<Semaphore> {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        turns.entry(real).or_insert_with(|| Arc::new(Semaphore::new(1))).clone()
    }
}

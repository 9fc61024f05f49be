//! The port to the machine's directories: which one a run works in.

use std::path::PathBuf;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use crate::session::Context;

/// A directory ready to be worked in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunDir {
    /// Where the engine is started.
    pub path: PathBuf,
    /// Something the person should know about it.
    pub warning: Option<String>,
}

/// Why no directory could be made ready.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WorkspaceError {
    /// What was asked for cannot be had; the text tells why and what to do.
    #[error("{0}")]
    Refused(String),
    /// The run was stopped while the directory was being made ready.
    #[error("stopped while the directory was being prepared")]
    Stopped,
}

/// Projects, branches and worktrees of one machine.
#[async_trait]
pub trait Workspace: Send + Sync {
    /// Returns the directory for `context`, making it ready; without a project it is `fallback`.
    ///
    /// # Errors
    /// [`WorkspaceError::Refused`] when the project or branch cannot be worked in,
    /// [`WorkspaceError::Stopped`] when `stop` fired first.
    async fn resolve(
        &self,
        context: &Context,
        fallback: Option<PathBuf>,
        stop: &CancellationToken,
    ) -> Result<RunDir, WorkspaceError>;
}

//! The port to the machine's directories: which one a run works in, which branches there are, what is wrong with
//! a project, and the files people put there and get from there (`workspace/files.rs`).

mod files;

pub use files::{FileError, FileRules, Get, Got, List, Put, Saved, Way, failed_line};

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::SetupIssue;
use crate::files::FilePath;
use crate::id::RunId;
use crate::session::Context;

/// What is known of a run's directory beside its project and branch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Place {
    /// Nothing.
    #[default]
    Open,
    /// The caller's own directory: the run works there when no project is known. Only people of this machine
    /// may say one.
    Caller(PathBuf),
    /// The directory its session has worked in. It outranks everything: engines look for their sessions there.
    Session(PathBuf),
}

impl Place {
    /// Returns the session's directory if it is known, else what `self` says.
    #[must_use]
    pub fn or_session(self, session: Option<PathBuf>) -> Self {
        session.map_or(self, Self::Session)
    }

    /// Returns the directory a run in `context` works in as far as that is certain before it is made ready.
    #[must_use]
    pub fn certain(&self, context: &Context) -> Option<&Path> {
        match self {
            Self::Session(dir) => Some(dir),
            Self::Caller(dir) if context.is_empty() => Some(dir),
            Self::Caller(_) | Self::Open => None,
        }
    }
}

/// What a directory is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The run that will work in it: what is started on the way carries its mark.
    pub run: RunId,
    /// Its project and branch.
    pub context: Context,
    /// What else is known.
    pub place: Place,
}

/// A directory ready to be worked in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunDir {
    /// Where the engine is started.
    pub path: PathBuf,
    /// The same directory with every link resolved, so that two spellings of it are known as one.
    pub real: PathBuf,
    /// Something the person should know about it.
    pub warning: Option<String>,
}

/// Why no directory could be made ready, or no branch listed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WorkspaceError {
    /// What was asked for cannot be had; the text tells why and what to do.
    #[error("{0}")]
    Refused(String),
    /// It was stopped on the way.
    #[error("stopped while the directory was being prepared")]
    Stopped,
}

/// Most branches that are listed: more than anybody picks from, little enough for one answer.
pub const MAX_BRANCHES: usize = 200;

/// What is wrong with a project, if anything is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProjectCheck {
    /// Its name, as it is written.
    pub alias: String,
    /// Its directory.
    pub path: PathBuf,
    /// Where its worktrees are made.
    pub worktrees: PathBuf,
    /// Why nothing can run in it.
    pub directory: Option<SetupIssue>,
    /// Why `@branch` doesn't work in it. Other messages do.
    pub branches: Option<SetupIssue>,
}

/// Projects, branches and worktrees of one machine.
#[async_trait]
pub trait Workspace: Send + Sync {
    /// Returns the directory a run works in, making it ready: its session's if that is still there and on its
    /// branch; else that of its project and branch; without a project the caller's, else the daemon's own.
    ///
    /// Where a session's directory cannot be had, the warning or the refusal says so.
    ///
    /// # Errors
    /// [`WorkspaceError::Refused`] when the project or branch cannot be worked in,
    /// [`WorkspaceError::Stopped`] when `stop` fired first.
    async fn resolve(&self, wanted: &Wanted, stop: &CancellationToken) -> Result<RunDir, WorkspaceError>;

    /// Returns the branches of a project, by its key: the one that is checked out first, then those last worked
    /// on, local ones and those of `origin`; at most [`MAX_BRANCHES`].
    ///
    /// # Errors
    /// As [`Self::resolve`].
    async fn branches(&self, project: &str, stop: &CancellationToken) -> Result<Vec<String>, WorkspaceError>;

    /// Returns what is wrong with each project, in the order of their names; those not looked at before `stop`
    /// are left out. Nothing is made or changed.
    async fn check(&self, stop: &CancellationToken) -> Vec<ProjectCheck>;

    /// Stores a file in the directory that `put.context` and `put.place` mean, which is made ready as by
    /// [`Self::resolve`]. Folders on the way are made. The file is there whole or not at all; one that was there keeps
    /// its permissions.
    ///
    /// # Errors
    /// [`FileError`]; nothing was replaced then.
    async fn put(&self, put: &Put, stop: &CancellationToken) -> Result<Saved, FileError>;

    /// Copies a file of the directory that `get.context` and `get.place` mean to `get.into`, a folder as a zip
    /// archive without what is denied, links and special files.
    ///
    /// # Errors
    /// [`FileError`]; nothing is left at `get.into` then.
    async fn get(&self, get: &Get, stop: &CancellationToken) -> Result<Got, FileError>;

    /// Returns what lies in a folder, as paths from the top of the directory in the order of their names, those of
    /// folders with a slash behind them. What is denied, links, special files and names that nobody could write are
    /// left out; of a folder with more than `max_entries` entries not all are looked at. Nothing is made: a branch
    /// without a directory has no files yet, and neither has what is no folder.
    ///
    /// # Errors
    /// [`FileError`] for a folder that could not be asked for as a file either.
    async fn list(&self, list: &List, stop: &CancellationToken) -> Result<Vec<String>, FileError>;

    /// Returns which of the files, from `dir`, could be handed out now: those that are files, no larger than may go,
    /// with a way that stays inside and that no rule denies. Only looks; what cannot be looked at could not.
    async fn sendable(&self, dir: &RunDir, files: &[FilePath], rules: &FileRules) -> Vec<FilePath>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sessions_directory_is_certain_and_a_callers_only_without_a_project() {
        let project = Context { project: Some("p".to_owned()), branch: None };
        let caller = Place::Caller("/caller".into());
        assert_eq!(caller.certain(&project), None);
        assert_eq!(caller.certain(&Context::default()), Some(Path::new("/caller")));
        let session = caller.clone().or_session(Some("/session".into()));
        assert_eq!(session.certain(&project), Some(Path::new("/session")));
        assert_eq!(caller.clone().or_session(None), caller);
    }
}

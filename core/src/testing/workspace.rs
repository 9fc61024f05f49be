//! A machine's directories in memory, and the contract of the workspace's port, as a suite every
//! implementation runs.

mod contract;
mod files;

pub use contract::{WorkspaceSubject, workspace_contract};

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use crate::files::FilePath;
use crate::port::workspace::{
    FileError, FileRules, Get, Got, List, Place, ProjectCheck, Put, RunDir, Saved, Wanted, Workspace,
    WorkspaceError,
};
use crate::session::Context;

/// Directories that are all there but for those a test takes away. A worktree is `.worktrees/BRANCH` of its
/// project. Clones are the same machine.
#[derive(Debug, Clone)]
pub struct FakeWorkspace {
    projects: BTreeMap<String, PathBuf>,
    default: PathBuf,
    gone: Arc<Mutex<BTreeSet<PathBuf>>>,
    /// How long branches take, and how often they were asked for.
    looks: Arc<Mutex<(Option<Duration>, usize)>>,
    files: files::Files,
}

impl FakeWorkspace {
    /// Returns a machine whose daemon works in `default`.
    #[must_use]
    pub fn at(default: impl Into<PathBuf>) -> Self {
        Self {
            projects: BTreeMap::new(),
            default: default.into(),
            gone: Arc::default(),
            looks: Arc::default(),
            files: files::Files::default(),
        }
    }

    /// Adds a project by its key.
    #[must_use]
    pub fn with(mut self, key: &str, path: impl Into<PathBuf>) -> Self {
        self.projects.insert(key.to_owned(), path.into());
        self
    }

    /// Returns the keys of its projects.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.projects.keys().map(String::as_str)
    }

    /// Takes a directory away.
    pub fn remove(&self, path: impl Into<PathBuf>) {
        self.gone.lock().unwrap_or_else(PoisonError::into_inner).insert(path.into());
    }

    /// Lets its disk take so long over branches from now on.
    pub fn slow_down(&self, by: Option<Duration>) {
        self.looks.lock().unwrap_or_else(PoisonError::into_inner).0 = by;
    }

    /// Returns how often somebody has looked for branches.
    #[must_use]
    pub fn looks(&self) -> usize {
        self.looks.lock().unwrap_or_else(PoisonError::into_inner).1
    }

    fn is_there(&self, path: &Path) -> bool {
        !self.gone.lock().unwrap_or_else(PoisonError::into_inner).contains(path)
    }

    fn project(&self, key: &str) -> Result<&PathBuf, WorkspaceError> {
        self.projects.get(key).ok_or_else(|| WorkspaceError::Refused(format!("unknown project '{key}'")))
    }

    fn fresh(&self, context: &Context, caller: Option<&PathBuf>) -> Result<PathBuf, WorkspaceError> {
        let refused = |text: String| Err(WorkspaceError::Refused(text));
        let path = match (&context.project, &context.branch) {
            (Some(key), None) => self.project(key)?.clone(),
            (Some(_), Some(branch)) if branch.starts_with(['-', '/', '@']) || branch.contains("..") => {
                return refused(format!("{branch} is no name for a branch"));
            }
            (Some(key), Some(branch)) => self.project(key)?.join(".worktrees").join(branch),
            (None, Some(branch)) => return refused(format!("@{branch} needs a project")),
            (None, None) => caller.unwrap_or(&self.default).clone(),
        };
        if self.is_there(&path) { Ok(path) } else { refused(format!("{} is gone", path.display())) }
    }

    fn run_dir(&self, context: &Context, place: &Place) -> Result<RunDir, WorkspaceError> {
        let run_dir = |path: PathBuf, warning| RunDir { real: path.clone(), path, warning };
        match place {
            Place::Session(dir) if self.is_there(dir) => Ok(run_dir(dir.clone(), None)),
            Place::Session(dir) => {
                let gone = format!("the session's directory {} is gone", dir.display());
                if context.project.is_none() {
                    return Err(WorkspaceError::Refused(gone));
                }
                Ok(run_dir(self.fresh(context, None)?, Some(gone)))
            }
            Place::Caller(dir) => Ok(run_dir(self.fresh(context, Some(dir))?, None)),
            Place::Open => Ok(run_dir(self.fresh(context, None)?, None)),
        }
    }
}

#[async_trait]
impl Workspace for FakeWorkspace {
    async fn resolve(&self, wanted: &Wanted, stop: &CancellationToken) -> Result<RunDir, WorkspaceError> {
        if stop.is_cancelled() {
            return Err(WorkspaceError::Stopped);
        }
        self.run_dir(&wanted.context, &wanted.place)
    }

    async fn branches(&self, project: &str, stop: &CancellationToken) -> Result<Vec<String>, WorkspaceError> {
        if stop.is_cancelled() {
            return Err(WorkspaceError::Stopped);
        }
        let slow = {
            let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
            looks.1 += 1;
            looks.0
        };
        if let Some(slow) = slow
            && stop.run_until_cancelled(tokio::time::sleep(slow)).await.is_none()
        {
            return Err(WorkspaceError::Stopped);
        }
        self.project(project).map(|_| vec!["main".to_owned(), "side".to_owned()])
    }

    async fn check(&self, stop: &CancellationToken) -> Vec<ProjectCheck> {
        let looked_at = self.projects.iter().take_while(|_| !stop.is_cancelled());
        let check = |(key, path): (&String, &PathBuf)| ProjectCheck {
            alias: key.clone(),
            path: path.clone(),
            worktrees: path.join(".worktrees"),
            directory: None,
            branches: None,
        };
        looked_at.map(check).collect()
    }

    async fn put(&self, put: &Put, stop: &CancellationToken) -> Result<Saved, FileError> {
        if stop.is_cancelled() {
            return Err(FileError::Stopped);
        }
        self.files.put(self.run_dir(&put.context, &put.place)?, put)
    }

    async fn get(&self, get: &Get, stop: &CancellationToken) -> Result<Got, FileError> {
        if stop.is_cancelled() {
            return Err(FileError::Stopped);
        }
        self.files.get(self.run_dir(&get.context, &get.place)?, get)
    }

    async fn list(&self, list: &List, stop: &CancellationToken) -> Result<Vec<String>, FileError> {
        if stop.is_cancelled() {
            return Err(FileError::Stopped);
        }
        self.files.list(&self.run_dir(&list.context, &Place::Open)?.path, list)
    }

    async fn sendable(&self, dir: &RunDir, files: &[FilePath], rules: &FileRules) -> Vec<FilePath> {
        files.iter().filter(|file| self.files.is_sendable(&dir.path, file, rules)).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_directories_in_memory_keep_the_contract() {
        let workspace = FakeWorkspace::at("/default").with("p", "/p");
        workspace.remove("/p/nobody_made_this");
        workspace_contract(&WorkspaceSubject {
            workspace: &workspace,
            project: ("p", Path::new("/p")),
            branch: "side",
            fallback: Path::new("/caller"),
            spool: tempfile::tempdir().unwrap().path(),
        })
        .await;
    }
}

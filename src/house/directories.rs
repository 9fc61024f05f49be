//! Where runs work: the directory of their project, else the caller's, else the daemon's. Branches come with
//! the workspace room; until then a branch is refused by name instead of being ignored.

use std::collections::BTreeMap;
use std::path::PathBuf;

use async_trait::async_trait;
use takopi_core::port::Workspace;
use takopi_core::port::workspace::{RunDir, WorkspaceError};
use takopi_core::session::Context;
use takopi_core::settings::Project;
use tokio_util::sync::CancellationToken;

/// The projects' directories.
#[derive(Debug)]
pub(crate) struct Directories {
    projects: BTreeMap<String, PathBuf>,
    default: PathBuf,
}

impl Directories {
    /// Returns the directories of `projects`; `default` is where a run without one works.
    pub(crate) fn new(projects: &[Project], default: PathBuf) -> Self {
        let projects = projects.iter().map(|project| (project.key(), project.path.clone())).collect();
        Self { projects, default }
    }

    fn choose(&self, context: &Context, fallback: Option<PathBuf>) -> Result<PathBuf, String> {
        if let Some(branch) = &context.branch {
            return Err(format!(
                "branch {branch} was not opened: this build has no worktrees yet; write without @{branch}"
            ));
        }
        match &context.project {
            Some(key) => self.projects.get(key).cloned().ok_or_else(|| format!("unknown project '{key}'")),
            None => Ok(fallback.unwrap_or_else(|| self.default.clone())),
        }
    }
}

#[async_trait]
impl Workspace for Directories {
    async fn resolve(
        &self,
        context: &Context,
        fallback: Option<PathBuf>,
        stop: &CancellationToken,
    ) -> Result<RunDir, WorkspaceError> {
        let path = self.choose(context, fallback).map_err(WorkspaceError::Refused)?;
        let looked = tokio::select! {
            biased;
            () = stop.cancelled() => return Err(WorkspaceError::Stopped),
            looked = tokio::fs::metadata(&path) => looked,
        };
        match looked {
            Ok(found) if found.is_dir() => Ok(RunDir { path, warning: None }),
            Ok(_) => Err(WorkspaceError::Refused(format!("{} is no directory", path.display()))),
            Err(error) => Err(WorkspaceError::Refused(format!("cannot work in {}: {error}", path.display()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use takopi_core::testing::workspace::{WorkspaceSubject, workspace_contract};

    use super::*;

    fn directories() -> Directories {
        Directories {
            projects: BTreeMap::from([("p".to_owned(), PathBuf::from("/"))]),
            default: PathBuf::from("/tmp"),
        }
    }

    async fn resolve(context: Context, fallback: Option<&str>) -> Result<PathBuf, WorkspaceError> {
        let stop = CancellationToken::new();
        let fallback = fallback.map(PathBuf::from);
        directories().resolve(&context, fallback, &stop).await.map(|dir| dir.path)
    }

    #[tokio::test]
    async fn the_directories_keep_the_contract() {
        let (project, fallback) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let directories = Directories {
            projects: BTreeMap::from([("p".to_owned(), project.path().to_owned())]),
            default: std::env::temp_dir(),
        };
        workspace_contract(&WorkspaceSubject {
            workspace: &directories,
            project: ("p", project.path()),
            fallback: fallback.path(),
        })
        .await;
    }

    #[tokio::test]
    async fn a_project_outranks_the_callers_directory_which_outranks_the_daemons() {
        let project = Context { project: Some("p".to_owned()), branch: None };
        assert_eq!(resolve(project, Some("/usr")).await, Ok(PathBuf::from("/")));
        assert_eq!(resolve(Context::default(), Some("/usr")).await, Ok(PathBuf::from("/usr")));
        assert_eq!(resolve(Context::default(), None).await, Ok(PathBuf::from("/tmp")));
    }

    #[tokio::test]
    async fn what_cannot_be_worked_in_is_refused_by_name() {
        let branch = Context { project: Some("p".to_owned()), branch: Some("main".to_owned()) };
        let unknown = Context { project: Some("q".to_owned()), branch: None };
        for (context, fallback, named) in [
            (branch, None, "main"),
            (unknown, None, "'q'"),
            (Context::default(), Some("/nowhere"), "/nowhere"),
        ] {
            let error = resolve(context, fallback).await.unwrap_err();
            assert!(error.to_string().contains(named), "{error}");
        }
    }
}

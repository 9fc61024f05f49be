//! The contract of the workspace's port, as a suite every implementation runs.

#![expect(clippy::unwrap_used, reason = "a contract suite fails by panicking")]

use std::path::{Path, PathBuf};

use tokio_util::sync::CancellationToken;

use crate::port::Workspace;
use crate::port::workspace::{RunDir, WorkspaceError};
use crate::session::Context;

/// A workspace to be tested, and what is true of it.
pub struct WorkspaceSubject<'a> {
    /// The workspace.
    pub workspace: &'a dyn Workspace,
    /// A project it knows, by key, and that project's directory, which is there.
    pub project: (&'a str, &'a Path),
    /// A directory that is there and is no project's.
    pub fallback: &'a Path,
}

impl WorkspaceSubject<'_> {
    async fn resolve(
        &self,
        project: Option<&str>,
        branch: Option<&str>,
        fallback: Option<&Path>,
    ) -> Result<RunDir, WorkspaceError> {
        let context = Context { project: project.map(str::to_owned), branch: branch.map(str::to_owned) };
        let stop = CancellationToken::new();
        self.workspace.resolve(&context, fallback.map(Path::to_owned), &stop).await
    }
}

/// Checks everything the port promises.
///
/// # Panics
/// Where a promise is broken.
pub async fn workspace_contract(subject: &WorkspaceSubject<'_>) {
    a_project_outranks_the_fallback(subject).await;
    what_cannot_be_worked_in_is_refused_by_name(subject).await;
    a_stop_that_came_first_wins(subject).await;
}

async fn a_project_outranks_the_fallback(subject: &WorkspaceSubject<'_>) {
    let (key, dir) = subject.project;
    for fallback in [None, Some(subject.fallback)] {
        let found = subject.resolve(Some(key), None, fallback).await.unwrap();
        assert_eq!(found.path, dir, "a project works in its own directory");
    }
    let found = subject.resolve(None, None, Some(subject.fallback)).await.unwrap();
    assert_eq!(found.path, subject.fallback, "without a project it is the fallback");
    let found = subject.resolve(None, None, None).await.unwrap();
    assert!(found.path.is_absolute() && found.path.is_dir(), "without either there is some directory");

    let (one, other) =
        tokio::join!(subject.resolve(Some(key), None, None), subject.resolve(Some(key), None, None));
    assert_eq!(one, other, "the same context is the same directory, at the same time too");
}

async fn what_cannot_be_worked_in_is_refused_by_name(subject: &WorkspaceSubject<'_>) {
    let (_, dir) = subject.project;
    let missing: PathBuf = dir.join("nobody_made_this");
    let refused = [
        (subject.resolve(Some("nobody_has_this"), None, Some(subject.fallback)).await, "nobody_has_this"),
        (subject.resolve(None, None, Some(&missing)).await, "nobody_made_this"),
        (subject.resolve(None, Some("a_branch_of_nothing"), None).await, "a_branch_of_nothing"),
    ];
    for (result, named) in refused {
        match result {
            Err(WorkspaceError::Refused(text)) => {
                assert!(text.contains(named), "{text:?} does not name {named}");
                assert!(!text.ends_with('.') && !text.contains('\n'), "{text:?} is no short clause");
            }
            other => panic!("{named} was not refused: {other:?}"),
        }
    }
}

async fn a_stop_that_came_first_wins(subject: &WorkspaceSubject<'_>) {
    let stop = CancellationToken::new();
    stop.cancel();
    let context = Context { project: Some(subject.project.0.to_owned()), branch: None };
    // Often enough that a race would show.
    for _ in 0..32 {
        let result = subject.workspace.resolve(&context, None, &stop).await;
        assert_eq!(result, Err(WorkspaceError::Stopped), "a run that was stopped gets no directory");
    }
}

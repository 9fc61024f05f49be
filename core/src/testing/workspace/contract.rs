//! The contract of the workspace's port; that of its files is `contract/files.rs`.

#![expect(clippy::unwrap_used, reason = "a contract suite fails by panicking")]

mod files;

use std::path::{Path, PathBuf};

use tokio_util::sync::CancellationToken;

use crate::id::RunIds;
use crate::port::Workspace;
use crate::port::workspace::{MAX_BRANCHES, Place, RunDir, Wanted, WorkspaceError};
use crate::session::Context;
use crate::time::Timestamp;

/// A workspace to be tested, and what is true of it.
pub struct WorkspaceSubject<'a> {
    /// The workspace.
    pub workspace: &'a dyn Workspace,
    /// A project it knows, by key, and that project's directory, which is there and nothing is wrong with.
    pub project: (&'a str, &'a Path),
    /// A branch of that project that its directory is not on.
    pub branch: &'a str,
    /// A directory that is there and is no project's.
    pub fallback: &'a Path,
    /// An empty folder of this machine, for files on their way.
    pub spool: &'a Path,
}

impl WorkspaceSubject<'_> {
    async fn resolve(
        &self,
        project: Option<&str>,
        branch: Option<&str>,
        place: Place,
    ) -> Result<RunDir, WorkspaceError> {
        self.workspace.resolve(&wanted(project, branch, place), &CancellationToken::new()).await
    }

    fn caller(&self) -> Place {
        Place::Caller(self.fallback.to_owned())
    }

    /// Returns a path where nothing is.
    fn missing(&self) -> PathBuf {
        self.project.1.join("nobody_made_this")
    }
}

fn wanted(project: Option<&str>, branch: Option<&str>, place: Place) -> Wanted {
    let context = Context { project: project.map(str::to_owned), branch: branch.map(str::to_owned) };
    Wanted { run: RunIds::new([0; 6]).next(Timestamp::default()), context, place }
}

/// Checks everything the port promises.
///
/// # Panics
/// Where a promise is broken.
pub async fn workspace_contract(subject: &WorkspaceSubject<'_>) {
    a_stop_that_came_first_wins(subject).await;
    a_project_outranks_the_caller(subject).await;
    a_branch_has_a_directory_of_its_own(subject).await;
    a_sessions_directory_outranks_everything(subject).await;
    what_cannot_be_worked_in_is_refused_by_name(subject).await;
    branches_are_listed(subject).await;
    a_sound_project_passes_the_check(subject).await;
    files::files_contract(subject).await;
}

async fn a_project_outranks_the_caller(subject: &WorkspaceSubject<'_>) {
    let (key, dir) = subject.project;
    for place in [Place::Open, subject.caller()] {
        let found = subject.resolve(Some(key), None, place).await.unwrap();
        assert_eq!(found.path, dir, "a project works in its own directory");
    }
    let found = subject.resolve(None, None, subject.caller()).await.unwrap();
    assert_eq!(found.path, subject.fallback, "without a project it is the caller's");
    let found = subject.resolve(None, None, Place::Open).await.unwrap();
    assert!(found.path.is_absolute() && found.real.is_absolute(), "without either there is some directory");

    let (one, other) = tokio::join!(
        subject.resolve(Some(key), None, Place::Open),
        subject.resolve(Some(key), None, Place::Open)
    );
    assert_eq!(one, other, "the same context is the same directory, at the same time too");
}

async fn a_branch_has_a_directory_of_its_own(subject: &WorkspaceSubject<'_>) {
    let (key, dir) = subject.project;
    let ask = || subject.resolve(Some(key), Some(subject.branch), Place::Open);
    let (one, other) = tokio::join!(ask(), ask());
    let (one, other) = (one.unwrap(), other.unwrap());
    assert_eq!(one.real, other.real, "two that ask at the same time get one directory");
    assert_ne!(one.path, dir, "a branch that is not checked out there is worked on elsewhere");
    assert_eq!(ask().await.unwrap().path, one.path, "and later it is the same one");
}

async fn a_sessions_directory_outranks_everything(subject: &WorkspaceSubject<'_>) {
    let (key, dir) = subject.project;
    let session = || Place::Session(subject.fallback.to_owned());
    for project in [None, Some(key)] {
        let found = subject.resolve(project, None, session()).await.unwrap();
        assert_eq!((found.path.as_path(), found.warning), (subject.fallback, None), "a session stays");
    }
    let worktree = subject.resolve(Some(key), Some(subject.branch), Place::Open).await.unwrap().path;
    let found = subject.resolve(Some(key), Some(subject.branch), Place::Session(worktree.clone())).await;
    assert_eq!(found.unwrap().path, worktree, "one with a branch stays too");

    let gone = || Place::Session(subject.missing());
    let found = subject.resolve(Some(key), None, gone()).await.unwrap();
    assert_eq!(found.path, dir, "a session whose directory is gone goes on in its project");
    let told = found.warning.unwrap();
    assert!(told.contains("nobody_made_this"), "{told:?} does not name what is gone");
    refuses("nobody_made_this", subject.resolve(None, None, gone()).await);
}

async fn what_cannot_be_worked_in_is_refused_by_name(subject: &WorkspaceSubject<'_>) {
    let key = subject.project.0;
    let missing = Place::Caller(subject.missing());
    refuses("nobody_has_this", subject.resolve(Some("nobody_has_this"), None, subject.caller()).await);
    refuses("nobody_made_this", subject.resolve(None, None, missing).await);
    refuses("a_branch_of_nothing", subject.resolve(None, Some("a_branch_of_nothing"), Place::Open).await);
    for branch in ["-D", "--force", "../out", "in/../out", "/rooted", "@{-1}"] {
        refuses(branch, subject.resolve(Some(key), Some(branch), Place::Open).await);
    }
    let unknown = subject.workspace.branches("nobody_has_this", &CancellationToken::new()).await;
    refuses("nobody_has_this", unknown);
}

fn refuses<T: std::fmt::Debug>(named: &str, result: Result<T, WorkspaceError>) {
    match result {
        Err(WorkspaceError::Refused(text)) => {
            assert!(text.contains(named), "{text:?} does not name {named}");
            assert!(!text.ends_with('.') && !text.contains('\n'), "{text:?} is no short clause");
        }
        other => panic!("{named} was not refused: {other:?}"),
    }
}

async fn branches_are_listed(subject: &WorkspaceSubject<'_>) {
    let listed = subject.workspace.branches(subject.project.0, &CancellationToken::new()).await.unwrap();
    assert!(listed.iter().any(|branch| branch == subject.branch), "{listed:?}");
    assert!(listed.len() <= MAX_BRANCHES);
    assert_ne!(listed.first().map(String::as_str), Some(subject.branch), "the one checked out is first");
    let once: std::collections::BTreeSet<_> = listed.iter().collect();
    assert_eq!(once.len(), listed.len(), "each branch is listed once");
}

async fn a_sound_project_passes_the_check(subject: &WorkspaceSubject<'_>) {
    let (key, path) = subject.project;
    let checks = subject.workspace.check(&CancellationToken::new()).await;
    let check = checks.iter().find(|check| check.alias.to_lowercase() == key).unwrap();
    assert_eq!((check.path.as_path(), &check.directory, &check.branches), (path, &None, &None));
}

async fn a_stop_that_came_first_wins(subject: &WorkspaceSubject<'_>) {
    let stop = CancellationToken::new();
    stop.cancel();
    // Often enough that a race would show.
    for _ in 0..32 {
        for branch in [None, Some(subject.branch)] {
            let wanted = wanted(Some(subject.project.0), branch, Place::Open);
            let result = subject.workspace.resolve(&wanted, &stop).await;
            assert_eq!(result, Err(WorkspaceError::Stopped), "a run that was stopped gets no directory");
        }
    }
    let result = subject.workspace.branches(subject.project.0, &stop).await;
    assert_eq!(result, Err(WorkspaceError::Stopped));
    assert_eq!(subject.workspace.check(&stop).await, []);
}

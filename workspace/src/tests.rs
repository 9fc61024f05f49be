//! Real repositories in temporary directories: what people have on their machines, and what they type.

mod files;
mod naming;
mod sessions;
mod stopping;
mod trouble;
mod using;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use takopi_core::id::RunIds;
use takopi_core::port::Workspace;
use takopi_core::port::workspace::{Place, RunDir, Wanted, WorkspaceError};
use takopi_core::session::Context;
use takopi_core::settings::Project;
use takopi_core::time::Timestamp;
use takopi_stdio::Spawn;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::{Patience, Turns, Worktrees, WorktreesParts};

/// git as on a machine that nobody has configured.
const ENVIRONMENT: [(&str, &str); 6] = [
    ("GIT_CONFIG_GLOBAL", "/dev/null"),
    ("GIT_CONFIG_NOSYSTEM", "1"),
    ("GIT_AUTHOR_NAME", "Ada"),
    ("GIT_AUTHOR_EMAIL", "ada@example.org"),
    ("GIT_COMMITTER_NAME", "Ada"),
    ("GIT_COMMITTER_EMAIL", "ada@example.org"),
];

/// A machine with a project `app` on the branch `main`, which has one commit.
struct Machine {
    dir: TempDir,
    project: Project,
    path: Option<std::ffi::OsString>,
    patience: Patience,
    turns: Turns,
}

impl Machine {
    fn new() -> Self {
        let machine = Self::bare("app");
        machine.git(&["init", "-q", "-b", "main"]);
        machine.write("file", "one\n");
        machine.git(&["add", "."]);
        machine.git(&["commit", "-q", "-m", "one"]);
        machine
    }

    /// Returns a machine whose project, of that folder, is no repository.
    fn bare(folder: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().canonicalize().unwrap().join(folder);
        std::fs::create_dir(&path).unwrap();
        let project = Project {
            alias: "App".to_owned(),
            worktrees_dir: path.join(".worktrees"),
            path,
            default_engine: None,
            worktree_base: None,
            chat_id: None,
        };
        Self { dir, project, path: None, patience: Patience::default(), turns: Turns::default() }
    }

    fn root(&self) -> &Path {
        &self.project.path
    }

    /// Returns a path beside the project.
    fn beside(&self, name: &str) -> PathBuf {
        self.dir.path().canonicalize().unwrap().join(name)
    }

    fn worktree(&self, branch: &str) -> PathBuf {
        self.project.worktrees_dir.join(branch)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.root().join(name), text).unwrap();
    }

    fn git(&self, arguments: &[&str]) -> String {
        git(self.root(), arguments)
    }

    /// Returns the branches of the project.
    fn branches(&self) -> Vec<String> {
        let list = self.git(&["for-each-ref", "--format=%(refname:short)", "refs/heads"]);
        list.lines().map(str::to_owned).collect()
    }

    fn workspace(&self) -> Worktrees {
        let path = self.path.clone();
        Worktrees::new(WorktreesParts {
            projects: vec![self.project.clone()],
            default: self.dir.path().to_owned(),
            dress: Arc::new(move |spawn, _| {
                let spawn =
                    ENVIRONMENT.iter().fold(spawn, |spawn: Spawn, (name, value)| spawn.env(name, value));
                path.iter().fold(spawn, |spawn, path| spawn.env("PATH", path))
            }),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            patience: self.patience,
            turns: self.turns.clone(),
        })
    }

    /// Asks for a branch of the project.
    async fn open(&self, branch: &str) -> Result<RunDir, WorkspaceError> {
        self.workspace().resolve(&on(branch), &CancellationToken::new()).await
    }

    async fn refusal(&self, branch: &str) -> String {
        match self.open(branch).await {
            Err(WorkspaceError::Refused(text)) => text,
            other => panic!("{branch:?} was not refused: {other:?}"),
        }
    }

    /// Puts a git before the real one: a script, to which the real one is `$GIT`.
    fn replace_git(&mut self, script: &str) {
        use std::os::unix::fs::PermissionsExt;
        let bin = self.beside("bin");
        std::fs::create_dir_all(&bin).unwrap();
        let real = which("git");
        let text = format!("#!/bin/sh\nGIT={}\n{script}\n", real.display());
        std::fs::write(bin.join("git"), text).unwrap();
        std::fs::set_permissions(bin.join("git"), std::fs::Permissions::from_mode(0o755)).unwrap();
        let rest = std::env::var_os("PATH").unwrap();
        let path = std::iter::once(bin).chain(std::env::split_paths(&rest));
        self.path = Some(std::env::join_paths(path).unwrap());
    }
}

fn which(program: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap();
    std::env::split_paths(&path).map(|dir| dir.join(program)).find(|file| file.is_file()).unwrap()
}

fn git(dir: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git").args(arguments).current_dir(dir).envs(ENVIRONMENT).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {arguments:?}: {said}");
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

fn branch_of(dir: &Path) -> String {
    git(dir, &["branch", "--show-current"])
}

fn on(branch: &str) -> Wanted {
    wanted(Some(branch), Place::Open)
}

fn wanted(branch: Option<&str>, place: Place) -> Wanted {
    let context = Context { project: Some("app".to_owned()), branch: branch.map(str::to_owned) };
    Wanted { run: RunIds::new([0; 6]).next(Timestamp::default()), context, place }
}

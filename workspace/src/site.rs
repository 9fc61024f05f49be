//! One project: its directory, and a directory for each of its branches. One worktree is made at a time (`turns.rs`), so
//! that two runs that ask for the same one get the same one.

use std::path::PathBuf;

use takopi_core::settings::Project;

use crate::choice::{Choice, Known, Scene};
use crate::git::Errand;
use crate::make::{Making, finish};
use crate::paths::{directory, ground, resolved};
use crate::porcelain::{Entry, Head};
use crate::turns::Turns;
use crate::{Problem, branch, repo};

/// A project and the turns at worktrees.
pub(crate) struct Site {
    pub(crate) project: Project,
    turns: Turns,
}

/// A directory, and what the person should know about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ready {
    pub(crate) path: PathBuf,
    pub(crate) warning: Option<String>,
}

impl Ready {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, warning: None }
    }
}

impl Site {
    pub(crate) fn new(project: Project, turns: Turns) -> Self {
        Self { project, turns }
    }

    /// Returns the project's own directory.
    pub(crate) async fn home(&self, errand: Errand<'_>) -> Result<PathBuf, Problem> {
        let Project { path, alias, .. } = &self.project;
        let found = errand.unless_stopped(directory(path)).await?;
        found.map(|_| path.clone()).map_err(|_| Problem::NoPath { alias: alias.clone(), path: path.clone() })
    }

    /// Returns the directory for a branch, making it if need be.
    pub(crate) async fn on_branch(&self, errand: Errand<'_>, name: &str) -> Result<Ready, Problem> {
        branch::check(name)?;
        let root = self.home(errand).await?;
        if repo::head(errand, &root).await?.is(name) {
            return Ok(Ready::new(root));
        }
        branch::confirm(errand, &root, name).await?;
        let turn = errand.unless_stopped(self.turns.wait(&root)).await?;
        let ready = match self.choose(errand, name).await? {
            Choice::Use(path) => Ready::new(path),
            Choice::Finish(path) => Ready::new(finish(errand, &root, path).await?),
            Choice::Make { anew } => {
                let target = self.target(name);
                let making = Making { project: &self.project, branch: name, target: &target, anew };
                let warning = making.make(errand).await?;
                Ready { path: target, warning }
            }
        };
        drop(turn);
        self.confirm(errand, name, ready).await
    }

    /// Returns the directory for a branch if it is there and needs nothing done.
    pub(crate) async fn found(&self, errand: Errand<'_>, name: &str) -> Result<Option<PathBuf>, Problem> {
        branch::check(name)?;
        let root = self.home(errand).await?;
        if repo::head(errand, &root).await?.is(name) {
            return Ok(Some(root));
        }
        Ok(match self.choose(errand, name).await? {
            Choice::Use(path) => Some(path),
            Choice::Finish(_) | Choice::Make { .. } => None,
        })
    }

    fn target(&self, name: &str) -> PathBuf {
        self.project.worktrees_dir.join(name)
    }

    async fn choose(&self, errand: Errand<'_>, name: &str) -> Result<Choice, Problem> {
        let (root, folder, target) = (&self.project.path, &self.project.worktrees_dir, self.target(name));
        let list = repo::worktrees(errand, root).await?;
        let looked = async {
            let mut known = Vec::with_capacity(list.len());
            for entry in list {
                known.push(Known { real: real(&entry).await, entry });
            }
            (resolved(folder).await, resolved(&target).await, ground(&target).await, known)
        };
        let (real_folder, real_target, ground, known) = errand.unless_stopped(looked).await?;
        let scene = Scene {
            root,
            branch: name,
            target: &target,
            real_target: &real_target,
            folder,
            real_folder: &real_folder,
            ground,
            known: &known,
        };
        scene.choose()
    }

    /// Looks at what is there now, rather than at what git's list said before.
    async fn confirm(&self, errand: Errand<'_>, name: &str, ready: Ready) -> Result<Ready, Problem> {
        let (path, wanted) = (ready.path.clone(), name.to_owned());
        match repo::head(errand, &ready.path).await? {
            Head::Branch(on) if on == name => Ok(ready),
            Head::Branch(on) => Err(Problem::OnAnother { path, on, wanted }),
            Head::Detached => Err(Problem::Detached { path, wanted }),
            Head::Bare => Err(Problem::NotAWorktree { path, root: self.project.path.clone() }),
        }
    }
}

/// Returns where a worktree of the list really is, if it is there and still a worktree.
async fn real(entry: &Entry) -> Option<PathBuf> {
    let real = directory(&entry.path).await.ok()?;
    let linked = entry.head == Head::Bare || tokio::fs::try_exists(real.join(".git")).await.unwrap_or(false);
    linked.then_some(real)
}

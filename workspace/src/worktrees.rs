//! The workspace port on this machine: a session's own directory, else that of project and branch, else the caller's,
//! else the daemon's.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use takopi_core::files::FilePath;
use takopi_core::port::Workspace;
use takopi_core::port::workspace::{
    FileError, FileRules, Get, Got, List, MAX_BRANCHES, Place, ProjectCheck, Put, RunDir, Saved, Wanted, Way,
    WorkspaceError,
};
use takopi_core::session::Context;
use takopi_core::settings::Project;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::check::check;
use crate::files::{Trip, fetch, list, store};
use crate::git::{Dress, Errand, Git, Patience};
use crate::paths::directory;
use crate::porcelain::Head;
use crate::site::{Ready, Site};
use crate::turns::Turns;
use crate::{Problem, branch, repo};

/// What the directories are built from.
pub struct WorktreesParts {
    /// The projects.
    pub projects: Vec<Project>,
    /// Where a run without a project or a caller works: the daemon's own directory.
    pub default: PathBuf,
    /// What every child has on.
    pub dress: Dress,
    /// Where children are kept.
    pub tasks: TaskTracker,
    /// Ends what children left holding their pipes.
    pub stop: CancellationToken,
    /// How long git may take.
    pub patience: Patience,
    /// The turns at making worktrees, the same for all generations.
    pub turns: Turns,
}

/// The directories of this machine.
pub struct Worktrees {
    sites: BTreeMap<String, Site>,
    default: PathBuf,
    git: Git,
}

/// What became of a session's directory.
enum Found {
    /// It is as it was.
    Same { warning: Option<String> },
    /// It is not, and how that can be said.
    Lost(String),
}

impl Worktrees {
    /// Returns the directories. Nothing is looked at or made before somebody asks.
    #[must_use]
    pub fn new(parts: WorktreesParts) -> Self {
        let WorktreesParts { projects, default, dress, tasks, stop, patience, turns } = parts;
        let site = |project: Project| (project.key(), Site::new(project, turns.clone()));
        let sites = projects.into_iter().map(site).collect();
        Self { sites, default, git: Git { dress, tasks, closing: stop, patience } }
    }

    fn site(&self, key: &str) -> Result<&Site, Problem> {
        self.sites.get(key).ok_or_else(|| Problem::UnknownProject(key.to_owned()))
    }

    /// Returns the directory of a context and place, made ready.
    async fn ready(
        &self,
        errand: Errand<'_>,
        context: &Context,
        place: &Place,
    ) -> Result<RunDir, WorkspaceError> {
        if errand.stop.is_cancelled() {
            return Err(WorkspaceError::Stopped);
        }
        let Ready { path, warning } = self.find(errand, context, place).await?;
        let real = errand.unless_stopped(directory(&path)).await?;
        let real = real.map_err(|why| Problem::NoDirectory { path: path.clone(), why })?;
        Ok(RunDir { path, real, warning })
    }

    /// Returns what a file's way needs, beside its directory.
    fn trip(&self, way: Way, path: FilePath, rules: &FileRules, dir: &RunDir) -> Trip {
        let (rules, halt) = (rules.clone(), self.git.halt());
        Trip { way, path, rules, dir: dir.path.clone(), real: dir.real.clone(), halt }
    }

    async fn find(&self, errand: Errand<'_>, context: &Context, place: &Place) -> Result<Ready, Problem> {
        match place {
            Place::Session(dir) => self.session(errand, context, dir).await,
            Place::Caller(dir) => self.fresh(errand, context, dir).await,
            Place::Open => self.fresh(errand, context, &self.default).await,
        }
    }

    /// Returns the directory of a project and branch, or `without` where there is no project.
    async fn fresh(&self, errand: Errand<'_>, context: &Context, without: &Path) -> Result<Ready, Problem> {
        match (&context.project, &context.branch) {
            (Some(key), None) => self.site(key)?.home(errand).await.map(Ready::new),
            (Some(key), Some(branch)) => self.site(key)?.on_branch(errand, branch).await,
            (None, Some(branch)) => {
                branch::check(branch)?;
                Err(Problem::NoProject(branch.clone()))
            }
            (None, None) => {
                let found = errand.unless_stopped(directory(without)).await?;
                let refused = |why| Problem::NoDirectory { path: without.to_owned(), why };
                found.map(|_| Ready::new(without.to_owned())).map_err(refused)
            }
        }
    }

    /// Returns the directory of a project and branch as far as it is there.
    async fn there(&self, errand: Errand<'_>, context: &Context) -> Result<Option<RunDir>, WorkspaceError> {
        if errand.stop.is_cancelled() {
            return Err(WorkspaceError::Stopped);
        }
        let Some(key) = &context.project else { return Ok(None) };
        let found = match &context.branch {
            None => Some(self.site(key)?.home(errand).await?),
            Some(branch) => self.site(key)?.found(errand, branch).await?,
        };
        let Some(path) = found else { return Ok(None) };
        let real = errand.unless_stopped(directory(&path)).await?;
        let real = real.map_err(|why| Problem::NoDirectory { path: path.clone(), why })?;
        Ok(Some(RunDir { path, real, warning: None }))
    }

    /// Returns the directory of a session, or another one of its project and branch, and says so.
    async fn session(&self, errand: Errand<'_>, context: &Context, dir: &Path) -> Result<Ready, Problem> {
        let state = match look(errand, context.branch.as_deref(), dir).await? {
            Found::Same { warning } => return Ok(Ready { path: dir.to_owned(), warning }),
            Found::Lost(state) => state,
        };
        let refused =
            |remedy: String| Problem::NoSession { path: dir.to_owned(), state: state.clone(), remedy };
        if context.project.is_none() {
            return Err(refused("put it back, or start over without resuming".to_owned()));
        }
        let ready = match self.fresh(errand, context, &self.default).await {
            Ok(ready) => ready,
            Err(Problem::Stopped) => return Err(Problem::Stopped),
            Err(problem) => return Err(refused(problem.to_string())),
        };
        let was = dir.display();
        let now = ready.path.display();
        let told = if ready.path == dir {
            format!("{was} {state} and was made again; what was not committed there is lost")
        } else {
            format!(
                "this session has worked in {was}, which {state}; it goes on in {now}, where the engine may not find it"
            )
        };
        let warning = ready.warning.map_or(told.clone(), |warning| format!("{told}; {warning}"));
        Ok(Ready { path: ready.path, warning: Some(warning) })
    }
}

/// Looks at the directory of a session.
async fn look(errand: Errand<'_>, branch: Option<&str>, dir: &Path) -> Result<Found, Problem> {
    if let Err(why) = errand.unless_stopped(directory(dir)).await? {
        let state =
            if why == "it is not there" { "is gone".to_owned() } else { format!("cannot be used: {why}") };
        return Ok(Found::Lost(state));
    }
    let Some(branch) = branch else { return Ok(Found::Same { warning: None }) };
    Ok(match repo::head(errand, dir).await {
        Ok(head) if head.is(branch) => Found::Same { warning: None },
        // A rebase that is under way is one reason, and the session is the one to end it.
        Ok(Head::Detached) => {
            let warning = format!("{} is on no branch now (detached HEAD), not on {branch}", dir.display());
            Found::Same { warning: Some(warning) }
        }
        Ok(Head::Branch(on)) => Found::Lost(format!("is on the branch {on} now, not on {branch}")),
        Ok(Head::Bare) | Err(Problem::NoRepository(_)) => Found::Lost("is no worktree any more".to_owned()),
        Err(problem) => return Err(problem),
    })
}

#[async_trait]
impl Workspace for Worktrees {
    async fn resolve(&self, wanted: &Wanted, stop: &CancellationToken) -> Result<RunDir, WorkspaceError> {
        let errand = Errand { git: &self.git, run: Some(wanted.run), stop };
        self.ready(errand, &wanted.context, &wanted.place).await
    }

    async fn branches(&self, project: &str, stop: &CancellationToken) -> Result<Vec<String>, WorkspaceError> {
        if stop.is_cancelled() {
            return Err(WorkspaceError::Stopped);
        }
        let errand = Errand { git: &self.git, run: None, stop };
        let root = self.site(project)?.home(errand).await?;
        let mut names = Vec::new();
        if let Head::Branch(current) = repo::head(errand, &root).await? {
            names.push(current);
        }
        let found = repo::branches(errand, &root).await?;
        names.extend(found.local.into_iter().chain(found.origin));
        let mut seen = HashSet::new();
        names.retain(|name| seen.insert(name.clone()));
        names.truncate(MAX_BRANCHES);
        Ok(names)
    }

    async fn check(&self, stop: &CancellationToken) -> Vec<ProjectCheck> {
        let mut checks = Vec::with_capacity(self.sites.len());
        if stop.is_cancelled() {
            return checks;
        }
        let errand = Errand { git: &self.git, run: None, stop };
        for site in self.sites.values() {
            match check(errand, &site.project).await {
                Ok(checked) => checks.push(checked),
                // Stopped: nobody wants the rest.
                Err(_) => break,
            }
        }
        checks
    }

    async fn put(&self, put: &Put, stop: &CancellationToken) -> Result<Saved, FileError> {
        let path = put.target()?;
        let errand = Errand { git: &self.git, run: None, stop };
        let dir = self.ready(errand, &put.context, &put.place).await?;
        let trip = self.trip(Way::Put, path.clone(), &put.rules, &dir);
        let (from, force) = (put.from.clone(), put.force);
        let bytes = self.git.aside(trip, stop, move |trip| store(trip, &from, force)).await?;
        Ok(Saved { path, bytes, dir: dir.path, warning: dir.warning })
    }

    async fn get(&self, get: &Get, stop: &CancellationToken) -> Result<Got, FileError> {
        let errand = Errand { git: &self.git, run: None, stop };
        let dir = self.ready(errand, &get.context, &get.place).await?;
        let trip = self.trip(Way::Get, get.path.clone(), &get.rules, &dir);
        let into = get.into.clone();
        let (name, bytes) = self.git.aside(trip, stop, move |trip| fetch(trip, &into)).await?;
        Ok(Got { name, bytes, warning: dir.warning })
    }

    async fn list(&self, wanted: &List, stop: &CancellationToken) -> Result<Vec<String>, FileError> {
        let errand = Errand { git: &self.git, run: None, stop };
        let Some(dir) = self.there(errand, &wanted.context).await? else { return Ok(Vec::new()) };
        let trip = self.trip(Way::Get, wanted.folder.clone(), &wanted.rules, &dir);
        self.git.aside(trip, stop, list).await
    }

    async fn sendable(&self, dir: &RunDir, files: &[FilePath], rules: &FileRules) -> Vec<FilePath> {
        let trips = files.iter().map(|file| self.trip(Way::Get, file.clone(), rules, dir));
        self.git.sendable(trips.collect()).await
    }
}

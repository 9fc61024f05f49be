//! Making a worktree, finishing one, and taking away what was not finished.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

use takopi_core::settings::Project;
use tokio_util::sync::CancellationToken;

use crate::choice::BEING_MADE;
use crate::git::Errand;
use crate::paths::resolved;
use crate::problem::one_line;
use crate::repo::{self, Branches};
use crate::{Problem, branch};

/// What keeps a folder of worktrees out of `git status` of the project around it.
const IGNORE_ALL: &str =
    "# The worktrees of this project; takopi makes them. This folder ignores itself.\n*\n";

/// A worktree to be made.
pub(crate) struct Making<'a> {
    pub(crate) project: &'a Project,
    pub(crate) branch: &'a str,
    pub(crate) target: &'a Path,
    /// Whether a row of git's list whose worktree is gone is taken over.
    pub(crate) anew: bool,
}

impl Making<'_> {
    /// Makes it; returns what the person should know.
    pub(crate) async fn make(&self, errand: Errand<'_>) -> Result<Option<String>, Problem> {
        let root = &self.project.path;
        let arguments = self.arguments(errand).await?;
        self.make_folder().await?;
        let added = errand.change(root, arguments).await.and_then(|said| said.well(root));
        let Err(problem) = added else { return Ok(None) };
        // Putting away is not stopped by what stopped the making.
        let never = CancellationToken::new();
        let errand = Errand { stop: &never, ..errand };
        if matches!(problem, Problem::Git { .. }) && self.is_made(errand).await? {
            // A hook of the repository failed behind a checkout that didn't.
            return Ok(Some(one_line(&problem.to_string())));
        }
        self.put_away(errand).await;
        Err(problem)
    }

    /// Returns the arguments of git: the branch if there is one, else one that follows origin's, else a new one.
    async fn arguments(&self, errand: Errand<'_>) -> Result<Vec<OsString>, Problem> {
        let Project { path: root, alias, worktree_base, .. } = self.project;
        let wanted = self.branch;
        let Branches { local, origin } = repo::branches(errand, root).await?;
        let mut arguments: Vec<OsString> = ["worktree", "add"].map(OsString::from).to_vec();
        // Twice would take a locked one over too.
        arguments.extend(self.anew.then(|| "--force".into()));
        let has = |names: &[String], name: &str| names.iter().any(|other| other == name);
        let target = self.target.as_os_str();
        if has(&local, wanted) {
            arguments.extend([OsStr::new("--"), target, OsStr::new(wanted)].map(OsStr::to_owned));
            return Ok(arguments);
        }
        if let Some(there) = branch::clash(wanted, local.iter().map(String::as_str)) {
            return Err(Problem::Clash { wanted: wanted.to_owned(), there: there.to_owned() });
        }
        let start = if has(&origin, wanted) {
            format!("refs/remotes/origin/{wanted}")
        } else {
            let all = local.iter().chain(&origin).map(String::as_str);
            if let Some(there) = branch::same_but_for_case(wanted, all) {
                return Err(Problem::Case { wanted: wanted.to_owned(), there: there.to_owned() });
            }
            if let Some(name) = wanted.strip_prefix("origin/").filter(|name| has(&origin, name)) {
                return Err(Problem::Remote(name.to_owned()));
            }
            // Or a push would go to the base.
            arguments.push("--no-track".into());
            repo::base(errand, root, alias, worktree_base.as_deref()).await?
        };
        let new = [OsStr::new("-b"), OsStr::new(wanted), OsStr::new("--"), target, OsStr::new(&start)];
        arguments.extend(new.map(OsStr::to_owned));
        Ok(arguments)
    }

    /// Makes the folder of worktrees. A new one inside the project ignores itself, so that neither `git status` nor an
    /// agent's `git add` meets worktrees there; one that was there already is left as it is.
    async fn make_folder(&self) -> Result<(), Problem> {
        let folder = &self.project.worktrees_dir;
        let is_new = !tokio::fs::try_exists(folder).await.unwrap_or(true);
        let refused = |error: io::Error| Problem::NoRoot {
            alias: self.project.alias.clone(),
            path: folder.clone(),
            why: error.to_string(),
        };
        tokio::fs::create_dir_all(folder).await.map_err(refused)?;
        let inside = resolved(folder).await.starts_with(resolved(&self.project.path).await);
        if is_new && inside {
            tokio::fs::write(folder.join(".gitignore"), IGNORE_ALL).await.map_err(refused)?;
        }
        Ok(())
    }

    /// Returns whether git has it on its list as one that is done.
    async fn is_made(&self, errand: Errand<'_>) -> Result<bool, Problem> {
        let real = resolved(self.target).await;
        let list = repo::worktrees(errand, &self.project.path).await?;
        let made = list
            .iter()
            .any(|entry| entry.path == real && entry.head.is(self.branch) && entry.locked.is_none());
        Ok(made && tokio::fs::try_exists(real.join(".git")).await.unwrap_or(false))
    }

    /// Takes away what was made of it: nothing was there before. The branch stays, it has cost nothing.
    ///
    /// It is locked first, as git locks what it makes: should this be cut off too, files are missing, and the next run
    /// finishes it instead of taking them for deleted.
    async fn put_away(&self, errand: Errand<'_>) {
        let (root, target) = (&self.project.path, self.target.as_os_str());
        let lock = ["worktree", "lock", "--reason", BEING_MADE, "--"].map(OsStr::new);
        let remove = ["worktree", "remove", "--force", "--force", "--"].map(OsStr::new);
        if let Err(error) = errand.ask(root, lock.into_iter().chain([target])).await {
            tracing::info!(worktree = %self.target.display(), %error, "could not be locked");
        }
        match errand.ask(root, remove.into_iter().chain([target])).await {
            Ok(said) if said.code() == Some(0) => {
                tracing::info!(worktree = %self.target.display(), "took away a worktree that was not finished");
            }
            // Most often git has done it itself.
            Ok(said) => {
                tracing::info!(worktree = %self.target.display(), said = said.complaint(), "nothing to take away");
            }
            Err(error) => {
                tracing::warn!(worktree = %self.target.display(), %error, "an unfinished worktree stays");
            }
        }
    }
}

/// Finishes a worktree whose making was cut off, as git would have: everything is checked out, then it is unlocked.
pub(crate) async fn finish(errand: Errand<'_>, root: &Path, target: PathBuf) -> Result<PathBuf, Problem> {
    let reset = errand.change(&target, ["reset", "--hard", "--no-recurse-submodules"]).await?;
    if reset.code() != Some(0) {
        let (root, said) = (root.to_owned(), reset.complaint());
        return Err(Problem::HalfMade { path: target, root, said });
    }
    let words = ["worktree", "unlock", "--"].map(OsStr::new);
    errand.change(root, words.into_iter().chain([target.as_os_str()])).await?.well(root)?;
    Ok(target)
}

//! What is wrong with a project, for those who ask before they send a message there. Nothing is made or changed.

use takopi_core::port::SetupIssue;
use takopi_core::port::workspace::ProjectCheck;
use takopi_core::settings::Project;

use crate::git::Errand;
use crate::paths::{directory, unwritable};
use crate::problem::one_line;
use crate::{Problem, repo};

/// Looks at a project.
///
/// # Errors
/// [`Problem::Stopped`] alone.
pub(crate) async fn check(errand: Errand<'_>, project: &Project) -> Result<ProjectCheck, Problem> {
    let found = errand.unless_stopped(directory(&project.path)).await?;
    let directory = found.err().map(|why| {
        let title = format!("cannot work in {}: {why}", project.path.display());
        let remedy = format!("create it, or correct path under [projects.{}]", project.alias);
        SetupIssue { title, remedy: vec![remedy] }
    });
    let branches = match directory {
        Some(_) => None,
        None => branches(errand, project).await?,
    };
    Ok(ProjectCheck {
        alias: project.alias.clone(),
        path: project.path.clone(),
        worktrees: project.worktrees_dir.clone(),
        directory,
        branches,
    })
}

async fn branches(errand: Errand<'_>, project: &Project) -> Result<Option<SetupIssue>, Problem> {
    let issue = |title: String, remedy: String| Ok(Some(SetupIssue { title, remedy: vec![remedy] }));
    let path = project.path.display();
    match usable(errand, project).await {
        Ok(()) => {}
        Err(Problem::Stopped) => return Err(Problem::Stopped),
        Err(Problem::NoGit) => {
            return issue("git is not on PATH".to_owned(), "install git".to_owned());
        }
        Err(Problem::NoRepository(_)) => {
            return issue(format!("{path} is no git repository"), format!("git init {path}"));
        }
        Err(Problem::NoCommit(_)) => {
            return issue(format!("{path} has no commit yet"), "make a first commit there".to_owned());
        }
        Err(other) => {
            return issue(one_line(&other.to_string()), format!("try it by hand: git -C {path} status"));
        }
    }
    let alias = &project.alias;
    match errand.unless_stopped(async { unwritable(&project.worktrees_dir) }).await? {
        Some(why) => issue(
            format!("worktrees cannot be made in {}: {why}", project.worktrees_dir.display()),
            format!("correct worktrees_dir under [projects.{alias}], or its permissions"),
        ),
        None => Ok(None),
    }
}

/// Finds out whether a branch could be made.
async fn usable(errand: Errand<'_>, project: &Project) -> Result<(), Problem> {
    repo::head(errand, &project.path).await?;
    repo::base(errand, &project.path, &project.alias, project.worktree_base.as_deref()).await.map(drop)
}

//! Questions to a repository. None of them changes anything.

use std::path::Path;

use crate::Problem;
use crate::git::Errand;
use crate::porcelain::{Entry, Head, parse};

/// git's exit status for an option it doesn't know: git(1).
const USAGE: i32 = 129;

/// The branches of a repository.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Branches {
    pub(crate) local: Vec<String>,
    pub(crate) origin: Vec<String>,
}

/// Returns what is checked out in `dir`, a directory of a repository.
///
/// # Errors
/// [`Problem::NoRepository`] where it is none.
pub(crate) async fn head(errand: Errand<'_>, dir: &Path) -> Result<Head, Problem> {
    let inside = errand.ask(dir, ["rev-parse", "--is-inside-work-tree"]).await?;
    if inside.is_no_repository() {
        return Err(Problem::NoRepository(dir.to_owned()));
    }
    if inside.well(dir)?.line() != "true" {
        return Ok(Head::Bare);
    }
    let head = errand.ask(dir, ["symbolic-ref", "-q", "HEAD"]).await?;
    // 1 is its way to say that HEAD is a commit: git-symbolic-ref(1).
    if head.code() == Some(1) {
        return Ok(Head::Detached);
    }
    let name = head.well(dir)?.line();
    Ok(name.strip_prefix("refs/heads/").map_or(Head::Detached, |name| Head::Branch(name.to_owned())))
}

/// Returns the worktrees of a repository, the main one first.
pub(crate) async fn worktrees(errand: Errand<'_>, root: &Path) -> Result<Vec<Entry>, Problem> {
    let list = errand.ask(root, ["worktree", "list", "--porcelain", "-z"]).await?;
    if list.code() == Some(USAGE) {
        // git before 2.36 has no -z.
        let list = errand.ask(root, ["worktree", "list", "--porcelain"]).await?.well(root)?;
        return Ok(parse(&list.stdout, b'\n'));
    }
    Ok(parse(&list.well(root)?.stdout, 0))
}

/// Returns the branches, those last worked on first.
pub(crate) async fn branches(errand: Errand<'_>, root: &Path) -> Result<Branches, Problem> {
    let format = "--format=%(refname)";
    let newest_first = "--sort=-committerdate";
    let places = ["refs/heads", "refs/remotes/origin"];
    let list = errand.ask(root, ["for-each-ref", newest_first, format, places[0], places[1]]).await?;
    let list = list.well(root)?;
    let mut found = Branches::default();
    for line in String::from_utf8_lossy(&list.stdout).lines() {
        if let Some(name) = line.strip_prefix("refs/heads/") {
            found.local.push(name.to_owned());
        } else if let Some(name) = line.strip_prefix("refs/remotes/origin/").filter(|name| *name != "HEAD") {
            found.origin.push(name.to_owned());
        }
    }
    Ok(found)
}

/// Returns the commit that a new branch starts from: the base that is configured, else what origin calls its default
/// branch, else the one that is checked out, else `master`, else `main`.
pub(crate) async fn base(
    errand: Errand<'_>,
    root: &Path,
    alias: &str,
    configured: Option<&str>,
) -> Result<String, Problem> {
    if let Some(base) = configured {
        let bad = || Problem::BadBase { alias: alias.to_owned(), base: base.to_owned() };
        return commit(errand, root, base).await?.ok_or_else(bad);
    }
    let mut names = Vec::new();
    let default = errand.ask(root, ["symbolic-ref", "-q", "refs/remotes/origin/HEAD"]).await?.line();
    names.extend(default.strip_prefix("refs/remotes/origin/").map(str::to_owned));
    if let Head::Branch(current) = head(errand, root).await? {
        names.push(current);
    }
    names.extend(["master", "main"].map(str::to_owned));
    for name in names {
        if let Some(found) = commit(errand, root, &name).await? {
            return Ok(found);
        }
    }
    if is_empty(errand, root).await? {
        return Err(Problem::NoCommit(root.to_owned()));
    }
    Err(Problem::NoBase(alias.to_owned()))
}

/// Returns whether a repository has no commit.
pub(crate) async fn is_empty(errand: Errand<'_>, root: &Path) -> Result<bool, Problem> {
    let any = errand.ask(root, ["for-each-ref", "--count=1", "--format=%(refname)"]).await?.well(root)?;
    if !any.line().is_empty() {
        return Ok(false);
    }
    // Without any ref a commit may be checked out all the same.
    let head = errand.ask(root, ["rev-parse", "--verify", "--quiet", "HEAD^{commit}"]).await?;
    Ok(head.code() != Some(0))
}

/// Returns the commit that a name means: a branch, one of origin's, a tag, or its own number. It is asked for by full
/// names alone, so that it cannot be read as an option.
async fn commit(errand: Errand<'_>, root: &Path, name: &str) -> Result<Option<String>, Problem> {
    let places = ["refs/heads/", "refs/remotes/origin/", "refs/remotes/", "refs/tags/"];
    let mut meanings: Vec<String> = places.iter().map(|place| format!("{place}{name}^{{commit}}")).collect();
    if (7..=64).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        meanings.push(format!("{name}^{{commit}}"));
    }
    for meaning in meanings {
        let found = errand.ask(root, ["rev-parse", "--verify", "--quiet", meaning.as_str()]).await?;
        if found.code() == Some(0) {
            return Ok(Some(found.line()));
        }
    }
    Ok(None)
}

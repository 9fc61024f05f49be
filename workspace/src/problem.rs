//! Why a directory cannot be had, in words for the person who asked: what is in the way, and what to type.

use std::path::PathBuf;
use std::time::Duration;

use takopi_core::port::workspace::WorkspaceError;

/// Longest text of git that is passed on, in characters.
const MAX_SAID_CHARS: usize = 200;

/// Why a directory could not be made ready, or a repository not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The run was stopped.
    #[error("stopped while the directory was being prepared")]
    Stopped,
    /// There is no git.
    #[error("git is not on PATH, and branches need it; install it and write again, or write without @branch")]
    NoGit,
    /// git took too long.
    #[error("`git {what}` did not end within {after:?} and was stopped; try it by hand in {}", .dir.display())]
    Slow {
        /// Which of its commands.
        what: String,
        /// How long it was given.
        after: Duration,
        /// Where.
        dir: PathBuf,
    },
    /// git said no.
    #[error("`git {what}` failed in {}: {said}", .dir.display())]
    Git {
        /// Which of its commands.
        what: String,
        /// What it said, on one line.
        said: String,
        /// Where.
        dir: PathBuf,
    },
    /// git told more than is read.
    #[error("`git {what}` told more than {limit} bytes in {}", .dir.display())]
    TooMuch {
        /// Which of its commands.
        what: String,
        /// The bound.
        limit: usize,
        /// Where.
        dir: PathBuf,
    },
    /// The message names a project that isn't there any more.
    #[error("unknown project '{0}'; add it under [projects] in takopi.toml, or name another with /PROJECT")]
    UnknownProject(String),
    /// A branch of nothing.
    #[error("@{0} needs a project; write /PROJECT @{0}, or bind this chat to one with /ctx PROJECT")]
    NoProject(String),
    /// The project's directory is missing.
    #[error("project path not found: {}; create it, or correct path under [projects.{alias}] in takopi.toml", .path.display())]
    NoPath {
        /// The project.
        alias: String,
        /// Its directory.
        path: PathBuf,
    },
    /// A directory is missing or cannot be looked at.
    #[error("cannot work in {}: {why}", .path.display())]
    NoDirectory {
        /// Which.
        path: PathBuf,
        /// What the system says.
        why: String,
    },
    /// The project is not under git.
    #[error("{} is no git repository, so it has no branches; write without @branch, or `git init` there", .0.display())]
    NoRepository(PathBuf),
    /// There is nothing to start a branch from.
    #[error("{} has no commit yet, so there is nothing to branch from; make a first commit there", .0.display())]
    NoCommit(PathBuf),
    /// Not a name for a branch.
    #[error("@{name} cannot be a branch: {why}")]
    Name {
        /// The name, without control characters.
        name: String,
        /// The rule.
        why: String,
    },
    /// git could not have both.
    #[error(
        "@{wanted} cannot stand beside the branch {there}: in git one of them would be the other's folder; choose another name"
    )]
    Clash {
        /// What was asked for.
        wanted: String,
        /// What is there.
        there: String,
    },
    /// Probably a slip of the keyboard.
    #[error(
        "there is no branch {wanted}, but {there}; write @{there}, or make the other by hand with `git branch`"
    )]
    Case {
        /// What was asked for.
        wanted: String,
        /// What is there.
        there: String,
    },
    /// The name of a remote branch.
    #[error("origin/{0} is what the remote calls its branch; write @{0}")]
    Remote(String),
    /// No base branch.
    #[error(
        "cannot determine base branch for new worktree; set worktree_base under [projects.{0}] in takopi.toml"
    )]
    NoBase(String),
    /// The base that is configured doesn't exist.
    #[error(
        "worktree_base {base:?} of [projects.{alias}] is no branch, tag or commit; correct it in takopi.toml"
    )]
    BadBase {
        /// The project.
        alias: String,
        /// What is configured.
        base: String,
    },
    /// A worktree would be elsewhere.
    #[error("@{branch} would be worked on outside of {}: a link leads away from there; remove the link", .root.display())]
    Escapes {
        /// The branch.
        branch: String,
        /// The directory of worktrees.
        root: PathBuf,
    },
    /// The place is taken by another branch.
    #[error("{} is on the branch {on}, not on {wanted}; `git -C {} switch {wanted}` changes that, or write @{on}", .path.display(), .path.display())]
    OnAnother {
        /// The worktree.
        path: PathBuf,
        /// Its branch.
        on: String,
        /// What was asked for.
        wanted: String,
    },
    /// The place is on no branch.
    #[error("{} is on no branch (detached HEAD), not on {wanted}; end what is under way there, or `git -C {} switch {wanted}`", .path.display(), .path.display())]
    Detached {
        /// The worktree.
        path: PathBuf,
        /// What was asked for.
        wanted: String,
    },
    /// Something else is there.
    #[error("{} exists but is no worktree of {}; move it away, or `git -C {} worktree repair {}` if it was one", .path.display(), .root.display(), .root.display(), .path.display())]
    NotAWorktree {
        /// The place.
        path: PathBuf,
        /// The project's directory.
        root: PathBuf,
    },
    /// A worktree within a worktree.
    #[error("{} would lie inside the worktree {}; choose another name, or `git worktree move` that one", .path.display(), .around.display())]
    Inside {
        /// The place.
        path: PathBuf,
        /// The worktree around it.
        around: PathBuf,
    },
    /// A worktree around worktrees.
    #[error("{} holds the worktree {}; choose another name, or `git worktree move` that one", .path.display(), .held.display())]
    Holds {
        /// The place.
        path: PathBuf,
        /// A worktree in it.
        held: PathBuf,
    },
    /// A locked worktree whose files are not there.
    #[error("the worktree {} is locked{} and not there; bring it back, or `git -C {} worktree unlock {}`", .path.display(), in_brackets(.reason), .root.display(), .path.display())]
    LockedAway {
        /// The worktree.
        path: PathBuf,
        /// The project's directory.
        root: PathBuf,
        /// Why it is locked.
        reason: String,
    },
    /// A worktree whose making was cut off.
    #[error("the worktree {} was never finished ({said}); save what you need from it, then `git -C {} worktree remove -f -f {}`", .path.display(), .root.display(), .path.display())]
    HalfMade {
        /// The worktree.
        path: PathBuf,
        /// The project's directory.
        root: PathBuf,
        /// What git said when it was to be finished.
        said: String,
    },
    /// The directory of worktrees cannot be made.
    #[error("cannot make {}: {why}; correct worktrees_dir under [projects.{alias}] in takopi.toml", .path.display())]
    NoRoot {
        /// The project.
        alias: String,
        /// The directory of worktrees.
        path: PathBuf,
        /// What the system says.
        why: String,
    },
    /// A session whose place cannot be had.
    #[error("this session has worked in {}, which {state}; {remedy}", .path.display())]
    NoSession {
        /// Where it worked.
        path: PathBuf,
        /// What became of that.
        state: String,
        /// What to do.
        remedy: String,
    },
}

fn in_brackets(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(" ({text})") }
}

impl From<Problem> for WorkspaceError {
    fn from(problem: Problem) -> Self {
        match problem {
            Problem::Stopped => Self::Stopped,
            other => Self::Refused(clause(&other.to_string())),
        }
    }
}

/// Returns what git or the system said as one clause: without the marks before its lines, and not endless.
pub(crate) fn one_line(text: &str) -> String {
    let unmarked = text.lines().map(|line| {
        ["fatal: ", "error: "].iter().fold(line.trim(), |line, mark| line.strip_prefix(mark).unwrap_or(line))
    });
    let joined = clause(&unmarked.collect::<Vec<_>>().join("\n"));
    let mut said: String = joined.chars().take(MAX_SAID_CHARS).collect();
    if said.len() < joined.len() {
        said.push('…');
    }
    said
}

/// Returns a text without line ends, control characters and a full stop: names of files may have any.
fn clause(text: &str) -> String {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let joined: String = lines.collect::<Vec<_>>().join("; ").chars().filter(|c| !c.is_control()).collect();
    joined.trim_end_matches(['.', ' ']).to_owned()
}

/// Returns a name as it can be shown: what it says, without driving a terminal.
pub(crate) fn shown(name: &str) -> String {
    name.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_git_says_becomes_one_clause() {
        assert_eq!(one_line("error: a\nfatal: b.\n\n"), "a; b");
        assert_eq!(one_line(&"x".repeat(500)).chars().count(), MAX_SAID_CHARS + 1);
        assert_eq!(shown("a\u{1b}[2J\nb"), "a\\u{1b}[2J\\nb");
    }
}

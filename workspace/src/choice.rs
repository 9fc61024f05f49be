//! Which worktree serves a branch, decided from git's list and what is on disk. Pure.

use std::path::{Path, PathBuf};

use crate::Problem;
use crate::paths::Ground;
use crate::porcelain::{Entry, Head};

/// Why git has a worktree locked while it is still being made: `worktree add` in git's builtin/worktree.c.
pub(crate) const BEING_MADE: &str = "initializing";

/// A worktree of the list, and where it really is; `None` when it is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) entry: Entry,
    pub(crate) real: Option<PathBuf>,
}

/// All that the decision rests on.
#[derive(Debug, Clone)]
pub(crate) struct Scene<'a> {
    /// The project's directory.
    pub(crate) root: &'a Path,
    /// The branch.
    pub(crate) branch: &'a str,
    /// Where its worktree belongs, as configured and with links resolved.
    pub(crate) target: &'a Path,
    pub(crate) real_target: &'a Path,
    /// Where the project's worktrees are, as configured and with links resolved.
    pub(crate) folder: &'a Path,
    pub(crate) real_folder: &'a Path,
    /// What stands at the target.
    pub(crate) ground: Ground,
    pub(crate) known: &'a [Known],
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Choice {
    /// It is there.
    Use(PathBuf),
    /// It is there, but its making was cut off.
    Finish(PathBuf),
    /// It is to be made; `anew` when git still has a lost one on its list.
    Make { anew: bool },
}

impl Scene<'_> {
    fn is_target(&self, known: &Known) -> bool {
        match &known.real {
            Some(real) => real == self.real_target,
            None => known.entry.path == self.target || known.entry.path == self.real_target,
        }
    }

    /// Decides.
    ///
    /// A branch that is checked out elsewhere is worked on there: git has a branch in one worktree at a time, and
    /// somebody made that one on purpose.
    pub(crate) fn choose(&self) -> Result<Choice, Problem> {
        let there = || self.known.iter().filter(|known| known.real.is_some());
        let mut on_branch: Vec<&Known> = there().filter(|known| known.entry.head.is(self.branch)).collect();
        on_branch.sort_by_key(|known| !self.is_target(known));
        if let Some(known) = on_branch.first() {
            let path = if self.is_target(known) { self.target.to_owned() } else { known.entry.path.clone() };
            let cut_off = known.entry.locked.as_deref() == Some(BEING_MADE);
            return Ok(if cut_off { Choice::Finish(path) } else { Choice::Use(path) });
        }
        self.check_target(there().find(|known| self.is_target(known)))?;
        if !self.real_target.starts_with(self.real_folder) || self.real_target == self.real_folder {
            let (branch, root) = (self.branch.to_owned(), self.folder.to_owned());
            return Err(Problem::Escapes { branch, root });
        }
        let path = || self.target.to_owned();
        // The project's own directory is around its worktrees, and may be: only those among them are in the way.
        let among = |known: &&Known| {
            known
                .real
                .as_ref()
                .is_some_and(|real| real.starts_with(self.real_folder) && real != self.real_folder)
        };
        for real in there().filter(among).filter_map(|known| known.real.as_ref()) {
            if self.real_target.starts_with(real) {
                return Err(Problem::Inside { path: path(), around: real.clone() });
            }
            if real.starts_with(self.real_target) {
                return Err(Problem::Holds { path: path(), held: real.clone() });
            }
        }
        if self.ground == Ground::Taken {
            return Err(Problem::NotAWorktree { path: path(), root: self.root.to_owned() });
        }
        self.look_for_lost()
    }

    /// Refuses a place that another branch has.
    fn check_target(&self, taken: Option<&Known>) -> Result<(), Problem> {
        let (path, wanted) = (self.target.to_owned(), self.branch.to_owned());
        match taken.map(|known| &known.entry.head) {
            None => Ok(()),
            Some(Head::Branch(on)) => Err(Problem::OnAnother { path, on: on.clone(), wanted }),
            Some(Head::Detached) => Err(Problem::Detached { path, wanted }),
            Some(Head::Bare) => Err(Problem::NotAWorktree { path, root: self.root.to_owned() }),
        }
    }

    /// One that git has on its list but is not there is made again, over that row alone. A locked one may be on a disk
    /// that comes back.
    fn look_for_lost(&self) -> Result<Choice, Problem> {
        let lost: Vec<&Known> = (self.known.iter())
            .filter(|known| known.real.is_none())
            .filter(|known| self.is_target(known) || known.entry.head.is(self.branch))
            .collect();
        if let Some((known, reason)) =
            lost.iter().find_map(|known| Some((known, known.entry.locked.clone()?)))
        {
            let (path, root) = (known.entry.path.clone(), self.root.to_owned());
            return Err(Problem::LockedAway { path, root, reason });
        }
        Ok(Choice::Make { anew: !lost.is_empty() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(path: &str, head: Head) -> Known {
        let entry = Entry { path: path.into(), head, locked: None };
        Known { real: Some(entry.path.clone()), entry }
    }

    fn on(path: &str, branch: &str) -> Known {
        known(path, Head::Branch(branch.to_owned()))
    }

    fn lost(known: Known) -> Known {
        Known { real: None, ..known }
    }

    fn locked(mut known: Known, why: &str) -> Known {
        known.entry.locked = Some(why.to_owned());
        known
    }

    fn choose_at(branch: &str, ground: Ground, known: &[Known]) -> Result<Choice, String> {
        let target = Path::new("/p/.worktrees").join(branch);
        let scene = Scene {
            root: Path::new("/p"),
            branch,
            target: &target,
            real_target: &target,
            folder: Path::new("/p/.worktrees"),
            real_folder: Path::new("/p/.worktrees"),
            ground,
            known,
        };
        scene.choose().map_err(|problem| problem.to_string())
    }

    fn choose(branch: &str, known: &[Known]) -> Result<Choice, String> {
        choose_at(branch, Ground::Free, known)
    }

    #[test]
    fn a_worktree_on_the_branch_is_used_wherever_it_is_and_its_own_place_first() {
        let main = on("/p", "main");
        assert_eq!(choose("x", std::slice::from_ref(&main)), Ok(Choice::Make { anew: false }));
        let elsewhere = [main.clone(), on("/else", "x")];
        assert_eq!(choose("x", &elsewhere), Ok(Choice::Use("/else".into())));
        let both = [main, on("/else", "x"), on("/p/.worktrees/x", "x")];
        assert_eq!(choose("x", &both), Ok(Choice::Use("/p/.worktrees/x".into())));
        let half = [locked(on("/p/.worktrees/x", "x"), BEING_MADE)];
        assert_eq!(choose("x", &half), Ok(Choice::Finish("/p/.worktrees/x".into())));
        let portable = [locked(on("/p/.worktrees/x", "x"), "on a stick")];
        assert_eq!(choose("x", &portable), Ok(Choice::Use("/p/.worktrees/x".into())));
    }

    #[test]
    fn what_stands_in_the_way_is_named() {
        let taken = |known: &[Known]| choose_at("x", Ground::Taken, known).unwrap_err();
        assert!(taken(&[on("/p/.worktrees/x", "y")]).contains("is on the branch y, not on x"));
        assert!(taken(&[known("/p/.worktrees/x", Head::Detached)]).contains("is on no branch"));
        assert!(taken(&[]).contains("is no worktree of /p"));
        let nested = choose("x/y", &[on("/p/.worktrees/x", "z")]).unwrap_err();
        assert!(nested.contains("would lie inside the worktree /p/.worktrees/x"), "{nested}");
        let around = choose_at("x", Ground::Taken, &[on("/p/.worktrees/x/y", "z")]).unwrap_err();
        assert!(around.contains("holds the worktree /p/.worktrees/x/y"), "{around}");
    }

    #[test]
    fn a_lost_worktree_is_made_again_unless_it_is_locked() {
        for gone in [on("/p/.worktrees/x", "x"), on("/else", "x"), on("/p/.worktrees/x", "y")] {
            assert_eq!(choose("x", &[lost(gone)]), Ok(Choice::Make { anew: true }));
        }
        assert_eq!(choose("x", &[lost(on("/else", "y"))]), Ok(Choice::Make { anew: false }));
        let refused = choose("x", &[locked(lost(on("/usb/x", "x")), "on a stick")]).unwrap_err();
        assert!(refused.contains("/usb/x is locked (on a stick) and not there"), "{refused}");
    }

    #[test]
    fn a_link_that_leads_out_of_the_folder_is_refused() {
        let scene = Scene {
            root: Path::new("/p"),
            branch: "feat/x",
            target: Path::new("/p/.worktrees/feat/x"),
            real_target: Path::new("/etc/x"),
            folder: Path::new("/p/.worktrees"),
            real_folder: Path::new("/p/.worktrees"),
            ground: Ground::Free,
            known: &[],
        };
        assert!(matches!(scene.choose(), Err(Problem::Escapes { .. })));
    }
}

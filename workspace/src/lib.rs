//! Projects, branches, worktrees and files of one machine.
//!
//! A run asks for a directory; what it gets is decided here ([`Worktrees`], the workspace port). A project without a
//! branch is its own directory. A branch is worked on where it is checked out already, else in a worktree of its own,
//! `<worktrees_dir>/<branch>`, which is made when it is first asked for.
//!
//! * **Names** are typed by people in chats, so they are never trusted: git rules on each of them, none can be read as
//!   an option, and no worktree leaves its project's `worktrees_dir`, links included.
//! * **git** is a child like any other: found again by its marks, stopped with its tree when the run is stopped or when
//!   it takes too long, never asking anybody anything.
//! * **Files** belong to the people. Nothing that was there before is deleted or moved; what stands in the way is named
//!   together with what to type. Only a worktree that takopi was still making when it was stopped is taken away again.
//! * **Decisions** are pure where they can be: what names are legal (`branch.rs`), what git's list says
//!   (`porcelain.rs`), which worktree is used, made or refused (`choice.rs`).
//! * **What people send and fetch** stays inside the directory: its way is walked by descriptor (`files.rs`).
//!
//! Start reading at `worktrees.rs`, then `site.rs`.

mod branch;
mod check;
mod choice;
mod files;
mod git;
mod make;
mod paths;
mod porcelain;
mod problem;
mod repo;
mod site;
#[cfg(test)]
mod tests;
mod turns;
mod worktrees;

pub use git::{Dress, Patience};
pub use problem::Problem;
pub use turns::Turns;
pub use worktrees::{Worktrees, WorktreesParts};

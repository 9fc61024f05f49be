//! Projects, branches and worktrees of one machine.

//! Children that talk lines: started in their own process group, read within bounds, stopped to the last descendant.
//!
//! Every program the house drives (a shell, a coding agent, a plugin) is a child with three pipes. The rules are the
//! same for all of them, so they live here once:
//!
//! * **Start** ([`Spawn`] → [`Child`]): one task per child feeds its stdin, drains its stderr and reaps it, so that no
//!   pipe can fill up and block it, whatever the caller is doing.
//! * **Read** ([`Lines`]): whole lines in batches, borrowed from one buffer, never more than a bound in memory. A
//!   child's output ends when it has ended and the pipe is empty, even if something it left running holds the pipe.
//! * **Stop** ([`Process::stop`], [`Ladder`]): a gentle signal to the leader, SIGTERM to the tree, SIGKILL to whatever
//!   is left. Agents put their tools into sessions of their own, so a group kill never reaches those: the tree is read
//!   from `/proc` before anything is signalled, and each process is addressed as ([`Identity`]) pid *and* start time, so
//!   that a recycled pid is never a victim. [`Marker`]s in the environment find what has left the tree.
//! * **Reap** ([`become_subreaper`], [`Orphans`]): orphans fall to the daemon and are waited for by pid, never with
//!   `waitpid(-1)`, which would steal the exit of a child that somebody else is waiting for.
//! * **Talk** ([`rpc`]): one JSON-RPC peer for plugins, agents and the control socket.
//!
//! On systems without `/proc` a tree is its process group; everything else is the same.

mod child;
mod error;
mod leftovers;
mod lines;
mod orphans;
mod output;
mod proc;
pub mod rpc;
mod spawn;
mod stop;
mod tail;
mod tree;

pub use child::{Child, Exit, Leash, Process};
pub use error::StdioError;
pub use leftovers::{Leftover, Marker, end_marked, find_marked, markers_beside};
pub use lines::{Batch, DEFAULT_MAX_LINE_BYTES, Lines};
pub use orphans::{Orphans, Swept, become_subreaper};
pub use output::Output;
pub use spawn::{Input, Spawn, is_executable};
pub use stop::{LINGER_GRACE, Ladder, Stage, StopReport};
pub use tail::StderrTail;
pub use tree::{Identity, Signal, descendants};

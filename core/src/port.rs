//! The ports: the traits between the heart and the rooms, one file each.
//!
//! Every implementation of a port runs its contract suite in `testing`. Nothing here does anything.

pub mod clock;
pub mod command;
pub mod engine;
pub mod ledger;
pub mod leftovers;
pub mod transcriber;
pub mod transport;
pub mod workspace;

pub use clock::Clock;
pub use command::{Command, CommandHost, CommandSpec};
pub use engine::{Engine, EngineSpec};
pub use ledger::Ledger;
pub use leftovers::Leftovers;
pub use transcriber::Transcriber;
pub use transport::{Transport, TransportSpec};
pub use workspace::Workspace;

use serde::Serialize;

/// Something that keeps a part of the house from working.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SetupIssue {
    /// What is wrong, in a few words.
    pub title: String,
    /// What to do about it, a line each.
    pub remedy: Vec<String>,
}

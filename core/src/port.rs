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

use std::fmt;

use serde::Serialize;

/// Something that keeps a part of the house from working. `Display` is all of it in one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SetupIssue {
    /// What is wrong, in a few words.
    pub title: String,
    /// What to do about it, a line each.
    pub remedy: Vec<String>,
}

impl SetupIssue {
    /// Returns that `executable` isn't there, and how to install it: `install` is a command to type.
    #[must_use]
    pub fn not_on_path(executable: &str, install: Option<&str>) -> Self {
        let remedy =
            install.map_or_else(|| "install it".to_owned(), |install| format!("install it: {install}"));
        Self { title: format!("{executable} not found on PATH"), remedy: vec![remedy] }
    }
}

impl fmt::Display for SetupIssue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.title)?;
        self.remedy.iter().try_for_each(|line| write!(f, "; {line}"))
    }
}

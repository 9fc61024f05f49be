//! An end before the play: what a CLI prints when it cannot begin.

use std::io::{self, Write as _};

use super::arguments::Cli;
use super::out;

/// What is printed, and the exit code.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Exit {
    pub(super) lines: Vec<String>,
    pub(super) stderr: String,
    pub(super) code: u8,
}

impl Exit {
    /// Returns an end with words on stderr alone.
    pub(super) fn saying(code: u8, stderr: impl Into<String>) -> Self {
        Self { lines: Vec::new(), stderr: stderr.into(), code }
    }

    /// Returns what a CLI says that was asked nothing.
    pub(super) fn without_prompt(cli: Cli) -> Self {
        let words = match cli {
            Cli::Codex => "No prompt provided via stdin.",
            Cli::Claude => {
                "Error: Input must be provided either through stdin or as a prompt argument when using --print"
            }
            Cli::OpenCode => "Error: You must provide a message or a command",
            Cli::Pi => "",
        };
        Self::saying(1, words)
    }

    /// Prints it; returns the exit code.
    pub(super) fn leave(&self) -> io::Result<u8> {
        out::print(&self.lines)?;
        if !self.stderr.is_empty() {
            writeln!(io::stderr(), "{}", self.stderr)?;
        }
        Ok(self.code)
    }
}

//! The front door of takopi: reads the command line, builds the house, reports how it went.
//!
//! - `cli` has one file per subcommand; `report` turns their ends into text and exit codes.
//! - `place` and `config` find and read the settings, `draft` changes their file, `lock` decides who holds the ledger.
//! - `doctor` looks whether everything is there; `drift` keeps what engines printed that nobody knows.
//! - `house` is the composition root, `hosting` runs it together with its lock and its `control` socket.
//!
//! What a message means, who may run and what is shown is decided in the rooms, never here.

mod cli;
mod config;
mod control;
mod doctor;
mod draft;
mod drift;
mod hosting;
mod house;
mod lock;
mod logs;
mod notify;
mod place;
mod report;
mod signals;

use std::process::ExitCode;

/// Runs takopi with this process's command line and returns its exit code.
pub fn main() -> ExitCode {
    report::report(cli::run(std::env::args_os()))
}

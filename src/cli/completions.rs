//! `takopi completions`: a script that completes takopi's own words in a shell.

use clap::CommandFactory;

use super::{Cli, CompletionsArguments};
use crate::report::{Exit, Failure, say};

pub(super) fn run(arguments: &CompletionsArguments) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "takopi", &mut script);
    say(String::from_utf8_lossy(&script).trim_end())?;
    Ok(Exit::Done)
}

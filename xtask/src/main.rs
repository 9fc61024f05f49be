//! `cargo xtask`: the chores of this repository that need more than one cargo command.
//!
//! It reads arguments and nothing else. What a suite is stands in `suites`, how one is run and reported in `step`,
//! where the tools come from in
//! `provision`, `npm`, `agents` and `twin`.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a console program talks on the console")]

mod agents;
#[cfg(feature = "measure")]
mod measure;
mod npm;
mod provision;
mod step;
mod suites;
mod twin;

use std::process::ExitCode;

const WRONG_USAGE: u8 = 2;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (task, rest) = match arguments.split_first() {
        Some((task, rest)) => (task.as_str(), rest),
        None => ("help", &[][..]),
    };
    match task {
        "test" => suites::run(rest),
        "measure" => measure(rest),
        "help" | "-h" | "--help" => {
            println!("{}", help());
            ExitCode::SUCCESS
        }
        unknown => {
            eprintln!("no task is called `{unknown}`\n\n{}", help());
            ExitCode::from(WRONG_USAGE)
        }
    }
}

#[cfg(feature = "measure")]
fn measure(arguments: &[String]) -> ExitCode {
    measure::run(arguments)
}

/// Measures with an xtask that is built for it: optimised, and with the rooms it measures in its own process.
#[cfg(not(feature = "measure"))]
fn measure(arguments: &[String]) -> ExitCode {
    let mut command = provision::cargo();
    command.args([
        "run",
        "--quiet",
        "--locked",
        "--release",
        "--package",
        "xtask",
        "--features",
        "measure",
        "--",
    ]);
    match command.arg("measure").args(arguments).status() {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(status) => ExitCode::from(status.code().and_then(|code| code.try_into().ok()).unwrap_or(1)),
        Err(error) => {
            eprintln!("cargo cannot be started: {error}");
            ExitCode::FAILURE
        }
    }
}

fn help() -> String {
    format!(
        "cargo xtask test              run every suite\n\
         cargo xtask test NAME...      run only these, in the order below\n\
         cargo xtask measure           measure what the house promises, as a Markdown table\n\
         cargo xtask measure NAME...   measure only these; a name that is none lists them\n\
         cargo xtask help              print this\n\n\
         suites:\n{}",
        suites::list()
    )
}

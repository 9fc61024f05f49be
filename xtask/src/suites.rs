//! The suites of `cargo xtask test`, in their order, and what the run as a whole means.
//!
//! A failing suite never stops the next. One whose tools cannot be had fails where `CI` is set and is skipped, by
//! name and with the reason, on a person's machine.

use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::Context as _;

use crate::WRONG_USAGE;
use crate::agents::{self, table};
use crate::provision::{self, cargo};
use crate::step::{self, Outcome};
use crate::twin;

/// Tests that need a browser: they are a suite of their own, so that the others don't wait for its installation.
const PAGE_TESTS: &str = "test(/(^|::)page_/)";

/// Tests that run the agent CLIs, for the same reason.
const AGENT_TESTS: &str = "binary(e2e) & test(/^real::/)";

/// Tests that run a Discord others have written, for the same reason.
const TWIN_TESTS: &str = "binary(e2e) & test(/^discord_twin::/)";

/// Tests that run plugins in Python, for the same reason.
const PYTHON_TESTS: &str = "(((binary(e2e) | binary(conformance)) & test(/^python_/)) \
    | (binary(contract) & test(/(^|::)python_/)))";

struct Suite {
    name: &'static str,
    about: &'static str,
    /// Returns the command to run, once its tools are there. An error means that they can't be had.
    prepare: fn(&Path) -> anyhow::Result<Command>,
    /// Judges what a run that passed has left.
    judge: fn(&Path) -> anyhow::Result<()>,
}

const fn suite(
    name: &'static str,
    about: &'static str,
    prepare: fn(&Path) -> anyhow::Result<Command>,
) -> Suite {
    Suite { name, about, prepare, judge: |_| Ok(()) }
}

const SUITES: [Suite; 9] = [
    suite("fmt", "formatting", fmt),
    suite("clippy", "lints; a warning is an error", clippy),
    suite("docs", "the documentation builds, its links lead somewhere", docs),
    suite("tests", "unit tests, house rules and end-to-end tests, by nextest", tests),
    suite("doctests", "examples in the documentation", doctests),
    suite("pages", "the local page in a real Chromium", pages),
    suite("python", "plugins in Python", python),
    suite("twin", "a Discord that others have written, for a second opinion", twin),
    Suite {
        judge: table::judge,
        ..suite("agents", "the real agent CLIs against a scripted model, and docs/engines.md", agents)
    },
];

/// Returns the suites with what they are about, a line for each.
pub(crate) fn list() -> String {
    SUITES.iter().map(|suite| format!("  {:<10} {}", suite.name, suite.about)).collect::<Vec<_>>().join("\n")
}

/// Runs the named suites, or all of them.
pub(crate) fn run(names: &[String]) -> ExitCode {
    let chosen = match choose(names) {
        Ok(chosen) => chosen,
        Err(unknown) => {
            eprintln!("no suite is called `{unknown}`; there are:\n{}", list());
            return ExitCode::from(WRONG_USAGE);
        }
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."));
    let in_ci = std::env::var_os("CI").is_some();
    let total = chosen.len();
    let reports: Vec<_> = chosen
        .iter()
        .zip(1..)
        .map(|(suite, number)| {
            step::timed(&format!("{number}/{total}"), suite.name, || run_one(suite, root, in_ci))
        })
        .collect();
    println!("{}", step::summary(&reports));
    if reports.iter().any(step::Report::failed) { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn choose(names: &[String]) -> Result<Vec<&'static Suite>, &String> {
    if let Some(unknown) = names.iter().find(|name| SUITES.iter().all(|suite| suite.name != name.as_str())) {
        return Err(unknown);
    }
    Ok(SUITES
        .iter()
        .filter(|suite| names.is_empty() || names.iter().any(|name| name == suite.name))
        .collect())
}

fn run_one(suite: &Suite, root: &Path, in_ci: bool) -> Outcome {
    let mut command = match (suite.prepare)(root) {
        Ok(command) => command,
        Err(error) => return unavailable(format!("{error:#}"), in_ci),
    };
    // A snapshot that differs is a failure; tests never write into the source tree.
    command.current_dir(root).env("INSTA_UPDATE", "no");
    let judged = step::run(&mut command).and_then(|outcome| match outcome {
        Outcome::Passed => (suite.judge)(root).map(|()| Outcome::Passed),
        other => Ok(other),
    });
    judged.unwrap_or_else(|error| Outcome::Failed { why: format!("{error:#}"), tail: Vec::new() })
}

fn unavailable(why: String, in_ci: bool) -> Outcome {
    if in_ci { Outcome::Failed { why, tail: Vec::new() } } else { Outcome::Skipped { why } }
}

fn fmt(_root: &Path) -> anyhow::Result<Command> {
    Ok(with(cargo(), "fmt --all --check"))
}

fn clippy(_root: &Path) -> anyhow::Result<Command> {
    Ok(with(cargo(), "clippy --locked --workspace --all-targets --all-features -- -D warnings"))
}

fn docs(_root: &Path) -> anyhow::Result<Command> {
    let mut command = with(cargo(), "doc --locked --workspace --no-deps --all-features");
    command.env("RUSTDOCFLAGS", "-D warnings");
    Ok(command)
}

fn tests(root: &Path) -> anyhow::Result<Command> {
    let mut command = nextest(root)?;
    let others = [PAGE_TESTS, AGENT_TESTS, TWIN_TESTS, PYTHON_TESTS].map(|tests| format!("({tests})"));
    command.args(["--workspace", "-E", &format!("not ({})", others.join(" | "))]);
    Ok(command)
}

fn doctests(_root: &Path) -> anyhow::Result<Command> {
    Ok(with(cargo(), "test --locked --doc --workspace --all-features"))
}

fn pages(root: &Path) -> anyhow::Result<Command> {
    let browser = provision::browser()?;
    let mut command = nextest(root)?;
    // The same packages as in `tests`, so that the same build serves both.
    command.args(["--workspace", "-E", PAGE_TESTS]);
    command
        .env("TAKOPI_TEST_CHROMIUM", browser.chromium)
        .env("TAKOPI_TEST_CHROMEDRIVER", browser.chromedriver);
    Ok(command)
}

fn python(root: &Path) -> anyhow::Result<Command> {
    let python = provision::python()?;
    let mut command = nextest(root)?;
    command.args(["--workspace", "-E", PYTHON_TESTS]).env("TAKOPI_TEST_PYTHON", python);
    Ok(command)
}

fn twin(root: &Path) -> anyhow::Result<Command> {
    let (folder, node) = twin::install(root)?;
    let mut command = nextest(root)?;
    command.args(["--workspace", "-E", TWIN_TESTS]);
    command.env("TAKOPI_TEST_TWIN", folder).env("TAKOPI_TEST_NODE", node);
    Ok(command)
}

fn agents(root: &Path) -> anyhow::Result<Command> {
    let programs = agents::install(root)?;
    let cells = table::cells(root)?;
    let mut command = nextest(root)?;
    command.args(["--workspace", "-E", AGENT_TESTS]);
    command.env("TAKOPI_TEST_AGENTS", programs).env("TAKOPI_TEST_AGENT_CELLS", cells);
    Ok(command)
}

fn nextest(root: &Path) -> anyhow::Result<Command> {
    let command = provision::nextest(root).context("nextest")?;
    Ok(with(command, "run --locked --all-features --profile ci"))
}

fn with(mut command: Command, arguments: &str) -> Command {
    command.args(arguments.split(' '));
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(chosen: Vec<&'static Suite>) -> Vec<&'static str> {
        chosen.into_iter().map(|suite| suite.name).collect()
    }

    #[test]
    fn named_suites_run_in_the_order_of_the_list() {
        let wanted = ["doctests".to_owned(), "fmt".to_owned()];
        assert_eq!(choose(&wanted).map(names), Ok(vec!["fmt", "doctests"]));
    }

    #[test]
    fn no_name_means_all_and_an_unknown_one_is_refused() {
        assert_eq!(choose(&[]).map(|all| all.len()).ok(), Some(SUITES.len()));
        let wanted = ["fmt".to_owned(), "fnt".to_owned()];
        assert_eq!(choose(&wanted).err().map(String::as_str), Some("fnt"));
    }

    #[test]
    fn a_missing_tool_fails_in_ci_and_is_a_named_skip_elsewhere() {
        let why = "no chromium".to_owned();
        assert_eq!(unavailable(why.clone(), false), Outcome::Skipped { why: why.clone() });
        assert_eq!(unavailable(why.clone(), true), Outcome::Failed { why, tail: Vec::new() });
    }
}

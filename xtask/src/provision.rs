//! Finds the tools that the suites need, and installs the ones it may.
//!
//! What it installs comes through the ordinary clients, cargo and apt, with their own settings. It never decides
//! whether a missing tool is a failure: `suites` does.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};

use crate::step::{self, Outcome};

/// The nextest that is built when none is installed; raise it together with the toolchain.
const NEXTEST_VERSION: &str = "0.9.143";

const CHROMIUM: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const CHROMEDRIVER: [&str; 2] = ["chromedriver", "chromium.chromedriver"];

/// The oldest Python that the examples of plugins run on.
const OLDEST_PYTHON: (u32, u32) = (3, 9);

/// The browser of the page tests and the program that drives it.
pub(crate) struct Browser {
    pub(crate) chromium: PathBuf,
    pub(crate) chromedriver: PathBuf,
}

/// Returns the cargo that runs this program.
pub(crate) fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Returns `cargo nextest`, building it into `target/tools` when it isn't installed.
///
/// # Errors
/// When there is none and it cannot be built.
pub(crate) fn nextest(root: &Path) -> anyhow::Result<Command> {
    let installed =
        cargo().args(["nextest", "--version"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    if installed.is_ok_and(|status| status.success()) {
        let mut command = cargo();
        command.arg("nextest");
        return Ok(command);
    }
    let tools = root.join("target/tools");
    let program = tools.join("bin/cargo-nextest");
    if !program.exists() {
        println!("cargo-nextest is not installed: building {NEXTEST_VERSION} into target/tools, once");
        let mut install = cargo();
        // Unoptimised: it is built in half the time, and it only starts processes.
        install.args([
            "install",
            "--locked",
            "--debug",
            "cargo-nextest",
            "--version",
            NEXTEST_VERSION,
            "--root",
        ]);
        must(install.arg(&tools)).context("cargo-nextest is missing and could not be built")?;
    }
    let mut command = Command::new(program);
    command.arg("nextest");
    Ok(command)
}

/// Returns Chromium and ChromeDriver, installing Debian's packages where that is possible.
///
/// # Errors
/// When one of them is missing and cannot be installed.
pub(crate) fn browser() -> anyhow::Result<Browser> {
    if let Some(found) = find_browser() {
        return Ok(found);
    }
    if !(is_debian() && is_root()) {
        bail!("no Chromium with ChromeDriver on PATH; on Debian: apt-get install chromium chromium-driver");
    }
    let attempt = || {
        must(apt_get().arg("update"))?;
        must(apt_get().args(["install", "-y", "--no-install-recommends", "chromium", "chromium-driver"]))
    };
    attempt().context("Chromium is missing and could not be installed")?;
    find_browser().context("apt-get installed Chromium, yet it is not on PATH")
}

fn find_browser() -> Option<Browser> {
    let chromium = CHROMIUM.iter().find_map(|name| on_path(name))?;
    let chromedriver = CHROMEDRIVER.iter().find_map(|name| on_path(name))?;
    Some(Browser { chromium, chromedriver })
}

/// Returns a Python 3.9 or later, installing Debian's package where that is possible.
///
/// # Errors
/// When there is none and it cannot be installed.
pub(crate) fn python() -> anyhow::Result<PathBuf> {
    if let Some(found) = find_python() {
        return Ok(found);
    }
    if !(is_debian() && is_root()) {
        bail!("no Python 3.9 or later on PATH; on Debian: apt-get install python3");
    }
    let attempt = || {
        must(apt_get().arg("update"))?;
        must(apt_get().args([
            "install",
            "-y",
            "--no-install-recommends",
            "python3-minimal",
            "libpython3-stdlib",
        ]))
    };
    attempt().context("Python is missing and could not be installed")?;
    find_python().context("apt-get installed Python, yet it is not on PATH, or too old")
}

fn find_python() -> Option<PathBuf> {
    let program = on_path("python3")?;
    let output = Command::new(&program).arg("--version").output().ok()?;
    let version = String::from_utf8_lossy(&output.stdout);
    (python_version(&version)? >= OLDEST_PYTHON).then_some(program)
}

/// Reads `Python 3.11.7`.
fn python_version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.trim().strip_prefix("Python ")?.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// Returns the file that a name on `PATH` stands for.
pub(crate) fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

fn is_debian() -> bool {
    // Not its descendants: Ubuntu's package of this name is a stub that asks for snapd.
    std::fs::read_to_string("/etc/os-release").is_ok_and(|text| text.lines().any(|line| line == "ID=debian"))
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

/// Runs a command, and takes a bad end for an error.
///
/// # Errors
/// When it cannot be started or ends badly.
pub(crate) fn must(command: &mut Command) -> anyhow::Result<()> {
    match step::run(command)? {
        Outcome::Failed { why, .. } => bail!("{why}"),
        Outcome::Passed | Outcome::Skipped { .. } => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pythons_are_old_enough_by_number_not_by_letter() {
        assert!(python_version("Python 3.11.7\n") >= Some(OLDEST_PYTHON));
        assert!(python_version("Python 3.8.10\n") < Some(OLDEST_PYTHON));
        assert_eq!(python_version("pyenv: python3: command not found"), None);
    }
}

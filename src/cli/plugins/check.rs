//! `takopi plugins check`: tries a plugin on all that takopi expects of it, for whoever writes it.
//!
//! The suite is `takopi_plugin_host::check`. Here is what comes before it (the manifest, the ids, the folder) and how it
//! is told. Its processes work in a folder that is gone afterwards.

use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use serde::Serialize;
use takopi_plugin_host::check::{Row, State, Subject, check};

use super::arguments::CheckArguments;
use super::shelf::Shelf;
use super::trial::trial;
use crate::report::{Exit, Failure, say};

/// What was found, for programs.
#[derive(Serialize)]
struct Report<'a> {
    folder: &'a Path,
    ok: bool,
    rows: &'a [Row],
}

pub(super) fn run(arguments: &CheckArguments) -> Result<Exit, Failure> {
    let shelf = Shelf::open(&arguments.config.place()?)?;
    let folder = folder(&arguments.folder)?;
    let (mut rows, package) = super::paper::check(&folder, &shelf);
    // Whoever reads the text sees each row when it is known.
    let mut told = Ok(());
    let mut tell = |row: &Row| {
        if !arguments.json && told.is_ok() {
            told = say(render(row).trim_end());
        }
    };
    rows.iter().for_each(&mut tell);
    let is_ready = rows.iter().all(|row| row.state != State::Failed);
    if let Some(package) = package.filter(|_| is_ready) {
        let scratch = Scratch::make()?;
        let tried = trial(&shelf.settings, &scratch.data(), async |parts| {
            let (tables, _) = shelf.tables(&package);
            check(&Subject { package, tables, parts, dir: scratch.work() }, &mut tell).await
        })?;
        match tried {
            Some(tried) => rows.extend(tried),
            None => return Ok(Exit::Interrupted),
        }
    }
    told?;
    let is_ok = rows.iter().all(|row| row.state != State::Failed);
    if arguments.json {
        let report = Report { folder: &folder, ok: is_ok, rows: &rows };
        say(serde_json::to_string_pretty(&report).map_err(anyhow::Error::from)?)?;
    } else {
        say(summary(&rows))?;
    }
    Ok(if is_ok { Exit::Done } else { Exit::Failed })
}

/// Returns the folder a person means by a path: that folder, or the one of that manifest.
fn folder(path: &Path) -> Result<PathBuf, Failure> {
    let named = if path.is_file() { path.parent().unwrap_or(path) } else { path };
    let named = if named.as_os_str().is_empty() { Path::new(".") } else { named };
    named.canonicalize().map_err(|error| {
        Failure::told(format_args!("there is no plugin at {}: {error}", path.display()))
            .hint("make one: `takopi plugins new NAME --kind command --lang sh`")
    })
}

/// Returns a row as text: a line, with what to do below it where something is to be done.
fn render(row: &Row) -> String {
    let mut text = String::new();
    let state = match row.state {
        State::Ok => "ok",
        State::Note => "note",
        State::Skipped => "skipped",
        State::Failed => "FAILED",
    };
    let told = row.told.as_deref().unwrap_or_default();
    let (first, more) = told.split_once('\n').unwrap_or((told, ""));
    let colon = if first.is_empty() { "" } else { ": " };
    line(&mut text, &format!("{state:<8} {}: {}{colon}{first}", row.about, row.check));
    more.lines().for_each(|more| line(&mut text, &format!("         | {more}")));
    if let Some(remedy) = &row.remedy {
        line(&mut text, &format!("         -> {remedy}"));
    }
    text
}

fn summary(rows: &[Row]) -> String {
    match rows.iter().filter(|row| row.state == State::Failed).count() {
        0 => "nothing fails".to_owned(),
        1 => "1 check fails".to_owned(),
        failed => format!("{failed} checks fail"),
    }
}

/// Adds a line. Control characters in it are escaped: what a plugin wrote ends up here.
fn line(text: &mut String, line: &str) {
    text.push_str(&takopi_core::text::visible(line));
    text.push('\n');
}

/// A folder for the processes of one check; gone with it.
struct Scratch(PathBuf);

impl Scratch {
    fn make() -> Result<Self, Failure> {
        let path = std::env::temp_dir().join(format!("takopi-check-{}", uuid::Uuid::new_v4()));
        let failed = |error| Failure::told(format_args!("failed to make {}: {error}", path.display()));
        let mut builder = fs::DirBuilder::new();
        builder.mode(0o700).create(&path).map_err(failed)?;
        let scratch = Self(path.clone());
        for folder in [scratch.data(), scratch.work()] {
            builder.create(folder).map_err(failed)?;
        }
        Ok(scratch)
    }

    fn data(&self) -> PathBuf {
        self.0.join("data")
    }

    fn work(&self) -> PathBuf {
        self.0.join("work")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::debug!(%error, "a folder of a check stays behind");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_check_is_a_line_with_what_to_do_below() {
        let rows = [
            Row::ok("plugin", "it starts and shakes hands"),
            Row::note("plugin", "it answers a ping", "that took 1200 ms"),
            Row::skipped(
                "engine acme",
                "a session can be continued",
                "the manifest has no [engine.acme.resume]",
            ),
            Row::failed("plugin", "it ends when it is told to", "exit status 3\nsorry\u{1b}[31m")
                .remedy("answer `shutdown`"),
        ];
        let shown = rows.iter().map(render).collect::<String>();
        insta::assert_snapshot!(format!("{shown}{}\n", summary(&rows)));
        assert_eq!(summary(&rows[..1]), "nothing fails");
    }
}

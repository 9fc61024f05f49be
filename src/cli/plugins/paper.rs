//! What can be said of a plugin without starting it: its manifest, the names it wants, its folder and its programs.

use std::path::Path;
use std::sync::Arc;

use takopi_core::catalog::{Claim, Code, PluginError, Spec, Survey, survey};
use takopi_core::id::PluginKind;
use takopi_plugin_host::check::Row;
use takopi_plugin_host::discover::{Discovery, discover};
use takopi_plugin_host::manifest::{self, Package};

use super::shelf::Shelf;

const PLUGIN: &str = "plugin";
const MANIFEST: &str = "its manifest can be read";
const NAMES: &str = "it may have the names it wants";
const READY: &str = "it can be started";

/// Looks at the plugin in a folder.
pub(super) fn check(folder: &Path, shelf: &Shelf) -> (Vec<Row>, Option<Arc<Package>>) {
    if !folder.join(manifest::FILE).exists() {
        let row = Row::failed(
            PLUGIN,
            MANIFEST,
            format_args!("there is no {} in {}", manifest::FILE, folder.display()),
        );
        return (
            vec![row.remedy("name the folder of a plugin, or make one: takopi plugins new --help")],
            None,
        );
    }
    let found = discover(&shelf.places_of(folder));
    let text = std::fs::read_to_string(folder.join(manifest::FILE)).unwrap_or_default();
    let package = found.packages.iter().find(|package| package.dir == folder);
    let Some(package) = package.cloned() else {
        let broken = found
            .broken
            .iter()
            .map(|error| Row::failed(PLUGIN, MANIFEST, with_lines(&text, &own_words(error, folder))));
        return (broken.collect(), None);
    };
    let notes: Vec<&PluginError> = found.notes.iter().collect();
    let mut rows = vec![match notes.is_empty() {
        true => Row::ok(PLUGIN, MANIFEST),
        false => {
            let told: Vec<_> = notes.iter().map(|note| with_lines(&text, &own_words(note, folder))).collect();
            Row::note(PLUGIN, MANIFEST, told.join("; "))
        }
    }];
    let (names, ready) = names_and_readiness(&found, shelf);
    rows.push(match names.is_empty() {
        true => Row::ok(PLUGIN, NAMES),
        false => Row::failed(PLUGIN, NAMES, names.join("; "))
            .remedy(format_args!("take others, in {} and where the program names them", manifest::FILE)),
    });
    if ready.is_empty() {
        rows.push(Row::ok(PLUGIN, READY));
    }
    for problem in ready {
        let row = Row::failed(PLUGIN, READY, &problem.message);
        let is_unbuilt = problem.code == Code::MissingExecutable && folder.join("Cargo.toml").is_file();
        rows.push(match is_unbuilt {
            true => row.remedy("build it: cargo build --release"),
            false => row,
        });
    }
    (rows, Some(package))
}

/// Returns why names are not to be had, and what else is in the way of a start; each once.
fn names_and_readiness(found: &Discovery, shelf: &Shelf) -> (Vec<String>, Vec<PluginError>) {
    let mut names = Vec::new();
    let mut ready: Vec<PluginError> = Vec::new();
    let mut tell = |errors: Vec<PluginError>| {
        for error in errors {
            if error.code.is_about_the_name() {
                names.push(error.message);
            } else if !ready.iter().any(|known| known.message == error.message) {
                ready.push(error);
            }
        }
    };
    tell(surveyed(PluginKind::Engine, &found.engines, shelf).errors);
    tell(surveyed(PluginKind::Transport, &found.transports, shelf).errors);
    tell(surveyed(PluginKind::Command, &found.commands, shelf).errors);
    (names, ready)
}

fn surveyed<S: Clone + Spec>(kind: PluginKind, claims: &[Claim<S>], shelf: &Shelf) -> Survey<S> {
    survey(kind, claims.to_vec(), &shelf.names(kind))
}

/// Returns an error without the folder it is told of: here there is only one.
fn own_words(error: &PluginError, folder: &Path) -> String {
    let prefix = format!("{}: ", folder.display());
    error.message.strip_prefix(&prefix).unwrap_or(&error.message).to_owned()
}

/// Puts the line of the manifest before each problem that names a key.
fn with_lines(text: &str, told: &str) -> String {
    let place = |problem: &str| {
        let key = problem.split([':', ' ']).next().unwrap_or_default();
        line_of(text, key).map_or_else(|| problem.to_owned(), |line| format!("line {line}: {problem}"))
    };
    // A problem and what to write are told apart by the same sign.
    told.split("; ").map(place).collect::<Vec<_>>().join("; ")
}

/// Returns the line of a dotted key, from 1, or of the innermost table there is of it.
fn line_of(text: &str, key: &str) -> Option<usize> {
    let document = toml_edit::Document::parse(text).ok()?;
    let mut item = document.as_item();
    let mut at = None;
    for part in key.split('.') {
        let Some((name, inner)) = item.as_table_like().and_then(|table| table.get_key_value(part)) else {
            break;
        };
        at = name.span().or_else(|| inner.span()).map(|span| span.start).or(at);
        item = inner;
    }
    let before = text.get(..at?)?;
    Some(before.matches('\n').count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_told_with_the_line_of_its_key() {
        let text = "manifest = 1\n\n[distribution]\nname = 3\n\n[command.acme]\nusage = \"/acme\"\n";
        let told = [
            "distribution.name: expected a text, found 3; write e.g. name = \"takopi-acme\"",
            "command.acme.description is missing; write e.g. description = \"…\"",
            "process.command is missing",
        ];
        let told = told.map(|problem| with_lines(text, problem));
        insta::assert_snapshot!(told.join("\n"));
    }
}

//! The listing as JSON: what the text says, and where each plugin comes from.

use serde::Serialize;
use takopi_core::catalog::{Listing, Origin, PluginError, Row};
use takopi_core::id::{Distribution, PluginKind};

use super::shelf::Shelf;
use crate::report::Failure;

/// A listing for programs. The names are a promise.
#[derive(Serialize)]
struct Told<'a> {
    engines: Vec<Plugin<'a>>,
    transports: Vec<Plugin<'a>>,
    commands: Vec<Plugin<'a>>,
    errors: &'a [PluginError],
    notes: &'a [PluginError],
    enabled: &'a [Distribution],
}

#[derive(Serialize)]
struct Plugin<'a> {
    #[serde(flatten)]
    row: &'a Row,
    /// `built_in`, `manifest` or `python`.
    origin: &'static str,
    /// The plugin's folder, or the Python environment.
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
}

/// Returns the listing as JSON.
pub(super) fn render(shelf: &Shelf, listing: &Listing) -> Result<String, Failure> {
    let engines = plugins(shelf, PluginKind::Engine, &listing.engines);
    let transports = plugins(shelf, PluginKind::Transport, &listing.transports);
    let commands = plugins(shelf, PluginKind::Command, &listing.commands);
    let (errors, notes) = (listing.errors.as_slice(), listing.notes.as_slice());
    let told = Told { engines, transports, commands, errors, notes, enabled: &listing.enabled };
    Ok(serde_json::to_string_pretty(&told).map_err(anyhow::Error::from)?)
}

fn plugins<'a>(shelf: &Shelf, kind: PluginKind, rows: &'a [Row]) -> Vec<Plugin<'a>> {
    rows.iter().map(|row| plugin(shelf, kind, row)).collect()
}

fn plugin<'a>(shelf: &Shelf, kind: PluginKind, row: &'a Row) -> Plugin<'a> {
    let origin = shelf.origin(kind, &row.id, row.distribution.as_deref());
    let blank = Plugin { row, origin: "built_in", path: None, version: None, description: None };
    match &origin {
        Origin::BuiltIn => Plugin { version: Some(env!("CARGO_PKG_VERSION").to_owned()), ..blank },
        Origin::Manifest { path, .. } => {
            let manifest = shelf.found.package(&origin).map(|package| &package.manifest);
            let command = manifest.and_then(|manifest| manifest.commands.get(row.id.as_str()));
            let of_command = command.map(|command| command.description.clone());
            Plugin {
                origin: "manifest",
                path: Some(path.display().to_string()),
                version: manifest.map(|manifest| manifest.distribution.version.clone()),
                description: of_command
                    .filter(|_| kind == PluginKind::Command)
                    .or_else(|| manifest.and_then(|manifest| manifest.distribution.description.clone())),
                ..blank
            }
        }
        Origin::Python { environment, .. } => {
            let distributions = &shelf.found.distributions;
            let distribution = distributions.iter().find(|one| {
                one.environment == *environment && one.name.as_deref() == row.distribution.as_deref()
            });
            Plugin {
                origin: "python",
                path: Some(environment.display().to_string()),
                version: distribution.and_then(|one| one.version.clone()),
                description: distribution.and_then(|one| one.summary.clone()),
                ..blank
            }
        }
    }
}

//! The listing of `takopi plugins`: as text in the Python takopi's layout, and as JSON.

use serde::Serialize;

use super::{PluginError, Survey};
use crate::id::{Distribution, PluginId, PluginKind};
use crate::text::is_invisible;

/// One plugin of a listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Its id.
    pub id: PluginId,
    /// Its distribution, as it spells itself.
    pub distribution: Option<String>,
    /// Whether it may be used.
    pub enabled: bool,
}

/// Everything there is, enabled or not.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Listing {
    /// The engines.
    pub engines: Vec<Row>,
    /// The transports.
    pub transports: Vec<Row>,
    /// The commands.
    pub commands: Vec<Row>,
    /// What is wrong: with claims first, then with what failed to load.
    pub errors: Vec<PluginError>,
    /// What is worth knowing and not wrong: an engine whose program isn't installed.
    pub notes: Vec<PluginError>,
    /// The enabled list; empty when there is none.
    pub enabled: Vec<Distribution>,
    /// What is enabled and cannot be run by this version: told once somebody asks to load it.
    #[serde(skip)]
    pub not_run: Vec<PluginError>,
}

impl Listing {
    /// Returns an empty listing under an enabled list.
    #[must_use]
    pub fn new(enabled: &[Distribution]) -> Self {
        Self { enabled: enabled.to_vec(), ..Self::default() }
    }

    /// Adds what a survey found. To list also what isn't enabled, survey without an enabled list.
    pub fn add<S>(&mut self, survey: &Survey<S>) {
        let rows = survey.found.iter().map(|found| Row {
            id: found.id.clone(),
            distribution: found.origin.distribution().map(str::to_owned),
            enabled: found.origin.is_enabled(&self.enabled),
        });
        let rows: Vec<Row> = rows.collect();
        match survey.kind {
            PluginKind::Engine => self.engines.extend(rows),
            PluginKind::Transport => self.transports.extend(rows),
            PluginKind::Command => self.commands.extend(rows),
        }
        // What keeps a plugin from being used matters to nobody who doesn't use it.
        let told = |error: &&PluginError| error.code.is_about_the_name() || self.uses(error);
        let errors: Vec<PluginError> = survey.errors.iter().filter(told).cloned().collect();
        let not_run: Vec<PluginError> = survey.not_run.iter().filter(told).cloned().collect();
        // Two of one distribution that want the same name have an error each, as in the Python takopi.
        self.errors.extend(errors);
        self.not_run.extend(not_run);
    }

    /// Returns whether what an error is about is enabled.
    fn uses(&self, error: &PluginError) -> bool {
        let name = error.distribution.as_deref().and_then(Distribution::parse);
        let listed = |name| name == Distribution::builtin() || self.enabled.contains(&name);
        self.enabled.is_empty() || name.is_some_and(listed)
    }

    /// Makes errors of what this version does not run: somebody asked to load it.
    pub fn tell_not_run(&mut self) {
        let not_run = std::mem::take(&mut self.not_run);
        self.add_errors(&not_run);
    }

    /// Returns whether anything that is enabled has an error.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.errors.iter().any(|error| self.uses(error))
    }

    /// Adds errors that aren't there yet.
    pub fn add_errors(&mut self, errors: &[PluginError]) {
        for error in errors {
            if !self.errors.contains(error) {
                self.errors.push(error.clone());
            }
        }
    }
}

/// Returns the listing as text, with a final newline.
#[must_use]
pub fn render_plugins(listing: &Listing) -> String {
    let mut text = String::new();
    let sections =
        [("engine", &listing.engines), ("transport", &listing.transports), ("command", &listing.commands)];
    for (label, rows) in sections {
        line(&mut text, format_args!("{label} backends:"));
        if rows.is_empty() {
            line(&mut text, format_args!("  (none)"));
        }
        for row in rows {
            let suffix = match row.enabled {
                _ if listing.enabled.is_empty() => "",
                true => " enabled",
                false => " disabled",
            };
            let distribution = row.distribution.as_deref().unwrap_or("unknown");
            line(&mut text, format_args!("  {} ({distribution}){suffix}", row.id));
        }
    }
    for (heading, told) in [("errors", &listing.errors), ("notes", &listing.notes)] {
        if !told.is_empty() {
            line(&mut text, format_args!("{heading}:"));
        }
        for PluginError { kind, id, distribution, message, .. } in told {
            let distribution = distribution.as_deref().unwrap_or("unknown");
            let label = kind.map_or("plugin", PluginKind::label);
            line(&mut text, format_args!("  {label} {id} ({distribution}): {message}"));
        }
    }
    text
}

/// Adds a line. What would drive a terminal or turn the direction of writing is escaped: names of strangers end up
/// here.
fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    for character in line.to_string().chars() {
        if character.is_control() || is_invisible(character) {
            text.extend(character.escape_default());
        } else {
            text.push(character);
        }
    }
    text.push('\n');
}

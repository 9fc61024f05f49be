//! A plugin's own config file: every key of its schema with its docs, the defaults commented out, what is set kept.
//!
//! [`heal`] is pure: the file as it is and the schema give the file as it should be. Lines that begin with `#:` and
//! settings right behind a `#` are takopi's and are written anew; all else is the user's, and none of it is lost.
//! `scan.rs` reads a file, `write.rs` lays it out, `file.rs` touches the disk. The keys are in `docs/plugins/config.md`.

mod file;
mod scan;
#[cfg(test)]
mod tests;
mod write;

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use takopi_core::id::{Distribution, PluginId};
use takopi_core::settings::{ConfigFile, Diagnostic, Place, Severity, Written};
use takopi_plugin_protocol::life::Kind;

pub use file::{read, save, text};

use crate::schema::Schema;

/// The folder of plugins' own config files, beside `takopi.toml`.
pub const FOLDER: &str = "plugin-config";

/// How lines begin that are written anew each time.
const OURS: &str = "#:";

/// How a value is kept whose key the plugin does not know any more.
const UNKNOWN: &str = "# no longer known: ";

/// Whose file it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// What it is, for people: `weather, a command of takopi-acme`.
    pub whose: String,
    /// What to type to write it anew: `takopi plugins config weather`.
    pub command: String,
    /// The table that outranks it: `plugins.weather`.
    pub table: String,
    /// Where it is, for messages.
    pub path: PathBuf,
    /// The home directory, for `~` in messages.
    pub home: Option<PathBuf>,
}

/// A config file as it should be. `Debug` shows the changes alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Healed {
    /// Its text. It may hold secrets: it is for the file.
    pub text: String,
    /// What is new in it, in the order of the file.
    pub changes: Vec<Change>,
}

/// What became of a key. None holds a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "change", content = "key", rename_all = "snake_case")]
pub enum Change {
    /// It is new.
    Added(String),
    /// Its default is another one.
    Refreshed(String),
    /// The plugin does not know it any more; what was set is kept in a comment.
    Retired(String),
    /// The plugin does not know it any more; it was not set.
    Pruned(String),
}

/// Returns the own config file of something a plugin registers: `<config dir>/plugin-config/<distribution>/<id>.toml`,
/// `<id>.transport.toml` for transports, since a command may have the same id. `config_dir` is where `takopi.toml` is.
#[must_use]
pub fn path(config_dir: &Path, distribution: Option<&Distribution>, kind: Kind, id: &PluginId) -> PathBuf {
    let plain = |c: char| if c.is_alphanumeric() || matches!(c, '-' | '_') { c } else { '_' };
    let folder: String = distribution.map_or("unnamed", Distribution::as_str).chars().map(plain).collect();
    let name = match kind {
        Kind::Transport => format!("{id}.transport.toml"),
        Kind::Engine | Kind::Command => format!("{id}.toml"),
    };
    config_dir.join(FOLDER).join(folder).join(name)
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Renewed {
    /// Whether it was written: it is not when it is as it should be.
    pub written: bool,
    /// What is new in it.
    pub changes: Vec<Change>,
}

/// Writes the file of `head` as it should be.
///
/// # Errors
/// Why it cannot be read or written, or each line that isn't TOML; the file is then left alone.
pub fn renew(schema: &Schema, head: &Head) -> Result<Renewed, Vec<Diagnostic>> {
    let existing = text(&head.path, head.home.as_deref())?;
    let Healed { text, changes } = heal(existing.as_deref(), schema, head)?;
    let written = existing.as_deref() != Some(text.as_str());
    if written {
        save(&head.path, &text).map_err(|error| {
            let (place, key, problem) =
                (head.place(), String::new(), format!("it cannot be written: {error}"));
            let remedy = "look at the folder and its disk".to_owned();
            vec![Diagnostic { severity: Severity::Error, place, key, problem, remedy }]
        })?;
    }
    Ok(Renewed { written, changes })
}

/// Returns the file as it should be; `existing` is what is there now. Healing what is healed changes nothing.
///
/// # Errors
/// Each line of `existing` that isn't TOML; the file is then left alone.
pub fn heal(existing: Option<&str>, schema: &Schema, head: &Head) -> Result<Healed, Vec<Diagnostic>> {
    let text = existing.unwrap_or_default();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let content = Ok(text.as_bytes().to_vec());

    Written::parse(&ConfigFile { path: head.path.clone(), named: false, content }, head.home.as_deref())?;
    let found = scan::scan(text, &schema.root).map_err(|problem| {
        let (key, remedy) = (String::new(), "move it away and try again".to_owned());
        vec![Diagnostic { severity: Severity::Error, place: head.place(), key, problem, remedy }]
    })?;
    Ok(write::write(schema, head, found))
}

impl fmt::Debug for Healed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Healed").field("changes", &self.changes).finish_non_exhaustive()
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Added(key) => write!(f, "{key} is new"),
            Self::Refreshed(key) => write!(f, "{key} has another default"),
            Self::Retired(key) => {
                write!(f, "{key} is no longer known to the plugin; its value is kept in a comment at the end")
            }
            Self::Pruned(key) => write!(f, "{key} is gone: it is no longer known to the plugin"),
        }
    }
}

impl Head {
    /// Returns the path as people write it.
    #[must_use]
    pub fn shown(&self) -> String {
        self.place().to_string()
    }

    fn place(&self) -> Place {
        place(&self.path, self.home.as_deref())
    }
}

/// Returns the place of a file as a whole, for messages.
fn place(path: &Path, home: Option<&Path>) -> Place {
    let shown = match home.and_then(|home| path.strip_prefix(home).ok()) {
        Some(rest) => format!("~/{}", rest.display()),
        None => path.display().to_string(),
    };
    Place::File { path: shown.into(), at: None }
}

//! `[plugins]`: which distributions may be used and where plugins are looked for. The tables of the
//! plugins themselves stay as they are written.

use std::path::PathBuf;

use super::diagnostic::closest;
use super::source::Entry;
use super::table::{ConfigTable, Table, read_entries};
use super::{Document, Input};
use crate::id::Distribution;

/// The rules of `[plugins]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PluginSettings {
    /// The third-party distributions that may be used; empty is all.
    pub enabled: Vec<Distribution>,
    /// Folders that hold plugins, besides the usual ones.
    pub paths: Vec<PathBuf>,
    /// Python environments that hold plugins.
    pub environments: Vec<PathBuf>,
}

impl ConfigTable for PluginSettings {
    fn read(table: &mut Table<'_>) -> Self {
        let enabled = table.strings("enabled", "[\"takopi-scripts\"]").unwrap_or_default();
        let paths = table.paths("paths", "[\"~/plugins\"]").unwrap_or_default();
        let environments = table.paths("environments", "[\"~/.venv\"]").unwrap_or_default();
        table.leave("auto_install");
        if table.has("auto_install") {
            table.warn("auto_install", "this has no meaning yet, ignored", "remove it");
        }
        for entry in table.entries.iter().filter(|entry| entry.node.entries().is_some()) {
            table.leave(&entry.key);
        }
        let enabled = enabled.iter().filter_map(|name| Distribution::parse(name)).collect();
        Self { enabled, paths, environments }
    }
}

/// Reads `[plugins]`, and tells the tables that are nobody's; `known` are all ids that plugins claim.
pub(super) fn read(table: &mut Table<'_>, known: &[String]) -> PluginSettings {
    table.within("plugins", |plugins| {
        let settings = PluginSettings::read(plugins);
        let is_nobodys = |entry: &&Entry| entry.node.entries().is_some() && !known.contains(&entry.key);
        for entry in plugins.entries.iter().filter(is_nobodys) {
            let remedy = match closest(&entry.key, known.iter().map(String::as_str)) {
                Some(near) => format!("did you mean {near}?"),
                None => "install it, or remove this; `takopi plugins` lists what is here".to_owned(),
            };
            plugins.warn(&entry.key, "there is no such plugin here, ignored", remedy);
        }
        settings
    })
}

/// Reads `[plugins]` alone, before it is known what other tables may name. Mistakes are left for
/// [`super::load`] to tell: what cannot be read is as if it weren't there.
#[must_use]
pub fn plugins(input: &Input<'_>) -> PluginSettings {
    let mut ignored = Vec::new();
    let Ok(document) = Document::assemble(input, &mut ignored) else { return PluginSettings::default() };
    let Document { root, file, base } = &document;
    read_entries(root, "", file.clone(), base, &mut ignored, |table| table.table("plugins"))
}

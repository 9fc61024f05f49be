//! `[plugins]`: which distributions may be used and where plugins are looked for. The tables of the
//! plugins themselves stay as they are written.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use super::diagnostic::closest;
use super::secret::Secret;
use super::source::{Entry, Value};
use super::table::{ConfigTable, Table, read_entries, read_node};
use super::{Document, Input};
use crate::id::Distribution;

/// The rules of `[plugins]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PluginSettings {
    /// The third-party distributions that may be used; empty is all.
    pub enabled: Vec<Distribution>,
    /// Folders that hold plugins, besides the usual ones.
    pub paths: Vec<PathBuf>,
    /// Python environments that hold plugins; of two that have the same one the first counts.
    pub environments: Vec<PythonEnvironment>,
}

/// One of `[[plugins.environments]]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PythonEnvironment {
    /// The interpreter and arguments before its own, or the folder of the environment. A name without a slash is
    /// looked for on PATH. Empty only where `site` isn't.
    pub python: Vec<OsString>,
    /// The folders with the installed distributions; empty is those of the interpreter.
    pub site: Vec<PathBuf>,
    /// Variables set for its plugins.
    pub env: BTreeMap<String, Secret>,
}

/// What `[plugins]` itself may hold.
const KEYS: [&str; 4] = ["enabled", "paths", "environments", "auto_install"];

/// What an environment looks like.
const ENVIRONMENT: &str = "\"~/.local/share/uv/tools/takopi/bin/python\"";

impl ConfigTable for PluginSettings {
    fn read(table: &mut Table<'_>) -> Self {
        let enabled = table.strings("enabled", "[\"takopi-scripts\"]").unwrap_or_default();
        let paths = table.paths("paths", "[\"~/plugins\"]").unwrap_or_default();
        let environments = environments(table);
        table.leave("auto_install");
        if table.has("auto_install") {
            table.warn("auto_install", "this has no meaning yet, ignored", "remove it");
        }
        for entry in table.entries {
            let key = &entry.key;
            if entry.node.entries().is_some() {
                table.leave(key);
            } else if !KEYS.contains(&key.as_str()) && closest(key, KEYS).is_none() {
                // Somebody's or nobody's: that is for `read` to say, which knows the plugins.
                table.leave(key);
            }
        }
        let enabled = enabled.iter().filter_map(|name| Distribution::parse(name)).collect();
        Self { enabled, paths, environments }
    }
}

/// Reads `[plugins]`, and tells what is nobody's; `known` are all ids that plugins claim.
pub(super) fn read(table: &mut Table<'_>, known: &[String]) -> PluginSettings {
    table.within("plugins", |plugins| {
        let settings = PluginSettings::read(plugins);
        let is_nobodys = |entry: &&Entry| !known.contains(&entry.key);
        for entry in plugins.entries.iter().filter(is_nobodys) {
            let key = &entry.key;
            if entry.node.entries().is_none() {
                // Whoever reads the table of a plugin gets this as an error; as long as nobody does, a file that says so
                // for nothing keeps loading.
                if !KEYS.contains(&key.as_str()) && closest(key, KEYS).is_none() {
                    let remedy = format!(
                        "write the settings of a plugin below [plugins.{key}], or remove this; known here: {}",
                        KEYS[..3].join(", ")
                    );
                    plugins.warn(key, "neither a setting nor the table of a plugin, ignored", remedy);
                }
                continue;
            }
            let remedy = match closest(key, known.iter().map(String::as_str)) {
                Some(near) => format!("did you mean {near}?"),
                None => "install it, or remove this; `takopi plugins` lists what is here".to_owned(),
            };
            plugins.warn(key, "there is no such plugin here, ignored", remedy);
        }
        settings
    })
}

/// Reads the environments: tables, or just texts.
fn environments(table: &mut Table<'_>) -> Vec<PythonEnvironment> {
    const KEY: &str = "environments";
    let example = format!("[{{ python = {ENVIRONMENT} }}]");
    let Some(Value::Array(items)) = table.ask(KEY).map(|node| &node.value) else {
        let paths = table.paths(KEY, &example).unwrap_or_default();
        return paths.into_iter().map(of_interpreter).collect();
    };
    let mut environments = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        match &item.value {
            Value::Text(text) | Value::String(text) if !text.trim().is_empty() => {
                environments.push(of_interpreter(table.base.resolve(text.trim(), &table.base.dir)));
            }
            Value::Table(_) => {
                let path = table.dotted(KEY);
                let place = item.place.clone();
                let read = |table: &mut Table<'_>| PythonEnvironment::read(table);
                environments.push(read_node(Some(item), &path, &place, table.base, table.diagnostics, read));
            }
            _ => {
                let problem = format!("item {}: expected a table or a path", index + 1);
                table.error(KEY, problem, format!("write e.g. {KEY} = {example}"));
            }
        }
    }
    environments
}

fn of_interpreter(path: PathBuf) -> PythonEnvironment {
    PythonEnvironment { python: vec![path.into_os_string()], ..PythonEnvironment::default() }
}

impl ConfigTable for PythonEnvironment {
    fn read(table: &mut Table<'_>) -> Self {
        let is_list = matches!(table.ask("python").map(|node| &node.value), Some(Value::Array(_)));
        let python = if is_list {
            table.strings("python", &format!("[{ENVIRONMENT}]")).unwrap_or_default()
        } else {
            table.string("python", ENVIRONMENT).into_iter().collect()
        };
        let base = table.base;
        let resolve = |(index, text): (usize, String)| match text.as_str() {
            "~" => base.resolve(&text, &base.dir).into_os_string(),
            path if path.starts_with("~/") || (index == 0 && path.contains('/')) => {
                base.resolve(path, &base.dir).into_os_string()
            }
            _ => OsString::from(text),
        };
        let python: Vec<OsString> = python.into_iter().enumerate().map(resolve).collect();
        let site = table.paths("site", "[\"~/plugins/site-packages\"]").unwrap_or_default();
        if !table.has("python") && !table.has("site") {
            table.missing("python", ENVIRONMENT);
        }
        let env = table.within("env", |env| {
            let entries = env.entries;
            entries.iter().filter_map(|entry| Some((entry.key.clone(), env.secret(&entry.key)?))).collect()
        });
        Self { python, site, env }
    }
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

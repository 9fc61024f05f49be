//! `[projects.<alias>]`: directories with a name, and which names they may have.

use std::path::PathBuf;

use super::diagnostic::Severity;
use super::engine::{Standing, propose, read_name};
use super::table::Table;
use super::{Known, source::Entry};
use crate::id::{EngineId, PluginId, RESERVED_CHAT, alias_is_reserved};

/// A project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Its name, as it is written. Names are compared without regard to case.
    pub alias: String,
    /// Its directory. Whether it is there is not known here.
    pub path: PathBuf,
    /// Where its worktrees are made.
    pub worktrees_dir: PathBuf,
    /// Its own default engine.
    pub default_engine: Option<EngineId>,
    /// The branch new worktrees start from.
    pub worktree_base: Option<String>,
    /// The chat that belongs to it.
    pub chat_id: Option<i64>,
}

impl Project {
    /// Returns the name by which it is looked up: the alias in lower case.
    #[must_use]
    pub fn key(&self) -> String {
        self.alias.to_lowercase()
    }
}

/// Reads the projects, and which built-in ids yield to them.
pub(super) fn read(table: &mut Table<'_>, known: &Known) -> (Vec<Project>, Vec<PluginId>) {
    table.within("projects", |projects| {
        let mut read: Vec<Project> = Vec::new();
        let mut yielding = Vec::new();
        for entry in projects.entries {
            check_alias(projects, entry, &read, known);
            let key = entry.key.to_lowercase();
            yielding.extend(late_ids(known).find(|id| id.as_str() == key).cloned());
            let project = projects.within(&entry.key, |table| read_one(table, &entry.key, known));
            read.push(project);
        }
        (read, yielding)
    })
}

fn read_one(table: &mut Table<'_>, alias: &str, known: &Known) -> Project {
    let base = table.base;
    let path = table.required_string("path", "\"~/code/app\"");
    let path = base.resolve(path.as_deref().unwrap_or("."), &base.dir);
    let worktrees_dir = table.string("worktrees_dir", "\".worktrees\"");
    let worktree_base = table.string("worktree_base", "\"main\"");
    if worktree_base.as_deref().is_some_and(|branch| branch.starts_with('-')) {
        table.error("worktree_base", "a branch does not begin with -", "write e.g. worktree_base = \"main\"");
    }
    Project {
        alias: alias.to_owned(),
        worktrees_dir: base.resolve(worktrees_dir.as_deref().unwrap_or(".worktrees"), &path),
        path,
        default_engine: read_name(table, "default_engine", &known.engines),
        worktree_base,
        chat_id: table.chat_id("chat_id"),
    }
}

fn late_ids(known: &Known) -> impl Iterator<Item = &PluginId> {
    let engines = known.engines.iter().filter(|engine| engine.standing == Standing::Late);
    engines.map(|engine| &engine.id).chain(&known.late_commands)
}

fn check_alias(projects: &mut Table<'_>, entry: &Entry, earlier: &[Project], known: &Known) {
    let alias = &entry.key;
    let key = alias.to_lowercase();
    let mut tell = |severity, problem: String, remedy: &str| {
        projects.tell(severity, alias, problem, remedy.to_owned());
    };
    if alias.is_empty() || alias.contains(char::is_whitespace) {
        let problem = "a project's name is one word, to be typed as /name".to_owned();
        tell(Severity::Error, problem, "write e.g. [projects.app]");
    }
    if alias_is_reserved(alias) {
        let problem = format!("{key} is a command of the chat ({})", RESERVED_CHAT.join(", "));
        tell(Severity::Error, problem, "give the project another name");
    }
    let is_engine = |standing| {
        known.engines.iter().any(|engine| engine.standing == standing && engine.id.as_str() == key)
    };
    if is_engine(Standing::BuiltIn) {
        tell(Severity::Error, format!("{key} is an engine"), "give the project another name");
    } else if is_engine(Standing::Late) {
        let problem = format!("the engine {key} yields to this project and cannot be used");
        tell(Severity::Warning, problem, "rename the project to have both");
    } else if known.late_commands.iter().any(|id| id.as_str() == key) {
        let problem = format!("the command /{key} yields to this project and cannot be used");
        tell(Severity::Warning, problem, "rename the project to have both");
    }
    if let Some(other) = earlier.iter().find(|project| project.key() == key) {
        let problem =
            format!("[projects.{}] has the same name; upper and lower case count as one", other.alias);
        tell(Severity::Error, problem, "rename one of the two");
    }
}

/// Reads the name of the default project.
pub(super) fn read_default(table: &mut Table<'_>, projects: &[Project]) -> Option<String> {
    let name = table.string("default_project", "\"app\"")?;
    let key = name.to_lowercase();
    let found = projects.iter().find(|project| project.key() == key);
    if found.is_none() {
        let remedy = match projects {
            [] => format!("write [projects.{key}] with its path, or remove this"),
            _ => propose(&name, projects.iter().map(|project| project.alias.as_str())),
        };
        table.error("default_project", format!("there is no project {name:?}"), remedy);
    }
    found.map(|project| project.alias.clone())
}

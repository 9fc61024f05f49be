//! Engines as settings name them: their tables in either place, the default, and which one that is.

use super::Settings;
use super::diagnostic::{Diagnostic, Severity, closest};
use super::source::{Entry, Node, find};
use super::table::Table;
use crate::id::EngineId;
use crate::port::{EngineSpec, SetupIssue};

/// Tried in this order when no default is named.
const PREFERRED: [&str; 4] = ["codex", "claude", "opencode", "pi"];
/// The default where nothing else is there and only the person at the machine is served.
const LAST_RESORT: &str = "shell";
/// The key of `[engines]` that is no engine.
const ENV: &str = "env";

/// Who brought an engine, and how its id stands against a project of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Built in, and known to the Python takopi: no project may have its name.
    BuiltIn,
    /// Built in since: yields to a project of its name.
    Late,
    /// From a plugin: never shadows a project.
    ThirdParty,
}

/// An engine that settings may name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownEngine {
    /// Its id.
    pub id: EngineId,
    /// Who brought it.
    pub standing: Standing,
    /// The executable it needs.
    pub executable: Option<String>,
    /// What to type to install that.
    pub install: Option<String>,
    /// Whether the executable is on PATH, or none is needed.
    pub installed: bool,
    /// What keeps it from being used, by whoever claims the id, and what to do; `None` is nothing that is known.
    pub refused: Option<String>,
}

impl KnownEngine {
    /// Returns what settings need to know of an engine.
    #[must_use]
    pub fn new(spec: &EngineSpec, standing: Standing, installed: bool) -> Self {
        let EngineSpec { id, executable, install, .. } = spec.clone();
        Self { id, standing, executable, install, installed, refused: None }
    }

    /// Returns what settings need to know of an engine that a plugin claims and cannot have or bring: it may be
    /// named, and whoever needs it is told why it is not there.
    #[must_use]
    pub const fn refused(id: EngineId, why: String) -> Self {
        let standing = Standing::ThirdParty;
        Self { id, standing, executable: None, install: None, installed: false, refused: Some(why) }
    }

    /// Returns what is to be said when its executable isn't there.
    #[must_use]
    pub fn missing(&self) -> SetupIssue {
        let executable = self.executable.as_deref().unwrap_or(self.id.as_str());
        SetupIssue::not_on_path(executable, self.install.as_deref())
    }
}

/// Reads the name of an engine.
pub(super) fn read_name(table: &mut Table<'_>, key: &str, known: &[KnownEngine]) -> Option<EngineId> {
    let example = known.first().map_or("codex", |engine| engine.id.as_str());
    let name = table.string(key, &format!("\"{example}\""))?;
    let found = known.iter().find(|engine| engine.id.as_str() == name);
    if found.is_none() {
        let remedy = propose(&name, offered(known));
        table.error(key, format!("there is no engine {name:?}"), remedy);
    }
    found.map(|engine| engine.id.clone())
}

/// Returns the names to propose.
fn offered(known: &[KnownEngine]) -> impl Iterator<Item = &str> + Clone {
    known.iter().filter(|engine| engine.refused.is_none()).map(|engine| engine.id.as_str())
}

/// Says what could have been meant, and what there is.
pub(super) fn propose<'a>(name: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    let mut sorted: Vec<&str> = known.clone().collect();
    sorted.sort_unstable();
    let available = if sorted.is_empty() { "none".to_owned() } else { sorted.join(", ") };
    match closest(name, known) {
        Some(near) => format!("did you mean {near}? available: {available}"),
        None => format!("available: {available}"),
    }
}

/// Reads `[engines]` but for the engines' own tables, and tells tables of engines there are not.
pub(super) fn read(table: &mut Table<'_>, known: &[KnownEngine]) -> Option<Vec<String>> {
    let root = table.entries;
    let new_tables = find(root, "engines").and_then(Node::entries).unwrap_or_default();
    for engine in known {
        let id = engine.id.as_str();
        table.leave(id);
        if let (Some(_), Some(new)) = (find(root, id), find(new_tables, id)) {
            let problem = format!("its settings are also at {} ([engines.{id}])", new.place);
            let remedy = format!("keep [engines.{id}] and remove [{id}]");
            table.tell_at(Severity::Error, &[id], problem, remedy);
        }
    }
    table.within("engines", |engines| {
        for engine in known {
            engines.leave(engine.id.as_str());
        }
        let unknown =
            |entry: &&Entry| entry.key != ENV && !known.iter().any(|engine| engine.id.as_str() == entry.key);
        for entry in engines.entries.iter().filter(unknown) {
            engines.leave(&entry.key);
            let names = offered(known);
            if entry.node.entries().is_some() {
                engines.warn(&entry.key, "there is no such engine, ignored", propose(&entry.key, names));
            } else {
                let remedy = "only env and the tables of engines stand in [engines]";
                engines.warn(&entry.key, "unknown key, ignored", remedy);
            }
        }
        let env = engines.strings(ENV, "[\"PATH\", \"HOME\"]")?;
        let wrong = |name: &&String| name.contains('=') || name.contains(char::is_whitespace);
        if let Some(name) = env.iter().find(wrong) {
            let problem = format!("{:?} is no name of a variable", name.split('=').next().unwrap_or(name));
            engines.error(ENV, problem, "list names only, without values, e.g. env = [\"PATH\", \"HOME\"]");
        }
        Some(env)
    })
}

/// Returns where the table of an engine is, or would be.
pub(super) fn place_of<'a>(root: &[Entry], id: &'a EngineId) -> Vec<&'a str> {
    let new = find(root, "engines").and_then(Node::entries).and_then(|tables| find(tables, id.as_str()));
    if new.is_none() && find(root, id.as_str()).is_some() {
        return vec![id.as_str()];
    }
    vec!["engines", id.as_str()]
}

/// Returns the engine to use where nobody says otherwise: the named one; else the first of codex, claude,
/// opencode and pi that is installed; else the shell, when only `local` is served.
///
/// # Errors
/// A diagnostic when the named one isn't installed, or there is none to choose.
pub fn default_engine(settings: &Settings, known: &[KnownEngine]) -> Result<EngineId, Diagnostic> {
    let by_id = |id: &str| known.iter().find(|engine| engine.id.as_str() == id);
    let told = |problem: String, remedy: String| {
        let node = find(&settings.document.root, "default_engine");
        let place = node.map_or_else(|| settings.document.file.clone(), |node| node.place.clone());
        Diagnostic { severity: Severity::Error, place, key: "default_engine".to_owned(), problem, remedy }
    };
    if let Some(id) = &settings.default_engine {
        let usable = |engine: &&KnownEngine| !settings.yielding.contains(&engine.id);
        let Some(engine) = by_id(id.as_str()).filter(usable) else {
            let project = format!("the engine {id} yields to the project of that name");
            return Err(told(project, "name another engine, or rename the project".to_owned()));
        };
        if let Some(why) = &engine.refused {
            let remedy = "mend that plugin (`takopi plugins` tells of all), or name another engine";
            return Err(told(format!("the engine {id} cannot be used: {why}"), remedy.to_owned()));
        }
        if engine.installed {
            return Ok(id.clone());
        }
        let others: Vec<&str> =
            known.iter().filter(|other| other.installed).map(|other| other.id.as_str()).collect();
        let SetupIssue { title, mut remedy } = engine.missing();
        if !others.is_empty() {
            remedy.push(format!("or name an engine that is there: {}", others.join(", ")));
        }
        return Err(told(title, remedy.join("; ")));
    }
    let installed = |id: &&str| by_id(id).is_some_and(|engine| engine.installed);
    let local_alone = settings.served().all(|instance| instance.kind.as_str() == "local");
    let free = |id: &&str| !settings.yielding.iter().any(|yielding| yielding.as_str() == *id);
    let last_resort = local_alone.then_some(LAST_RESORT).filter(free);
    let chosen = PREFERRED.into_iter().find(installed).or(last_resort).and_then(by_id);
    chosen.map(|engine| engine.id.clone()).ok_or_else(|| {
        let tried: Vec<&str> = PREFERRED.into_iter().filter(|id| by_id(id).is_some()).collect();
        let problem = match tried.as_slice() {
            [] => "no engine is named, and this build has none to choose by itself".to_owned(),
            _ => format!("no engine is named, and none of {} is on PATH", tried.join(", ")),
        };
        let is_there = |engine: &&KnownEngine| engine.standing == Standing::ThirdParty && engine.installed;
        let plugin = known.iter().find(is_there).map_or("…", |engine| engine.id.as_str());
        told(problem, format!("install one, or write default_engine = \"{plugin}\""))
    })
}

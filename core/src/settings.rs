//! The settings: file, environment and command line become types, and every mistake becomes a line that
//! says where it is and what to write.
//!
//! [`load`] reads the core's own tables and checks what depends on several of them. The tables of engines,
//! transports and plugins stay here untyped until their rooms ask for them ([`Settings::engine`], …), each
//! through [`ConfigTable`]. Nothing here touches a disk: the shell brings bytes, variables and flags.

mod diagnostic;
mod engine;
mod layer;
mod plugin;
mod project;
mod secret;
mod source;
mod table;
mod transport;
mod written;

#[cfg(test)]
mod mistakes;

pub use diagnostic::{Diagnostic, Place, Severity, closest, has_errors};
pub use engine::{KnownEngine, Standing, default_engine};
pub use layer::{Override, is_setting};
pub use plugin::{PluginSettings, PythonEnvironment, plugins};
pub use project::Project;
pub use secret::{EngineEnvironment, Secret, names_a_secret};
pub use source::ConfigFile;
pub use table::{ConfigTable, Reading, Table};
pub use transport::Instance;
pub use written::{Meaning, Written};

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::id::{CommandId, EngineId, InstanceId, PluginId, TransportKind};
use source::{Entry, Node, find};
use table::{Base, read_entries, read_node};

/// Where settings come from. A later one wins: file, environment, command line.
#[derive(Debug, Clone)]
pub struct Input<'a> {
    /// The config file.
    pub file: &'a ConfigFile,
    /// The process's environment; only `TAKOPI__…` counts.
    pub environment: &'a [(String, String)],
    /// What the command line sets.
    pub overrides: &'a [Override],
    /// The home directory, for `~`.
    pub home: Option<&'a Path>,
}

/// What settings may name: all engines and transports there are, whether or not they will be visible.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// The engines.
    pub engines: Vec<KnownEngine>,
    /// The kinds of transports.
    pub transports: Vec<TransportKind>,
    /// Built-in commands the Python takopi didn't have: they yield to a project of that name.
    pub late_commands: Vec<CommandId>,
}

/// Whether two sessions may work in one worktree at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SerializeBy {
    /// Only runs of one session wait for each other.
    #[default]
    Session,
    /// Runs in one directory wait for each other too.
    Worktree,
}

/// `[ledger]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerSettings {
    /// Days after which what is finished is forgotten.
    pub retention_days: u32,
    /// The file; `None` is beside the config.
    pub path: Option<PathBuf>,
}

/// The settings as they hold: the core's tables typed, the others as they are written.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Whether a changed file is read again.
    pub watch_config: bool,
    /// Runs at a time.
    pub max_parallel_runs: usize,
    /// What waits for what.
    pub serialize: SerializeBy,
    /// The engine that was named; see [`default_engine`] for the one to use.
    pub default_engine: Option<EngineId>,
    /// The alias of the default project, as the project spells it.
    pub default_project: Option<String>,
    /// The projects, in the order of the file.
    pub projects: Vec<Project>,
    /// The transports, in the order of the file; without any, an implied `local`.
    pub transports: Vec<Instance>,
    /// The rules for plugins.
    pub plugins: PluginSettings,
    /// What engines inherit of the environment.
    pub environment: EngineEnvironment,
    /// The ledger.
    pub ledger: LedgerSettings,
    /// Built-in ids that yield to a project of the same name.
    pub yielding: Vec<PluginId>,
    document: Arc<Document>,
}

/// Settings that can be used, and what people should know about them.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The settings.
    pub settings: Settings,
    /// Warnings, in the order of the file.
    pub warnings: Vec<Diagnostic>,
}

/// All layers in one tree.
#[derive(Clone)]
struct Document {
    root: Vec<Entry>,
    file: Place,
    base: Base,
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Document")
    }
}

/// Reads the settings.
///
/// # Errors
/// Every mistake and every warning, in the order of the file, when one of them is an error.
pub fn load(input: &Input<'_>, known: &Known) -> Result<Loaded, Vec<Diagnostic>> {
    let mut diagnostics = Vec::new();
    let mut document = Document::assemble(input, &mut diagnostics)?;
    transport::adopt_legacy(&mut document.root, &mut diagnostics);
    let settings = read(Arc::new(document), known, &mut diagnostics);
    diagnostics.sort_by(|a, b| a.place.cmp(&b.place));
    if has_errors(&diagnostics) { Err(diagnostics) } else { Ok(Loaded { settings, warnings: diagnostics }) }
}

fn read(document: Arc<Document>, known: &Known, diagnostics: &mut Vec<Diagnostic>) -> Settings {
    let Document { root, file, base } = &*document;
    read_entries(root, "", file.clone(), base, diagnostics, |table| {
        let default_engine = engine::read_name(table, "default_engine", &known.engines);
        let (projects, yielding) = project::read(table, known);
        let default_project = project::read_default(table, &projects);
        let transports = transport::read(table, &known.transports);
        transport::check_chats(table, &transports, &projects);
        let allowed = engine::read(table, &known.engines);
        let parallel = table.integer("max_parallel_runs", 1..=1024, 64);
        let serialize = [("session", SerializeBy::Session), ("worktree", SerializeBy::Worktree)];
        Settings {
            watch_config: table.lenient_boolean("watch_config", false),
            max_parallel_runs: usize::try_from(parallel).unwrap_or(1),
            serialize: table.choice("serialize", &serialize, SerializeBy::Session),
            default_engine,
            default_project,
            projects,
            transports,
            plugins: table.table("plugins"),
            environment: EngineEnvironment { allowed, secrets: secret::collect(root) },
            ledger: table.table("ledger"),
            yielding,
            document: document.clone(),
        }
    })
}

impl ConfigTable for LedgerSettings {
    fn read(table: &mut Table<'_>) -> Self {
        let days = table.integer("retention_days", 1..=36_500, 90);
        Self {
            retention_days: u32::try_from(days).unwrap_or(u32::MAX),
            path: table.path("path", "\"~/.takopi/takopi.db\""),
        }
    }
}

impl Settings {
    /// Reads the table of an engine: `[engines.<id>]`, or the older `[<id>]`.
    ///
    /// An error disables that engine only, unless it is the default: the caller decides.
    #[must_use]
    pub fn engine<T: ConfigTable>(&self, id: &EngineId) -> Reading<T> {
        self.document.read(&engine::place_of(&self.document.root, id), &[])
    }

    /// Reads the table of a transport. `kind` and `enabled` are the core's.
    #[must_use]
    pub fn transport<T: ConfigTable>(&self, instance: &InstanceId) -> Reading<T> {
        self.document.read(&["transports", instance.as_str()], &transport::OWN_KEYS)
    }

    /// Reads the table of a plugin, `[plugins.<id>]`; as it is written when `T` is a JSON map.
    #[must_use]
    pub fn plugin<T: ConfigTable>(&self, id: &PluginId) -> Reading<T> {
        self.document.read(&["plugins", id.as_str()], &[])
    }

    /// Returns what is written at a dotted key, in whatever layer, or `None`. Secrets are in clear, so this
    /// is for comparing and for plugins, not for showing.
    #[must_use]
    pub fn raw(&self, key: &str) -> Option<serde_json::Value> {
        let path: Vec<&str> = key.split('.').collect();
        self.document.node(&path).map(Node::to_json)
    }

    /// Returns where a dotted key is written; the file, when it is nowhere.
    #[must_use]
    pub fn place_of(&self, key: &str) -> Place {
        let path: Vec<&str> = key.split('.').collect();
        self.document.node(&path).map_or_else(|| self.document.file.clone(), |node| node.place.clone())
    }

    /// Returns the project called `alias`, without regard to case.
    #[must_use]
    pub fn project(&self, alias: &str) -> Option<&Project> {
        let alias = alias.to_lowercase();
        self.projects.iter().find(|project| project.key() == alias)
    }

    /// Returns the transports to be served.
    pub fn served(&self) -> impl Iterator<Item = &Instance> {
        self.transports.iter().filter(|instance| instance.served)
    }
}

impl Default for Settings {
    /// Returns what holds without any file.
    fn default() -> Self {
        let known =
            Known { transports: TransportKind::parse("local").into_iter().collect(), ..Known::default() };
        let file = Place::File { path: "takopi.toml".into(), at: None };
        let document = Document { root: Vec::new(), file, base: Base::default() };
        read(Arc::new(document), &known, &mut Vec::new())
    }
}

impl Document {
    fn assemble(input: &Input<'_>, diagnostics: &mut Vec<Diagnostic>) -> Result<Self, Vec<Diagnostic>> {
        let path = source::shown(&input.file.path, input.home);
        let mut root = source::parse(input.file, &path)?;
        layer::lay_over(&mut root, input.environment, input.overrides, diagnostics);
        let dir = input.file.path.parent().map(Path::to_path_buf).unwrap_or_default();
        let base = Base { home: input.home.map(Path::to_path_buf), dir };
        Ok(Self { root, file: Place::File { path, at: None }, base })
    }

    fn node(&self, path: &[&str]) -> Option<&Node> {
        let (first, rest) = path.split_first()?;
        rest.iter().try_fold(find(&self.root, first)?, |node, key| find(node.entries()?, key))
    }

    fn read<T: ConfigTable>(&self, path: &[&str], leave: &[&str]) -> Reading<T> {
        let mut diagnostics = Vec::new();
        let dotted = path.join(".");
        let value = read_node(self.node(path), &dotted, &self.file, &self.base, &mut diagnostics, |table| {
            leave.iter().for_each(|key| table.leave(key));
            T::read(table)
        });
        diagnostics.sort_by(|a, b| a.place.cmp(&b.place));
        Reading { value, diagnostics }
    }
}

#[cfg(test)]
mod tests;

//! What plugins there are, from files alone: nothing is started, and nothing that is wrong is worse than a row.
//!
//! Never looked at is the working directory: a cloned repository must not bring code into the house. Who may have which
//! id is decided by core's `survey`, which takes the claims made here.

mod claims;
mod files;
mod folders;
mod spot;

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use takopi_core::catalog::{Claim, Origin, PluginError};
use takopi_core::port::command::CommandSpec;
use takopi_core::port::engine::EngineSpec;
use takopi_core::port::transport::TransportSpec;
use takopi_core::settings::{PluginSettings, PythonEnvironment};

use crate::manifest::Package;
use crate::python::{self, PythonDistribution};
pub(crate) use claims::{is_on_path, which};
pub(crate) use spot::open;

/// The folders of all users' plugins.
const SHARED: [&str; 2] = ["/usr/local/share/takopi/plugins", "/usr/share/takopi/plugins"];

/// The variable with further folders, separated by colons.
pub const PATH_VARIABLE: &str = "TAKOPI_PLUGIN_PATH";

/// Who named a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// `plugins.paths` in takopi.toml.
    Settings,
    /// [`PATH_VARIABLE`].
    Variable,
    /// Nobody: it is one of the usual ones, and needn't be there.
    Usual,
}

/// Where plugins are looked for, and what they are checked against.
#[derive(Debug, Clone)]
pub struct Places {
    /// Folders in their order. A named one is a plugin or holds some, a usual one holds some.
    pub folders: Vec<(Named, PathBuf)>,
    /// Python environments, in their order.
    pub environments: Vec<PythonEnvironment>,
    /// Where programs are looked for.
    pub path: OsString,
    /// The names of the variables that are set and not empty.
    pub variables: BTreeSet<OsString>,
    /// The user whose plugins are trusted, besides root.
    pub uid: u32,
    /// This takopi's version.
    pub version: String,
}

impl Places {
    /// Returns the places of this process: those of the settings, of the environment, and the usual ones. `config` is
    /// the config file, beside which one of these is; `version` is this takopi's.
    #[must_use]
    pub fn of(settings: &PluginSettings, config: &Path, version: &str) -> Self {
        let variable = std::env::var_os(PATH_VARIABLE).unwrap_or_default();
        let beside = config.parent().filter(|dir| dir.is_absolute()).map(|dir| dir.join("plugins"));
        let named = settings.paths.iter().map(|path| (Named::Settings, path.clone()));
        let by_variable = std::env::split_paths(&variable).filter(|path| *path != PathBuf::new());
        let usual = beside.into_iter().chain(SHARED.map(PathBuf::from)).map(|path| (Named::Usual, path));
        let is_set = |(name, value): (OsString, OsString)| (!value.is_empty()).then_some(name);
        Self {
            folders: named.chain(by_variable.map(|path| (Named::Variable, path))).chain(usual).collect(),
            environments: settings.environments.clone(),
            path: std::env::var_os("PATH").unwrap_or_default(),
            variables: std::env::vars_os().filter_map(is_set).collect(),
            uid: rustix::process::geteuid().as_raw(),
            version: version.to_owned(),
        }
    }
}

/// What was found.
#[derive(Debug, Default)]
pub struct Discovery {
    /// The plugins whose manifests can be read, in the order of the places; each once, however many lead to it.
    pub packages: Vec<Arc<Package>>,
    /// The same by their folders, from the first time on that one is asked for: who asks, asks for each thing.
    by_dir: OnceLock<HashMap<PathBuf, Arc<Package>>>,
    /// What their manifests and the Python distributions want to be engines. What keeps one from being used is in its
    /// `spec`.
    pub engines: Vec<Claim<EngineSpec>>,
    /// Likewise transports.
    pub transports: Vec<Claim<TransportSpec>>,
    /// Likewise commands.
    pub commands: Vec<Claim<CommandSpec>>,
    /// What claims nothing because it cannot be read.
    pub broken: Vec<PluginError>,
    /// What authors should know and what is not wrong.
    pub notes: Vec<PluginError>,
    /// The Python distributions with plugins.
    pub distributions: Vec<PythonDistribution>,
}

impl Discovery {
    /// Returns the package a claim came from; `None` for built-ins and what is Python's.
    #[must_use]
    pub fn package(&self, origin: &Origin) -> Option<&Arc<Package>> {
        let Origin::Manifest { path, .. } = origin else { return None };
        let by_dir = || self.packages.iter().map(|package| (package.dir.clone(), package.clone())).collect();
        self.by_dir.get_or_init(by_dir).get(path)
    }
}

/// Looks for plugins. Reads files only: some 20 µs for each plugin.
#[must_use]
pub fn discover(places: &Places) -> Discovery {
    let mut discovery = Discovery::default();
    let mut folders = folders::Folders::new(places);
    for (named, path) in &places.folders {
        folders.look(*named, path);
    }
    let folders::Folders { read, broken, .. } = folders;
    claims::Claims::new(places, &mut discovery).make(read);
    discovery.broken.extend(broken);
    python::list(&places.environments, &places.path, &mut discovery);
    discovery
}

#[cfg(test)]
mod tests;

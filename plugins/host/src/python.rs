//! Plugins in Python environments, listed from what installers left there: no Python is started.
//!
//! As Python's `importlib.metadata` has it: of distributions with one canonical name the first on the path counts. What
//! comes with the Python takopi itself is built in here, and left out.

mod layout;
mod metadata;

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use takopi_core::catalog::{Claim, Origin, PluginError};
use takopi_core::id::{Distribution, PluginKind};
use takopi_core::settings::PythonEnvironment;

use crate::discover::Discovery;
use crate::problem::{Code, Problem};

/// The groups of entry points that are plugins.
const GROUPS: [(&str, PluginKind); 3] = [
    ("takopi.engine_backends", PluginKind::Engine),
    ("takopi.transport_backends", PluginKind::Transport),
    ("takopi.command_backends", PluginKind::Command),
];

/// An installed distribution with plugins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PythonDistribution {
    /// Its name, as it spells it.
    pub name: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// What it is, in a few words.
    pub summary: Option<String>,
    /// The environment: the folder with `bin` and `lib`, or else the first of the folders of distributions.
    pub environment: PathBuf,
    /// Its `.dist-info` or `.egg-info`.
    pub info: PathBuf,
    /// What it registers.
    pub entries: Vec<EntryPoint>,
}

/// Something a distribution registers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct EntryPoint {
    /// What it is.
    pub kind: PluginKind,
    /// The id it wants.
    pub id: String,
    /// Where it is: `module:attribute`.
    pub value: String,
}

impl PythonDistribution {
    fn origin(&self) -> Origin {
        Origin::Python { distribution: self.name.clone(), environment: self.environment.clone() }
    }
}

/// Lists the environments, in their order: of one id of one distribution the first counts.
pub(crate) fn list(environments: &[PythonEnvironment], path: &OsStr, discovery: &mut Discovery) {
    let mut claimed: BTreeSet<(String, PluginKind, String)> = BTreeSet::new();
    for environment in environments {
        let layout::Layout { root, site } = match layout::of(environment, path) {
            Ok(layout) => layout,
            Err(problem) => {
                discovery.broken.push(broken(environment, problem));
                continue;
            }
        };
        let before = claimed.clone();
        let (distributions, problems) = distributions(&root, &site);
        discovery.broken.extend(problems.into_iter().map(|problem| broken(environment, problem)));
        for (canonical, mut distribution) in distributions {
            distribution.entries.retain(|entry| {
                let key = (canonical.clone(), entry.kind, entry.id.clone());
                claimed.insert(key.clone());
                !before.contains(&key)
            });
            if !distribution.entries.is_empty() {
                claim(&distribution, discovery);
                discovery.distributions.push(distribution);
            }
        }
    }
}

fn broken(environment: &PythonEnvironment, problem: Problem) -> PluginError {
    let python = environment.python.last().map(|python| Path::new(python).display().to_string());
    let site = || environment.site.first().map(|site| site.display().to_string());
    let origin = Origin::Python { distribution: None, environment: PathBuf::new() };
    PluginError::new(None, python.or_else(site).unwrap_or_default(), &origin, problem)
}

fn claim(distribution: &PythonDistribution, discovery: &mut Discovery) {
    fn of<S>(entry: &EntryPoint, origin: &Origin) -> Claim<S> {
        let text =
            "this version of takopi lists plugins written for the Python takopi, and does not run them yet";
        let spec = Err(Problem::new(Code::NotRunYet, text));
        Claim { id: entry.id.clone(), origin: origin.clone(), spec, late: false }
    }
    let origin = distribution.origin();
    for entry in &distribution.entries {
        match entry.kind {
            PluginKind::Engine => discovery.engines.push(of(entry, &origin)),
            PluginKind::Transport => discovery.transports.push(of(entry, &origin)),
            PluginKind::Command => discovery.commands.push(of(entry, &origin)),
        }
    }
}

/// Returns the distributions with plugins, each with its canonical name, in the order of the path and of the names; and
/// what could not be read.
fn distributions(root: &Path, site: &[PathBuf]) -> (Vec<(String, PythonDistribution)>, Vec<Problem>) {
    let (mut found, mut problems) = (Vec::new(), Vec::new());
    let mut seen = BTreeSet::new();
    let unreadable = |path: &Path, error: &std::io::Error| {
        let text = format!("{} cannot be read: {error}; correct plugins.environments", path.display());
        Problem::new(Code::Unreadable, text)
    };
    for folder in site {
        let mut infos = match infos(folder) {
            Ok(infos) => infos,
            Err(error) => {
                problems.push(unreadable(folder, &error));
                continue;
            }
        };
        infos.sort();
        for (canonical, info) in infos {
            if !seen.insert(canonical.clone()) {
                continue;
            }
            let entries = match metadata::entry_points(&info) {
                Ok(entries) => entries,
                Err(error) => {
                    problems.push(unreadable(&info.join(metadata::ENTRY_POINTS), &error));
                    continue;
                }
            };
            if entries.is_empty() {
                continue;
            }
            let metadata::Headers { name, version, summary } = metadata::headers(&info);
            let named = name.as_deref().and_then(Distribution::parse);
            if [named, Distribution::parse(&canonical)].contains(&Some(Distribution::builtin())) {
                continue;
            }
            let environment = root.to_owned();
            let distribution = PythonDistribution { name, version, summary, environment, info, entries };
            found.push((canonical, distribution));
        }
    }
    (found, problems)
}

/// Returns what installers left in a folder, each with the canonical name that its file name tells.
fn infos(folder: &Path) -> std::io::Result<Vec<(String, PathBuf)>> {
    let mut infos = Vec::new();
    for entry in folder.read_dir()? {
        let name = entry?.file_name();
        let Some(text) = name.to_str() else { continue };
        let Some(stem) = text.strip_suffix(".dist-info").or_else(|| text.strip_suffix(".egg-info")) else {
            continue;
        };
        let spelt = stem.split_once('-').map_or(stem, |(name, _)| name);
        let canonical = Distribution::parse(spelt).map_or_else(|| stem.to_owned(), String::from);
        infos.push((canonical, folder.join(&name)));
    }
    Ok(infos)
}

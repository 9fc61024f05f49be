//! The plugins of this machine, by one reading of `[plugins]`: where they are looked for, which names they bring into
//! the settings, and what a generation makes of those it needs. Listing starts nothing.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use takopi_core::catalog::{Claim, Found, Origin, PluginError, Rules, survey};
use takopi_core::id::{CommandId, EngineId, PluginId, PluginKind};
use takopi_core::port::Clock;
use takopi_core::port::command::{CommandSettings, CommandSpec};
use takopi_core::settings::{
    Diagnostic, EngineEnvironment, Known, KnownEngine, PluginSettings, Secret, Settings, Standing, is_setting,
};
use takopi_engines::{CHILD, Environment};
use takopi_plugin_host::discover::{Discovery, Places, discover as look};
use takopi_plugin_host::{HostParts, Plugin, Plugins};
use takopi_plugin_protocol::life::Kind;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::rooms::Claims;
use super::tables::Tables;
use crate::place::Place;

/// The folder of plugins' own folders, beside the config file.
pub(crate) const PLUGIN_DATA: &str = "plugin-data";

/// Returns the folders in which plugins are looked for.
pub(crate) fn plugin_folders(place: &Place, rules: &PluginSettings) -> Vec<PathBuf> {
    places(place, rules).folders.into_iter().map(|(_, folder)| folder).collect()
}

/// Finds the plugins. Reads manifests and starts nothing.
pub(crate) fn discover(place: &Place, rules: &PluginSettings) -> Discovery {
    look(&places(place, rules))
}

fn places(place: &Place, rules: &PluginSettings) -> Places {
    Places::of(rules, &place.config, env!("CARGO_PKG_VERSION"))
}

/// Adds what plugins bring to what settings may name. What is claimed and cannot be had may be named too: whoever
/// needs it hears why it isn't there.
pub(super) fn make_known(known: &mut Known, found: &Discovery, rules: &PluginSettings) {
    let ids = |claims: &mut dyn Iterator<Item = &String>| claims.cloned().collect::<Vec<_>>();
    known.plugins.extend(ids(&mut found.engines.iter().map(|claim| &claim.id)));
    known.plugins.extend(ids(&mut found.transports.iter().map(|claim| &claim.id)));
    known.plugins.extend(ids(&mut found.commands.iter().map(|claim| &claim.id)));
    known.plugins.extend(ids(&mut found.broken.iter().map(|broken| &broken.id)));
    let engines = claimed_engines(known, found, rules);
    known.engines.extend(engines);
    let kinds = super::rooms::transports(found, &rules.enabled).found;
    let is_new = |id: &PluginId| !known.transports.contains(id);
    let kinds: Vec<_> = kinds.into_iter().map(|found| found.id).filter(is_new).collect();
    known.transports.extend(kinds);
}

fn claimed_engines(known: &Known, found: &Discovery, rules: &PluginSettings) -> Vec<KnownEngine> {
    let mut named: BTreeSet<EngineId> = known.engines.iter().map(|engine| engine.id.clone()).collect();
    let mut engines: Vec<KnownEngine> = Vec::new();
    let mut add = |engine: KnownEngine| {
        if named.insert(engine.id.clone()) {
            engines.push(engine);
        }
    };
    let enabled = Rules { enabled: rules.enabled.clone(), ..Rules::default() };
    let third_party =
        survey(PluginKind::Engine, found.engines.iter().map(Claim::borrowed).collect(), &enabled);
    for engine in &third_party.found {
        add(match &engine.spec {
            Ok(spec) => {
                let installed = spec.executable.as_deref().is_none_or(super::rooms::is_on_path);
                KnownEngine::new(spec, Standing::ThirdParty, installed)
            }
            Err(problem) => KnownEngine::refused(engine.id.clone(), problem.to_string()),
        });
    }
    for error in &third_party.errors {
        if let Ok(id) = EngineId::parse(&error.id) {
            add(KnownEngine::refused(id, error.message.clone()));
        }
    }
    for claim in found.engines.iter().filter(|claim| !claim.origin.is_enabled(&rules.enabled)) {
        if let Ok(id) = EngineId::parse(&claim.id) {
            let whose = claim.origin.distribution().unwrap_or("a plugin without a name");
            add(KnownEngine::refused(id, format!("it is of {whose}, which is not in plugins.enabled")));
        }
    }
    engines
}

/// What children may inherit by the settings in force. A reload changes it for those that start from then on.
#[derive(Clone)]
pub(super) struct Wardrobe(Arc<RwLock<Worn>>);

struct Worn {
    engines: Environment,
    rules: EngineEnvironment,
}

impl Wardrobe {
    pub(super) fn new(engines: Environment, rules: EngineEnvironment) -> Self {
        Self(Arc::new(RwLock::new(Worn { engines, rules })))
    }

    /// Has those who start from now on inherit by other settings.
    pub(super) fn change(&self, engines: Environment, rules: EngineEnvironment) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Worn { engines, rules };
    }

    fn read<T>(&self, read: impl FnOnce(&Worn) -> T) -> T {
        read(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns what plugins' processes of the daemon of this ledger are made of.
    pub(super) fn parts(
        &self,
        ledger: &str,
        data: PathBuf,
        clock: Arc<dyn Clock>,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) -> HostParts {
        let (dresses, passes) = (self.clone(), self.clone());
        HostParts {
            tasks: tasks.clone(),
            stop: stop.clone(),
            clock,
            dress: Arc::new(move |spawn, run| {
                dresses.read(|worn| match run {
                    Some(run) => worn.engines.apply(spawn, run),
                    None => worn.engines.apply_outside_runs(spawn),
                })
            }),
            passes: Arc::new(move |name, value| {
                passes.read(|worn| passes_to_others(&worn.rules, name, value))
            }),
            mark: (CHILD.to_owned(), ledger.to_owned()),
            data,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}

/// Returns what plugins' processes outside any house are made of; `mark` is theirs.
pub(crate) fn plugin_parts(
    settings: &Settings,
    mark: &str,
    data: PathBuf,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) -> HostParts {
    let rules = &settings.environment;
    let engines = Environment::new(mark, super::inherited(), |name, value| rules.passes(name, value));
    let clock = Arc::new(super::MachineClock::start());
    Wardrobe::new(engines, rules.clone()).parts(mark, data, clock, tasks, stop)
}

/// Returns whether a plugin that is no engine may have a variable that its manifest names: no setting, and nothing
/// that is a secret of the settings.
fn passes_to_others(rules: &EngineEnvironment, name: &OsStr, value: &OsStr) -> bool {
    let (name, value) = (name.to_string_lossy(), value.to_string_lossy());
    !is_setting(&name) && !rules.secrets().iter().any(|secret| secret.reveal() == value.trim())
}

/// The plugins as one generation sees them: those that were found, the ones that live, and what they are set to.
#[derive(Clone)]
pub(super) struct Shelf {
    pub(super) found: Arc<Discovery>,
    pub(super) live: Arc<Plugins>,
    pub(super) settings: Settings,
    /// The folder of the config file.
    pub(super) config_dir: PathBuf,
}

impl Shelf {
    /// Returns the plugin something comes from. No process is started for it.
    ///
    /// # Errors
    /// When this version does not run it, for people.
    pub(super) fn plugin(&self, origin: &Origin) -> Result<Arc<Plugin>, String> {
        if let Origin::Python { .. } = origin {
            return Err(
                "this version of takopi lists plugins of Python environments and does not run them yet"
                    .to_owned(),
            );
        }
        let package = self.found.package(origin).ok_or("its folder is gone")?;
        Ok(self.live.of(package, self.tables().all(package)))
    }

    /// Returns what plugins want to be, those refused whose settings cannot be used, and what to warn of.
    pub(super) fn claims(&self) -> (Claims, Vec<Diagnostic>) {
        let (found, tables) = (&self.found, self.tables());
        let (engines, mut told) = tables.checked(found, Kind::Engine, &found.engines);
        let (commands, more) = tables.checked(found, Kind::Command, &found.commands);
        told.extend(more);
        ((engines, commands), told)
    }

    /// Returns what a command of a plugin is set to.
    pub(super) fn command_settings(
        &self,
        found: &Found<CommandSpec>,
    ) -> Option<(CommandId, CommandSettings)> {
        let package = self.found.package(&found.origin)?;
        let values = self.tables().of(package, Kind::Command, &found.id).ok()?.values;
        Some((found.id.clone(), CommandSettings(values)))
    }

    /// Returns what plugins are set to.
    pub(super) fn tables(&self) -> Tables<'_> {
        Tables { settings: &self.settings, config_dir: &self.config_dir }
    }
}

/// Returns what is wrong with the settings of plugins: each keeps what it is for from being used.
pub(crate) fn plugin_mistakes(place: &Place, settings: &Settings, found: &Discovery) -> Vec<Diagnostic> {
    Tables { settings, config_dir: place.dir() }.mistakes(found)
}

/// Returns the engines and commands of plugins that are not used because of their settings. Nothing is started.
pub(crate) fn plugins_refused(place: &Place, settings: &Settings, found: &Discovery) -> Vec<PluginError> {
    Tables { settings, config_dir: place.dir() }.refused(found)
}

/// Returns every text in the settings of plugins that nobody may see.
pub(crate) fn plugin_secrets(place: &Place, settings: &Settings, found: &Discovery) -> Vec<Secret> {
    Tables { settings, config_dir: place.dir() }.secrets(found)
}

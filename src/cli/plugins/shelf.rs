//! The plugins of this machine by the settings, as `takopi plugins` looks at them. Nothing is started.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value};
use takopi_core::catalog::{Claim, Holder, Listing, Origin, Row, Rules, survey};
use takopi_core::id::{Distribution, PluginId, PluginKind};
use takopi_core::settings::Settings;
use takopi_plugin_host::check::Tables;
use takopi_plugin_host::discover::{Discovery, Named, Places, discover};
use takopi_plugin_host::manifest::Package;
use takopi_plugin_protocol::life;

use crate::place::Place;
use crate::report::{Failure, remark};
use crate::{config, house};

/// The folder of plugins' own folders, beside the config file.
const DATA: &str = "plugin-data";

/// What is set, and the plugins there are.
pub(super) struct Shelf {
    /// The settings; the defaults when they cannot be read.
    pub(super) settings: Settings,
    /// The plugins, whether enabled or not.
    pub(super) found: Discovery,
    /// Where they were looked for.
    places: Places,
    built_in: Listing,
    data: PathBuf,
}

/// Something a plugin registers.
pub(super) struct Thing<'a> {
    pub(super) package: &'a Arc<Package>,
    pub(super) kind: PluginKind,
    pub(super) id: PluginId,
    /// The instance of a transport that is configured.
    instance: Option<PluginId>,
}

impl Thing<'_> {
    /// Returns its kind on the wire.
    pub(super) fn wire_kind(&self) -> life::Kind {
        match self.kind {
            PluginKind::Engine => life::Kind::Engine,
            PluginKind::Transport => life::Kind::Transport,
            PluginKind::Command => life::Kind::Command,
        }
    }

    /// Returns its table in takopi.toml.
    pub(super) fn table(&self) -> String {
        match self.kind {
            PluginKind::Engine => format!("engines.{}", self.id),
            PluginKind::Transport => format!("transports.{}", self.instance.as_ref().unwrap_or(&self.id)),
            PluginKind::Command => format!("plugins.{}", self.id),
        }
    }
}

impl Shelf {
    /// Reads the settings and looks for plugins. Settings that cannot be used are told, and the defaults hold.
    pub(super) fn open(place: &Place) -> Result<Self, Failure> {
        let loaded = match config::read(place, &[]) {
            Ok(loaded) => loaded,
            Err(Failure::Settings(mistakes)) => {
                mistakes.iter().for_each(remark);
                remark("what follows is told as if nothing were set");
                config::defaults(place)?
            }
            Err(failure) => return Err(failure),
        };
        let places = Places::of(&loaded.settings.plugins, &place.config, env!("CARGO_PKG_VERSION"));
        let data = place.dir().join(DATA);
        let built_in = house::listing(&loaded.settings)?;
        Ok(Self { settings: loaded.settings, found: discover(&places), places, built_in, data })
    }

    /// Returns the folder in which plugins keep what is theirs.
    pub(super) fn data(&self) -> &Path {
        &self.data
    }

    /// Returns the places for looking at one folder alone.
    pub(super) fn places_of(&self, folder: &Path) -> Places {
        let folders = vec![(Named::Settings, folder.to_owned())];
        Places { folders, environments: Vec::new(), ..self.places.clone() }
    }

    /// Returns the names that are taken by what is no plugin.
    pub(super) fn names(&self, kind: PluginKind) -> Rules {
        let mut rules = Rules::default();
        if kind == PluginKind::Transport {
            return rules;
        }
        rules.taken.extend(self.settings.projects.iter().map(|project| (project.key(), Holder::Project)));
        rules.taken.extend(taken(&self.built_in.commands, Holder::Command));
        rules.taken.extend(taken(&self.built_in.engines, Holder::Engine));
        rules
    }

    /// Returns the listing: everything there is, and what is wrong with it as far as files tell.
    pub(super) fn listing(&self) -> Listing {
        // until house's part is merged: it lists plugins among the built-ins
        let mut listing = self.built_in.clone();
        listing.add(&survey(PluginKind::Engine, self.found.engines.clone(), &self.names(PluginKind::Engine)));
        let transports = self.names(PluginKind::Transport);
        listing.add(&survey(PluginKind::Transport, self.found.transports.clone(), &transports));
        let mut commands = self.names(PluginKind::Command);
        commands.taken.extend(taken(&listing.engines, Holder::Engine));
        listing.add(&survey(PluginKind::Command, self.found.commands.clone(), &commands));
        listing.add_errors(&self.found.broken);
        listing.notes.extend(self.found.notes.iter().cloned());
        listing
    }

    /// Returns whether something of this origin may be used.
    pub(super) fn is_enabled(&self, origin: &Origin) -> bool {
        origin.is_enabled(&self.settings.plugins.enabled)
    }

    /// Returns where the plugin of a listing's row comes from.
    pub(super) fn origin(&self, kind: PluginKind, id: &PluginId, distribution: Option<&str>) -> Origin {
        let is_it = |claimed: &str, origin: &Origin| {
            claimed == id.as_str() && origin.distribution() == distribution
        };
        let found = match kind {
            PluginKind::Engine => origin_of(&self.found.engines, is_it),
            PluginKind::Transport => origin_of(&self.found.transports, is_it),
            PluginKind::Command => origin_of(&self.found.commands, is_it),
        };
        let is_ours = distribution.and_then(Distribution::parse) == Some(Distribution::builtin());
        found.filter(|_| !is_ours).unwrap_or(Origin::BuiltIn)
    }

    /// Returns what a person means by an id.
    ///
    /// # Errors
    /// When no plugin registers it, when it is Python's or a built-in, or when a kind must be said.
    pub(super) fn thing(&self, id: &PluginId, kind: Option<PluginKind>) -> Result<Thing<'_>, Failure> {
        let kinds = [PluginKind::Engine, PluginKind::Transport, PluginKind::Command];
        let mut things = Vec::new();
        for kind in kinds.into_iter().filter(|one| kind.is_none_or(|kind| kind == *one)) {
            let registers = |package: &&Arc<Package>| match kind {
                PluginKind::Engine => package.manifest.engines.contains_key(id.as_str()),
                PluginKind::Transport => package.manifest.transports.contains_key(id.as_str()),
                PluginKind::Command => package.manifest.commands.contains_key(id.as_str()),
            };
            let instance = self.settings.transports.iter().find(|one| one.kind == *id);
            let instance = instance.map(|instance| instance.id.clone());
            let thing =
                |package| Thing { package, kind, id: id.clone(), instance: instance.clone() };
            things.extend(self.found.packages.iter().filter(registers).map(thing));
        }
        if things.len() > 1 {
            let told = things.iter().map(|thing| {
                format!("the {} of {}", thing.kind.label(), thing.package.dir.display())
            });
            let told = told.collect::<Vec<_>>().join(", ");
            return Err(Failure::told(format_args!("{id} is several things: {told}"))
                .hint("say which with --kind, or remove one of them"));
        }
        things.pop().ok_or_else(|| self.unknown(id))
    }

    fn unknown(&self, id: &PluginId) -> Failure {
        let listing = self.listing();
        let mut rows = listing.engines.iter().chain(&listing.transports).chain(&listing.commands);
        let hint = "what there is: `takopi plugins`";
        match rows.find(|row| row.id == *id) {
            None => Failure::told(format_args!("there is no plugin {id}")).hint(hint),
            Some(row) if row.distribution.as_deref() == Some("takopi") => {
                Failure::told(format_args!("{id} is built in, no plugin")).hint(format_args!(
                    "its settings are in takopi.toml; `takopi doctor` tells how it is"
                ))
            }
            Some(_) => Failure::told(format_args!(
                "{id} is of a Python environment; this version of takopi lists those and does not run them yet"
            )),
        }
    }

    /// Returns what the ids of a plugin are set to.
    pub(super) fn tables(&self, package: &Package) -> Tables {
        let ids = |ids: &mut dyn Iterator<Item = &String>| -> Vec<PluginId> {
            ids.filter_map(|id| PluginId::parse(id).ok()).collect()
        };
        let manifest = &package.manifest;
        let table = |table: Map<String, Value>| Value::Object(table);
        let engine = ids(&mut manifest.engines.keys());
        let command = ids(&mut manifest.commands.keys());
        let settings = life::Settings {
            engine: engine
                .iter()
                .map(|id| (id.to_string(), table(self.settings.engine(id).value)))
                .collect(),
            command: command
                .iter()
                .map(|id| (id.to_string(), table(self.settings.plugin(id).value)))
                .collect(),
        };
        // A kind may be served several times; the first of them is as good as another.
        let instance = |kind: &PluginId| self.settings.transports.iter().find(|one| one.kind == *kind);
        let transport = ids(&mut manifest.transports.keys())
            .iter()
            .filter_map(|kind| {
                Some((kind.to_string(), table(self.settings.transport(&instance(kind)?.id).value)))
            })
            .collect();
        Tables { settings, transport }
    }

    /// Returns the packages of which something is enabled.
    pub(super) fn enabled(&self) -> impl Iterator<Item = &Arc<Package>> {
        let origin = |package: &Package| Origin::Manifest {
            distribution: Some(package.manifest.distribution.name.clone()),
            path: package.dir.clone(),
        };
        self.found.packages.iter().filter(move |package| self.is_enabled(&origin(package)))
    }
}

fn taken(rows: &[Row], holder: Holder) -> Vec<(String, Holder)> {
    rows.iter().map(|row| (row.id.to_string(), holder)).collect()
}

fn origin_of<S>(
    claims: &[Claim<S>],
    is_it: impl Fn(&str, &Origin) -> bool,
) -> Option<Origin> {
    claims.iter().find(|claim| is_it(&claim.id, &claim.origin)).map(|claim| claim.origin.clone())
}

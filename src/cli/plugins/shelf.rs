//! The plugins of this machine by the settings, as `takopi plugins` looks at them. Nothing is started.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use takopi_core::catalog::{Claim, Holder, Listing, Origin, PluginError, Problem, Row, Rules};
use takopi_core::id::{Distribution, PluginId, PluginKind};
use takopi_core::settings::{Instance, Known, Settings};
use takopi_plugin_host::check::Tables;
use takopi_plugin_host::configure::{Configured, Sources, Subject, configure};
use takopi_plugin_host::discover::{Discovery, Named, Places};
use takopi_plugin_host::manifest::Package;
use takopi_plugin_protocol::life::{Kind, Provided};

use crate::place::Place;
use crate::report::{Failure, remark};
use crate::{config, house, lock};

/// What is set, and the plugins there are.
pub(super) struct Shelf {
    /// The settings; the defaults when they cannot be read.
    pub(super) settings: Settings,
    /// What settings may name.
    pub(super) known: Known,
    /// The plugins, whether enabled or not.
    pub(super) found: Arc<Discovery>,
    /// Where they were looked for.
    places: Places,
    built_in: Listing,
    all: Listing,
    place: Place,
}

/// Something a plugin registers, as a person has named it.
pub(super) struct Thing {
    pub(super) package: Arc<Package>,
    pub(super) subject: Subject,
}

impl Thing {
    /// Returns where it comes from.
    pub(super) fn origin(&self) -> Origin {
        origin(&self.package)
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
        let config::Read { settings, known, plugins: found, .. } = loaded;
        let places = Places::of(&settings.plugins, &place.config, env!("CARGO_PKG_VERSION"));
        let built_in = house::listing(&settings, &Discovery::default())?;
        let all = house::listing(&settings, &found)?;
        Ok(Self { settings, known, found, places, built_in, all, place: place.clone() })
    }

    /// Returns where the takopi that runs by these settings can be spoken with, if one does.
    pub(super) fn socket(&self) -> Option<PathBuf> {
        lock::holder(&self.place.lock()).and_then(|holder| holder.socket)
    }

    /// Returns the folder in which plugins keep what is theirs.
    pub(super) fn data(&self) -> PathBuf {
        self.place.dir().join(house::PLUGIN_DATA)
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
        self.all.clone()
    }

    /// Returns what is not used because of its settings.
    pub(super) fn refused(&self) -> Vec<PluginError> {
        house::plugins_refused(&self.place, &self.settings, &self.found)
    }

    /// Returns whether something of this origin may be used.
    pub(super) fn is_enabled(&self, origin: &Origin) -> bool {
        origin.is_enabled(&self.settings.plugins.enabled)
    }

    /// Returns where the plugin of a listing's row comes from.
    pub(super) fn origin(&self, kind: PluginKind, id: &PluginId, distribution: Option<&str>) -> Origin {
        let is_it =
            |claimed: &str, origin: &Origin| claimed == id.as_str() && origin.distribution() == distribution;
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
    pub(super) fn thing(&self, id: &PluginId, kind: Option<PluginKind>) -> Result<Thing, Failure> {
        let mut things = Vec::new();
        for package in &self.found.packages {
            let is_meant = |subject: &Subject| {
                subject.id == *id && kind.is_none_or(|kind| kind == core_kind(subject.kind))
            };
            // Of a transport that is configured several times the first table is as good as another.
            let mut subjects = self.subjects(package);
            subjects.retain(is_meant);
            subjects.dedup_by_key(|subject| subject.kind);
            things.extend(subjects.into_iter().map(|subject| Thing { package: package.clone(), subject }));
        }
        if things.len() > 1 {
            let told = things.iter().map(|Thing { package, subject }| {
                format!("the {} in {}", core_kind(subject.kind).label(), package.dir.display())
            });
            let told = told.collect::<Vec<_>>().join(", ");
            return Err(Failure::told(format_args!("{id} is several things: {told}"))
                .hint("say which with --kind, or remove one of them"));
        }
        things.pop().ok_or_else(|| self.unknown(id))
    }

    /// Returns all that a package registers under names that may be some, in its order; a transport once for each of its
    /// instances.
    pub(super) fn subjects(&self, package: &Package) -> Vec<Subject> {
        let mut subjects = Vec::new();
        for Provided { kind, id } in package.manifest.provides() {
            let Ok(id) = PluginId::parse(&id) else { continue };
            let instances = self.settings.transports.iter().filter(|one| one.kind == id);
            match kind {
                Kind::Transport => {
                    let of =
                        |one: &Instance| Subject { kind, id: id.clone(), instance: Some(one.id.clone()) };
                    let before = subjects.len();
                    subjects.extend(instances.map(of));
                    if subjects.len() == before {
                        subjects.push(Subject { kind, id, instance: None });
                    }
                }
                Kind::Engine | Kind::Command => subjects.push(Subject { kind, id, instance: None }),
            }
        }
        subjects
    }

    /// Returns what something is set to.
    ///
    /// # Errors
    /// When its schema cannot be used.
    pub(super) fn configured(&self, package: &Package, subject: &Subject) -> Result<Configured, Problem> {
        let sources = Sources {
            settings: &self.settings,
            config_dir: self.place.dir(),
            home: self.place.home.as_deref(),
        };
        configure(package, subject, &sources)
    }

    fn unknown(&self, id: &PluginId) -> Failure {
        let listing = self.listing();
        let mut rows = listing.engines.iter().chain(&listing.transports).chain(&listing.commands);
        let hint = "what there is: `takopi plugins`";
        match rows.find(|row| row.id == *id) {
            None => Failure::told(format_args!("there is no plugin {id}")).hint(hint),
            Some(row) if row.distribution.as_deref() == Some("takopi") => {
                Failure::told(format_args!("{id} is built in, no plugin"))
                    .hint("its settings are in takopi.toml; `takopi doctor` tells how it is")
            }
            Some(_) => Failure::told(format_args!(
                "{id} is of a Python environment; this version of takopi lists those and does not run them yet"
            )),
        }
    }

    /// Returns what a plugin is set to, with what is wrong with it.
    pub(super) fn tables(&self, package: &Package) -> (Tables, Vec<(Provided, Problem)>) {
        let (mut tables, mut wrong) = (Tables::default(), Vec::new());
        for subject in self.subjects(package) {
            let one = Provided { kind: subject.kind, id: subject.id.to_string() };
            let configured = match self.configured(package, &subject) {
                Ok(configured) => configured,
                Err(problem) => {
                    wrong.push((one, problem));
                    continue;
                }
            };
            let is_set_up = subject.kind != Kind::Transport || subject.instance.is_some();
            if let Some(problem) = configured.problem().filter(|_| is_set_up) {
                wrong.push((one.clone(), problem));
            }
            let values = Value::Object(configured.effective.values);
            match subject.kind {
                Kind::Engine => drop(tables.settings.engine.insert(one.id, values)),
                Kind::Command => drop(tables.settings.command.insert(one.id, values)),
                // One that nobody has set up has no settings, not empty ones.
                Kind::Transport if is_set_up => drop(tables.transport.insert(one.id, values)),
                Kind::Transport => {}
            }
        }
        (tables, wrong)
    }

    /// Returns the packages that are enabled.
    pub(super) fn enabled(&self) -> impl Iterator<Item = &Arc<Package>> {
        self.found.packages.iter().filter(move |package| self.is_enabled(&origin(package)))
    }
}

/// Returns where what a package registers comes from.
fn origin(package: &Package) -> Origin {
    Origin::Manifest {
        distribution: Some(package.manifest.distribution.name.clone()),
        path: package.dir.clone(),
    }
}

/// Returns a kind of the wire as core has it.
pub(super) const fn core_kind(kind: Kind) -> PluginKind {
    match kind {
        Kind::Engine => PluginKind::Engine,
        Kind::Transport => PluginKind::Transport,
        Kind::Command => PluginKind::Command,
    }
}

fn taken(rows: &[Row], holder: Holder) -> Vec<(String, Holder)> {
    rows.iter().map(|row| (row.id.to_string(), holder)).collect()
}

fn origin_of<S>(claims: &[Claim<S>], is_it: impl Fn(&str, &Origin) -> bool) -> Option<Origin> {
    claims.iter().find(|claim| is_it(&claim.id, &claim.origin)).map(|claim| claim.origin.clone())
}

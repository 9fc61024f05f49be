//! What plugins are set to: `takopi.toml` over a plugin's own file over its defaults, checked by its schema before
//! anything of it starts. Nothing is kept: a schema is read when it is needed, which is once per reading of the settings.

use std::io::ErrorKind;
use std::path::Path;

use serde_json::{Map, Value};
use takopi_core::catalog::{Claim, Code, PluginError, Problem};
use takopi_core::id::{InstanceId, PluginId, PluginKind};
use takopi_core::port::transport::TransportSpec;
use takopi_core::settings::{Diagnostic, Secret, Settings};
use takopi_plugin_host::PluginTransportConfig;
use takopi_plugin_host::configure::{Sources, Subject, configure};
use takopi_plugin_host::discover::Discovery;
use takopi_plugin_host::layers::Effective;
use takopi_plugin_host::manifest::Package;
use takopi_plugin_host::own_config;
use takopi_plugin_protocol::life::{self, Kind};

/// The settings, and the folder of the config file, where plugins' own files are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tables<'a> {
    pub(super) settings: &'a Settings,
    pub(super) config_dir: &'a Path,
}

impl Tables<'_> {
    /// Returns what an engine or a command of a package is set to.
    ///
    /// # Errors
    /// When its schema cannot be read.
    pub(super) fn of(&self, package: &Package, kind: Kind, id: &PluginId) -> Result<Effective, Problem> {
        self.read(package, Subject { kind, id: id.clone(), instance: None })
    }

    /// Returns what a transport of a package is set to, by the table of an instance.
    ///
    /// # Errors
    /// As [`Self::of`].
    pub(super) fn transport(
        &self,
        package: &Package,
        kind: &PluginId,
        instance: &InstanceId,
    ) -> Result<Effective, Problem> {
        let subject = Subject { kind: Kind::Transport, id: kind.clone(), instance: Some(instance.clone()) };
        let mut read = self.read(package, subject)?;
        // What takopi itself reads of the table is nothing to the plugin or its schema.
        let mut ours: Map<String, Value> = self.settings.transport(instance).value;
        let rest = self.settings.transport::<PluginTransportConfig>(instance).value.rest;
        ours.retain(|key, _| !rest.contains_key(key));
        read.values.retain(|key, _| !ours.contains_key(key));
        let is_ours =
            |told: &Diagnostic| ours.keys().any(|key| told.key == format!("transports.{instance}.{key}"));
        read.diagnostics.retain(|told| !is_ours(told));
        Ok(read)
    }

    fn read(&self, package: &Package, subject: Subject) -> Result<Effective, Problem> {
        let sources = Sources { settings: self.settings, config_dir: self.config_dir, home: None };
        Ok(configure(package, &subject, &sources)?.effective)
    }

    /// Returns what all engines and commands of a package are set to; one that cannot be had is set to nothing.
    pub(super) fn all(&self, package: &Package) -> life::Settings {
        let values = |kind: Kind, id: &String| {
            let id = PluginId::parse(id).ok()?;
            let values = self.of(package, kind, &id).ok()?.values;
            Some((id.to_string(), Value::Object(values)))
        };
        let manifest = &package.manifest;
        life::Settings {
            engine: manifest.engines.keys().filter_map(|id| values(Kind::Engine, id)).collect::<Map<_, _>>(),
            command: manifest
                .commands
                .keys()
                .filter_map(|id| values(Kind::Command, id))
                .collect::<Map<_, _>>(),
        }
    }

    /// Returns the claims with those refused whose settings cannot be used, and what to warn of.
    pub(super) fn checked<S: Clone>(
        &self,
        found: &Discovery,
        kind: Kind,
        claims: &[Claim<S>],
    ) -> (Vec<Claim<S>>, Vec<Diagnostic>) {
        let mut warnings = Vec::new();
        let has_files = self.has_files();
        let check = |claim: &Claim<S>| {
            let mut claim = claim.clone();
            match self.check(found, kind, &claim, has_files) {
                Ok(told) => warnings.extend(told),
                Err(problem) => claim.spec = Err(problem),
            }
            claim
        };
        let claims = claims.iter().map(check).collect();
        (claims, warnings)
    }

    /// Returns what to warn of in the settings of a claim that is sound otherwise.
    ///
    /// # Errors
    /// When they cannot be used.
    fn check<S>(
        &self,
        found: &Discovery,
        kind: Kind,
        claim: &Claim<S>,
        has_files: bool,
    ) -> Result<Vec<Diagnostic>, Problem> {
        if claim.spec.is_err() || !claim.origin.is_enabled(&self.settings.plugins.enabled) {
            return Ok(Vec::new());
        }
        let (Some(package), Ok(id)) = (found.package(&claim.origin), PluginId::parse(&claim.id)) else {
            return Ok(Vec::new());
        };
        // Without a schema takopi.toml may say anything; most plugins have neither that nor a file.
        if !has_files && !package.manifest.has_schema(kind, &claim.id) {
            return Ok(Vec::new());
        }
        let read = self.of(package, kind, &id)?.usable();
        let (_, told) = read.map_err(|mistakes| {
            let told: Vec<String> = mistakes.iter().map(Diagnostic::told).collect();
            Problem::new(Code::BadConfig, told.join("; "))
        })?;
        Ok(told)
    }

    /// Tells whether any plugin may have a file of its own.
    fn has_files(&self) -> bool {
        let folder = self.config_dir.join(own_config::FOLDER);
        !matches!(folder.metadata(), Err(error) if error.kind() == ErrorKind::NotFound)
    }

    /// Returns everything that is wrong with the settings of plugins that are enabled.
    pub(super) fn mistakes(&self, found: &Discovery) -> Vec<Diagnostic> {
        self.everything(found).into_iter().flat_map(|settings| settings.diagnostics).collect()
    }

    /// Returns the plugins that are not used because of their settings.
    pub(super) fn refused(&self, found: &Discovery) -> Vec<PluginError> {
        let engines = self.refused_of(found, Kind::Engine, PluginKind::Engine, &found.engines);
        let commands = self.refused_of(found, Kind::Command, PluginKind::Command, &found.commands);
        engines.into_iter().chain(commands).collect()
    }

    fn refused_of<S>(
        &self,
        found: &Discovery,
        kind: Kind,
        of: PluginKind,
        claims: &[Claim<S>],
    ) -> Vec<PluginError> {
        let has_files = self.has_files();
        // Of a thousand plugins none is looked up where none can be refused.
        if !has_files && !found.packages.iter().any(|package| package.manifest.has_schemas()) {
            return Vec::new();
        }
        let refused = |claim: &Claim<S>| {
            let problem = self.check(found, kind, claim, has_files).err()?;
            Some(PluginError::new(Some(of), &claim.id, &claim.origin, problem))
        };
        claims.iter().filter_map(refused).collect()
    }

    /// Returns every text in the settings of plugins that nobody may see.
    pub(super) fn secrets(&self, found: &Discovery) -> Vec<Secret> {
        self.everything(found).iter().flat_map(Effective::secrets).collect()
    }

    fn everything(&self, found: &Discovery) -> Vec<Effective> {
        let engines = self.each(found, Kind::Engine, &found.engines);
        let commands = self.each(found, Kind::Command, &found.commands);
        engines.into_iter().chain(commands).chain(self.instances(found)).collect()
    }

    fn each<S>(&self, found: &Discovery, kind: Kind, claims: &[Claim<S>]) -> Vec<Effective> {
        let enabled = &self.settings.plugins.enabled;
        let claims = claims.iter().filter(|claim| claim.spec.is_ok() && claim.origin.is_enabled(enabled));
        let read = |claim: &Claim<S>| {
            let package = found.package(&claim.origin)?;
            self.of(package, kind, &PluginId::parse(&claim.id).ok()?).ok()
        };
        claims.filter_map(read).collect()
    }

    fn instances(&self, found: &Discovery) -> Vec<Effective> {
        let enabled = &self.settings.plugins.enabled;
        let claim_of = |kind: &PluginId| {
            let is_it =
                |claim: &&Claim<TransportSpec>| claim.id == kind.as_str() && claim.origin.is_enabled(enabled);
            found.transports.iter().find(is_it)
        };
        let served = self.settings.served();
        let read = |instance: &takopi_core::settings::Instance| {
            let package = found.package(&claim_of(&instance.kind)?.origin)?;
            self.transport(package, &instance.kind, &instance.id).ok()
        };
        served.filter_map(read).collect()
    }
}

//! The transports of plugins that are served, from one reading of the settings to the next: one whose table and whose
//! plugin are what they were stays, a changed one gives way to a new one, which goes on after its cursor, and the
//! others go. Making the next ones starts nothing.

use std::path::Path;
use std::sync::Arc;

use takopi_core::catalog::{Found, Origin};
use takopi_core::desk::Desk;
use takopi_core::id::InstanceId;
use takopi_core::port::transport::TransportSpec;
use takopi_core::settings::Instance;
use takopi_plugin_host::{Plugin, PluginTransport, PluginTransportConfig};

use super::greeting;
use super::plugins::Shelf;
use super::rooms::{self, told};
use super::warn;

/// The doors by one reading of the settings.
#[derive(Clone, Default)]
pub(super) struct Doors(Vec<Served>);

#[derive(Clone)]
struct Served {
    instance: InstanceId,
    config: PluginTransportConfig,
    spec: TransportSpec,
    plugin: Arc<Plugin>,
    transport: Arc<PluginTransport>,
    /// Whether it has to be served yet.
    is_new: bool,
}

impl Doors {
    /// Makes the doors that are to be served by what is on the shelf, after `self`. Files on their way out lie in
    /// `spool`.
    ///
    /// # Errors
    /// When a transport that is configured cannot be had, and why.
    pub(super) fn next(&self, shelf: &Shelf, spool: &Path) -> anyhow::Result<Self> {
        let kinds = rooms::transports(&shelf.found, &shelf.settings.plugins.enabled);
        let mut next = Vec::new();
        for instance in shelf.settings.served() {
            let is_it = |found: &&Found<TransportSpec>| found.id == instance.kind;
            let found = kinds.found.iter().find(is_it).filter(|found| found.origin != Origin::BuiltIn);
            if let Some(found) = found {
                next.push(self.door(shelf, instance, found, spool)?);
            }
        }
        Ok(Self(next))
    }

    /// Returns the door of an instance: the old one, if nothing of it has changed.
    fn door(
        &self,
        shelf: &Shelf,
        instance: &Instance,
        found: &Found<TransportSpec>,
        spool: &Path,
    ) -> anyhow::Result<Served> {
        let id = &instance.id;
        let refused =
            |why: &dyn std::fmt::Display| anyhow::anyhow!("[transports.{id}] cannot be served: {why}");
        let spec = found.spec.clone().map_err(|problem| refused(&problem))?;
        let reading = shelf.settings.transport::<PluginTransportConfig>(id).usable();
        let (mut config, mut warnings) = reading.map_err(|mistakes| anyhow::anyhow!(told(&mistakes)))?;
        let package = shelf.found.package(&found.origin).ok_or_else(|| refused(&"its folder is gone"))?;
        let table = shelf.tables().transport(package, &found.id, id).map_err(|problem| refused(&problem))?;
        let (values, more) = table.usable().map_err(|mistakes| anyhow::anyhow!(told(&mistakes)))?;
        config.rest = values;
        warnings.extend(more);
        warnings.iter().for_each(warn);
        let plugin = shelf.plugin(&found.origin).map_err(|why| refused(&why))?;
        let is_same = |old: &&Served| {
            old.instance == *id
                && (&old.config, &old.spec) == (&config, &spec)
                && Arc::ptr_eq(&old.plugin, &plugin)
        };
        if let Some(old) = self.0.iter().find(is_same) {
            return Ok(Served { is_new: false, ..old.clone() });
        }
        let transport = PluginTransport::new(plugin.clone(), id.clone(), spec.clone(), config.rest.clone());
        let transport = Arc::new(transport.with_keys(config.house.clone()).with_spool(spool));
        Ok(Served { instance: id.clone(), config, spec, plugin, transport, is_new: true })
    }

    /// Serves them, and those of `old` no longer that aren't among them.
    pub(super) async fn serve(&self, old: &Self, desk: &Desk) {
        let is_here = |instance: &InstanceId| self.0.iter().any(|served| served.instance == *instance);
        for gone in old.0.iter().map(|served| &served.instance).filter(|instance| !is_here(instance)) {
            desk.retire(gone).await;
            tracing::info!(instance = %gone, "a transport is served no longer");
        }
        for Served { instance, transport, is_new, .. } in &self.0 {
            let engines = desk.engines(instance).await;
            transport.set_menu(desk.with_generation(|generation| {
                let projects = generation.projects.iter().map(|project| project.alias.as_str());
                let own = transport.own_spec();
                let commands = generation.commands_at(&own);
                let commands = commands.map(|spec| (spec.id.as_str(), spec.description.as_str()));
                let menu = greeting::menu(&engines, projects, commands);
                menu.into_iter().map(|entry| (entry.name, entry.description)).collect::<Vec<_>>()
            }));
            if *is_new {
                desk.serve(instance.clone(), transport.own_spec(), transport.clone()).await;
            }
        }
    }

    /// Returns them as those that are served.
    pub(super) fn served(self) -> Self {
        Self(self.0.into_iter().map(|served| Served { is_new: false, ..served }).collect())
    }
}

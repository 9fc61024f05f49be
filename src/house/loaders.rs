//! Makes what the catalogues list when it is first needed: built-ins in their rooms, the others by their plugins.
//! Making one of a plugin's starts no process; using it does.

use std::sync::Arc;

use async_trait::async_trait;
use takopi_core::catalog::{Loader, Origin};
use takopi_core::id::PluginId;
use takopi_core::port::command::{Command, CommandSpec};
use takopi_core::port::engine::{Engine, EngineSpec};
use takopi_engines::EngineParts;
use takopi_plugin_host::{PluginCommand, PluginEngine};

use super::plugins::Shelf;

/// The engines of a generation.
pub(super) struct Engines {
    pub(super) parts: EngineParts,
    pub(super) shelf: Shelf,
}

#[async_trait]
impl Loader<EngineSpec, dyn Engine> for Engines {
    async fn load(
        &self,
        _id: &PluginId,
        spec: &EngineSpec,
        origin: &Origin,
    ) -> Result<Arc<dyn Engine>, String> {
        if *origin == Origin::BuiltIn {
            let built = takopi_engines::build(spec, &self.shelf.settings, &self.parts);
            return built.map_err(|error| error.to_string());
        }
        Ok(Arc::new(PluginEngine::new(self.shelf.plugin(origin)?, spec.clone())))
    }
}

/// The commands of a generation.
pub(super) struct Commands {
    pub(super) built_in: Vec<takopi_commands::BuiltIn>,
    pub(super) shelf: Shelf,
}

#[async_trait]
impl Loader<CommandSpec, dyn Command> for Commands {
    async fn load(
        &self,
        id: &PluginId,
        _spec: &CommandSpec,
        origin: &Origin,
    ) -> Result<Arc<dyn Command>, String> {
        if *origin == Origin::BuiltIn {
            let found = self.built_in.iter().find(|(spec, _)| spec.id == *id);
            return found
                .map(|(_, command)| command.clone())
                .ok_or_else(|| format!("{id} is no built-in command"));
        }
        Ok(Arc::new(PluginCommand::new(self.shelf.plugin(origin)?, id.clone())))
    }
}

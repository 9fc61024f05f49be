//! What a program registers under its name.

use std::collections::BTreeMap;
use std::sync::Arc;

use takopi_plugin_protocol::life::{Kind, Named, Provided};

use crate::command::Command;
use crate::engine::Engine;
use crate::transport::Transport;

/// A plugin: its name and version, and its parts by their ids. The manifest names the same ids.
///
/// ```no_run
/// # use takopi_plugin::*;
/// # struct Acme;
/// # #[async_trait]
/// # impl Engine for Acme {
/// #     async fn run(&self, job: Job, events: Events) -> Result<Ended> { Ok(Ended::answered(job.prompt)) }
/// # }
/// fn main() -> std::process::ExitCode {
///     Plugin::new("takopi-acme", env!("CARGO_PKG_VERSION")).engine("acme", Acme).serve()
/// }
/// ```
pub struct Plugin {
    pub(crate) named: Named,
    pub(crate) engines: BTreeMap<String, Arc<dyn Engine>>,
    pub(crate) commands: BTreeMap<String, Arc<dyn Command>>,
    pub(crate) transports: BTreeMap<String, Arc<dyn Transport>>,
}

impl Plugin {
    /// Returns a plugin without parts. The name is the manifest's `distribution.name`.
    pub fn new(name: impl Into<String>, version: impl Into<String>) -> Self {
        let named = Named { name: name.into(), version: version.into() };
        let (engines, commands, transports) = Default::default();
        Self { named, engines, commands, transports }
    }

    /// Adds an engine.
    #[must_use]
    pub fn engine(mut self, id: impl Into<String>, engine: impl Engine) -> Self {
        self.engines.insert(id.into(), Arc::new(engine));
        self
    }

    /// Adds a command.
    #[must_use]
    pub fn command(mut self, id: impl Into<String>, command: impl Command) -> Self {
        self.commands.insert(id.into(), Arc::new(command));
        self
    }

    /// Adds a transport.
    #[must_use]
    pub fn transport(mut self, id: impl Into<String>, transport: impl Transport) -> Self {
        self.transports.insert(id.into(), Arc::new(transport));
        self
    }

    /// Returns which of the wanted parts there are.
    pub(crate) fn provides(&self, wanted: &[Provided]) -> Vec<Provided> {
        let has = |one: &&Provided| match one.kind {
            Kind::Engine => self.engines.contains_key(&one.id),
            Kind::Command => self.commands.contains_key(&one.id),
            Kind::Transport => self.transports.contains_key(&one.id),
        };
        wanted.iter().filter(has).cloned().collect()
    }
}

//! A desk with nothing behind it, for tests of those who stand before it.

use std::sync::Arc;

use async_trait::async_trait;

use crate::catalog::{Catalog, Loader, Origin, Rules, survey};
use crate::desk::{Desk, DeskParts, Generation};
use crate::id::{EngineId, PluginId, PluginKind, RunId};
use crate::port::{Clock, Ledger, Leftovers};
use crate::settings::SerializeBy;
use crate::testing::workspace::FakeWorkspace;

/// Returns a desk without engines, commands or projects: it accepts, and answers that nothing can be done.
///
/// # Panics
/// Never: its one name is legal.
#[must_use]
#[expect(clippy::unwrap_used, reason = "the name is legal")]
pub fn bare_desk(ledger: Arc<dyn Ledger>, clock: Arc<dyn Clock>) -> Desk {
    let generation = Generation {
        engines: Catalog::new(survey(PluginKind::Engine, Vec::new(), &Rules::default()), Nothing),
        commands: Catalog::new(survey(PluginKind::Command, Vec::new(), &Rules::default()), Nothing),
        command_settings: std::collections::BTreeMap::new(),
        workspace: Arc::new(FakeWorkspace::at("/")),
        default_engine: EngineId::parse("nothing").unwrap(),
        projects: Vec::new(),
        default_project: None,
        max_parallel_runs: 1,
        serialize: SerializeBy::Session,
        final_notify: true,
    };
    Desk::open(DeskParts { ledger, clock, leftovers: Arc::new(Nothing), generation, salt: [0; 6] })
}

/// Has nothing and does nothing, in every role.
struct Nothing;

#[async_trait]
impl<S: Send + Sync, T: ?Sized + Send + Sync> Loader<S, T> for Nothing {
    async fn load(&self, id: &PluginId, _: &S, _: &Origin) -> Result<Arc<T>, String> {
        Err(format!("nothing is called {id} here"))
    }
}

#[async_trait]
impl Leftovers for Nothing {
    async fn end(&self, _: RunId) -> usize {
        0
    }
}

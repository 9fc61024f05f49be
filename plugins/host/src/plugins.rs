//! The live plugins of a daemon: one per package, kept over reloads while its package and settings stay as they are.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use takopi_core::catalog::Code;
use takopi_plugin_protocol::life;
use tokio::task::JoinSet;

use crate::bounds::Bounds;
use crate::manifest::Package;
use crate::parts::HostParts;
use crate::process::Plugin;

/// The live plugins of a daemon. Made once; every generation of the house asks it.
pub struct Plugins {
    parts: Arc<HostParts>,
    bounds: Bounds,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// The current ones, by their folders.
    current: HashMap<PathBuf, Arc<Plugin>>,
    /// Those that were replaced, while somebody still uses them: work under way ends with what it began with.
    replaced: Vec<Weak<Plugin>>,
}

impl Plugins {
    /// Returns a registry that knows no plugin yet.
    #[must_use]
    pub fn new(parts: HostParts) -> Self {
        Self::bounded(parts, Bounds::default())
    }

    /// Returns a registry of plugins whose processes may take no more than `bounds`.
    #[must_use]
    pub fn bounded(parts: HostParts, bounds: Bounds) -> Self {
        Self { parts: Arc::new(parts), bounds, known: Mutex::default() }
    }

    /// Returns the plugin of a package with these settings; nothing is started. One whose package or settings have
    /// changed is made anew, and its process ends when nobody uses the old one any more.
    pub fn of(&self, package: &Arc<Package>, settings: life::Settings) -> Arc<Plugin> {
        let mut known = self.known();
        if let Some(plugin) = known.current.get(&package.dir)
            && plugin.package() == package
            && *plugin.settings() == settings
        {
            return plugin.clone();
        }
        let plugin = Plugin::bounded(package.clone(), settings, self.parts.clone(), self.bounds);
        if let Some(old) = known.current.insert(package.dir.clone(), plugin.clone()) {
            known.replaced.push(Arc::downgrade(&old));
        }
        known.replaced.retain(|old| old.strong_count() > 0);
        plugin
    }

    /// Lets go of the plugins that aren't among `packages`: their processes end when nobody uses them any more.
    pub fn retain(&self, packages: &[Arc<Package>]) {
        let mut known = self.known();
        let Known { current, replaced } = &mut *known;
        current.retain(|dir, plugin| {
            let stays = packages.iter().any(|package| package.dir == *dir);
            if !stays {
                replaced.push(Arc::downgrade(plugin));
            }
            stays
        });
    }

    /// Returns the current plugins, in no order.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Plugin>> {
        self.known().current.values().cloned().collect()
    }

    /// Forgets the crashes of all: somebody has looked at them.
    pub fn pardon(&self) {
        self.all().iter().for_each(|plugin| plugin.pardon());
    }

    /// Has the plugins of these folders begin anew, because somebody has changed or mended them: their crashes are
    /// forgotten, and processes that nobody uses are ended. Returns the distributions of those that had crashed too often
    /// or whose process was ended, in order.
    pub async fn renew(&self, folders: &[PathBuf]) -> Vec<String> {
        let grace = self.bounds.shutdown;
        let named = self.all().into_iter().filter(|plugin| folders.contains(&plugin.package().dir));
        // At the same time: who waits for this does not wait for each that is slow to end.
        let renewing: JoinSet<Option<String>> = named
            .map(|plugin| async move {
                let was_left_alone =
                    plugin.problem().is_some_and(|problem| problem.code == Code::Quarantined);
                plugin.pardon();
                let was_ended = plugin.rest_if_unused(grace).await;
                (was_ended || was_left_alone).then(|| plugin.package().manifest.distribution.name.clone())
            })
            .collect();
        let mut distributions: Vec<String> = renewing.join_all().await.into_iter().flatten().collect();
        distributions.sort();
        distributions
    }

    /// Ends all processes for good, at the same time: asked first, within `grace`, then by the ladder.
    pub async fn close(&self, grace: Duration) {
        let all: Vec<Arc<Plugin>> = {
            let mut known = self.known();
            let replaced: Vec<_> = known.replaced.drain(..).filter_map(|old| old.upgrade()).collect();
            known.current.drain().map(|(_, plugin)| plugin).chain(replaced).collect()
        };
        let mut closing: JoinSet<()> =
            all.into_iter().map(|plugin| async move { plugin.close(grace).await }).collect();
        while let Some(closed) = closing.join_next().await {
            if let Err(error) = closed {
                tracing::error!(%error, "a plugin could not be closed");
            }
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

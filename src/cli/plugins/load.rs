//! `takopi plugins --load`: starts every enabled plugin, tries it as far as takopi itself does at the start, and ends it.
//!
//! The processes are this command's own. A takopi that runs meanwhile is told which plugins are well: it begins
//! anew with those, by the programs they are now, and also when it left them alone because they crashed too often.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use takopi_core::catalog::{Code, Listing, Origin, PluginError, Problem};
use takopi_core::id::PluginKind;
use takopi_plugin_host::check::Tables;
use takopi_plugin_host::manifest::Package;
use takopi_plugin_host::{HostParts, Plugin, Running};
use takopi_plugin_protocol::life::{Kind, Ping, Provided};
use takopi_stdio::rpc::Patience;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::task::TaskTracker;

use super::shelf::{Shelf, core_kind};
use super::trial::trial;
use crate::cli::runtime;
use crate::control::client::Client;
use crate::report::{Failure, remark};

/// Plugins that are tried at the same time: enough to be quick, few enough for a small machine.
const AT_ONCE: usize = 8;

/// How long a plugin may take for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a plugin may take to end.
const FAREWELL: Duration = Duration::from_secs(5);

/// A plugin and those of its ids that have their names.
struct Candidate {
    package: Arc<Package>,
    tables: Tables,
    /// What is wrong with those.
    wrong: Vec<(Provided, Problem)>,
    ids: Vec<Provided>,
}

/// A plugin that was tried, and what is wrong with it. By the package: a distribution may be there twice.
struct Tried {
    package: Arc<Package>,
    errors: Vec<PluginError>,
}

/// Loads all; what is wrong comes into the listing. Returns `false` when the person pressed Ctrl-C.
pub(super) fn load(shelf: &Shelf, listing: &mut Listing) -> Result<bool, Failure> {
    let candidates = candidates(shelf, listing);
    if candidates.is_empty() {
        listing.errors.sort_by(|a, b| key(a).cmp(&key(b)));
        return Ok(true);
    }
    let tried = trial(&shelf.settings, &shelf.data(), async |parts| load_all(candidates, &parts).await)?;
    let Some(tried) = tried else { return Ok(false) };
    let (well, broken): (Vec<_>, Vec<_>) = tried.into_iter().partition(|one| one.errors.is_empty());
    let mut errors: Vec<PluginError> = broken.iter().flat_map(|one| one.errors.clone()).collect();
    errors.sort_by(|a, b| (a.kind, &a.id, &a.distribution).cmp(&(b.kind, &b.id, &b.distribution)));
    listing.add_errors(&errors);
    listing.errors.sort_by(|a, b| key(a).cmp(&key(b)));
    renew(shelf, &broken, &well)?;
    Ok(true)
}

/// Tells the takopi that runs, if one does, which plugins are well; and the person which aren't, since it goes on with
/// what it has of those.
fn renew(shelf: &Shelf, broken: &[Tried], well: &[Tried]) -> Result<(), Failure> {
    let Some(socket) = shelf.socket() else { return Ok(()) };
    for Tried { package, .. } in broken {
        let distribution = &package.manifest.distribution.name;
        remark(format_args!(
            "the takopi that runs goes on with {distribution} as it has it, until it is mended"
        ));
    }
    if well.is_empty() {
        return Ok(());
    }
    let folders: Vec<PathBuf> = well.iter().map(|one| one.package.dir.clone()).collect();
    let told = runtime()?.block_on(async {
        let tell = async { Client::connect(&socket, &TaskTracker::new()).await?.renew(folders).await };
        tokio::time::timeout(PATIENCE, tell).await
    });
    match told {
        Ok(Ok(renewed)) => renewed.iter().for_each(|distribution| {
            remark(format_args!("the takopi that runs starts {distribution} anew when it is needed"));
        }),
        Ok(Err(error)) => {
            remark(format_args!("the takopi that runs was not told: {error}"));
            remark("hint: start it again, so that it uses plugins as they are now");
        }
        Err(_) => remark("the takopi that runs was not told: it does not answer"),
    }
    Ok(())
}

/// Errors of one kind and distribution stand together.
fn key(error: &PluginError) -> (bool, Option<PluginKind>, Option<&str>) {
    (error.kind.is_none(), error.kind, error.distribution.as_deref())
}

/// Returns what is to be loaded: what is enabled, has its name, and lacks nothing that can be seen without starting it.
fn candidates(shelf: &Shelf, listing: &Listing) -> Vec<Candidate> {
    let is_fine = |kind: PluginKind, id: &str, rows: &[takopi_core::catalog::Row], distribution: &str| {
        let is_it = |of: Option<&str>| of == Some(distribution);
        let has_name = rows.iter().any(|row| row.id.as_str() == id && is_it(row.distribution.as_deref()));
        let is_wrong = |error: &PluginError| {
            error.kind == Some(kind) && error.id == id && is_it(error.distribution.as_deref())
        };
        has_name && !listing.errors.iter().any(is_wrong)
    };
    let mut candidates = Vec::new();
    for package in shelf.enabled() {
        let distribution = package.manifest.distribution.name.as_str();
        let mut ids = package.manifest.provides();
        ids.retain(|Provided { kind, id }| match kind {
            Kind::Engine => is_fine(PluginKind::Engine, id, &listing.engines, distribution),
            Kind::Transport => is_fine(PluginKind::Transport, id, &listing.transports, distribution),
            Kind::Command => is_fine(PluginKind::Command, id, &listing.commands, distribution),
        });
        if !ids.is_empty() {
            let (tables, wrong) = shelf.tables(package);
            candidates.push(Candidate { package: package.clone(), tables, wrong, ids });
        }
    }
    candidates
}

async fn load_all(candidates: Vec<Candidate>, parts: &Arc<HostParts>) -> Vec<Tried> {
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    let mut loads = JoinSet::new();
    for candidate in candidates {
        let (turns, parts) = (turns.clone(), parts.clone());
        loads.spawn(async move {
            let package = candidate.package.clone();
            let _turn = tokio::select! {
                turn = turns.acquire_owned() => turn,
                () = parts.stop.cancelled() => return Tried { package, errors: Vec::new() },
            };
            Tried { errors: candidate.load(parts).await, package }
        });
    }
    let mut tried = loads.join_all().await;
    tried.sort_by(|a, b| a.package.dir.cmp(&b.package.dir));
    tried
}

impl Candidate {
    async fn load(self, parts: Arc<HostParts>) -> Vec<PluginError> {
        let patience = Patience::of(PATIENCE).until(parts.stop.clone());
        let plugin = Plugin::new(self.package.clone(), self.tables.settings.clone(), parts);
        let running = match plugin.running().await {
            Ok(running) => running,
            Err(problem) => return self.ids.iter().map(|id| self.error(id, problem.clone())).collect(),
        };
        let mut errors = Vec::new();
        for id in &self.ids {
            if let Err(problem) = self.check(&running, id, &patience).await {
                errors.push(self.error(id, problem));
            }
        }
        if errors.is_empty()
            && let Err(failure) = running.call(&Ping {}, &patience).await
        {
            let problem = Problem::new(Code::StartFailed, format!("it does not answer a ping: {failure}"));
            errors.extend(self.ids.iter().map(|id| self.error(id, problem.clone())));
        }
        drop(running);
        plugin.close(FAREWELL).await;
        errors
    }

    /// Has one id look at what it is set to.
    async fn check(&self, running: &Running, id: &Provided, patience: &Patience) -> Result<(), Problem> {
        running.must_provide(id.kind, &id.id)?;
        if let Some((_, problem)) = self.wrong.iter().find(|(whose, _)| whose == id) {
            return Err(problem.clone());
        }
        let config = match id.kind {
            Kind::Engine => self.tables.settings.engine.get(&id.id),
            Kind::Command => self.tables.settings.command.get(&id.id),
            // One that nobody has set up is not broken for want of settings.
            Kind::Transport => match self.tables.transport.get(&id.id) {
                Some(table) => Some(table),
                None => return Ok(()),
            },
        };
        let config = config.and_then(serde_json::Value::as_object).cloned().unwrap_or_default();
        running.check_settings(id.kind, &id.id, config, patience).await
    }

    fn error(&self, id: &Provided, problem: Problem) -> PluginError {
        let distribution = Some(self.package.manifest.distribution.name.clone());
        let origin = Origin::Manifest { distribution, path: self.package.dir.clone() };
        PluginError::new(Some(core_kind(id.kind)), id.id.clone(), &origin, problem)
    }
}

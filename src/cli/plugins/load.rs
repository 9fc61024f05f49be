//! `takopi plugins --load`: starts every enabled plugin, tries it as far as takopi itself does at the start, and ends it.
//!
//! The processes are this command's own. A takopi that runs meanwhile hears of it afterwards, and starts those again that
//! crashed too often.

use std::sync::Arc;
use std::time::Duration;

use takopi_core::catalog::{Code, Listing, Origin, PluginError, Problem};
use takopi_core::id::PluginKind;
use takopi_plugin_host::check::Tables;
use takopi_plugin_host::manifest::Package;
use takopi_plugin_host::{HostParts, Plugin, Running};
use takopi_plugin_protocol::life::{CheckConfig, Kind, Level, Ping, Provided};
use takopi_stdio::rpc::Patience;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::task::TaskTracker;

use super::shelf::{Shelf, core_kind};
use super::trial::trial;
use crate::cli::runtime;
use crate::control::client::Client;
use crate::lock;
use crate::place::Place;
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

/// Loads all; what is wrong comes into the listing. Returns `false` when the person pressed Ctrl-C.
pub(super) fn load(shelf: &Shelf, listing: &mut Listing) -> Result<bool, Failure> {
    let candidates = candidates(shelf, listing);
    let errors = match candidates.is_empty() {
        true => Some(Vec::new()),
        false => trial(&shelf.settings, &shelf.data(), async |parts| load_all(candidates, &parts).await)?,
    };
    let Some(errors) = errors else { return Ok(false) };
    listing.add_errors(&errors);
    listing.errors.sort_by(|a, b| key(a).cmp(&key(b)));
    Ok(true)
}

/// Has the takopi that runs, if one does, start plugins again that crashed too often: somebody is looking at them.
pub(super) fn pardon(place: &Place) -> Result<(), Failure> {
    let Some(socket) = lock::holder(&place.lock()).and_then(|holder| holder.socket) else { return Ok(()) };
    runtime()?.block_on(async {
        let ask = async { Client::connect(&socket, &TaskTracker::new()).await?.pardon_plugins().await };
        match tokio::time::timeout(PATIENCE, ask).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => remark(format_args!("the takopi that runs was not told of this: {error}")),
            Err(_) => remark("the takopi that runs was not told of this: it does not answer"),
        }
    });
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

async fn load_all(candidates: Vec<Candidate>, parts: &Arc<HostParts>) -> Vec<PluginError> {
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    let mut loads = JoinSet::new();
    for candidate in candidates {
        let (turns, parts) = (turns.clone(), parts.clone());
        loads.spawn(async move {
            let _turn = tokio::select! {
                turn = turns.acquire_owned() => turn,
                () = parts.stop.cancelled() => return Vec::new(),
            };
            candidate.load(parts).await
        });
    }
    let mut errors: Vec<PluginError> = loads.join_all().await.into_iter().flatten().collect();
    errors.sort_by(|a, b| (a.kind, &a.id, &a.distribution).cmp(&(b.kind, &b.id, &b.distribution)));
    errors
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
        if !running.provides(id.kind, &id.id) {
            let problem = "its answer to initialize does not list this, which its manifest does";
            return Err(Problem::new(Code::ProvidesMismatch, problem));
        }
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
        let asked = CheckConfig { kind: id.kind, id: id.id.clone(), config };
        let told = running.call(&asked, patience).await.map_err(|failure| {
            Problem::new(Code::StartFailed, format!("it does not answer config/check: {failure}"))
        })?;
        let wrong = told.issues.iter().filter(|issue| issue.level == Level::Error).map(|issue| {
            let lines = issue.lines.iter().map(String::as_str);
            std::iter::once(issue.title.as_str()).chain(lines).collect::<Vec<_>>().join("; ")
        });
        let wrong: Vec<String> = wrong.collect();
        if wrong.is_empty() { Ok(()) } else { Err(Problem::new(Code::BadConfig, wrong.join("; "))) }
    }

    fn error(&self, id: &Provided, problem: Problem) -> PluginError {
        let distribution = Some(self.package.manifest.distribution.name.clone());
        let origin = Origin::Manifest { distribution, path: self.package.dir.clone() };
        PluginError::new(Some(core_kind(id.kind)), id.id.clone(), &origin, problem)
    }
}

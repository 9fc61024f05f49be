//! A house together with its lock and its control socket: what the daemon and a lone `takopi chat` have alike.
//!
//! Opens them in the order that lets nobody see half a house, and closes them in the order in which the
//! next one can open.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use async_trait::async_trait;
use takopi_core::desk::Desk;
use takopi_core::id::{EngineId, InstanceId, RunId};
use takopi_core::port::Leftovers;
use takopi_local::Door;
use takopi_plugin_host::Plugins;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::{Read, Ready};
use crate::control::server::{Hosted, Server};
use crate::control::socket::Socket;
use crate::control::wire::pair::Person;
use crate::control::wire::{EngineLine, RunLine, Status, TransportLine};
use crate::house::{House, MarkedProcesses, Opening, Serve};
use crate::lock::{Host, Lock};
use crate::place::Place;
use crate::report::Failure;

/// A house that this process hosts.
pub(crate) struct Hosting {
    house: House,
    lock: Lock,
    socket: PathBuf,
    handover: CancellationToken,
    server: Arc<Server>,
}

impl Hosting {
    /// Opens the house of `place`, whose lock is held already, and lets control clients in.
    ///
    /// # Errors
    /// With what was attempted and what to do.
    pub(crate) async fn open(
        place: &Place,
        mut lock: Lock,
        host: Host,
        ready: Ready,
        final_notify: bool,
    ) -> Result<Self, Failure> {
        let Read { settings, plugins, .. } = ready.loaded;
        let ledger = settings.ledger.path.clone().unwrap_or_else(|| place.ledger());
        let dir = std::env::current_dir().context("there is no current directory")?;
        let opened = Instant::now();
        let house = House::open(Opening {
            settings,
            plugins,
            default_engine: ready.default_engine,
            ledger: ledger.clone(),
            dir,
            final_notify,
            config_dir: place.dir().to_path_buf(),
            python_lock: place.home.as_ref().map(|home| home.join(".takopi/takopi.lock")),
            serve: if host == Host::Daemon { Serve::Everything } else { Serve::DoorOnly },
        })
        .await?;
        let reception = Reception {
            host,
            opened,
            config: place.config.clone(),
            ledger,
            page: house.url().map(str::to_owned),
            door: house.door().clone(),
            desk: house.desk().clone(),
            plugins: house.plugins().clone(),
        };
        let handover = CancellationToken::new();
        let socket = Socket::bind(&place.socket()).context("failed to open the control socket")?;
        let path = socket.path().to_path_buf();
        let server = Server::new(Arc::new(reception), host, handover.clone());
        server.open(socket);
        lock.publish(&path).map_err(anyhow::Error::from)?;
        Ok(Self { house, lock, socket: path, handover, server })
    }

    /// Returns the house.
    pub(crate) fn house(&self) -> &House {
        &self.house
    }

    /// Returns where the control socket is.
    pub(crate) fn socket(&self) -> &std::path::Path {
        &self.socket
    }

    /// Fires when a daemon has asked for the house, which was idle.
    pub(crate) fn handover(&self) -> &CancellationToken {
        &self.handover
    }

    /// Returns the runs that wait or run.
    pub(crate) fn runs(&self) -> Vec<RunId> {
        self.house.desk().runs().into_iter().map(|run| run.id).collect()
    }

    /// Closes: ends what runs within `grace`, lets clients hear of it, gives the lock up. Returns whether all
    /// ended in time.
    pub(crate) async fn close(self, grace: Duration) -> bool {
        let Self { house, lock, server, .. } = self;
        let ended = house.close(grace).await;
        let gone = server.part().await;
        drop(lock);
        ended && gone
    }
}

/// Ends every process of these runs at once, for somebody who will not wait for the engines.
pub(crate) async fn kill(runs: Vec<RunId>) {
    let tasks = TaskTracker::new();
    for run in runs {
        tasks.spawn(async move { MarkedProcesses.end(run).await });
    }
    tasks.close();
    tasks.wait().await;
}

/// What the control socket needs of the house.
struct Reception {
    host: Host,
    opened: Instant,
    config: PathBuf,
    ledger: PathBuf,
    page: Option<String>,
    door: Door,
    desk: Desk,
    plugins: Arc<Plugins>,
}

#[async_trait]
impl Hosted for Reception {
    fn door(&self) -> &Door {
        &self.door
    }

    fn desk(&self) -> &Desk {
        &self.desk
    }

    async fn status(&self) -> Status {
        let menu = self.door.menu().await;
        let transports = self.desk.transports();
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            host: self.host,
            uptime_s: self.opened.elapsed().as_secs(),
            config: self.config.clone(),
            ledger: self.ledger.clone(),
            page: self.page.clone(),
            default_engine: self.default_engine(),
            engines: menu
                .engines
                .into_iter()
                .map(|engine| EngineLine { id: engine.id, issue: engine.issue })
                .collect(),
            transports: transports
                .into_iter()
                .map(|status| TransportLine {
                    paired: self.paired(&status.instance),
                    instance: status.instance,
                    title: status.title,
                    issue: status.trouble,
                })
                .collect(),
            runs: self.door.runs().into_iter().map(RunLine::from).collect(),
        }
    }

    fn pardon_plugins(&self) {
        self.plugins.pardon();
    }
}

impl Reception {
    fn paired(&self, instance: &InstanceId) -> Vec<Person> {
        self.desk.paired(instance).into_iter().map(|it| Person::new(instance.clone(), it)).collect()
    }

    fn default_engine(&self) -> EngineId {
        self.desk.with_generation(|generation| generation.default_engine.clone())
    }
}

#[cfg(test)]
mod tests;

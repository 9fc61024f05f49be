//! Which part of the plugin answers which method, and how all of it comes to an end.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use takopi_plugin_protocol::{self as protocol, Done, Method, command, engine, life, transport};
use tokio::sync::OnceCell;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::command::{Command, Host};
use crate::engine::{Engine, Events};
use crate::error::{Error, Result};
use crate::life::table;
use crate::peer::Peer;
use crate::plugin::Plugin;
use crate::transport::{Door, Transport};

/// How long work may go on after it was cancelled. Takopi waits 5 s before it shows a run as cancelled anyway.
pub(crate) const CANCEL_GRACE: Duration = Duration::from_secs(4);

/// How long work may go on when the plugin ends; together with [`CLEANUP`] less than the 5 s takopi waits.
const END_GRACE: Duration = Duration::from_secs(2);

/// How long the clean-up may take.
const CLEANUP: Duration = Duration::from_secs(2);

/// A plugin that is spoken with.
pub(crate) struct Session {
    plugin: Plugin,
    pub(crate) peer: Arc<Peer>,
    /// What authors' code runs in.
    pub(crate) works: TaskTracker,
    /// Fires when everything is to come to an end.
    ending: CancellationToken,
    /// Fires when work that has not ended by then is dropped.
    overdue: CancellationToken,
    /// Fires when a transport cannot go on.
    pub(crate) broken: CancellationToken,
    doors: Mutex<HashMap<String, Open>>,
    ended: OnceCell<()>,
}

/// A transport that receives.
struct Open {
    transport: Arc<dyn Transport>,
    closed: CancellationToken,
    receiving: JoinHandle<()>,
}

impl Session {
    pub(crate) fn new(plugin: Plugin, peer: Arc<Peer>) -> Self {
        let (works, ending, overdue, broken) = Default::default();
        let (doors, ended) = Default::default();
        Self { plugin, peer, works, ending, overdue, broken, doors, ended }
    }

    /// Returns a token for one request, which fires when everything ends too.
    pub(crate) fn token(&self) -> CancellationToken {
        self.ending.child_token()
    }

    /// Waits until work that belongs to `cancel` has had its time.
    pub(crate) async fn too_late(&self, cancel: &CancellationToken) {
        cancel.cancelled().await;
        tokio::select! {
            () = tokio::time::sleep(CANCEL_GRACE) => {}
            () = self.overdue.cancelled() => {}
        }
    }

    /// Answers a request, in time even when it was cancelled.
    pub(crate) async fn dispatch(
        self: Arc<Self>,
        method: &str,
        params: Value,
        cancel: CancellationToken,
    ) -> Result<Value> {
        tokio::select! {
            // The answer first: of a run that was too late it is still known how far it came.
            biased;
            answer = self.clone().answer(method, params, cancel.clone()) => answer,
            () = self.too_late(&cancel) => Err(Error::cancelled()),
        }
    }

    async fn answer(
        self: Arc<Self>,
        method: &str,
        params: Value,
        cancel: CancellationToken,
    ) -> Result<Value> {
        match method {
            life::Initialize::NAME => write::<life::Initialize>(&self.initialize(&read(params)?).await?),
            life::Ping::NAME => write::<life::Ping>(&Done {}),
            life::CheckConfig::NAME => write::<life::CheckConfig>(&self.check(read(params)?).await?),
            engine::Run::NAME => write::<engine::Run>(&self.run(read(params)?, cancel).await?),
            engine::Steer::NAME => write::<engine::Steer>(&self.steer(&read(params)?).await?),
            engine::AskChoices::NAME => {
                let ask: engine::AskChoices = read(params)?;
                let choices = self.engine(&ask.id)?.choices(ask.model.as_deref()).await?;
                write::<engine::AskChoices>(&choices)
            }
            command::Call::NAME => {
                let call: command::Call = read(params)?;
                let host = Host::new(call.context.clone(), self.peer.clone(), cancel);
                write::<command::Call>(&self.command(&call.id)?.call(call, host).await?)
            }
            _ => self.answer_of_transport(method, params).await,
        }
    }

    async fn answer_of_transport(self: Arc<Self>, method: &str, params: Value) -> Result<Value> {
        match method {
            transport::Start::NAME => write::<transport::Start>(&self.start(read(params)?).await?),
            transport::Stop::NAME => {
                let stop: transport::Stop = read(params)?;
                self.stop(&stop.instance).await;
                write::<transport::Stop>(&Done {})
            }
            transport::Send::NAME => {
                let sending: transport::Send = read(params)?;
                let message = self.door(&sending.address.instance)?.send(sending).await?;
                write::<transport::Send>(&transport::Sent { message })
            }
            transport::Edit::NAME => {
                let edit: transport::Edit = read(params)?;
                self.door(&edit.message.address.instance)?.edit(edit).await?;
                write::<transport::Edit>(&Done {})
            }
            transport::Delete::NAME => {
                let delete: transport::Delete = read(params)?;
                self.door(&delete.message.address.instance)?.delete(delete).await?;
                write::<transport::Delete>(&Done {})
            }
            transport::Fetch::NAME => {
                let fetch: transport::Fetch = read(params)?;
                let file = self.door(&fetch.instance)?.fetch(fetch).await?;
                write::<transport::Fetch>(&transport::Fetched { file })
            }
            transport::Menu::NAME => {
                let menu: transport::Menu = read(params)?;
                self.door(&menu.instance)?.menu(menu).await?;
                write::<transport::Menu>(&Done {})
            }
            unknown => {
                Err(Error::new(Error::UNKNOWN_METHOD, format!("this plugin does not know `{unknown}`")))
            }
        }
    }

    async fn initialize(&self, hello: &life::Initialize) -> Result<life::Initialized> {
        if hello.protocol < protocol::VERSION {
            let (theirs, ours) = (hello.protocol, protocol::VERSION);
            let why = format!("takopi speaks protocol {theirs} at most, this plugin {ours}; update takopi");
            return Err(Error::new(Error::INVALID_REQUEST, why));
        }
        let provides = self.plugin.provides(&hello.provides);
        for one in &provides {
            let id = one.id.as_str();
            match one.kind {
                life::Kind::Engine => {
                    self.engine(id)?.configure(&table(&hello.config.engine, id)).await?;
                }
                life::Kind::Command => {
                    self.command(id)?.configure(&table(&hello.config.command, id)).await?;
                }
                // Its settings come with its start.
                life::Kind::Transport => {}
            }
        }
        Ok(life::Initialized {
            protocol: protocol::VERSION,
            plugin: self.plugin.named.clone(),
            provides,
            capabilities: life::Capabilities { ping: true },
        })
    }

    async fn check(&self, check: life::CheckConfig) -> Result<life::Issues> {
        let life::CheckConfig { kind, id, config } = check;
        let config = config.into();
        let issues = match kind {
            life::Kind::Engine => self.engine(&id)?.validate(&config).await,
            life::Kind::Command => self.command(&id)?.validate(&config).await,
            life::Kind::Transport => self.transport(&id)?.validate(&config).await,
        };
        Ok(life::Issues { issues })
    }

    async fn run(&self, job: engine::Run, cancel: CancellationToken) -> Result<engine::Ended> {
        let engine = self.engine(&job.id)?;
        let events = Events::new(job.run.clone(), self.peer.clone(), cancel.clone());
        let ended = tokio::select! {
            ended = engine.run(job, events.clone()) => ended,
            () = self.too_late(&cancel) => Err(Error::cancelled()),
        };
        Ok(events.end(ended))
    }

    async fn steer(&self, steer: &engine::Steer) -> Result<Done> {
        // The run's name is all that is known of its engine here; who does not have the run refuses it.
        let mut refused = Error::gone("no such run");
        for engine in self.plugin.engines.values() {
            match engine.steer(&steer.run, &steer.text).await {
                Ok(()) => return Ok(Done {}),
                Err(error) => refused = error,
            }
        }
        Err(refused)
    }

    async fn start(self: &Arc<Self>, start: transport::Start) -> Result<Done> {
        let transport = self.transport(&start.id)?;
        let instance = start.instance.clone();
        if self.doors().contains_key(&instance) {
            return Err(Error::new(Error::INVALID_REQUEST, format!("{instance} is started already")));
        }
        transport.start(&start).await?;
        let closed = self.token();
        let receiving = self.works.spawn(self.clone().receive(transport.clone(), start, closed.clone()));
        self.doors().insert(instance, Open { transport, closed, receiving });
        Ok(Done {})
    }

    async fn receive(
        self: Arc<Self>,
        transport: Arc<dyn Transport>,
        start: transport::Start,
        closed: CancellationToken,
    ) {
        let instance = start.instance.clone();
        let door = Door::new(instance.clone(), self.peer.clone(), closed.clone());
        let mut work = self.works.spawn(async move { transport.receive(start, door).await });
        let received = tokio::select! {
            done = &mut work => done.unwrap_or_else(|_| Err(Error::failed("it panicked"))),
            () = self.too_late(&closed) => { work.abort(); Ok(()) }
        };
        let Err(error) = received else { return };
        if closed.is_cancelled() {
            return;
        }
        let mut fields = Map::new();
        fields.insert("instance".to_owned(), instance.into());
        let message = format!("receiving ended: {error}");
        // Without takopi there is nobody to tell, and the process ends anyway.
        drop(self.peer.notify(&life::Log { level: life::Level::Error, message, fields }).await);
        self.broken.cancel();
    }

    async fn stop(&self, instance: &str) {
        let Some(open) = self.doors().remove(instance) else { return };
        open.closed.cancel();
        // It ends by itself, in time; that it did is all there is to know.
        drop(open.receiving.await);
    }

    /// Brings everything to its end, once: work is cancelled, then dropped; then the parts clean up.
    pub(crate) async fn end(&self) {
        let wind_down = || async {
            self.ending.cancel();
            self.works.close();
            if tokio::time::timeout(END_GRACE, self.works.wait()).await.is_err() {
                self.overdue.cancel();
            }
            let cleaned = tokio::time::timeout(CLEANUP, self.clean_up());
            // Who cleans up longer than that is ended in the middle of it.
            drop(cleaned.await);
        };
        self.ended.get_or_init(wind_down).await;
    }

    async fn clean_up(&self) {
        for engine in self.plugin.engines.values() {
            engine.cleanup().await;
        }
        for command in self.plugin.commands.values() {
            command.cleanup().await;
        }
        for transport in self.plugin.transports.values() {
            transport.cleanup().await;
        }
    }

    fn engine(&self, id: &str) -> Result<&Arc<dyn Engine>> {
        self.plugin.engines.get(id).ok_or_else(|| nobody("engine", id))
    }

    fn command(&self, id: &str) -> Result<&Arc<dyn Command>> {
        self.plugin.commands.get(id).ok_or_else(|| nobody("command", id))
    }

    fn transport(&self, id: &str) -> Result<Arc<dyn Transport>> {
        self.plugin.transports.get(id).cloned().ok_or_else(|| nobody("transport", id))
    }

    fn door(&self, instance: &str) -> Result<Arc<dyn Transport>> {
        let open = self.doors().get(instance).map(|open| open.transport.clone());
        open.ok_or_else(|| Error::new(Error::INVALID_REQUEST, format!("{instance} is not started")))
    }

    fn doors(&self) -> MutexGuard<'_, HashMap<String, Open>> {
        self.doors.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn nobody(kind: &str, id: &str) -> Error {
    Error::new(Error::INVALID_PARAMS, format!("this plugin has no {kind} `{id}`"))
}

fn read<T: DeserializeOwned>(params: Value) -> Result<T> {
    serde_json::from_value(params)
        .map_err(|error| Error::new(Error::INVALID_PARAMS, format!("invalid parameters: {error}")))
}

fn write<M: Method>(result: &M::Result) -> Result<Value> {
    Ok(serde_json::to_value(result)?)
}

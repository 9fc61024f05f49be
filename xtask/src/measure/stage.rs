//! A house in this process: the real desk, a ledger on disk, the agent, and a transport that only listens and follows.
//! What the ports ask for besides is as little as it can be.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, bail};
use async_trait::async_trait;
use takopi_core::catalog::{Catalog, Claim, Loader, Origin, Rules, survey};
use takopi_core::desk::{Desk, DeskEvent, DeskParts, Generation, Inbox};
use takopi_core::event::Outcome;
use takopi_core::files::FilePath;
use takopi_core::id::{InstanceId, PluginId, PluginKind, RunId, TransportKind};
use takopi_core::message::{Address, Body, Chosen, Inbound, Message, MessageRef, Sender};
use takopi_core::port::command::{Command, CommandSpec};
use takopi_core::port::engine::{Engine, EngineSpec};
use takopi_core::port::transport::{
    Admission, Limits, Rate, SendError, SendOptions, Sent, TextLimit, TextUnit, Transport, TransportError,
    TransportFeatures, TransportSpec,
};
use takopi_core::port::workspace::{
    FileError, FileRules, Get, Got, List, ProjectCheck, Put, RunDir, Saved, Wanted, WorkspaceError,
};
use takopi_core::port::{Clock, Leftovers, SetupIssue, Workspace};
use takopi_core::settings::SerializeBy;
use takopi_core::time::{Moment, Timestamp};
use takopi_ledger::SqliteLedger;
use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::actors::Actors;
use super::agent::Agent;

/// How long a run may take before a measurement gives up.
const PATIENCE: Duration = Duration::from_secs(120);

/// An open house.
pub(super) struct Stage {
    pub(super) desk: Desk,
    pub(super) agent: Arc<Agent>,
    inbox: Inbox,
    instance: InstanceId,
    told: broadcast::Receiver<DeskEvent>,
    messages: u64,
}

impl Stage {
    /// Opens a house whose ledger is in `folder`.
    pub(super) async fn open(folder: &Path) -> anyhow::Result<Self> {
        let agent = Arc::new(Agent::new(TaskTracker::new()));
        let clock = Arc::new(MachineClock::start());
        let ledger = Arc::new(SqliteLedger::open(&folder.join("ledger.db"))?);
        let spec = Agent::spec()?;
        let actors = Actors::new(folder)?;
        let specs = actors.specs()?.into_iter().chain([spec.clone()]);
        let claims = specs.map(|spec| Claim::built_in(&spec.id.clone(), spec, false));
        let engines = survey(PluginKind::Engine, claims.collect(), &Rules::default());
        let generation = Generation {
            engines: Catalog::new(engines, Cast { agent: agent.clone(), actors }),
            commands: Catalog::new(survey(PluginKind::Command, Vec::new(), &Rules::default()), NoCommands),
            command_settings: std::collections::BTreeMap::new(),
            workspace: Arc::new(OneFolder(folder.to_owned())),
            default_engine: spec.id,
            projects: Vec::new(),
            default_project: None,
            max_parallel_runs: 64,
            serialize: SerializeBy::Session,
            final_notify: true,
        };
        let desk = Desk::open(DeskParts {
            ledger,
            clock,
            leftovers: Arc::new(NoLeftovers),
            generation,
            salt: [7; 6],
        });
        let told = desk.watch();
        let instance = InstanceId::parse("measure")?;
        let (sender, mut inbox) = watch::channel(None);
        desk.serve(instance.clone(), Listener::spec()?, Arc::new(Listener(sender))).await;
        desk.recover().await?;
        let inbox = inbox.wait_for(Option::is_some).await?.clone().context("the transport was not served")?;
        Ok(Self { desk, agent, inbox, instance, told, messages: 0 })
    }

    /// Hands in a message, and returns once it is accepted.
    pub(super) async fn say(&mut self, text: &str) -> anyhow::Result<()> {
        self.messages += 1;
        let upstream = self.messages.to_string();
        let address = Address { instance: self.instance.clone(), chat: "1".to_owned(), thread: None };
        let message = Message {
            message: MessageRef { address, id: upstream.clone() },
            upstream,
            sender: Sender { id: "1".to_owned(), name: "Ada".to_owned(), is_bot: false },
            text: text.to_owned(),
            reply_to: None,
            attachments: Vec::new(),
            album: None,
            forwarded: false,
            sent_at: Timestamp::default(),
            chosen: Chosen::default(),
        };
        self.inbox.accept(Inbound::Message(message)).await?;
        Ok(())
    }

    /// Returns the run that begins next.
    pub(super) async fn started(&mut self) -> anyhow::Result<RunId> {
        loop {
            if let DeskEvent::Started { run, .. } = self.hear().await? {
                return Ok(run);
            }
        }
    }

    /// Waits for the end of the next run that ends, which must have answered.
    pub(super) async fn answered(&mut self) -> anyhow::Result<()> {
        self.ended(&Outcome::Answered).await
    }

    /// Waits for the end of the next run that ends, which must be this one.
    pub(super) async fn ended(&mut self, wanted: &Outcome) -> anyhow::Result<()> {
        loop {
            match self.hear().await? {
                DeskEvent::Ended { outcome, .. } if outcome == *wanted => return Ok(()),
                DeskEvent::Ended { outcome, .. } => bail!("the run ended as {outcome:?}"),
                _ => {}
            }
        }
    }

    async fn hear(&mut self) -> anyhow::Result<DeskEvent> {
        let told = tokio::time::timeout(PATIENCE, self.told.recv()).await;
        Ok(told.context("the run took too long")??)
    }

    /// Closes the house.
    pub(super) async fn close(self) {
        self.desk.close(PATIENCE).await;
    }
}

/// The clock of this machine.
pub(super) struct MachineClock(Instant);

impl MachineClock {
    #[expect(clippy::disallowed_methods, reason = "this is where the clock is read")]
    pub(super) fn start() -> Self {
        Self(Instant::now())
    }
}

#[async_trait]
impl Clock for MachineClock {
    #[expect(clippy::disallowed_methods, reason = "this is where the clock is read")]
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_unix_ms(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn moment(&self) -> Moment {
        Moment::after_start(self.0.elapsed())
    }

    async fn sleep_until(&self, until: Moment) {
        tokio::time::sleep(until.since(self.moment())).await;
    }
}

struct Cast {
    agent: Arc<Agent>,
    actors: Actors,
}

#[async_trait]
impl Loader<EngineSpec, dyn Engine> for Cast {
    async fn load(&self, _: &PluginId, spec: &EngineSpec, _: &Origin) -> Result<Arc<dyn Engine>, String> {
        let played = self.actors.engine(spec).map_err(|error| error.to_string())?;
        Ok(played.unwrap_or_else(|| self.agent.clone()))
    }
}

struct NoCommands;

#[async_trait]
impl Loader<CommandSpec, dyn Command> for NoCommands {
    async fn load(&self, id: &PluginId, _: &CommandSpec, _: &Origin) -> Result<Arc<dyn Command>, String> {
        Err(format!("there is no command {id} here"))
    }
}

struct OneFolder(PathBuf);

#[async_trait]
impl Workspace for OneFolder {
    async fn resolve(&self, _wanted: &Wanted, _stop: &CancellationToken) -> Result<RunDir, WorkspaceError> {
        Ok(RunDir { path: self.0.clone(), real: self.0.clone(), warning: None })
    }

    async fn branches(&self, _: &str, _: &CancellationToken) -> Result<Vec<String>, WorkspaceError> {
        Ok(Vec::new())
    }

    async fn check(&self, _: &CancellationToken) -> Vec<ProjectCheck> {
        Vec::new()
    }

    async fn put(&self, put: &Put, _: &CancellationToken) -> Result<Saved, FileError> {
        Err(FileError::NoDirectory(format!("nothing is stored in a measurement, {} neither", put.to)))
    }

    async fn get(&self, get: &Get, _: &CancellationToken) -> Result<Got, FileError> {
        Err(FileError::NotThere(get.path.to_string()))
    }

    async fn list(&self, _: &List, _: &CancellationToken) -> Result<Vec<String>, FileError> {
        Ok(Vec::new())
    }

    async fn sendable(&self, _: &RunDir, _: &[FilePath], _: &FileRules) -> Vec<FilePath> {
        Vec::new()
    }
}

struct NoLeftovers;

#[async_trait]
impl Leftovers for NoLeftovers {
    async fn end(&self, _run: RunId) -> usize {
        0
    }
}

/// A transport that hands out its inbox and follows runs itself, so that nothing is sent by it.
struct Listener(watch::Sender<Option<Inbox>>);

impl Listener {
    fn spec() -> anyhow::Result<TransportSpec> {
        let text = TextLimit { max: usize::MAX, unit: TextUnit::Chars };
        let features = TransportFeatures { follows: true, ..TransportFeatures::default() };
        Ok(TransportSpec {
            kind: TransportKind::parse("measure")?,
            title: "Measurements".to_owned(),
            limits: Limits { text, bot: None, chat: None, edit_gap: Duration::ZERO },
            features,
        })
    }

    fn refused<T>() -> Result<T, SendError> {
        Err(SendError::Denied("nothing is sent in a measurement".to_owned()))
    }
}

#[async_trait]
impl Transport for Listener {
    async fn receive(&self, inbox: Inbox, stop: CancellationToken) -> Result<(), TransportError> {
        self.0.send_replace(Some(inbox));
        stop.cancelled().await;
        Ok(())
    }

    fn admits(&self, _inbound: &Inbound) -> Admission {
        Admission::Served
    }

    fn lay_out(&self, body: &Body) -> Vec<Body> {
        vec![body.clone()]
    }

    fn chat_rate(&self, _to: &Address) -> Option<Rate> {
        None
    }

    async fn send(&self, _to: &Address, _part: &Body, _options: &SendOptions) -> Result<Sent, SendError> {
        Self::refused()
    }

    async fn edit(&self, _message: &MessageRef, _part: &Body) -> Result<Sent, SendError> {
        Self::refused()
    }

    async fn delete(&self, _message: &MessageRef) -> Result<(), SendError> {
        Self::refused()
    }

    async fn check(&self) -> Vec<SetupIssue> {
        Vec::new()
    }
}

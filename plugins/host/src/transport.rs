//! A transport that is a plugin: what the port asks for, as calls of the plugin's process.
//!
//! It keeps nothing of its own but who may speak. The process is started when receiving begins; when it ends, receiving
//! has broken, and the desk begins it again after a pause. What comes in goes through `intake`, what goes out is put
//! into the protocol's words by `outbound`, and what a plugin's errors mean is in `refusal`.

mod config;
pub(crate) mod doors;
mod fetch;
mod gate;
mod health;
mod inbound;
mod intake;
mod menu;
mod outbound;
mod refusal;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Map, Value};
use takopi_core::desk::Inbox;
use takopi_core::id::InstanceId;
use takopi_core::message::{Address, Attachment, Body, Inbound, Message, MessageRef, Sender};
use takopi_core::port::SetupIssue;
use takopi_core::port::transport::{
    Admission, FetchError, FilePolicy, Rate, SendError, SendOptions, Sent, Transport, TransportError,
    TransportSpec,
};
use takopi_core::render::format_elapsed;
use takopi_plugin_protocol::life::{CheckConfig, Kind, Level};
use takopi_plugin_protocol::{Method, code, transport as wire};
use takopi_stdio::rpc::{CallError, Patience, RpcError};
use tokio::io::AsyncWrite;
use tokio_util::sync::CancellationToken;

pub use config::{HouseKeys, People, PluginTransportConfig};

use gate::Gate;
use health::{Health, last_words};
use intake::Intake;
use menu::Menu;
use refusal::{fetch_error, send_error, words};

use crate::discover::is_on_path;
use crate::problem::{Code, Problem};
use crate::process::{Failure, Plugin, Running};

/// How long a plugin may take.
#[derive(Debug, Clone, Copy)]
struct Waits {
    /// For a call that shows something.
    call: Duration,
    /// To start: it may have to log in at its service.
    start: Duration,
    /// To stop. Whoever takes longer is not waited for: what it still hands in is refused.
    stop: Duration,
    /// For a file: a little less than the desk's own patience, so that the plugin is told to give up.
    fetch: Duration,
    /// To check its settings.
    check: Duration,
}

impl Waits {
    const USUAL: Self = Self {
        call: Duration::from_secs(30),
        start: Duration::from_secs(30),
        stop: Duration::from_secs(5),
        fetch: Duration::from_secs(55),
        check: Duration::from_secs(10),
    };
}

/// A transport that is a plugin.
pub struct PluginTransport {
    plugin: Arc<Plugin>,
    instance: InstanceId,
    spec: TransportSpec,
    config: Map<String, Value>,
    house: HouseKeys,
    gate: Gate,
    spool: Option<PathBuf>,
    menu: Menu,
    health: Health,
    /// The process that has started last.
    running: Mutex<Weak<Running>>,
    waits: Waits,
    warned: AtomicBool,
}

impl PluginTransport {
    /// Returns the transport that `spec` describes, configured as `instance`; nothing is started. `config` is what the
    /// plugin gets of the table: [`PluginTransportConfig::rest`]. Nobody is served but who is paired until
    /// [`Self::with_keys`] says otherwise.
    #[must_use]
    pub fn new(
        plugin: Arc<Plugin>,
        instance: InstanceId,
        spec: TransportSpec,
        config: Map<String, Value>,
    ) -> Self {
        Self {
            plugin,
            instance,
            spec,
            config,
            house: HouseKeys::default(),
            gate: Gate::default(),
            spool: None,
            menu: Menu::default(),
            health: Health::default(),
            running: Mutex::default(),
            waits: Waits::USUAL,
            warned: AtomicBool::new(false),
        }
    }

    /// Serves as takopi's own keys of the table say.
    #[must_use]
    pub fn with_keys(mut self, house: HouseKeys) -> Self {
        self.gate = Gate::new(house.people.clone());
        self.house = house;
        self
    }

    /// Sends files that lie below this folder, the ledger's spool. Without it none are sent.
    #[must_use]
    pub fn with_spool(mut self, spool: impl Into<PathBuf>) -> Self {
        self.spool = Some(spool.into());
        self
    }

    /// Returns what is known of this instance, by its manifest and its table.
    #[must_use]
    pub fn own_spec(&self) -> TransportSpec {
        TransportSpec { features: self.house.shape(self.spec.features), ..self.spec.clone() }
    }

    /// Offers other commands in the service's menu from now on: their names and what they do.
    pub fn set_menu(&self, entries: impl IntoIterator<Item = (String, String)>) {
        self.menu.set(entries);
    }

    fn running(&self) -> Result<Arc<Running>, Failure> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).upgrade();
        running.filter(|running| running.is_alive()).ok_or_else(|| {
            let reason = self.trouble().unwrap_or_else(|| "it was not started yet".to_owned());
            Failure::Unavailable(Problem::new(
                Code::StartFailed,
                format!("the plugin does not run: {reason}"),
            ))
        })
    }

    async fn call<M: Method>(&self, params: &M, patience: Duration) -> Result<M::Result, Failure> {
        self.running()?.call(params, &Patience::of(patience)).await
    }

    /// Receives until `stop` fires or the process ends.
    async fn session(&self, inbox: &Inbox, stop: &CancellationToken) -> Result<(), TransportError> {
        // Not given up half-way: a process whose handshake nobody finishes would be nobody's.
        let running = self.plugin.running().await.map_err(|problem| unavailable(&problem))?;
        let kind = self.spec.kind.as_str();
        if !running.provides(Kind::Transport, kind) {
            let told = format!("the plugin does not provide the transport {kind}, which its manifest names");
            return Err(TransportError::Fatal(told));
        }
        let _held = running.hold();
        let (_door, arrivals) = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            door = running.switchboard.doors.open(&self.instance) => door,
        };
        let intake = Intake {
            inbox,
            instance: &self.instance,
            gate: &self.gate,
            clock: &*self.plugin.parts().clock,
            stop,
            owner: self.owner(),
            missing: BTreeSet::new(),
        };
        tokio::select! {
            ended = self.attend(&running, inbox, stop) => ended,
            broken = intake.run(arrivals) => Err(broken),
        }
    }

    /// Tells the plugin to start, and once `stop` fires to stop; meanwhile watches over it.
    async fn attend(
        &self,
        running: &Arc<Running>,
        inbox: &Inbox,
        stop: &CancellationToken,
    ) -> Result<(), TransportError> {
        let cursor = Intake::cursor(inbox, &self.owner()).await;
        let start = wire::Start {
            id: self.spec.kind.to_string(),
            instance: self.instance.to_string(),
            config: self.config.clone(),
            cursor: cursor.map_err(|error| TransportError::Broken(error.to_string()))?,
        };
        match running.call(&start, &Patience::of(self.waits.start).until(stop.clone())).await {
            Ok(_) => {
                // Not sooner: what it is asked before it has started may look as if it had been shown.
                *self.running.lock().unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(running);
                self.health.well();
                tracing::info!(instance = %self.instance, "a plugin's transport has started");
            }
            Err(_) if stop.is_cancelled() => {}
            Err(failure) => return Err(not_started(&failure)),
        }
        tokio::select! {
            () = stop.cancelled() => {}
            ended = running.ended() => {
                return Err(TransportError::Broken(format!("the plugin {}", last_words(&ended))));
            }
            () = self.menu.keep(&self.instance, running, self.waits.call) => {}
        }
        let stopping = wire::Stop { instance: self.instance.to_string() };
        if let Err(failure) = running.call(&stopping, &Patience::of(self.waits.stop)).await {
            tracing::warn!(instance = %self.instance, %failure, "a plugin's transport did not say that it has stopped");
        }
        Ok(())
    }

    /// Returns what stands before a cursor of this plugin in the ledger.
    fn owner(&self) -> String {
        format!("{}:{} ", self.plugin.package().manifest.distribution.name, self.spec.kind)
    }

    /// Says once that nobody or everybody is served.
    fn warn_of_people(&self) {
        if let Some((what, remedy)) = self.house.warning(&self.instance)
            && !self.warned.swap(true, Ordering::Relaxed)
        {
            tracing::warn!(instance = %self.instance, "{what}; {remedy}");
        }
    }

    /// Returns whether a message was sent so long ago that it runs only when its sender still wants it.
    fn lateness(&self, message: &Message) -> Admission {
        let age = self.plugin.parts().clock.now().since(message.sent_at);
        if age <= self.house.backlog_max_age {
            return Admission::Served;
        }
        let ago = format_elapsed(age);
        Admission::Late(format!("this came while takopi was away ({ago} ago) and has not run."))
    }

    fn part(&self, body: &Body) -> Result<takopi_plugin_protocol::message::Body, SendError> {
        outbound::part(body, self.spec.features.buttons, self.spool.as_deref())
    }

    /// Asks the plugin whether its settings can be used.
    async fn ask_about_settings(&self) -> Vec<SetupIssue> {
        let issue = |title: String| SetupIssue { title, remedy: Vec::new() };
        let running = match self.plugin.running().await {
            Ok(running) => running,
            Err(problem) => return vec![issue(problem.message)],
        };
        let kind = self.spec.kind.to_string();
        let check = CheckConfig { kind: Kind::Transport, id: kind, config: self.config.clone() };
        match running.call(&check, &Patience::of(self.waits.check)).await {
            Ok(told) => {
                let bad = told.issues.into_iter().filter(|issue| issue.level >= Level::Warning);
                bad.map(|issue| SetupIssue { title: issue.title, remedy: issue.lines }).collect()
            }
            // It has nothing to say about them.
            Err(Failure::Call(CallError::Refused(error))) if error.code == RpcError::UNKNOWN_METHOD => {
                Vec::new()
            }
            Err(failure) => {
                vec![issue(format!("its settings could not be checked: {}", words(&failure.to_string())))]
            }
        }
    }
}

/// Returns what it means that no process can be had: what a person has to mend ends the transport.
fn unavailable(problem: &Problem) -> TransportError {
    match problem.code {
        Code::StartFailed | Code::HandshakeTimeout | Code::MissingExecutable | Code::Quarantined => {
            TransportError::Broken(last_words(&problem.message))
        }
        _ => TransportError::Fatal(words(&problem.message)),
    }
}

/// Returns what it means that the plugin did not start the transport.
fn not_started(failure: &Failure) -> TransportError {
    let Failure::Call(CallError::Refused(error)) = failure else {
        return TransportError::Broken(match failure {
            Failure::Call(CallError::TimedOut { after }) => {
                format!("the plugin did not start its transport within {} s", after.as_secs())
            }
            other => format!("the plugin did not start its transport: {}", last_words(&other.to_string())),
        });
    };
    match error.code {
        code::BAD_CONFIG => {
            let issues = error.data.as_ref().and_then(|data| data.get("issues")).cloned().unwrap_or_default();
            let issues: Vec<takopi_plugin_protocol::life::Issue> =
                serde_json::from_value(issues).unwrap_or_default();
            let told = issues.iter().map(|issue| {
                std::iter::once(&issue.title).chain(&issue.lines).cloned().collect::<Vec<_>>().join("; ")
            });
            let told: Vec<String> = std::iter::once(error.message.clone()).chain(told).collect();
            TransportError::Fatal(words(&told.join(": ")))
        }
        RpcError::UNKNOWN_METHOD => {
            TransportError::Fatal("the plugin does not know transport/start".to_owned())
        }
        _ => TransportError::Broken(words(&error.message)),
    }
}

#[async_trait]
impl Transport for PluginTransport {
    async fn receive(&self, inbox: Inbox, stop: CancellationToken) -> Result<(), TransportError> {
        self.warn_of_people();
        let ended = self.session(&inbox, &stop).await;
        if let Err(TransportError::Broken(reason) | TransportError::Fatal(reason)) = &ended {
            self.health.broke(reason.clone(), self.plugin.parts().clock.moment());
        }
        ended
    }

    fn admits(&self, inbound: &Inbound) -> Admission {
        let Some(sender) = inbound.sender() else { return Admission::Served };
        match (self.gate.admits(sender), inbound) {
            (Admission::Served, Inbound::Message(message)) => self.lateness(message),
            (admission, _) => admission,
        }
    }

    fn pairing(&self) -> Option<String> {
        Some("wherever they write to it".to_owned())
    }

    fn serve_also(&self, people: &[String]) {
        self.gate.set_paired(people);
    }

    /// A plugin doesn't say where several people speak, so a conversation is one person's everywhere: where they are
    /// alone that is the same.
    fn shares(&self, _chat: &Address) -> bool {
        true
    }

    /// Whoever is served by name may; of everybody else nothing is known.
    async fn is_manager(&self, _chat: &Address, sender: &Sender) -> Result<bool, SendError> {
        Ok(self.gate.knows(sender))
    }

    fn lay_out(&self, body: &Body) -> Vec<Body> {
        outbound::lay_out(body, self.spec.limits.text)
    }

    fn chat_rate(&self, _to: &Address) -> Option<Rate> {
        self.spec.limits.chat
    }

    async fn send(&self, to: &Address, part: &Body, options: &SendOptions) -> Result<Sent, SendError> {
        let send = wire::Send {
            address: outbound::address(to),
            part: self.part(part)?,
            reply_to: options.reply_to.as_ref().map(outbound::message),
            notify: options.notify,
            nonce: options.nonce.clone(),
        };
        let sent = self.call(&send, self.waits.call).await.map_err(|failure| send_error(&failure))?;
        // It stands where it was sent to, whatever the plugin calls that place.
        let told =
            inbound::message_ref("message", sent.message, &self.instance).map_err(SendError::Unknown)?;
        Ok(Sent { message: MessageRef { address: to.clone(), id: told.id }, hint: None })
    }

    async fn edit(&self, message: &MessageRef, part: &Body) -> Result<Sent, SendError> {
        let edit = wire::Edit { message: outbound::message(message), part: self.part(part)? };
        self.call(&edit, self.waits.call).await.map_err(|failure| send_error(&failure))?;
        Ok(Sent { message: message.clone(), hint: None })
    }

    async fn delete(&self, message: &MessageRef) -> Result<(), SendError> {
        let delete = wire::Delete { message: outbound::message(message) };
        match self.call(&delete, self.waits.call).await.map_err(|failure| send_error(&failure)) {
            Ok(_) | Err(SendError::Gone) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn files(&self) -> Option<FilePolicy> {
        self.house.files.as_ref()?.policy()
    }

    async fn fetch(
        &self,
        file: &Attachment,
        max_bytes: u64,
        into: &mut (dyn AsyncWrite + Send + Unpin),
    ) -> Result<Option<String>, FetchError> {
        let (instance, attachment) = (self.instance.to_string(), outbound::attachment(file));
        let fetch = wire::Fetch { instance, attachment, max_bytes };
        let fetched = self.call(&fetch, self.waits.fetch).await.map_err(|failure| fetch_error(&failure))?;
        fetch::copy(&self.plugin.data_dir(), &fetched.file.path, max_bytes, into).await?;
        Ok(Some(fetched.file.name))
    }

    async fn check(&self) -> Vec<SetupIssue> {
        let tables = &self.plugin.package().manifest.transports;
        let needs =
            tables.get(self.spec.kind.as_str()).map(|table| table.needs.as_slice()).unwrap_or_default();
        let mut issues: Vec<SetupIssue> = needs
            .iter()
            .filter(|program| !is_on_path(program))
            .map(|program| SetupIssue::not_on_path(program, None))
            .collect();
        if issues.is_empty() {
            issues = self.ask_about_settings().await;
        }
        let people = self.house.warning(&self.instance);
        issues.extend(people.map(|(title, remedy)| SetupIssue { title, remedy: vec![remedy] }));
        issues
    }

    fn trouble(&self) -> Option<String> {
        self.health.text(self.plugin.parts().clock.moment())
    }

    fn account(&self) -> Option<String> {
        Some(format!("{}:{}", self.plugin.package().manifest.distribution.name, self.instance))
    }
}

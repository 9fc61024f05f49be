//! Commands at work: each call is a task of its own with a time limit, and sees the house only through
//! [`CommandHost`], bound to that call.

mod answer;
mod files;
mod guest;
mod topics;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::oneshot;
use tokio_util::sync::{CancellationToken, DropGuard};

pub(super) use answer::call;

use super::calls::{self, LiveCall};
use super::clerk::Memo;
use super::generation::InForce;
use super::live::LiveRun;
use super::perform::{Assignment, Waiter};
use super::{DeskEvent, Instance, Shared, door, places};
use crate::id::{EngineId, RunId};
use crate::message::{Address, Attachment, Body, Inbound, MessageRef, Reply, Sender};
use crate::port::command::{
    CallId, CallSummary, CommandError, CommandHost, CommandSpec, EngineStatus, FileHost, ProjectStatus,
    Renewed, RunMode, RunRequest, RunResult, RunSummary, TopicHost as _,
};
use crate::port::engine::{Choices, Engine, RunOptions, Stop};
use crate::port::ledger::{
    FactsQuery, InboxId, LedgerError, Post, Preference, PreferenceKey, Remembered, RunRow, Settled,
    StoredFacts,
};
use crate::port::transport::{SendError, SendOptions, Topics, Trigger};
use crate::port::workspace::Place;
use crate::route::{self, Continue, Known, RunPlan};
use crate::session::{Context, Scope, Session, SessionRow, ThreadKey};

/// How long an engine may take to tell what can be chosen: more than any gives its own program.
const CHOICES_TIMEOUT: Duration = Duration::from_secs(30);

/// How long the chat may take to be told that the ledger is in trouble.
const TELL_TIMEOUT: Duration = Duration::from_secs(5);

/// Who called a command, from where.
#[derive(Clone)]
pub(super) struct Caller {
    pub(super) instance: Arc<Instance>,
    pub(super) message: MessageRef,
    pub(super) sender: Sender,
    reply_to: Option<Reply>,
    files: Vec<Attachment>,
    album: bool,
    pressed: bool,
    /// Whether it is a command of the service's own, which waits for its answer.
    native: bool,
    pub(super) inbox: Vec<InboxId>,
}

impl Caller {
    pub(super) fn new(inbound: &Inbound, inbox: Vec<InboxId>, instance: Arc<Instance>) -> Self {
        let nobody = || Sender { id: String::new(), name: String::new(), is_bot: false };
        let message = match inbound {
            Inbound::Message(message) | Inbound::Edited(message) => Some(message),
            _ => None,
        };
        let files = match inbound {
            Inbound::Invoke(invoke) => invoke.files.clone(),
            _ => message.map_or_else(Vec::new, |message| message.files().cloned().collect()),
        };
        Self {
            instance,
            message: inbound.message().clone(),
            sender: inbound.sender().cloned().unwrap_or_else(nobody),
            reply_to: message.and_then(|message| message.reply_to.clone()),
            files,
            album: message.is_some_and(|message| message.album.is_some()),
            pressed: matches!(inbound, Inbound::Press(_)),
            native: matches!(inbound, Inbound::Invoke(_)),
            inbox,
        }
    }
}

/// Closes inbounds that no run answers, and tells those who watch.
pub(super) async fn settle(desk: &Shared, inbox: &[InboxId], address: &Address, how: Settled) {
    if let Err(error) = desk.ledger.settle(inbox, how).await {
        tracing::error!(%error, "a message that was dealt with is looked at again at the next start");
    }
    for inbox in inbox {
        desk.tell(DeskEvent::Settled { inbox: *inbox, address: address.clone() });
    }
}

/// Takes away the progress message of a message that waits for no run any more: once, without a promise.
pub(super) async fn tidy(desk: &Shared, instance: &Instance, inbox: InboxId, message: &MessageRef) {
    if let Err(error) = door::in_time(&*desk.clock, instance.transport.delete(message)).await {
        tracing::info!(inbox = inbox.0, %error, "a progress message stays though nothing waits any more");
    }
    door::paint::forget_queued(&*desk.ledger, inbox).await;
}

/// Takes away a message that promises to cancel a run which is over: its sending was never confirmed, so nobody
/// knew of it before its button was pressed. The message that is known to be the run's is its final's business.
pub(super) async fn clear_stray(desk: Arc<Shared>, instance: Arc<Instance>, run: RunId, message: MessageRef) {
    // What a button says can be made up: only a run of this chat, and no message that is known to belong to one.
    let is_stray = async {
        let scope = Scope::from(message.address.clone());
        let query = FactsQuery { scope, about: Some(message.clone()), session: None };
        let is_known = desk.ledger.facts(&query).await?.run.is_some();
        let row = desk.ledger.run(run).await?;
        let is_here = |row: &RunRow| row.opened.address.whole_chat() == message.address.whole_chat();
        Ok(!is_known && row.is_some_and(|row| is_here(&row) && row.progress.as_ref() != Some(&message)))
    };
    match is_stray.await {
        Ok(true) => {}
        Ok(false) => return,
        Err::<_, LedgerError>(error) => {
            return tracing::warn!(%run, %error, "it is not known whose progress a message is");
        }
    }
    let deleted = door::in_time(&*desk.clock, instance.transport.delete(&message)).await;
    let Err(error) = deleted else { return };
    tracing::info!(%run, %error, "a stray progress message is not deleted");
    let over = Body::plain("this run is over");
    if let Err(error) = door::in_time(&*desk.clock, instance.transport.edit(&message, &over)).await {
        tracing::warn!(%run, %error, "a stray progress message stays");
    }
}

/// Tells something that cannot be stored, once and without a promise: the ledger itself is in trouble.
pub(super) fn tell_unstored(desk: &Arc<Shared>, message: MessageRef, parts: Vec<Body>) {
    let Some(instance) = desk.instance(&message.address.instance) else { return };
    let desk_clock = desk.clock.clone();
    desk.work.spawn(async move {
        let options = SendOptions { reply_to: Some(message.clone()), notify: true, ..SendOptions::default() };
        let send = async {
            for part in &parts {
                instance.transport.send(&message.address, part, &options).await?;
            }
            Ok::<(), SendError>(())
        };
        tokio::select! {
            sent = send => if let Err(error) = sent {
                tracing::error!(%error, "the chat could not be told that the ledger is in trouble");
            },
            () = desk_clock.sleep_until(desk_clock.moment() + TELL_TIMEOUT) => {}
        }
    });
}

/// The house as one call sees it.
struct Host {
    desk: Arc<Shared>,
    in_force: Arc<InForce>,
    caller: Caller,
    call: Arc<LiveCall>,
    /// Runs the command waits for.
    runs: AtomicUsize,
}

impl Host {
    fn address(&self) -> &Address {
        &self.caller.message.address
    }

    /// Returns whose conversation the caller goes on with here.
    fn scope(&self) -> Scope {
        self.known().scope(self.address(), Some(&self.caller.sender))
    }

    /// Returns what the house runs by for this call: the settings it began with while it is under way; after it, for a
    /// plugin that goes on by itself, those in force, because the engines of older ones may be closed.
    fn house(&self) -> Arc<InForce> {
        if self.desk.calls.has(self.call.id) { self.in_force.clone() } else { self.desk.in_force() }
    }

    /// Returns the caller's transport; after the call the one that serves in its place, if there is any.
    fn instance(&self) -> Arc<Instance> {
        let begun = &self.caller.instance;
        if self.desk.calls.has(self.call.id) {
            return begun.clone();
        }
        self.desk.instance(&self.address().instance).unwrap_or_else(|| begun.clone())
    }

    fn known(&self) -> Known {
        self.house().known(self.address(), &self.instance())
    }

    async fn stored(&self) -> Result<StoredFacts, CommandError> {
        let query = FactsQuery { scope: self.scope(), about: None, session: None };
        self.desk.ledger.facts(&query).await.map_err(|error| CommandError(error.to_string()))
    }

    /// Returns what is on record of a session: it goes on where it was.
    async fn stored_session(&self, session: Option<&Session>) -> Result<Option<SessionRow>, CommandError> {
        let Some(session) = session.cloned() else { return Ok(None) };
        let query = FactsQuery { scope: self.scope(), about: None, session: Some(session) };
        let facts = self.desk.ledger.facts(&query).await.map_err(|error| CommandError(error.to_string()))?;
        Ok(facts.session)
    }

    /// Leaves the call itself out: it is not finished before it is answered.
    fn besides_this(&self, kept: Result<Remembered, LedgerError>) -> Result<Remembered, CommandError> {
        let kept = kept.map_err(|error| CommandError(error.to_string()))?;
        let unfinished = kept.unfinished.saturating_sub(self.caller.inbox.len() as u64);
        Ok(Remembered { unfinished, ..kept })
    }

    /// Sets or clears what holds at a place; the transport learns of it.
    async fn prefer_at(
        &self,
        place: &Address,
        key: PreferenceKey,
        engine: Option<&EngineId>,
        value: Option<&str>,
    ) -> Result<(), CommandError> {
        let stored = self.desk.ledger.prefer(place, key, engine, value).await;
        stored.map_err(|error| CommandError(error.to_string()))?;
        if matches!(key, PreferenceKey::Context | PreferenceKey::Trigger) {
            places::tell(&self.desk, &place.instance, &*self.instance().transport).await;
        }
        Ok(())
    }

    async fn engine(&self, id: &EngineId) -> Result<Arc<dyn Engine>, CommandError> {
        self.house().by.engines.load(id).await.map_err(|error| CommandError(error.to_string()))
    }

    async fn plan(&self, request: RunRequest) -> Result<RunPlan, CommandError> {
        let known = self.known();
        let facts = self.desk.facts_at(self.address(), self.stored().await?);
        let context = match request.context {
            Some(context) => self.check_context(context)?,
            None => route::plain_context(&facts.stored.preferences, &known, self.address()),
        };
        let engine =
            request.engine.or_else(|| route::default_engine(&context, &facts, &known).map(|(id, _)| id));
        let engine = engine.ok_or_else(|| CommandError("no engine serves this chat".to_owned()))?;
        if let Some(why) = known.unusable.get(&engine) {
            return Err(CommandError(why.clone()));
        }
        if !known.engines.contains(&engine) {
            return Err(CommandError(format!("unknown engine '{engine}'")));
        }
        let session = request.session.clone().map(|token| Session { engine: engine.clone(), token });
        let (context, place) = match self.stored_session(session.as_ref()).await? {
            Some(row) => (row.context, Place::Open.or_session(row.cwd)),
            None => (context, Place::Open),
        };
        let thread = session.map(ThreadKey::Token);
        Ok(RunPlan {
            address: self.address().clone(),
            reply_to: Some(self.caller.message.clone()),
            prompt: request.prompt,
            options: route::options_for(&engine, &facts),
            engine,
            context,
            place,
            placed: true,
            thread,
            session: request.session.map_or(Continue::Fresh, Continue::Session),
            binds: false,
            remark: None,
            enclosed: None,
        })
    }
}

/// Counts a command that waits for a run, and tells when it does no more.
struct Waiting<'a> {
    runs: &'a AtomicUsize,
    _gone: DropGuard,
}

impl<'a> Waiting<'a> {
    fn new(runs: &'a AtomicUsize, gone: CancellationToken) -> Self {
        runs.fetch_add(1, Ordering::Relaxed);
        Self { runs, _gone: gone.drop_guard() }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.runs.fetch_sub(1, Ordering::Relaxed);
    }
}

#[async_trait]
impl CommandHost for Host {
    async fn send(&self, body: Body, notify: bool) -> Result<(), CommandError> {
        let parts = self.instance().transport.lay_out(&body);
        let post = Post { notify, ..Post::reply(&self.caller.message, parts) };
        let posted = self.desk.post(post).await.map_err(|error| CommandError(error.to_string()))?;
        self.call.said(posted);
        Ok(())
    }

    async fn run(&self, request: RunRequest, mode: RunMode) -> Result<RunResult, CommandError> {
        let mut plan = self.plan(request).await?;
        let conversation = match mode {
            RunMode::Capture => {
                // It answers nobody in the chat, so the chat does not get to see it.
                plan.reply_to = None;
                None
            }
            RunMode::Emit => {
                let generation = self.stored().await?.generation;
                self.known().conversations.then(|| (self.scope(), generation))
            }
        };
        let engine = plan.engine.clone();
        let (ended, end) = oneshot::channel();
        let (instance, in_force) = (self.instance(), self.house());
        let gone = CancellationToken::new();
        let waiter = Waiter { call: self.call.id, ended, gone: gone.clone() };
        let assignment = Assignment::new(plan, Vec::new(), conversation, Some(waiter), instance, in_force);
        let closing = || CommandError("takopi is closing".to_owned());
        self.desk.mailbox.send(Memo::Launch(Box::new(assignment))).await.map_err(|_| closing())?;
        let _waiting = Waiting::new(&self.runs, gone);
        let (end, run) = end.await.map_err(|_| closing())?;
        Ok(RunResult { run, engine, outcome: end.outcome, answer: end.answer, session: end.session })
    }

    async fn cancel(&self, run: RunId) -> bool {
        self.desk.stop(run, Stop::Cancel)
    }

    async fn calls(&self) -> Vec<CallSummary> {
        calls::others(&self.desk, self.address(), self.call.id).await
    }

    fn stop_call(&self, call: CallId) -> bool {
        self.desk.calls.stop(call, self.address())
    }

    async fn runs(&self, everywhere: bool) -> Vec<RunSummary> {
        let now = self.desk.now();
        let mut runs: Vec<_> = self
            .desk
            .live()
            .values()
            .filter(|run| !run.ended() && (everywhere || run.address == *self.address()))
            .map(|run| run.summary(now))
            .collect();
        runs.sort_by_key(|run| run.id);
        runs
    }

    async fn run_of(&self, message: &MessageRef) -> Option<RunId> {
        let here = self.desk.live_at(&message.address);
        if let Some(run) = here.iter().find(|run| run.is_about(message)) {
            return Some(run.id);
        }
        let scope = message.address.clone().into();
        let query = FactsQuery { scope, about: Some(message.clone()), session: None };
        match self.desk.ledger.facts(&query).await {
            Ok(facts) => facts.run.map(|run| run.opened.id),
            Err(error) => {
                tracing::error!(%error, "could not look up whose message that is");
                None
            }
        }
    }

    async fn engines(&self) -> Vec<EngineStatus> {
        self.house().by.engine_statuses(&self.address().instance).await
    }

    async fn configured(&self, engine: &EngineId) -> Result<RunOptions, CommandError> {
        Ok(self.engine(engine).await?.configured())
    }

    async fn choices(&self, engine: &EngineId, model: Option<&str>) -> Result<Choices, CommandError> {
        let engine = self.engine(engine).await?;
        tokio::select! {
            choices = engine.choices(model) => Ok(choices),
            () = self.desk.clock.sleep_until(self.desk.now() + CHOICES_TIMEOUT) => {
                let untold = Some(format!("did not answer within {} s", CHOICES_TIMEOUT.as_secs()));
                Ok(Choices { untold, ..Choices::default() })
            }
        }
    }

    fn projects(&self) -> Vec<ProjectStatus> {
        let status = |project: &route::KnownProject| ProjectStatus {
            alias: project.alias.clone(),
            default_engine: project.default_engine.clone(),
        };
        self.house().by.projects.iter().map(status).collect()
    }

    fn commands(&self) -> Vec<CommandSpec> {
        let (has_files, has_topics) = (self.files().is_some(), !matches!(self.topics(), Topics::Off(_)));
        let here = |spec: &&CommandSpec| match spec.id.as_str() {
            route::FILE => has_files,
            route::TOPIC => has_topics,
            _ => true,
        };
        self.house().by.commands_at(&self.instance().spec).filter(here).cloned().collect()
    }

    async fn default_engine(&self) -> Result<(EngineId, &'static str), CommandError> {
        let known = self.known();
        let facts = self.desk.facts_at(self.address(), self.stored().await?);
        // That of a message in the place of the call, which may reply to one that names a project.
        let reply = self.caller.reply_to.as_ref().and_then(|reply| reply.text.as_deref());
        let meant = route::meant_directory("", reply, &self.caller.message, &facts, &known);
        let context = meant.map_or_else(
            |_| route::plain_context(&facts.stored.preferences, &known, self.address()),
            |meant| meant.context,
        );
        route::default_engine(&context, &facts, &known)
            .ok_or_else(|| CommandError("no engine serves this chat".to_owned()))
    }

    fn house_engine(&self) -> Option<EngineId> {
        self.known().default_engine
    }

    async fn may_manage(&self) -> Result<bool, CommandError> {
        let instance = self.instance();
        let asked = instance.transport.is_manager(self.address(), &self.caller.sender);
        let told = door::in_time(&*self.desk.clock, asked).await;
        told.map_err(|error| CommandError(error.to_string()))
    }

    async fn context(&self) -> Result<Context, CommandError> {
        let facts = self.stored().await?;
        Ok(route::plain_context(&facts.preferences, &self.known(), self.address()))
    }

    fn check_context(&self, context: Context) -> Result<Context, CommandError> {
        let house = self.house();
        let projects = &house.by.projects;
        match &context.project {
            Some(key) if !projects.iter().any(|project| project.key == *key) => {
                let aliases = projects.iter().map(|project| project.alias.as_str());
                Err(CommandError(route::unknown_project(key, aliases)))
            }
            _ => Ok(context),
        }
    }

    async fn preferences(&self) -> Result<Vec<Preference>, CommandError> {
        Ok(self.stored().await?.preferences)
    }

    async fn prefer(
        &self,
        key: PreferenceKey,
        engine: Option<&EngineId>,
        value: Option<&str>,
    ) -> Result<(), CommandError> {
        self.prefer_at(&self.scope().address, key, engine, value).await
    }

    fn triggers(&self) -> Vec<Trigger> {
        let instance = self.instance();
        let usual = instance.transport.usual_trigger();
        let has_parts = usual == Trigger::Involved || instance.spec.features.threads;
        let offered = |trigger: &Trigger| *trigger != usual && (has_parts || *trigger != Trigger::Involved);
        [usual].into_iter().chain(Trigger::EACH.into_iter().filter(offered)).collect()
    }

    async fn renew(&self) -> Result<Option<Renewed>, CommandError> {
        if !self.known().conversations {
            return Ok(None);
        }
        let (scope, running) = (self.scope(), self.stored().await?.conversations);
        self.desk.ledger.renew(&scope).await.map_err(|error| CommandError(error.to_string()))?;
        let belongs = |run: &LiveRun| match &run.thread {
            ThreadKey::Token(session) => running.iter().any(|row| row.session == *session),
            ThreadKey::Scope(of, ..) => *of == scope,
            ThreadKey::Run(_) => false,
        };
        // What has answered only winds up; nobody would stop that.
        let goes_on = |run: &LiveRun| !run.ended() && !run.has_answer() && belongs(run);
        let under_way = self.desk.live().values().filter(|run| goes_on(run)).count();
        Ok(Some(Renewed { scope, under_way }))
    }

    async fn remembered(&self) -> Result<Remembered, CommandError> {
        self.besides_this(self.desk.ledger.remembered(&self.scope().address).await)
    }

    async fn forget(&self) -> Result<Remembered, CommandError> {
        self.besides_this(self.desk.ledger.forget(&self.scope().address).await)
    }
}

//! One run, from its turn in the queue to its end: session, ledger, directory, engine, events, end.
//!
//! What is shown goes out by post (`door.rs`) or is followed (`follow.rs`); this never waits for a chat.
//! The thread is released only when the engine has returned and the end is on disk. The engine at work is
//! `perform/play.rs`, the directory `perform/prepare.rs`, the files that came along `perform/enclosed.rs`, the
//! sign that it works `perform/typing.rs`, a session that is gone `perform/anew.rs`, the end `perform/close.rs`.

mod anew;
mod close;
mod enclosed;
mod play;
mod prepare;
mod typing;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::clerk::Memo;
use super::door::paint::note_progress;
use super::generation::InForce;
use super::live::LiveRun;
use super::script::Look;
use super::{DeskEvent, Instance, Shared, host};
use crate::event::{Level, Note, Outcome, RunEnd, RunEvent};
use crate::id::RunId;
use crate::message::Body;
use crate::port::command::CallId;
use crate::port::engine::{Engine, Job, Stop};
use crate::port::ledger::{FactsQuery, InboxId, LedgerError, OpenRun, OutboxId, RunNote};
use crate::route::{Continue, RunPlan};
use crate::session::{Generation, Scope, Session, SessionToken, ThreadKey};
use typing::Typing;

/// Events folded at a time: enough to spare locks, few enough to stay responsive.
const BATCH: usize = 256;

/// How long an engine may take to be there before the person sees that something is going on.
const AT_ONCE: Duration = Duration::from_millis(200);

/// A command that waits for the end of its run.
pub(super) struct Waiter {
    /// Its call.
    pub(super) call: CallId,
    /// Where it waits.
    pub(super) ended: oneshot::Sender<(RunEnd, RunId)>,
    /// Fires when it waits no more.
    pub(super) gone: CancellationToken,
}

/// What a run is given before it waits for its turn.
pub(super) struct Assignment {
    pub(super) plan: RunPlan,
    pub(super) inbox: Vec<InboxId>,
    /// The scope whose running conversation its session becomes, and its generation.
    conversation: Option<(Scope, Generation)>,
    pub(super) waiter: Option<Waiter>,
    /// Where it shows: even when that is not served any more, its words are laid out for it.
    pub(super) instance: Arc<Instance>,
    pub(super) in_force: Arc<InForce>,
    work: TaskTrackerToken,
}

impl Assignment {
    pub(super) fn new(
        plan: RunPlan,
        inbox: Vec<InboxId>,
        conversation: Option<(Scope, Generation)>,
        waiter: Option<Waiter>,
        instance: Arc<Instance>,
        in_force: Arc<InForce>,
    ) -> Self {
        let work = in_force.work.token();
        Self { plan, inbox, conversation, waiter, instance, in_force, work }
    }
}

/// What a reply to a message of a run is told that ended without a session.
const NOT_READY: &str = "resume token not ready yet; try replying to the final message. That run ended before its \
                         session was known: reply to another message of it, or write without replying.";

/// A run on stage.
struct Performance {
    desk: Arc<Shared>,
    live: Arc<LiveRun>,
    plan: RunPlan,
    inbox: Vec<InboxId>,
    instance: Arc<Instance>,
    in_force: Arc<InForce>,
    /// The scope whose running conversation its session becomes, and its generation.
    conversation: Option<(Scope, Generation)>,
    session: Option<SessionToken>,
    dir: Option<PathBuf>,
    /// What the chat gets instead of how it ended.
    instead: Option<Body>,
    /// Whether the chat gets it without a sound.
    quiet: bool,
    /// Whether it ended because its engine cannot run.
    is_missing: bool,
    /// What is told above its end: that it continues nothing after all.
    anew: Option<Note>,
    /// The answer that was shown, and the post that showed it.
    shown_answer: Option<(String, Vec<OutboxId>)>,
    /// The sign that it works, while it is shown.
    typing: Option<Typing>,
    events: Vec<RunEvent>,
}

/// Performs a run to its end, in a task of its own, and lets the clerk know.
pub(super) async fn perform(desk: Arc<Shared>, live: Arc<LiveRun>, assignment: Assignment) {
    let run = live.id;
    live.start(desk.now());
    // Closing stops what has started: what starts later stays accepted.
    if desk.closing.is_cancelled() {
        return;
    }
    let (mut performance, waiter, work) = Performance::new(desk.clone(), live.clone(), assignment);
    let performing = desk.work.spawn(async move {
        let end = performance.perform().await;
        tell_command(waiter, end, run);
        drop(work);
    });
    if let Err(panic) = performing.await {
        // Its thread goes on; what it leaves behind is told as interrupted at the next start.
        tracing::error!(%run, %panic, "a run crashed");
        live.end(RunEnd::new(Outcome::Interrupted, ""), desk.now());
        let address = live.address.clone();
        desk.tell(DeskEvent::Ended { run, address, outcome: Outcome::Interrupted });
    }
    if desk.mailbox.send(Memo::Finished(run)).await.is_err() {
        tracing::debug!(%run, "a run ended after closing time");
    }
}

/// Closes a run that was taken back while it waited: on record as cancelled, and told.
pub(super) async fn withdraw(desk: Arc<Shared>, live: Arc<LiveRun>, assignment: Assignment) {
    let run = live.id;
    let (mut performance, waiter, _work) = Performance::new(desk, live, assignment);
    let end = RunEnd::new(Outcome::Cancelled, "");
    if let Err(error) = performance.open().await {
        tracing::error!(%run, %error, "a cancelled message may run after all at the next start");
    }
    performance.close(end.clone()).await;
    tell_command(waiter, end, run);
}

fn tell_command(waiter: Option<Waiter>, end: RunEnd, run: RunId) {
    if let Some(waiter) = waiter
        && waiter.ended.send((end, run)).is_err()
    {
        tracing::debug!(%run, "the command that wanted this run is gone");
    }
}

impl Performance {
    fn new(
        desk: Arc<Shared>,
        live: Arc<LiveRun>,
        assignment: Assignment,
    ) -> (Self, Option<Waiter>, TaskTrackerToken) {
        let Assignment { plan, inbox, conversation, waiter, instance, in_force, work } = assignment;
        let performance = Self {
            desk,
            live,
            plan,
            inbox,
            instance,
            in_force,
            conversation,
            session: None,
            dir: None,
            instead: None,
            quiet: false,
            is_missing: false,
            anew: None,
            shown_answer: None,
            typing: None,
            events: Vec::with_capacity(BATCH),
        };
        (performance, waiter, work)
    }

    async fn perform(&mut self) -> RunEnd {
        let prepared = self.resolve_session().await;
        if self.plan.context != self.live.context() {
            let features = self.instance.features_at(&self.plan.address);
            let look = Look::of(&self.in_force.by, &self.plan.engine, &self.plan.context, &features);
            self.live.set_context(self.plan.context.clone(), look.context_line);
        }
        let (address, context) = (self.live.address.clone(), self.plan.context.clone());
        self.desk.tell(DeskEvent::Started { run: self.live.id, address, context });
        if let Err(error) = self.open().await {
            return self.not_opened(&error);
        }
        let end = match prepared {
            Err(problem) => RunEnd::new(Outcome::Failed(problem), ""),
            Ok(()) => self.run_engine().await,
        };
        self.close(end.clone()).await;
        end
    }

    /// Without a row on disk no engine is started. The messages stay accepted and run at the next start.
    fn not_opened(&mut self, error: &LedgerError) -> RunEnd {
        tracing::error!(run = %self.live.id, %error, "the run was not started");
        let text = format!("{error}; the message is kept and runs when takopi is started again");
        if let Some(message) = &self.plan.reply_to {
            host::tell_unstored(&self.desk, message.clone(), vec![Body::plain(format!("error: {text}"))]);
        }
        let end = RunEnd::new(Outcome::Failed(text), "");
        self.tell_end(&end);
        end
    }

    /// Settles which session is continued, now that everything before it in its thread is over.
    async fn resolve_session(&mut self) -> Result<(), String> {
        match self.plan.session.clone() {
            Continue::Fresh => {}
            Continue::Session(token) => self.session = Some(token),
            Continue::Run(run) => self.continue_run(run).await?,
            Continue::Conversation(scope, generation) => {
                let query = FactsQuery { scope, about: None, session: None };
                let facts = self.desk.ledger.facts(&query).await.map_err(|error| error.to_string())?;
                if facts.generation != generation {
                    self.continue_former_conversation();
                } else if let Some(row) =
                    facts.conversations.into_iter().find(|row| row.session.engine == self.plan.engine)
                    && !self.plan.is_elsewhere(&row)
                {
                    self.own(&row.session).await;
                    self.session = Some(row.session.token);
                    self.plan.context = row.context;
                    self.take_place(row.cwd);
                }
            }
        }
        Ok(())
    }

    /// Waits until nothing else is under way in the session of a conversation: a reply to an older message may have
    /// put it there since this was decided.
    async fn own(&self, session: &Session) {
        if !matches!(&self.live.thread, ThreadKey::Token(known) if known == session) {
            self.bind(session.clone()).await;
        }
    }

    /// Continues a run that had not told its session when this one was decided.
    async fn continue_run(&mut self, run: RunId) -> Result<(), String> {
        let row = self.desk.ledger.run(run).await.map_err(|error| error.to_string())?;
        let opened = row.map(|row| row.opened);
        let live = self.desk.live_run(run);
        let token = live.and_then(|run| run.with_tracker(|tracker| tracker.session().cloned()));
        self.session = token.or_else(|| opened.as_ref()?.session.clone());
        let resumes = self.in_force.by.engines.spec(&self.plan.engine).is_some_and(|s| s.resume.is_some());
        if self.session.is_none() && resumes {
            self.instead = Some(Body::plain(NOT_READY));
            self.quiet = true;
            return Err(NOT_READY.to_owned());
        }
        if let Some(opened) = opened {
            self.plan.context = opened.context;
            self.take_place(opened.dir);
        }
        Ok(())
    }

    /// A new conversation began while this waited. It still belongs to the old one: the session of its
    /// thread, or that of the last run before it there.
    fn continue_former_conversation(&mut self) {
        if let ThreadKey::Token(Session { token, .. }) = &self.live.thread {
            self.session = Some(token.clone());
            return;
        }
        let live = self.desk.live();
        let before = live.values().filter(|run| run.thread == self.live.thread && run.id < self.live.id);
        if let Some(last) = before.max_by_key(|run| run.id) {
            self.session = last.with_tracker(|tracker| tracker.session().cloned());
            self.plan.context = last.context();
            self.plan.place = std::mem::take(&mut self.plan.place).or_session(last.dir());
        }
    }

    /// Takes the directory of the session that is continued, if it is on record.
    fn take_place(&mut self, session: Option<PathBuf>) {
        self.plan.place = std::mem::take(&mut self.plan.place).or_session(session);
    }

    async fn open(&mut self) -> Result<(), LedgerError> {
        let open = OpenRun {
            id: self.live.id,
            inbox: self.inbox.clone(),
            address: self.live.address.clone(),
            reply_to: self.plan.reply_to.clone(),
            engine: self.plan.engine.clone(),
            thread: self.live.thread.clone(),
            context: self.plan.context.clone(),
            dir: self.plan.place.certain(&self.plan.context).map(Path::to_owned),
            session: self.session.clone(),
            prompt: self.plan.title().to_owned(),
            opened_at: self.desk.clock.now(),
        };
        self.desk.ledger.open(&open).await?;
        self.live.set_opened();
        if let Some(progress) = self.live.progress() {
            note_progress(&*self.desk.ledger, &self.live, &progress).await;
        }
        Ok(())
    }

    async fn run_engine(&mut self) -> RunEnd {
        self.live.expect_session(self.session.clone());
        self.type_on();
        if let Some(remark) = self.plan.remark.clone() {
            self.fold(RunEvent::Note(Note { level: Level::Info, text: remark }));
        }
        match self.make_ready().await {
            Ok((engine, job)) => self.drive_or_begin_anew(engine, job).await,
            Err(end) => end,
        }
    }

    /// Gets together what the engine needs: itself, the directory, the files of the prompt.
    async fn make_ready(&mut self) -> Result<(Arc<dyn Engine>, Job), RunEnd> {
        let files = self.admit_files().await?;
        let engine = self.engine().await?;
        let dir = self.prepare().await?;
        let prompt = match files {
            Some(policy) => self.enclose(&policy, &dir).await?,
            None => self.plan.prompt.clone(),
        };
        let job = Job {
            run: self.live.id,
            prompt,
            attachments: Vec::new(),
            session: self.session.clone(),
            host: None,
            context: self.plan.context.clone(),
            dir,
            options: self.plan.options.clone(),
        };
        Ok((engine, job))
    }

    /// Returns the engine, once it is known to be all there: for one that cannot run no worktree is made, and
    /// no progress is shown that the reason would have to take the place of.
    async fn engine(&mut self) -> Result<Arc<dyn Engine>, RunEnd> {
        let (in_force, engine) = (self.in_force.clone(), self.plan.engine.clone());
        let checked = async {
            let engine = in_force.by.engines.load(&engine).await.map_err(|error| error.to_string())?;
            match engine.check().await.into_iter().next() {
                Some(issue) => Err(issue.to_string()),
                None => Ok(engine),
            }
        };
        tokio::pin!(checked);
        let mut signal = self.live.signal();
        let mut patience = std::pin::pin!(self.desk.clock.sleep_until(self.desk.now() + AT_ONCE));
        let mut shown = false;
        let result = loop {
            tokio::select! {
                biased;
                result = &mut checked => break result,
                reason = signal.wait() => return Err(RunEnd::new(outcome_of(reason), "")),
                () = &mut patience, if !shown => {
                    self.desk.paint(&self.live);
                    shown = true;
                }
            }
        };
        self.is_missing = result.is_err();
        let engine = result.map_err(|problem| RunEnd::new(Outcome::Failed(problem), ""))?;
        if !shown {
            self.desk.paint(&self.live);
        }
        Ok(engine)
    }

    /// A note that cannot be stored costs convenience after a crash, never the run.
    async fn note(&self, note: RunNote) {
        if let Err(error) = self.desk.ledger.note(self.live.id, &note).await {
            tracing::error!(run = %self.live.id, %error, "what became known of a run could not be stored");
        }
    }

    async fn memo(&self, memo: Memo) {
        if self.desk.mailbox.send(memo).await.is_err() {
            tracing::debug!(run = %self.live.id, "the clerk has gone home");
        }
    }
}

fn outcome_of(reason: Stop) -> Outcome {
    match reason {
        Stop::Cancel => Outcome::Cancelled,
        Stop::Shutdown | Stop::Detach => Outcome::Interrupted,
    }
}

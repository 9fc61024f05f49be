//! The clerk: the one task that gathers, decides and queues. It owns the queue and what waits in it; runs,
//! calls and doors are other tasks, told by message. It reads the ledger once per decision and never waits
//! for a chat, an engine or an fsync. How it decides is `clerk/decide.rs`.

mod decide;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::inbox::Refusal;
use super::live::LiveRun;
use super::perform::{self, Assignment};
use super::script::Look;
use super::{DeskEvent, Shared};
use crate::gather::{Gathered, Gatherer};
use crate::id::{InstanceId, RunId};
use crate::message::{Body, Button, ButtonAction, Inbound, MessageRef};
use crate::port::engine::Stop;
use crate::port::ledger::{InboxId, Settled};
use crate::queue::{Bound, Claim, Placement, Queue, Released};
use crate::route::{Continue, RunPlan};
use crate::session::{Session, SessionToken, ThreadKey};
use crate::speech;

/// What the clerk is told.
pub(super) enum Memo {
    /// Something durable came in.
    Accepted { inbox: InboxId, inbound: Box<Inbound>, stopped: Vec<RunId>, refusal: Option<Refusal> },
    /// Something of the last daemon's was found accepted; its waiting progress message, if it had one.
    Found { arrival: Box<Arrival>, progress: Option<MessageRef> },
    /// A voice note was heard: its words, or what its sender is told instead.
    Heard { inbox: InboxId, message: MessageRef, said: Result<String, Box<Body>> },
    /// An instance is served again: what waits for it goes on.
    Served(InstanceId),
    /// A command wants a run.
    Launch(Box<Assignment>),
    /// A run learnt its session; answered once its thread is its own.
    Bind { run: RunId, session: Session, done: oneshot::Sender<()> },
    /// A run wants a directory for itself; told at once which run is before it, answered once it has it.
    Claim { run: RunId, dir: PathBuf, behind: oneshot::Sender<RunId>, done: oneshot::Sender<()> },
    /// A run is over.
    Finished(RunId),
    /// A run was signalled; it may still be waiting.
    Stopped(RunId),
    /// How many runs may be under way from now on.
    Limit(usize),
}

/// Something to decide about: an inbound, or several that were gathered into one.
pub(super) struct Arrival {
    pub(super) inbox: Vec<InboxId>,
    pub(super) inbound: Inbound,
    /// The message that passed just before, to which forwarded ones may belong.
    pub(super) follows: Option<InboxId>,
    /// Runs it has stopped already.
    pub(super) stopped: Vec<RunId>,
}

impl From<Gathered> for Arrival {
    fn from(gathered: Gathered) -> Self {
        let Gathered { inbox, message, follows } = gathered;
        Self { inbox, inbound: Inbound::Message(message), follows, stopped: Vec::new() }
    }
}

/// A run that waits.
struct Waiting {
    live: Arc<LiveRun>,
    assignment: Assignment,
}

pub(super) struct Clerk {
    desk: Arc<Shared>,
    queue: Queue,
    gatherer: Gatherer,
    waiting: HashMap<RunId, Waiting>,
    /// Runs whose session event or directory waits for another run.
    held: HashMap<RunId, oneshot::Sender<()>>,
    /// Progress messages of messages that waited when the last daemon died.
    inherited: HashMap<InboxId, MessageRef>,
    /// Runs that messages still being gathered have stopped.
    stopped: HashMap<InboxId, Vec<RunId>>,
    /// What came from instances that are not served now.
    parked: Vec<Arrival>,
}

impl Clerk {
    pub(super) fn new(desk: Arc<Shared>, max_parallel: usize) -> Self {
        Self {
            desk,
            queue: Queue::new(max_parallel),
            gatherer: Gatherer::default(),
            waiting: HashMap::new(),
            held: HashMap::new(),
            inherited: HashMap::new(),
            stopped: HashMap::new(),
            parked: Vec::new(),
        }
    }

    /// Works until the house is closed.
    pub(super) async fn work(mut self, mut memos: mpsc::Receiver<Memo>) {
        let closed = self.desk.closed.clone();
        loop {
            let due = self.gatherer.next_wake();
            let wake = async {
                match due {
                    Some(at) => self.desk.clock.sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = closed.cancelled() => return,
                memo = memos.recv() => match memo {
                    Some(memo) => self.read(memo).await,
                    None => return,
                },
                () = wake => {
                    let gathered = self.gatherer.due(self.desk.now());
                    self.route_all(gathered).await;
                }
            }
        }
    }

    async fn read(&mut self, memo: Memo) {
        match memo {
            Memo::Accepted { inbox, inbound, refusal: Some(refusal), .. } => {
                match self.desk.instance(&inbound.address().instance) {
                    Some(instance) => {
                        let body = refused(refusal, inbox);
                        self.reply(&[inbox], inbound.message().clone(), &body, &instance);
                    }
                    None => self.settle(&[inbox], inbound.message(), Settled::Ignored),
                }
            }
            Memo::Accepted { inbox, inbound, stopped, refusal: None } => {
                self.take(inbox, *inbound, stopped).await
            }
            Memo::Found { arrival, progress } => {
                self.inherited.extend(arrival.inbox.first().copied().zip(progress));
                self.take_up(*arrival).await;
            }
            Memo::Heard { inbox, message, said } => self.take_words(inbox, &message, said).await,
            Memo::Served(instance) => {
                let meant = |arrival: &mut Arrival| arrival.inbound.address().instance == instance;
                for arrival in self.parked.extract_if(.., meant).collect::<Vec<_>>() {
                    self.take_up(arrival).await;
                }
            }
            Memo::Launch(assignment) => self.enqueue(*assignment),
            Memo::Bind { run, session, done } => match self.queue.bind(run, session) {
                Bound::Held { .. } => drop(self.held.insert(run, done)),
                Bound::Bound | Bound::Crossed { .. } | Bound::Unknown => release(run, done),
            },
            Memo::Claim { run, dir, behind, done } => match self.queue.claim_dir(run, dir) {
                Claim::Granted | Claim::Refused => release(run, done),
                Claim::Waiting { behind: before, passed } => {
                    self.held.insert(run, done);
                    if behind.send(before).is_err() {
                        tracing::debug!(%run, "it was stopped before it was told whom it waits for");
                    }
                    self.go_on(passed);
                }
            },
            Memo::Finished(run) => {
                self.held.remove(&run);
                let released = self.queue.finish(run);
                self.release(released);
            }
            Memo::Stopped(run) => self.withdraw(run),
            Memo::Limit(limit) => {
                let started = self.queue.set_max_parallel(limit);
                started.into_iter().for_each(|run| self.start(run));
            }
        }
    }

    async fn take(&mut self, inbox: InboxId, inbound: Inbound, stopped: Vec<RunId>) {
        match inbound {
            Inbound::Message(message) => {
                if speech::unheard(&message).is_some() && !self.listen(inbox, &message).await {
                    return;
                }
                if !stopped.is_empty() {
                    self.stopped.insert(inbox, stopped);
                }
                let windows = self.desk.windows(&message);
                let gathered = self.gatherer.push(inbox, message, windows, self.desk.now());
                self.route_all(gathered).await;
            }
            inbound => self.route(Arrival { inbox: vec![inbox], inbound, follows: None, stopped }).await,
        }
    }

    /// Takes up what was accepted before: a voice note may still have to be heard, and what came after it from
    /// the same person waits for it again.
    async fn take_up(&mut self, arrival: Arrival) {
        match (arrival.inbox.as_slice(), &arrival.inbound) {
            ([inbox], Inbound::Message(message))
                if speech::unheard(message).is_some() || self.gatherer.holds_back(message) =>
            {
                self.take(*inbox, arrival.inbound, arrival.stopped).await;
            }
            _ => self.route(arrival).await,
        }
    }

    async fn route_all(&mut self, gathered: Vec<Gathered>) {
        for gathered in gathered {
            let stopped = gathered.inbox.iter().filter_map(|inbox| self.stopped.remove(inbox)).flatten();
            let stopped = stopped.collect();
            self.route(Arrival { stopped, ..gathered.into() }).await;
        }
    }

    /// Puts a run into the queue, or starts it.
    fn enqueue(&mut self, assignment: Assignment) {
        let desk = &self.desk;
        let Assignment { plan, inbox, in_force, instance, waiter, .. } = &assignment;
        let id = desk.ids.next(desk.clock.now());
        let features = instance.features_at(&plan.address);
        let look = Look::of(&in_force.by, &plan.engine, &plan.context, &features);
        let mut live = LiveRun::new(id, plan, inbox.first().copied(), look, desk.now());
        live.of_call = waiter.as_ref().map(|waiter| waiter.call);
        let live = Arc::new(live);
        if let Some(waiter) = waiter {
            desk.work.spawn(cancel_when_gone(desk.clone(), id, waiter.gone.clone()));
        }
        if let Some(message) = inbox.iter().find_map(|inbox| self.inherited.remove(inbox)) {
            live.set_progress(message);
        }
        live.expect_session(self.session_ahead(plan));
        desk.keep(live.clone());
        let placement = self.queue.push(id, live.thread.clone());
        let ahead = match placement {
            Placement::Start => 0,
            Placement::Waiting { ahead } => ahead,
        };
        live.set_ahead(ahead);
        let waiting = Waiting { live: live.clone(), assignment };
        self.tell_queued(&waiting, ahead);
        self.waiting.insert(id, waiting);
        match placement {
            Placement::Start => self.start(id),
            Placement::Waiting { .. } => self.desk.paint(&live),
        }
    }

    /// Returns the session that a run is going to continue, as far as that is known before its turn.
    fn session_ahead(&self, plan: &RunPlan) -> Option<SessionToken> {
        match (&plan.session, &plan.thread) {
            (Continue::Session(token), _) => Some(token.clone()),
            (Continue::Run(run), _) => {
                self.desk.live_run(*run)?.with_tracker(|tracker| tracker.session().cloned())
            }
            (Continue::Conversation(..), Some(ThreadKey::Token(session))) => Some(session.token.clone()),
            (Continue::Conversation(..) | Continue::Fresh, _) => None,
        }
    }

    fn tell_queued(&self, Waiting { live, assignment }: &Waiting, ahead: usize) {
        let (address, engine) = (live.address.clone(), live.engine.clone());
        let inbox = assignment.inbox.clone();
        let context = live.context();
        self.desk.tell(DeskEvent::Queued { run: live.id, inbox, address, engine, context, ahead });
    }

    /// Starts a run whose turn has come; after closing time it stays accepted, for the next start.
    fn start(&mut self, run: RunId) {
        if self.desk.closing.is_cancelled() {
            return;
        }
        let Some(Waiting { live, assignment }) = self.waiting.remove(&run) else {
            debug_assert!(false, "the queue started a run that does not wait");
            return;
        };
        self.desk.work.spawn(perform::perform(self.desk.clone(), live, assignment));
    }

    fn release(&mut self, released: Vec<Released>) {
        for item in released {
            match item {
                Released::Start(run) => self.start(run),
                Released::Bound(run) | Released::Dir(run) => self.go_on(Some(run)),
            }
        }
        for (run, waiting) in &self.waiting {
            if let Some(ahead) = self.queue.position(*run) {
                let is_news = waiting.live.set_ahead(ahead);
                // What is shown nowhere yet is about to be painted anyway.
                if is_news && waiting.live.progress().is_some() {
                    self.desk.paint(&waiting.live);
                }
            }
        }
    }

    /// Lets a run go on that was held at its session event or for its directory.
    fn go_on(&mut self, run: Option<RunId>) {
        if let Some((run, done)) = run.and_then(|run| self.held.remove_entry(&run)) {
            release(run, done);
        }
    }

    /// Takes a run that still waits out of the queue and closes it as cancelled.
    fn withdraw(&mut self, run: RunId) {
        let Some(Waiting { live, assignment }) = self.waiting.remove(&run) else { return };
        self.queue.remove(run);
        self.release(Vec::new());
        self.desk.work.spawn(perform::withdraw(self.desk.clone(), live, assignment));
    }

    fn run_for(&self, inbox: InboxId) -> Option<RunId> {
        self.waiting
            .iter()
            .find(|(_, waiting)| waiting.assignment.inbox.contains(&inbox))
            .map(|(run, _)| *run)
    }
}

/// Cancels a run that the command which wanted it waits for no more. At closing time it is interrupted instead.
async fn cancel_when_gone(desk: Arc<Shared>, run: RunId, gone: CancellationToken) {
    gone.cancelled().await;
    if !desk.closing.is_cancelled() && desk.stop(run, Stop::Cancel) {
        tracing::debug!(%run, "the command that wanted this run is gone");
    }
}

fn release(run: RunId, done: oneshot::Sender<()>) {
    if done.send(()).is_err() {
        tracing::debug!(%run, "what was waited for is not wanted any more");
    }
}

/// Returns what the sender of something that is not done is told.
fn refused(refusal: Refusal, inbox: InboxId) -> Body {
    match refusal {
        Refusal::Told(text) => Body::plain(format!("error: {text}")),
        Refusal::Late(text) => {
            let button = Button { label: "run it".to_owned(), action: ButtonAction::Run { inbox } };
            Body { buttons: vec![vec![button]], ..Body::plain(text) }
        }
    }
}

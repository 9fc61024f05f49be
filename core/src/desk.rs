//! The desk: the async shell that drives the pure parts. Messages come in through [`Inbox`], one clerk
//! decides and queues, one task performs each run, one door per transport sends what is to be sent.
//!
//! It knows engines, transports and the ledger only as ports, and does nothing the pure parts could do.

mod calls;
mod clerk;
mod complete;
mod delivery;
mod door;
mod event;
mod files;
mod follow;
mod generation;
mod hear;
mod host;
mod inbox;
mod live;
mod outgoing;
mod pairing;
mod perform;
mod places;
mod recovery;
mod script;
mod serve;
mod topics;
mod windows;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use serde::Serialize;
use tokio::sync::{broadcast, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use complete::Learnt;
pub use complete::{Completion, Offer};
pub use event::DeskEvent;
pub use follow::{Follow, Followed};
pub use generation::{Generation, serves};
use inbox::Turns;
pub use inbox::{AcceptError, FirstResponse, Inbox, RunAt};
pub use pairing::{CodeInHand, PAIRED, PairingError};

use calls::Calls;
use clerk::{Clerk, Memo};
use door::Knock;
use generation::InForce;
use hear::Ears;
use live::LiveRun;
use pairing::Pairing;

use crate::id::{CommandId, InstanceId, RunId, RunIds};
use crate::message::{Address, Body, Inbound};
use crate::port::command::{EngineStatus, RunSummary};
use crate::port::engine::Stop;
use crate::port::ledger::{LedgerError, OutboxId, Post, StoredFacts};
use crate::port::transport::TransportSpec;
use crate::port::{Clock, Ledger, Leftovers, Transport};
use crate::route::{self, Decision, Facts};
use crate::time::Moment;

/// Memos the clerk may be behind by. Transports wait beyond it: what they hand in is durable already.
const MAILBOX_BOUND: usize = 1024;

/// Desk events a watcher may be behind by before it misses some.
const TOLD_BOUND: usize = 1024;

/// How long an ended run can still be followed, and how many of them at most.
const ENDED_KEPT: Duration = Duration::from_secs(120);
const ENDED_KEPT_MAX: usize = 64;

/// A served transport, for lists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TransportStatus {
    /// Which.
    pub instance: InstanceId,
    /// Its kind's name for people.
    pub title: String,
    /// Why it does not receive, while it does not.
    pub trouble: Option<String>,
}

/// What the desk is opened with.
pub struct DeskParts {
    /// The durable memory.
    pub ledger: Arc<dyn Ledger>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// What ends processes of a dead daemon.
    pub leftovers: Arc<dyn Leftovers>,
    /// What the desk runs by.
    pub generation: Generation,
    /// Random bytes, so that run ids differ from those of other processes.
    pub salt: [u8; 6],
}

/// A served transport.
pub(crate) struct Instance {
    transport: Arc<dyn Transport>,
    spec: TransportSpec,
    door: mpsc::Sender<Knock>,
    receiving: CancellationToken,
    sending: CancellationToken,
    /// Why it does not receive, while it does not.
    trouble: Mutex<Option<String>>,
}

/// What all parts of the desk share.
pub(crate) struct Shared {
    ledger: Arc<dyn Ledger>,
    clock: Arc<dyn Clock>,
    leftovers: Arc<dyn Leftovers>,
    ids: RunIds,
    mailbox: mpsc::Sender<Memo>,
    turns: Turns,
    /// Which topic's turn it is to be named, whatever the generation.
    naming: Turns,
    /// Whose turn it is to tell a transport what is set for its places.
    telling: tokio::sync::Mutex<()>,
    told: broadcast::Sender<DeskEvent>,
    in_force: RwLock<Arc<InForce>>,
    instances: RwLock<HashMap<InstanceId, Arc<Instance>>>,
    live: Mutex<HashMap<RunId, Arc<LiveRun>>>,
    /// Calls of commands under way.
    calls: Calls,
    ears: Ears,
    /// What is offered while people type.
    learnt: Learnt,
    pairing: Pairing,
    /// Runs and calls under way.
    work: TaskTracker,
    /// Doors, receivers and the clerk.
    staff: TaskTracker,
    /// What the last daemon left is taken up; only then does anything new come in.
    recovered: CancellationToken,
    /// Nothing is taken in any more.
    closing: CancellationToken,
    /// Everybody goes home.
    closed: CancellationToken,
}

impl Shared {
    fn now(&self) -> Moment {
        self.clock.moment()
    }

    fn in_force(&self) -> Arc<InForce> {
        self.in_force.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn instance(&self, id: &InstanceId) -> Option<Arc<Instance>> {
        self.instances.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    fn live(&self) -> MutexGuard<'_, HashMap<RunId, Arc<LiveRun>>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn live_run(&self, run: RunId) -> Option<Arc<LiveRun>> {
        self.live().get(&run).cloned()
    }

    /// Returns the runs that wait or run at an address, oldest first.
    fn live_at(&self, address: &Address) -> Vec<Arc<LiveRun>> {
        let mut runs: Vec<_> =
            self.live().values().filter(|run| run.address == *address && !run.ended()).cloned().collect();
        runs.sort_by_key(|run| run.id);
        runs
    }

    /// Returns the facts about a message at an address, as far as they are not about another message.
    fn facts_at(&self, address: &Address, stored: StoredFacts) -> Facts {
        let runs = self.live_at(address).into_iter().filter(|run| run.is_shown());
        let under_way = runs.map(|run| run.facts(run.thread.clone())).collect();
        Facts { stored, live: None, under_way }
    }

    /// Returns the runs of an instance that are known.
    fn live_of(&self, instance: &InstanceId) -> Vec<Arc<LiveRun>> {
        self.live().values().filter(|run| run.address.instance == *instance).cloned().collect()
    }

    /// Keeps a run for those who follow, and forgets those that ended long ago.
    fn keep(&self, run: Arc<LiveRun>) {
        let now = self.now();
        let mut live = self.live();
        live.retain(|_, run| run.ended_at().is_none_or(|at| now.since(at) < ENDED_KEPT));
        if live.len() > ENDED_KEPT_MAX {
            let mut ended: Vec<RunId> = live.values().filter(|run| run.ended()).map(|run| run.id).collect();
            ended.sort_unstable();
            let surplus = ended.len().saturating_sub(ENDED_KEPT_MAX);
            ended.iter().take(surplus).for_each(|id| drop(live.remove(id)));
        }
        live.insert(run.id, run);
    }

    /// Tells those who watch; nobody watching is fine.
    fn tell(&self, event: DeskEvent) {
        if self.told.receiver_count() > 0 && self.told.send(event).is_err() {
            tracing::trace!("the last watcher left");
        }
    }

    /// Signals a run to stop and lets the clerk know, should it still wait.
    fn stop(&self, run: RunId, reason: Stop) -> bool {
        let Some(live) = self.live_run(run) else { return false };
        let stopped = live.stop(reason);
        if stopped && self.mailbox.try_send(Memo::Stopped(run)).is_err() {
            // The mailbox is full: the signal is set, and whoever starts the run looks at it first.
            tracing::debug!(%run, "the clerk learns of this stop when the run's turn comes");
        }
        stopped
    }

    /// Cancels a run for a person, unless its answer is out: then there is nothing left that they could mean.
    fn cancel_unanswered(&self, run: RunId, at: &Address) -> bool {
        self.live_in(run, at).is_some_and(|live| !live.has_answer()) && self.stop(run, Stop::Cancel)
    }

    /// Returns a run if it is one of that chat: what a button says can be made up by who presses it.
    fn live_in(&self, run: RunId, at: &Address) -> Option<Arc<LiveRun>> {
        self.live_run(run).filter(|live| live.address.whole_chat() == at.whole_chat())
    }

    /// Posts something and lets its door know. A post that cannot be stored is logged: there is nowhere
    /// else to tell.
    async fn post(&self, post: Post) -> Result<OutboxId, LedgerError> {
        let instance = post.to.instance.clone();
        let id = self.ledger.post(post, self.clock.now()).await?;
        self.knock(&instance, Knock::Post(id)).await;
        Ok(id)
    }

    async fn knock_posts(&self, instance: &InstanceId, posts: Vec<OutboxId>) {
        for id in posts {
            self.knock(instance, Knock::Post(id)).await;
        }
    }

    async fn knock(&self, instance: &InstanceId, knock: Knock) {
        let Some(instance) = self.instance(instance) else { return };
        if instance.door.send(knock).await.is_err() {
            tracing::debug!("the door is closed; what is posted waits for the next start");
        }
    }

    /// Asks the door to paint a run the chat gets to see. Never waits: a full door paints it at its next
    /// heartbeat.
    fn paint(&self, run: &Arc<LiveRun>) {
        if !run.is_shown() {
            return;
        }
        let Some(instance) = self.instance(&run.address.instance) else { return };
        if instance.spec.features.follows || !instance.spec.features.edit {
            return;
        }
        if instance.door.try_send(Knock::Paint(run.clone())).is_err() {
            tracing::trace!(run = %run.id, "the door is busy");
        }
    }
}

/// The handle to the desk; clones are the same desk.
#[derive(Clone)]
pub struct Desk(Arc<Shared>);

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk").finish_non_exhaustive()
    }
}

impl Desk {
    /// Opens the desk and its clerk. Serve the transports next, then [`Desk::recover`].
    #[must_use]
    pub fn open(parts: DeskParts) -> Self {
        let (mailbox, memos) = mpsc::channel(MAILBOX_BOUND);
        let max_parallel = parts.generation.max_parallel_runs;
        let shared = Arc::new(Shared {
            ledger: parts.ledger,
            clock: parts.clock,
            leftovers: parts.leftovers,
            ids: RunIds::new(parts.salt),
            mailbox,
            turns: Turns::default(),
            naming: Turns::default(),
            telling: tokio::sync::Mutex::default(),
            told: broadcast::Sender::new(TOLD_BOUND),
            in_force: RwLock::new(InForce::new(parts.generation)),
            instances: RwLock::default(),
            live: Mutex::default(),
            calls: Calls::default(),
            ears: Ears::default(),
            learnt: Learnt::default(),
            pairing: Pairing::default(),
            work: TaskTracker::new(),
            staff: TaskTracker::new(),
            recovered: CancellationToken::new(),
            closing: CancellationToken::new(),
            closed: CancellationToken::new(),
        });
        let clerk = Clerk::new(shared.clone(), max_parallel);
        shared.staff.spawn(clerk.work(memos));
        Self(shared)
    }

    /// Takes up what the last daemon left undone, and lets the transports receive. Call once, after they are
    /// served.
    ///
    /// # Errors
    /// [`LedgerError`] when it could not be read or written; nothing is lost by it.
    pub async fn recover(&self) -> Result<(), LedgerError> {
        let recovered = recovery::recover(&self.0).await;
        self.0.recovered.cancel();
        recovered
    }

    /// Runs by a new generation from now on; work that is under way keeps the old.
    pub async fn adopt(&self, generation: Generation) {
        let limit = generation.max_parallel_runs;
        let new = InForce::new(generation);
        let old = {
            let mut slot = self.0.in_force.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *slot, new)
        };
        self.0.learnt.forget();
        self.0.staff.spawn(old.retire());
        if self.0.mailbox.send(Memo::Limit(limit)).await.is_err() {
            tracing::debug!("a generation came after closing time");
        }
    }

    /// Returns a reader of `run` that starts after event `from_seq` (0: from the beginning, as far as it is
    /// kept), or `None` when no such run waits, runs or ended lately.
    #[must_use]
    pub fn follow(&self, run: RunId, from_seq: u64) -> Option<Follow> {
        let live = self.0.live_run(run)?;
        Some(Follow::new(live, self.0.clock.clone(), from_seq))
    }

    /// Returns whether a run that has no end on record is over all the same: what the last daemon left is
    /// taken up, and nobody performs this one. The next start finds it and tells it as interrupted.
    #[must_use]
    pub fn is_lost(&self, run: RunId) -> bool {
        self.0.recovered.is_cancelled() && self.0.live_run(run).is_none()
    }

    /// Returns what the desk tells from now on. Bounded: who lags asks [`Desk::runs`] again.
    #[must_use]
    pub fn watch(&self) -> broadcast::Receiver<DeskEvent> {
        self.0.told.subscribe()
    }

    /// Stops a run, waiting or running; returns whether there was one. Returns once it is signalled.
    pub fn cancel(&self, run: RunId) -> bool {
        self.0.stop(run, Stop::Cancel)
    }

    /// Returns the runs that wait or run, oldest first.
    #[must_use]
    pub fn runs(&self) -> Vec<RunSummary> {
        let now = self.0.now();
        let mut runs: Vec<_> =
            self.0.live().values().filter(|run| !run.ended()).map(|run| run.summary(now)).collect();
        runs.sort_by_key(|run| run.id);
        runs
    }

    /// Returns the commands whose calls are under way, oldest first.
    #[must_use]
    pub fn commands_under_way(&self) -> Vec<CommandId> {
        self.0.calls.commands()
    }

    /// Returns the engines that serve an instance, and why some cannot be used now.
    pub async fn engines(&self, instance: &InstanceId) -> Vec<EngineStatus> {
        self.0.in_force().by.engine_statuses(instance).await
    }

    /// Returns what would be done about `inbound` if it came in now; `None` while nobody serves its instance.
    /// Nothing is written, and nothing follows from it.
    ///
    /// # Errors
    /// [`LedgerError`] when what is known could not be read.
    pub async fn foresee(&self, inbound: &Inbound) -> Result<Option<Decision>, LedgerError> {
        let Some(instance) = self.0.instance(&inbound.address().instance) else { return Ok(None) };
        let known = self.0.in_force().known_of(inbound, &instance);
        let wants = route::wants(inbound, &known);
        let stored = self.0.ledger.facts(&wants.query).await?;
        let facts = self.0.facts_at(inbound.address(), stored);
        Ok(Some(route::decide(&wants, &facts, &known)))
    }

    /// Says something in a chat by itself, with notification. Durable when it returns; it goes out when the
    /// transport can. Returns its number; an address nobody serves is told nothing.
    ///
    /// # Errors
    /// [`LedgerError`] when it could not be stored.
    pub async fn tell(&self, to: &Address, body: &Body) -> Result<Option<OutboxId>, LedgerError> {
        let Some(instance) = self.0.instance(&to.instance) else { return Ok(None) };
        let parts = instance.transport.lay_out(body);
        self.0.post(Post::notice(to.clone(), parts)).await.map(Some)
    }

    /// Lends what is in force to `read`: specs, projects, the default engine.
    pub fn with_generation<T>(&self, read: impl FnOnce(&Generation) -> T) -> T {
        read(&self.0.in_force().by)
    }

    /// Closes: takes nothing in any more, interrupts what runs, and waits at most `grace` for it to end and
    /// to be told. What waits stays accepted and runs at the next start. Returns whether all went home.
    pub async fn close(&self, grace: Duration) -> bool {
        let shared = &self.0;
        let deadline = shared.now() + grace;
        shared.closing.cancel();
        for run in self.runs() {
            if run.ahead.is_none() {
                shared.stop(run.id, Stop::Shutdown);
            }
        }
        shared.work.close();
        let ended = self.within(deadline, shared.work.wait()).await;
        shared.closed.cancel();
        let engines: Vec<_> = shared.in_force().by.engines.loaded();
        let close = async {
            for engine in engines {
                engine.close(deadline.since(shared.now())).await;
            }
        };
        self.within(deadline, close).await;
        shared.staff.close();
        // Doors get their own last moment for finals that are on their way.
        ended && self.within(shared.now() + serve::FAREWELL, shared.staff.wait()).await
    }

    async fn within(&self, deadline: Moment, work: impl Future<Output = ()>) -> bool {
        tokio::select! {
            () = work => true,
            () = self.0.clock.sleep_until(deadline) => false,
        }
    }
}

#[cfg(test)]
mod tests;

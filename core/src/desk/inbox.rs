//! A transport's way in: durable first, acknowledged second. The one thing that does not wait for the
//! disk is a stop.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use tokio::sync::{Mutex, MutexGuard};

use super::clerk::Memo;
use super::live::LiveRun;
use super::{DeskEvent, Shared};
use crate::directive::{SlashCall, slash_command};
use crate::id::{InstanceId, RunId};
use crate::message::{Address, ButtonAction, Inbound, Message, MessageRef, Press};
use crate::port::engine::Stop;
use crate::port::ledger::{Accepted, LedgerError};
use crate::port::transport::Admission;
use crate::route::CANCEL;

/// Why something that came in is not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Its sender is not served.
    Told(String),
    /// It came late: a button does it after all.
    Late(String),
}

/// What the service is told at once, before anything is queued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FirstResponse {
    /// It is taken.
    Ack,
    /// It is taken; show this for a moment.
    Toast(String),
    /// It is taken; the answer comes later.
    Defer {
        /// Whether only the sender sees it.
        ephemeral: bool,
    },
}

/// Why an inbound was not accepted; upstream must not be told that we have it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AcceptError {
    /// It could not be made durable.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The house is closing.
    #[error("the house is closing")]
    Closing,
    /// It came from an instance that is not, or no longer, served.
    #[error("the transport '{0}' is not served")]
    NotServed(InstanceId),
}

/// A run that waits or works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunAt {
    /// Which.
    pub run: RunId,
    /// Whether it waits for its turn.
    pub waits: bool,
}

/// A transport's way in; clones are the same way.
#[derive(Clone)]
pub struct Inbox {
    pub(super) desk: Arc<Shared>,
    instance: InstanceId,
}

impl std::fmt::Debug for Inbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inbox").field("instance", &self.instance).finish_non_exhaustive()
    }
}

impl Inbox {
    pub(super) fn new(desk: Arc<Shared>, instance: InstanceId) -> Self {
        Self { desk, instance }
    }

    /// Accepts what came in. Returns once it is durable; only then acknowledge upstream. A duplicate is
    /// acknowledged and changes nothing.
    ///
    /// # Errors
    /// [`AcceptError`].
    pub async fn accept(&self, inbound: Inbound) -> Result<FirstResponse, AcceptError> {
        let first = self.accept_all(vec![inbound]).await?;
        Ok(first.into_iter().next().unwrap_or(FirstResponse::Ack))
    }

    /// Accepts what came in together, in its order: one write for all of it. Returns, once it is durable, the
    /// response to each.
    ///
    /// # Errors
    /// [`AcceptError`]; then none of it is accepted.
    pub async fn accept_all(&self, inbounds: Vec<Inbound>) -> Result<Vec<FirstResponse>, AcceptError> {
        let desk = &self.desk;
        if desk.closing.is_cancelled() {
            return Err(AcceptError::Closing);
        }
        let instance =
            desk.instance(&self.instance).ok_or_else(|| AcceptError::NotServed(self.instance.clone()))?;
        let mut first = Vec::with_capacity(inbounds.len());
        let mut arriving = Arriving::default();
        for inbound in inbounds {
            let admission = instance.transport.admits(&inbound);
            let is_code =
                admission != Admission::Silence && desk.hears_code(&instance, &inbound, &admission).await?;
            let refusal = match admission {
                Admission::Served if !is_code => None,
                Admission::Told(text) if !is_code => Some(Refusal::Told(text)),
                Admission::Late(text) if !is_code => Some(Refusal::Late(text)),
                _ => {
                    first.push(FirstResponse::Ack);
                    continue;
                }
            };
            let is_first = !arriving.inbounds.iter().any(|before| before.address() == inbound.address());
            let waits = self.is_about_waiting(&inbound);
            let stopped = if refusal.is_none() { self.stop_at_once(&inbound, is_first) } else { Vec::new() };
            let private = refusal.is_some() || self.is_private(&inbound);
            first.push(first_response(&inbound, &stopped, waits, private));
            arriving.inbounds.push(inbound);
            arriving.fates.push((stopped, refusal));
        }
        if arriving.inbounds.is_empty() {
            return Ok(first);
        }
        // In a task of its own: a bearer that leaves meanwhile must not take along what is durable already.
        let taken = desk.work.spawn(take(desk.clone(), arriving));
        taken.await.unwrap_or(Err(AcceptError::Closing)).map(|()| first)
    }

    /// Returns up to where this instance has received, as [`Self::set_cursor`] was told.
    ///
    /// # Errors
    /// [`AcceptError::Ledger`].
    pub async fn cursor(&self) -> Result<Option<String>, AcceptError> {
        Ok(self.desk.ledger.cursor(&self.instance).await?)
    }

    /// Remembers up to where this instance has received. Call it once everything before that was accepted.
    ///
    /// # Errors
    /// [`AcceptError::Ledger`].
    pub async fn set_cursor(&self, cursor: &str) -> Result<(), AcceptError> {
        Ok(self.desk.ledger.set_cursor(&self.instance, cursor).await?)
    }

    /// Returns what this instance was told to remember under a key.
    ///
    /// # Errors
    /// [`AcceptError::Ledger`].
    pub async fn recall(&self, key: &str) -> Result<Option<String>, AcceptError> {
        Ok(self.desk.ledger.get(&self.drawer(), key).await?)
    }

    /// Remembers a value under a key, over restarts; `None` forgets it.
    ///
    /// # Errors
    /// [`AcceptError::Ledger`].
    pub async fn remember(&self, key: &str, value: Option<&str>) -> Result<(), AcceptError> {
        Ok(self.desk.ledger.put(&self.drawer(), key, value).await?)
    }

    /// Returns the namespace of the ledger that is this instance's own.
    fn drawer(&self) -> String {
        format!("transport.{}", self.instance)
    }

    /// Returns the run that a message shows, or that answers it, while it waits or works.
    #[must_use]
    pub fn run_at(&self, message: &MessageRef) -> Option<RunAt> {
        let here = self.desk.live_at(&message.address);
        let run = here.iter().find(|run| run.is_about(message))?;
        Some(RunAt { run: run.id, waits: run.has_not_started() })
    }

    /// Signals the runs that a cancel is about, from memory, before anything is written or queued. One that
    /// is not the first to arrive here may mean a run that is not there yet.
    fn stop_at_once(&self, inbound: &Inbound, is_first: bool) -> Vec<RunId> {
        let runs = match inbound {
            Inbound::Press(Press { action: ButtonAction::Cancel { run }, .. }) => {
                let stopped = self.desk.cancel_unanswered(*run, inbound.address());
                return stopped.then_some(*run).into_iter().collect();
            }
            Inbound::Message(message) => match slash_command(&message.text) {
                Some(SlashCall { name, arguments, .. }) if name == CANCEL => {
                    self.meant_by(message, &arguments, is_first)
                }
                _ => Vec::new(),
            },
            _ => Vec::new(),
        };
        runs.into_iter().filter(|run| self.desk.stop(*run, Stop::Cancel)).collect()
    }

    /// Returns whether what a native command answers is for its caller's eyes only: the command says so, or there is
    /// no such command any more.
    fn is_private(&self, inbound: &Inbound) -> bool {
        let Inbound::Invoke(invoke) = inbound else { return false };
        let in_force = self.desk.in_force();
        in_force.by.commands.spec(&invoke.command).is_none_or(|spec| spec.ephemeral)
    }

    /// Returns whether a press is to cancel a run that has not started.
    fn is_about_waiting(&self, inbound: &Inbound) -> bool {
        let Inbound::Press(Press { action: ButtonAction::Cancel { run }, .. }) = inbound else {
            return false;
        };
        let here = self.desk.live_at(inbound.address());
        here.iter().any(|live| live.id == *run && live.has_not_started())
    }

    /// Returns the runs here that a typed `/cancel` means: all with `all`, the one named, the one replied to,
    /// else the only one whose answer is not out. Several and no hint means none: the command then lists them.
    /// Those that a call waits for end with the call, which the command stops.
    fn meant_by(&self, message: &Message, arguments: &str, is_first: bool) -> Vec<RunId> {
        let here = self.desk.live_at(&message.message.address);
        let asked = arguments.trim();
        let all = asked.eq_ignore_ascii_case("all");
        let named = RunId::parse(asked);
        let lent = |run: &Arc<LiveRun>| run.of_call.is_some_and(|call| self.desk.calls.has(call));
        let unanswered = here.iter().filter(|run| !run.has_answer() && !lent(run)).count();
        let meant = |run: &&Arc<LiveRun>| match (&named, &message.reply_to) {
            _ if all => true,
            (Some(named), _) => run.id == *named,
            (None, Some(reply)) => run.is_about(&reply.message),
            (None, None) => is_first && unanswered == 1 && !run.has_answer() && !lent(run),
        };
        here.iter().filter(meant).map(|run| run.id).collect()
    }
}

fn first_response(inbound: &Inbound, stopped: &[RunId], waits: bool, private: bool) -> FirstResponse {
    match inbound {
        Inbound::Press(Press { action: ButtonAction::Cancel { .. }, .. }) if stopped.is_empty() => {
            FirstResponse::Toast("nothing is currently running for that message.".to_owned())
        }
        Inbound::Press(Press { action: ButtonAction::Cancel { .. }, .. }) if waits => {
            FirstResponse::Toast("dropped from queue.".to_owned())
        }
        Inbound::Press(Press { action: ButtonAction::Cancel { .. }, .. }) => {
            FirstResponse::Toast("cancelling...".to_owned())
        }
        Inbound::Press(Press { action: ButtonAction::SendFile { .. }, .. }) => {
            FirstResponse::Toast("looking for the file".to_owned())
        }
        Inbound::Invoke(_) | Inbound::Modal(_) => FirstResponse::Defer { ephemeral: private },
        _ => FirstResponse::Ack,
    }
}

/// What arrives together, and what became of each part of it already: the runs it has stopped, and why it is
/// not done.
#[derive(Default)]
struct Arriving {
    inbounds: Vec<Inbound>,
    fates: Vec<(Vec<RunId>, Option<Refusal>)>,
}

/// Makes what arrives durable and hands it to the clerk.
async fn take(desk: Arc<Shared>, arriving: Arriving) -> Result<(), AcceptError> {
    let Arriving { inbounds, fates } = arriving;
    let _turns = desk.turns.of(&inbounds).await;
    let became = match inbounds.as_slice() {
        [one] => vec![desk.ledger.accept(one, desk.clock.now()).await?],
        all => desk.ledger.accept_all(all, desk.clock.now()).await?,
    };
    for ((inbound, (stopped, refusal)), became) in inbounds.into_iter().zip(fates).zip(became) {
        let Accepted::New(inbox) = became else { continue };
        desk.tell(DeskEvent::Accepted {
            inbox,
            address: inbound.address().clone(),
            upstream: inbound.upstream().to_owned(),
        });
        // Durable already: if the clerk is gone, the next daemon takes it up.
        let memo = Memo::Accepted { inbox, inbound: Box::new(inbound), stopped, refusal };
        desk.mailbox.send(memo).await.map_err(|_| AcceptError::Closing)?;
    }
    Ok(())
}

/// Turns that are given out side by side; chats that happen to share one wait for each other's fsync.
const TURNS: usize = 64;

/// Whose turn it is to be accepted: what comes at one address reaches the clerk in the order in which the
/// ledger numbers it, while other chats share an fsync with it.
pub(super) struct Turns([Mutex<()>; TURNS]);

impl Default for Turns {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Mutex::default()))
    }
}

impl Turns {
    /// Returns the turn of an address.
    pub(super) fn at(&self, address: &Address) -> &Mutex<()> {
        let Self(turns @ [first, ..]) = self;
        turns.get(place(address)).unwrap_or(first)
    }

    /// Returns the turns of everything that arrives, taken in the order of their places: nobody holds a later
    /// one while it waits for an earlier one.
    async fn of(&self, arriving: &[Inbound]) -> Vec<MutexGuard<'_, ()>> {
        let places: BTreeSet<usize> = arriving.iter().map(|inbound| place(inbound.address())).collect();
        let mut turns = Vec::with_capacity(places.len());
        for turn in places.into_iter().filter_map(|place| self.0.get(place)) {
            turns.push(turn.lock().await);
        }
        turns
    }
}

fn place(address: &Address) -> usize {
    let mut hasher = DefaultHasher::new();
    address.hash(&mut hasher);
    usize::try_from(hasher.finish() % TURNS as u64).unwrap_or_default()
}

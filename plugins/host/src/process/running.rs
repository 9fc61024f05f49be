//! A plugin's process that has shaken hands: called, told, held, ended.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use takopi_core::port::Clock;
use takopi_core::time::Moment;
use takopi_plugin_protocol::{MAX_LINE_BYTES, Method, Notification, life};
use takopi_stdio::rpc::{CallError, Patience, Peer};
use tokio::sync::watch;

use super::keeper::Word;
use super::life::Life;
use super::{Failure, named};
use crate::bounds::Bounds;
use crate::problem::{Code, Problem};
use crate::switchboard::Switchboard;

/// A process that has shaken hands. When the last of these is dropped it is killed with everything it has started.
pub struct Running {
    pub(super) peer: Peer,
    pub(super) life: Arc<Life>,
    pub(super) word: watch::Sender<Word>,
    pub(super) answer: life::Initialized,
    pub(super) bounds: Bounds,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) work: Mutex<Work>,
    /// What takes the calls of the process.
    pub(crate) switchboard: Arc<Switchboard>,
}

/// What a process has to do.
#[derive(Debug, Default)]
pub(super) struct Work {
    /// Calls that wait for an answer.
    calls: usize,
    /// When the last of them, or of those who held it, ended.
    last: Moment,
}

/// Keeps a process from being stopped for idleness while it lives.
pub struct Hold {
    running: Arc<Running>,
}

impl Hold {
    /// Returns the process that is held.
    #[must_use]
    pub fn running(&self) -> &Arc<Running> {
        &self.running
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let now = self.running.clock.moment();
        self.running.work().last = now;
        self.running.life.holds.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A call under way.
struct Calling<'a>(&'a Running);

impl<'a> Calling<'a> {
    fn on(running: &'a Running) -> Self {
        running.work().calls += 1;
        Self(running)
    }
}

impl Drop for Calling<'_> {
    fn drop(&mut self) {
        let now = self.0.clock.moment();
        let mut work = self.0.work();
        work.calls -= 1;
        work.last = now;
    }
}

impl Running {
    /// Calls a method and waits for its result.
    ///
    /// # Errors
    /// [`Failure`], by variant. When a line that is longer than [`MAX_LINE_BYTES`] comes in meanwhile, this call fails
    /// with every other: nobody can tell whose answer it was.
    pub async fn call<M: Method>(&self, params: &M, patience: &Patience) -> Result<M::Result, Failure> {
        let _calling = Calling::on(self);
        let mut overlong = self.switchboard.overlong.subscribe();
        let params = serde_json::to_value(params).map_err(|problem| unreadable(M::NAME, &problem))?;
        let result = tokio::select! {
            biased;
            result = self.peer.call(M::NAME, params, patience) => result,
            Ok(()) = overlong.changed() => return Err(Failure::Overlong),
        };
        // It may have come before an answer that was read together with it.
        if matches!(overlong.has_changed(), Ok(true)) {
            return Err(Failure::Overlong);
        }
        match result {
            Ok(result) => serde_json::from_value(result).map_err(|problem| unreadable(M::NAME, &problem)),
            Err(error) => Err(self.failure(error).await),
        }
    }

    /// Sends a notification.
    ///
    /// # Errors
    /// [`Failure`], by variant.
    pub async fn notify<N: Notification>(&self, params: &N) -> Result<(), Failure> {
        let params = serde_json::to_value(params).map_err(|problem| unreadable(N::NAME, &problem))?;
        match self.peer.notify(N::NAME, params).await {
            Ok(()) => Ok(()),
            Err(error) => Err(self.failure(error).await),
        }
    }

    async fn failure(&self, error: CallError) -> Failure {
        match error {
            CallError::Closed(_) => Failure::Gone(self.life.obituary().await),
            // It had ended before it was asked.
            CallError::Unsent(_) => Failure::Call(CallError::Unsent(self.life.obituary().await.into())),
            error => Failure::Call(error),
        }
    }

    /// Returns whether it registered something.
    #[must_use]
    pub fn provides(&self, kind: life::Kind, id: &str) -> bool {
        self.answer.provides.iter().any(|one| one.kind == kind && one.id == id)
    }

    /// Makes sure that it registered something its manifest names.
    ///
    /// # Errors
    /// [`Code::ProvidesMismatch`] when it did not. What else it registered works all the same.
    pub fn must_provide(&self, kind: life::Kind, id: &str) -> Result<(), Problem> {
        if self.provides(kind, id) {
            return Ok(());
        }
        let problem = format!("its process does not provide {}, which its manifest names", named(kind, id));
        Err(Problem::new(Code::ProvidesMismatch, problem))
    }

    /// Returns how many lines it printed that were no messages, and the last of them, shortened.
    #[must_use]
    pub fn stray_lines(&self) -> (u64, String) {
        self.peer.garbage()
    }

    /// Returns whether it has not ended, nor is about to.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.life.process.exit().is_none()
            && !self.life.over.is_cancelled()
            && self.life.doom.get().is_none()
            && *self.word.borrow() == Word::Stay
    }

    /// Keeps it from being stopped for idleness.
    #[must_use]
    pub fn hold(self: &Arc<Self>) -> Hold {
        self.life.holds.fetch_add(1, Ordering::Relaxed);
        Hold { running: self.clone() }
    }

    /// Waits until it is over, and returns how it ended: `takopi-acme ended (exit status 3): what it wrote to stderr`.
    pub async fn ended(&self) -> String {
        self.peer.closed().await;
        self.life.obituary().await
    }

    /// Ends it with everything it has started, for a fault that every call under way is told.
    pub(crate) async fn doom(&self, why: impl Into<String>) {
        self.life.doom(why.into(), &self.bounds.ladder).await;
        self.life.over.cancelled().await;
    }

    /// Asks it to end within `grace`, then ends it with everything it has started.
    pub async fn close(&self, grace: Duration) {
        self.finish(Word::Close(grace)).await;
    }

    /// Lets it go when its one run is over: what it left running on purpose stays. Returns when it is gone.
    pub(crate) async fn let_go(&self) {
        self.finish(Word::LetGo).await;
    }

    /// Ends it with everything it has started.
    pub(crate) async fn kill(&self) {
        self.finish(Word::Kill).await;
    }

    async fn finish(&self, word: Word) {
        self.dismiss(word);
        // Bounded by the keeper's own waits.
        self.life.over.cancelled().await;
    }

    /// Says what is to become of it and does not wait; the first word counts.
    pub(super) fn dismiss(&self, word: Word) {
        self.word.send_if_modified(|said| {
            let first = *said == Word::Stay;
            if first {
                *said = word;
            }
            first
        });
    }

    /// Returns whether calls wait for an answer.
    pub(super) fn is_busy(&self) -> bool {
        self.work().calls > 0
    }

    /// Returns for how long nobody has wanted anything of it.
    pub(super) fn idle_for(&self) -> Duration {
        let now = self.clock.moment();
        let work = self.work();
        if work.calls + self.life.holds.load(Ordering::Relaxed) > 0 {
            Duration::ZERO
        } else {
            now.since(work.last)
        }
    }

    fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Work {
    /// Returns that of a process that has just begun.
    pub(super) const fn none(now: Moment) -> Self {
        Self { calls: 0, last: now }
    }
}

fn unreadable(method: &'static str, problem: &serde_json::Error) -> Failure {
    Failure::Unreadable { method, problem: problem.to_string() }
}

/// Returns what people are told when `who` printed a line that is too long.
pub(crate) fn too_long(who: &str) -> String {
    format!(
        "{who} printed a line of more than {} MiB; its author must put what is larger into files of its data folder",
        MAX_LINE_BYTES >> 20
    )
}

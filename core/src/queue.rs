//! Who may run now: one run per thread, first in, first out; at most so many overall; one run per
//! claimed directory. A state machine: it never starts or stops anything, it says who may.
//!
//! A run takes its place when it is pushed, tells its session as soon as it knows it ([`Queue::bind`]),
//! and makes room with [`Queue::finish`]. What these calls return is what the desk does next.

mod directories;
#[cfg(test)]
mod tests;
mod threads;

use std::collections::HashMap;
use std::path::PathBuf;

use self::directories::Directories;
use self::threads::{Place, ThreadId, Threads};
use crate::id::RunId;
use crate::session::{Session, ThreadKey};

/// Where a run was put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// It runs from now on.
    Start,
    /// It waits, and [`Released::Start`] will name it.
    Waiting {
        /// How many runs of its thread are before it, the running one included. When there are none and
        /// only the overall limit holds it back: how many runs that could run now are before it, which
        /// is zero for the one that starts as soon as any run ends.
        ahead: usize,
    },
}

/// What became of a session a run has learnt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// The run's thread and the session's are one from now on.
    Bound,
    /// Another run is running in that session: the event waits until [`Released::Bound`] names the run.
    Held {
        /// Which.
        by: RunId,
    },
    /// As `Held`, but that run waits for this one, so waiting would never end: the event goes on. The
    /// threads become one when this run is finished.
    Crossed {
        /// Which.
        by: RunId,
    },
    /// The run is not running, or still waits for its directory: its engine cannot have said anything.
    Unknown,
}

/// Whether a run may work in a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// It may, and nobody else until it is finished.
    Granted,
    /// It waits, and [`Released::Dir`] will name it.
    Waiting {
        /// The run just before it.
        behind: RunId,
        /// A run whose held event goes on now, as [`Released::Bound`] would say: it was held for this
        /// one, which in turn waits for it.
        passed: Option<RunId>,
    },
    /// The run is not running, its engine has begun (an event of it is held), or it has claimed another
    /// directory.
    Refused,
}

/// What has become possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Released {
    /// This run runs from now on.
    Start(RunId),
    /// This run's held session event goes on; its thread and the session's are one.
    Bound(RunId),
    /// This run has its directory.
    Dir(RunId),
}

/// What was found when a run was to leave the queue. Nothing is ever released by it: a run that waits
/// holds nothing, and those behind it only move up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removed {
    /// It waited, and is gone.
    Waiting,
    /// It runs: nothing was changed. Stop it, then [`Queue::finish`] it.
    Running,
    /// It is not known.
    Unknown,
}

/// One run the queue knows.
#[derive(Debug)]
struct Run {
    /// Its thread's name: as pushed, or the session it was bound to.
    key: ThreadKey,
    thread: ThreadId,
    state: State,
}

#[derive(Debug)]
enum State {
    Waiting(Place),
    Running(Learnt),
}

/// What a running run has learnt of its session beyond the name of its thread.
#[derive(Debug)]
enum Learnt {
    Nothing,
    /// Its event waits at that place of the session's thread.
    Held(Session, Place),
    /// Its event went on although the threads are still two.
    Passed(Session),
}

/// Decides which run may run. Operations take logarithmic time in the runs that wait, except where noted.
///
/// Nobody waits for ever. A run that has been started waits for one thing at most: the run that holds the
/// thread of a session it learnt, or the one before it at a directory (of which it claims only one, having
/// its thread already). So waits form chains, and a call that would close one into a ring is told so.
///
/// That several keys name one thread is remembered while it is busy, and then for as long as it is among
/// the 1024 such threads used last. It must outlive a reload, or a session could run twice.
#[derive(Debug)]
pub struct Queue {
    max_parallel: usize,
    running: usize,
    runs: HashMap<RunId, Run>,
    threads: Threads,
    directories: Directories,
    /// The next place at the back, and the next in front: places before all others are negative.
    back: Place,
    front: Place,
}

impl Queue {
    /// Returns an empty queue that lets `max_parallel` runs run at once, one at least.
    #[must_use]
    pub fn new(max_parallel: usize) -> Self {
        Self {
            max_parallel: max_parallel.max(1),
            running: 0,
            runs: HashMap::new(),
            threads: Threads::default(),
            directories: Directories::default(),
            back: 0,
            front: -1,
        }
    }

    /// Changes the overall limit and returns the runs that run from now on. Those that run already go on
    /// where the limit sinks below their number.
    pub fn set_max_parallel(&mut self, max_parallel: usize) -> Vec<RunId> {
        self.max_parallel = max_parallel.max(1);
        self.start_ready()
    }

    /// Puts a run at the end of its thread. A run that is known already stays where it is.
    pub fn push(&mut self, run: RunId, thread: ThreadKey) -> Placement {
        let place = self.back;
        self.back += 1;
        self.place(run, thread, place)
    }

    /// Puts a run that was removed back before all others of its thread, as the oldest of all.
    pub fn requeue_front(&mut self, run: RunId, thread: ThreadKey) -> Placement {
        let place = self.front;
        self.front -= 1;
        self.place(run, thread, place)
    }

    fn place(&mut self, run: RunId, key: ThreadKey, place: Place) -> Placement {
        if !self.runs.contains_key(&run) {
            let thread = self.threads.open(&key);
            self.threads.wait(thread, place, run);
            self.runs.insert(run, Run { key, thread, state: State::Waiting(place) });
            if self.start_ready().contains(&run) {
                return Placement::Start;
            }
        }
        match self.position(run) {
            Some(ahead) => Placement::Waiting { ahead },
            None => Placement::Start,
        }
    }

    /// Tells that a running run has learnt its session. Later pushes by either key wait behind each other,
    /// and the runs waiting under both keys keep the order of their arrival.
    pub fn bind(&mut self, run: RunId, session: Session) -> Bound {
        self.let_go(run);
        let own = match self.runs.get(&run) {
            Some(Run { thread, state: State::Running(_), .. }) if self.directories.before(run).is_none() => {
                *thread
            }
            _ => return Bound::Unknown,
        };
        let theirs = self.threads.find(&ThreadKey::Token(session.clone())).filter(|thread| *thread != own);
        let Some((thread, by)) = theirs.and_then(|thread| Some((thread, self.threads.runner(thread)?)))
        else {
            self.join(run, session);
            return Bound::Bound;
        };
        if self.chain(by).any(|link| link == run) {
            self.learn(run, Learnt::Passed(session));
            return Bound::Crossed { by };
        }
        let place = self.back;
        self.back += 1;
        self.threads.hold(thread, place, run);
        self.learn(run, Learnt::Held(session, place));
        Bound::Held { by }
    }

    /// Claims a directory for a running run alone, first come, first served; `finish` gives it back. The
    /// path is compared as it stands.
    pub fn claim_dir(&mut self, run: RunId, dir: PathBuf) -> Claim {
        let running = matches!(self.runs.get(&run), Some(Run { state: State::Running(_), .. }));
        if !running || self.held(run).is_some() || !self.directories.claim(run, dir) {
            return Claim::Refused;
        }
        let Some(behind) = self.directories.before(run) else { return Claim::Granted };
        let last = self.chain(run).skip(1).take_while(|link| *link != run).last();
        let passed = last.filter(|last| self.waits_for(*last) == Some(run));
        if let Some(passed) = passed {
            self.pass(passed);
        }
        Claim::Waiting { behind, passed }
    }

    /// Tells that a run is over, its processes included, and returns what has become possible. A run that
    /// waits is removed; for one that is not known nothing happens.
    pub fn finish(&mut self, run: RunId) -> Vec<Released> {
        if self.remove(run) != Removed::Running {
            return Vec::new();
        }
        self.let_go(run);
        let Some(over) = self.runs.remove(&run) else { return Vec::new() };
        self.running -= 1;
        let mut released = Vec::new();

        if let Some((next, session)) = self.threads.vacate(over.thread).and_then(|next| self.held(next)) {
            self.join(next, session);
            released.push(Released::Bound(next));
        }
        if let State::Running(Learnt::Passed(session)) = over.state {
            self.join_late(&over.key, session);
        }
        if let Some(thread) = self.threads.find(&over.key) {
            self.threads.settle(thread);
        }
        released.extend(self.directories.release(run).map(Released::Dir));
        released.extend(self.start_ready().into_iter().map(Released::Start));
        released
    }

    /// Takes a run that waits out of the queue.
    pub fn remove(&mut self, run: RunId) -> Removed {
        match self.runs.get(&run) {
            None => Removed::Unknown,
            Some(Run { state: State::Running(_), .. }) => Removed::Running,
            Some(Run { state: State::Waiting(place), thread, .. }) => {
                self.threads.leave(*thread, *place);
                self.runs.remove(&run);
                Removed::Waiting
            }
        }
    }

    /// Returns how many runs are before a waiting one, counted as in [`Placement::Waiting`]; `None` for one
    /// that does not wait. Takes time in proportion to that number, except for the last of its line.
    #[must_use]
    pub fn position(&self, run: RunId) -> Option<usize> {
        match self.runs.get(&run)? {
            Run { state: State::Waiting(place), thread, .. } => Some(self.threads.ahead(*thread, *place)),
            Run { state: State::Running(_), .. } => None,
        }
    }

    /// Returns how many runs wait to run.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.runs.len() - self.running
    }

    /// Returns how many runs run, those held or waiting for a directory included.
    #[must_use]
    pub fn running(&self) -> usize {
        self.running
    }

    /// Returns the name of a run's thread: the key it was pushed with, or the session it was bound to.
    #[must_use]
    pub fn thread_of(&self, run: RunId) -> Option<&ThreadKey> {
        self.runs.get(&run).map(|known| &known.key)
    }

    /// Returns the runs that wait in a thread, first the one that runs next.
    pub fn waiting_in(&self, thread: &ThreadKey) -> impl Iterator<Item = RunId> {
        self.threads.find(thread).into_iter().flat_map(|thread| self.threads.line(thread))
    }

    /// Returns the run that runs in a thread.
    #[must_use]
    pub fn running_in(&self, thread: &ThreadKey) -> Option<RunId> {
        self.threads.runner(self.threads.find(thread)?)
    }

    /// Starts the oldest runs that could run, across threads, as far as the overall limit allows.
    fn start_ready(&mut self) -> Vec<RunId> {
        let mut started = Vec::new();
        while self.running < self.max_parallel
            && let Some(run) = self.threads.start_next()
        {
            self.learn(run, Learnt::Nothing);
            self.running += 1;
            started.push(run);
        }
        started
    }

    /// Makes the thread of a running run and that of the session one.
    fn join(&mut self, run: RunId, session: Session) {
        let key = ThreadKey::Token(session);
        let Some(own) = self.runs.get(&run).map(|known| known.thread) else { return };
        let theirs = self.threads.open(&key);
        self.merge(own, theirs);
        if let Some(known) = self.runs.get_mut(&run) {
            known.key = key;
        }
        self.learn(run, Learnt::Nothing);
    }

    /// Joins the threads of a finished run whose event went on before they could be one. Should both have
    /// found a new run meanwhile they stay two.
    fn join_late(&mut self, key: &ThreadKey, session: Session) {
        let own = self.threads.open(key);
        let theirs = self.threads.open(&ThreadKey::Token(session));
        if self.threads.runner(own).is_none() || self.threads.runner(theirs).is_none() {
            self.merge(own, theirs);
        }
    }

    fn merge(&mut self, one: ThreadId, other: ThreadId) {
        let (thread, moved) = self.threads.merge(one, other);
        for run in moved {
            if let Some(known) = self.runs.get_mut(&run) {
                known.thread = thread;
            }
        }
    }

    fn learn(&mut self, run: RunId, learnt: Learnt) {
        if let Some(known) = self.runs.get_mut(&run) {
            known.state = State::Running(learnt);
        }
    }

    /// Returns a run with the session its event is held for.
    fn held(&self, run: RunId) -> Option<(RunId, Session)> {
        match self.runs.get(&run)? {
            Run { state: State::Running(Learnt::Held(session, _)), .. } => Some((run, session.clone())),
            _ => None,
        }
    }

    /// Takes a held event out of its line.
    fn let_go(&mut self, run: RunId) {
        if let Some(Run { state: State::Running(Learnt::Held(session, place)), .. }) = self.runs.get(&run) {
            let place = *place;
            self.threads.unhold(&ThreadKey::Token(session.clone()), place);
            self.learn(run, Learnt::Nothing);
        }
    }

    /// Lets a held event go on with the threads still two.
    fn pass(&mut self, run: RunId) {
        if let Some((run, session)) = self.held(run) {
            self.let_go(run);
            self.learn(run, Learnt::Passed(session));
        }
    }

    /// Returns the running run that a running run waits for.
    fn waits_for(&self, run: RunId) -> Option<RunId> {
        match self.held(run) {
            Some((_, session)) => self.running_in(&ThreadKey::Token(session)),
            None => self.directories.before(run),
        }
    }

    /// Returns a run, the run it waits for, and so on: not longer than there are running runs.
    fn chain(&self, run: RunId) -> impl Iterator<Item = RunId> {
        std::iter::successors(Some(run), |link| self.waits_for(*link)).take(self.running)
    }
}

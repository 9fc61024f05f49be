//! Threads under all the keys they go by: who runs in each, who waits in which order, whose event is
//! held there, and which of them could start a run. Knows nothing of the overall limit.
//!
//! A thread that is idle is forgotten when one key names it, since that key makes the same thread again.
//! One with several keys is what remembers that they are one: it stays while it is among the
//! [`MAX_IDLE`] used last, with the [`MAX_KEYS`] of its keys used last.

use std::collections::{BTreeMap, HashMap};

use crate::id::RunId;
use crate::session::ThreadKey;

/// Idle threads remembered: more conversations than are likely to be continued, in about a megabyte.
pub(super) const MAX_IDLE: usize = 1024;
/// Keys an idle thread keeps. Engines that name a session anew in each run add one per run.
pub(super) const MAX_KEYS: usize = 32;

/// A place in line; lower is earlier, across threads.
pub(super) type Place = i64;
/// Names a thread while its keys change.
pub(super) type ThreadId = u64;

#[derive(Debug, Default)]
struct Thread {
    /// Its keys, the one used last at the end.
    keys: Vec<ThreadKey>,
    runner: Option<RunId>,
    waiting: BTreeMap<Place, RunId>,
    /// Runs of other threads that learnt they belong here. Empty unless one runs.
    held: BTreeMap<Place, RunId>,
    /// Where it stands in `ready`.
    ready: Option<Place>,
    /// Where it stands in `idle`.
    idle: Option<u64>,
}

/// All threads that are busy, or idle and worth remembering.
#[derive(Debug, Default)]
pub(super) struct Threads {
    by_key: HashMap<ThreadKey, ThreadId>,
    threads: HashMap<ThreadId, Thread>,
    /// Threads in which nothing runs and something waits, by the place of their first.
    ready: BTreeMap<Place, ThreadId>,
    /// Idle threads, the one longest idle first.
    idle: BTreeMap<u64, ThreadId>,
    /// Rises with each thread and each time one falls idle.
    count: u64,
}

impl Threads {
    /// Returns the thread a key names.
    pub(super) fn find(&self, key: &ThreadKey) -> Option<ThreadId> {
        self.by_key.get(key).copied()
    }

    /// Returns the thread a key names, made for it if there is none. The caller puts something into it or
    /// settles it.
    pub(super) fn open(&mut self, key: &ThreadKey) -> ThreadId {
        if let Some(id) = self.find(key) {
            if let Some(thread) = self.threads.get_mut(&id)
                && let Some(index) = thread.keys.iter().position(|other| other == key)
            {
                let key = thread.keys.remove(index);
                thread.keys.push(key);
            }
            return id;
        }
        self.count += 1;
        self.threads.insert(self.count, Thread { keys: vec![key.clone()], ..Thread::default() });
        self.by_key.insert(key.clone(), self.count);
        self.count
    }

    /// Returns the run that runs in a thread.
    pub(super) fn runner(&self, id: ThreadId) -> Option<RunId> {
        self.threads.get(&id)?.runner
    }

    /// Returns the runs that wait in a thread, in order.
    pub(super) fn line(&self, id: ThreadId) -> impl Iterator<Item = RunId> {
        self.threads.get(&id).into_iter().flat_map(|thread| thread.waiting.values().copied())
    }

    /// Returns how many runs are before that place: of the thread, or of all threads that are ready when
    /// it is the first of its own.
    pub(super) fn ahead(&self, id: ThreadId, place: Place) -> usize {
        let Some(thread) = self.threads.get(&id) else { return 0 };
        match thread.ready {
            Some(first) if first == place => before(&self.ready, place),
            _ => before(&thread.waiting, place) + usize::from(thread.runner.is_some()),
        }
    }

    /// Lets a run wait at a place.
    pub(super) fn wait(&mut self, id: ThreadId, place: Place, run: RunId) {
        if let Some(thread) = self.threads.get_mut(&id) {
            thread.waiting.insert(place, run);
        }
        self.settle(id);
    }

    /// Frees a place in line.
    pub(super) fn leave(&mut self, id: ThreadId, place: Place) {
        if let Some(thread) = self.threads.get_mut(&id) {
            thread.waiting.remove(&place);
        }
        self.settle(id);
    }

    /// Makes the first run of the oldest ready thread its runner.
    pub(super) fn start_next(&mut self) -> Option<RunId> {
        let id = *self.ready.first_key_value()?.1;
        let thread = self.threads.get_mut(&id)?;
        let (_, run) = thread.waiting.pop_first()?;
        thread.runner = Some(run);
        self.settle(id);
        Some(run)
    }

    /// Ends what runs in a thread and returns the first run whose event is held there. The caller joins
    /// that run's thread to this one, then settles it.
    pub(super) fn vacate(&mut self, id: ThreadId) -> Option<RunId> {
        let thread = self.threads.get_mut(&id)?;
        thread.runner = None;
        thread.held.pop_first().map(|(_, run)| run)
    }

    /// Holds an event of a run of another thread.
    pub(super) fn hold(&mut self, id: ThreadId, place: Place, run: RunId) {
        if let Some(thread) = self.threads.get_mut(&id) {
            thread.held.insert(place, run);
        }
    }

    /// Forgets a held event.
    pub(super) fn unhold(&mut self, key: &ThreadKey, place: Place) {
        if let Some(thread) = self.find(key).and_then(|id| self.threads.get_mut(&id)) {
            thread.held.remove(&place);
        }
    }

    /// Makes two threads one, of which one at most has a runner. Returns it with the runs whose thread
    /// has another id now: those of the shorter line, so that a run moves rarely.
    pub(super) fn merge(&mut self, one: ThreadId, other: ThreadId) -> (ThreadId, Vec<RunId>) {
        let length = |id| self.threads.get(&id).map_or(0, |thread| thread.waiting.len());
        let (into, from) = if length(one) < length(other) { (other, one) } else { (one, other) };
        if into == from {
            return (into, Vec::new());
        }
        let Some(mut old) = self.take(from) else { return (into, Vec::new()) };
        let mut moved: Vec<RunId> = old.waiting.values().copied().collect();
        moved.extend(old.runner);
        for key in &old.keys {
            self.by_key.insert(key.clone(), into);
        }
        if let Some(thread) = self.threads.get_mut(&into) {
            thread.keys.append(&mut old.keys);
            thread.runner = thread.runner.or(old.runner);
            // `append` would rebuild the longer line, too.
            thread.waiting.extend(old.waiting);
            thread.held.extend(old.held);
        }
        self.settle(into);
        (into, moved)
    }

    /// Takes a thread out of every line; its keys still name it.
    fn take(&mut self, id: ThreadId) -> Option<Thread> {
        let thread = self.threads.remove(&id)?;
        thread.ready.and_then(|place| self.ready.remove(&place));
        thread.idle.and_then(|stamp| self.idle.remove(&stamp));
        Some(thread)
    }

    /// Brings `ready` and `idle` up to date with a thread, and forgets what need not be remembered.
    pub(super) fn settle(&mut self, id: ThreadId) {
        let Some(mut thread) = self.take(id) else { return };
        thread.ready = None;
        thread.idle = None;
        if thread.runner.is_none() {
            match thread.waiting.first_key_value() {
                Some((place, _)) => {
                    thread.ready = Some(*place);
                    self.ready.insert(*place, id);
                }
                None => return self.rest(id, thread),
            }
        }
        self.threads.insert(id, thread);
    }

    /// Remembers or forgets an idle thread.
    fn rest(&mut self, id: ThreadId, mut thread: Thread) {
        let spare = match thread.keys.len() {
            1 => 1,
            keys => keys.saturating_sub(MAX_KEYS),
        };
        for key in thread.keys.drain(..spare) {
            self.by_key.remove(&key);
        }
        if thread.keys.is_empty() {
            return;
        }
        self.count += 1;
        thread.idle = Some(self.count);
        self.idle.insert(self.count, id);
        self.threads.insert(id, thread);
        if self.idle.len() > MAX_IDLE
            && let Some((_, oldest)) = self.idle.pop_first()
            && let Some(forgotten) = self.threads.remove(&oldest)
        {
            for key in forgotten.keys {
                self.by_key.remove(&key);
            }
        }
    }

    /// Returns how many threads are busy, how many idle, and how many keys there are.
    #[cfg(test)]
    pub(super) fn len(&self) -> (usize, usize, usize) {
        (self.threads.len() - self.idle.len(), self.idle.len(), self.by_key.len())
    }
}

/// Returns how many places are taken before that one; at once for the last.
fn before<T>(line: &BTreeMap<Place, T>, place: Place) -> usize {
    match line.last_key_value() {
        Some((last, _)) if *last == place => line.len() - 1,
        _ => line.range(..place).count(),
    }
}

//! What happened at the model server, and waiting for it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::wire::Api;

/// How long anything that is waited for may take; nothing here takes that long on the slowest machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A request for a turn, or for an errand beside the conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The dialect it came in.
    pub api: Api,
    /// The newest text of the user that holds a keyword, complete as it arrived.
    pub prompt: String,
    /// How many of the user's texts with a keyword came before it.
    pub earlier: usize,
    /// What tools returned since then.
    pub results: Vec<String>,
    /// The names of the tools on offer.
    pub tools: Vec<String>,
    /// Whether it is no turn of the conversation, but for example asks for a title.
    pub errand: bool,
    /// The HTTP status of the reply.
    pub status: u16,
}

/// What happened so far.
#[derive(Debug, Clone, Default)]
pub struct Log {
    /// Every request for something to be said, errands included, the oldest first.
    pub asked: Vec<Asked>,
    /// Every other call, as `METHOD /path`.
    pub other: Vec<String>,
    /// How many streams are held open now.
    pub holding: usize,
    /// How many streams the client left before their end.
    pub hung_up: usize,
    pub(super) refused: BTreeMap<String, u64>,
}

impl Log {
    /// Returns the requests that are turns of the conversation.
    pub fn turns(&self) -> impl Iterator<Item = &Asked> {
        self.asked.iter().filter(|asked| !asked.errand)
    }
}

/// What was waited for has not come about.
#[derive(Debug)]
pub struct InVain(String);

impl fmt::Display for InVain {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "waited in vain for {}", self.0)
    }
}

impl std::error::Error for InVain {}

/// The log, and a bell that rings when something is added.
#[derive(Debug, Default)]
pub(super) struct Book {
    log: Mutex<Log>,
    bell: Condvar,
}

impl Book {
    pub(super) fn read(&self) -> MutexGuard<'_, Log> {
        // A test that failed while it looked has spoilt nothing.
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn write<T>(&self, change: impl FnOnce(&mut Log) -> T) -> T {
        let result = change(&mut self.read());
        self.bell.notify_all();
        result
    }

    pub(super) fn wait_for<T>(&self, what: &str, look: impl Fn(&Log) -> Option<T>) -> Result<T, InVain> {
        let (log, _) = self
            .bell
            .wait_timeout_while(self.read(), PATIENCE, |log| look(log).is_none())
            .unwrap_or_else(PoisonError::into_inner);
        look(&log).ok_or_else(|| InVain(format!("{what}; there is {:?}", *log)))
    }
}

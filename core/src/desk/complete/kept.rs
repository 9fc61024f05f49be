//! Answers that took a while to learn, kept for those who ask again. Who asks for what is old gets it, and is told to
//! have it learnt anew.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::time::Moment;

/// Answers that are kept at most: more than there are projects, or engines with models that somebody chose.
const MOST: usize = 256;

/// An answer, once it is there.
pub(super) type Awaited<V> = watch::Receiver<Option<Option<V>>>;

/// Answers by what was asked.
#[derive(Debug)]
pub(super) struct Kept<K, V>(Mutex<HashMap<K, Row<V>>>);

#[derive(Debug)]
struct Row<V> {
    /// What was learnt last; `Some(None)` where nothing could be, ever.
    known: watch::Sender<Option<Option<V>>>,
    asked: Moment,
}

impl<K, V> Default for Kept<K, V> {
    fn default() -> Self {
        Self(Mutex::new(HashMap::new()))
    }
}

impl<K: Hash + Eq + Clone, V> Kept<K, V> {
    fn rows(&self) -> MutexGuard<'_, HashMap<K, Row<V>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns what is known, which may come only later, and whether it is to be learnt now: once per `fresh`,
    /// however many ask.
    pub(super) fn get(&self, key: &K, now: Moment, fresh: Duration) -> (Awaited<V>, bool) {
        let mut rows = self.rows();
        if let Some(row) = rows.get_mut(key) {
            let is_due = now.since(row.asked) >= fresh;
            if is_due {
                row.asked = now;
                // Whoever asks after a failure waits for what is learnt now.
                row.known.send_if_modified(|known| known.take_if(|known| known.is_none()).is_some());
            }
            return (row.known.subscribe(), is_due);
        }
        if rows.len() >= MOST {
            rows.clear();
        }
        let (known, learnt) = watch::channel(None);
        rows.insert(key.clone(), Row { known, asked: now });
        (learnt, true)
    }

    /// Puts what was learnt in the place of what was known; what could not be learnt leaves that.
    pub(super) fn put(&self, key: &K, learnt: Option<V>) {
        let rows = self.rows();
        let Some(row) = rows.get(key) else { return };
        row.known.send_if_modified(|known| {
            let is_news = learnt.is_some() || known.is_none();
            if is_news {
                *known = Some(learnt);
            }
            is_news
        });
    }

    /// Forgets it all.
    pub(super) fn forget(&self) {
        self.rows().clear();
    }
}

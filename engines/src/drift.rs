//! What agents print that nobody knows here: counted, so that `takopi doctor` tells when a new version has
//! outgrown its translator. Never a reason for a run to fail.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use takopi_core::id::EngineId;
use takopi_core::text::{head, visible};

/// Kinds that are told apart; further ones are only counted.
pub const MAX_KINDS: usize = 32;

/// The last kinds that are kept, whichever they are: what a new version brings comes last.
const MAX_LAST: usize = 5;

/// Longest name of a kind, in bytes; real ones have up to 30.
const MAX_NAME_BYTES: usize = 64;

/// Kinds of events that nobody knows, and how often each came. Bounded whatever an agent prints.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct UnknownKinds {
    /// How often each kind came, by name.
    pub kinds: BTreeMap<String, u64>,
    /// How many more there were of kinds beyond [`MAX_KINDS`].
    #[serde(default)]
    pub more: u64,
    /// The last ones that came, five at most, each once, the newest at the end.
    #[serde(default)]
    pub last: Vec<String>,
    /// Lines that were none of the agent's JSON.
    #[serde(default)]
    pub undecodable: u64,
}

impl UnknownKinds {
    /// Counts an event of a kind. The name is the agent's own word; only its beginning is kept.
    pub fn count(&mut self, kind: &str) {
        let kind = visible(kind);
        let kind = head(&kind, MAX_NAME_BYTES);
        self.add(kind, 1);
        self.remember(kind);
    }

    /// Returns whether everything was known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Adds what another count found.
    pub fn merge(&mut self, other: &Self) {
        for (kind, times) in &other.kinds {
            self.add(kind, *times);
        }
        other.last.iter().for_each(|kind| self.remember(kind));
        self.more += other.more;
        self.undecodable += other.undecodable;
    }

    fn remember(&mut self, kind: &str) {
        if self.last.last().is_some_and(|last| last == kind) {
            return;
        }
        self.last.retain(|known| known != kind);
        if self.last.len() >= MAX_LAST {
            self.last.remove(0);
        }
        self.last.push(kind.to_owned());
    }

    fn add(&mut self, kind: &str, times: u64) {
        let full = self.kinds.len() >= MAX_KINDS;
        match self.kinds.get_mut(kind) {
            Some(count) => *count += times,
            None if full => self.more += times,
            None => drop(self.kinds.insert(kind.to_owned(), times)),
        }
    }
}

/// Where the runs of one engine note what was unknown; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Drift(Arc<Mutex<UnknownKinds>>);

impl Drift {
    /// Returns what has been noted since the last time, and begins anew.
    #[must_use]
    pub fn take(&self) -> UnknownKinds {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn note(&self, unknown: Option<&UnknownKinds>, undecodable: u64) {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        noted.undecodable += undecodable;
        if let Some(unknown) = unknown {
            noted.merge(unknown);
        }
    }
}

/// The drift of all engines, which outlives their generations; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Drifts(Arc<Mutex<BTreeMap<EngineId, Drift>>>);

impl Drifts {
    /// Returns where the runs of an engine note theirs.
    #[must_use]
    pub fn of(&self, engine: &EngineId) -> Drift {
        let mut drifts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        drifts.entry(engine.clone()).or_default().clone()
    }

    /// Returns what has been noted since the last time, by engine, and begins anew.
    #[must_use]
    pub fn take(&self) -> BTreeMap<EngineId, UnknownKinds> {
        let drifts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let noted = drifts.iter().map(|(engine, drift)| (engine.clone(), drift.take()));
        noted.filter(|(_, unknown)| !unknown.is_empty()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_counted_by_name_and_their_number_is_bounded() {
        let mut unknown = UnknownKinds::default();
        for number in 0..40 {
            unknown.count(&format!("kind.{number}"));
            unknown.count("kind.1");
        }
        assert_eq!((unknown.kinds.len(), unknown.kinds["kind.1"], unknown.more), (MAX_KINDS, 41, 8));
        unknown.count(&"ä".repeat(100));
        assert_eq!(unknown.more, 9);
    }

    #[test]
    fn the_last_kinds_are_kept_by_name_however_many_came_before() {
        let mut unknown = UnknownKinds::default();
        for number in 0..40 {
            unknown.count(&format!("kind.{number}"));
        }
        unknown.count("kind.37");
        assert_eq!(unknown.last, ["kind.35", "kind.36", "kind.38", "kind.39", "kind.37"]);
        let mut newer = UnknownKinds::default();
        newer.count("z");
        newer.count("a");
        unknown.merge(&newer);
        assert_eq!(unknown.last, ["kind.38", "kind.39", "kind.37", "z", "a"]);
    }

    #[test]
    fn a_name_keeps_only_its_beginning_and_no_escape_sequences() {
        let mut unknown = UnknownKinds::default();
        unknown.count(&format!("\u{1b}[31m{}", "x".repeat(100)));
        assert_eq!(unknown.kinds.keys().collect::<Vec<_>>(), [&"x".repeat(MAX_NAME_BYTES)]);
    }

    #[test]
    fn what_was_noted_is_taken_once() {
        let drift = Drift::default();
        let mut unknown = UnknownKinds::default();
        unknown.count("new");
        drift.note(Some(&unknown), 2);
        drift.note(Some(&unknown), 0);
        let taken = drift.take();
        assert_eq!((taken.kinds["new"], taken.undecodable), (2, 2));
        assert!(drift.take().is_empty());
    }
}

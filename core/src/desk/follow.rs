//! Readers of a run: the page, the control socket, whoever watches. A reader is never waited for.

use std::collections::VecDeque;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::live::LiveRun;
use crate::event::{RunEnd, RunEvent};
use crate::port::Clock;
use crate::progress::Snapshot;

/// One item of a followed run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Followed {
    /// Everything up to `seq` in one: for who comes late, and for who reads too slowly.
    Snapshot {
        /// The number of the last event it holds.
        seq: u64,
        /// Milliseconds since the engine was started; 0 while it waits.
        elapsed_ms: u64,
        /// What is known.
        snapshot: Box<Snapshot>,
    },
    /// The next event.
    Event {
        /// Its number; rises by one.
        seq: u64,
        /// Milliseconds since the engine was started.
        elapsed_ms: u64,
        /// What happened.
        event: RunEvent,
    },
    /// The end; nothing follows.
    End {
        /// Its number.
        seq: u64,
        /// Milliseconds since the engine was started.
        elapsed_ms: u64,
        /// How it ended.
        end: Box<RunEnd>,
    },
}

/// A reader of one run. Holds at most what the run keeps for readers.
pub struct Follow {
    run: Arc<LiveRun>,
    clock: Arc<dyn Clock>,
    changes: watch::Receiver<u64>,
    seen: u64,
    items: VecDeque<Followed>,
    over: bool,
}

impl std::fmt::Debug for Follow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Follow").field("run", &self.run.id).field("seen", &self.seen).finish_non_exhaustive()
    }
}

impl Follow {
    pub(super) fn new(run: Arc<LiveRun>, clock: Arc<dyn Clock>, from_seq: u64) -> Self {
        let changes = run.changes();
        Self { run, clock, changes, seen: from_seq, items: VecDeque::new(), over: false }
    }

    /// Returns the next item, or `None` after the end. Safe to drop and call again.
    pub async fn next(&mut self) -> Option<Followed> {
        loop {
            if let Some(item) = self.items.pop_front() {
                match &item {
                    Followed::Snapshot { seq, .. } | Followed::Event { seq, .. } => self.seen = *seq,
                    Followed::End { .. } => self.over = true,
                }
                return Some(item);
            }
            if self.over {
                return None;
            }
            self.changes.borrow_and_update();
            self.run.read_after(self.seen, self.clock.moment(), &mut self.items);
            // The sender lives in the run, which this reader holds.
            if self.items.is_empty() && self.changes.changed().await.is_err() {
                return None;
            }
        }
    }
}

//! What the desk says while it works, for everyone who watches.

use serde::{Deserialize, Serialize};

use crate::event::Outcome;
use crate::id::{EngineId, InstanceId, RunId};
use crate::message::Address;
use crate::port::ledger::InboxId;
use crate::session::Context;

/// What the desk tells everyone who watches: which messages became which runs, and how those fare.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum DeskEvent {
    /// A message was accepted; the others that tell of it follow.
    Accepted {
        /// Its number.
        inbox: InboxId,
        /// Where.
        address: Address,
        /// Its identity at the service.
        upstream: String,
    },
    /// Messages became a run, which waits behind `ahead` others or is about to start.
    Queued {
        /// The run.
        run: RunId,
        /// The messages it answers.
        inbox: Vec<InboxId>,
        /// Where.
        address: Address,
        /// Who runs it.
        engine: EngineId,
        /// On what, as far as that is known before its turn.
        context: Context,
        /// How many runs are ahead of it.
        ahead: usize,
    },
    /// The run has left the queue; its engine is about to be started.
    Started {
        /// The run.
        run: RunId,
        /// Where.
        address: Address,
        /// On what.
        context: Context,
    },
    /// The run is over: on record, unless the ledger would not take it. Recovery tells it, too, of what the
    /// last daemon left, which [`Desk::follow`](super::Desk::follow) does not know.
    Ended {
        /// The run.
        run: RunId,
        /// Where.
        address: Address,
        /// How it ended.
        outcome: Outcome,
    },
    /// A message was dealt with without a run: a command answered it, or it was refused or taken back.
    Settled {
        /// Its number.
        inbox: InboxId,
        /// Where.
        address: Address,
    },
    /// A transport cannot go on as things are.
    TransportEnded {
        /// Which.
        instance: InstanceId,
        /// Why, and what to do.
        reason: String,
    },
}

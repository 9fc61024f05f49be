//! Where the transport, the door and the listeners meet: the way in, and a broadcast of what is said.
//!
//! Nothing is kept: who missed something reads the ledger's history.

use serde::{Deserialize, Serialize};
use takopi_core::desk::{DeskEvent, Inbox};
use takopi_core::id::{EngineId, InstanceId};
use takopi_core::message::Body;
use takopi_core::time::Timestamp;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};

use crate::conversation::ConversationId;

/// Events a listener may be behind by. More than a person can read at once; who is further behind is told
/// that it missed some, and reads the history again.
const LISTENER_BOUND: usize = 256;

/// Something that happened in a conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum LocalEvent {
    /// A person said something, and it is durable. May come more than once for one `upstream`.
    Said {
        /// Where.
        conversation: ConversationId,
        /// Its identity, given by the client that submitted it.
        upstream: String,
        /// What was said.
        text: String,
        /// The engine chosen with it.
        engine: Option<EngineId>,
        /// When.
        at: Timestamp,
    },
    /// The house said something. May come more than once for one `message`.
    Sent {
        /// Where.
        conversation: ConversationId,
        /// The id of the new message.
        message: String,
        /// What it says.
        body: Body,
        /// The id of the message it answers.
        reply_to: Option<String>,
        /// When.
        at: Timestamp,
    },
    /// A message of the house reads differently now.
    Edited {
        /// Where.
        conversation: ConversationId,
        /// Which.
        message: String,
        /// What it says now.
        body: Body,
    },
    /// A message of the house is gone.
    Deleted {
        /// Where.
        conversation: ConversationId,
        /// Which.
        message: String,
    },
    /// What became of messages and runs.
    Desk {
        /// Where.
        conversation: ConversationId,
        /// What.
        event: DeskEvent,
    },
    /// The listener was too slow and has missed some: it must read history and runs again.
    Missed,
}

impl LocalEvent {
    /// Returns where it happened; `None` for [`LocalEvent::Missed`].
    #[must_use]
    pub fn conversation(&self) -> Option<ConversationId> {
        match self {
            Self::Said { conversation, .. }
            | Self::Sent { conversation, .. }
            | Self::Edited { conversation, .. }
            | Self::Deleted { conversation, .. }
            | Self::Desk { conversation, .. } => Some(*conversation),
            Self::Missed => None,
        }
    }
}

/// What transport and door share.
#[derive(Debug)]
pub(crate) struct Hub {
    pub(crate) instance: InstanceId,
    inbox: watch::Sender<Option<Inbox>>,
    events: broadcast::Sender<LocalEvent>,
}

impl Hub {
    pub(crate) fn new(instance: InstanceId) -> Self {
        Self { instance, inbox: watch::Sender::new(None), events: broadcast::Sender::new(LISTENER_BOUND) }
    }

    pub(crate) fn open(&self, inbox: Inbox) {
        self.inbox.send_replace(Some(inbox));
    }

    pub(crate) fn close(&self) {
        self.inbox.send_replace(None);
    }

    pub(crate) fn inbox(&self) -> watch::Receiver<Option<Inbox>> {
        self.inbox.subscribe()
    }

    /// Tells everyone who listens. That nobody does is the normal case.
    pub(crate) fn tell(&self, event: LocalEvent) {
        if self.events.send(event).is_err() {
            tracing::trace!("nobody listens");
        }
    }

    pub(crate) fn listen(&self) -> broadcast::Receiver<LocalEvent> {
        self.events.subscribe()
    }
}

/// A listener to one conversation, or to all of them.
#[derive(Debug)]
pub struct Listener {
    pub(crate) only: Option<ConversationId>,
    pub(crate) instance: InstanceId,
    pub(crate) said: broadcast::Receiver<LocalEvent>,
    pub(crate) desk: broadcast::Receiver<DeskEvent>,
}

impl Listener {
    /// Returns the next event, or `None` once the house is closed. Safe to drop and call again.
    pub async fn next(&mut self) -> Option<LocalEvent> {
        loop {
            let event = tokio::select! {
                // What is said goes first: a run is shown below the message it answers.
                biased;
                said = self.said.recv() => said,
                event = self.desk.recv() => match event {
                    Ok(event) => match conversation_of(&event, &self.instance) {
                        Some(conversation) => Ok(LocalEvent::Desk { conversation, event }),
                        None => continue,
                    },
                    Err(error) => Err(error),
                },
            };
            match event {
                Ok(event) if self.only.is_none() || event.conversation() == self.only => return Some(event),
                Ok(_) => {}
                Err(RecvError::Lagged(_)) => return Some(LocalEvent::Missed),
                Err(RecvError::Closed) => return None,
            }
        }
    }
}

fn conversation_of(event: &DeskEvent, instance: &InstanceId) -> Option<ConversationId> {
    let address = match event {
        DeskEvent::Accepted { address, .. }
        | DeskEvent::Queued { address, .. }
        | DeskEvent::Started { address, .. }
        | DeskEvent::Ended { address, .. }
        | DeskEvent::Settled { address, .. } => address,
        DeskEvent::TransportEnded { .. } => return None,
    };
    ConversationId::of(address, instance)
}

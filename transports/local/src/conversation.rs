//! The name of one conversation: the `chat` of its address.

use std::fmt;

use serde::{Deserialize, Serialize};
use takopi_core::id::InstanceId;
use takopi_core::message::Address;
use uuid::Uuid;

/// The identity of a conversation. Whoever begins one mints it, so that it can be listened to before the
/// first message is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ConversationId(Uuid);

impl ConversationId {
    /// Returns an id nobody else has.
    #[must_use]
    pub fn mint() -> Self {
        Self(Uuid::new_v4())
    }

    /// Returns the id that `text` spells, or `None`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Uuid::try_parse(text).ok().map(Self)
    }

    pub(crate) fn address(self, instance: &InstanceId) -> Address {
        Address { instance: instance.clone(), chat: self.to_string(), thread: None }
    }

    pub(crate) fn of(address: &Address, instance: &InstanceId) -> Option<Self> {
        if address.instance == *instance { Self::parse(&address.chat) } else { None }
    }
}

impl fmt::Display for ConversationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

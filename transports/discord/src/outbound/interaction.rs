//! Replies to interactions, as far as the way out must know them: for a quarter of an hour they are answers to the
//! interaction, later plain messages. Who keeps the tokens is not known here.

use std::time::Duration;

use reqwest::Method;
use serde_json::Value;
use takopi_core::message::MessageRef;
use takopi_core::port::transport::{RetryScope, SendError};

use crate::route::Route;

/// What to do with a reply to an interaction.
pub(crate) enum Next {
    /// To make this call.
    Call(Box<dyn Claim>),
    /// To ask again after that: the first response is on its way.
    Wait(Duration),
}

/// A reply's way out. Dropped without [`Claim::stands`], it was none.
pub(crate) trait Claim: Send + Sync {
    /// Returns the call.
    fn call(&self) -> (Method, Route);

    /// Returns `message` as the body of that call.
    fn body(&self, message: Value) -> Value;

    /// Learns that the reply stands.
    fn stands(self: Box<Self>, message: &MessageRef);
}

/// The interactions that may still be answered.
// until native's part is merged: `Answers` has the same methods.
pub(crate) trait Interactions: Send + Sync {
    /// Returns how a reply to `asked` goes out; `None` when as a plain message.
    fn first(&self, asked: &MessageRef) -> Option<Next>;

    /// Returns where an answer is edited and deleted; `None` when as a plain message.
    fn of(&self, answer: &MessageRef) -> Option<Route>;

    /// Learns that an interaction cannot be answered any more.
    fn lost(&self, asked: &MessageRef);
}

/// Returns that a reply must wait for the one before it.
pub(super) fn wait(after: Duration) -> SendError {
    SendError::RetryAfter { after, scope: RetryScope::Chat }
}

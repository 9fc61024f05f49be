//! The topics of a chat as a command sees them: what a thread is there, which are bound to what, and new ones.

use async_trait::async_trait;

use super::CommandError;
use crate::id::EngineId;
use crate::message::{Address, Body};
use crate::port::ledger::PreferenceKey;
use crate::port::transport::Topics;
use crate::session::Context;

/// The part of the house that knows topics, bound to one call.
#[async_trait]
pub trait TopicHost: Send + Sync {
    /// Returns what the threads of the caller's chat are.
    fn topics(&self) -> Topics;

    /// Returns the topic that the call came from; `None` where a thread is none, and outside of threads.
    fn topic(&self) -> Option<Address>;

    /// Returns the project whose own chat the caller is in, by key.
    fn chat_project(&self) -> Option<String>;

    /// Returns the engines of which a plain message here would find a running session, by id.
    ///
    /// # Errors
    /// [`CommandError`] when the ledger could not be read.
    async fn running_sessions(&self) -> Result<Vec<EngineId>, CommandError>;

    /// Sets or clears a preference of the caller's whole chat, even when the call came from a topic in it.
    ///
    /// # Errors
    /// [`CommandError`] when it could not be stored.
    async fn prefer_in_chat(
        &self,
        key: PreferenceKey,
        engine: Option<&EngineId>,
        value: Option<&str>,
    ) -> Result<(), CommandError>;

    /// Returns the topics of the caller's chat that are bound to exactly this.
    ///
    /// # Errors
    /// [`CommandError`] when the ledger could not be read.
    async fn topics_of(&self, context: &Context) -> Result<Vec<Address>, CommandError>;

    /// Returns whether the service still has a topic, and names it after `context` if it does.
    ///
    /// # Errors
    /// [`CommandError`] when the service does not tell.
    async fn has_topic(&self, topic: &Address, context: &Context) -> Result<bool, CommandError>;

    /// Forgets what a topic that is gone was bound to.
    ///
    /// # Errors
    /// [`CommandError`] when it could not be stored.
    async fn forget_topic(&self, topic: &Address) -> Result<(), CommandError>;

    /// Opens a topic in the caller's chat, named after `context` and bound to it; `None` when one that is bound to
    /// exactly this stands already, another call's for instance. One that is being opened is bound even if nobody
    /// waits for it any more.
    ///
    /// # Errors
    /// [`CommandError`] when the service refuses, or it could not be stored.
    async fn open_topic(&self, context: &Context) -> Result<Option<Address>, CommandError>;

    /// Names the caller's topic after what it is bound to. A failure is only logged; it returns after a few
    /// seconds at most and goes on by itself.
    async fn name_topic(&self);

    /// Says something in a topic of the caller's chat, for certain.
    ///
    /// # Errors
    /// [`CommandError`] when it could not be stored.
    async fn say_in(&self, topic: &Address, body: Body) -> Result<(), CommandError>;
}

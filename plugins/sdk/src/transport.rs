//! Transports: what an author implements, and the [`Door`] through which messages come in.

use std::sync::Arc;

use async_trait::async_trait;
use takopi_plugin_protocol::life::Issue;
use takopi_plugin_protocol::message::{Address, File, MessageRef};
use takopi_plugin_protocol::transport::{
    Accepted, Delete, Edit, Fetch, Inbound, Menu, Send as Sending, Start,
};
use tokio_util::sync::CancellationToken;

use crate::error::{Error, Result};
use crate::life::Config;
use crate::peer::Peer;

/// Carries messages between takopi and a service.
#[async_trait]
pub trait Transport: Send + Sync + 'static {
    /// Connects. One transport may be started for several `instance`s, each with a table of its own.
    ///
    /// # Errors
    /// When it cannot work like that, as with a wrong token: it is not started, and people see why.
    async fn start(&self, _start: &Start) -> Result<()> {
        Ok(())
    }

    /// Receives until [`Door::closed`]; then it has 4 s before its future is dropped.
    ///
    /// # Errors
    /// What it cannot go on after. The process then ends, and takopi starts it anew after a growing pause, with
    /// the last cursor it has on disk.
    async fn receive(&self, start: Start, door: Door) -> Result<()>;

    /// Shows a new message. A second try comes with the same `nonce`.
    ///
    /// # Errors
    /// [`Error::retry_later`] when the service asks for a pause, [`Error::gone`], [`Error::too_long`], or any other.
    async fn send(&self, sending: Sending) -> Result<MessageRef>;

    /// Shows something in the place of a message. Needs the feature `edit`.
    ///
    /// # Errors
    /// As [`Self::send`].
    async fn edit(&self, _edit: Edit) -> Result<()> {
        Err(Error::unsupported("editing messages"))
    }

    /// Takes a message away; one that is gone already is a success. Needs the feature `delete`.
    ///
    /// # Errors
    /// As [`Self::send`].
    async fn delete(&self, _delete: Delete) -> Result<()> {
        Err(Error::unsupported("deleting messages"))
    }

    /// Puts a file that came with a message into the data folder.
    ///
    /// # Errors
    /// As [`Self::send`]; [`Error::too_long`] when it is larger than `max_bytes`.
    async fn fetch(&self, _fetch: Fetch) -> Result<File> {
        Err(Error::unsupported("files"))
    }

    /// Shows which commands there are, for services that have a place for it.
    ///
    /// # Errors
    /// As [`Self::send`].
    async fn menu(&self, _menu: Menu) -> Result<()> {
        Ok(())
    }

    /// Returns what is wrong with settings; an error among it keeps the transport from being started.
    async fn validate(&self, _config: &Config) -> Vec<Issue> {
        Vec::new()
    }

    /// Finishes what must be finished, once, at the end; 2 s for all parts together.
    async fn cleanup(&self) {}
}

/// Through which messages come in.
#[derive(Clone)]
pub struct Door {
    instance: String,
    peer: Arc<Peer>,
    closed: CancellationToken,
}

impl Door {
    pub(crate) const fn new(instance: String, peer: Arc<Peer>, closed: CancellationToken) -> Self {
        Self { instance, peer, closed }
    }

    /// Hands in what happened, and waits until it is on disk: only then tell the service that it was taken. Handing it in
    /// again does no harm.
    ///
    /// # Errors
    /// When it was not taken, or takopi is gone: hand it in again.
    pub async fn inbound(&self, inbound: Inbound) -> Result<Accepted> {
        self.peer.call(&inbound).await
    }

    /// Returns the address of a chat behind this door.
    pub fn address(&self, chat: impl Into<String>) -> Address {
        Address { instance: self.instance.clone(), chat: chat.into(), thread: None }
    }

    /// Returns a message in a chat behind this door.
    pub fn message(&self, chat: impl Into<String>, id: impl Into<String>) -> MessageRef {
        MessageRef { address: self.address(chat), id: id.into() }
    }

    /// Waits until nothing more is to come in.
    pub async fn closed(&self) {
        self.closed.cancelled().await;
    }

    /// Returns the token that fires when nothing more is to come in.
    #[must_use]
    pub const fn closed_token(&self) -> &CancellationToken {
        &self.closed
    }
}

//! Commands: what an author implements, and the [`Host`] by which a call makes takopi do things.

use std::sync::Arc;

use async_trait::async_trait;
use takopi_plugin_protocol::command::{Answer, Call};
use takopi_plugin_protocol::host::{
    AskEngines, Engines, Get, Put, Ran, Release, Request, Resolve, Resolved, Run, RunMany, Send,
};
use takopi_plugin_protocol::life::Issue;
use takopi_plugin_protocol::message::Body;
use tokio_util::sync::CancellationToken;

use crate::error::Result;
use crate::life::Config;
use crate::peer::Peer;

/// Answers a slash command.
#[async_trait]
pub trait Command: std::marker::Send + Sync + 'static {
    /// Answers one call. Calls may be under way at the same time.
    ///
    /// After a cancel ([`Host::cancelled`]) it has 4 s to come to an end of its own; then its future is dropped.
    ///
    /// # Errors
    /// What the person is told.
    async fn call(&self, call: Call, host: Host) -> Result<Answer>;

    /// Takes its settings, once, before anything else. Each call brings the current ones too.
    ///
    /// # Errors
    /// When they cannot be used: the plugin does not start.
    async fn configure(&self, _config: &Config) -> Result<()> {
        Ok(())
    }

    /// Returns what is wrong with settings; an error among it keeps the command from being used.
    async fn validate(&self, _config: &Config) -> Vec<Issue> {
        Vec::new()
    }

    /// Finishes what must be finished, once, at the end; 2 s for all parts together.
    async fn cleanup(&self) {}
}

/// By which a call makes takopi do things in the caller's chat, with the permissions that the manifest asks for.
///
/// It may be kept after the call's answer by a plugin with the permission `background`; then [`Host::release`] says
/// when nothing more will come. All its methods fail when takopi is gone; dropping their futures cancels what they wait for.
#[derive(Clone)]
pub struct Host {
    context: String,
    peer: Arc<Peer>,
    cancel: CancellationToken,
}

impl Host {
    pub(crate) const fn new(context: String, peer: Arc<Peer>, cancel: CancellationToken) -> Self {
        Self { context, peer, cancel }
    }

    /// Shows a message. Permission `send_message`.
    ///
    /// # Errors
    /// −32011 without the permission, −32012 after the release.
    pub async fn send(&self, body: impl Into<Body> + std::marker::Send) -> Result<()> {
        let body = body.into();
        self.peer.call(&Send { context: self.context.clone(), body, notify: false }).await.map(drop)
    }

    /// Runs an engine to its end, in the chat ([`crate::Mode::Emit`]) or for the command alone. Permission `run_engine`.
    ///
    /// # Errors
    /// As [`Self::send`]; a run that fails is no error.
    pub async fn run(&self, request: Request) -> Result<Ran> {
        self.peer.call(&Run { context: self.context.clone(), request }).await
    }

    /// Runs engines to their ends, 64 at most, at the same time or one after the other. Permission `run_engine`.
    ///
    /// # Errors
    /// As [`Self::send`]; a run that fails is no error.
    pub async fn run_many(&self, requests: Vec<Request>, parallel: bool) -> Result<Vec<Ran>> {
        let many = RunMany { context: self.context.clone(), requests, parallel };
        Ok(self.peer.call(&many).await?.results)
    }

    /// Returns the engines that serve the chat. Permission `run_engine`.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub async fn engines(&self) -> Result<Engines> {
        self.peer.call(&AskEngines { context: self.context.clone() }).await
    }

    /// Reads a text as a message would be read: its directives, and the session that the text it replies to names.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub async fn resolve(&self, text: &str, reply_text: Option<&str>) -> Result<Resolved> {
        let (text, reply_text) = (text.to_owned(), reply_text.map(str::to_owned));
        self.peer.call(&Resolve { context: self.context.clone(), text, reply_text }).await
    }

    /// Returns what was put away under a key. Permission `store`.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub async fn get(&self, key: &str) -> Result<Option<String>> {
        let get = Get { context: self.context.clone(), key: key.to_owned() };
        Ok(self.peer.call(&get).await?.value)
    }

    /// Puts a value away, 64 KiB at most, under a key of 128 bytes at most; `None` takes it away. Permission `store`.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub async fn put(&self, key: &str, value: Option<String>) -> Result<()> {
        let put = Put { context: self.context.clone(), key: key.to_owned(), value };
        self.peer.call(&put).await.map(drop)
    }

    /// Says that nothing more will be asked for this call.
    ///
    /// # Errors
    /// When takopi is gone.
    pub async fn release(self) -> Result<()> {
        self.peer.notify(&Release { context: self.context.clone() }).await
    }

    /// Waits until the call is cancelled.
    pub async fn cancelled(&self) {
        self.cancel.cancelled().await;
    }

    /// Returns the token that fires when the call is cancelled.
    #[must_use]
    pub const fn cancel_token(&self) -> &CancellationToken {
        &self.cancel
    }
}

//! A JSON-RPC 2.0 peer: one message per line, both directions at once, over any pair of byte streams.
//!
//! Plugins, agents and the control socket speak through it; what the methods mean is theirs. [`peer`] makes a [`Peer`], which
//! calls the other side, and a [`Wire`], which carries the messages and serves what the other side calls.
//!
//! Either side may send `$/cancel_request {"id": …}`; the other answers the request all the same, with a result or error
//! −32800. A missing `"jsonrpc"` member is tolerated (codex leaves it out), batches are not. Everything is bounded
//! ([`Limits`]); when a bound is reached the other side waits, is refused, or is hung up on, never stored.

mod message;
mod pending;
mod serve;
mod wire;

use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

pub use message::RpcError;
pub use pending::{CallError, Patience, Peer};
pub use wire::{Closed, Limits, Wire, peer};

/// A request on its way to its answer.
pub type Answering = Pin<Box<dyn Future<Output = Result<Value, RpcError>> + Send>>;

/// What the other side may call.
#[async_trait]
pub trait Service: Send + Sync + 'static {
    /// Answers a request. Requests run at the same time as each other and as notifications; `cancel` fires when the
    /// other side has lost interest or is gone.
    ///
    /// # Errors
    /// What the other side is told; [`RpcError::unknown_method`] for a method that isn't served.
    async fn request(
        &self,
        method: &str,
        params: Value,
        cancel: CancellationToken,
    ) -> Result<Value, RpcError>;

    /// Begins to answer a request; what it returns is waited for in a task of its own. Requests begin one at a time, in the
    /// order in which they came: whoever has to keep that order takes a place in line here. Nothing more is read
    /// meanwhile, so it does no more than that.
    fn begin(self: Arc<Self>, method: String, params: Value, cancel: CancellationToken) -> Answering {
        Box::pin(async move { self.request(&method, params, cancel).await })
    }

    /// Hears, in the same order, of a request that was refused because too many are being served already.
    fn turned_away(&self, _method: &str, _params: Value) {}

    /// Takes a notification; an unknown one is ignored. They come one at a time, in order, and before anything that was sent after them; while one
    /// is being taken nothing more is read, which slows a flood down. So don't wait here for an answer of the same peer.
    async fn notify(&self, method: &str, params: Value);

    /// Learns that a line of more than `limit` bytes came in and was passed over: whose answer it was, or what it told,
    /// nobody knows. Told in the order of the lines.
    async fn overlong(&self, limit: usize) {
        let _: usize = limit;
    }
}

//! Speaks the control protocol to whoever holds the ledger.
//!
//! One connection, no memory: who loses it connects anew and follows on from the last number it saw. Whether
//! to do that, and for how long, is for `cli/chat/link.rs` to say.

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use takopi_core::id::{InstanceId, RunId};
use takopi_local::{Submit, Submitted};
use takopi_stdio::rpc::{CallError, Patience, Peer, RpcError, Service, peer};
use takopi_stdio::{DEFAULT_MAX_LINE_BYTES, Lines};
use tokio::net::UnixStream;
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::server::LIMITS;
use super::wire::pair::{self, Open, Opened, Person, Revoke, Used, Wait};
use super::wire::{
    Cancel, Cancelled, Follow, Hello, NOT_FOUND, NOT_NOW, Notice, OTHER_PROTOCOL, Status, Subject, Told,
    Yielded, method,
};

/// How long to wait for an answer that needs no more than a look.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long to wait until a message is durable: longer than the door itself waits for the disk.
const SUBMIT_PATIENCE: Duration = Duration::from_secs(45);

/// Notices a follower may be behind by. Then reading stops, and the other side sends snapshots in the end.
const NOTICES: usize = 64;

/// Why something could not be asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    /// Nobody answers at the socket.
    #[error("failed to connect to takopi: {0}")]
    Connect(#[source] io::Error),
    /// The connection is lost; what was submitted goes on.
    #[error("lost the connection to takopi: {0}")]
    Lost(CallError),
    /// Not at the moment.
    #[error("{0}")]
    NotNow(String),
    /// There is no such thing.
    #[error("{0}")]
    NotFound(String),
    /// The answer is no.
    #[error("{0}")]
    Refused(String),
    /// The answer makes no sense: the other side is another version.
    #[error("takopi's answer could not be read: {0}")]
    Malformed(#[source] serde_json::Error),
}

impl ClientError {
    /// Returns whether connecting anew may help.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self, Self::Connect(_) | Self::Lost(_) | Self::NotNow(_))
    }
}

impl From<CallError> for ClientError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Refused(refusal) => match refusal.code {
                NOT_NOW | RpcError::CANCELLED | RpcError::BUSY => Self::NotNow(refusal.message),
                NOT_FOUND => Self::NotFound(refusal.message),
                OTHER_PROTOCOL => Self::Refused(refusal.message),
                _ => Self::Refused(refusal.message),
            },
            CallError::TooLong { .. } | CallError::Full { .. } => Self::Refused(error.to_string()),
            lost => Self::Lost(lost),
        }
    }
}

/// Who waits for the notices of which number.
type Followers = Mutex<HashMap<u64, mpsc::Sender<Told>>>;

/// A connection.
#[derive(Debug)]
pub(crate) struct Client {
    peer: Peer,
    followers: Arc<Followers>,
    next: AtomicU64,
    _hang_up: DropGuard,
}

impl Client {
    /// Connects to the socket at `path` and says hello. The connection is carried by `tasks`, and ends when the
    /// client is dropped.
    ///
    /// # Errors
    /// [`ClientError::Connect`] when nobody is there, [`ClientError::Refused`] for another protocol.
    pub(crate) async fn connect(path: &Path, tasks: &TaskTracker) -> Result<Self, ClientError> {
        let stream = UnixStream::connect(path).await.map_err(ClientError::Connect)?;
        let (reader, writer) = stream.into_split();
        let (peer, wire) = peer(LIMITS);
        let followers = Arc::<Followers>::default();
        let ear = Arc::new(Ear { followers: followers.clone() });
        let stop = CancellationToken::new();
        let hang_up = stop.clone().drop_guard();
        let served = tasks.clone();
        tasks.spawn(async move {
            let lines = Lines::new(reader, DEFAULT_MAX_LINE_BYTES);
            let closed = wire.run(lines, writer, ear.clone(), &served, &stop, async { String::new() }).await;
            ear.followers.lock().unwrap_or_else(PoisonError::into_inner).clear();
            tracing::debug!(%closed, "control connection closed");
        });
        let client = Self { peer, followers, next: AtomicU64::new(1), _hang_up: hang_up };
        let hello: Hello = client.call(method::HELLO, &Hello::ours(None), PATIENCE).await?;
        tracing::debug!(pid = hello.pid, version = hello.version, "connected");
        Ok(client)
    }

    /// Submits a message; returns once it is durable.
    ///
    /// # Errors
    /// [`ClientError`]; the same `client_id` may be submitted again whatever it was.
    pub(crate) async fn submit(&self, submit: &Submit) -> Result<Submitted, ClientError> {
        self.call(method::SUBMIT, submit, SUBMIT_PATIENCE).await
    }

    /// Follows a message or a run. Nothing is asked before the first [`Following::next`].
    pub(crate) fn follow(&self, subject: Subject, from_seq: u64) -> Following {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (told, notices) = mpsc::channel(NOTICES);
        self.followers.lock().unwrap_or_else(PoisonError::into_inner).insert(id, told);
        let peer = self.peer.clone();
        let params = serde_json::to_value(Follow { id, subject, from_seq });
        let answer = async move {
            let params = params.map_err(ClientError::Malformed)?;
            peer.call(method::FOLLOW, params, &Patience::endless()).await?;
            Ok(())
        };
        Following { id, followers: self.followers.clone(), notices, answer: Box::pin(answer), answered: None }
    }

    /// Signals a run to stop; returns whether there was one.
    ///
    /// # Errors
    /// [`ClientError`].
    pub(crate) async fn cancel(&self, run: RunId) -> Result<bool, ClientError> {
        let cancelled: Cancelled = self.call(method::CANCEL, &Cancel { run }, PATIENCE).await?;
        Ok(cancelled.cancelled)
    }

    /// Returns how the house is.
    ///
    /// # Errors
    /// [`ClientError`].
    pub(crate) async fn status(&self) -> Result<Status, ClientError> {
        self.call(method::STATUS, &Value::Null, PATIENCE).await
    }

    /// Lets plugins be started again that crashed too often.
    ///
    /// # Errors
    /// [`ClientError`].
    pub(crate) async fn pardon_plugins(&self) -> Result<(), ClientError> {
        self.call(method::PARDON, &Value::Null, PATIENCE).await
    }

    /// Asks a hosting `chat` for the ledger.
    ///
    /// # Errors
    /// [`ClientError`].
    pub(crate) async fn ask_to_yield(&self) -> Result<Yielded, ClientError> {
        self.call(method::YIELD, &Value::Null, PATIENCE).await
    }

    /// Opens a pairing code, which is given back when this connection ends.
    ///
    /// # Errors
    /// [`ClientError`].
    pub(crate) async fn open_code(&self, instance: Option<InstanceId>) -> Result<Opened, ClientError> {
        self.call(pair::method::OPEN, &Open { instance }, PATIENCE).await
    }

    /// Waits until somebody has used a code; returns who, or nobody when its time is over.
    ///
    /// # Errors
    /// [`ClientError`].
    pub(crate) async fn code_used(&self, number: u64) -> Result<Option<Person>, ClientError> {
        let params = serde_json::to_value(Wait { number }).map_err(ClientError::Malformed)?;
        let result = self.peer.call(pair::method::WAIT, params, &Patience::endless()).await?;
        serde_json::from_value(result).map(|Used { paired }| paired).map_err(ClientError::Malformed)
    }

    /// Returns who is paired.
    ///
    /// # Errors
    /// [`ClientError`].
    pub(crate) async fn paired(&self) -> Result<Vec<Person>, ClientError> {
        self.call(pair::method::LIST, &Value::Null, PATIENCE).await
    }

    /// Stops serving somebody who was paired, on one instance or on all; returns whom it met.
    ///
    /// # Errors
    /// [`ClientError::NotFound`] when nobody of that id is.
    pub(crate) async fn unpair(
        &self,
        id: &str,
        instance: Option<InstanceId>,
    ) -> Result<Vec<Person>, ClientError> {
        self.call(pair::method::REVOKE, &Revoke { id: id.to_owned(), instance }, PATIENCE).await
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: &str,
        params: &impl Serialize,
        patience: Duration,
    ) -> Result<T, ClientError> {
        let params = serde_json::to_value(params).map_err(ClientError::Malformed)?;
        let result = self.peer.call(method, params, &Patience::of(patience)).await?;
        serde_json::from_value(result).map_err(ClientError::Malformed)
    }
}

/// Hears the notices.
struct Ear {
    followers: Arc<Followers>,
}

#[async_trait]
impl Service for Ear {
    async fn request(&self, method: &str, _: Value, _: CancellationToken) -> Result<Value, RpcError> {
        Err(RpcError::unknown_method(method))
    }

    async fn notify(&self, method: &str, params: Value) {
        if method != method::TOLD {
            return tracing::debug!(method, "an unknown notification");
        }
        let Notice { id, told } = match serde_json::from_value(params) {
            Ok(notice) => notice,
            Err(error) => return tracing::warn!(%error, "a notice that could not be read"),
        };
        let follower = self.followers.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned();
        if let Some(follower) = follower
            && follower.send(told).await.is_err()
        {
            tracing::debug!(id, "a notice for nobody");
        }
    }
}

type Answer = Pin<Box<dyn Future<Output = Result<(), ClientError>> + Send>>;

/// A message or run being followed. Dropping it stops following and nothing else.
pub(crate) struct Following {
    id: u64,
    followers: Arc<Followers>,
    notices: mpsc::Receiver<Told>,
    answer: Answer,
    answered: Option<Result<(), ClientError>>,
}

impl Following {
    /// Returns what happened next, or `None` after the end. Safe to drop and call again.
    ///
    /// # Errors
    /// [`ClientError`]; what was followed goes on.
    pub(crate) async fn next(&mut self) -> Result<Option<Told>, ClientError> {
        if self.answered.is_none() {
            tokio::select! {
                biased;
                Some(told) = self.notices.recv() => return Ok(Some(told)),
                answer = &mut self.answer => self.answered = Some(answer),
            }
        }
        // Every notice came before the answer.
        match self.notices.try_recv() {
            Ok(told) => Ok(Some(told)),
            Err(_) => self.answered.take().unwrap_or(Ok(())).map(|()| {
                self.answered = Some(Ok(()));
                None
            }),
        }
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        self.followers.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

//! The calling side: requests that wait for their answers, and the queue of lines that wait to be written.
//!
//! Never reads or writes a stream itself; that is [`super::wire`].

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::message::{Id, Outgoing, Version};
use super::{Limits, RpcError};

/// Why a call brought no result.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The other side answered with an error.
    #[error("the other side refused: {0}")]
    Refused(RpcError),
    /// The caller cancelled, and the other side was told so.
    #[error("the request was cancelled")]
    Cancelled,
    /// No answer in time; the other side was told to stop.
    #[error("no answer within {after:?}")]
    TimedOut {
        /// The caller's patience.
        after: Duration,
    },
    /// The connection has ended; the text says why. The other side may have got the message.
    #[error("{0}")]
    Closed(Arc<str>),
    /// The connection had ended before; nothing was sent. The text says why.
    #[error("{0}")]
    Unsent(Arc<str>),
    /// The message is longer than a line may be; nothing was sent.
    #[error("the message is longer than {limit} bytes")]
    TooLong {
        /// The bound of a line, in bytes.
        limit: usize,
    },
    /// Too many requests wait for an answer already; nothing was sent.
    #[error("{limit} requests already wait for an answer")]
    Full {
        /// The bound of waiting requests.
        limit: usize,
    },
}

/// How long a caller waits for an answer.
#[derive(Clone, Debug)]
pub struct Patience {
    timeout: Option<Duration>,
    cancel: CancellationToken,
    grace: Duration,
    answered: Option<CancellationToken>,
}

impl Patience {
    /// Waits as long as it takes: until an answer, a cancellation or the end of the connection.
    #[must_use]
    pub fn endless() -> Self {
        Self {
            timeout: None,
            cancel: CancellationToken::new(),
            grace: Duration::from_secs(5),
            answered: None,
        }
    }

    /// Waits this long, sending included.
    #[must_use]
    pub fn of(timeout: Duration) -> Self {
        Self { timeout: Some(timeout), ..Self::endless() }
    }

    /// Cancels the request when `cancel` fires.
    #[must_use]
    pub fn until(mut self, cancel: CancellationToken) -> Self {
        self.cancel = cancel;
        self
    }

    /// Fires `token` when the answer is read, before anything that the other side sent behind it is.
    #[must_use]
    pub fn answered(mut self, token: CancellationToken) -> Self {
        self.answered = Some(token);
        self
    }

    /// Sets how long a cancelled request may still be answered (default 5 s).
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }
}

/// The calling end of a connection. Clones share it.
#[derive(Clone, Debug)]
pub struct Peer {
    pub(super) shared: Arc<Shared>,
}

impl Peer {
    /// Sends a request and waits for its answer. Dropping the future cancels the request.
    ///
    /// # Errors
    /// [`CallError`], by variant. After [`CallError::Cancelled`] and [`CallError::TimedOut`] a late answer is thrown away.
    pub async fn call(&self, method: &str, params: Value, patience: &Patience) -> Result<Value, CallError> {
        let (mut ticket, answer) = self.shared.expect_answer(patience.answered.clone())?;
        let request = Outgoing::Request { jsonrpc: Version::Two, id: ticket.id, method, params: &params };
        let exchange = self.exchange(&mut ticket, request.line(), answer, patience);
        match patience.timeout {
            None => exchange.await,
            Some(after) => timeout(after, exchange).await.unwrap_or(Err(CallError::TimedOut { after })),
        }
    }

    async fn exchange(
        &self,
        ticket: &mut Ticket,
        line: Vec<u8>,
        mut answer: oneshot::Receiver<Result<Value, RpcError>>,
        patience: &Patience,
    ) -> Result<Value, CallError> {
        tokio::select! {
            queued = self.queue(line) => queued?,
            () = patience.cancel.cancelled() => return Err(CallError::Cancelled),
        }
        ticket.sent = true;
        let answered = tokio::select! {
            biased;
            answered = &mut answer => answered,
            () = patience.cancel.cancelled() => {
                ticket.cancel();
                match timeout(patience.grace, &mut answer).await {
                    Ok(Ok(Err(error))) if error.code == RpcError::CANCELLED => return Err(CallError::Cancelled),
                    Ok(answered) => answered,
                    Err(_) => return Err(CallError::Cancelled),
                }
            }
        };
        answered.map_err(|_| CallError::Closed(self.shared.why_closed()))?.map_err(CallError::Refused)
    }

    /// Sends a notification; returns when it is in the queue.
    ///
    /// # Errors
    /// [`CallError::Unsent`] or [`CallError::TooLong`].
    pub async fn notify(&self, method: &str, params: Value) -> Result<(), CallError> {
        self.queue(Outgoing::Notification { jsonrpc: Version::Two, method, params: &params }.line()).await
    }

    /// Ends the connection after what is queued has been written.
    pub fn close(&self) {
        self.shared.closing.cancel();
    }

    /// Waits until the connection has ended and every call has failed or been answered.
    pub async fn closed(&self) {
        self.shared.ended.cancelled().await;
    }

    /// Returns how many calls wait for an answer that has not been read. While the words for the end are sought they
    /// still wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        match &*lock(&self.shared.pending) {
            Pending::Open(open) => open.len(),
            Pending::Closed(_) => 0,
        }
    }

    /// Returns how many lines that were no messages have come in, and the last of them, shortened.
    #[must_use]
    pub fn garbage(&self) -> (u64, String) {
        lock(&self.shared.garbage).clone()
    }

    async fn queue(&self, line: Vec<u8>) -> Result<(), CallError> {
        match self.shared.queue(line).await {
            Err(CallError::Unsent(_)) => {
                // The words for it may still be on their way.
                self.shared.ended.cancelled().await;
                Err(CallError::Unsent(self.shared.why_closed()))
            }
            queued => queued,
        }
    }
}

/// A line in the queue, with the room it takes.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) bytes: Vec<u8>,
    #[expect(dead_code, reason = "held until the line is written")]
    room: OwnedSemaphorePermit,
}

/// Who waits for an answer, and what fires when it is read.
#[derive(Debug)]
struct Answer {
    waiting: oneshot::Sender<Result<Value, RpcError>>,
    read: Option<CancellationToken>,
}

#[derive(Debug)]
enum Pending {
    Open(HashMap<u64, Answer>),
    Closed(Arc<str>),
}

/// What the two halves of a peer share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) limits: Limits,
    pub(super) closing: CancellationToken,
    ended: CancellationToken,
    next_id: AtomicU64,
    pending: Mutex<Pending>,
    outgoing: mpsc::Sender<Line>,
    /// In KiB, so that the largest bound fits a permit count.
    room: Arc<Semaphore>,
    garbage: Mutex<(u64, String)>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

const fn kib(bytes: usize) -> usize {
    bytes.div_ceil(1 << 10)
}

impl Shared {
    pub(super) fn new(limits: Limits) -> (Self, mpsc::Receiver<Line>) {
        let (outgoing, queue) = mpsc::channel(limits.queued_lines.max(1));
        // Room for the longest line twice: one being written, one behind it.
        let room = (2 * kib(limits.max_line_bytes.saturating_add(1))).min(Semaphore::MAX_PERMITS);
        let shared = Self {
            limits,
            closing: CancellationToken::new(),
            ended: CancellationToken::new(),
            next_id: AtomicU64::new(1),
            pending: Mutex::new(Pending::Open(HashMap::new())),
            outgoing,
            room: Arc::new(Semaphore::new(room)),
            garbage: Mutex::default(),
        };
        (shared, queue)
    }

    fn expect_answer(
        self: &Arc<Self>,
        read: Option<CancellationToken>,
    ) -> Result<(Ticket, oneshot::Receiver<Result<Value, RpcError>>), CallError> {
        let mut pending = lock(&self.pending);
        let open = match &mut *pending {
            Pending::Open(open) => open,
            Pending::Closed(why) => return Err(CallError::Unsent(Arc::clone(why))),
        };
        let limit = self.limits.pending_calls;
        if open.len() >= limit {
            return Err(CallError::Full { limit });
        }
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let (waiting, receiver) = oneshot::channel();
        open.insert(id, Answer { waiting, read });
        Ok((Ticket { shared: Arc::clone(self), id, sent: false }, receiver))
    }

    fn forget(&self, id: u64) -> Option<Answer> {
        match &mut *lock(&self.pending) {
            Pending::Open(open) => open.remove(&id),
            Pending::Closed(_) => None,
        }
    }

    /// Hands an answer to the call that waits for it.
    pub(super) fn answer(&self, id: &Id, outcome: Result<Value, RpcError>) {
        let number = match id {
            Id::Number(number) => number.as_u64(),
            Id::Text(_) => None,
        };
        let waiting = number.and_then(|number| self.forget(number));
        let heard = waiting.is_some_and(|Answer { waiting, read }| {
            if let Some(read) = read {
                read.cancel();
            }
            waiting.send(outcome).is_ok()
        });
        if !heard {
            tracing::debug!(?id, "answer that nobody waits for");
        }
    }

    /// Puts a line into the queue, waiting for room.
    pub(super) async fn queue(&self, bytes: Vec<u8>) -> Result<(), CallError> {
        self.check_length(&bytes)?;
        let closed = || CallError::Unsent(Arc::from("the connection has ended"));
        let kib = u32::try_from(kib(bytes.len())).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.room).acquire_many_owned(kib).await.map_err(|_| closed())?;
        self.outgoing.send(Line { bytes, room }).await.map_err(|_| closed())
    }

    /// Puts a line into the queue if there is room; tells whether.
    pub(super) fn try_queue(&self, bytes: Vec<u8>) -> bool {
        let kib = u32::try_from(kib(bytes.len())).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.room).try_acquire_many_owned(kib);
        room.is_ok_and(|room| self.outgoing.try_send(Line { bytes, room }).is_ok())
    }

    fn check_length(&self, line: &[u8]) -> Result<(), CallError> {
        let limit = self.limits.max_line_bytes;
        if line.len() > limit.saturating_add(1) { Err(CallError::TooLong { limit }) } else { Ok(()) }
    }

    /// Counts a line that is no message.
    pub(super) fn count_garbage(&self, text: &str) {
        let mut garbage = lock(&self.garbage);
        garbage.0 += 1;
        garbage.1 = text.chars().take(200).collect();
        // A child that logs to stdout would otherwise fill our log as well.
        if garbage.0.is_power_of_two() {
            tracing::warn!(count = garbage.0, "line that is no message");
        }
    }

    /// Lets nothing more into the queue.
    pub(super) fn close_queue(&self) {
        self.room.close();
    }

    /// Fails every call that still waits; the first reason stays.
    pub(super) fn close(&self, why: &str) {
        self.close_queue();
        let mut pending = lock(&self.pending);
        if matches!(*pending, Pending::Open(_)) {
            *pending = Pending::Closed(Arc::from(why));
        }
        drop(pending);
        self.ended.cancel();
    }

    fn why_closed(&self) -> Arc<str> {
        match &*lock(&self.pending) {
            Pending::Closed(why) => Arc::clone(why),
            Pending::Open(_) => Arc::from("the connection has ended"),
        }
    }
}

/// The place of a call among the pending ones; given up when dropped, and then the other side is told.
struct Ticket {
    shared: Arc<Shared>,
    id: u64,
    sent: bool,
}

impl Ticket {
    /// Tells the other side, once, that nobody needs the answer.
    fn cancel(&mut self) {
        if std::mem::take(&mut self.sent) {
            let params = json!({ "id": self.id });
            let cancel =
                Outgoing::Notification { jsonrpc: Version::Two, method: "$/cancel_request", params: &params };
            if !self.shared.try_queue(cancel.line()) {
                tracing::debug!(id = self.id, "no room to cancel a request");
            }
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if self.shared.forget(self.id).is_some() {
            self.cancel();
        }
    }
}

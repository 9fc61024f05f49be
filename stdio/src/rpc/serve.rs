//! The serving side: every line that comes in finds its call, its service or its refusal.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Deserialize;
use serde_json::Value;
use tokio::io::AsyncRead;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::message::{Id, Incoming, Outgoing, Version};
use super::pending::Shared;
use super::{Closed, RpcError, Service};
use crate::{Lines, StdioError};

/// Requests being served, with the token that cancels each.
type Serving = Arc<Mutex<HashMap<Id, CancellationToken>>>;

pub(super) struct Server {
    shared: Arc<Shared>,
    service: Arc<dyn Service>,
    tasks: TaskTracker,
    gone: CancellationToken,
    serving: Serving,
    slots: Arc<Semaphore>,
}

impl Server {
    /// Serves until `gone`, which cancels every request.
    pub(super) fn new(
        shared: Arc<Shared>,
        service: Arc<dyn Service>,
        tasks: TaskTracker,
        gone: CancellationToken,
    ) -> Self {
        let slots = Arc::new(Semaphore::new(shared.limits.served_requests));
        Self { shared, service, tasks, gone, serving: Serving::default(), slots }
    }

    /// Reads to the end.
    pub(super) async fn read<R: AsyncRead + Unpin>(&self, mut lines: Lines<R>) -> Closed {
        loop {
            match lines.next_batch().await {
                Ok(Some(batch)) => {
                    for line in batch.lines().filter(|line| !line.trim_ascii().is_empty()) {
                        self.take(line).await;
                    }
                }
                Ok(None) => return Closed::ByOther,
                Err(error @ StdioError::LineTooLong { limit }) => {
                    self.shared.count_garbage(&error.to_string());
                    self.service.overlong(limit).await;
                }
                Err(StdioError::Read(error)) => return Closed::Failed(error),
                Err(error) => return Closed::Failed(std::io::Error::other(error)),
            }
        }
    }

    async fn take(&self, line: &[u8]) {
        match Incoming::parse(line) {
            Incoming::Response { id, outcome } => self.shared.answer(&id, outcome),
            Incoming::Notification { method, params } if method == "$/cancel_request" => self.cancel(&params),
            Incoming::Notification { method, params } => self.service.notify(&method, params).await,
            Incoming::Request { id, method, params } => {
                if let Err(refusal) = self.serve(id.clone(), method, params) {
                    reply(&self.shared, Some(&id), Err(refusal)).await;
                }
            }
            Incoming::Invalid { id, problem } => {
                self.shared.count_garbage(&String::from_utf8_lossy(line));
                reply(&self.shared, id.as_ref(), Err(RpcError::new(RpcError::INVALID_REQUEST, problem)))
                    .await;
            }
            Incoming::Garbage => self.shared.count_garbage(&String::from_utf8_lossy(line)),
        }
    }

    fn cancel(&self, params: &Value) {
        let id = params.get("id").and_then(|id| Id::deserialize(id).ok());
        if let Some(cancel) = id.and_then(|id| lock(&self.serving).get(&id).cloned()) {
            cancel.cancel();
        }
    }

    fn serve(&self, id: Id, method: String, params: Value) -> Result<(), RpcError> {
        let Ok(slot) = Arc::clone(&self.slots).try_acquire_owned() else {
            self.service.turned_away(&method, params);
            return Err(RpcError::new(RpcError::BUSY, "too many requests are being served"));
        };
        let cancel = self.gone.child_token();
        {
            let mut serving = lock(&self.serving);
            if serving.contains_key(&id) {
                return Err(RpcError::new(
                    RpcError::INVALID_REQUEST,
                    "a request with this id is being served",
                ));
            }
            serving.insert(id.clone(), cancel.clone());
        }
        let service = Arc::clone(&self.service);
        let place = Place { id, serving: Arc::clone(&self.serving), shared: Arc::clone(&self.shared), slot };
        let answering = service.begin(method, params, cancel.clone());
        self.tasks.spawn(async move {
            let outcome = answering.await;
            let outcome =
                if cancel.is_cancelled() { outcome.map_err(|_| RpcError::cancelled()) } else { outcome };
            place.answer(outcome).await;
        });
        Ok(())
    }
}

fn lock(serving: &Serving) -> MutexGuard<'_, HashMap<Id, CancellationToken>> {
    serving.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A request's place among those being served.
struct Place {
    id: Id,
    serving: Serving,
    shared: Arc<Shared>,
    #[expect(dead_code, reason = "held until the answer is queued")]
    slot: OwnedSemaphorePermit,
}

impl Place {
    async fn answer(self, outcome: Result<Value, RpcError>) {
        // Before the answer goes out: from then on the id may be used again.
        lock(&self.serving).remove(&self.id);
        reply(&self.shared, Some(&self.id), outcome).await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if std::thread::panicking() {
            lock(&self.serving).remove(&self.id);
            let error = RpcError::new(RpcError::INTERNAL, "the request failed inside");
            let line = Outgoing::Error { jsonrpc: Version::Two, id: Some(&self.id), error: &error }.line();
            if !self.shared.try_queue(line) {
                tracing::warn!(id = ?self.id, "no room to answer a request that panicked");
            }
        }
    }
}

async fn reply(shared: &Shared, id: Option<&Id>, outcome: Result<Value, RpcError>) {
    let line = match (&outcome, id) {
        (Ok(result), Some(id)) => Outgoing::Result { jsonrpc: Version::Two, id, result },
        (Err(error), id) => Outgoing::Error { jsonrpc: Version::Two, id, error },
        (Ok(_), None) => return,
    }
    .line();
    let limit = shared.limits.max_line_bytes;
    let line = if line.len() > limit.saturating_add(1) {
        let error = RpcError::new(RpcError::INTERNAL, format!("the answer is longer than {limit} bytes"));
        Outgoing::Error { jsonrpc: Version::Two, id, error: &error }.line()
    } else {
        line
    };
    if let Err(error) = shared.queue(line).await {
        tracing::debug!(?id, %error, "answer not sent");
    }
}

//! The connection as the plugin's side of it: lines out, one after the other, and the calls that wait for answers.
//!
//! It never reads: `serve` does, and hands answers to [`Peer::settle`].

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;
use serde_json::{Value, json};
use takopi_plugin_protocol::life::Cancel;
use takopi_plugin_protocol::{MAX_LINE_BYTES, Method, Notification, code};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::error::{Error, Result};

/// Lines that may wait for a slow pipe: enough that a burst of events does not wait, few enough to store.
pub(crate) const WAITING_LINES: usize = 256;

/// The way out, and the calls under way.
pub(crate) struct Peer {
    lines: mpsc::Sender<Vec<u8>>,
    waiting: Mutex<Waiting>,
    last_id: AtomicU64,
    tasks: TaskTracker,
    runtime: Handle,
}

/// The calls without an answer; `None` once takopi is gone.
type Waiting = Option<HashMap<u64, oneshot::Sender<Result<Value>>>>;

impl Peer {
    /// Returns a connection and the lines that [`write_lines`] is to write.
    pub(crate) fn new(tasks: TaskTracker) -> (Self, mpsc::Receiver<Vec<u8>>) {
        let (lines, written) = mpsc::channel(WAITING_LINES);
        let waiting = Mutex::new(Some(HashMap::new()));
        (Self { lines, waiting, last_id: AtomicU64::new(0), tasks, runtime: Handle::current() }, written)
    }

    /// Calls a method of takopi. Dropping the future cancels the request.
    pub(crate) async fn call<M: Method>(&self, params: &M) -> Result<M::Result> {
        let id = self.last_id.fetch_add(1, Ordering::Relaxed) + 1;
        let line = line(&json!({"jsonrpc": "2.0", "id": id, "method": M::NAME, "params": params}))?;
        let (settled, answer) = oneshot::channel();
        self.locked().as_mut().ok_or_else(gone)?.insert(id, settled);
        let mut guard = Unanswered { peer: self, id, sent: false };
        self.write(line).await?;
        guard.sent = true;
        let result = answer.await.map_err(|_| gone())?;
        drop(guard);
        Ok(serde_json::from_value(result?)?)
    }

    /// Sends a notification.
    pub(crate) async fn notify<N: Notification>(&self, params: &N) -> Result<()> {
        self.write(notification(params)?).await
    }

    /// Waits until there is room for a line, which [`mpsc::Permit::send`] then takes at once.
    pub(crate) async fn room(&self) -> Result<mpsc::Permit<'_, Vec<u8>>> {
        self.lines.reserve().await.map_err(|_| gone())
    }

    /// Answers a request. An answer that is too long for a line is an error instead.
    pub(crate) async fn respond(&self, id: &Value, answer: Result<Value>) -> Result<()> {
        let told = |answer: Result<Value>| match answer {
            Ok(result) => line(&json!({"jsonrpc": "2.0", "id": id, "result": result})),
            Err(error) => line(&json!({"jsonrpc": "2.0", "id": id, "error": error})),
        };
        let line = told(answer).or_else(|error| told(Err(error)))?;
        self.write(line).await
    }

    /// Hands an answer of takopi's to whoever waits for it; one that nobody waits for is dropped.
    pub(crate) fn settle(&self, id: u64, answer: Result<Value>) {
        let waiting = self.locked().as_mut().and_then(|waiting| waiting.remove(&id));
        if let Some(waiting) = waiting {
            // Whoever waited may have stopped to: then the answer is for nobody.
            drop(waiting.send(answer));
        }
    }

    /// Fails all calls under way and to come: takopi is gone.
    pub(crate) fn hang_up(&self) {
        drop(self.locked().take());
    }

    async fn write(&self, line: Vec<u8>) -> Result<()> {
        self.lines.send(line).await.map_err(|_| gone())
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// A call whose future may be dropped before the answer is there: then takopi is told that nobody needs it.
struct Unanswered<'a> {
    peer: &'a Peer,
    id: u64,
    sent: bool,
}

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        let waited = self.peer.locked().as_mut().is_some_and(|waiting| waiting.remove(&self.id).is_some());
        if !(waited && self.sent) {
            return;
        }
        let lines = self.peer.lines.clone();
        if let Ok(line) = notification(&Cancel { id: self.id.into() }) {
            let tell = async move { drop(lines.send(line).await) };
            self.peer.tasks.spawn_on(tell, &self.peer.runtime);
        }
    }
}

/// Writes lines until the other side is gone; after `finish` those that wait, and no more.
pub(crate) async fn write_lines(
    mut lines: mpsc::Receiver<Vec<u8>>,
    mut writer: impl AsyncWrite + Unpin,
    finish: CancellationToken,
) {
    loop {
        let line = tokio::select! {
            biased;
            line = lines.recv() => line,
            () = finish.cancelled() => {
                lines.close();
                lines.recv().await
            }
        };
        let Some(line) = line else { return };
        let written = async {
            writer.write_all(&line).await?;
            writer.flush().await
        };
        if written.await.is_err() {
            return;
        }
    }
}

/// Returns a notification as a line.
pub(crate) fn notification<N: Notification>(params: &N) -> Result<Vec<u8>> {
    line(&json!({"jsonrpc": "2.0", "method": N::NAME, "params": params}))
}

fn line(message: &impl Serialize) -> Result<Vec<u8>> {
    let mut line = serde_json::to_vec(message)?;
    if line.len() > MAX_LINE_BYTES {
        let why = format!("a message of {} bytes; {MAX_LINE_BYTES} fit on a line", line.len());
        return Err(Error::new(code::TOO_LONG, why));
    }
    line.push(b'\n');
    Ok(line)
}

fn gone() -> Error {
    Error::gone("takopi is gone")
}

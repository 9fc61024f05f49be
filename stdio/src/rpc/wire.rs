//! One connection from its first line to its end: reading, writing, and failing what still waits.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::pending::{Line, Shared};
use super::serve::Server;
use super::{Peer, Service};
use crate::Lines;

/// What a connection may hold at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of an outgoing line; twice this much may lie in the queue. The bound of incoming ones is [`Lines`]'.
    pub max_line_bytes: usize,
    /// Lines that wait to be written; then senders wait.
    pub queued_lines: usize,
    /// Own requests that wait for an answer; then calls fail.
    pub pending_calls: usize,
    /// Requests of the other side being served; then it is refused.
    pub served_requests: usize,
    /// Time the other side may leave written lines unread; then the connection ends.
    pub write_timeout: Duration,
    /// Time the words for the end may take.
    pub explain_timeout: Duration,
}

impl Limits {
    /// For plugins: lines of 1 MiB.
    pub const PLUGIN: Self = Self {
        max_line_bytes: 1 << 20,
        queued_lines: 256,
        pending_calls: 1024,
        served_requests: 64,
        write_timeout: Duration::from_secs(60),
        explain_timeout: Duration::from_secs(5),
    };
}

/// How a connection ended.
#[derive(Debug)]
pub enum Closed {
    /// The other side closed it.
    ByOther,
    /// [`Peer::close`] or the stop signal.
    Here,
    /// Reading or writing failed, or the other side has stopped reading.
    Failed(io::Error),
}

impl fmt::Display for Closed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ByOther => formatter.write_str("the other side closed the connection"),
            Self::Here => formatter.write_str("the connection was closed"),
            Self::Failed(error) => write!(formatter, "the connection failed: {error}"),
        }
    }
}

/// The working end of a connection. When it is dropped, running or not, every call fails.
#[derive(Debug)]
pub struct Wire {
    shared: Arc<Shared>,
    queue: mpsc::Receiver<Line>,
    ender: Ender,
}

/// Fails the calls when the connection is dropped without an orderly end.
#[derive(Debug)]
struct Ender(Arc<Shared>);

impl Drop for Ender {
    fn drop(&mut self) {
        self.0.close("the connection was dropped");
    }
}

/// Makes the two ends of a connection: one to call with, one to run. Calls made before it runs wait in its queue.
#[must_use]
pub fn peer(limits: Limits) -> (Peer, Wire) {
    let (shared, queue) = Shared::new(limits);
    let shared = Arc::new(shared);
    let ender = Ender(Arc::clone(&shared));
    (Peer { shared: Arc::clone(&shared) }, Wire { shared, queue, ender })
}

impl Wire {
    /// Carries messages until either side closes, reading or writing fails, or `stop`. Requests are served on `tasks`.
    ///
    /// When it is over, `explain` is asked for more words (a child's exit status and the end of its stderr; empty for
    /// none), and every call that still waits fails with them.
    pub async fn run<R, W>(
        self,
        lines: Lines<R>,
        writer: W,
        service: Arc<dyn Service>,
        tasks: &TaskTracker,
        stop: &CancellationToken,
        explain: impl Future<Output = String>,
    ) -> Closed
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        let Self { shared, queue, ender } = self;
        let gone = stop.child_token();
        // Requests being served learn of the end even if this future is dropped.
        let _cancel_requests = gone.clone().drop_guard();
        let server = Server::new(Arc::clone(&shared), service, tasks.clone(), gone);
        let closed = {
            let read = server.read(lines);
            tokio::pin!(read);
            tokio::select! {
                () = stop.cancelled() => Closed::Here,
                closed = &mut read => closed,
                closed = write(&shared, queue, writer) => match closed {
                    // Who has gone may have said something before, which is on its way.
                    Closed::Failed(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                        let rest = timeout(shared.limits.explain_timeout, read).await;
                        rest.unwrap_or(Closed::Failed(error))
                    }
                    closed => closed,
                },
            }
        };
        drop(server);
        shared.close_queue();
        let words = timeout(shared.limits.explain_timeout, explain).await.unwrap_or_default();
        let colon = if words.is_empty() { "" } else { ": " };
        shared.close(&format!("{closed}{colon}{words}"));
        drop(ender);
        closed
    }
}

/// Writes what is queued, many lines at once when they have piled up.
async fn write<W: AsyncWrite + Unpin>(
    shared: &Shared,
    mut queue: mpsc::Receiver<Line>,
    mut writer: W,
) -> Closed {
    let patience = shared.limits.write_timeout;
    let stalled = |_| Err(io::Error::new(io::ErrorKind::TimedOut, "the other side has stopped reading"));
    let mut lines = Vec::with_capacity(64);
    loop {
        let count = tokio::select! {
            biased;
            count = queue.recv_many(&mut lines, 64) => count,
            () = shared.closing.cancelled() => 0,
        };
        let written = if count == 0 {
            timeout(patience, writer.shutdown()).await.unwrap_or_else(stalled)
        } else {
            let bytes = lines.iter().map(|line| line.bytes.as_slice()).collect::<Vec<_>>().concat();
            let flush = async {
                writer.write_all(&bytes).await?;
                writer.flush().await
            };
            timeout(patience, flush).await.unwrap_or_else(stalled)
        };
        lines.clear();
        match written {
            Err(error) => return Closed::Failed(error),
            Ok(()) if count == 0 => return Closed::Here,
            Ok(()) => {}
        }
    }
}

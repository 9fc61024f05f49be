//! The one port: tells requests from connections of the gateway by their first line, and hands each to its room.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use super::calls::Shared;
use super::socket;
use crate::telegram::wire::{Scissors, Wire};

/// Connections that wait to be served at most; the others wait at the port.
const WAITING: usize = 64;

/// Where requests come in, sorted out by [`open`].
#[derive(Debug)]
pub(super) struct Door {
    address: SocketAddr,
    callers: mpsc::Receiver<(TcpStream, SocketAddr)>,
}

/// Begins to take connections. It ends with the runtime.
pub(super) fn open(shared: Arc<Shared>, listener: TcpListener) -> io::Result<Door> {
    let address = listener.local_addr()?;
    let (sender, callers) = mpsc::channel(WAITING);
    let tasks = TaskTracker::new();
    tasks.clone().spawn(async move {
        let mut listener = listener;
        loop {
            let (stream, from) = Listener::accept(&mut listener).await;
            tasks.spawn(sort(shared.clone(), stream, from, sender.clone()));
        }
    });
    Ok(Door { address, callers })
}

async fn sort(
    shared: Arc<Shared>,
    stream: TcpStream,
    from: SocketAddr,
    requests: mpsc::Sender<(TcpStream, SocketAddr)>,
) {
    // "GET /api/" and what else tells a request; clients write their first line in one go.
    let mut first = [0; 9];
    let seen = match stream.peek(&mut first).await {
        Ok(seen) => first.get(..seen).unwrap_or_default(),
        Err(_gone) => return,
    };
    let request =
        !seen.starts_with(b"GET ") || seen.starts_with(b"GET /api/") || seen.starts_with(b"GET /cdn/");
    if request {
        // The receiver is gone when the server ends.
        drop(requests.send((stream, from)).await);
    } else {
        socket::serve(shared, stream).await;
    }
}

impl Listener for Door {
    type Io = Wire;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Wire, SocketAddr) {
        match self.callers.recv().await {
            Some((stream, from)) => (Wire::new(stream), from),
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

impl Connected<IncomingStream<'_, Door>> for Scissors {
    fn connect_info(stream: IncomingStream<'_, Door>) -> Self {
        stream.io().scissors()
    }
}

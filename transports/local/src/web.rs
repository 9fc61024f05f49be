//! The page's server: HTTP/1 on loopback, for the person whose machine it is and nobody else.
//!
//! `web/guard.rs` decides who gets in, `web/api.rs` answers questions and takes messages, `web/events.rs`
//! streams what happens. Nothing here decides anything about messages or runs: that is the door's.

mod api;
mod assets;
mod events;
mod guard;
mod listener;
mod token;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::{DEFAULT_PORT, LocalConfig};
use crate::door::{Door, MAX_TEXT_BYTES};
use crate::error::LocalError;
use guard::Gate;
use listener::Bounded;

pub use token::Token;

/// Ports tried after the first when none is configured.
const NEXT_PORTS: u16 = 20;

/// Longest body of a request: a message whose every character JSON escapes with six.
const MAX_BODY_BYTES: usize = MAX_TEXT_BYTES * 6 + 4096;

/// Streams open at once. A browser holds one per tab, and at most six connections to one host.
const MAX_STREAMS: usize = 32;

/// How long open requests may take once the house closes. Streams end at once.
const CLOSING: Duration = Duration::from_secs(2);

/// What every request can reach.
#[derive(Clone)]
struct Served {
    door: Door,
    stop: CancellationToken,
    tasks: TaskTracker,
    streams: Arc<Semaphore>,
}

/// A page that listens and is not served yet.
#[derive(Debug)]
pub struct Page {
    listener: TcpListener,
    port: u16,
    token: Token,
}

impl Page {
    /// Opens the port: the configured one, or else the first free one from 8787 on.
    ///
    /// # Errors
    /// [`LocalError::PortTaken`] when the configured port is in use, [`LocalError::Listen`] when none
    /// can be opened.
    pub async fn bind(config: &LocalConfig, token: Token) -> Result<Self, LocalError> {
        let listener = match config.port {
            Some(port) => listen(port).await.map_err(|error| match error.kind() {
                std::io::ErrorKind::AddrInUse => LocalError::PortTaken { port },
                _ => LocalError::Listen(format!("port {port}: {error}")),
            })?,
            None => first_free(DEFAULT_PORT).await?,
        };
        let port = listener.local_addr().map_err(|error| LocalError::Listen(error.to_string()))?.port();
        Ok(Self { listener, port, token })
    }

    /// Returns the port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns the address to open, which holds the token: for the person's eyes, not for logs.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/?token={}", self.port, self.token.expose())
    }

    /// Serves `door` until `stop` fires, then lets open requests finish for two seconds at most.
    ///
    /// # Errors
    /// [`LocalError::Listen`] when listening broke.
    pub async fn serve(self, door: Door, stop: CancellationToken) -> Result<(), LocalError> {
        let tasks = TaskTracker::new();
        let served = Served {
            door,
            stop: stop.clone(),
            tasks: tasks.clone(),
            streams: Arc::new(Semaphore::new(MAX_STREAMS)),
        };
        let app = router(served, Gate::new(self.port, self.token));
        let closed = stop.clone();
        let serving = axum::serve(Bounded::new(self.listener), app)
            .with_graceful_shutdown(stop.clone().cancelled_owned());
        let too_long = async {
            closed.cancelled().await;
            tokio::time::sleep(CLOSING).await;
        };
        let result = tokio::select! {
            result = serving => result.map_err(|error| LocalError::Listen(error.to_string())),
            () = too_long => Ok(()),
        };
        tasks.close();
        tasks.wait().await;
        result
    }
}

fn router(served: Served, gate: Gate) -> Router {
    Router::new()
        .route("/api/state", get(api::state))
        .route("/api/history", get(api::history))
        .route("/api/run", get(api::run))
        .route("/api/events", get(events::stream))
        .route("/api/messages", post(api::submit))
        .route("/api/foresee", post(api::foresee))
        .route("/api/branches", get(api::branches))
        .route("/api/cancel", post(api::cancel))
        .route("/api/press", post(api::press))
        .fallback(get(assets::serve))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(middleware::from_fn_with_state(Arc::new(gate), guard::guard))
        .with_state(served)
}

async fn listen(port: u16) -> std::io::Result<TcpListener> {
    TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await
}

async fn first_free(from: u16) -> Result<TcpListener, LocalError> {
    let mut last = String::new();
    for port in (from..=from.saturating_add(NEXT_PORTS)).chain([0]) {
        match listen(port).await {
            Ok(listener) => return Ok(listener),
            Err(error) => last = error.to_string(),
        }
    }
    Err(LocalError::Listen(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_configured_port_that_is_taken_is_named() {
        let taken = listen(0).await.unwrap();
        let port = taken.local_addr().unwrap().port();
        let config = LocalConfig { port: Some(port) };
        let error = Page::bind(&config, Token::mint()).await.unwrap_err().to_string();
        assert!(error.contains(&port.to_string()) && error.contains("[transports.local]"), "{error}");
    }

    #[tokio::test]
    async fn the_next_free_port_is_taken_when_the_first_is_not_free() {
        let taken = listen(0).await.unwrap();
        let port = taken.local_addr().unwrap().port();
        let other = first_free(port).await.unwrap().local_addr().unwrap();
        assert!(other.ip().is_loopback());
        assert_ne!(other.port(), port);
    }

    #[tokio::test]
    async fn the_token_is_in_the_url_and_in_no_debug_output() {
        let config = LocalConfig { port: Some(0) };
        let token = Token::mint();
        let page = Page::bind(&config, token.clone()).await.unwrap();
        assert!(page.url().ends_with(token.expose()));
        assert!(!format!("{page:?}").contains(token.expose()));
    }
}

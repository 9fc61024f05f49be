//! The server itself: it takes requests, asks the script what to say and plays that out.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Json, Response};
use axum::routing::{get, post};
use futures_core::Stream;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, watch};
use tokio_util::task::TaskTracker;

use super::log::{Asked, Book, InVain, Log};
use super::script::{self, Turn};
use super::wire::{Api, Piece};

/// Bytes of a request at most: far above any prompt of the tests, with the tools beside it.
const MAX_REQUEST: usize = 64 << 20;

/// Events written ahead of the client: a stream is short, and the client decides its pace.
const STREAM_BOUND: usize = 16;

/// A scripted model on loopback, for as long as this value lives. It needs no async around it.
#[derive(Debug)]
pub struct ModelServer {
    shared: Arc<Shared>,
    address: SocketAddr,
    #[expect(dead_code, reason = "the server runs on it, and ends when it is dropped")]
    runtime: Runtime,
}

#[derive(Debug)]
struct Shared {
    book: Book,
    /// How often [`ModelServer::release`] was called.
    released: watch::Sender<u64>,
    replies: AtomicU64,
    streams: TaskTracker,
}

impl ModelServer {
    /// Starts a server on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// When there is no port or no thread to be had.
    pub fn start() -> io::Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            book: Book::default(),
            released: watch::Sender::new(0),
            replies: AtomicU64::new(1),
            streams: TaskTracker::new(),
        });
        let served = axum::serve(listener, routes(shared.clone()));
        shared.streams.spawn_on(async move { served.await }, runtime.handle());
        Ok(Self { shared, address, runtime })
    }

    /// Returns where it listens, as `http://127.0.0.1:PORT`; the paths begin with `/v1`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns what happened so far.
    #[must_use]
    pub fn log(&self) -> Log {
        self.shared.book.read().clone()
    }

    /// Forgets what happened so far, refusals included.
    pub fn forget(&self) {
        self.shared.book.write(|log| *log = Log { holding: log.holding, ..Log::default() });
    }

    /// Waits until `look` finds in the log what it wants, at most a minute.
    ///
    /// # Errors
    /// [`InVain`] with `what` when it doesn't come about.
    pub fn wait_for<T>(&self, what: &str, look: impl Fn(&Log) -> Option<T>) -> Result<T, InVain> {
        self.shared.book.wait_for(what, look)
    }

    /// Lets every stream that is held now go on.
    pub fn release(&self) {
        self.shared.released.send_modify(|times| *times += 1);
    }
}

fn routes(shared: Arc<Shared>) -> Router {
    let models = || async { Json(models()) };
    let tokens = |body: Bytes| async move { Json(json!({"input_tokens": body.len() / 4 + 1})) };
    Router::new()
        .route("/v1/responses", post(|state, body| turn(Api::Responses, state, body)))
        .route("/v1/messages", post(|state, body| turn(Api::Messages, state, body)))
        .route("/v1/chat/completions", post(|state, body| turn(Api::Chat, state, body)))
        .route("/v1/models", get(models))
        .route("/v1/messages/count_tokens", post(tokens))
        .fallback(elsewhere)
        .method_not_allowed_fallback(elsewhere)
        .layer(DefaultBodyLimit::max(MAX_REQUEST))
        .with_state(shared)
}

fn models() -> Value {
    let model =
        json!({"id": "scripted", "object": "model", "type": "model", "created": 0, "owned_by": "takopi"});
    json!({"object": "list", "has_more": false, "data": [model]})
}

/// Answers what nobody is known to ask, as the real servers do, and notes it.
async fn elsewhere(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let call = format!("{} {}", request.method(), request.uri().path());
    shared.book.write(|log| log.other.push(call));
    let error = json!({"error": {"type": "not_found_error", "message": "there is no such page"}});
    (StatusCode::NOT_FOUND, Json(error)).into_response()
}

async fn turn(api: Api, State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    let body: Value = match serde_json::from_slice(&body) {
        Ok(body) => body,
        Err(error) => {
            shared.book.write(|log| log.other.push(format!("a body that is no JSON: {error}")));
            return StatusCode::BAD_REQUEST.into_response();
        }
    };
    let conversation = api.read(&body);
    let turn = shared.book.write(|log| {
        let refused = log.refused.entry(conversation.prompt.clone()).or_default();
        let turn = script::next(&conversation, *refused);
        let status = match turn {
            Turn::Refuse(status) => status,
            Turn::Say(_) => 200,
        };
        *refused += u64::from(status != 200);
        log.asked.push(Asked {
            api,
            prompt: conversation.prompt.clone(),
            earlier: conversation.earlier.len(),
            results: conversation.results.clone(),
            tools: conversation.tool_names().into_iter().map(str::to_owned).collect(),
            errand: conversation.is_errand(),
            status,
        });
        turn
    });
    let id = shared.replies.fetch_add(1, Ordering::Relaxed);
    match turn {
        Turn::Refuse(status) => {
            let code = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (code, Json(api.refusal(status))).into_response()
        }
        Turn::Say(says) if body["stream"] == true => {
            play(&shared, api.stream(&conversation.model, &says, id))
        }
        Turn::Say(says) => Json(api.whole(&conversation.model, &says, id)).into_response(),
    }
}

fn play(shared: &Arc<Shared>, pieces: Vec<Piece>) -> Response {
    let (events, receiver) = mpsc::channel(STREAM_BOUND);
    let player = shared.clone();
    shared.streams.spawn(async move {
        if player.send(pieces, &events).await == Played::HungUp {
            player.book.write(|log| log.hung_up += 1);
        }
    });
    let headers = [(CONTENT_TYPE, "text/event-stream"), (CACHE_CONTROL, "no-cache")];
    (headers, Body::from_stream(Events(receiver))).into_response()
}

#[derive(PartialEq, Eq)]
enum Played {
    Over,
    HungUp,
}

type Event = Result<Bytes, io::Error>;

impl Shared {
    async fn send(&self, pieces: Vec<Piece>, events: &mpsc::Sender<Event>) -> Played {
        for piece in pieces {
            let sent = match piece {
                Piece::Event(event) => events.send(Ok(event.into())).await.is_ok(),
                Piece::Hold => self.hold(events).await,
                Piece::Cut => {
                    // An error instead of an end makes the server close the connection.
                    let cut = io::Error::other("cut, as the script says");
                    return if events.send(Err(cut)).await.is_ok() { Played::Over } else { Played::HungUp };
                }
            };
            if !sent {
                return Played::HungUp;
            }
        }
        Played::Over
    }

    /// Waits until the test releases the stream; tells whether the client is still there.
    async fn hold(&self, events: &mpsc::Sender<Event>) -> bool {
        let mut released = self.released.subscribe();
        self.book.write(|log| log.holding += 1);
        let there = tokio::select! {
            () = events.closed() => false,
            changed = released.changed() => changed.is_ok(),
        };
        self.book.write(|log| log.holding -= 1);
        there
    }
}

/// The events of one stream.
struct Events(mpsc::Receiver<Event>);

impl Stream for Events {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        self.0.poll_recv(context)
    }
}

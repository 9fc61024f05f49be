//! What happens in a conversation, as server-sent events: first everything as it stands (`hello`), then what
//! changes. A browser that comes back gets `hello` again, so it has missed nothing, however long it was gone.
//!
//! Nobody waits for a slow browser: its queue is bounded, and while it is full the desk keeps what a reader
//! may need, or a snapshot of it. Runs are painted a few times a second at most.

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_core::Stream;
use serde::{Deserialize, Serialize};
use takopi_core::desk::{DeskEvent, Follow};
use takopi_core::event::Outcome;
use takopi_core::id::{EngineId, RunId};
use takopi_core::message::Button;
use takopi_core::port::ledger::Conversation;
use takopi_core::time::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::task::JoinSet;

use super::Served;
use super::api::{Failure, Piece, piece};
use crate::conversation::ConversationId;
use crate::door::Door;
use crate::error::LocalError;
use crate::hub::{Listener, LocalEvent};
use crate::paint::{Paint, Painter};
use crate::view::{Item, Rendered, RunView, State as RunState, answered, reason, resume};

/// Shortest time between two paints of one run: ten a second look like motion.
const PAINT_GAP: Duration = Duration::from_millis(100);

/// Events folded into one paint at most, so that an endless flood is painted now and then.
const MAX_FOLD: usize = 2_048;

/// Frames a browser may be behind by. A paint is a fraction of a second old at most, so a browser that is
/// further behind is better off with fewer, bigger ones.
const FRAME_BOUND: usize = 8;

/// How often a silent stream says that it is there; a connection idle for a minute is closed.
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);

#[derive(Deserialize)]
pub(super) struct EventsQuery {
    conversation: ConversationId,
}

pub(super) async fn stream(
    State(served): State<Served>,
    query: Result<Query<EventsQuery>, QueryRejection>,
) -> Response {
    let Query(query) = match query {
        Ok(query) => query,
        Err(rejection) => return Failure::from(rejection).into_response(),
    };
    let Ok(slot) = served.streams.clone().try_acquire_owned() else {
        return (StatusCode::SERVICE_UNAVAILABLE, "too many pages are open").into_response();
    };
    let (frames, receiver) = mpsc::channel(FRAME_BOUND);
    let (door, stop) = (served.door, served.stop);
    served.tasks.spawn(async move {
        tokio::select! {
            () = stop.cancelled() => {}
            () = frames.closed() => {}
            result = watch(&door, query.conversation, &frames) => if let Err(error) = result {
                tracing::warn!(%error, "page not told any more");
            },
        }
    });
    let life = KeepAlive::new().interval(SIGN_OF_LIFE);
    Sse::new(Frames { receiver, _slot: slot }).keep_alive(life).into_response()
}

/// The frames of one stream, with its place among the streams.
struct Frames {
    receiver: mpsc::Receiver<Frame>,
    _slot: OwnedSemaphorePermit,
}

impl Stream for Frames {
    type Item = Result<Event, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.receiver.poll_recv(context).map(|frame| frame.map(|frame| Ok(frame.into())))
    }
}

/// One event on the wire.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Frame {
    Hello { conversation: ConversationId, piece: Piece, runs: Vec<RunView> },
    Item(Item),
    Edited { message: String, body: Rendered, buttons: Vec<Vec<Button>> },
    Deleted { message: String },
    Accepted { upstream: String, inbox: i64 },
    Run(Box<RunView>),
    Paint(Box<Painted>),
    Activity(Activity),
}

impl From<Frame> for Event {
    fn from(frame: Frame) -> Self {
        let name = match frame {
            Frame::Hello { .. } => "hello",
            Frame::Item(_) => "item",
            Frame::Edited { .. } => "edited",
            Frame::Deleted { .. } => "deleted",
            Frame::Accepted { .. } => "accepted",
            Frame::Run(_) => "run",
            Frame::Paint(_) => "paint",
            Frame::Activity(_) => "activity",
        };
        let data = serde_json::to_string(&frame).unwrap_or_else(|error| {
            tracing::error!(%error, "event cannot be written as JSON");
            "null".to_owned()
        });
        Self::default().event(name).data(data)
    }
}

#[derive(Debug, Serialize)]
struct Painted {
    run: RunId,
    #[serde(flatten)]
    paint: Paint,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<Rendered>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resume: Option<String>,
}

/// Something happened in a conversation: for the list of them.
#[derive(Debug, Serialize)]
struct Activity {
    conversation: ConversationId,
    running: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    said: Option<String>,
    at: Timestamp,
}

/// The browser is gone.
struct Gone;

/// Tells everything until the house closes its doors; whoever calls drops it when the browser is gone.
async fn watch(
    door: &Door,
    conversation: ConversationId,
    frames: &mpsc::Sender<Frame>,
) -> Result<(), LocalError> {
    loop {
        // Listening begins before anything is read, so nothing falls between.
        let listener = door.listen(None);
        let piece = piece(door, conversation, None).await?;
        let runs = door.runs_in(conversation);
        let mut watcher = Watcher {
            door,
            conversation,
            frames,
            followers: JoinSet::new(),
            followed: HashSet::new(),
            ahead: runs.iter().filter_map(|run| Some((run.id, run.ahead?))).collect(),
        };
        let live: Vec<(RunId, EngineId)> = runs.iter().map(|run| (run.id, run.engine.clone())).collect();
        let views = runs.into_iter().map(RunView::live).collect();
        let unended = unended(&piece);
        if frames.send(Frame::Hello { conversation, piece, runs: views }).await.is_err() {
            return Ok(());
        }
        for (run, engine) in live.into_iter().chain(unended) {
            watcher.follow(run, engine);
        }
        match watcher.tell(listener).await {
            Ok(Next::Again) => {}
            Ok(Next::Over) | Err(Gone) => return Ok(()),
        }
    }
}

/// Returns the runs that had not ended when the history was read: they may have since.
fn unended(piece: &Piece) -> Vec<(RunId, EngineId)> {
    let run = |item: &Item| match item {
        Item::Run(view) if view.state == RunState::Starting => Some((view.run, view.engine.clone()?)),
        _ => None,
    };
    piece.items.iter().filter_map(run).collect()
}

enum Next {
    /// Something was missed: all is told again.
    Again,
    /// The house is closed.
    Over,
}

struct Watcher<'a> {
    door: &'a Door,
    conversation: ConversationId,
    frames: &'a mpsc::Sender<Frame>,
    /// One reader per run; they end with this watcher.
    followers: JoinSet<()>,
    followed: HashSet<RunId>,
    /// What was told of the runs that wait.
    ahead: HashMap<RunId, usize>,
}

impl Watcher<'_> {
    async fn tell(&mut self, mut listener: Listener) -> Result<Next, Gone> {
        loop {
            let event = tokio::select! {
                event = listener.next() => event,
                Some(ended) = self.followers.join_next() => {
                    if let Err(error) = ended {
                        tracing::error!(%error, "reader of a run broke");
                    }
                    continue;
                }
            };
            match event {
                None => return Ok(Next::Over),
                Some(LocalEvent::Missed) => return Ok(Next::Again),
                Some(event) => self.event(event).await?,
            }
        }
    }

    async fn event(&mut self, event: LocalEvent) -> Result<(), Gone> {
        let here = event.conversation() == Some(self.conversation);
        if let Some(activity) = self.activity(&event) {
            self.send(Frame::Activity(activity)).await?;
        }
        match event {
            LocalEvent::Desk { event, .. } => {
                if here {
                    self.desk(event).await?;
                }
                self.moved_up().await
            }
            event if here => match said(event) {
                Some(frame) => self.send(frame).await,
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    fn activity(&self, event: &LocalEvent) -> Option<Activity> {
        let conversation = event.conversation()?;
        let said = match event {
            LocalEvent::Said { text, .. } => Some(Conversation::title_from(text)),
            LocalEvent::Desk { event: DeskEvent::Queued { .. } | DeskEvent::Ended { .. }, .. } => None,
            _ => return None,
        };
        let running = self.door.runs_in(conversation).len();
        Some(Activity { conversation, running, said, at: self.door.clock().now() })
    }

    async fn desk(&mut self, event: DeskEvent) -> Result<(), Gone> {
        let view = match event {
            DeskEvent::Accepted { inbox, upstream, .. } => {
                return self.send(Frame::Accepted { upstream, inbox: inbox.0 }).await;
            }
            DeskEvent::Queued { run, inbox, engine, context, ahead, .. } => {
                self.ahead.insert(run, ahead);
                let view = RunView {
                    engine: Some(engine.clone()),
                    context,
                    ahead: Some(ahead),
                    inbox: inbox.iter().map(|id| id.0).collect(),
                    ..RunView::new(run, RunState::Queued)
                };
                self.send(Frame::Run(Box::new(view))).await?;
                // Only now, or the page could learn of the end before it knows whose.
                self.follow(run, engine);
                return Ok(());
            }
            DeskEvent::Started { run, context, .. } => {
                self.ahead.remove(&run);
                RunView { context, elapsed_ms: Some(0), ..RunView::new(run, RunState::Starting) }
            }
            DeskEvent::Ended { run, outcome, .. } => {
                self.ahead.remove(&run);
                if self.followed.remove(&run) {
                    // Its reader tells the end, with the answer.
                    return Ok(());
                }
                self.stored(run, &outcome).await
            }
            DeskEvent::Settled { .. } | DeskEvent::TransportEnded { .. } => return Ok(()),
        };
        self.send(Frame::Run(Box::new(view))).await
    }

    /// Returns the end of a run that nobody reads here: the last daemon's, which recovery has closed.
    async fn stored(&self, run: RunId, outcome: &Outcome) -> RunView {
        let row = self.door.run(run).await.unwrap_or_else(|error| {
            tracing::warn!(%run, %error, "page told of an end without its answer");
            None
        });
        let view = row.map(|row| RunView::stored(&row, self.door.catalogue()));
        let view = view.unwrap_or_else(|| RunView::new(run, RunState::of(outcome)));
        RunView { state: RunState::of(outcome), error: reason(outcome), ..view }
    }

    /// Tells the runs that wait here how far they have come since.
    async fn moved_up(&mut self) -> Result<(), Gone> {
        if self.ahead.is_empty() {
            return Ok(());
        }
        for run in self.door.runs_in(self.conversation) {
            let Some(ahead) = run.ahead else { continue };
            if self.ahead.insert(run.id, ahead) != Some(ahead) {
                self.send(Frame::Run(Box::new(RunView::live(run)))).await?;
            }
        }
        Ok(())
    }

    async fn send(&self, frame: Frame) -> Result<(), Gone> {
        self.frames.send(frame).await.map_err(|_| Gone)
    }

    fn follow(&mut self, run: RunId, engine: EngineId) {
        if self.followed.contains(&run) {
            return;
        }
        // The desk knows nothing of a run of the last daemon, but tells its end.
        let Some(reader) = self.door.follow(run, 0) else { return };
        self.followed.insert(run);
        let (door, frames) = (self.door.clone(), self.frames.clone());
        self.followers.spawn(async move {
            // An error says that the browser is gone; then there is nobody to tell.
            follow(&door, reader, run, &engine, &frames).await.unwrap_or(());
        });
    }
}

/// Returns what was said as a frame; `None` when it is told otherwise.
fn said(event: LocalEvent) -> Option<Frame> {
    Some(match event {
        LocalEvent::Said { upstream, text, at, .. } => {
            Frame::Item(Item::Message { upstream, inbox: None, text, at })
        }
        LocalEvent::Sent { message, body, at, .. } => {
            let rendered = Rendered::body(&body);
            Frame::Item(Item::Note { message, body: rendered, buttons: body.buttons, at })
        }
        LocalEvent::Edited { message, body, .. } => {
            Frame::Edited { message, body: Rendered::body(&body), buttons: body.buttons }
        }
        LocalEvent::Deleted { message, .. } => Frame::Deleted { message },
        LocalEvent::Desk { .. } | LocalEvent::Missed => return None,
    })
}

/// Paints one run until its end.
async fn follow(
    door: &Door,
    mut reader: Follow,
    run: RunId,
    engine: &EngineId,
    frames: &mpsc::Sender<Frame>,
) -> Result<(), Gone> {
    let catalogue = door.catalogue();
    let mut painter = Painter::new();
    while let Some(first) = reader.next().await {
        let mut end = painter.fold(first);
        for _ in 0..MAX_FOLD {
            let next = tokio::select! {
                biased;
                next = reader.next() => next,
                () = std::future::ready(()) => break,
            };
            let Some(next) = next else { break };
            end = painter.fold(next);
        }
        let paint = painter.take();
        let answer = paint.answer.as_deref().and_then(|answer| answered(catalogue, engine, answer));
        let resume = resume(catalogue, engine, paint.session.as_ref());
        let elapsed_ms = Some(paint.elapsed_ms);
        // A run that ends without a word, such as one cancelled while it waited, has nothing to paint.
        if end.is_none() || !paint.is_empty() {
            let painted = Frame::Paint(Box::new(Painted { run, paint, answer, resume }));
            frames.send(painted).await.map_err(|_| Gone)?;
        }
        if let Some(end) = end {
            let view = RunView { elapsed_ms, ..RunView::ended(run, engine, &end, catalogue) };
            return frames.send(Frame::Run(Box::new(view))).await.map_err(|_| Gone);
        }
        tokio::time::sleep(PAINT_GAP).await;
    }
    Ok(())
}

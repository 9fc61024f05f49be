//! Serves the control socket: every client gets a peer, every method goes to the local door.
//!
//! Decides nothing about messages or runs. A client that is slow gets snapshots, one that says too much is
//! hung up on; the house never waits for any of them.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use takopi_core::desk::Desk;
use takopi_core::message::Inbound;
use takopi_core::port::ledger::{Conversation, Said};
use takopi_local::{ConversationId, Door, LocalError, Submit};
use takopi_stdio::Lines;
use takopi_stdio::rpc::{Limits, Peer, RpcError, Service, peer};
use tokio::net::UnixStream;
use tokio::sync::{Semaphore, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;
use uuid::Uuid;

use super::follow::{FollowError, Search, Teller, follow, text_of};
use super::pairing::Codes;
use super::socket::Socket;
use super::wire::{
    Cancel, Cancelled, ConversationLine, ConversationQuery, Follow, Hello, HistoryQuery, Line, NOT_FOUND,
    NOT_NOW, OTHER_PROTOCOL, PROTOCOL, REFUSED, Renew, Renewed, RunLine, Status, Yielded, method,
};
use crate::lock::Host;

/// Clients at a time: terminals and scripts of one person. Each may hold some megabytes at worst.
const MAX_CLIENTS: usize = 64;

/// Bytes a client may say in one line: the longest message, with room for escapes.
const MAX_LINE_BYTES: usize = 2 << 20;

/// What a connection may hold. A line from us carries an answer, which engines bound.
pub(super) const LIMITS: Limits = Limits {
    max_line_bytes: 32 << 20,
    queued_lines: 64,
    pending_calls: 64,
    served_requests: 32,
    // A terminal stopped with Ctrl-Z; it connects again when it goes on.
    write_timeout: Duration::from_secs(60),
    explain_timeout: Duration::from_secs(1),
};

/// How long to leave a system alone that has no file descriptor for another client.
const BREATHER: Duration = Duration::from_millis(200);

/// How long clients get to hear the end of what they follow, and then to go.
const FAREWELL: Duration = Duration::from_millis(500);

/// How long a submitted message may be undecided and still keep the house from being handed over.
const DECISION: Duration = Duration::from_secs(30);

/// The house, as its control socket needs it.
#[async_trait]
pub(crate) trait Hosted: Send + Sync + 'static {
    /// Returns the way in.
    fn door(&self) -> &Door;

    /// Returns the desk behind it.
    fn desk(&self) -> &Desk;

    /// Returns how it is.
    async fn status(&self) -> Status;

    /// Has the plugins of these folders begin anew; returns the distributions of those that do.
    async fn renew(&self, folders: &[PathBuf]) -> Vec<String>;
}

/// The serving end of a control socket.
pub(crate) struct Server {
    hosted: Arc<dyn Hosted>,
    host: Host,
    /// Messages that are durable and not decided on yet: as good as a run.
    undecided: TaskTracker,
    /// Nothing is let in: the house may be about to be handed over.
    yielding: AtomicBool,
    /// Fires when the house is to be handed over.
    handover: CancellationToken,
    /// What clients follow.
    following: TaskTracker,
    /// Nobody new is let in, and everybody goes once they have read what is said to them.
    parting: CancellationToken,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Server {
    /// Returns a server that ends with [`Server::part`]. When it is `chat` that hosts, `handover` fires once a
    /// daemon has asked for an idle house.
    pub(crate) fn new(hosted: Arc<dyn Hosted>, host: Host, handover: CancellationToken) -> Arc<Self> {
        Arc::new(Self {
            hosted,
            host,
            undecided: TaskTracker::new(),
            yielding: AtomicBool::new(false),
            handover,
            following: TaskTracker::new(),
            parting: CancellationToken::new(),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        })
    }

    /// Begins to serve everyone who connects.
    pub(crate) fn open(self: &Arc<Self>, socket: Socket) {
        let server = self.clone();
        self.tasks.spawn(async move { server.serve(socket).await });
    }

    /// Lets everyone hear the end of what they follow, then hangs up; returns whether all went in time.
    /// Call it when nothing runs any more.
    pub(crate) async fn part(&self) -> bool {
        self.following.close();
        let heard = tokio::time::timeout(FAREWELL, self.following.wait()).await.is_ok();
        self.parting.cancel();
        self.tasks.close();
        let gone = tokio::time::timeout(FAREWELL, self.tasks.wait()).await.is_ok();
        self.stop.cancel();
        heard && gone
    }

    async fn serve(self: Arc<Self>, socket: Socket) {
        let room = Arc::new(Semaphore::new(MAX_CLIENTS));
        loop {
            let accepted = tokio::select! {
                () = self.parting.cancelled() => return,
                accepted = socket.accept() => accepted,
            };
            match accepted {
                Ok(Some(stream)) => match room.clone().try_acquire_owned() {
                    Ok(place) => {
                        let server = self.clone();
                        self.tasks.spawn(async move {
                            server.attend(stream).await;
                            drop(place);
                        });
                    }
                    Err(_) => {
                        tracing::warn!(limit = MAX_CLIENTS, "too many control clients; one was hung up on")
                    }
                },
                Ok(None) => tracing::warn!("another user tried to open the control socket"),
                Err(error) => {
                    tracing::warn!(%error, "a control client could not connect");
                    tokio::select! {
                        () = self.parting.cancelled() => return,
                        () = tokio::time::sleep(BREATHER) => {}
                    }
                }
            }
        }
    }

    async fn attend(self: Arc<Self>, stream: UnixStream) {
        let (reader, writer) = stream.into_split();
        let (peer, wire) = peer(LIMITS);
        let client = Arc::new(Client {
            server: self.clone(),
            peer: peer.clone(),
            greeted: AtomicBool::new(false),
            codes: Codes::default(),
        });
        let lines = Lines::new(reader, MAX_LINE_BYTES);
        let run = wire.run(lines, writer, client, &self.tasks, &self.stop, async { String::new() });
        tokio::pin!(run);
        let closed = tokio::select! {
            closed = &mut run => closed,
            () = self.parting.cancelled() => {
                // What is in its queue is still written.
                peer.close();
                run.await
            }
        };
        tracing::debug!(%closed, "control client gone");
    }

    /// Returns the runs that keep the house from being handed over.
    fn busy(&self) -> Vec<RunLine> {
        self.hosted.door().runs().into_iter().map(RunLine::from).collect()
    }

    async fn submit(&self, mut submit: Submit) -> Result<Value, RpcError> {
        if submit.dir.as_ref().is_some_and(|dir| !dir.is_absolute()) {
            return Err(RpcError::invalid_params("dir must be absolute"));
        }
        // Counted before it is looked at, so that a hand-over either sees this message or refuses it.
        let undecided = self.undecided.token();
        if self.yielding.load(Ordering::SeqCst) {
            return Err(RpcError::new(NOT_NOW, "takopi is being handed over to the daemon"));
        }
        let door = self.hosted.door();
        let conversation = *submit.conversation.get_or_insert_with(ConversationId::mint);
        let message = submit.client_id.get_or_insert_with(|| Uuid::new_v4().to_string()).clone();
        let (told, decided) = oneshot::channel();
        // Not on this request's time: the client may submit the next message.
        let decision = decision(door.clone(), conversation, message, undecided, told);
        let parting = self.parting.clone();
        let decision = self.tasks.spawn(async move {
            tokio::select! {
                () = decision => {}
                () = parting.cancelled() => {}
            }
        });
        // It listens before the message is in.
        if decided.await.is_err() {
            tracing::debug!("nobody waits for the decision");
        }
        let submitted = door.submit(submit).await.map_err(|error| {
            decision.abort();
            refusal(error)
        })?;
        json(&submitted)
    }

    async fn history(&self, query: HistoryQuery) -> Result<Value, RpcError> {
        let said = self.hosted.door().history(query.conversation, None, query.limit.min(1000)).await;
        json(&said.map_err(refusal)?.into_iter().filter_map(line_of).collect::<Vec<_>>())
    }

    async fn conversations(&self, query: ConversationQuery) -> Result<Value, RpcError> {
        let all = self.hosted.door().conversations(query.limit.min(1000)).await.map_err(refusal)?;
        let line = |(conversation, row): (_, Conversation)| ConversationLine {
            conversation,
            title: row.title,
            last_at: row.last_at,
        };
        json(&all.into_iter().map(line).collect::<Vec<_>>())
    }

    fn hand_over(&self) -> Result<Value, RpcError> {
        if self.host == Host::Daemon {
            return Err(RpcError::new(REFUSED, "a daemon keeps its ledger; stop it with SIGTERM"));
        }
        // First nothing new is let in, then what is there is looked at; if it is something, all goes on.
        self.yielding.store(true, Ordering::SeqCst);
        let undecided = !self.undecided.is_empty();
        // Commands first: one of them may begin a run meanwhile, which is then seen.
        let commands = self.hosted.desk().commands_under_way();
        let busy = self.busy();
        if undecided || !busy.is_empty() || !commands.is_empty() {
            self.yielding.store(false, Ordering::SeqCst);
        } else {
            self.handover.cancel();
        }
        json(&Yielded { undecided, busy, commands })
    }
}

/// Holds `undecided` until the desk has decided on a message, or takes too long to be waited for.
async fn decision(
    door: Door,
    conversation: ConversationId,
    message: String,
    undecided: TaskTrackerToken,
    listening: oneshot::Sender<()>,
) {
    let mut search = Search::begin(&door, conversation, message);
    if listening.send(()).is_err() {
        return;
    }
    match tokio::time::timeout(DECISION, search.fate(None)).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => tracing::debug!(%error, "the decision on a message was not seen"),
        Err(_) => tracing::debug!("a message stays undecided"),
    }
    drop(undecided);
}

/// One client.
struct Client {
    server: Arc<Server>,
    peer: Peer,
    greeted: AtomicBool,
    codes: Codes,
}

#[async_trait]
impl Service for Client {
    async fn request(
        &self,
        method: &str,
        params: Value,
        cancel: CancellationToken,
    ) -> Result<Value, RpcError> {
        if method == method::HELLO {
            return self.greet(&read(params)?);
        }
        if !self.greeted.load(Ordering::Relaxed) {
            return Err(RpcError::new(RpcError::INVALID_REQUEST, "say hello first"));
        }
        let server = &self.server;
        if let Some(answer) = self.codes.request(server.hosted.desk(), method, &params, &cancel).await {
            return answer;
        }
        match method {
            method::SUBMIT => server.submit(read(params)?).await,
            method::FOLLOW => self.follow(read(params)?, cancel).await,
            method::CANCEL => {
                let Cancel { run } = read(params)?;
                json(&Cancelled { cancelled: server.hosted.door().cancel(run) })
            }
            method::HISTORY => server.history(read(params)?).await,
            method::CONVERSATIONS => server.conversations(read(params)?).await,
            method::STATUS => json(&server.hosted.status().await),
            method::YIELD => server.hand_over(),
            method::RENEW => {
                let Renew { folders } = read(params)?;
                json(&Renewed { distributions: server.hosted.renew(&folders).await })
            }
            _ => Err(RpcError::unknown_method(method)),
        }
    }

    async fn notify(&self, method: &str, _params: Value) {
        tracing::debug!(method, "a control client told something that nobody listens to");
    }
}

impl Client {
    fn greet(&self, hello: &Hello) -> Result<Value, RpcError> {
        let ours = Hello::ours(Some(self.server.host));
        if hello.protocol != PROTOCOL {
            let problem = format!(
                "takopi {} speaks version {PROTOCOL} of the control protocol, takopi {} version {}: restart the older one",
                ours.version, hello.version, hello.protocol
            );
            return Err(RpcError::new(OTHER_PROTOCOL, problem));
        }
        self.greeted.store(true, Ordering::Relaxed);
        json(&ours)
    }

    async fn follow(&self, what: Follow, cancel: CancellationToken) -> Result<Value, RpcError> {
        let door = self.server.hosted.door();
        let teller = Teller { peer: self.peer.clone(), id: what.id };
        let _following = self.server.following.token();
        let followed = tokio::select! {
            followed = follow(door, what.subject, what.from_seq, &teller) => followed,
            () = cancel.cancelled() => return Err(RpcError::cancelled()),
        };
        match followed {
            Ok(()) => Ok(Value::Null),
            Err(error @ FollowError::NoRun(_)) => Err(RpcError::new(NOT_FOUND, error.to_string())),
            Err(error @ FollowError::NotNow) => Err(RpcError::new(NOT_NOW, error.to_string())),
            Err(FollowError::Local(error)) => Err(refusal(error)),
            Err(FollowError::Gone(error)) => Err(RpcError::new(RpcError::INTERNAL, error.to_string())),
        }
    }
}

fn line_of(said: Said) -> Option<Line> {
    match said {
        Said::Inbound { inbound, at, .. } => match *inbound {
            Inbound::Message(message) => Some(Line::Person { text: message.text, at }),
            _ => None,
        },
        Said::Run(row) => Some(Line::Run {
            run: row.opened.id,
            engine: row.opened.engine,
            outcome: row.outcome,
            answer: row.answer,
        }),
        Said::Post(row) => {
            Some(Line::House { text: row.post.parts.iter().map(text_of).collect::<Vec<_>>().join("\n\n") })
        }
    }
}

fn refusal(error: LocalError) -> RpcError {
    let code = match error {
        LocalError::Refused(_) => REFUSED,
        LocalError::NotReceiving => NOT_NOW,
        _ => RpcError::INTERNAL,
    };
    RpcError::new(code, error.to_string())
}

pub(super) fn read<T: DeserializeOwned>(params: Value) -> Result<T, RpcError> {
    serde_json::from_value(params).map_err(RpcError::invalid_params)
}

pub(super) fn json<T: Serialize>(result: &T) -> Result<Value, RpcError> {
    serde_json::to_value(result).map_err(|error| RpcError::new(RpcError::INTERNAL, error.to_string()))
}

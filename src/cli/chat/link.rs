//! The terminal's way to the house: a connection to whoever holds the ledger, or to the house that this
//! process hosts because nobody does. Either way it is the same client.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::cli::serve::{count, refusal};
use crate::config;
use crate::control::client::Client;
use crate::hosting::{self, Hosting};
use crate::lock::{self, Host, Lock, LockError};
use crate::logs::Logs;
use crate::place::Place;
use crate::report::{Failure, remark};
use crate::signals::Signals;

/// How long to try to reach a house that is starting, closing or being handed over.
const REACH: Duration = Duration::from_secs(20);

/// How often.
const TRY_EVERY: Duration = Duration::from_millis(30);

/// How long a daemon that asked for the house gets to take it, before this process hosts it again.
const HANDOVER: Duration = Duration::from_secs(3);

/// How long runs get to end when a hosted house is closed.
const GRACE: Duration = Duration::from_secs(10);

/// The way to the house.
pub(super) struct Link {
    place: Place,
    logs: Logs,
    tasks: TaskTracker,
    client: Arc<Client>,
    hosted: Option<Hosted>,
}

/// The house that this process hosts, in the care of a task of its own.
struct Hosted {
    /// Ends it once it is idle.
    finish: CancellationToken,
    /// Ends it at once.
    abandon: CancellationToken,
    /// A daemon has asked for it.
    handover: CancellationToken,
    /// It is closed and its lock given up.
    closed: CancellationToken,
}

impl Link {
    /// Connects, or hosts the house.
    ///
    /// # Errors
    /// With what was attempted and what to do.
    pub(super) async fn open(place: Place, logs: Logs) -> Result<Self, Failure> {
        let tasks = TaskTracker::new();
        let (client, hosted) = reach(&place, &logs, &tasks, Duration::ZERO).await?;
        Ok(Self { place, logs, tasks, client: Arc::new(client), hosted })
    }

    /// Returns the connection.
    pub(super) fn client(&self) -> Arc<Client> {
        self.client.clone()
    }

    /// Makes a new connection, should the old one have been lost: to the same house, to the daemon it was
    /// handed over to, or to a house of our own.
    ///
    /// # Errors
    /// When none could be made for too long.
    pub(super) async fn renew(&mut self) -> Result<(), Failure> {
        let mut leave_to_daemon = Duration::ZERO;
        if let Some(hosted) = self.hosted.take_if(|hosted| hosted.handover.is_cancelled()) {
            hosted.closed.cancelled().await;
            leave_to_daemon = HANDOVER;
        }
        let (client, hosted) = reach(&self.place, &self.logs, &self.tasks, leave_to_daemon).await?;
        self.client = Arc::new(client);
        self.hosted = hosted.or(self.hosted.take());
        Ok(())
    }

    /// Leaves. A hosted house stays until the runs of others are over, unless somebody is in a hurry.
    pub(super) async fn leave(self, signals: &mut Signals, hurry: bool) {
        drop(self.client);
        let Some(hosted) = self.hosted else { return };
        if hurry {
            hosted.abandon.cancel();
        }
        hosted.finish.cancel();
        tokio::select! {
            () = hosted.closed.cancelled() => return,
            _ = signals.stop() => hosted.abandon.cancel(),
        }
        tokio::select! {
            () = hosted.closed.cancelled() => {}
            _ = signals.stop() => {}
        }
    }
}

/// Connects to the house, or takes the lock and hosts it; `later` is how long others may take it first.
async fn reach(
    place: &Place,
    logs: &Logs,
    tasks: &TaskTracker,
    later: Duration,
) -> Result<(Client, Option<Hosted>), Failure> {
    let began = Instant::now();
    loop {
        let trouble = match lock::holder(&place.lock()) {
            Some(holder) => match &holder.socket {
                Some(socket) => match Client::connect(socket, tasks).await {
                    Ok(client) => return Ok((client, None)),
                    Err(error) if error.is_passing() => error.to_string(),
                    Err(error) => return Err(Failure::told(error)),
                },
                None => format!("takopi (pid {}) is starting", holder.pid),
            },
            None if began.elapsed() < later => "the daemon is about to start".to_owned(),
            None => match Lock::take(&place.lock(), Host::Chat) {
                Ok(lock) => return host(place, logs, tasks, lock).await,
                Err(LockError::Held(_)) => "another takopi is starting".to_owned(),
                Err(refused) => return Err(refusal(refused, place)),
            },
        };
        if began.elapsed() > REACH {
            return Err(Failure::told(format_args!("takopi cannot be reached: {trouble}"))
                .hint("see who holds it with `takopi status`"));
        }
        tokio::time::sleep(TRY_EVERY).await;
    }
}

/// Hosts the house and connects to it.
async fn host(
    place: &Place,
    logs: &Logs,
    tasks: &TaskTracker,
    lock: Lock,
) -> Result<(Client, Option<Hosted>), Failure> {
    let ready = config::ready(place, &[], logs)?;
    ready.loaded.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    let hosting = Hosting::open(place, lock, Host::Chat, ready, true).await?;
    let client = match Client::connect(hosting.socket(), tasks).await {
        Ok(client) => client,
        Err(error) => {
            hosting.close(GRACE).await;
            return Err(Failure::told(error));
        }
    };
    let hosted = Hosted {
        finish: CancellationToken::new(),
        abandon: CancellationToken::new(),
        handover: hosting.handover().clone(),
        closed: CancellationToken::new(),
    };
    let (finish, abandon, closed) = (hosted.finish.clone(), hosted.abandon.clone(), hosted.closed.clone());
    tasks.spawn(async move {
        keep(hosting, &finish, &abandon).await;
        closed.cancel();
    });
    Ok((client, Some(hosted)))
}

/// Keeps the house until it is asked for, or not needed any more.
async fn keep(hosting: Hosting, finish: &CancellationToken, abandon: &CancellationToken) {
    tokio::select! {
        () = hosting.handover().cancelled() => {}
        () = abandon.cancelled() => {}
        () = idle_after(&hosting, finish) => {}
    }
    let runs = hosting.runs();
    tokio::select! {
        _ = hosting.close(GRACE) => {}
        () = abandon.cancelled(), if !runs.is_empty() => hosting::kill(runs.clone()).await,
    }
}

/// Returns once `finish` has fired and nothing waits or runs.
async fn idle_after(hosting: &Hosting, finish: &CancellationToken) {
    finish.cancelled().await;
    let mut events = hosting.house().watch();
    let mut told = false;
    loop {
        let runs = hosting.runs();
        if runs.is_empty() {
            return;
        }
        if !std::mem::replace(&mut told, true) {
            let runs = count(runs.len(), "run");
            remark(format_args!("other terminals still have {runs} here; waiting (Ctrl-C ends them)"));
        }
        if let Err(RecvError::Closed) = events.recv().await {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use takopi_local::{ConversationId, Submit};

    use super::super::turn::{Ending, say_to};
    use super::super::view::View;
    use super::*;

    fn message(text: &str) -> Submit {
        let client_id = Some(uuid::Uuid::new_v4().to_string());
        let conversation = Some(ConversationId::mint());
        Submit { conversation, text: text.to_owned(), client_id, dir: Some("/".into()), ..Submit::default() }
    }

    async fn answer(link: &mut Link, text: &str) -> String {
        let mut signals = Signals::listen().unwrap();
        match say_to(link, message(text), &mut View::json(), &mut signals).await.unwrap() {
            Ending::Run { end, .. } => end.answer,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn terminals_share_one_house_and_follow_it_to_the_daemon() {
        let dir = tempfile::tempdir().unwrap();
        let config = dir.path().join("takopi.toml");
        std::fs::write(&config, "default_engine = \"shell\"\n").unwrap();
        let place = Place { config, named: true, home: None };
        let open = || Link::open(place.clone(), Logs::default());
        let (first, second) = tokio::join!(open(), open());
        let (mut first, mut second) = (first.unwrap(), second.unwrap());
        assert!(first.hosted.is_some() != second.hosted.is_some(), "exactly one of them hosts");
        assert_eq!(answer(&mut first, "echo one").await, "one");
        assert_eq!(answer(&mut second, "echo two").await, "two");

        // A daemon starts: it asks for the house until it has the lock.
        let lock = loop {
            match Lock::take(&place.lock(), Host::Daemon) {
                Ok(lock) => break lock,
                Err(LockError::Held(Some(holder))) if holder.socket.is_some() => {
                    let tasks = TaskTracker::new();
                    if let Ok(client) = Client::connect(&holder.socket.unwrap(), &tasks).await {
                        drop(client.ask_to_yield().await);
                    }
                }
                Err(_) => tokio::task::yield_now().await,
            }
        };
        let ready = config::ready(&place, &[], &Logs::default()).unwrap();
        let daemon = Hosting::open(&place, lock, Host::Daemon, ready, true).await.unwrap();
        assert_eq!(answer(&mut first, "echo three").await, "three");
        assert_eq!(answer(&mut second, "echo four").await, "four");
        assert!(first.hosted.is_none() && second.hosted.is_none());
        assert_eq!(lock::holder(&place.lock()).unwrap().host, Some(Host::Daemon));

        // The daemon ends: the next message is dealt with all the same.
        assert!(daemon.close(GRACE).await);
        assert_eq!(answer(&mut second, "echo five").await, "five");
        assert!(second.hosted.is_some());
        let mut signals = Signals::listen().unwrap();
        first.leave(&mut signals, false).await;
        second.leave(&mut signals, false).await;
        assert_eq!(lock::holder(&place.lock()), None);
    }
}

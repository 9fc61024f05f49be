//! The server itself, as a test holds it.

mod town;
mod weather;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

use super::calls::Shared;
use super::door;
use super::http;
use super::log::{Call, Log};
use super::people::Asked;
use super::view::{self, Ping, Seen, Shown, Stats, Thread};
use super::world::World;

/// The token of the bot, which is called takopi.
pub const TOKEN: &str = "MTIz.fake.test-token";

/// The id of the bot and of its application.
const BOT: u64 = 900_000_000_000_000_001;

/// How long anything that is waited for may take; nothing here takes that long on the slowest machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A channel or thread, by its id or its name; of several threads of a name the newest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Its id.
    Id(u64),
    /// Its name.
    Named(String),
}

impl From<u64> for Place {
    fn from(id: u64) -> Self {
        Self::Id(id)
    }
}

impl From<&str> for Place {
    fn from(name: &str) -> Self {
        Self::Named(name.to_owned())
    }
}

/// A Discord on loopback, for as long as this value lives. What waits blocks its thread, so that an async test that
/// talks to it in its own process needs more threads than one.
#[derive(Debug)]
pub struct DiscordServer {
    shared: Arc<Shared>,
    address: SocketAddr,
    patience: Duration,
    runtime: Option<Runtime>,
}

impl Drop for DiscordServer {
    fn drop(&mut self) {
        // In the background, as a test may end inside of another runtime.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Starting, and what was called.
impl DiscordServer {
    /// Starts a server on a free port of 127.0.0.1, with a world in it: the guild "Takopi Test" with
    /// #general, #random and a category PROJECTS (#z80, a forum, a voice channel), owned by alice, with bob, mallory and
    /// another bot, helperbot; and a guild of mallory's.
    ///
    /// # Errors
    /// When there is no port or no thread to be had.
    pub async fn start() -> io::Result<Self> {
        // Its own runtime does the work, so that it lives as long as this value whatever runtime waits for it here.
        std::future::ready(Self::begin()).await
    }

    /// Starts a server as [`start`](Self::start) does, with no async around it.
    ///
    /// # Errors
    /// When there is no port or no thread to be had.
    pub fn begin() -> io::Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::new(World::new(BOT)));
        shared.change(|world| {
            world.url = format!("http://{address}");
            world.seed();
        });
        let _inside = runtime.enter();
        let door = door::open(shared.clone(), TcpListener::from_std(listener)?)?;
        let routes = Router::new().fallback(http::serve).with_state(shared.clone());
        let service = routes.into_make_service_with_connect_info::<crate::telegram::wire::Scissors>();
        let served = axum::serve(door, service);
        // It ends with the runtime, and that with this value.
        runtime.spawn(async move { served.await });
        drop(_inside);
        Ok(Self { shared, address, patience: PATIENCE, runtime: Some(runtime) })
    }

    /// Waits this long and not a minute for anything.
    #[must_use]
    pub fn patient_for(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Returns where it listens, as `http://127.0.0.1:PORT`: what `transports.discord.api_url` takes.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the bot's token.
    #[must_use]
    pub const fn token(&self) -> &'static str {
        TOKEN
    }

    /// Returns the id of the bot, which is that of its application, too.
    #[must_use]
    pub const fn bot(&self) -> u64 {
        BOT
    }

    /// Returns what happened so far.
    #[must_use]
    pub fn log(&self) -> Log {
        self.shared.read().log.clone()
    }

    /// Returns every call so far, the oldest first.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.log().calls
    }

    /// Returns who was really notified by messages of the bot.
    #[must_use]
    pub fn pings(&self) -> Vec<Ping> {
        self.shared.read().pings.clone()
    }

    /// Returns what was counted.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let world = self.shared.read();
        let mut stats = world.stats.clone();
        let edits = world.log.of("PATCH /channels/:id/messages/:id").filter(|call| call.succeeded());
        for channel in edits.filter_map(|call| call.channel) {
            *stats.edits.entry(channel).or_default() += 1;
        }
        stats
    }

    /// Waits until `look` finds in the log what it wants. It must not ask the server itself.
    ///
    /// # Panics
    /// With `what` and the whole log, when it doesn't come about.
    #[track_caller]
    pub fn wait_for<T>(&self, what: &str, look: impl Fn(&Log) -> Option<T>) -> T {
        self.wait(what, |world| look(&world.log))
    }

    /// Waits until `look` finds among the messages of a channel what it wants. It must not ask the server itself.
    ///
    /// # Panics
    /// With `what` and the whole log, when it doesn't come about.
    #[track_caller]
    pub fn wait_in<T>(&self, place: impl Into<Place>, what: &str, look: impl Fn(&[Shown]) -> Option<T>) -> T {
        let channel = self.find(place);
        self.wait(what, |world| look(&view::messages(channel, world)))
    }

    /// Waits until there is a thread in a channel on which `look` agrees.
    ///
    /// # Panics
    /// With `what` and the whole log, when it doesn't come about.
    #[track_caller]
    pub fn wait_thread(&self, place: impl Into<Place>, what: &str, look: impl Fn(&Thread) -> bool) -> Thread {
        let channel = self.find(place);
        self.wait(what, |world| view::threads(world, |parent| parent == channel).into_iter().find(&look))
    }

    /// Waits until the bot has a session and hears of everything.
    ///
    /// # Panics
    /// With the whole log, when it doesn't come about.
    #[track_caller]
    pub fn wait_ready(&self) {
        self.wait("the bot at the gateway", |world| {
            world
                .gateway
                .lines
                .values()
                .any(|line| line.session.is_some() && line.outbox.is_empty())
                .then_some(())
        });
    }

    /// Waits until a person sees of what they did what they want.
    ///
    /// # Panics
    /// With `what` and the whole log, when it doesn't come about.
    #[track_caller]
    pub fn wait_seen(&self, id: u64, what: &str, look: impl Fn(&Seen) -> bool) -> Seen {
        self.wait(what, |world| Some(Seen::of(world.interactions.get(&id)?, world)).filter(&look))
    }

    /// Waits for the first answer to what a person did, or until Discord gives it up.
    ///
    /// # Panics
    /// When there was no such interaction.
    #[track_caller]
    pub fn wait_ack(&self, asked: Asked) -> Seen {
        let left = self.must("there was no such interaction", |world| {
            let due = world.interactions.get(&asked.id)?.created + world.settings.ack;
            Some(due.saturating_sub(world.now) + Duration::from_millis(1))
        });
        let answered = |world: &World| {
            world
                .interactions
                .get(&asked.id)
                .filter(|one| one.acked.is_some() || one.failed(world))
                .map(|_| ())
        };
        // Without an answer it is shown as failed.
        self.shared.wait(left.min(self.patience), answered).unwrap_or_default();
        self.seen(asked)
    }

    /// Returns what a person sees now of what they did.
    ///
    /// # Panics
    /// When there was no such interaction.
    #[track_caller]
    #[must_use]
    pub fn seen(&self, asked: Asked) -> Seen {
        self.must("there was no such interaction", |world| {
            Some(Seen::of(world.interactions.get(&asked.id)?, world))
        })
    }

    #[track_caller]
    fn wait<T>(&self, what: &str, look: impl Fn(&World) -> Option<T>) -> T {
        let found = self.shared.wait(self.patience, look);
        found.unwrap_or_else(|| panic!("waited in vain for {what}; there is:\n{}", self.log()))
    }

    #[track_caller]
    pub(super) fn must<T>(&self, what: &str, change: impl FnOnce(&mut World) -> Option<T>) -> T {
        self.shared.change(change).unwrap_or_else(|| panic!("{what}; there is:\n{}", self.log()))
    }

    #[track_caller]
    pub(super) fn find(&self, place: impl Into<Place>) -> u64 {
        let place = place.into();
        let found = match &place {
            Place::Id(id) => Some(*id).filter(|id| self.shared.read().channels.contains_key(id)),
            Place::Named(name) => self.shared.read().channel_named(name),
        };
        found.unwrap_or_else(|| panic!("there is no channel {place:?}"))
    }
}

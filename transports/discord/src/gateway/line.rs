//! One stay on the gateway. serenity keeps the connection, resumes it and identifies anew; its events are taken from
//! a collector, which sees them in order: a handler would get each in a task of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serenity::all::{
    Client, ClientBuilder, ConnectionStage, Context, Event, GatewayError, GatewayIntents, HttpBuilder,
    RawEventHandler, ReadyEvent, ShardId,
};
use serenity::gateway::CollectorCallback;
use takopi_core::port::transport::TransportError;
use takopi_core::settings::Secret;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio_util::sync::CancellationToken;

use crate::intake::Intake;
use crate::transport::Discord;

/// Events that may wait to be looked at. Looking takes no time, so it fills only when this machine stands still; what
/// does not fit is fetched.
const MOST_WAITING: usize = 4096;

/// How often it is looked whether the line stands.
const LOOK: Duration = Duration::from_secs(1);

/// How long it may be down before people who ask are told.
const QUIET_OUTAGE: Duration = Duration::from_secs(3);

/// How long it may be down before it is built up anew, from the first question on. Longer than the library needs to
/// give a session up and start another (about 10 s).
const LONGEST_OUTAGE: Duration = Duration::from_secs(45);

/// Sessions that may be started on one line, and in how long: a line that flaps faster is given up for a while.
const MOST_SESSIONS: usize = 5;
const SESSION_WINDOW: Duration = Duration::from_secs(300);

/// How long the library may take to be set up, and to say good-bye.
const SETUP: Duration = Duration::from_secs(15);
const FAREWELL: Duration = Duration::from_secs(2);

/// What the bot wants to be told of. No list of members: that would need another switch in the portal.
fn intents() -> GatewayIntents {
    GatewayIntents::GUILDS
        | GatewayIntents::GUILD_MESSAGES
        | GatewayIntents::DIRECT_MESSAGES
        | GatewayIntents::MESSAGE_CONTENT
}

/// What comes over the line.
#[derive(Debug)]
pub(crate) enum Signal {
    /// A session has begun: what came before it may be missing.
    Ready(Box<ReadyEvent>),
    /// Something happened, in order.
    Event(Box<Event>),
    /// Something happened that the collector may have been too late for; it may come again.
    Early(Box<Event>),
}

/// Why a stay has ended.
#[derive(Debug)]
pub(super) enum LineEnd {
    Stopped,
    House(TransportError),
    BadToken,
    BadIntents,
    TooLarge,
    Broken(String),
}

/// One stay on the gateway.
#[derive(Debug)]
pub(crate) struct Line<'a> {
    bot: &'a Discord,
    url: &'a str,
}

impl<'a> Line<'a> {
    pub(super) fn new(bot: &'a Discord, url: &'a str) -> Self {
        Self { bot, url }
    }

    /// Stays until it breaks for good or `stop` fires.
    pub(super) async fn stay(self, intake: &mut Intake<'_>, stop: &CancellationToken) -> LineEnd {
        let (out, signals) = mpsc::channel(MOST_WAITING);
        let mouth = Mouth { out, overflowed: Arc::default() };
        let overflowed = mouth.overflowed.clone();
        let built = tokio::select! {
            () = stop.cancelled() => return LineEnd::Stopped,
            () = self.bot.sleep(SETUP) => Err("it could not be set up in time".to_owned()),
            client = client(&self.bot.token, &self.bot.config.api_url, self.url, mouth) => client,
        };
        let mut client = match built {
            Ok(client) => client,
            Err(why) => return LineEnd::Broken(why),
        };
        let shards = client.shard_manager.clone();
        let ended = tokio::select! {
            () = stop.cancelled() => LineEnd::Stopped,
            started = client.start() => end_of(started),
            ended = self.listen(signals, &overflowed, intake) => ended,
            why = self.watch(&shards) => LineEnd::Broken(why),
        };
        tokio::select! {
            () = shards.shutdown_all() => {}
            () = self.bot.sleep(FAREWELL) => {}
        }
        ended
    }

    /// Hands everything on, in its order.
    async fn listen(
        &self,
        mut signals: Receiver<Signal>,
        overflowed: &AtomicBool,
        intake: &mut Intake<'_>,
    ) -> LineEnd {
        let mut sessions = Vec::new();
        loop {
            let signal = tokio::select! {
                signal = signals.recv() => signal,
                worked = intake.work() => match worked {
                    Ok(()) => continue,
                    Err(error) => return LineEnd::House(error),
                },
            };
            let Some(signal) = signal else { return LineEnd::Broken("the line is closed".to_owned()) };
            if matches!(signal, Signal::Ready(_)) {
                let now = self.bot.moment();
                sessions.retain(|begun| now.since(*begun) < SESSION_WINDOW);
                sessions.push(now);
                if sessions.len() > MOST_SESSIONS {
                    return LineEnd::Broken("sessions end too often".to_owned());
                }
            }
            intake.take(signal);
            if overflowed.swap(false, Ordering::AcqRel) {
                intake.missed_something();
            }
        }
    }

    /// Looks whether the line stands. Returns why it is to be given up.
    async fn watch(&self, shards: &serenity::all::ShardManager) -> String {
        let mut down_since = Some(self.bot.moment());
        loop {
            self.bot.sleep(LOOK).await;
            let stage = shards.runners.lock().await.get(&ShardId(0)).map(|runner| runner.stage);
            if stage == Some(ConnectionStage::Connected) {
                down_since = None;
                self.bot.set_trouble(None);
                continue;
            }
            let since = *down_since.get_or_insert_with(|| self.bot.moment());
            let down = self.bot.moment().since(since);
            if down >= LONGEST_OUTAGE {
                return format!("it did not come back in {} s", LONGEST_OUTAGE.as_secs());
            }
            if down >= QUIET_OUTAGE {
                let text = format!("Discord's gateway has been away for {} s", down.as_secs());
                self.bot.set_trouble(Some(text));
            }
        }
    }
}

/// Sets the library up. It must make no request but to `api_url`: with its own rate limiter it would ignore the proxy
/// and ask discord.com.
///
/// # Errors
/// Why that cannot be done.
pub(crate) async fn client(
    token: &Secret,
    api_url: &str,
    url: &str,
    handler: impl RawEventHandler + 'static,
) -> Result<Client, String> {
    let http = reqwest::Client::builder()
        .timeout(SETUP)
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(|error| error.without_url().to_string())?;
    let http =
        HttpBuilder::new(token.reveal()).client(http).proxy(api_url).ratelimiter_disabled(true).build();
    let client = ClientBuilder::new_with_http(http, intents()).raw_event_handler(handler).await;
    let client = client.map_err(|error| error.to_string())?;
    url.clone_into(&mut *client.ws_url.lock().await);
    Ok(client)
}

fn end_of(started: serenity::Result<()>) -> LineEnd {
    match started {
        Err(serenity::Error::Gateway(
            GatewayError::InvalidAuthentication | GatewayError::NoAuthentication,
        )) => LineEnd::BadToken,
        Err(serenity::Error::Gateway(
            GatewayError::DisallowedGatewayIntents | GatewayError::InvalidGatewayIntents,
        )) => LineEnd::BadIntents,
        Err(serenity::Error::Gateway(GatewayError::OverloadedShard)) => LineEnd::TooLarge,
        Err(error) => LineEnd::Broken(error.to_string()),
        Ok(()) => LineEnd::Broken("the library has ended it".to_owned()),
    }
}

/// Where events come out of the library.
#[derive(Clone)]
struct Mouth {
    out: Sender<Signal>,
    overflowed: Arc<AtomicBool>,
}

impl Mouth {
    /// Hands a signal on; returns whether somebody listens.
    fn put(&self, signal: Signal) -> bool {
        match self.out.try_send(signal) {
            Ok(()) => true,
            Err(mpsc::error::TrySendError::Full(_)) => {
                self.overflowed.store(true, Ordering::Release);
                true
            }
            Err(mpsc::error::TrySendError::Closed(_)) => false,
        }
    }
}

#[serenity::async_trait]
impl RawEventHandler for Mouth {
    async fn raw_event(&self, context: Context, event: Event) {
        match event {
            // A new session has a new list of collectors; a resumed one keeps its own.
            Event::Ready(ready) => {
                self.put(Signal::Ready(Box::new(ready)));
                let mouth = self.clone();
                let collect = move |event: &Event| mouth.put(Signal::Event(Box::new(event.clone())));
                context.shard.add_collector(CollectorCallback(Box::new(collect)));
            }
            // These follow READY so closely that the collector may not have been there, and nothing fetches them.
            early @ (Event::GuildCreate(_) | Event::InteractionCreate(_)) => {
                self.put(Signal::Early(Box::new(early)));
            }
            Event::Unknown(unknown) if unknown.kind == "GUILD_CREATE" => {
                self.put(Signal::Early(Box::new(Event::Unknown(unknown))));
            }
            _ => {}
        }
    }
}

//! Staying connected to the gateway: asks where it is and whether another session may be started, connects, and
//! comes back after a while when that ends. What comes in over the line is `gateway/line.rs`, and what is done with
//! it is `intake.rs`.

mod line;

use std::time::Duration;

use serde::Deserialize;
use takopi_core::desk::Inbox;
use takopi_core::port::transport::TransportError;
use takopi_core::time::Moment;
use tokio_util::sync::CancellationToken;

pub(crate) use line::{Signal, client};

use crate::api::{Call, CallError};
use crate::intake::Intake;
use crate::route::Route;
use crate::transport::Discord;
use line::{Line, LineEnd};

/// Pause before the gateway is tried again: doubles from the first to the last.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LAST_PAUSE: Duration = Duration::from_secs(60);

/// How long a line must have stood for the pauses to begin anew.
const GOOD_LINE: Duration = Duration::from_secs(60);

/// Sessions that are left for other programs of the bot, and for a start by hand: Discord takes a token away that
/// starts more than its number a day (1000; Discord, "Session Start Limit").
const SPARED_STARTS: u64 = 5;

/// Where the gateway is (Discord, "Get Gateway Bot").
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Entrance {
    url: String,
    session_start_limit: Starts,
}

/// How many sessions may still be started.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Starts {
    remaining: u64,
    /// Milliseconds.
    reset_after: u64,
}

impl Starts {
    /// Returns how long to wait before another session is started.
    fn wait(&self) -> Option<Duration> {
        (self.remaining <= SPARED_STARTS).then(|| Duration::from_millis(self.reset_after))
    }
}

/// Keeps the bot connected.
#[derive(Debug)]
pub(crate) struct Gateway<'a> {
    bot: &'a Discord,
    stop: &'a CancellationToken,
    pause: Duration,
}

/// What to do next.
enum Next {
    Wait(Duration),
    End(TransportError),
}

impl<'a> Gateway<'a> {
    pub(crate) fn new(bot: &'a Discord, stop: &'a CancellationToken) -> Self {
        Self { bot, stop, pause: FIRST_PAUSE }
    }

    /// Receives until `stop` fires.
    ///
    /// # Errors
    /// [`TransportError::Fatal`] when Discord will not let the bot in, [`TransportError::Broken`] when the house
    /// will not have what comes.
    pub(crate) async fn keep(mut self, inbox: &Inbox) -> Result<(), TransportError> {
        let mut intake = Intake::new(self.bot, inbox, self.stop);
        intake.begin().await?;
        while !self.stop.is_cancelled() {
            match self.connect(&mut intake).await {
                Next::End(error) => return Err(error),
                Next::Wait(pause) => self.pass(pause, &mut intake).await?,
            }
        }
        intake.finish().await;
        Ok(())
    }

    /// Waits, while what has come is taken in.
    async fn pass(&self, pause: Duration, intake: &mut Intake<'_>) -> Result<(), TransportError> {
        let over = self.bot.sleep(pause);
        tokio::pin!(over);
        loop {
            tokio::select! {
                () = self.stop.cancelled() => return Ok(()),
                () = &mut over => return Ok(()),
                worked = intake.work() => worked?,
            }
        }
    }

    /// Connects once and stays for as long as that holds.
    async fn connect(&mut self, intake: &mut Intake<'_>) -> Next {
        let entrance = tokio::select! {
            () = self.stop.cancelled() => return Next::Wait(Duration::ZERO),
            entrance = self.entrance() => entrance,
        };
        let entrance = match entrance {
            Ok(entrance) => entrance,
            Err(next) => return next,
        };
        let since = self.bot.moment();
        let ended = Line::new(self.bot, &entrance.url).stay(intake, self.stop).await;
        self.after(ended, since)
    }

    /// Asks where the gateway is.
    async fn entrance(&mut self) -> Result<Entrance, Next> {
        let instance = &self.bot.instance;
        let answer = match self.bot.api.call(Call::get(Route::gateway())).await {
            Ok(answer) => answer,
            Err(CallError::Refused { status: 401, .. }) => {
                return Err(Next::End(TransportError::Fatal(self.bot.unknown_token_text())));
            }
            Err(CallError::Limited { after, .. }) => return Err(Next::Wait(after)),
            Err(error) => {
                let pause = self.longer();
                tracing::warn!(%instance, %error, pause_ms = pause.as_millis(), "the gateway could not be asked for");
                self.bot.set_trouble(Some(format!("Discord cannot be reached: {error}")));
                return Err(Next::Wait(pause));
            }
        };
        let entrance: Entrance = match serde_json::from_value(answer.body) {
            Ok(entrance) => entrance,
            Err(error) => {
                let pause = self.longer();
                tracing::warn!(%instance, kind = ?error.classify(), "nobody can read where the gateway is");
                self.bot.set_trouble(Some("Discord does not say where its gateway is".to_owned()));
                return Err(Next::Wait(pause));
            }
        };
        if let Some(wait) = entrance.session_start_limit.wait() {
            let minutes = wait.as_secs().div_ceil(60);
            tracing::error!(%instance, minutes, "too many sessions of this bot were started today");
            self.bot.set_trouble(Some(format!(
                "this bot has started too many sessions today, so takopi waits {minutes} min; stop other programs \
                 that use its token"
            )));
            return Err(Next::Wait(wait));
        }
        Ok(entrance)
    }

    fn after(&mut self, ended: LineEnd, since: Moment) -> Next {
        let instance = &self.bot.instance;
        if self.bot.moment().since(since) >= GOOD_LINE {
            self.pause = FIRST_PAUSE;
        }
        match ended {
            LineEnd::Stopped => Next::Wait(Duration::ZERO),
            LineEnd::House(error) => Next::End(error),
            LineEnd::BadToken => Next::End(TransportError::Fatal(self.bot.unknown_token_text())),
            LineEnd::BadIntents => Next::End(TransportError::Fatal(self.bot.bad_intents_text())),
            LineEnd::TooLarge => Next::End(TransportError::Fatal(
                "this bot is in more servers than one connection may serve (2500); let it leave some"
                    .to_owned(),
            )),
            LineEnd::Broken(why) => {
                let pause = self.longer();
                tracing::warn!(%instance, why, pause_ms = pause.as_millis(), "the gateway is away");
                self.bot.set_trouble(Some(format!("Discord's gateway is away: {why}")));
                Next::Wait(pause)
            }
        }
    }

    fn longer(&mut self) -> Duration {
        let pause = self.pause;
        self.pause = (pause * 2).min(LAST_PAUSE);
        pause
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn no_session_is_started_when_few_are_left_today() {
        let starts = |remaining| {
            let limit =
                json!({"total": 1000, "remaining": remaining, "reset_after": 90_000, "max_concurrency": 1});
            let entrance = json!({"url": "wss://gateway", "shards": 1, "session_start_limit": limit});
            serde_json::from_value::<Entrance>(entrance).unwrap().session_start_limit.wait()
        };
        assert_eq!((starts(1000), starts(6)), (None, None));
        assert_eq!(starts(5), Some(Duration::from_secs(90)));
    }
}

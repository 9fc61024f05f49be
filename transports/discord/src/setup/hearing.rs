//! Hearing a person before any house serves the bot: a short session at the gateway, for the code of `takopi onboard`.

use std::time::Duration;

use serde_json::Value;
use serenity::all::{Context, Event, GatewayError, Message, RawEventHandler};
use tokio::sync::mpsc::{self, Sender};

use super::asking::{Setup, SetupError};
use super::{Ask, text};
use crate::gateway;

/// Messages that may wait to be looked at: a code comes alone.
const MOST_WAITING: usize = 256;

/// How long the session may take to end.
const FAREWELL: Duration = Duration::from_secs(2);

/// What somebody wrote where the bot could read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// Who, as an id.
    pub person: String,
    /// Their name.
    pub name: String,
    /// The channel or thread it is in.
    pub channel: String,
    /// The server; `None` in direct messages.
    pub guild: Option<String>,
    /// What was written.
    pub text: String,
}

struct Ear(Sender<Heard>);

#[serenity::async_trait]
impl RawEventHandler for Ear {
    async fn raw_event(&self, _context: Context, event: Event) {
        if let Event::MessageCreate(created) = event
            && let Some(heard) = heard(&created.message)
            && self.0.try_send(heard).is_err()
        {
            tracing::debug!("a message was not looked at: there are too many");
        }
    }
}

/// Returns what a person wrote; nothing of what bots did.
fn heard(message: &Message) -> Option<Heard> {
    (!message.author.bot && message.webhook_id.is_none()).then(|| Heard {
        person: message.author.id.to_string(),
        name: message.author.name.clone(),
        channel: message.channel_id.to_string(),
        guild: message.guild_id.map(|guild| guild.to_string()),
        text: message.content.clone(),
    })
}

impl Setup {
    /// Stays at the gateway until a person writes what is `wanted`. It takes one of the sessions that the bot may start
    /// in a day, and has no end of its own.
    ///
    /// # Errors
    /// [`SetupError::Deaf`] while the bot may not read messages, [`SetupError`] when the gateway ends it.
    pub async fn hear(&self, wanted: impl Fn(&Heard) -> bool) -> Result<Heard, SetupError> {
        let unclear = || SetupError::Failed("Discord does not say where its gateway is".to_owned());
        let entrance: Value = self.ask(Ask::Gateway).await?;
        let url = text(&entrance, "url").ok_or_else(unclear)?;
        let (out, mut waiting) = mpsc::channel(MOST_WAITING);
        let mut client = gateway::client(&self.token, &self.server, &url, Ear(out))
            .await
            .map_err(|why| SetupError::Failed(format!("Discord's gateway: {why}")))?;
        let shards = client.shard_manager.clone();
        let found = async {
            loop {
                match waiting.recv().await {
                    Some(heard) if wanted(&heard) => return Ok(heard),
                    Some(_) => {}
                    None => return Err(SetupError::Failed("Discord's gateway is gone".to_owned())),
                }
            }
        };
        let ended = tokio::select! {
            found = found => found,
            started = client.start() => Err(match started {
                Err(serenity::Error::Gateway(
                    GatewayError::DisallowedGatewayIntents | GatewayError::InvalidGatewayIntents,
                )) => SetupError::Deaf,
                Err(serenity::Error::Gateway(
                    GatewayError::InvalidAuthentication | GatewayError::NoAuthentication,
                )) => SetupError::Token(self.server.clone()),
                Err(error) => SetupError::Failed(format!("Discord's gateway: {error}")),
                Ok(()) => SetupError::Failed("Discord's gateway has ended the session".to_owned()),
            }),
        };
        // Discord ends what is left of it by itself.
        drop(tokio::time::timeout(FAREWELL, shards.shutdown_all()).await);
        ended
    }
}

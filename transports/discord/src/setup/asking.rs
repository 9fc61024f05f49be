//! The questions of a set-up, asked over the REST API.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};
use takopi_core::settings::Secret;
use tokio_util::sync::CancellationToken;

use super::{Ask, Guild, Starts, Who, guilds, missing_in, parent, read_starts, who};
use crate::api::{Api, Call, CallError, DISCORD};
use crate::error::DiscordError;
use crate::route::Route;

/// How long Discord may take over a question, with what it wants to be waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// A bot that no house serves yet.
#[derive(Debug)]
pub struct Setup {
    api: Api,
    pub(super) token: Secret,
    pub(super) server: String,
}

/// Where channels and threads are; what is gone is in neither.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Parents {
    /// The channel in which each thread is, by the thread's id; `None` for what is a channel itself.
    pub of: BTreeMap<String, Option<String>>,
    /// Those that the bot may not see now.
    pub hidden: BTreeSet<String>,
}

/// Why a bot could not be asked about. Texts never hold the token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// The token is nobody's.
    #[error("{0} does not know this bot token")]
    Token(String),
    /// It may not read what people write.
    #[error("Discord does not let this bot read messages")]
    Deaf,
    /// What was asked about is gone, or the bot may not see it.
    #[error("Discord does not show it to the bot")]
    Hidden,
    /// Something else.
    #[error("{0}")]
    Failed(String),
}

impl Setup {
    /// Returns the bot of `token` at the server `url`, Discord's own where that is `None`.
    ///
    /// # Errors
    /// [`DiscordError`] when this is no token or no address.
    pub fn new(url: Option<&str>, token: &Secret) -> Result<Self, DiscordError> {
        let server = url.unwrap_or(DISCORD);
        Ok(Self { api: Api::new(server, token.clone())?, token: token.clone(), server: server.to_owned() })
    }

    /// Returns who the bot is.
    ///
    /// # Errors
    /// [`SetupError`].
    pub async fn who(&self) -> Result<Who, SetupError> {
        who(async |ask| self.ask(ask).await, |why| SetupError::Failed(why.to_owned())).await
    }

    /// Returns the servers the bot is in.
    ///
    /// # Errors
    /// [`SetupError`].
    pub async fn guilds(&self) -> Result<Vec<Guild>, SetupError> {
        guilds(async |ask| self.ask(ask).await).await
    }

    /// Returns what the bot lacks in a channel, in the words of Discord's client. Of a thread ask about its channel.
    ///
    /// # Errors
    /// [`SetupError`].
    pub async fn missing_in(&self, who: &Who, channel: &str) -> Result<Vec<&'static str>, SetupError> {
        missing_in(async |ask| self.ask(ask).await, who, channel).await
    }

    /// Returns how many sessions the bot may still start today; `None` when Discord does not say.
    ///
    /// # Errors
    /// [`SetupError`].
    pub async fn starts(&self) -> Result<Option<Starts>, SetupError> {
        Ok(read_starts(&self.ask(Ask::Gateway).await?))
    }

    /// Returns how many commands the bot has in a server.
    ///
    /// # Errors
    /// [`SetupError`].
    pub async fn commands(&self, who: &Who, guild: &Guild) -> Result<usize, SetupError> {
        let commands = self.ask(Ask::Commands(who.application.clone(), guild.id.clone())).await?;
        Ok(commands.as_array().map_or(0, Vec::len))
    }

    /// Returns the channel that a thread is in; `None` for what is a channel itself.
    ///
    /// # Errors
    /// [`SetupError::Hidden`] when there is no such channel for the bot, or another [`SetupError`].
    pub async fn parent(&self, channel: &str) -> Result<Option<String>, SetupError> {
        Ok(parent(&self.ask(Ask::Channel(channel.to_owned())).await?))
    }

    /// Returns the channels that threads are in.
    ///
    /// # Errors
    /// [`SetupError`] when Discord does not answer about one.
    pub async fn parents(&self, channels: &[String]) -> Result<Parents, SetupError> {
        let mut parents = Parents::default();
        for channel in channels {
            match self.call(Ask::Channel(channel.clone())).await {
                Ok(found) => drop(parents.of.insert(channel.clone(), parent(&found))),
                Err(CallError::Refused { status: 404, .. }) => {}
                Err(CallError::Refused { status: 403, .. }) => drop(parents.hidden.insert(channel.clone())),
                Err(error) => return Err(self.failed(error)),
            }
        }
        Ok(parents)
    }

    /// Writes into a channel, which pings nobody.
    ///
    /// # Errors
    /// [`SetupError`].
    pub async fn say(&self, channel: &str, text: &str) -> Result<(), SetupError> {
        let body = json!({"content": text, "allowed_mentions": {"parse": []}});
        // Once: nobody should read it twice.
        let said = self.api.call(Call::post(Route::messages(channel), body)).await;
        said.map(drop).map_err(|error| self.failed(error))
    }

    pub(super) async fn ask(&self, ask: Ask) -> Result<Value, SetupError> {
        self.call(ask).await.map_err(|error| self.failed(error))
    }

    async fn call(&self, ask: Ask) -> Result<Value, CallError> {
        let route = match &ask {
            Ask::Me => Route::me(),
            Ask::Application => Route::application(),
            Ask::Guilds => Route::my_guilds(),
            Ask::Guild(guild) => Route::guild(guild),
            Ask::Member(guild, person) => Route::member(guild, person),
            Ask::Channel(channel) => Route::channel(channel),
            Ask::Gateway => Route::gateway(),
            Ask::Commands(application, guild) => Route::guild_commands(application, guild),
        };
        let stop = CancellationToken::new();
        match tokio::time::timeout(PATIENCE, self.api.patiently(Call::get(route), &stop)).await {
            Ok(answer) => answer.map(|answer| answer.body),
            Err(_) => Err(CallError::Unknown(format!("{} takes too long", self.server))),
        }
    }

    fn failed(&self, error: CallError) -> SetupError {
        match error {
            CallError::Refused { status: 401, .. } => SetupError::Token(self.server.clone()),
            CallError::Refused { status: 403 | 404, .. } => SetupError::Hidden,
            error => SetupError::Failed(error.to_string()),
        }
    }
}

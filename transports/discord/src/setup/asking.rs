//! The questions of a set-up, asked over the REST API.

use std::time::Duration;

use serde_json::Value;
use takopi_core::settings::Secret;
use tokio_util::sync::CancellationToken;

use super::{Ask, Guild, Who, guilds, missing_in, who};
use crate::api::{Api, Call, CallError, DISCORD};
use crate::error::DiscordError;
use crate::route::Route;

/// How long Discord may take over a question, with what it wants to be waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// A bot that no house serves yet.
#[derive(Debug)]
pub struct Setup {
    api: Api,
    server: String,
}

/// Why a bot could not be asked about. Texts never hold the token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// The token is nobody's.
    #[error("{0} does not know this bot token")]
    Token(String),
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
        Ok(Self { api: Api::new(server, token.clone())?, server: server.to_owned() })
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

    async fn ask(&self, ask: Ask) -> Result<Value, SetupError> {
        let route = match &ask {
            Ask::Me => Route::me(),
            Ask::Application => Route::application(),
            Ask::Guilds => Route::my_guilds(),
            Ask::Guild(guild) => Route::guild(guild),
            Ask::Member(guild, person) => Route::member(guild, person),
            Ask::Channel(channel) => Route::channel(channel),
        };
        let stop = CancellationToken::new();
        let asked = self.api.patiently(Call::get(route), &stop);
        match tokio::time::timeout(PATIENCE, asked).await {
            Ok(Ok(answer)) => Ok(answer.body),
            Ok(Err(CallError::Refused { status: 401, .. })) => Err(SetupError::Token(self.server.clone())),
            Ok(Err(error)) => Err(SetupError::Failed(error.to_string())),
            Err(_) => Err(SetupError::Failed(format!("{} takes too long", self.server))),
        }
    }
}

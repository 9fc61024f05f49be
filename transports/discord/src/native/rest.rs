//! The calls that native commands and interactions need, as whoever makes them sees them.
//!
//! One call each, never retried here; the REST layer of the transport implements [`Rest`], and tests do. Tokens of
//! interactions are [`Secret`]s up to the URL: they stand for the bot.

use std::time::Duration;

use async_trait::async_trait;
use reqwest::Method;
use serde_json::Value;
use takopi_core::settings::Secret;

use crate::api::{Api, Call, CallError};
use crate::route::Route;

/// What opens the answers to one interaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key {
    /// The application's id.
    pub(crate) application: String,
    /// The interaction's id.
    pub(crate) interaction: String,
    /// The interaction's token, good for 15 minutes.
    pub(crate) token: Secret,
}

/// Whose commands are meant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Scope {
    /// Those of every server and of direct messages.
    Global,
    /// Those of the server with this id.
    Guild(String),
}

/// Where a call goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum To {
    /// `/interactions/{id}/{token}/callback?with_response=true`
    Callback(Key),
    /// `/webhooks/{application}/{token}/messages/@original`
    Original(Key),
    /// `/webhooks/{application}/{token}`
    FollowUp(Key),
    /// `/webhooks/{application}/{token}/messages/{message}`
    FollowedUp(Key, String),
    /// `/applications/{application}/commands` or `/applications/{application}/guilds/{guild}/commands`
    Commands {
        /// The application's id.
        application: String,
        /// Whose.
        scope: Scope,
    },
}

impl To {
    /// Returns the path.
    pub(crate) fn route(&self) -> Route {
        match self {
            Self::Callback(key) => Route::interaction(&key.interaction, key.token.reveal()),
            Self::Original(key) => Route::first_answer(&key.application, key.token.reveal()),
            Self::FollowUp(key) => Route::follow_ups(&key.application, key.token.reveal()),
            Self::FollowedUp(key, message) => Route::answer(&key.application, key.token.reveal(), message),
            Self::Commands { application, scope: Scope::Global } => Route::commands(application),
            Self::Commands { application, scope: Scope::Guild(guild) } => {
                Route::guild_commands(application, guild)
            }
        }
    }
}

/// A call.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ask {
    /// How.
    pub(crate) method: Method,
    /// Where.
    pub(crate) to: To,
    /// With what.
    pub(crate) body: Option<Value>,
    /// How long it may take.
    pub(crate) patience: Duration,
}

/// Makes calls.
#[async_trait]
pub(crate) trait Rest: Send + Sync {
    /// Makes one call and returns what was answered, `null` for nothing.
    ///
    /// # Errors
    /// [`CallError`], by what is known of the outcome.
    async fn ask(&self, ask: Ask) -> Result<Value, CallError>;
}

#[async_trait]
impl Rest for Api {
    async fn ask(&self, ask: Ask) -> Result<Value, CallError> {
        let Ask { method, to, body, patience } = ask;
        let query = match &to {
            To::Callback(_) => vec![("with_response", "true".to_owned())],
            _ => Vec::new(),
        };
        let call = Call { query, body, patience, ..Call::new(method, to.route()) };
        self.call(call).await.map(|answer| answer.body)
    }
}

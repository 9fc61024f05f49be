//! The calls that native commands and interactions need, as whoever makes them sees them.
//!
//! One call each, never retried here; the REST layer of the transport implements [`Rest`], and tests do. Tokens of
//! interactions are [`Secret`]s up to the URL: they stand for the bot.

use std::time::Duration;

use async_trait::async_trait;
use reqwest::Method;
use serde_json::Value;
use takopi_core::settings::Secret;

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

/// Why a call failed. Texts never hold secrets.
// until rest's part is merged: its `CallError`, of the same shape.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CallError {
    /// Too much; nothing was done.
    #[error("Discord wants silence for {after:?}")]
    Limited {
        /// How long.
        after: Duration,
        /// Whether for everything the bot does.
        bot: bool,
    },
    /// The service said no.
    #[error("{message} (code {code}, status {status})")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// Discord's own code; 0 when it gave none.
        code: u32,
        /// What it said.
        message: String,
    },
    /// It may have been heard.
    #[error("{0}")]
    Unknown(String),
    /// It certainly was not heard.
    #[error("{0}")]
    Unreachable(String),
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

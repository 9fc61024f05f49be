//! What can keep the transport from being set up, in words for the person who configures it. Never holds a token.

/// Why the transport could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DiscordError {
    /// The bot's token could not be had, or is none.
    #[error("{0}")]
    Token(String),
    /// `api_url` leads nowhere.
    #[error("api_url must be a URL such as https://discord.com: {0}")]
    Url(String),
    /// No HTTP client could be made.
    #[error("no HTTP client could be made: {0}")]
    Client(String),
}

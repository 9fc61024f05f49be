//! What can keep the transport from being set up, in words for the person who configures it.

/// Why the transport could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TelegramError {
    /// The bot's token could not be had.
    #[error("{0}")]
    Token(String),
    /// No HTTP client could be made.
    #[error("no HTTP client could be made: {0}")]
    Client(String),
}

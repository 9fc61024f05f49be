//! What can go wrong here, in words for the person at the page or the terminal.

use takopi_core::desk::AcceptError;
use takopi_core::port::ledger::LedgerError;

/// Why the local transport could not do something.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LocalError {
    /// The configured port is in use.
    #[error(
        "port {port} of 127.0.0.1 is in use: free it, write another one as `port` in `[transports.local]`, or leave \
         the key out to get the next free one"
    )]
    PortTaken {
        /// Which.
        port: u16,
    },
    /// No port could be opened.
    #[error("could not listen on 127.0.0.1: {0}")]
    Listen(String),
    /// What was submitted cannot be a message.
    #[error("{0}")]
    Refused(&'static str),
    /// The house is not taking messages: it is starting or closing.
    #[error("takopi is starting or closing; try again in a moment")]
    NotReceiving,
    /// It was not accepted.
    #[error(transparent)]
    Accept(#[from] AcceptError),
    /// The branches of a project could not be listed.
    #[error("the branches could not be listed: {0}")]
    Branches(String),
    /// The ledger could not be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

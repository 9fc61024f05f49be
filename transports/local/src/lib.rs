//! The embedded transport: conversations on this machine, with no account and no service in between.
//!
//! - [`Local`] is the transport: what the house says in a conversation reaches whoever listens to it. Nothing
//!   is kept here; what was said is read from the ledger.
//! - [`Door`] is the way in for people on this machine: submit a message, listen, follow and cancel runs, read
//!   what was said. The page and the control socket both speak through it, and only through it.
//! - [`Page`] serves the door to a browser, on loopback and behind a token.
//!
//! Built like that, whatever one client can see or do, every other client can too.

mod catalogue;
mod config;
mod conversation;
mod door;
mod error;
mod hub;
mod markdown;
mod paint;
mod transport;
mod view;
mod web;

pub use catalogue::{Catalogue, CommandItem, Menu};
pub use config::LocalConfig;
pub use conversation::ConversationId;
pub use door::{Door, DoorParts, Press, Submit, Submitted};
pub use error::LocalError;
pub use hub::{Listener, LocalEvent};
pub use transport::Local;
pub use web::{Page, Token};

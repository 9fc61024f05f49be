//! The control socket: how another process on this machine speaks with whoever holds the ledger.
//!
//! - [`wire`] is what is said: methods, their parameters and results. A promise between versions.
//! - [`server`] serves it, over the [`socket`] that only its owner may open.
//! - [`client`] speaks it; the terminal is one.
//!
//! It adds nothing to what the local door can do, so that page and terminal can do the same; pairing alone is only
//! here, for it is for who stands at the machine.

pub(crate) mod client;
pub(crate) mod server;
pub(crate) mod socket;
pub(crate) mod wire;

mod follow;
mod pairing;

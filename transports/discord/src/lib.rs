//! The Discord transport: one bot, its servers, channels and threads.
//!
//! The way in: `gateway.rs` stays connected, `intake.rs` bears what comes into the inbox, in order and with what was
//! missed (`catch_up.rs`); `inbound.rs` reads messages, `places.rs` knows where they stand, `gate.rs` says who may
//! speak and `audience.rs` whether it is for the bot.
//!
//! The way out: `outbound.rs` makes calls of laid-out bodies, `components.rs` buttons, `threads.rs` opens the thread
//! that is spoken in; `failure.rs` says what a failed call means. `api.rs` is the only file that makes requests to
//! Discord, `route.rs` lists where they go, `download.rs` fetches files. `transport.rs` is what the house sees.

#[allow(dead_code, reason = "until the transport that sends by it is merged")]
mod answers;
#[allow(dead_code, reason = "until the parts that call it are merged")]
mod api;
mod audience;
mod catch_up;
#[allow(dead_code, reason = "until the parts that call it are merged")]
mod components;
mod config;
mod error;
#[allow(dead_code, reason = "until the parts that call it are merged")]
mod failure;
mod fingerprint;
mod gate;
mod gateway;
mod inbound;
mod intake;
#[allow(dead_code, reason = "until the transport that is put together with it is merged")]
mod native;
mod places;
#[allow(dead_code, reason = "until the parts that call it are merged")]
mod route;
#[cfg(test)]
mod script;
mod stand_in;
#[allow(dead_code, reason = "until the parts that call it are merged")]
mod threads;
mod transport;
mod turns;

pub use config::{AccessConfig, DiscordConfig, DiscordFiles, DiscordVoice, Id, Notify, Overflow};
pub use error::DiscordError;
pub use native::{NativeCommand, NativeKind};
pub use transport::{Discord, DiscordParts};

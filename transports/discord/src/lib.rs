//! The Discord transport: one bot, its servers, channels and threads.
//!
//! The way in: `gateway.rs` stays connected, `intake.rs` bears what comes into the inbox, in order and with what was
//! missed (`catch_up.rs`); `inbound.rs` reads messages, `places.rs` knows where they stand, `gate.rs` says who may
//! speak and `audience.rs` whether it is for the bot: `threshold.rs` puts that together. `native.rs` offers commands,
//! buttons and forms as Discord's own, and answers them in time.
//!
//! The way out: `render.rs` makes Discord's Markdown of a body and cuts it, `outbound.rs` makes calls of that,
//! `components.rs` buttons, `threads.rs` opens the thread that is spoken in, `answers.rs` knows what replies to a
//! command; `failure.rs` says what a failed call means. `api.rs` is the only file that makes requests to Discord,
//! `route.rs` lists where they go, `download.rs` fetches files. `transport.rs` is what the house sees.

mod answers;
mod api;
mod audience;
mod catch_up;
mod components;
mod config;
mod download;
mod error;
mod failure;
mod fingerprint;
mod gate;
mod gateway;
mod inbound;
mod intake;
mod native;
mod outbound;
mod places;
mod render;
mod route;
#[cfg(test)]
mod script;
mod setup;
mod threads;
mod threshold;
mod transport;
mod turns;

pub use config::{AccessConfig, DiscordConfig, DiscordFiles, DiscordVoice, Id, Notify, Overflow};
pub use error::DiscordError;
pub use native::{NativeCommand, NativeKind};
pub use setup::{Guild, Heard, Parents, Setup, SetupError, Starts, Who};
pub use transport::{Discord, DiscordParts};

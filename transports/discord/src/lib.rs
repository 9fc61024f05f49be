//! The Discord transport: one bot, its servers, channels and threads.
//!
//! The way out: `outbound.rs` makes calls of laid-out bodies, `components.rs` buttons, `threads.rs` opens the thread
//! that is spoken in; `failure.rs` says what a failed call means. `api.rs` is the only file that makes requests to
//! Discord, `route.rs` lists where they go, `download.rs` fetches files.

#[allow(dead_code, reason = "until the transport that calls it is merged")]
mod api;
#[allow(dead_code, reason = "until the transport that calls it is merged")]
mod components;
#[allow(dead_code, reason = "until the transport that calls it is merged")]
mod download;
mod error;
#[allow(dead_code, reason = "until the transport that calls it is merged")]
mod failure;
#[allow(dead_code, reason = "until the transport that calls it is merged")]
mod outbound;
#[allow(dead_code, reason = "until the transport that calls it is merged")]
mod route;
#[cfg(test)]
mod script;
#[allow(dead_code, reason = "until the transport that calls it is merged")]
mod threads;

pub use error::DiscordError;

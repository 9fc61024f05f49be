//! The Discord transport: one bot, its servers, channels and threads.
//!
//! The way out: `outbound.rs` makes calls of laid-out bodies, `components.rs` buttons, `threads.rs` opens the thread
//! that is spoken in; `failure.rs` says what a failed call means. `api.rs` is the only file that makes requests to
//! Discord, `route.rs` lists where they go, `download.rs` fetches files.

mod answers;
mod api;
mod components;
mod download;
mod error;
mod failure;
mod native;
mod outbound;
mod route;
#[cfg(test)]
mod script;
mod threads;

pub use error::DiscordError;
pub use native::{NativeCommand, NativeKind};

//! The Telegram transport: one bot, its private chats, groups and topics.
//!
//! The way in: `poll.rs` fetches updates, `inbound.rs` reads them, `gate.rs` says who may speak; an update is
//! durable before it is acknowledged. The way out: `render.rs` makes text with entities of a body, `outbound.rs`
//! one call of that, `failure.rs` says what a failed call means; `download.rs` fetches a file. `api.rs` is the
//! only file that makes requests, `transport.rs` is what the house sees, and `setup.rs` asks and hears a bot that
//! no house serves yet.
//!
//! Methods and their parameters are teloxide's; its requests and its polling are not used;
//! `api.rs`, `poll.rs` and `inbound/wire.rs` say why. None of its types leaves this crate.

mod api;
mod callback;
mod config;
mod document;
mod download;
mod entity;
mod error;
mod failure;
mod fingerprint;
mod gate;
mod inbound;
mod keyboard;
mod limited;
mod menu;
mod outbound;
mod poll;
mod render;
mod setup;
mod topics;
mod transport;

pub use config::{TelegramConfig, TopicScope, TopicsConfig, VoiceConfig};
pub use error::TelegramError;
pub use menu::MenuEntry;
pub use setup::{Heard, Setup, SetupError};
pub use topics::TopicsCheck;
pub use transport::{RivalCheck, Telegram, TelegramParts};

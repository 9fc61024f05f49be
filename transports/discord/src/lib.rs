//! The Discord transport: one bot, its servers, channels and threads.

#[allow(dead_code, reason = "until the transport that sends by it is merged")]
mod answers;
#[allow(dead_code, reason = "until the transport that is put together with it is merged")]
mod native;

pub use native::{NativeCommand, NativeKind};

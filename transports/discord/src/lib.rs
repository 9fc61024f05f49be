//! The Discord transport: one bot, its servers, channels and threads.

#[expect(dead_code, unused_imports, reason = "the transport that shows bodies is not part of the crate yet")]
mod render;

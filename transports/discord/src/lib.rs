//! The Discord transport: one bot, its servers, channels and threads.

#[cfg_attr(not(test), expect(dead_code, unused_imports, reason = "nothing shows bodies in the crate yet"))]
mod render;
#[cfg_attr(not(test), expect(dead_code, reason = "nobody asks for it in the crate yet"))]
mod setup;

pub use setup::{Guild, Who};

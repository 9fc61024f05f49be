//! The Telegram transport.

#![allow(
    dead_code,
    unused_imports,
    reason = "what sends what is rendered here comes with the rest of the crate"
)]

mod render;

//! The heart of takopi: routing, queue, progress, rendering, pacing and the ports, without network, disk
//! or processes. Time comes in through [`port::Clock`], everything else through the other ports.

pub mod catalog;
pub mod desk;
pub mod directive;
pub mod event;
pub mod files;
pub mod gather;
pub mod id;
pub mod message;
pub mod pacing;
pub mod pairing;
pub mod port;
pub mod progress;
pub mod queue;
pub mod render;
pub mod resume;
pub mod route;
pub mod session;
pub mod settings;
pub mod speech;
#[cfg(feature = "testing")]
pub mod testing;
pub mod text;
pub mod time;

//! Takopi's side of plugins: finds them, starts them when they are needed, and survives them.
//!
//! A plugin is a folder with a manifest and something executable. [`manifest`] is all that is known while nothing runs;
//! `process` starts it and speaks with it; `engine`, `transport` and `command` make of it what core's ports want.

mod bounds;
pub mod check;
mod command;
pub mod configure;
pub mod discover;
mod engine;
mod health;
pub mod info;
pub mod layers;
pub mod manifest;
pub mod own_config;
pub mod owner;
mod parts;
mod plugins;
mod problem;
mod process;
pub mod python;
pub mod schema;
#[cfg(test)]
mod scripted;
mod secrets;
mod switchboard;
mod transport;
mod wrap;

pub use bounds::Bounds;
pub use command::PluginCommand;
pub use engine::PluginEngine;
pub use parts::{Dress, HostParts, Passes};
pub use plugins::Plugins;
pub use problem::{Code, Problem};
pub use process::{Failure, Hold, MARK, Plugin, Running};
pub use transport::{HouseKeys, People, PluginTransport, PluginTransportConfig};

//! Takopi's side of plugins: finds them, starts them when they are needed, and survives them.
//!
//! A plugin is a folder with a manifest and something executable. [`manifest`] is all that is known while nothing runs;
//! `process` starts it and speaks with it; `engine`, `transport` and `command` make of it what core's ports want.

mod bounds;
mod engine;
mod health;
pub mod manifest;
mod parts;
mod plugins;
mod problem;
mod process;
#[cfg(test)]
mod scripted;
mod switchboard;

pub use bounds::Bounds;
pub use engine::PluginEngine;
pub use parts::{Dress, HostParts, Passes};
pub use plugins::Plugins;
pub use problem::{Code, Problem};
pub use process::{Failure, Hold, Plugin, Running};

//! Takopi's side of plugins: finds them, starts them when they are needed, and survives them.
//!
//! A plugin is a folder with a manifest and something executable. [`manifest`] is all that is known while nothing runs;
//! `process` starts it and speaks with it; `engine`, `transport` and `command` make of it what core's ports want.

pub mod check;
pub mod discover;
pub mod layers;
pub mod manifest;
pub mod own_config;
pub mod owner;
mod parts;
mod problem;
mod process;
pub mod python;
pub mod schema;
mod switchboard;

pub use parts::{Dress, HostParts, Passes};
pub use problem::{Code, Problem};
pub use process::{Failure, Plugin, Running};

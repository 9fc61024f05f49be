//! The contracts of core's ports, kept by plugins of each language as takopi itself runs them: the examples where they can
//! do all that a contract asks for, else scripts over the same SDKs (`contract/words.*`).
//!
//! Those in Python begin with `python_`: they are a suite of their own, because Python may be missing.

#![expect(clippy::unwrap_used, reason = "a premise that doesn't hold fails the test, and says where")]

/// The example whose program this crate builds.
const PROGRAM: (&str, &str) = ("rust-echo", env!("CARGO_BIN_EXE_rust-echo"));

#[path = "contract/commands.rs"]
mod commands;
#[path = "contract/engines.rs"]
mod engines;
#[path = "contract/stage.rs"]
mod stage;

//! The scripted agent against what the real CLIs printed, and against the rules of their sessions.

#![expect(clippy::unwrap_used, reason = "a premise that doesn't hold fails the test here")]

mod cast;
mod ends;
mod sessions;
mod shape;
mod shapes;

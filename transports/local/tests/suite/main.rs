//! The transport, its door and its page on a real desk, with engines and a ledger that live in memory.

#![expect(clippy::unwrap_used, reason = "a premise that doesn't hold fails the test, and says where")]

mod client;
mod contract;
mod door;
mod house;
mod page;

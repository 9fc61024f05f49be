//! The durable memory: inbox, outbox, runs, sessions and preferences in one SQLite file.
//!
//! One thread writes and one reads (`writer`, `reader`), each on its own connection, so that no read waits
//! behind an fsync; writes that wait together share a transaction and so an fsync. A write is answered after
//! its commit. What a crash must not take is committed with `synchronous=FULL`; the rest is ordered with it
//! and may be lost with the machine's power, never with the process.
//!
//! `ledger` is the port, method by method; the SQL stands in the files named after what they keep (`inbox`,
//! `runs`, `outbox`, `scopes`, `history`, `sweep`), the tables in `schema/*.sql`, the forms in which values
//! are stored in `stored`. `import` takes in what the Python takopi kept. Whether another daemon holds the
//! ledger is not decided here.

mod failure;
mod file;
mod forget;
mod history;
mod import;
mod inbox;
mod inspect;
mod ledger;
mod outbox;
mod reader;
mod runs;
mod scopes;
mod spool;
mod stored;
mod sweep;
mod temporary;
mod thread;
mod writer;

#[cfg(test)]
mod tests;

pub use import::{PythonDiscord, PythonState, python_discord_channels, python_discord_startup};
pub use inspect::Inspection;
pub use ledger::SqliteLedger;

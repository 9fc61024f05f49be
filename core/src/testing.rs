//! What tests of other rooms are built with: port implementations without disk or network, and for every
//! port the contract suite that each of its implementations runs. Only with the feature `testing`.

pub mod clock;
pub mod command;
pub mod desk;
pub mod engine;
pub mod ledger;
pub mod memory_ledger;
pub mod transport;
pub mod workspace;

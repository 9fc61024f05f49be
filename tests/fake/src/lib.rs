//! What takopi's tests talk to in the place of the world: models and agents, on loopback.

pub mod agent;
pub mod homes;
pub mod model;

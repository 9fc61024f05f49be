//! What takopi's tests talk to in the place of the world: models, agents and chat services, on loopback.

pub mod agent;
pub mod homes;
pub mod model;
pub mod telegram;

//! What takopi's tests talk to in the place of the world: models, agents, chat services and a transcription service,
//! on loopback.

pub mod agent;
pub mod discord;
pub mod homes;
pub mod model;
pub mod speech;
pub mod telegram;

//! A scripted model: the servers that agent CLIs ask, in three dialects, on loopback.
//!
//! It answers `POST /v1/responses` (OpenAI Responses), `/v1/messages` (Anthropic Messages) and
//! `/v1/chat/completions` (OpenAI Chat Completions), as a stream or whole. What the model says stands in the
//! prompt, see [`script`]; what was asked stands in the [`Log`]. It never looks at the clock and never reaches
//! anybody. Start reading at [`ModelServer`].

mod conversation;
mod dialect;
mod log;
pub mod script;
mod server;
mod wire;

#[cfg(test)]
mod tests;

pub use log::{Asked, InVain, Log};
pub use server::ModelServer;
pub use wire::Api;

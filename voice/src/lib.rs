//! Speech to text over an OpenAI-compatible endpoint: `POST {base_url}/audio/transcriptions`.
//!
//! It knows nothing of chats: a voice note's bytes come in, its words go out, through core's port
//! `Transcriber`. What it is set up with is in `settings`, one request after the other in `endpoint`, what an
//! answer means in `answer`. Keys never stand in a text it returns, nor in what it logs.

mod answer;
mod endpoint;
mod settings;

#[cfg(test)]
mod fake;

pub use endpoint::SpeechEndpoint;
pub use settings::{VoiceError, VoiceSettings};

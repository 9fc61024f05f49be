//! The port that turns a voice note into text.

use std::path::Path;

use async_trait::async_trait;

/// Why a voice note could not be turned into text; for people to read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TranscribeError(pub String);

/// Speech to text.
#[async_trait]
pub trait Transcriber: Send + Sync {
    /// Returns what is said in the audio file.
    ///
    /// # Errors
    /// [`TranscribeError`] with a text for the chat.
    async fn transcribe(&self, audio: &Path) -> Result<String, TranscribeError>;
}

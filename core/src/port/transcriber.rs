//! The port that turns a voice note into text. It is handed bytes, not a file: what people say to their
//! agents is never left on a disk.

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

/// Why a voice note could not be turned into text; for people to read, without secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TranscribeError(pub String);

/// Speech to text.
#[async_trait]
pub trait Transcriber: Send + Sync {
    /// Returns the most bytes of a voice note it takes; larger ones need not even be fetched.
    fn max_bytes(&self) -> u64;

    /// Returns what is said in a voice note, Opus in Ogg: never blank. Returns soon once `stop` fires, and
    /// within minutes whatever happens.
    ///
    /// # Errors
    /// [`TranscribeError`] with a text for the chat.
    async fn transcribe(&self, audio: Vec<u8>, stop: &CancellationToken) -> Result<String, TranscribeError>;
}

//! A file on its way to Telegram: a text that was too long for a message, or one of the ledger's spool. The latter is
//! read piece by piece while it is sent, so that fifty megabytes are never in memory.

use std::path::{Path, PathBuf};

use reqwest::multipart::Part;
use takopi_core::files::shown_size;
use takopi_core::message::Body;
use takopi_core::port::transport::SendError;
use tokio::fs::File;

use crate::render::{Attachment, attachment};

/// Largest file in bytes: Telegram Bot API, "Sending files": bots upload up to 50 MB.
const MAX_BYTES: u64 = 50 << 20;

/// A file that a part carries.
pub(crate) enum Document<'a> {
    /// A text.
    Text(Attachment<'a>),
    /// A file of the spool.
    Spooled {
        /// The name people see.
        name: &'a str,
        /// Where it lies.
        path: PathBuf,
    },
}

/// Returns the file that a part carries, if any.
pub(crate) fn document<'a>(part: &'a Body, spool: &Path) -> Option<Document<'a>> {
    if let Some(attachment) = attachment(part) {
        return Some(Document::Text(attachment));
    }
    let file = part.files.first()?;
    Some(Document::Spooled { name: &file.name, path: spool.join(&file.path) })
}

impl Document<'_> {
    /// Returns it as a part of a form, with its size in bytes.
    ///
    /// # Errors
    /// [`SendError::Denied`] for one that is not there or larger than Telegram takes.
    pub(crate) async fn open(&self) -> Result<(Part, u64), SendError> {
        match self {
            Self::Text(Attachment { name, text }) => {
                let part = Part::bytes(text.as_bytes().to_vec()).file_name(*name);
                Ok((part, text.len() as u64))
            }
            Self::Spooled { name, path } => {
                let (file, bytes) = sized(path)
                    .await
                    .map_err(|error| SendError::Denied(format!("its copy cannot be read: {error}")))?;
                if bytes > MAX_BYTES {
                    let most = shown_size(MAX_BYTES);
                    return Err(SendError::Denied(format!(
                        "it is larger than the {most} that bots may send"
                    )));
                }
                Ok((Part::stream_with_length(file, bytes).file_name((*name).to_owned()), bytes))
            }
        }
    }
}

async fn sized(path: &Path) -> std::io::Result<(File, u64)> {
    let file = File::open(path).await?;
    let bytes = file.metadata().await?.len();
    Ok((file, bytes))
}

#[cfg(test)]
mod tests {
    use takopi_core::message::SpooledFile;

    use super::*;

    async fn denied(name: &str, spool: &Path) -> String {
        let file = SpooledFile { path: name.into(), name: "shown.bin".to_owned() };
        let body = Body { files: vec![file], ..Body::default() };
        match document(&body, spool).unwrap().open().await {
            Err(SendError::Denied(text)) => text,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn a_file_that_is_gone_or_too_large_is_refused_before_a_byte_is_sent() {
        let spool = tempfile::tempdir().unwrap();
        std::fs::File::create(spool.path().join("large")).unwrap().set_len(MAX_BYTES + 1).unwrap();
        let told = denied("large", spool.path()).await;
        assert_eq!(told, "it is larger than the 50 mb that bots may send");
        assert!(denied("gone", spool.path()).await.starts_with("its copy cannot be read: No such file"));
        assert!(document(&Body::plain("words"), spool.path()).is_none());
    }
}

//! The files that go with a message: those of the ledger's spool, and a text that was too long for messages.

use std::path::Path;

use serde_json::{Value, json};
use takopi_core::files::shown_size;
use takopi_core::message::{Body, Format};
use takopi_core::port::transport::SendError;

use crate::api::{Content, Upload};
use crate::render::ATTACHMENT;

/// Largest files of one message, in bytes: what Discord takes in a server with every boost. Elsewhere it takes 10 MiB
/// and says so (Discord docs, "Uploading Files"); of an interaction it tells before.
const MAX_BYTES: u64 = 100 << 20;

/// Returns the files of a part, opened by nobody yet.
///
/// # Errors
/// [`SendError::Denied`] for those that are not there or too large.
pub(super) async fn uploads(part: &Body, spool: &Path) -> Result<Vec<Upload>, SendError> {
    let mut uploads = Vec::new();
    if let Some(text) = part.extra.get(ATTACHMENT).and_then(Value::as_str) {
        let name = match part.format {
            Format::Markdown => "answer.md",
            Format::Plain => "answer.txt",
        };
        uploads.push(Upload { name: name.to_owned(), content: Content::Bytes(text.as_bytes().to_vec()) });
    }
    for file in &part.files {
        let path = spool.join(&file.path);
        let found = tokio::fs::metadata(&path).await;
        let found = found.map_err(|error| SendError::Denied(format!("its copy cannot be read: {error}")))?;
        uploads.push(Upload { name: file.name.clone(), content: Content::File { path, bytes: found.len() } });
    }
    fit(&uploads, MAX_BYTES)?;
    Ok(uploads)
}

/// Refuses files that are larger together than may be sent.
///
/// # Errors
/// [`SendError::Denied`].
pub(super) fn fit(files: &[Upload], max_bytes: u64) -> Result<(), SendError> {
    if files.iter().map(Upload::bytes).sum::<u64>() <= max_bytes {
        return Ok(());
    }
    let most = shown_size(max_bytes);
    Err(SendError::Denied(format!("it is larger than the {most} that bots may send here")))
}

/// Returns what a message says of its files.
pub(super) fn named(files: &[Upload]) -> Value {
    files.iter().enumerate().map(|(id, file)| json!({"id": id, "filename": file.name})).collect()
}

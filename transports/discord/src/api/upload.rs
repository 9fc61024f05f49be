//! A file that goes with a call. One of the spool is read piece by piece while it is sent, and can be sent again.

use std::path::PathBuf;

use reqwest::multipart::{Form, Part};
use serde_json::Value;
use tokio::fs::File;

/// A file on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Upload {
    /// The name people see.
    pub(crate) name: String,
    /// What is in it.
    pub(crate) content: Content,
}

/// Where the bytes of a file are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Content {
    /// Here.
    Bytes(Vec<u8>),
    /// On the disk.
    File {
        /// Where.
        path: PathBuf,
        /// How many they are.
        bytes: u64,
    },
}

impl Upload {
    /// Returns how many bytes it has.
    pub(crate) fn bytes(&self) -> u64 {
        match &self.content {
            Content::Bytes(bytes) => u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            Content::File { bytes, .. } => *bytes,
        }
    }

    async fn part(&self) -> std::io::Result<Part> {
        let part = match &self.content {
            Content::Bytes(bytes) => Part::bytes(bytes.clone()),
            Content::File { path, bytes } => Part::stream_with_length(File::open(path).await?, *bytes),
        };
        Ok(part.file_name(self.name.clone()))
    }
}

/// Returns a body with its files as Discord takes them: `payload_json` and `files[n]` (Discord docs, "Uploading
/// Files").
///
/// # Errors
/// Where a file cannot be opened.
pub(crate) async fn form(body: &Value, files: &[Upload]) -> std::io::Result<Form> {
    let mut form = Form::new().text("payload_json", body.to_string());
    for (number, file) in files.iter().enumerate() {
        form = form.part(format!("files[{number}]"), file.part().await?);
    }
    Ok(form)
}

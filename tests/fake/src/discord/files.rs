//! Files: those that came with messages, and those that people send.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::world::World;

/// A file that came with a form.
#[derive(Debug, Clone)]
pub(super) struct Upload {
    /// Its number in the form, `files[0]`, by which the body may speak of it.
    pub(super) place: String,
    pub(super) name: String,
    pub(super) content_type: String,
    pub(super) bytes: Vec<u8>,
}

/// A file that a person sends.
#[derive(Debug, Clone)]
pub struct Attachment {
    pub(super) name: String,
    pub(super) content_type: String,
    pub(super) bytes: Vec<u8>,
    pub(super) claims: Option<u64>,
}

impl Attachment {
    /// Returns a file of text.
    #[must_use]
    pub fn new(name: &str, bytes: &[u8]) -> Self {
        let content_type = "text/plain; charset=utf-8".to_owned();
        Self { name: name.to_owned(), content_type, bytes: bytes.to_vec(), claims: None }
    }

    /// Gives it another type, `image/png` for example.
    #[must_use]
    pub fn typed(self, content_type: &str) -> Self {
        Self { content_type: content_type.to_owned(), ..self }
    }

    /// Makes Discord say that it has this many bytes.
    #[must_use]
    pub fn claiming(self, bytes: u64) -> Self {
        Self { claims: Some(bytes), ..self }
    }
}

/// A file that is kept.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub(super) name: String,
    pub(super) bytes: Arc<[u8]>,
}

/// All files, by their id.
#[derive(Debug, Default)]
pub(super) struct Files(BTreeMap<u64, Kept>);

impl Files {
    pub(super) fn get(&self, id: u64) -> Option<&Kept> {
        self.0.get(&id)
    }
}

impl World {
    /// Keeps a file and describes it as an attachment.
    pub(super) fn attach(&mut self, file: &Attachment) -> Value {
        let id = self.id();
        let kept = Kept { name: file.name.clone(), bytes: file.bytes.clone().into() };
        let size = file.claims.unwrap_or(file.bytes.len().try_into().unwrap_or(u64::MAX));
        self.files.0.insert(id, kept);
        // Discord writes only these in the names of files.
        let plain = |c: char| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '_' };
        let name: String = file.name.chars().map(plain).collect();
        let url = format!("{}/cdn/attachments/{id}/{name}?ex=1&is=1&hm=1", self.url);
        json!({
            "id": id.to_string(), "filename": name, "size": size, "url": url, "proxy_url": url,
            "content_type": file.content_type
        })
    }
}

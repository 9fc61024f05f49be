//! Files that were sent, by people and by the bot.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::params::{Refusal, bad};

/// Bytes of a file that a bot can fetch at most: Telegram Bot API, `getFile`.
const MAX_DOWNLOAD: u64 = 20 << 20;

/// The file of a message.
#[derive(Debug, Clone)]
pub(super) struct Media {
    /// The field of `Message` it stands in.
    pub(super) kind: &'static str,
    pub(super) part: Value,
    pub(super) file: String,
}

/// A file that is kept.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) name: String,
    pub(super) bytes: Arc<[u8]>,
    path: String,
    /// What Telegram says its size is.
    size: u64,
}

/// All files, by their `file_id`.
#[derive(Debug, Default)]
pub(super) struct Files(BTreeMap<String, Kept>);

impl Files {
    pub(super) fn get(&self, id: &str) -> Option<&Kept> {
        self.0.get(id)
    }

    /// Keeps a file and describes it as the field `kind` of a message.
    pub(super) fn keep(
        &mut self,
        kind: &'static str,
        name: &str,
        bytes: Vec<u8>,
        claims: Option<u64>,
    ) -> Media {
        let size = claims.unwrap_or(bytes.len() as u64);
        let number = self.0.len() + 1;
        let id = format!("FILE{number:06}");
        let ending = name.rsplit_once('.').map_or_else(String::new, |(_, ending)| format!(".{ending}"));
        let path = format!("{kind}s/file_{number}{ending}");
        self.0.insert(id.clone(), Kept { name: name.to_owned(), bytes: bytes.into(), path, size });
        let whole = json!({"file_id": id, "file_unique_id": format!("U-{id}"), "file_size": size});
        let with = |more: Value| merged(whole.clone(), more);
        let part = match kind {
            "voice" => with(json!({"duration": 2, "mime_type": "audio/ogg"})),
            "video" => with(
                json!({"duration": 1, "width": 320, "height": 240, "file_name": name, "mime_type": "video/mp4"}),
            ),
            "sticker" => with(json!({
                "width": 512, "height": 512, "type": "regular", "is_animated": false, "is_video": false
            })),
            "photo" => {
                let thumb = self.keep("thumb", "small.jpg", b"small".to_vec(), None).part;
                let small = merged(thumb, json!({"width": 90, "height": 60}));
                json!([small, with(json!({"width": 1280, "height": 853}))])
            }
            _ => with(json!({"file_name": name, "mime_type": "application/octet-stream"})),
        };
        Media { kind, part, file: id }
    }

    /// Returns the `File` of the Bot API.
    pub(super) fn describe(&self, id: &str) -> Result<Value, Refusal> {
        let kept =
            self.0.get(id).ok_or_else(|| bad("wrong file_id or the file is temporarily unavailable"))?;
        if kept.size > MAX_DOWNLOAD {
            return Err(bad("file is too big"));
        }
        Ok(
            json!({"file_id": id, "file_unique_id": format!("U-{id}"), "file_size": kept.size, "file_path": kept.path}),
        )
    }

    /// Returns the bytes at a path that `getFile` told.
    pub(super) fn at(&self, path: &str) -> Option<&[u8]> {
        self.0.values().find(|kept| kept.path == path).map(|kept| &*kept.bytes)
    }
}

fn merged(mut one: Value, more: Value) -> Value {
    if let (Value::Object(one), Value::Object(more)) = (&mut one, more) {
        one.extend(more);
    }
    one
}

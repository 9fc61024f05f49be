//! Which files come with a message.

use takopi_core::message::{Attachment, AttachmentKind};

use super::Said;

/// Returns the files of a message that says `text`. A voice message is what its sender says; so is a sound file
/// alone, where somebody `listens`.
pub(super) fn attachments(said: &Said<'_>, text: &str, listens: bool) -> Vec<Attachment> {
    let alone = text.trim().is_empty() && said.attachments.len() == 1;
    let of = |file: &&serenity::all::Attachment| {
        let mime = file.content_type.as_deref().unwrap_or_default();
        let kind = if said.is_voice || (listens && alone && mime.starts_with("audio/")) {
            AttachmentKind::Voice
        } else if mime.starts_with("image/") {
            AttachmentKind::Image
        } else {
            AttachmentKind::File
        };
        Attachment {
            handle: file.url.clone(),
            kind,
            name: Some(file.filename.clone()),
            bytes: Some(u64::from(file.size)),
        }
    };
    said.attachments.iter().map(of).collect()
}

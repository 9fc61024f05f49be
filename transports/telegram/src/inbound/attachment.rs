//! Which files come with a message.

use takopi_core::message::{Attachment, AttachmentKind};

use super::wire::{File, Message};

/// Returns the files of a message that says `text`: its voice note, its document-like part, its picture. A
/// sticker counts only where it is what `/file` is about.
pub(super) fn attachments(message: &Message, text: &str) -> Vec<Attachment> {
    let mut found = Vec::new();
    let mut add = |file: Option<&File>, kind| {
        if let Some(file) = file {
            found.push(Attachment {
                handle: file.file_id.clone(),
                kind,
                name: file.file_name.clone(),
                bytes: file.file_size,
            });
        }
    };
    add(message.voice.as_ref(), AttachmentKind::Voice);
    let is_picture = |file: &&File| file.mime_type.as_deref().is_some_and(|mime| mime.starts_with("image/"));
    add(message.document.as_ref().filter(is_picture), AttachmentKind::Image);
    add(message.document.as_ref().filter(|file| !is_picture(file)), AttachmentKind::File);
    add(message.video.as_ref().or(message.video_note.as_ref()), AttachmentKind::File);
    add(message.audio.as_ref(), AttachmentKind::File);
    // An animation comes as a document too.
    add(message.animation.as_ref().filter(|_| message.document.is_none()), AttachmentKind::File);
    // The same picture in several sizes.
    let size = |file: &&File| (file.file_size.unwrap_or(0), file.width.saturating_mul(file.height));
    add(message.photo.iter().max_by_key(size), AttachmentKind::Image);
    let asked_for = text.trim_start().starts_with("/file");
    add(message.sticker.as_ref().filter(|_| asked_for), AttachmentKind::File);
    found
}

//! What was said in a voice note, as part of a message's text, and how it is told from what was typed.
//!
//! Pure. Who finds out what was said is `desk/hear.rs`; that what the same person writes meanwhile waits for
//! it is `gather.rs`.

use crate::message::{Attachment, AttachmentKind, Message};

/// What stands before words that were spoken, for engines and for the ledger.
pub const SPOKEN: &str = "(voice transcribed) ";

/// Returns the message's voice note whose words are not in its text yet.
#[must_use]
pub fn unheard(message: &Message) -> Option<&Attachment> {
    let has_words = message.text.starts_with(SPOKEN) || message.text.contains(&format!("\n\n{SPOKEN}"));
    note_in(message).filter(|_| !has_words)
}

/// Returns whether the message has a voice note whose words are in its text.
#[must_use]
pub fn is_heard(message: &Message) -> bool {
    note_in(message).is_some() && unheard(message).is_none()
}

fn note_in(message: &Message) -> Option<&Attachment> {
    message.attachments.iter().find(|file| file.kind == AttachmentKind::Voice)
}

/// Returns the text of a message with what its voice note says: below what was typed, which may direct it.
#[must_use]
pub fn with_words(typed: &str, said: &str) -> String {
    match typed.trim_end() {
        "" => format!("{SPOKEN}{said}"),
        typed => format!("{typed}\n\n{SPOKEN}{said}"),
    }
}

/// Returns the mark of spoken words, or nothing, and the text after it: directives may be spoken, too.
#[must_use]
pub fn split(text: &str) -> (&str, &str) {
    text.split_at(if text.starts_with(SPOKEN) { SPOKEN.len() } else { 0 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::InstanceId;
    use crate::message::{Address, Chosen, MessageRef, Sender};
    use crate::time::Timestamp;

    fn message(text: &str, kind: AttachmentKind) -> Message {
        let address =
            Address { instance: InstanceId::parse("telegram").unwrap(), chat: "7".to_owned(), thread: None };
        Message {
            upstream: "1".to_owned(),
            message: MessageRef { address, id: "1".to_owned() },
            sender: Sender { id: "ann".to_owned(), name: "Ann".to_owned(), is_bot: false },
            text: text.to_owned(),
            reply_to: None,
            attachments: vec![Attachment { handle: "file".to_owned(), kind, name: None, bytes: None }],
            album: None,
            forwarded: false,
            sent_at: Timestamp::default(),
            chosen: Chosen::default(),
        }
    }

    #[test]
    fn a_voice_note_is_heard_once() {
        for typed in ["", " ", "/codex", "two\n\nparagraphs"] {
            let note = message(typed, AttachmentKind::Voice);
            assert!(unheard(&note).is_some(), "{typed}");
            let text = with_words(typed, "fix the tests");
            assert!(!is_heard(&note), "{typed}");
            let heard = Message { text, ..note };
            assert!(unheard(&heard).is_none() && is_heard(&heard), "{typed}");
        }
        assert!(unheard(&message("", AttachmentKind::File)).is_none(), "files are not listened to");
    }

    #[test]
    fn what_was_typed_stands_before_what_was_said() {
        assert_eq!(with_words("", "fix"), "(voice transcribed) fix");
        assert_eq!(with_words("/codex\n", "fix"), "/codex\n\n(voice transcribed) fix");
    }

    #[test]
    fn the_mark_comes_off_and_nothing_else() {
        assert_eq!(split("(voice transcribed) /codex fix"), ("(voice transcribed) ", "/codex fix"));
        assert_eq!(split("fix (voice transcribed) it"), ("", "fix (voice transcribed) it"));
        assert_eq!(split("(voice"), ("", "(voice"));
    }
}

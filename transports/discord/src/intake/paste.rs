//! Long pastes: where somebody pastes more than a message holds, Discord makes a file of it. It is what they say.

use std::time::Duration;

use takopi_core::message::{Attachment, Message};
use tokio_util::sync::CancellationToken;

use crate::transport::Discord;

/// What Discord calls such a file.
const NAME: &str = "message.txt";

/// Longest paste that is read, in bytes; a longer one stays a file.
const MOST_BYTES: u64 = 64 << 10;

/// How long it may take to be fetched.
const PATIENCE: Duration = Duration::from_secs(10);

/// Puts the text of a paste in the place of its file. What cannot be fetched stays a file.
pub(super) async fn unfold(bot: &Discord, message: &mut Message, stop: &CancellationToken) {
    let Some(paste) = of(message) else { return };
    let mut bytes = Vec::new();
    let fetched = tokio::select! {
        fetched = bot.downloads.fetch(&paste.handle, MOST_BYTES, &mut bytes) => fetched.map_err(|error| error.to_string()),
        () = stop.cancelled() => return,
        () = bot.sleep(PATIENCE) => Err("Discord takes too long".to_owned()),
    };
    match fetched.and_then(|()| String::from_utf8(bytes).map_err(|_| "it is no text".to_owned())) {
        Ok(text) => said(message, &text),
        Err(error) => tracing::warn!(instance = %bot.instance, %error, "a long paste is taken as a file"),
    }
}

/// Returns the file that holds what somebody has pasted.
fn of(message: &Message) -> Option<&Attachment> {
    let is_short = |file: &&Attachment| file.bytes.is_some_and(|bytes| bytes <= MOST_BYTES);
    match message.attachments.as_slice() {
        [file] if file.name.as_deref() == Some(NAME) => Some(file).filter(is_short),
        _ => None,
    }
}

fn said(message: &mut Message, paste: &str) {
    let before = message.text.trim_end();
    message.text = if before.is_empty() { paste.to_owned() } else { format!("{before}\n\n{paste}") };
    message.attachments.clear();
}

#[cfg(test)]
mod tests {
    use takopi_core::id::InstanceId;
    use takopi_core::message::{Address, AttachmentKind, Chosen, MessageRef, Sender};
    use takopi_core::time::Timestamp;

    use super::*;

    fn message(text: &str, names: &[&str]) -> Message {
        let instance = InstanceId::parse("discord").unwrap();
        let file = |name: &&str| Attachment {
            handle: format!("http://files/{name}"),
            kind: AttachmentKind::File,
            name: Some((*name).to_owned()),
            bytes: Some(3000),
        };
        Message {
            upstream: "m9".to_owned(),
            message: MessageRef {
                address: Address { instance, chat: "1".to_owned(), thread: None },
                id: "9".to_owned(),
            },
            sender: Sender { id: "8".to_owned(), name: "bob".to_owned(), is_bot: false },
            text: text.to_owned(),
            reply_to: None,
            attachments: names.iter().map(file).collect(),
            album: None,
            forwarded: false,
            sent_at: Timestamp::default(),
            chosen: Chosen::default(),
        }
    }

    #[test]
    fn a_paste_is_what_somebody_says_after_what_they_typed() {
        for (typed, said_then) in [("", "a\nb"), ("look: ", "look:\n\na\nb")] {
            let mut message = message(typed, &[NAME]);
            assert!(of(&message).is_some());
            said(&mut message, "a\nb");
            assert_eq!((message.text.as_str(), message.attachments.len()), (said_then, 0));
        }
    }

    #[test]
    fn other_files_and_long_ones_stay_files() {
        assert!(of(&message("", &["notes.txt"])).is_none());
        assert!(of(&message("", &[NAME, NAME])).is_none());
        let mut long = message("", &[NAME]);
        long.attachments[0].bytes = Some(MOST_BYTES + 1);
        assert!(of(&long).is_none());
    }
}

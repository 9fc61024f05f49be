//! Bursts: files that somebody sends one by one, and what they say about them just after, belong together.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use takopi_core::message::{Address, Message};
use takopi_core::time::Timestamp;

use crate::places::RecentMap;

/// People in places that are remembered.
const MOST_LANES: usize = 1024;

/// What such a group is called; nobody else's messages are joined with it.
const ALBUM: &str = "burst";

/// When somebody has last sent nothing but files, by place and person.
#[derive(Debug)]
pub(crate) struct Bursts(Mutex<RecentMap<(Address, String), Timestamp>>);

impl Default for Bursts {
    fn default() -> Self {
        Self(Mutex::new(RecentMap::new(MOST_LANES)))
    }
}

impl Bursts {
    /// Returns the group of a message: that of files without a word, and of the message that comes within `window`
    /// after them. What calls a command stands alone.
    pub(super) fn of(&self, message: &Message, window: Duration) -> Option<String> {
        let lane = (message.message.address.clone(), message.sender.id.clone());
        let mut lanes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_files_alone = message.text.trim().is_empty() && message.files().next().is_some();
        let follows = !message.text.starts_with('/')
            && lanes.get(&lane).is_some_and(|last| message.sent_at.since(*last) <= window);
        if is_files_alone {
            lanes.insert(lane, message.sent_at);
        }
        (is_files_alone || follows).then(|| ALBUM.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use takopi_core::id::InstanceId;
    use takopi_core::message::{Attachment, AttachmentKind, Chosen, MessageRef, Sender};

    use super::*;

    const WINDOW: Duration = Duration::from_millis(750);

    fn message(person: &str, text: &str, has_file: bool, ms: i64) -> Message {
        let instance = InstanceId::parse("discord").unwrap();
        let address = Address { instance, chat: "1".to_owned(), thread: Some("2".to_owned()) };
        let file = Attachment { handle: "f".to_owned(), kind: AttachmentKind::File, name: None, bytes: None };
        Message {
            upstream: "m9".to_owned(),
            message: MessageRef { address, id: "9".to_owned() },
            sender: Sender { id: person.to_owned(), name: person.to_owned(), is_bot: false },
            text: text.to_owned(),
            reply_to: None,
            attachments: Some(file).filter(|_| has_file).into_iter().collect(),
            album: None,
            forwarded: false,
            sent_at: Timestamp::from_unix_ms(ms),
            chosen: Chosen::default(),
        }
    }

    #[test]
    fn files_without_a_word_wait_for_each_other_and_for_what_is_said_of_them() {
        let bursts = Bursts::default();
        let joins =
            |person, text, has_file, ms| bursts.of(&message(person, text, has_file, ms), WINDOW).is_some();
        assert!(!joins("bob", "before", false, 0));
        assert!(joins("bob", "", true, 1000) && joins("bob", "", true, 1500));
        assert!(!joins("eve", "mine", false, 1600), "somebody else");
        assert!(!joins("bob", "/status", false, 1600));
        assert!(joins("bob", "what is this?", false, 2200));
        assert!(!joins("bob", "much later", false, 9000));
        assert!(!joins("bob", "with a word", true, 9001));
    }
}

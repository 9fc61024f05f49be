//! A message that may not be complete yet, and how its members become one.

use std::time::Duration;

use super::Gathered;
use crate::message::{Message, MessageRef};
use crate::port::ledger::InboxId;
use crate::speech;
use crate::time::Moment;

/// Most members of a group: Telegram forwards up to 100 messages at once, plus the plain one.
const MAX_MEMBERS: usize = 101;

/// Windows after which a group is complete whatever still arrives.
const MAX_WINDOWS: u32 = 10;

/// Members in the order they came. One that is empty is to be thrown away.
#[derive(Debug)]
pub(super) struct Group {
    members: Vec<(InboxId, Message)>,
    opened: Moment,
    /// When it is complete.
    pub(super) due: Moment,
    /// Whether it takes forwarded messages and the plain one they go with.
    pub(super) forwards: bool,
    /// See [`Gathered::follows`].
    pub(super) follows: Option<InboxId>,
}

impl Group {
    /// Returns a group of one, complete unless there is a window to wait.
    pub(super) fn new(inbox: InboxId, message: Message, window: Option<Duration>, now: Moment) -> Self {
        let due = now + window.unwrap_or_default();
        Self { members: vec![(inbox, message)], opened: now, due, forwards: false, follows: None }
    }

    pub(super) fn is_open(&self, now: Moment) -> bool {
        self.due > now
    }

    /// Returns whether it has a voice note whose words are not known yet.
    pub(super) fn is_unheard(&self) -> bool {
        self.members.iter().any(|(_, message)| speech::unheard(message).is_some())
    }

    /// Returns one of its messages.
    pub(super) fn member(&mut self, message: &MessageRef) -> Option<&mut Message> {
        self.members.iter_mut().map(|(_, member)| member).find(|member| member.message == *message)
    }

    /// Returns the text of one of its messages.
    pub(super) fn text_of(&self, message: &MessageRef) -> Option<&str> {
        let member = self.members.iter().find(|(_, member)| member.message == *message)?;
        Some(&member.1.text)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Returns its place in the line.
    pub(super) fn place(&self) -> Option<InboxId> {
        self.members.iter().map(|(inbox, _)| *inbox).min()
    }

    /// Returns whether it has the message its forwarded ones go with.
    pub(super) fn has_plain(&self) -> bool {
        self.plain().is_some()
    }

    fn plain(&self) -> Option<usize> {
        self.members.iter().position(|(_, message)| self.forwards && !message.forwarded)
    }

    /// Returns whether a part of that album, or a forwarded message, is one of its members.
    pub(super) fn takes(&self, album: Option<&str>, forward: bool) -> bool {
        if forward || self.forwards {
            return forward && self.forwards;
        }
        album.is_some() && self.members.iter().any(|(_, message)| message.album.as_deref() == album)
    }

    /// Takes in a member and waits a window for the next; a full group is complete.
    pub(super) fn add(&mut self, inbox: InboxId, message: Message, window: Duration, now: Moment) {
        self.members.push((inbox, message));
        let latest = self.opened + window.saturating_mul(MAX_WINDOWS);
        self.due = self.due.max((now + window).min(latest));
        if self.members.len() >= MAX_MEMBERS {
            self.close(now);
        }
    }

    /// Makes it complete.
    pub(super) fn close(&mut self, now: Moment) {
        self.due = self.due.min(now);
    }

    /// Takes a member out and returns its number.
    pub(super) fn remove(&mut self, message: &MessageRef) -> Option<InboxId> {
        let index = self.members.iter().position(|(_, member)| member.message == *message)?;
        Some(self.members.remove(index).0)
    }

    /// Makes one message of the members; `None` if there are none.
    pub(super) fn join(mut self) -> Option<Gathered> {
        self.members.sort_by_key(|(inbox, _)| *inbox);
        let text = self.text();
        let plain = self.plain();
        let said = |(_, message): &(InboxId, Message)| !message.text.trim().is_empty();
        let speaker = self.members.iter().position(said).filter(|_| !self.forwards);
        let speaker = speaker.and_then(|index| self.members.get(index)).map(|(_, said)| said.message.clone());
        let (inbox, mut messages): (Vec<InboxId>, Vec<Message>) = self.members.into_iter().unzip();
        let attachments = messages.iter_mut().flat_map(|message| message.attachments.drain(..)).collect();
        let reply_to = messages.iter().find_map(|message| message.reply_to.clone());
        let mut message = messages.into_iter().nth(plain.unwrap_or(0))?;
        message.text = text;
        message.message = speaker.unwrap_or(message.message);
        message.attachments = attachments;
        message.reply_to = message.reply_to.or(reply_to);
        Some(Gathered { inbox, message, follows: self.follows.filter(|_| plain.is_none()) })
    }

    fn text(&self) -> String {
        if let [(_, alone)] = self.members.as_slice() {
            return alone.text.clone();
        }
        let plain = self.plain().and_then(|index| self.members.get(index));
        let others = self.members.iter().filter(|(_, message)| message.forwarded || !self.forwards);
        let texts = plain.into_iter().chain(others).map(|(_, message)| message.text.as_str());
        let mut said = texts.filter(|text| !text.trim().is_empty());
        if self.forwards {
            said.collect::<Vec<_>>().join("\n\n")
        } else {
            said.next().unwrap_or_default().to_owned()
        }
    }
}

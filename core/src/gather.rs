//! What belongs together before it is routed: the parts of an album, forwarded messages with the message
//! that says what to do with them, a voice note and its words. Everything else passes at once; so does a plain
//! message where nothing is ever forwarded.
//!
//! It never reads what a message says, and never changes one that is alone. A group comes out in the place
//! of its first member: what the same person writes in the same chat meanwhile is held behind it. Other
//! people are not. The next stop is `route.rs`.

mod group;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use self::group::Group;
use crate::message::{Address, Message, MessageRef};
use crate::port::ledger::InboxId;
use crate::speech;
use crate::time::Moment;

/// How long a group waits for its next member. Zero switches that kind of joining off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Windows {
    /// For the next part of an album.
    pub album: Duration,
    /// For the next forwarded message, or the plain one they go with; a plain one waits as long for them.
    pub forward: Duration,
}

impl Windows {
    /// Those of a service that has neither albums nor forwards: nothing waits.
    pub const NONE: Self = Self { album: Duration::ZERO, forward: Duration::ZERO };
}

/// How much longer than its window a plain message is named by the forwarded ones that come too late for it.
const LATE: Duration = Duration::from_secs(1);

/// One message for the router, of one or more that were accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gathered {
    /// What it was made of, in the order of acceptance. Never empty.
    pub inbox: Vec<InboxId>,
    /// The message. A joined one has the text of the plain message, then those of the forwarded ones, in
    /// paragraphs; for an album the first text there is. It has all attachments, and stands where that plain
    /// message or first text stands, else the first.
    pub message: Message,
    /// For forwarded messages without a plain one: the plain message that passed just before them, to which
    /// they may belong. Its run may have started.
    pub follows: Option<InboxId>,
}

impl Gathered {
    /// Returns its place in the line: that of its first member.
    #[must_use]
    pub fn place(&self) -> Option<InboxId> {
        self.inbox.first().copied()
    }
}

/// What became of a message that was taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cancelled {
    /// Its number.
    pub inbox: InboxId,
    /// What was held behind it alone.
    pub released: Vec<Gathered>,
}

/// One person in one chat.
type Lane = (Address, String);

/// Joins what belongs together. Holds messages no longer than ten windows each group, and voice notes until
/// they are heard or taken back, which is for the caller to see to; operations take time in proportion to the people who
/// have something held, one or two as a rule.
#[derive(Debug, Default)]
pub struct Gatherer {
    /// Never empty lines; the first group of each still waits.
    lanes: HashMap<Lane, VecDeque<Group>>,
    /// The last plain message of each lane, and until when forwarded ones may follow it.
    passed: HashMap<Lane, (InboxId, Moment)>,
}

impl Gatherer {
    /// Takes in a message, which waits by these windows, and returns what need not wait any longer, in order. One
    /// that forwarded messages cannot belong to, a command for instance, comes without a window for them.
    pub fn push(&mut self, inbox: InboxId, message: Message, windows: Windows, now: Moment) -> Vec<Gathered> {
        self.forget_passed(now);
        let lane = (message.message.address.clone(), message.sender.id.clone());
        // A forwarded file is a matter of its own: what is to be done with it does not hang on a prompt.
        let forward = message.forwarded && !windows.forward.is_zero() && message.files().next().is_none();
        let album = message.album.clone().filter(|_| !windows.album.is_zero());
        let follows = self.passed.get(&lane).map(|(plain, _)| *plain).filter(|_| forward);
        let line = self.lanes.entry(lane.clone()).or_default();

        let window = match (&album, forward) {
            (Some(_), true) => windows.album.max(windows.forward),
            (Some(_), false) => windows.album,
            (None, true) => windows.forward,
            (None, false) => {
                // A forwarded file is nothing that others belong to.
                let window = Some(windows.forward).filter(|it| !it.is_zero() && !message.forwarded);
                if let Some(group) = line.iter_mut().find(|group| group.is_open(now) && group.forwards) {
                    if let Some(window) = window.filter(|_| !group.has_plain()) {
                        group.add(inbox, message, window, now);
                        return self.release(&lane, now);
                    }
                    group.close(now);
                }
                if let Some(window) = window {
                    self.passed.insert(lane.clone(), (inbox, now + window + LATE));
                }
                let mut group = Group::new(inbox, message, window, now);
                group.forwards = window.is_some();
                line.push_back(group);
                return self.release(&lane, now);
            }
        };
        let joins = |group: &&mut Group| group.is_open(now) && group.takes(album.as_deref(), forward);
        match line.iter_mut().find(joins) {
            Some(group) => group.add(inbox, message, window, now),
            None => {
                let mut group = Group::new(inbox, message, Some(window), now);
                (group.forwards, group.follows) = (forward, follows);
                line.push_back(group);
            }
        }
        self.release(&lane, now)
    }

    /// Returns what need not wait any longer, in order.
    pub fn due(&mut self, now: Moment) -> Vec<Gathered> {
        self.forget_passed(now);
        let lanes: Vec<Lane> = self.lanes.keys().cloned().collect();
        in_order(lanes.iter().flat_map(|lane| self.release(lane, now)).collect())
    }

    /// Returns the earliest moment at which [`Self::due`] returns something.
    #[must_use]
    pub fn next_wake(&self) -> Option<Moment> {
        let fronts = self.lanes.values().filter_map(|line| line.front());
        // Time alone does not release a voice note.
        fronts.filter(|group| !group.is_unheard()).map(|group| group.due).min()
    }

    /// Returns whether a message would be held behind others of its sender.
    #[must_use]
    pub fn holds_back(&self, message: &Message) -> bool {
        self.lanes.contains_key(&(message.message.address.clone(), message.sender.id.clone()))
    }

    /// Returns what was typed with a message that is held.
    #[must_use]
    pub fn typed(&self, message: &MessageRef) -> Option<&str> {
        self.lanes.values().flatten().find_map(|group| group.text_of(message))
    }

    /// Gives a message that is held the text it has now; returns whether it is held. A voice note that was heard
    /// keeps its own: an edit knows only what was typed.
    pub fn amend(&mut self, message: &MessageRef, text: &str) -> bool {
        let member = self.lanes.values_mut().flatten().find_map(|group| group.member(message));
        let Some(member) = member.filter(|member| !speech::is_heard(member)) else { return false };
        text.clone_into(&mut member.text);
        true
    }

    /// Gives a voice note that is held the text it has with its words, and returns what need not wait any
    /// longer, in order.
    pub fn heard(&mut self, message: &MessageRef, text: String, now: Moment) -> Vec<Gathered> {
        let found = self.lanes.iter_mut().find_map(|(lane, line)| {
            let member = line.iter_mut().find_map(|group| group.member(message))?;
            Some((lane.clone(), member))
        });
        let Some((lane, member)) = found else { return Vec::new() };
        member.text = text;
        self.release(&lane, now)
    }

    /// Returns all that is held, in order, complete or not.
    pub fn flush(&mut self) -> Vec<Gathered> {
        in_order(self.lanes.drain().flat_map(|(_, line)| line).filter_map(Group::join).collect())
    }

    /// Takes back a message that is held: it was deleted, or is dealt with in another way. `None` when it
    /// isn't held.
    pub fn cancel(&mut self, message: &MessageRef, now: Moment) -> Option<Cancelled> {
        let (lane, inbox) = self.lanes.iter_mut().find_map(|(lane, line)| {
            let inbox = line.iter_mut().find_map(|group| group.remove(message))?;
            line.retain(|group| !group.is_empty());
            // A group that lost its first member has a later place now.
            line.make_contiguous().sort_by_key(Group::place);
            Some((lane.clone(), inbox))
        })?;
        Some(Cancelled { inbox, released: self.release(&lane, now) })
    }

    /// Lets go of the groups of a lane that are complete, as far as none before them still waits.
    fn release(&mut self, lane: &Lane, now: Moment) -> Vec<Gathered> {
        let mut released = Vec::new();
        let Some(line) = self.lanes.get_mut(lane) else { return released };
        while let Some(group) = line.pop_front_if(|group| !group.is_open(now) && !group.is_unheard()) {
            released.extend(group.join());
        }
        if line.is_empty() {
            self.lanes.remove(lane);
        }
        released
    }

    /// Forgets plain messages that passed too long ago for a forwarded one to follow.
    fn forget_passed(&mut self, now: Moment) {
        self.passed.retain(|_, (_, until)| *until > now);
    }
}

fn in_order(mut gathered: Vec<Gathered>) -> Vec<Gathered> {
    gathered.sort_by_key(Gathered::place);
    gathered
}

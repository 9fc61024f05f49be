//! One post on its way: which call comes next, and what its outcome means. Pure; `door.rs` makes the calls.
//!
//! The promise: a post is delivered at least once. A send whose outcome is unknown is repeated once as a
//! send; after a second unknown outcome the part is edited into the run's progress message, which can be
//! repeated until it is definite; without such a message sends go on. Every possible extra copy is counted.

use std::time::Duration;

use serde_json::Map;

use crate::message::{Address, Body, Format, MessageRef};
use crate::pacing::Key;
use crate::port::ledger::{OutboxId, OutboxRow, PartState, Post, ProgressUse};
use crate::port::transport::{RetryScope, SendError, Sent};

/// Unknown outcomes of one part after which it is edited into the progress message.
const UNKNOWN_SENDS: u32 = 2;

/// Pause after a failed call: doubles from the first to the last.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LAST_PAUSE: Duration = Duration::from_secs(64);

/// Characters below which a text that is too long is not cut any further.
const SHORTEST_CUT: usize = 64;

/// What is to be done next for a post.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Call {
    /// Send a part as a new message.
    Send { part: usize },
    /// Put a part into the place of a message.
    Edit { part: usize, message: MessageRef },
    /// Delete a message that is not needed any more.
    Delete { message: MessageRef },
}

/// What the outcome of a call asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Verdict {
    /// A part whose new state is to be written down.
    pub(super) mark: Option<(usize, PartState)>,
    /// How long to leave the chat, or the bot, in peace.
    pub(super) pause: Option<(Duration, RetryScope)>,
}

/// A post and how far it is.
#[derive(Debug)]
pub(super) struct Delivery {
    pub(super) id: OutboxId,
    pub(super) post: Post,
    states: Vec<PartState>,
    /// The run's progress message, while it can be used.
    progress: Option<MessageRef>,
    /// Messages of the post this one revises, by part.
    revised: Vec<MessageRef>,
    to_delete: Vec<MessageRef>,
    failures: u32,
    /// Parts whose formatting the service would not take, sent as they stand.
    plain: Vec<usize>,
    swept: bool,
    /// Who waits for it, where that is known.
    pub(super) asked_by: Option<String>,
    /// A call for it is being made.
    pub(super) under_way: bool,
}

impl Delivery {
    /// Returns the delivery of `row`. `progress` is its run's progress message; `revised` the messages of the
    /// post it revises.
    pub(super) fn new(row: OutboxRow, progress: Option<MessageRef>, revised: Vec<MessageRef>) -> Self {
        let progress = progress.filter(|_| row.post.progress != ProgressUse::Keep);
        // Whoever was trying is gone.
        let found = |state| match state {
            PartState::Trying { unknown } => PartState::Unknown { unknown: unknown + 1 },
            other => other,
        };
        Self {
            id: row.id,
            states: row.states.into_iter().map(found).collect(),
            post: row.post,
            progress,
            revised,
            to_delete: Vec::new(),
            failures: 0,
            plain: Vec::new(),
            swept: false,
            asked_by: None,
            under_way: false,
        }
    }

    /// Returns where the post goes.
    pub(super) fn to(&self) -> &Address {
        &self.post.to
    }

    /// Returns the key of the next call; calls after the last part come after all parts.
    pub(super) fn key(&self) -> Key {
        let open = self.states.iter().position(|state| !is_settled(state));
        Key::Part(self.post.kind, self.id, open.unwrap_or(self.states.len()))
    }

    /// Takes over the messages of the post this one revises.
    pub(super) fn revise(&mut self, messages: Vec<MessageRef>) {
        self.revised = messages;
    }

    /// Learns the run's progress message.
    pub(super) fn set_progress(&mut self, message: Option<MessageRef>) {
        self.progress = message.filter(|_| self.post.progress != ProgressUse::Keep);
    }

    /// Returns the messages that whoever revises this post takes over: those that stand for it, then those
    /// it was to revise itself.
    pub(super) fn legacy(&self) -> Vec<MessageRef> {
        let mut messages = self.messages();
        messages.extend(self.revised.iter().skip(messages.len()).cloned());
        messages
    }

    /// Returns the messages that stand for this post, in order.
    fn messages(&self) -> Vec<MessageRef> {
        let standing = self.states.iter().filter_map(|state| match state {
            PartState::Sent { message, .. } => Some(message.clone()),
            _ => None,
        });
        standing.collect()
    }

    /// Returns possible extra copies: sends whose outcome was unknown.
    pub(super) fn copies(&self) -> u32 {
        self.states.iter().map(unknown_sends).sum()
    }

    /// Returns the next call, or `None` when nothing is left to do.
    pub(super) fn next(&mut self) -> Option<Call> {
        let open = self.states.iter().position(|state| !is_settled(state));
        if let Some(part) = open {
            return Some(self.call_for(part));
        }
        if !self.swept {
            self.swept = true;
            let parts = &self.post.parts;
            // Nothing was put into those: there are fewer parts now, or the part is a file.
            let unused = |index: usize| parts.get(index).is_none_or(Body::has_files);
            let revised = self.revised.drain(..).enumerate();
            self.to_delete.extend(revised.filter(|(index, _)| unused(*index)).map(|(_, message)| message));
            let standing = self.messages();
            if self.post.progress == ProgressUse::Replace || !standing.is_empty() {
                let unused = self.progress.take().filter(|message| !standing.contains(message));
                self.to_delete.extend(unused);
            }
        }
        self.to_delete.last().cloned().map(|message| Call::Delete { message })
    }

    fn call_for(&self, part: usize) -> Call {
        if self.post.parts.get(part).is_some_and(Body::has_files) {
            // No message becomes a file.
            return Call::Send { part };
        }
        if let Some(message) = self.revised.get(part) {
            return Call::Edit { part, message: message.clone() };
        }
        let unknown = self.states.get(part).map_or(0, unknown_sends);
        let become_progress = self.post.progress == ProgressUse::Become || unknown >= UNKNOWN_SENDS;
        match &self.progress {
            Some(message) if part == 0 && become_progress => Call::Edit { part, message: message.clone() },
            _ => Call::Send { part },
        }
    }

    /// Returns what a part looks like in its next call.
    pub(super) fn body(&self, part: usize) -> Option<Body> {
        let body = self.post.parts.get(part)?;
        if !self.plain.contains(&part) {
            return Some(body.clone());
        }
        // What a transport has made of the text says what it will not take.
        Some(Body { format: Format::Plain, extra: Map::new(), ..body.clone() })
    }

    /// Returns the state to write down before a send is tried, so that a crash reads as unknown.
    pub(super) fn trying(&self, part: usize) -> PartState {
        PartState::Trying { unknown: self.states.get(part).map_or(0, unknown_sends) }
    }

    /// Takes the outcome of sending a part.
    pub(super) fn sent(&mut self, part: usize, outcome: Result<Sent, SendError>) -> Verdict {
        let unknown = self.states.get(part).map_or(0, unknown_sends);
        let waiting = if unknown == 0 { PartState::Waiting } else { PartState::Unknown { unknown } };
        match outcome {
            Ok(sent) => self.stands(part, sent.message, unknown),
            Err(SendError::Unknown(_)) => {
                let pause = self.pause();
                self.set(part, PartState::Unknown { unknown: unknown + 1 }, Some((pause, RetryScope::Chat)))
            }
            Err(SendError::RetryAfter { after, scope }) => self.set(part, waiting, Some((after, scope))),
            Err(SendError::Broken(_)) => {
                let pause = self.pause();
                self.set(part, waiting, Some((pause, RetryScope::Chat)))
            }
            Err(SendError::Moved(address)) => {
                self.post.to = address;
                self.set(part, waiting, None)
            }
            Err(error @ (SendError::Denied(_) | SendError::TooLong | SendError::Gone)) => {
                self.rejected(part, &error, waiting)
            }
        }
    }

    /// Takes the outcome of editing a part into a message. Repeating an edit makes no copies.
    pub(super) fn edited(
        &mut self,
        part: usize,
        message: &MessageRef,
        outcome: Result<Sent, SendError>,
    ) -> Verdict {
        let state = self.states.get(part).cloned().unwrap_or(PartState::Waiting);
        let unknown = unknown_sends(&state);
        match outcome {
            Ok(sent) => self.stands(part, sent.message, unknown),
            Err(SendError::RetryAfter { after, scope }) => {
                Verdict { mark: None, pause: Some((after, scope)) }
            }
            Err(SendError::Unknown(_) | SendError::Broken(_)) => {
                let pause = self.pause();
                Verdict { mark: None, pause: Some((pause, RetryScope::Chat)) }
            }
            Err(SendError::Gone | SendError::Moved(_)) => {
                self.send_instead_of(message);
                Verdict { mark: None, pause: None }
            }
            Err(SendError::Denied(_)) if !self.is_markdown(part) => {
                // Too old to be edited, perhaps; it must not say for ever that it is worked on.
                self.send_instead_of(message);
                self.to_delete.push(message.clone());
                Verdict { mark: None, pause: None }
            }
            Err(error @ (SendError::Denied(_) | SendError::TooLong)) => self.rejected(part, &error, state),
        }
    }

    fn send_instead_of(&mut self, message: &MessageRef) {
        self.revised.retain(|revised| revised != message);
        self.progress.take_if(|progress| progress == message);
    }

    fn is_markdown(&self, part: usize) -> bool {
        self.body(part).is_some_and(|body| body.format == Format::Markdown)
    }

    /// Takes the outcome of deleting a message. Clutter is not worth trying for ever.
    pub(super) fn deleted(&mut self, outcome: Result<(), SendError>) -> Verdict {
        match outcome {
            Err(SendError::RetryAfter { after, scope }) => {
                Verdict { mark: None, pause: Some((after, scope)) }
            }
            Err(SendError::Unknown(_) | SendError::Broken(_)) if self.failures < 8 => {
                let pause = self.pause();
                Verdict { mark: None, pause: Some((pause, RetryScope::Chat)) }
            }
            Ok(()) | Err(_) => {
                self.to_delete.pop();
                Verdict { mark: None, pause: None }
            }
        }
    }

    fn stands(&mut self, part: usize, message: MessageRef, unknown: u32) -> Verdict {
        self.failures = 0;
        self.set(part, PartState::Sent { message, unknown }, None)
    }

    /// A form the service will not take is tried once as plain text, a long one cut; a file is told instead. Then it is
    /// given up.
    fn rejected(&mut self, part: usize, error: &SendError, waiting: PartState) -> Verdict {
        let is_markdown = self.is_markdown(part);
        let body = self.post.parts.get_mut(part);
        match (error, body) {
            (SendError::Denied(_) | SendError::TooLong, Some(body)) if body.has_files() => {
                *body = told_instead(body, error);
                self.set(part, waiting, None)
            }
            (SendError::Denied(_), _) if is_markdown => {
                self.plain.push(part);
                self.set(part, waiting, None)
            }
            (SendError::TooLong, Some(body)) if body.text.chars().count() > SHORTEST_CUT => {
                let half = body.text.chars().count() / 2;
                body.extra.clear();
                body.text =
                    body.text.chars().take(half).chain("… (cut: too long for this chat)".chars()).collect();
                self.set(part, waiting, None)
            }
            _ => self.set(part, PartState::Refused { reason: error.to_string() }, None),
        }
    }

    fn set(&mut self, part: usize, state: PartState, pause: Option<(Duration, RetryScope)>) -> Verdict {
        if let Some(slot) = self.states.get_mut(part) {
            *slot = state.clone();
        }
        Verdict { mark: Some((part, state)), pause }
    }

    fn pause(&mut self) -> Duration {
        let pause = FIRST_PAUSE.saturating_mul(1 << self.failures.min(6)).min(LAST_PAUSE);
        self.failures += 1;
        pause
    }
}

/// Returns what is sent instead of a file that the service will not take.
fn told_instead(part: &Body, error: &SendError) -> Body {
    let names: Vec<&str> = part.files.iter().map(|file| file.name.as_str()).collect();
    let what = if names.is_empty() { "the whole answer".to_owned() } else { names.join(", ") };
    let caption = if part.text.is_empty() { String::new() } else { format!("{}\n\n", part.text) };
    Body {
        text: format!("{caption}failed to send file. {what}: {error}"),
        format: Format::Plain,
        files: Vec::new(),
        extra: Map::new(),
        ..part.clone()
    }
}

fn is_settled(state: &PartState) -> bool {
    matches!(state, PartState::Sent { .. } | PartState::Refused { .. })
}

fn unknown_sends(state: &PartState) -> u32 {
    match state {
        PartState::Waiting | PartState::Refused { .. } => 0,
        PartState::Trying { unknown } | PartState::Unknown { unknown } | PartState::Sent { unknown, .. } => {
            *unknown
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::InstanceId;
    use crate::time::Timestamp;

    fn address() -> Address {
        Address { instance: InstanceId::parse("a").unwrap(), chat: "1".to_owned(), thread: None }
    }

    fn message(id: &str) -> MessageRef {
        MessageRef { address: address(), id: id.to_owned() }
    }

    /// A post of one part under whose text its transport has written something.
    fn delivery(key: &str) -> Delivery {
        let mut part = Body::markdown("*hello*");
        part.extra.insert(key.to_owned(), "**hello**".into());
        let post = Post { progress: ProgressUse::Become, ..Post::notice(address(), vec![part]) };
        let states = vec![PartState::Waiting];
        let row = OutboxRow { id: OutboxId(1), posted_at: Timestamp::default(), post, states, closed: false };
        Delivery::new(row, Some(message("7")), Vec::new())
    }

    #[test]
    fn a_text_its_transport_has_laid_out_takes_the_place_of_the_progress_message() {
        assert_eq!(delivery("x.content").next(), Some(Call::Edit { part: 0, message: message("7") }));
        assert_eq!(
            delivery("x.attachment").next(),
            Some(Call::Send { part: 0 }),
            "no message becomes a file"
        );
    }

    #[test]
    fn what_is_said_another_way_leaves_out_what_its_transport_had_made_of_it() {
        let denied = || SendError::Denied("no such format".to_owned());
        let mut delivery = delivery("x.content");
        delivery.sent(0, Err(denied()));
        let plain = Body { format: Format::Plain, ..Body::markdown("*hello*") };
        assert_eq!(delivery.body(0), Some(plain));
        let verdict = delivery.sent(0, Err(denied()));
        assert!(matches!(verdict.mark, Some((0, PartState::Refused { .. }))), "{verdict:?}");
    }
}

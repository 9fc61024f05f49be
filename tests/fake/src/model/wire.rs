//! The three dialects: how a request is read, and how a turn is written. A file each; none does any I/O.

mod chat;
mod messages;
mod responses;

use serde_json::{Value, json};

use super::conversation::Conversation;
use super::script::{Input, Say, refusal};

/// How many bytes of text go into one event, about: enough to be several events, few enough to be quick.
const DELTA_BYTES: usize = 48;

/// A dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Api {
    /// OpenAI Responses, which codex speaks.
    Responses,
    /// Anthropic Messages, which claude speaks.
    Messages,
    /// OpenAI Chat Completions, which opencode and pi speak here.
    Chat,
}

/// A piece of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// A server-sent event, complete.
    Event(String),
    /// Wait until the test releases it.
    Hold,
    /// Cut the connection.
    Cut,
}

impl Api {
    pub(super) fn read(self, body: &Value) -> Conversation {
        let mut conversation = match self {
            Self::Responses => responses::read(body),
            Self::Messages => messages::read(body),
            Self::Chat => chat::read(body),
        };
        conversation.model = body["model"].as_str().unwrap_or("unnamed").to_owned();
        conversation
    }

    /// Writes a turn as a stream; `id` is a number that no other reply has.
    pub(super) fn stream(self, model: &str, says: &[Say], id: u64) -> Vec<Piece> {
        match self {
            Self::Responses => responses::stream(model, says, id),
            Self::Messages => messages::stream(model, says, id),
            Self::Chat => chat::stream(model, says, id),
        }
    }

    /// Writes a turn as one object. Nothing can be held or cut in it.
    pub(super) fn whole(self, model: &str, says: &[Say], id: u64) -> Value {
        match self {
            Self::Responses => responses::whole(model, says, id),
            Self::Messages => messages::whole(model, says, id),
            Self::Chat => chat::whole(model, says, id),
        }
    }

    pub(super) fn refusal(self, status: u16) -> Value {
        let kind = match status {
            400 => "invalid_request_error",
            401 => "authentication_error",
            403 => "permission_error",
            429 => "rate_limit_error",
            529 => "overloaded_error",
            _ => "api_error",
        };
        match self {
            Self::Messages => json!({"type": "error", "error": {"type": kind, "message": refusal(status)}}),
            _ => json!({"error": {"type": kind, "message": refusal(status), "code": kind, "param": null}}),
        }
    }
}

/// A text in the steps it is streamed in.
enum Step<'a> {
    Delta(&'a str),
    Hold,
}

/// Cuts a text into deltas; one that is held stops after the first half of it.
fn steps(say: &Say) -> Vec<Step<'_>> {
    match say {
        Say::Text(text) => deltas(text).map(Step::Delta).collect(),
        Say::Held(text) => {
            let (first, second) = text.split_at(text.floor_char_boundary(text.len() / 2));
            let rest = deltas(second).map(Step::Delta);
            deltas(first).map(Step::Delta).chain([Step::Hold]).chain(rest).collect()
        }
        Say::Call(_) | Say::Cut => Vec::new(),
    }
}

fn deltas(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (delta, after) = rest.split_at_checked(rest.floor_char_boundary(DELTA_BYTES))?;
        rest = after;
        (!delta.is_empty()).then_some(delta)
    })
}

/// Returns the text of a part that has one.
fn text(say: &Say) -> Option<&str> {
    match say {
        Say::Text(text) | Say::Held(text) => Some(text),
        Say::Call(_) | Say::Cut => None,
    }
}

/// Returns what a tool is given, as the text that goes over the wire.
fn written(input: &Input) -> String {
    match input {
        Input::Object(object) => object.to_string(),
        Input::Raw(text) => text.clone(),
    }
}

fn calls(says: &[Say]) -> bool {
    says.iter().any(|say| matches!(say, Say::Call(_)))
}

/// Writes an event whose name stands in its `type` too.
fn named(event: &Value) -> Piece {
    let name = event["type"].as_str().unwrap_or_default();
    Piece::Event(format!("event: {name}\ndata: {event}\n\n"))
}

fn unnamed(event: &Value) -> Piece {
    Piece::Event(format!("data: {event}\n\n"))
}

/// Returns the members of a list; none when it is no list.
fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

//! A body as the messages that show it: translated once, cut to Discord's length, with a file for what is too much.

use serde_json::Value;
use takopi_core::message::{Body, Format};

use super::cut::{Place, count, take};
use super::token::Token;
use super::{MAX_TEXT, dialect, status};
use crate::config::Overflow;

/// Under this key of [`Body::extra`] stands the text of a file that goes with a message.
pub(crate) const ATTACHMENT: &str = "discord.attachment";

/// Under this key of [`Body::extra`] stands the text of a laid-out body in Discord's dialect.
const CONTENT: &str = "discord.content";

/// Most files of one message (Discord docs, "Uploading Files").
const MAX_FILES: usize = 10;

/// Characters that `<@ID>` and a line break take above what a run says first: ids have 20 digits at most.
const MENTION: usize = 24;

/// How bodies are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Layout {
    /// Most messages of one body; a text too long for them goes along as a file.
    pub(crate) max_parts: usize,
    /// What becomes of a text too long for one message.
    pub(crate) overflow: Overflow,
}

/// Returns the `content` of a message that shows a body; of one that was not laid out, the content of its first.
pub(crate) fn text_of(body: &Body) -> String {
    match body.extra.get(CONTENT).and_then(Value::as_str) {
        Some(content) => content.to_owned(),
        None => trimmed(body).0.content,
    }
}

/// Returns `body` as bodies of one message each, whose [`text_of`] has at most [`MAX_TEXT`] characters.
///
/// The header goes with the first, footer, buttons and files with the last. A body that was laid out stays as it is.
pub(crate) fn lay_out(body: &Body, layout: &Layout) -> Vec<Body> {
    if body.extra.contains_key(CONTENT) {
        return vec![body.clone()];
    }
    let (contents, is_whole) = match layout.overflow {
        Overflow::Split => parts(body, layout.max_parts.max(1)),
        Overflow::Trim => (vec![trimmed(body).0], true),
        Overflow::File => {
            let (content, is_whole) = trimmed(body);
            (vec![content], is_whole)
        }
    };
    let last = contents.len().saturating_sub(1);
    let part = |(index, Said { text, content }): (usize, Said)| {
        let mut part =
            if index == last { body.clone() } else { Body { format: body.format, ..Body::default() } };
        part.header = body.header.clone().filter(|_| index == 0);
        part.text = text;
        part.extra.insert(CONTENT.to_owned(), Value::String(content));
        if index == last && !is_whole {
            part.extra.insert(ATTACHMENT.to_owned(), Value::String(body.text.clone()));
        }
        part
    };
    let mut parts: Vec<Body> = contents.into_iter().enumerate().map(part).collect();
    let further = further_files(parts.last_mut());
    parts.extend(further);
    parts
}

/// Returns the files that the last part has no room for, as messages of their own.
fn further_files(last: Option<&mut Body>) -> Vec<Body> {
    let Some(last) = last else { return Vec::new() };
    let most = MAX_FILES - usize::from(last.extra.contains_key(ATTACHMENT));
    let rest = last.files.split_off(last.files.len().min(most));
    let message = |files: &[_]| {
        let mut body = Body { files: files.to_vec(), ..Body::default() };
        body.extra.insert(CONTENT.to_owned(), Value::String(String::new()));
        body
    };
    rest.chunks(MAX_FILES).map(message).collect()
}

/// What one message says: its share of the text, and that with the lines around it.
struct Said {
    text: String,
    content: String,
}

/// A body, translated.
struct Pieces {
    header: String,
    tokens: Vec<Token>,
    footer: String,
}

impl Pieces {
    fn of(body: &Body) -> Self {
        let mut header = status::line(body.header.as_deref().unwrap_or_default());
        let tokens = match body.format {
            Format::Markdown => dialect::tokens(&body.text),
            Format::Plain => dialect::plain(&body.text),
        };
        if !header.is_empty() && !tokens.is_empty() {
            header.push('\n');
        }
        Self { header, tokens, footer: status::footer(&body.footer) }
    }

    fn room(&self, is_first: bool) -> usize {
        let above = if is_first && !self.header.is_empty() { count(&self.header) + MENTION } else { 0 };
        MAX_TEXT.saturating_sub(above)
    }
}

/// Returns the contents of at most `max_parts` messages, and whether they hold all of the text.
fn parts(body: &Body, max_parts: usize) -> (Vec<Said>, bool) {
    let pieces = Pieces::of(body);
    let mut contents: Vec<Said> = Vec::new();
    let mut from = Place::default();
    loop {
        let is_first = contents.is_empty();
        let room = pieces.room(is_first);
        let with_footer = room.saturating_sub(count(&pieces.footer));
        let header = if is_first { pieces.header.as_str() } else { "" };
        let (mut text, mut next) = take(&pieces.tokens, &from, room);
        if next.is_none() && count(&text) > with_footer {
            (text, next) = take(&pieces.tokens, &from, with_footer);
        }
        let is_last = contents.len() + 1 >= max_parts;
        match next {
            None => contents.push(said(header, text, &pieces.footer)),
            Some(_) if is_last => {
                let note = format!("\n-# the whole text is in {}", file_name(body.format));
                let room = with_footer.saturating_sub(count(&note) + ELLIPSIS.len());
                let (text, _) = take(&pieces.tokens, &from, room);
                contents.push(said(header, elided(text), &format!("{note}{}", pieces.footer)));
                return (contents, false);
            }
            Some(place) => {
                contents.push(said(header, text, ""));
                from = place;
                continue;
            }
        }
        return (contents, true);
    }
}

/// Returns the content of one message with as much of a text as it holds, and whether that is all of it.
fn trimmed(body: &Body) -> (Said, bool) {
    let pieces = Pieces::of(body);
    let room = pieces.room(true).saturating_sub(count(&pieces.footer));
    let (text, next) = take(&pieces.tokens, &Place::default(), room);
    if next.is_none() {
        return (said(&pieces.header, text, &pieces.footer), true);
    }
    let (text, _) = take(&pieces.tokens, &Place::default(), room.saturating_sub(ELLIPSIS.len()));
    (said(&pieces.header, elided(text), &pieces.footer), false)
}

/// Stands where the end of a text is not shown.
const ELLIPSIS: &str = "\n…";

fn elided(text: String) -> String {
    // Behind the marker that closes code there can be nothing else.
    let gap = if text.ends_with("```") { "\n" } else { "" };
    format!("{text}{gap}…")
}

fn said(header: &str, text: String, footer: &str) -> Said {
    let content = format!("{header}{text}{footer}").trim().to_owned();
    Said { text, content }
}

/// Returns the name of the file that holds a text.
fn file_name(format: Format) -> &'static str {
    match format {
        Format::Markdown => "answer.md",
        Format::Plain => "answer.txt",
    }
}

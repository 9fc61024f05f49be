//! A body as the messages that show it: what Telegram's limits leave of it, or the parts it is cut into.
//!
//! Cutting is the core's (`render/split.rs`), which counts Markdown. Telegram counts what is shown, so the
//! room is made smaller until what is shown fits.

use serde_json::Value;
use takopi_core::message::{Body, Format};
use takopi_core::port::transport::{TextLimit, TextUnit};
use takopi_core::render::{flatten, split, trim};

use super::{MAX_ENTITIES, MAX_TEXT_UNITS, Rendered, formatted, list, outdent, render};

/// Longest text below a file, in UTF-16 units: Telegram Bot API, sendDocument.
const MAX_CAPTION_UNITS: usize = 1024;

/// How much Markdown a message may have: the first that fits when shown is taken.
const ROOMS: [usize; 9] = [MAX_TEXT_UNITS, 3600, 3100, 2600, 2100, 1600, 1100, 700, 400];

/// Below it a part is left as it is: some of its formatting is dropped.
const LEAST_ROOM: usize = 700;

/// Under this key of [`Body::extra`] stands what [`attachment`] returns.
const ATTACHMENT: &str = "telegram.attachment";

/// What becomes of a text too long for one message: `message_overflow` in the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Overflow {
    /// The end of it is not shown.
    Trim,
    /// It goes on in further messages.
    Split,
    /// The end of it is not shown; the whole of it follows as a file.
    File,
}

/// A text to be sent as a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Attachment<'a> {
    /// The file's name.
    pub(crate) name: &'static str,
    /// What is in it.
    pub(crate) text: &'a str,
}

/// Returns the text that a laid-out body wants sent as a file, with what it shows as the file's caption.
pub(crate) fn attachment(part: &Body) -> Option<Attachment<'_>> {
    let text = part.extra.get(ATTACHMENT)?.as_str()?;
    let name = match part.format {
        Format::Markdown => "answer.md",
        Format::Plain => "answer.txt",
    };
    Some(Attachment { name, text })
}

/// Returns `body` as bodies that each take one call: a message, or a file with its caption.
///
/// What is shown of each has at most [`MAX_TEXT_UNITS`] and [`MAX_ENTITIES`]. Buttons go with the last part
/// of the text, the footer with every part.
pub(crate) fn lay_out(body: &Body, overflow: Overflow) -> Vec<Body> {
    let (text, files) = without_files(body);
    let mut parts = match overflow {
        Overflow::Split => in_parts(&text),
        Overflow::Trim => vec![trimmed(&text)],
        Overflow::File => {
            let short = trimmed(&text);
            let rest = (short.text != text.text).then(|| whole_text(&text));
            std::iter::once(short).chain(rest).collect()
        }
    };
    parts.extend(files);
    parts
}

/// Returns the body without the files that need messages of their own, and these messages.
fn without_files(body: &Body) -> (Body, Vec<Body>) {
    if body.files.is_empty() {
        return (body.clone(), Vec::new());
    }
    let file = |file| Body { footer: body.footer.clone(), files: vec![file], ..Body::default() };
    let says_nothing = body.header.is_none() && body.text.is_empty();
    let is_caption = says_nothing || (has_room(body) && render(body).units() <= MAX_CAPTION_UNITS);
    let mut text = body.clone();
    let others = text.files.split_off(usize::from(is_caption));
    (text, others.into_iter().map(file).collect())
}

/// Returns the message that carries the text of `body` as a file.
fn whole_text(body: &Body) -> Body {
    let mut part = Body { format: body.format, footer: body.footer.clone(), ..Body::default() };
    part.extra.insert(ATTACHMENT.to_owned(), Value::String(body.text.clone()));
    part
}

fn in_parts(body: &Body) -> Vec<Body> {
    if has_room(body) && fits(&formatted(body)) {
        return vec![body.clone()];
    }
    let mut whole = body.clone();
    if body.format == Format::Markdown {
        whole.text = list::renumbered(&list::repaired(&body.text)).into_owned();
    }
    let mut parts = Vec::new();
    for room in ROOMS {
        parts = split(&whole, limit(&whole, room));
        if body.format == Format::Markdown {
            outdent::outdent(&mut parts.iter_mut().map(|part| &mut part.text).collect::<Vec<_>>());
        }
        if parts.iter().all(|part| is_well(part, room)) {
            break;
        }
    }
    parts
}

fn trimmed(body: &Body) -> Body {
    if has_room(body) && formatted(body).units() <= MAX_TEXT_UNITS {
        return body.clone();
    }
    let cut = |room| trim(body, limit(body, room));
    let fitting = ROOMS.into_iter().map(cut).find(|part| formatted(part).units() <= MAX_TEXT_UNITS);
    fitting.unwrap_or_else(|| cut(LEAST_ROOM))
}

fn has_room(body: &Body) -> bool {
    TextUnit::Utf16.count(&flatten(body)) <= MAX_TEXT_UNITS
}

fn is_well(part: &Body, room: usize) -> bool {
    let shown = formatted(part);
    fits(&shown) || (room <= LEAST_ROOM && shown.units() <= MAX_TEXT_UNITS)
}

fn fits(shown: &Rendered) -> bool {
    shown.entities.len() <= MAX_ENTITIES && shown.units() <= MAX_TEXT_UNITS
}

/// Returns the limit that leaves `room` for the text, or as much as there is; header and footer are not
/// shortened by it, which the core does where they take more than a quarter and a half.
fn limit(body: &Body, room: usize) -> TextLimit {
    let count = |text: &str| TextUnit::Utf16.count(text);
    let header = count(body.header.as_deref().unwrap_or_default());
    let frame = count(&flatten(&Body { text: String::new(), ..body.clone() }));
    let max = (frame + room).max(4 * header).max(2 * frame).min(MAX_TEXT_UNITS);
    TextLimit { max, unit: TextUnit::Utf16 }
}

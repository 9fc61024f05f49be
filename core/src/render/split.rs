//! Bodies cut to what one message holds: in several that are all sent, or in one that ends with `…`.

use super::HARD_BREAK;
use super::cut::{Cutter, Place};
use super::fence::fence_parts;
use super::shorten::shorten;
use crate::message::Body;
use crate::port::transport::{TextLimit, TextUnit};

/// Between header, text and footer: a blank line.
const GAP: &str = "\n\n";

/// Returns a body as one text: header, text and footer as paragraphs, the footer's lines with hard breaks.
#[must_use]
pub fn flatten(body: &Body) -> String {
    let footer = body.footer.join(HARD_BREAK);
    let parts = [body.header.as_deref().unwrap_or_default(), &body.text, &footer];
    parts.into_iter().filter(|part| !part.trim().is_empty()).collect::<Vec<_>>().join(GAP)
}

/// Returns `body` as bodies of at most `limit`, counted over header, text and footer as [`flatten`] joins them.
///
/// Every part has the footer, and the header with ` · continued (2/3)` from the second on. Buttons and files
/// go with the last. No text is lost but white space at the cuts; cut code is closed and opened again. Header
/// and footer keep room for the text: one too long for that is shortened, by lines from the top a footer.
/// Limits are those of chat services; one below 200 units may be overrun.
#[must_use]
pub fn split(body: &Body, limit: TextLimit) -> Vec<Body> {
    if fits(body, limit) {
        return vec![body.clone()];
    }
    let frame = framed(body, limit);
    let mut texts = Vec::new();
    // How long the parts' numbers are depends on how many parts there are, and that on their length.
    for digits in 1..=6 {
        let longest = "9".repeat(digits);
        let header = continued(frame.header.as_deref(), &longest, &longest);
        texts = cut(&frame, limit, room(&frame, Some(&header), limit));
        if texts.len().to_string().len() <= digits {
            break;
        }
    }
    let count = texts.len();
    let part = |(index, text): (usize, String)| {
        let number = index + 1;
        let mut part = Body { text, ..frame.clone() };
        if index > 0 {
            part.header = Some(continued(frame.header.as_deref(), &number.to_string(), &count.to_string()));
        }
        if number < count {
            part.buttons.clear();
            part.files.clear();
        }
        part
    };
    texts.into_iter().enumerate().map(part).collect()
}

/// Returns `body` with as much of the start of its text as `limit` allows, `…` after it if that is not all.
/// Header and footer are treated as [`split`] does.
#[must_use]
pub fn trim(body: &Body, limit: TextLimit) -> Body {
    if fits(body, limit) {
        return body.clone();
    }
    let frame = framed(body, limit);
    let room = room(&frame, frame.header.as_deref(), limit).saturating_sub("\n…".len());
    let (mut text, next) = Cutter::new(&frame.text, frame.format, limit.unit).take(Place::default(), room);
    if next.is_some() {
        // Behind the marker that closes code there can be nothing else.
        text.push_str(if ends_with_marker(&text) { "\n…" } else { "…" });
    }
    Body { text, ..frame }
}

fn fits(body: &Body, limit: TextLimit) -> bool {
    limit.unit.count(&flatten(body)) <= limit.max
}

/// Returns `body` with a header of at most a quarter and a footer of at most half of the limit.
fn framed(body: &Body, limit: TextLimit) -> Body {
    let mut frame = body.clone();
    let units_per_char = match limit.unit {
        TextUnit::Chars => 1,
        TextUnit::Utf16 => 2,
    };
    if let Some(header) = frame.header.as_mut().filter(|header| limit.unit.count(header) > limit.max / 4) {
        *header = shorten(header, limit.max / 4 / units_per_char);
    }
    while !frame.footer.is_empty() && limit.unit.count(&frame.footer.join(HARD_BREAK)) > limit.max / 2 {
        frame.footer.remove(0);
    }
    frame
}

/// Returns how many units are left for text.
fn room(frame: &Body, header: Option<&str>, limit: TextLimit) -> usize {
    let empty = Body { header: header.map(str::to_owned), footer: frame.footer.clone(), ..Body::default() };
    limit.max.saturating_sub(limit.unit.count(&flatten(&empty)) + GAP.len()).max(1)
}

fn ends_with_marker(text: &str) -> bool {
    text.lines().next_back().is_some_and(|line| !fence_parts(line).1.is_empty())
}

fn cut(frame: &Body, limit: TextLimit, room: usize) -> Vec<String> {
    let cutter = Cutter::new(&frame.text, frame.format, limit.unit);
    let mut texts = Vec::new();
    let mut next = Some(Place::default());
    while let Some(from) = next {
        let (text, after) = cutter.take(from, room);
        texts.push(text);
        next = after;
    }
    texts.retain(|text| !text.trim().is_empty());
    if texts.is_empty() {
        texts.push(String::new());
    }
    texts
}

fn continued(header: Option<&str>, number: &str, count: &str) -> String {
    match header {
        Some(header) => format!("{header} · continued ({number}/{count})"),
        None => format!("continued ({number}/{count})"),
    }
}

#[cfg(test)]
mod tests;

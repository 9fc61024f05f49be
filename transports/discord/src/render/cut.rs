//! Cuts a text in Discord's dialect into messages: at a blank line if one is near the end, else between lines,
//! sentences, words. What is open is closed and opened again; links, mentions and code within a line stay whole.

use takopi_core::render::code_span;
use unicode_segmentation::UnicodeSegmentation as _;

use super::token::{Mark, QUOTE, Token};

/// What is longer than this, in characters, is cut even where it should stay whole: a message could hold nothing
/// else.
const LONGEST_WHOLE: usize = 1400;

/// With less room than this, in characters, nothing is cut in two.
const LEAST_ROOM: usize = 40;

/// How good it is to cut somewhere. The later, the better.
const WORD: usize = 0;
const SENTENCE: usize = 1;
const LINE: usize = 2;
const PARAGRAPH: usize = 3;

/// Where a part starts.
#[derive(Debug, Clone, Default)]
pub(super) struct Place {
    token: usize,
    /// How many bytes of the token the parts before have.
    done: usize,
    open: Vec<Mark>,
    quoted: bool,
    /// How far the line is indented.
    indent: usize,
    bullet: String,
}

/// A place at which the part may end.
#[derive(Debug, Clone)]
struct Candidate {
    bytes: usize,
    used: usize,
    next: Place,
}

/// A part that is being written.
struct Part {
    text: String,
    used: usize,
    /// Whether anything can be read in it.
    says: bool,
    /// The indentation that all of it is moved left by.
    base: usize,
    /// Where its end would be, in terms of a place.
    at: Place,
    candidates: [Option<Candidate>; 4],
}

impl Part {
    fn push(&mut self, text: &str) {
        self.text.push_str(text);
        self.used += count(text);
    }

    fn closing(&self) -> String {
        self.at.closing()
    }

    fn may_end(&mut self, rank: usize, token: usize) {
        let next = Place { token, done: 0, bullet: String::new(), ..self.at.clone() };
        let candidate = Candidate { bytes: self.text.len(), used: self.used, next };
        if let Some(place) = self.candidates.get_mut(rank).filter(|_| self.says) {
            *place = Some(candidate);
        }
    }
}

impl Place {
    fn closing(&self) -> String {
        self.open.iter().rev().map(|mark| mark.closing(self.quoted)).collect()
    }

    fn in_code(&self) -> bool {
        matches!(self.open.last(), Some(Mark::Fence { .. }))
    }
}

/// Returns the longest good part of at most `budget` characters that starts at `from`, and where the next one starts.
pub(super) fn take(tokens: &[Token], from: &Place, budget: usize) -> (String, Option<Place>) {
    let Some(from) = start(tokens, from) else { return (String::new(), None) };
    let base = from.indent;
    let mut part = Part {
        text: String::new(),
        used: 0,
        says: false,
        base,
        at: from.clone(),
        candidates: [const { None }; 4],
    };
    part.push(if from.quoted { QUOTE } else { "" });
    part.push(&from.bullet);
    for mark in &from.open {
        part.push(&mark.reopening(from.quoted));
    }
    let mut done = from.done;
    for (index, token) in tokens.iter().enumerate().skip(from.token) {
        let text = said(token, done, &part);
        let closing = count(&part.closing());
        let opened = match token {
            Token::Open(mark) => count(&mark.closing(part.at.quoted)),
            _ => 0,
        };
        match token {
            Token::Space(_) => {
                let rank = if ends_sentence(&part.text) { SENTENCE } else { WORD };
                part.may_end(rank, index);
            }
            Token::Break(next) => part.may_end(if next.blank { PARAGRAPH } else { LINE }, index),
            Token::Word(_) | Token::Code(_) | Token::Raw(_) | Token::Open(_) | Token::Close => {}
        }
        let fits = matches!(token, Token::Close) || part.used + count(&text) + opened + closing <= budget;
        if !fits {
            return cut(tokens, part, (index, done), budget);
        }
        part.push(&text);
        done = 0;
        match token {
            Token::Word(_) | Token::Code(_) | Token::Raw(_) => part.says = true,
            Token::Space(_) => {}
            Token::Break(next) => {
                part.base = part.base.min(next.indent);
                (part.at.quoted, part.at.indent) = (next.quoted, next.indent);
            }
            Token::Open(mark) => part.at.open.push(mark.clone()),
            Token::Close => drop(part.at.open.pop()),
        }
    }
    let closing = part.closing();
    (finished(part.text, &closing, false), None)
}

/// Returns where a part really starts: white space and ends of what is open are not carried over.
fn start(tokens: &[Token], from: &Place) -> Option<Place> {
    let mut place = from.clone();
    while let Some(token) = tokens.get(place.token) {
        match token {
            _ if place.done > 0 => return Some(place),
            Token::Space(_) if !place.in_code() => {}
            Token::Break(next) => {
                (place.quoted, place.indent, place.bullet) = (next.quoted, next.indent, next.bullet.clone());
            }
            Token::Close => drop(place.open.pop()),
            _ => return Some(place),
        }
        place.token += 1;
    }
    None
}

/// Returns what a token adds to a part.
fn said(token: &Token, done: usize, part: &Part) -> String {
    let rest = |text: &str| text.get(done..).unwrap_or_default().to_owned();
    match token {
        Token::Word(text) | Token::Raw(text) => rest(text),
        Token::Code(text) => format!("{}{}", apart(&part.text), code_span(&rest(text))),
        Token::Space(text) => text.clone(),
        Token::Break(next) => {
            let gap = match (next.blank, next.quoted && part.at.quoted) {
                (true, true) => format!("\n{QUOTE}\n"),
                (true, false) => "\n\n".to_owned(),
                (false, _) => "\n".to_owned(),
            };
            gap + &next.edge(part.base)
        }
        Token::Open(mark) => mark.opening(part.at.quoted),
        Token::Close => part.at.open.last().map(|mark| mark.closing(part.at.quoted)).unwrap_or_default(),
    }
}

/// Ends a part before the token that is too much for it, or within that token.
fn cut(
    tokens: &[Token],
    mut part: Part,
    (index, done): (usize, usize),
    budget: usize,
) -> (String, Option<Place>) {
    let best = part.candidates.iter().rev().flatten();
    let good = best.clone().find(|candidate| candidate.used >= budget / 2).cloned();
    let any = best.clone().max_by_key(|candidate| candidate.used).cloned();
    let whole = tokens.get(index).is_none_or(|token| said_length(token, done) <= LONGEST_WHOLE);
    let end = |candidate: Candidate, mut part: Part| {
        part.text.truncate(candidate.bytes);
        let closing = candidate.next.closing();
        let in_code = candidate.next.in_code();
        (finished(part.text, &closing, in_code), Some(candidate.next))
    };
    if let Some(good) = good {
        return end(good, part);
    }
    let room = budget.saturating_sub(part.used + count(&part.closing()));
    if let Some(any) = any.filter(|_| whole || room < LEAST_ROOM) {
        return end(any, part);
    }
    let (head, bytes) = match tokens.get(index) {
        Some(Token::Word(text)) => head(text.get(done..).unwrap_or_default(), room, Kind::Word),
        Some(Token::Raw(text)) => head(text.get(done..).unwrap_or_default(), room, Kind::Raw),
        Some(Token::Code(text)) => head(text.get(done..).unwrap_or_default(), room, Kind::Code),
        // White space that no message could hold.
        _ => (String::new(), 0),
    };
    let past = usize::from(matches!(tokens.get(index), Some(Token::Space(_))));
    let next = Place { token: index + past, done: done + bytes, bullet: String::new(), ..part.at.clone() };
    if matches!(tokens.get(index), Some(Token::Code(_))) {
        let apart = apart(&part.text);
        part.push(apart);
    }
    part.push(&head);
    let closing = part.closing();
    let in_code = part.at.in_code();
    (finished(part.text, &closing, in_code), Some(next))
}

/// How a text is cut where it must be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Word,
    Code,
    Raw,
}

/// Returns the start of a text as it is shown in at most `room` characters, and its bytes: one character at least.
fn head(text: &str, room: usize, kind: Kind) -> (String, usize) {
    // What stands around code within a line: at most two backticks and a blank on both sides, and what keeps it apart.
    let room = if kind == Kind::Code { room.saturating_sub(7) } else { room }.max(1);
    let end = text.char_indices().nth(room).map_or(text.len(), |(at, _)| at);
    let fitting = text.get(..end).unwrap_or_default();
    let blank = fitting.rfind([' ', '\t']).map(|at| at + 1).filter(|at| kind == Kind::Raw && *at > end / 2);
    let whole = || {
        let starts = text.grapheme_indices(true).map(|(at, _)| at).take_while(|at| *at <= end);
        let legal = |at: &usize| {
            let before = text.get(..*at).unwrap_or_default();
            let slashes = before.bytes().rev().take_while(|byte| *byte == b'\\').count();
            *at > 0 && (kind != Kind::Word || slashes % 2 == 0)
        };
        let starts: Vec<usize> = starts.collect();
        starts.into_iter().rev().find(legal).unwrap_or(end)
    };
    let bytes = blank.unwrap_or_else(whole);
    let head = text.get(..bytes).unwrap_or_default();
    (if kind == Kind::Code { code_span(head) } else { head.to_owned() }, bytes)
}

/// Returns what keeps the backticks of code apart from others right before them.
pub(super) fn apart(before: &str) -> &'static str {
    if before.ends_with('`') { "\u{200b}" } else { "" }
}

fn said_length(token: &Token, done: usize) -> usize {
    match token {
        Token::Word(text) | Token::Raw(text) | Token::Code(text) => {
            count(text.get(done..).unwrap_or_default())
        }
        _ => 0,
    }
}

fn finished(mut text: String, closing: &str, in_code: bool) -> String {
    if !in_code {
        text.truncate(text.trim_end().len());
    }
    text + closing
}

fn ends_sentence(text: &str) -> bool {
    let text = text.trim_end_matches(['*', ')', '"', '\'', '”', '»', '_', '~']);
    text.ends_with(['.', '!', '?', '…', ':', ';', '。', '！', '？', '；'])
}

/// Returns the length of a text as Discord counts it: in Unicode scalar values.
pub(super) fn count(text: &str) -> usize {
    text.chars().count()
}

//! Cuts a text into parts that read well on their own: at a paragraph's border if one is near, else between
//! lines, words, characters; code that is cut is closed and opened again, a table's names are repeated.

use super::fence::{Kind, Line, fence_parts, lines_of, plain_lines_of};
use super::shorten::whole_character;
use crate::message::Format;
use crate::port::transport::TextUnit;

/// Longest info string that is repeated when code is opened again, in bytes.
const MAX_INFO_BYTES: usize = 64;

/// A text that is being cut.
pub(super) struct Cutter<'a> {
    text: &'a str,
    lines: Vec<Line<'a>>,
    unit: TextUnit,
}

/// Where a part starts.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Place {
    at: usize,
    line: usize,
    again: Option<Again>,
}

/// What a part repeats before its own text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Again {
    /// The opening of the code opened in that line.
    Code(usize),
    /// The names of a table's columns, in that line.
    Table(usize),
}

/// How good it is to cut between two lines. The later, the better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Border {
    Inner = 0,
    Line = 1,
    Paragraph = 2,
}

/// A line after which the text may be cut, and how many units go before.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    line: usize,
    used: usize,
}

impl<'a> Cutter<'a> {
    pub(super) fn new(text: &'a str, format: Format, unit: TextUnit) -> Self {
        let lines = match format {
            Format::Markdown => lines_of(text),
            Format::Plain => plain_lines_of(text),
        };
        Self { text, lines, unit }
    }

    /// Returns the longest good part that starts at `from` and has at most `budget` units, and where the
    /// next one starts. Takes a character at least, and ends after the text's last.
    pub(super) fn take(&self, from: Place, budget: usize) -> (String, Option<Place>) {
        let mut used = self.unit.count(&self.intro(from));
        let mut candidates: [Option<Candidate>; 3] = [None; 3];
        for (index, line) in self.lines.iter().enumerate().skip(from.line) {
            let rest = self.slice(line.start.max(from.at), line.end());
            let content = rest.trim_end_matches(['\n', '\r']);
            let closing = self.unit.count(&self.closing_after(index, from));
            // Measured only as far as it may go: a line can be many times the budget.
            let room = budget.checked_sub(used + closing);
            if room.is_none_or(|room| fit(content, room, self.unit) < content.len()) {
                return self.cut(from, budget, candidates, Candidate { line: index, used });
            }
            used += self.unit.count(rest);
            let place = self.border(index).and_then(|border| candidates.get_mut(border as usize));
            if let Some(place) = place {
                *place = Some(Candidate { line: index, used });
            }
        }
        let last = self.lines.len().saturating_sub(1);
        (self.part(from, self.text.len(), &self.closing_after(last, from)), None)
    }

    /// Cuts at the best of `candidates`, or inside of the first line that is too much.
    fn cut(
        &self,
        from: Place,
        budget: usize,
        candidates: [Option<Candidate>; 3],
        over: Candidate,
    ) -> (String, Option<Place>) {
        let best = || candidates.into_iter().rev().flatten();
        if let Some(good) = best().find(|candidate| candidate.used >= budget / 4) {
            return self.cut_after(from, good.line, budget);
        }
        let whole = |line: &Line<'_>| !matches!(line.kind, Kind::Text | Kind::Code(_) | Kind::TableRow(_));
        let room = budget.saturating_sub(over.used + self.unit.count(&self.closing_inside(over.line, from)));
        let keep_whole = room < budget / 4 || self.lines.get(over.line).is_some_and(whole);
        if let Some(any) = best().next().filter(|_| keep_whole) {
            return self.cut_after(from, any.line, budget);
        }
        // With hardly any room the line before is the end, however it reads.
        match over.line.checked_sub(1).filter(|before| room < budget.div_ceil(4) && *before >= from.line) {
            Some(before) => self.cut_after(from, before, budget),
            None => self.cut_inside(from, over.line, room, budget),
        }
    }

    fn cut_after(&self, from: Place, line: usize, budget: usize) -> (String, Option<Place>) {
        let (Some(last), Some(next)) = (self.lines.get(line), self.lines.get(line + 1)) else {
            return (self.part(from, self.text.len(), ""), None);
        };
        let part = self.part(from, last.end(), &self.closing_after(line, from));
        let again = match (last.kind, next.kind) {
            (Kind::Opener, _) => self.affordable(Again::Code(line), budget),
            (Kind::Code(opener), _) => self.affordable(Again::Code(opener), budget),
            (_, Kind::TableRow(head)) => self.affordable(Again::Table(head), budget),
            _ => None,
        };
        let blank = self.lines.iter().skip(line + 1).take_while(|line| line.kind == Kind::Blank).count();
        let line = line + 1 + blank;
        (part, self.lines.get(line).map(|next| Place { at: next.start, line, again }))
    }

    fn cut_inside(&self, from: Place, line: usize, room: usize, budget: usize) -> (String, Option<Place>) {
        let Some(over) = self.lines.get(line) else {
            return (self.part(from, self.text.len(), ""), None);
        };
        let start = over.start.max(from.at);
        let content = self.slice(start, over.start + over.content().len());
        let code = match over.kind {
            Kind::Code(opener) => Some(opener),
            _ => None,
        };
        let (end, next) = self.break_line(content, room, code.is_some());
        let part = self.part(from, start + end, &self.closing_inside(line, from));
        let again = code.and_then(|opener| self.affordable(Again::Code(opener), budget));
        (part, Some(Place { at: start + next, line, again }))
    }

    /// Returns where the first part of a line ends, and where the next one starts.
    fn break_line(&self, content: &str, room: usize, code: bool) -> (usize, usize) {
        let first = content.chars().next().map_or(0, char::len_utf8);
        let end = fit(content, room, self.unit).max(first);
        let with_next = content.get(..=end).or_else(|| content.get(..end)).unwrap_or(content);
        // A blank inside of code is code: it stays. Elsewhere the cut takes its place.
        let blank = |at: &usize| *at > end / 2 && (!code || *at < end);
        if let Some(at) = with_next.rfind([' ', '\t']).filter(blank) {
            let head = if code { at + 1 } else { content.split_at(at).0.trim_end().len() };
            let next = if code { at + 1 } else { content.len() - content.split_at(at).1.trim_start().len() };
            if head > 0 && !opens_code(content.split_at(next).1) {
                return (head, next);
            }
        }
        let mut place = whole_character(content, end);
        while place > 0 && opens_code(content.split_at(place).1) {
            place = content.floor_char_boundary(place - 1);
        }
        let place = if place == 0 { end } else { place };
        (place, place)
    }

    /// Returns how good it is to cut after a line; `None` where what follows would not make sense alone.
    fn border(&self, line: usize) -> Option<Border> {
        Some(match (self.lines.get(line)?.kind, self.lines.get(line + 1)?.kind) {
            (Kind::Opener | Kind::TableHead | Kind::TableRule, _) | (_, Kind::Closer(_)) => return None,
            (Kind::Code(_), _) | (_, Kind::TableRow(_)) => Border::Inner,
            (Kind::Blank | Kind::Closer(_), _) | (_, Kind::Blank | Kind::Opener | Kind::TableHead) => {
                Border::Paragraph
            }
            _ => Border::Line,
        })
    }

    /// Returns the text from `from` to `end` with what it repeats before and `closing` after it.
    fn part(&self, from: Place, end: usize, closing: &str) -> String {
        let mut part = self.intro(from);
        let own = part.len();
        for line in self.lines.iter().skip(from.line).take_while(|line| line.start < end) {
            let text = self.slice(line.start.max(from.at), line.end().min(end));
            let reopened =
                matches!(line.kind, Kind::Closer(opener) if from.again == Some(Again::Code(opener)));
            // Code that is opened again stands further left, and a marker indented by four closes nothing.
            let (prefix, _, _) = fence_parts(line.text);
            let strip = if reopened && reopened_prefix(prefix).is_empty() { prefix.len() } else { 0 };
            part.push_str(text.get(strip..).unwrap_or(text));
        }
        if closing.is_empty() {
            part.truncate(part.trim_end().len().max(own));
        } else if part.ends_with('\n') {
            // The line end that `take` did not count; `closing` brings its own.
            part.pop();
            part.truncate(part.trim_end_matches('\r').len());
        }
        part.push_str(closing);
        part
    }

    fn intro(&self, from: Place) -> String {
        match from.again {
            None => String::new(),
            Some(Again::Code(opener)) => {
                let (prefix, marker, info) = self.fence(opener);
                let info = if info.len() > MAX_INFO_BYTES { "" } else { info };
                format!("{}{marker}{info}\n", reopened_prefix(prefix))
            }
            Some(Again::Table(head)) => {
                let rows = self.lines.iter().skip(head).take(2);
                rows.map(|row| format!("{}\n", row.content())).collect()
            }
        }
    }

    /// Returns `again` if repeating it leaves half of the budget.
    fn affordable(&self, again: Again, budget: usize) -> Option<Again> {
        let intro = self.intro(Place { again: Some(again), ..Place::default() });
        (self.unit.count(&intro) <= budget / 2).then_some(again)
    }

    /// Returns what closes the code that is open after a line.
    fn closing_after(&self, line: usize, from: Place) -> String {
        match self.lines.get(line).map(|line| line.kind) {
            Some(Kind::Opener) => self.closing(line, from),
            _ => self.closing_inside(line, from),
        }
    }

    /// Returns what closes the code that a line is part of.
    fn closing_inside(&self, line: usize, from: Place) -> String {
        match self.lines.get(line).map(|line| line.kind) {
            Some(Kind::Code(opener)) => self.closing(opener, from),
            _ => String::new(),
        }
    }

    fn closing(&self, opener: usize, from: Place) -> String {
        let (prefix, marker, _) = self.fence(opener);
        if from.again == Some(Again::Code(opener)) {
            format!("\n{}{marker}", reopened_prefix(prefix))
        } else if self.lines.get(opener).is_some_and(|line| line.start >= from.at) {
            format!("\n{prefix}{marker}")
        } else {
            String::new()
        }
    }

    fn fence(&self, opener: usize) -> (&str, &str, &str) {
        self.lines.get(opener).map_or(("", "", ""), |line| fence_parts(line.text))
    }

    fn slice(&self, start: usize, end: usize) -> &'a str {
        self.text.get(start..end).unwrap_or_default()
    }
}

/// Returns what stands before a marker when code is opened again: a quote goes on, the indentation of a list
/// that is not there any more would make the marker code itself.
fn reopened_prefix(prefix: &str) -> &str {
    if prefix.len() > 3 && !prefix.contains('>') { "" } else { prefix }
}

/// Returns the bytes of the longest start of `text` that has at most `room` units.
fn fit(text: &str, room: usize, unit: TextUnit) -> usize {
    let mut units = 0;
    let over = text.char_indices().find(|(_, character)| {
        units += match unit {
            TextUnit::Chars => 1,
            TextUnit::Utf16 => character.len_utf16(),
        };
        units > room
    });
    over.map_or(text.len(), |(at, _)| at)
}

/// Returns whether a line of this text would open or close code.
fn opens_code(text: &str) -> bool {
    !fence_parts(text).1.is_empty()
}

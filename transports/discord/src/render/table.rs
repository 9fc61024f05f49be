//! Tables, which Discord cannot show: in columns as code, one that is too wide or holds links as lines for each row.

use pulldown_cmark::{Alignment, Event, Tag, TagEnd};
use takopi_core::message::Format;
use unicode_width::UnicodeWidthStr;

use super::dialect::{Walk, fenced};
use super::token::{Break, Mark, Token};
use super::words;

/// Most columns of a fixed-width font that a window of usual width shows without breaking lines.
const MAX_COLUMNS: usize = 90;

/// Longest names of columns that are repeated in each message, in bytes.
const MAX_AGAIN_BYTES: usize = 300;

/// Between two columns.
const GUTTER: &str = "  ";

type Cell<'a> = Vec<Event<'a>>;

/// A table whose end has not come yet; its first row are the names.
#[derive(Debug)]
pub(super) struct Table<'a> {
    columns: Vec<Alignment>,
    rows: Vec<Vec<Cell<'a>>>,
}

impl<'a> Table<'a> {
    pub(super) fn new(columns: Vec<Alignment>) -> Self {
        Self { columns, rows: Vec::new() }
    }

    pub(super) fn take(&mut self, event: Event<'a>) {
        match event {
            Event::Start(Tag::TableHead | Tag::TableRow) => self.rows.push(Vec::new()),
            Event::Start(Tag::TableCell) => {
                if let Some(row) = self.rows.last_mut() {
                    row.push(Vec::new());
                }
            }
            Event::End(TagEnd::TableHead | TagEnd::TableRow | TagEnd::TableCell) => {}
            event => {
                if let Some(cell) = self.rows.last_mut().and_then(|row| row.last_mut()) {
                    cell.push(event);
                }
            }
        }
    }

    /// Writes the table into a line that was begun, further ones with `edge`.
    pub(super) fn write(self, out: &mut Vec<Token>, edge: &Break) {
        match self.in_columns() {
            Some(lines) => {
                if let Some(Token::Break(edge)) = out.last_mut()
                    && edge.bullet.is_empty()
                {
                    edge.indent = 0;
                }
                let again: String = lines.iter().take(2).map(|line| format!("{line}\n")).collect();
                let again = if again.len() > MAX_AGAIN_BYTES { String::new() } else { again };
                fenced(&lines.join("\n"), String::new(), again, out, edge);
            }
            None => self.in_rows(out, edge),
        }
    }

    /// Returns the lines of the table in columns, unless it is too wide or something in it can be clicked.
    fn in_columns(&self) -> Option<Vec<String>> {
        let is_link = |event: &Event<'_>| matches!(event, Event::Start(Tag::Link { .. } | Tag::Image { .. }));
        if self.rows.iter().flatten().flatten().any(is_link) {
            return None;
        }
        let mut widths: Vec<usize> = Vec::new();
        let mut rows: Vec<Vec<String>> = Vec::new();
        for row in &self.rows {
            let row: Vec<String> = row.iter().map(|cell| plain(cell)).collect();
            widths.resize(widths.len().max(row.len()), 0);
            for (width, cell) in widths.iter_mut().zip(&row) {
                *width = (*width).max(cell.width());
            }
            if widths.iter().sum::<usize>() + GUTTER.len() * widths.len().saturating_sub(1) > MAX_COLUMNS {
                return None;
            }
            rows.push(row);
        }
        let mut lines: Vec<String> = rows.iter().map(|row| self.line(row, &widths)).collect();
        let rule: Vec<String> = widths.iter().map(|width| "─".repeat(*width)).collect();
        lines.insert(lines.len().min(1), rule.join(GUTTER));
        Some(lines)
    }

    fn line(&self, row: &[String], widths: &[usize]) -> String {
        let cells = row.iter().zip(widths).enumerate().map(|(column, (cell, width))| {
            let pad = width.saturating_sub(cell.width());
            let left = match self.columns.get(column) {
                Some(Alignment::Right) => pad,
                Some(Alignment::Center) => pad / 2,
                _ => 0,
            };
            format!("{}{cell}{}", " ".repeat(left), " ".repeat(pad - left))
        });
        cells.collect::<Vec<_>>().join(GUTTER).trim_end().to_owned()
    }

    fn in_rows(self, out: &mut Vec<Token>, edge: &Break) {
        let mut rows = self.rows.into_iter();
        let names: Vec<String> = rows.next().unwrap_or_default().iter().map(|cell| plain(cell)).collect();
        if rows.len() == 0 {
            return words::write(&names.join(" · "), false, Format::Plain, out);
        }
        for (number, row) in rows.enumerate() {
            let cells = row.into_iter().zip(&names).filter(|(cell, _)| !cell.is_empty());
            for (column, (cell, name)) in cells.enumerate() {
                if number > 0 || column > 0 {
                    out.push(Token::Break(Break { blank: column == 0, ..edge.clone() }));
                }
                if !name.is_empty() {
                    out.push(Token::Open(Mark::Style("**")));
                    words::write(name, false, Format::Plain, out);
                    out.extend([Token::Word(":".to_owned()), Token::Close, Token::Space(" ".to_owned())]);
                }
                let mut walk = Walk::new("");
                walk.out.push(Token::Space(String::new()));
                cell.into_iter().for_each(|event| walk.inline(event));
                walk.inline(Event::Text("".into()));
                walk.inline(Event::End(TagEnd::TableCell));
                out.append(&mut walk.out);
            }
        }
    }
}

/// Returns the text of a cell.
fn plain(cell: &[Event<'_>]) -> String {
    let piece = |event: &Event<'_>| match event {
        Event::Text(text) | Event::Code(text) | Event::Html(text) | Event::InlineHtml(text) => {
            text.to_string()
        }
        Event::SoftBreak | Event::HardBreak => " ".to_owned(),
        _ => String::new(),
    };
    cell.iter().map(piece).collect()
}

//! Tables on a phone: a narrow one in columns, a wide one as a paragraph for each row.

use pulldown_cmark::{Alignment, Event, Tag, TagEnd};
use unicode_width::UnicodeWidthStr;

use super::EntityKind;
use super::writer::Writer;

/// Most columns of a fixed-width font that a phone held upright shows without breaking lines.
const MAX_COLUMNS: usize = 36;

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

    /// Writes the table, each cell of a wide one with `inline`.
    pub(super) fn write(self, out: &mut Writer, inline: impl Fn(&mut Writer, Cell<'a>)) {
        match self.in_columns() {
            Some(text) => out.code_block(&text, None),
            None => self.in_rows(out, inline),
        }
    }

    /// Returns the table in columns, unless it is too wide or something in it can be tapped.
    fn in_columns(&self) -> Option<String> {
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
        Some(lines.join("\n"))
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

    fn in_rows(self, out: &mut Writer, inline: impl Fn(&mut Writer, Cell<'a>)) {
        let mut rows = self.rows.into_iter();
        let names: Vec<String> = rows.next().unwrap_or_default().iter().map(|cell| plain(cell)).collect();
        if rows.len() == 0 {
            out.push(&names.join(" · "));
        }
        for (number, row) in rows.enumerate() {
            if number > 0 {
                out.end_block();
                out.start_block(|| true);
            }
            let mut first = true;
            for (name, cell) in names.iter().zip(row) {
                if cell.is_empty() {
                    continue;
                }
                if !first {
                    out.new_line();
                }
                let start = out.place();
                if !name.is_empty() {
                    out.push(&format!("{name}: "));
                }
                inline(out, cell);
                if first {
                    out.mark(EntityKind::Bold, start);
                }
                first = false;
            }
        }
    }
}

/// Returns what a cell says, without how.
fn plain(cell: &[Event<'_>]) -> String {
    let text = cell.iter().filter_map(|event| match event {
        Event::Text(text) | Event::Code(text) | Event::Html(text) | Event::InlineHtml(text) => {
            Some(text.as_ref())
        }
        _ => None,
    });
    text.collect()
}

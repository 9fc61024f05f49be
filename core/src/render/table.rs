//! Tables of Markdown for services that have none: gathered from the parser's events, laid out in columns of a
//! fixed-width font. How a table that fits in none is told is the service's affair.

use pulldown_cmark::{Alignment, Event, Tag, TagEnd};
use unicode_width::UnicodeWidthStr;

/// Between two columns.
const GUTTER: &str = "  ";

/// What stands in a cell.
pub type Cell<'a> = Vec<Event<'a>>;

/// A table whose end has not come yet; its first row are the names.
#[derive(Debug)]
pub struct Table<'a> {
    columns: Vec<Alignment>,
    rows: Vec<Vec<Cell<'a>>>,
}

impl<'a> Table<'a> {
    /// Returns a table with no rows yet, by how its columns are aligned.
    #[must_use]
    pub fn new(columns: Vec<Alignment>) -> Self {
        Self { columns, rows: Vec::new() }
    }

    /// Takes an event between the table's start and its end.
    pub fn take(&mut self, event: Event<'a>) {
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

    /// Returns the lines of the table in columns, a rule below the names; `None` when it is wider than `max_columns`
    /// characters of one column each, or when something in it can be clicked.
    #[must_use]
    pub fn in_columns(&self, max_columns: usize) -> Option<Vec<String>> {
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
            if widths.iter().sum::<usize>() + GUTTER.len() * widths.len().saturating_sub(1) > max_columns {
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

    /// Returns the names of the columns, and the rows below them.
    pub fn into_rows(self) -> (Vec<String>, impl ExactSizeIterator<Item = Vec<Cell<'a>>>) {
        let mut rows = self.rows.into_iter();
        (rows.next().unwrap_or_default().iter().map(|cell| plain(cell)).collect(), rows)
    }
}

/// Returns what a cell says, without how.
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

#[cfg(test)]
mod tests {
    use super::*;
    use pulldown_cmark::{Options, Parser};

    fn table(text: &str) -> Table<'_> {
        let mut events = Parser::new_ext(text, Options::ENABLE_TABLES);
        let Some(Event::Start(Tag::Table(columns))) = events.next() else { panic!("no table: {text}") };
        let mut table = Table::new(columns);
        events.take_while(|event| *event != Event::End(TagEnd::Table)).for_each(|event| table.take(event));
        table
    }

    #[test]
    fn columns_are_as_wide_as_they_need_and_aligned_as_they_say() {
        let table = table("|a|漢字|c|\n|-|:-:|-:|\n|`one`|x|1|\n|**b**|yy|20|\n");
        let lines = table.in_columns(13).unwrap();
        assert_eq!(lines, ["a    漢字   c", "───  ────  ──", "one   x     1", "b     yy   20"]);
        assert_eq!(table.in_columns(12), None, "one column less is too few");
    }

    #[test]
    fn a_table_with_a_link_is_told_by_its_rows() {
        let table = table("|a|b|\n|-|-|\n|[x](https://x.y)|2|\n");
        assert_eq!(table.in_columns(100), None);
        let (names, mut rows) = table.into_rows();
        assert_eq!((names, rows.len()), (vec!["a".to_owned(), "b".to_owned()], 1));
        assert_eq!(rows.next().unwrap()[1], [Event::Text("2".into())]);
    }
}

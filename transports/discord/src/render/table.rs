//! Tables, which Discord cannot show: in columns as code, one that is too wide or holds links as lines for each row.

use pulldown_cmark::{Event, TagEnd};
use takopi_core::message::Format;
use takopi_core::render::Table;

use super::dialect::{Walk, fenced};
use super::token::{Break, Mark, Token};
use super::words;

/// Most columns of a fixed-width font that a window of usual width shows without breaking lines.
const MAX_COLUMNS: usize = 90;

/// Longest names of columns that are repeated in each message, in bytes.
const MAX_AGAIN_BYTES: usize = 300;

/// Writes the table into a line that was begun, further ones with `edge`.
pub(super) fn write(table: Table<'_>, out: &mut Vec<Token>, edge: &Break) {
    match table.in_columns(MAX_COLUMNS) {
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
        None => in_rows(table, out, edge),
    }
}

fn in_rows(table: Table<'_>, out: &mut Vec<Token>, edge: &Break) {
    let (names, rows) = table.into_rows();
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

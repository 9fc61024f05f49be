//! Tables on a phone: a narrow one in columns, a wide one as a paragraph for each row.

use takopi_core::render::{Cell, Table};

use super::EntityKind;
use super::writer::Writer;

/// Most columns of a fixed-width font that a phone held upright shows without breaking lines.
const MAX_COLUMNS: usize = 36;

/// Writes the table, each cell of a wide one with `inline`.
pub(super) fn write<'a>(table: Table<'a>, out: &mut Writer, inline: impl Fn(&mut Writer, Cell<'a>)) {
    match table.in_columns(MAX_COLUMNS) {
        Some(lines) => out.code_block(&lines.join("\n"), None),
        None => in_rows(table, out, inline),
    }
}

fn in_rows<'a>(table: Table<'a>, out: &mut Writer, inline: impl Fn(&mut Writer, Cell<'a>)) {
    let (names, rows) = table.into_rows();
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

//! The table of what the agent CLIs did in the tests, in `docs/engines.md`.
//!
//! Every test leaves a cell, a file `ROW/COLUMN` with what it found; a CLI that no test tells of has no row. The
//! table that follows from them must be the one that stands in the document; `TAKOPI_WRITE_TABLE=1` writes it there
//! instead.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use super::AGENTS;

const DOCUMENT: &str = "docs/engines.md";
const BEGIN: &str = "<!-- written by `cargo xtask test agents`: begin -->";
const END: &str = "<!-- written by `cargo xtask test agents`: end -->";

/// The columns: the name of the cell and the heading.
const COLUMNS: [(&str, &str); 9] = [
    ("version", "version"),
    ("answer", "answer"),
    ("tool", "tool"),
    ("edit", "edit"),
    ("resume", "resume"),
    ("cancel", "cancel tree clean"),
    ("error", "error told once"),
    ("retry", "retry"),
    ("large", "200 kB prompt"),
];

/// Makes the folder for the cells, empty, and returns it.
pub(crate) fn cells(root: &Path) -> anyhow::Result<PathBuf> {
    let folder = place(root);
    match fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
        _ => fs::create_dir_all(&folder)?,
    }
    Ok(folder)
}

fn place(root: &Path) -> PathBuf {
    root.join("target/agent-cells")
}

/// Compares the document with the cells, or writes it by them.
///
/// # Errors
/// When they differ, a cell is missing, or the document has no place for the table.
pub(crate) fn judge(root: &Path) -> anyhow::Result<()> {
    let table = render(&read(&place(root))?)?;
    let path = root.join(DOCUMENT);
    let document = fs::read_to_string(&path).context(DOCUMENT)?;
    let renewed = with_table(&document, &table)?;
    if renewed == document {
        return Ok(());
    }
    println!("{table}");
    if std::env::var_os("TAKOPI_WRITE_TABLE").is_some() {
        return fs::write(&path, renewed).context(DOCUMENT);
    }
    bail!("{DOCUMENT} says otherwise; TAKOPI_WRITE_TABLE=1 cargo xtask test agents writes it")
}

type Cells = BTreeMap<(String, String), String>;

fn read(folder: &Path) -> anyhow::Result<Cells> {
    let mut cells = Cells::new();
    for agent in &AGENTS {
        for (column, _) in COLUMNS {
            let file = folder.join(agent.row).join(column);
            if file.exists() {
                cells.insert((agent.row.to_owned(), column.to_owned()), fs::read_to_string(file)?);
            }
        }
    }
    Ok(cells)
}

fn render(cells: &Cells) -> anyhow::Result<String> {
    let line = |cells: Vec<&str>| format!("| {} |\n", cells.join(" | "));
    let mut table = line(std::iter::once("engine").chain(COLUMNS.map(|(_, heading)| heading)).collect());
    let dashes = "---|".repeat(COLUMNS.len() + 1);
    table.extend(["|", &dashes, "\n"]);
    for agent in AGENTS.iter().filter(|agent| cells.keys().any(|(row, _)| row == agent.row)) {
        let mut row = vec![agent.program];
        for (column, _) in COLUMNS {
            let cell = cells.get(&(agent.row.to_owned(), column.to_owned()));
            row.push(cell.with_context(|| format!("no test told of {}: {column}", agent.row))?.trim());
        }
        table.push_str(&line(row));
    }
    Ok(table)
}

fn with_table(document: &str, table: &str) -> anyhow::Result<String> {
    let (before, rest) = document.split_once(BEGIN).context("docs/engines.md has no begin of the table")?;
    let (_, after) = rest.split_once(END).context("docs/engines.md has no end of the table")?;
    Ok(format!("{before}{BEGIN}\n{table}{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> Cells {
        let columns = |row: &'static str| {
            COLUMNS.map(|(column, _)| ((row.to_owned(), column.to_owned()), "✓\n".to_owned()))
        };
        AGENTS.iter().flat_map(|agent| columns(agent.row)).collect()
    }

    #[test]
    fn the_table_has_a_row_for_each_cli_that_was_tried_and_replaces_the_older_one() {
        let mut cells = full();
        cells.insert(("codex".to_owned(), "version".to_owned()), "1.2.3".to_owned());
        cells.retain(|(row, _), _| row != "claude-newer");
        let table = render(&cells).unwrap();
        assert_eq!(table.lines().count(), 2 + AGENTS.len() - 1);
        assert_eq!(table.lines().nth(2), Some("| codex | 1.2.3 | ✓ | ✓ | ✓ | ✓ | ✓ | ✓ | ✓ | ✓ |"));
        let document = format!("# Title\n{BEGIN}\nold\n{END}\nthe rest\n");
        let renewed = with_table(&document, &table).unwrap();
        assert_eq!(renewed, format!("# Title\n{BEGIN}\n{table}{END}\nthe rest\n"));
        assert_eq!(with_table(&renewed, &table).unwrap(), renewed);
    }

    #[test]
    fn a_cell_that_no_test_told_of_is_an_error() {
        let mut cells = full();
        cells.remove(&("pi".to_owned(), "cancel".to_owned()));
        assert_eq!(render(&cells).unwrap_err().to_string(), "no test told of pi: cancel");
    }
}

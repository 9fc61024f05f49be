//! What the lines of a Markdown text are, as far as cutting needs it: fenced code, tables, blank lines.

/// Longest marker taken for one: a longer one could not be repeated in each part.
const MAX_MARKER: usize = 32;

/// A line, and what it is part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line<'a> {
    /// Where it starts in the text, in bytes.
    pub(super) start: usize,
    /// It, with its line end.
    pub(super) text: &'a str,
    pub(super) kind: Kind,
}

/// What a line is part of. Numbers are those of lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// White space outside of code.
    Blank,
    /// Anything else outside of code.
    Text,
    /// Opens fenced code.
    Opener,
    /// Code of the fence opened by that line.
    Code(usize),
    /// Closes the fence opened by that line.
    Closer(usize),
    /// The names of a table's columns.
    TableHead,
    /// The line between the names and the rows of a table.
    TableRule,
    /// A row of the table whose names stand in that line.
    TableRow(usize),
}

impl Line<'_> {
    /// Returns the byte after the line and its end.
    pub(super) fn end(&self) -> usize {
        self.start + self.text.len()
    }

    /// Returns the line without its end.
    pub(super) fn content(&self) -> &str {
        self.text.trim_end_matches(['\n', '\r'])
    }
}

/// Returns the lines of a Markdown text.
pub(super) fn lines_of(text: &str) -> Vec<Line<'_>> {
    let mut all: Vec<Line<'_>> = Vec::new();
    let mut open: Option<(usize, &str)> = None;
    let mut table: Option<usize> = None;
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let at = all.len();
        let (_, marker, info) = fence_parts(line);
        let kind = match open {
            Some((opener, opened_by)) if marker.starts_with(opened_by) && info.is_empty() => {
                open = None;
                Kind::Closer(opener)
            }
            Some((opener, _)) => Kind::Code(opener),
            None if opens(marker, info) => {
                open = Some((at, marker));
                Kind::Opener
            }
            None if line.trim().is_empty() => Kind::Blank,
            None if is_table_rule(line) && all.last().is_some_and(|head| is_table_head(head)) => {
                if let Some(head) = all.last_mut() {
                    head.kind = Kind::TableHead;
                }
                table = at.checked_sub(1);
                Kind::TableRule
            }
            None => match table {
                Some(head) if line.contains('|') => Kind::TableRow(head),
                _ => Kind::Text,
            },
        };
        if !matches!(kind, Kind::TableRule | Kind::TableRow(_)) {
            table = None;
        }
        all.push(Line { start, text: line, kind });
        start += line.len();
    }
    all
}

/// Returns the lines of a text that is shown as it stands.
pub(super) fn plain_lines_of(text: &str) -> Vec<Line<'_>> {
    let mut start = 0;
    let line = |text| {
        let line = Line { start, text, kind: Kind::Text };
        start += line.text.len();
        if line.text.trim().is_empty() { Line { kind: Kind::Blank, ..line } } else { line }
    };
    text.split_inclusive('\n').map(line).collect()
}

/// Returns what stands before a fence's marker, the marker (empty when the line has none), and the info.
pub(super) fn fence_parts(line: &str) -> (&str, &str, &str) {
    let prefix = line.find(|c: char| !matches!(c, ' ' | '\t' | '>')).unwrap_or(line.len());
    let (prefix, rest) = line.split_at(prefix);
    let run = |mark: char| rest.find(|c| c != mark).unwrap_or(rest.len());
    let length = run('`').max(run('~'));
    if !(3..=MAX_MARKER).contains(&length) {
        return (prefix, "", "");
    }
    let (marker, info) = rest.split_at(length);
    (prefix, marker, info.trim())
}

/// Returns `text` with fenced code at its end closed.
pub(super) fn close_fence(text: &str) -> String {
    let lines = lines_of(text);
    let opener = lines.last().and_then(|line| match line.kind {
        Kind::Opener => Some(line),
        Kind::Code(opener) => lines.get(opener),
        _ => None,
    });
    match opener.map(|opener| fence_parts(opener.text)) {
        Some((prefix, marker, _)) => format!("{}\n{prefix}{marker}", text.trim_end_matches('\n')),
        None => text.to_owned(),
    }
}

fn opens(marker: &str, info: &str) -> bool {
    // Backticks after backticks are inline code; tildes may be followed by anything.
    !marker.is_empty() && (marker.starts_with('~') || !info.contains('`'))
}

fn is_table_head(line: &Line<'_>) -> bool {
    line.kind == Kind::Text && line.text.contains('|')
}

fn is_table_rule(line: &str) -> bool {
    let line = line.trim();
    line.contains('-')
        && line.contains('|')
        && line.chars().all(|c| matches!(c, '|' | '-' | ':' | ' ' | '\t'))
}

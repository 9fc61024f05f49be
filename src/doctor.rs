//! What `takopi doctor` finds: rows, and how they are shown to people and to programs. Looking is `doctor/look.rs`
//! and the files beside it; nothing they do changes anything.

mod engines;
mod look;
mod plugins;
mod projects;
mod transports;

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::{Map, Value};
use takopi_core::port::SetupIssue;
use takopi_core::settings::Diagnostic;
use takopi_core::text::visible;
use unicode_width::UnicodeWidthStr;

pub(crate) use look::look;

/// What a row is about. The names are a promise to programs that read the JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Part {
    /// The config file.
    Config,
    /// The process that holds the ledger.
    Daemon,
    /// An engine.
    Engine,
    /// What an engine printed that nobody knows.
    Drift,
    /// A project.
    Project,
    /// The ledger.
    Ledger,
    /// A transport.
    Transport,
    /// A plugin.
    Plugin,
}

impl Part {
    const fn heading(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Daemon => "daemon",
            Self::Engine => "engines",
            Self::Drift => "unknown events",
            Self::Project => "projects",
            Self::Ledger => "ledger",
            Self::Transport => "transports",
            Self::Plugin => "plugins",
        }
    }
}

/// How it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// As it should be.
    Ok,
    /// Worth knowing, and nothing wrong.
    Note,
    /// Something may not be as it seems.
    Warning,
    /// Something doesn't work.
    Failure,
}

impl State {
    /// Returns its mark, and the number of its colour: ECMA-48, SGR.
    const fn mark(self) -> (char, u8) {
        match self {
            Self::Ok => ('✓', 32),
            Self::Note => ('·', 2),
            Self::Warning => ('!', 33),
            Self::Failure => ('✗', 31),
        }
    }
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Row {
    part: Part,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    state: State,
    text: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    remedy: Vec<String>,
    #[serde(flatten)]
    facts: Map<String, Value>,
}

impl Row {
    fn new(part: Part, state: State, text: impl Into<String>) -> Self {
        let (name, remedy, facts) = (None, Vec::new(), Map::new());
        Self { part, name, state, text: text.into(), remedy, facts }
    }

    fn name(self, name: impl ToString) -> Self {
        Self { name: Some(name.to_string()), ..self }
    }

    fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy.push(remedy.into());
        self
    }

    /// Adds something that programs may want to read by itself.
    fn fact(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.facts.insert(key.to_owned(), value.into());
        self
    }

    fn mistake(part: Part, state: State, mistake: &Diagnostic) -> Self {
        Self::new(part, state, mistake.finding()).remedy(&mistake.remedy)
    }

    fn issue(part: Part, state: State, issue: SetupIssue) -> Self {
        Self { remedy: issue.remedy, ..Self::new(part, state, issue.title) }
    }
}

/// All that was looked at.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Checkup {
    /// The version that looked.
    takopi: String,
    /// Whether nothing fails.
    ok: bool,
    rows: Vec<Row>,
}

impl Checkup {
    fn new(mut rows: Vec<Row>) -> Self {
        rows.sort_by_key(|row| row.part);
        let ok = rows.iter().all(|row| row.state != State::Failure);
        Self { takopi: env!("CARGO_PKG_VERSION").to_owned(), ok, rows }
    }

    /// Returns whether nothing fails.
    pub(crate) const fn is_ok(&self) -> bool {
        self.ok
    }

    /// Returns it as people read it, in lines of `columns`, without a final newline.
    pub(crate) fn render(&self, colour: bool, columns: usize) -> String {
        let mut lines = vec![format!("takopi {}", self.takopi)];
        let mut heading = None;
        for row in &self.rows {
            if heading.replace(row.part) != Some(row.part) {
                lines.push(String::new());
                lines.push(row.part.heading().to_owned());
            }
            let of_part = self.rows.iter().filter(|other| other.part == row.part);
            let names = of_part.filter_map(|other| other.name.as_ref()).map(|name| name.chars().count());
            row.draw(&mut lines, names.max().unwrap_or(0), colour, columns);
        }
        let failures = self.rows.iter().filter(|row| row.state == State::Failure).count();
        lines.push(String::new());
        lines.push(match failures {
            0 => "nothing fails".to_owned(),
            1 => "1 thing fails".to_owned(),
            several => format!("{several} things fail"),
        });
        lines.join("\n")
    }
}

impl Row {
    /// Draws its line, and a line for every remedy below it. `width` is that of the longest name of its part.
    fn draw(&self, lines: &mut Vec<String>, width: usize, colour: bool, columns: usize) {
        let (mark, number) = self.state.mark();
        let mut line = match colour {
            true => format!("  \u{1b}[{number}m{mark}\u{1b}[0m "),
            false => format!("  {mark} "),
        };
        let mut indent = 4;
        if width > 0 {
            let name = self.name.as_deref().unwrap_or_default();
            if write!(line, "{name:width$}  ").is_err() {
                tracing::debug!("a row of the checkup was not drawn");
            }
            indent += width + 2;
        }
        // Names and versions of other programs end up here.
        let mut text = wrapped(&visible(&self.text), columns.saturating_sub(indent)).into_iter();
        line.push_str(&text.next().unwrap_or_default());
        lines.push(line);
        let remedies =
            self.remedy.iter().flat_map(|line| wrapped(&visible(line), columns.saturating_sub(indent)));
        lines.extend(text.chain(remedies).map(|line| format!("{:indent$}{line}", "")));
    }
}

/// Breaks a text between words into lines of `width` columns; a longer word, such as a path, stays whole.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.width() + 1 + word.width() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests;

//! The config file as a tree that remembers where each key was written.
//!
//! Bytes come in, however the shell got them; what cannot be read as TOML comes out as diagnostics.
//! Next stop: `layer.rs`, which lays environment and flags over the tree.

use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value as Json;
use toml::Spanned;
use toml::de::{DeTable, DeValue};
use toml::value::Datetime;

use super::diagnostic::{Diagnostic, Place, Severity};

/// What the shell found where the config file should be.
#[derive(Debug, Clone)]
pub struct ConfigFile {
    /// Its absolute path.
    pub path: PathBuf,
    /// Whether a person named it (`--config`, `TAKOPI_CONFIG`): then it must exist.
    pub named: bool,
    /// Its bytes, or why they could not be read.
    pub content: Result<Vec<u8>, ErrorKind>,
}

/// A value and where it was written. No `Debug` of the value: it may be a secret.
#[derive(Clone, PartialEq)]
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) place: Place,
}

#[derive(Clone, PartialEq)]
pub(super) enum Value {
    /// From environment or command line: what it means depends on what its reader expects.
    Text(String),
    String(String),
    /// `None` when it does not fit 64 bits.
    Integer(Option<i64>),
    Float(f64),
    Boolean(bool),
    Datetime(Datetime),
    Array(Vec<Node>),
    Table(Vec<Entry>),
}

/// A key with its value, in the order of the file; `node.place` is where the key stands.
#[derive(Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) node: Node,
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.key, self.node.place)
    }
}

impl Node {
    pub(super) fn entries(&self) -> Option<&[Entry]> {
        match &self.value {
            Value::Table(entries) => Some(entries),
            _ => None,
        }
    }

    /// Returns the value without its places; dates become texts.
    pub(super) fn to_json(&self) -> Json {
        match &self.value {
            Value::Text(text) | Value::String(text) => text.as_str().into(),
            Value::Integer(number) => (*number).into(),
            Value::Float(number) => (*number).into(),
            Value::Boolean(truth) => (*truth).into(),
            Value::Datetime(time) => time.to_string().into(),
            Value::Array(items) => items.iter().map(Self::to_json).collect(),
            Value::Table(entries) => Json::Object(to_map(entries)),
        }
    }
}

pub(super) fn to_map(entries: &[Entry]) -> serde_json::Map<String, Json> {
    entries.iter().map(|entry| (entry.key.clone(), entry.node.to_json())).collect()
}

/// Returns the entry called `key`.
pub(super) fn find<'a>(entries: &'a [Entry], key: &str) -> Option<&'a Node> {
    entries.iter().find(|entry| entry.key == key).map(|entry| &entry.node)
}

/// Returns `path` as people write it.
pub(super) fn shown(path: &Path, home: Option<&Path>) -> Arc<str> {
    match home.and_then(|home| path.strip_prefix(home).ok()) {
        Some(rest) => format!("~/{}", rest.display()).into(),
        None => path.display().to_string().into(),
    }
}

/// Reads the file; no file where none is needed is an empty one.
pub(super) fn parse(file: &ConfigFile, path: &Arc<str>) -> Result<Vec<Entry>, Vec<Diagnostic>> {
    let whole = Place::File { path: path.clone(), at: None };
    let bytes = match &file.content {
        Ok(bytes) => bytes,
        Err(ErrorKind::NotFound) if !file.named => return Ok(Vec::new()),
        Err(kind) => return Err(vec![unreadable(*kind, whole)]),
    };
    let text = std::str::from_utf8(bytes).map_err(|broken| {
        let before = String::from_utf8_lossy(&bytes[..broken.valid_up_to()]);
        let lines = Lines { path, text: &before };
        vec![Diagnostic {
            severity: Severity::Error,
            place: lines.place(before.len()),
            key: lines.key_at(before.len()),
            problem: "the file is not UTF-8 from here on".to_owned(),
            remedy: "save it as UTF-8".to_owned(),
        }]
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines = Lines { path, text };
    let (root, broken) = DeTable::parse_recoverable(text);
    if broken.is_empty() {
        return Ok(entries(root.into_inner(), &lines));
    }
    Err(lines.broken(&broken))
}

fn unreadable(kind: ErrorKind, place: Place) -> Diagnostic {
    let (problem, remedy) = match kind {
        ErrorKind::NotFound => {
            ("there is no such config file".to_owned(), "correct the path, or write the file".to_owned())
        }
        ErrorKind::IsADirectory => (
            "this is a directory, not a config file".to_owned(),
            format!("name the file in it, e.g. {place}/takopi.toml"),
        ),
        ErrorKind::PermissionDenied => {
            ("the config file may not be read".to_owned(), format!("try: chmod u+r {place}"))
        }
        kind => {
            (format!("the config file cannot be read: {kind}"), "look at the file and its disk".to_owned())
        }
    };
    Diagnostic { severity: Severity::Error, place, key: String::new(), problem, remedy }
}

fn entries(table: DeTable<'_>, lines: &Lines<'_>) -> Vec<Entry> {
    let mut spanned: Vec<_> = table.into_iter().collect();
    spanned.sort_by_key(|(key, _)| key.span().start);
    let entry = |(key, value): (Spanned<std::borrow::Cow<'_, str>>, Spanned<DeValue<'_>>)| {
        let place = lines.place(key.span().start);
        Entry {
            key: key.into_inner().into_owned(),
            node: Node { value: convert(value.into_inner(), lines), place },
        }
    };
    spanned.into_iter().map(entry).collect()
}

fn convert(value: DeValue<'_>, lines: &Lines<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::String(text.into_owned()),
        DeValue::Integer(number) => Value::Integer(i64::from_str_radix(number.as_str(), number.radix()).ok()),
        DeValue::Float(number) => Value::Float(number.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(truth) => Value::Boolean(truth),
        DeValue::Datetime(time) => Value::Datetime(time),
        DeValue::Array(items) => {
            let item = |item: Spanned<DeValue<'_>>| {
                let place = lines.place(item.span().start);
                Node { value: convert(item.into_inner(), lines), place }
            };
            Value::Array(items.into_iter().map(item).collect())
        }
        DeValue::Table(table) => Value::Table(entries(table, lines)),
    }
}

/// Turns byte offsets into lines and columns.
struct Lines<'a> {
    path: &'a Arc<str>,
    text: &'a str,
}

impl Lines<'_> {
    fn place(&self, offset: usize) -> Place {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        Place::File { path: self.path.clone(), at: Some((line, column)) }
    }

    /// Returns the key or table on the line of `offset`, as far as it can be told. Never the value.
    fn key_at(&self, offset: usize) -> String {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let start = before.rfind('\n').map_or(0, |end| end + 1);
        let line = self.text[start..].lines().next().unwrap_or("").trim();
        if line.starts_with('[') {
            return header(line).to_owned();
        }
        let Some(key) = key_of(line) else { return String::new() };
        let table = before[..start].lines().rev().map(str::trim).find(|line| line.starts_with('['));
        match table.map(header) {
            Some(table) if !table.is_empty() => format!("{table}.{key}"),
            _ => key.to_owned(),
        }
    }

    /// One diagnostic per broken line: further errors on it follow from the first.
    fn broken(&self, errors: &[toml::de::Error]) -> Vec<Diagnostic> {
        let start = |error: &toml::de::Error| error.span().map_or(0, |span| span.start);
        let mut errors: Vec<_> = errors.iter().collect();
        let before = |error: &toml::de::Error| self.text.get(..start(error)).unwrap_or(self.text);
        let line = |error: &toml::de::Error| before(error).matches('\n').count();
        errors.sort_by_key(|error| (line(error), !error.message().contains(NO_VALUE), start(error)));
        errors.dedup_by_key(|error| line(error));
        let tell = |error: &toml::de::Error| {
            let rest = self.text.get(start(error)..).and_then(|rest| rest.lines().next()).unwrap_or("");
            let nothing = rest.trim().is_empty() && error.message().contains("must be quoted");
            let (problem, remedy) = explain(if nothing { NO_VALUE } else { error.message() });
            let place = self.place(start(error));
            let key = self.key_at(start(error));
            Diagnostic { severity: Severity::Error, place, key, problem, remedy: remedy.to_owned() }
        };
        errors.into_iter().map(tell).collect()
    }
}

/// Returns the name in a line like `[name]`; nothing when it is a list after all.
fn header(line: &str) -> &str {
    let name = line.trim_start_matches('[').split([']', '#', '=']).next().unwrap_or("").trim();
    if name.chars().all(is_of_key) { name } else { "" }
}

/// Returns the key of a line like `key = value`. A line inside a longer text may look like one (`dG9rZW4=`
/// ends in what looks like an equals sign), so there must be more than that.
fn key_of(line: &str) -> Option<&str> {
    let (key, value) = line.split_once(['=', ':'])?;
    let is_pair = key.ends_with(' ') || !value.trim_start_matches('=').is_empty();
    let key = key.split_whitespace().next()?;
    (is_pair && key.chars().all(is_of_key)).then_some(key)
}

fn is_of_key(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')
}

/// What the parser says of a key alone on its line.
const NO_VALUE: &str = "key with no value";

/// Says what the parser's `message` means and what to do about it. The messages hold no values.
fn explain(message: &str) -> (String, &'static str) {
    let known = [
        ("must be quoted", "this is no value", "put text in quotes: \"…\""),
        ("basic string", "this text is not closed", "end it with \" on the same line"),
        ("literal string", "this text is not closed", "end it with ' on the same line"),
        ("unclosed table", "this table's name is not closed", "end it with ]"),
        ("unclosed array", "this list is not closed", "end it with ]"),
        ("unclosed inline table", "this table is not closed", "end it with }"),
        ("missing comma", "the list before this is not closed", "end it with ], or put a comma before this"),
        ("duplicate key", "this is written twice", "keep one of the two"),
        (NO_VALUE, "there is no value", "write key = value"),
        ("unquoted keys cannot be empty", "there is no key", "write key = value"),
        ("invalid unquoted key", "this is no key", "use letters, digits, - and _, or put the key in quotes"),
        ("unexpected key or value", "something follows the value", "start a new line for the next key"),
        ("leading zero", "a number does not begin with 0", "leave the 0 out, or put text in quotes"),
        ("boolean", "this is no value", "write true or false in small letters, or put text in quotes"),
        ("escape", "\\ stands before a letter that means nothing", "write \\\\ for \\, or use '…'"),
        ("unicode", "\\ stands before a letter that means nothing", "write \\\\ for \\, or use '…'"),
        ("invalid time", "this is neither a number nor a time", "put text in quotes: \"…\""),
        ("invalid date", "this is neither a number nor a date", "put text in quotes: \"…\""),
    ];
    match known.into_iter().find(|(part, _, _)| message.contains(part)) {
        Some((_, problem, remedy)) => (problem.to_owned(), remedy),
        None => (format!("not TOML ({})", message.lines().next().unwrap_or("")), "see https://toml.io"),
    }
}

//! How a room reads its table: key by key, each with what is expected, so that every mistake of every
//! room is told in the same words, and a key nobody asked for is told too.
//!
//! A key that cannot be used is a diagnostic and reads as if it weren't there: reading goes on, so that
//! one start tells all mistakes.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::diagnostic::{Diagnostic, Place, Severity, closest, has_errors};
use super::layer::list;
use super::secret::{Secret, names_a_secret};
use super::source::{Entry, Node, Value, find, to_map};

/// A table of the config that a room types: `[engines.shell]`, `[transports.local]`, …
///
/// `read` asks for each key it knows and fills in its own defaults; it has no way to fail. Whoever asked
/// for the table decides what its diagnostics mean.
pub trait ConfigTable: Sized {
    /// Reads the table; one that isn't written reads as empty.
    fn read(table: &mut Table<'_>) -> Self;
}

/// A table that is nobody's to check: a plugin's. Everything is taken as it is written, dates as texts.
impl ConfigTable for serde_json::Map<String, serde_json::Value> {
    fn read(table: &mut Table<'_>) -> Self {
        table.entries.iter().for_each(|entry| table.leave(&entry.key));
        to_map(table.entries)
    }
}

/// A table as it was read, and what is wrong with it.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading<T> {
    /// The table; where something was wrong, as if that weren't there.
    pub value: T,
    /// Errors and warnings, in the order of the file.
    pub diagnostics: Vec<Diagnostic>,
}

impl<T> Reading<T> {
    /// Returns the value with its warnings.
    ///
    /// # Errors
    /// All diagnostics, when one of them is an error: what the table configures is not to be used.
    pub fn usable(self) -> Result<(T, Vec<Diagnostic>), Vec<Diagnostic>> {
        if has_errors(&self.diagnostics) { Err(self.diagnostics) } else { Ok((self.value, self.diagnostics)) }
    }
}

/// Where written paths begin.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Base {
    pub(super) home: Option<PathBuf>,
    pub(super) dir: PathBuf,
}

impl Base {
    /// Returns the path `text` means, seen from `from`.
    pub(super) fn resolve(&self, text: &str, from: &Path) -> PathBuf {
        match (text.strip_prefix('~'), &self.home) {
            (Some(rest), Some(home)) if rest.is_empty() || rest.starts_with('/') => {
                home.join(rest.trim_start_matches('/'))
            }
            _ => from.join(text),
        }
    }
}

/// A table being read.
#[derive(Debug)]
pub struct Table<'a> {
    pub(super) entries: &'a [Entry],
    /// Dotted, empty for the file itself.
    pub(super) path: String,
    pub(super) place: Place,
    pub(super) base: &'a Base,
    pub(super) diagnostics: &'a mut Vec<Diagnostic>,
    asked: Vec<String>,
    /// Keys that may be there but belong to somebody else.
    foreign: Vec<String>,
}

impl<'a> Table<'a> {
    pub(super) fn new(
        entries: &'a [Entry],
        path: &str,
        place: Place,
        base: &'a Base,
        diagnostics: &'a mut Vec<Diagnostic>,
    ) -> Self {
        Self {
            entries,
            path: path.to_owned(),
            place,
            base,
            diagnostics,
            asked: Vec::new(),
            foreign: Vec::new(),
        }
    }

    /// Returns whether `key` is written. This alone doesn't make it a known key.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        find(self.entries, key).is_some()
    }

    /// Reads a text, stripped; it may not be empty. `example` is a TOML literal.
    pub fn string(&mut self, key: &str, example: &str) -> Option<String> {
        self.read(key, "text", example, text)
    }

    /// Reads a text this table cannot do without.
    pub fn required_string(&mut self, key: &str, example: &str) -> Option<String> {
        if !self.has(key) {
            self.missing(key, example);
        }
        self.string(key, example)
    }

    /// Reads a secret: it is never shown, in diagnostics neither.
    pub fn secret(&mut self, key: &str) -> Option<Secret> {
        self.read(key, "text", "\"…\"", |node| text(node).map(Secret::new))
    }

    /// Reads a whole number within `range`.
    pub fn integer(&mut self, key: &str, range: RangeInclusive<i64>, default: i64) -> i64 {
        self.optional_integer(key, range, default).unwrap_or(default)
    }

    /// Reads a whole number within `range` that has no default.
    pub fn optional_integer(&mut self, key: &str, range: RangeInclusive<i64>, example: i64) -> Option<i64> {
        let expected = match (*range.start(), *range.end()) {
            (i64::MIN, i64::MAX) => "a whole number".to_owned(),
            (start, i64::MAX) => format!("a whole number of at least {start}"),
            (start, end) => format!("a whole number from {start} to {end}"),
        };
        self.read(key, &expected, &example.to_string(), |node| {
            integer(node).filter(|number| range.contains(number))
        })
    }

    /// Reads the id of a chat: a whole number, also one in quotes.
    pub fn chat_id(&mut self, key: &str) -> Option<i64> {
        self.read(key, "a chat id (a whole number)", "-1001234567890", |node| match &node.value {
            Value::String(text) => text.trim().parse().ok(),
            _ => integer(node),
        })
    }

    /// Reads a number within `range`.
    pub fn number(&mut self, key: &str, range: RangeInclusive<f64>, default: f64) -> f64 {
        let expected = format!("a number from {} to {}", range.start(), range.end());
        let read = |node: &Node| number(node).filter(|number| range.contains(number));
        self.read(key, &expected, &default.to_string(), read).unwrap_or(default)
    }

    /// Reads a time in seconds, within `range`; the key's name should end in `_s`.
    pub fn seconds(&mut self, key: &str, range: RangeInclusive<Duration>, default: Duration) -> Duration {
        let (start, end) = (range.start().as_secs_f64(), range.end().as_secs_f64());
        Duration::from_secs_f64(self.number(key, start..=end, default.as_secs_f64()))
    }

    /// Reads `true` or `false`.
    pub fn boolean(&mut self, key: &str, default: bool) -> bool {
        self.read(key, "true or false", &default.to_string(), boolean).unwrap_or(default)
    }

    /// Reads `true` or `false`, also spelt in the ways the Python takopi took for this key.
    pub fn lenient_boolean(&mut self, key: &str, default: bool) -> bool {
        let lenient = |node: &Node| match &node.value {
            Value::String(text) => word_of_truth(text),
            Value::Integer(Some(number @ 0..=1)) => Some(*number == 1),
            _ => boolean(node),
        };
        self.read(key, "true or false", &default.to_string(), lenient).unwrap_or(default)
    }

    /// Reads one of several words; the first is the one proposed.
    pub fn choice<T: Copy>(&mut self, key: &str, words: &[(&str, T)], default: T) -> T {
        let spelt: Vec<String> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
        let example = spelt.first().cloned().unwrap_or_default();
        let chosen = |node: &Node| {
            let text = text(node)?;
            words.iter().find(|(word, _)| *word == text).map(|(_, choice)| *choice)
        };
        self.read(key, &spelt.join(" or "), &example, chosen).unwrap_or(default)
    }

    /// Reads a list of texts, each stripped; none may be empty.
    pub fn strings(&mut self, key: &str, example: &str) -> Option<Vec<String>> {
        self.list(key, "a list of texts", "text", example, text)
    }

    /// Reads a list of whole numbers.
    pub fn integers(&mut self, key: &str, example: &str) -> Option<Vec<i64>> {
        self.list(key, "a list of whole numbers", "a whole number", example, integer)
    }

    /// Reads a path: `~` is the home, a relative path starts at the config file's directory.
    pub fn path(&mut self, key: &str, example: &str) -> Option<PathBuf> {
        let path = self.string(key, example)?;
        Some(self.base.resolve(&path, &self.base.dir))
    }

    /// Reads a list of paths, each as [`Table::path`] does.
    pub fn paths(&mut self, key: &str, example: &str) -> Option<Vec<PathBuf>> {
        let paths = self.strings(key, example)?;
        Some(paths.iter().map(|path| self.base.resolve(path, &self.base.dir)).collect())
    }

    /// Reads a table within this one; one that isn't written reads as empty.
    pub fn table<T: ConfigTable>(&mut self, key: &str) -> T {
        self.within(key, T::read)
    }

    /// Reads a table within this one with a closure.
    pub fn within<T>(&mut self, key: &str, read: impl FnOnce(&mut Table<'_>) -> T) -> T {
        let path = self.dotted(key);
        let node = self.ask(key);
        read_node(node, &path, &self.place, self.base, self.diagnostics, read)
    }

    /// Returns a value as it is written, whatever it is.
    pub fn raw(&mut self, key: &str) -> Option<serde_json::Value> {
        self.ask(key).map(Node::to_json)
    }

    /// Tells that `key` cannot be used; the remedy is what to write instead.
    pub fn error(&mut self, key: &str, problem: impl Into<String>, remedy: impl Into<String>) {
        self.tell(Severity::Error, key, problem.into(), remedy.into());
    }

    /// Tells something about `key` that people should know.
    pub fn warn(&mut self, key: &str, problem: impl Into<String>, remedy: impl Into<String>) {
        self.tell(Severity::Warning, key, problem.into(), remedy.into());
    }

    /// Tells that `key` has to be written.
    pub fn missing(&mut self, key: &str, example: &str) {
        let remedy = match &self.place {
            Place::File { .. } => format!("write e.g. {key} = {example} in [{}]", self.path),
            place => place.instruct(key, example),
        };
        self.tell(Severity::Error, key, "it is missing".to_owned(), remedy);
    }

    pub(super) fn tell(&mut self, severity: Severity, key: &str, problem: String, remedy: String) {
        let place = find(self.entries, key).map_or_else(|| self.place.clone(), |node| node.place.clone());
        self.diagnostics.push(Diagnostic { severity, place, key: self.dotted(key), problem, remedy });
    }

    /// Tells something about a key further down.
    pub(super) fn tell_at(&mut self, severity: Severity, path: &[&str], problem: String, remedy: String) {
        let (mut entries, mut place) = (self.entries, &self.place);
        for key in path {
            let Some(node) = find(entries, key) else { break };
            (entries, place) = (node.entries().unwrap_or_default(), &node.place);
        }
        let key = path.iter().fold(self.path.clone(), |path, key| dotted(&path, key));
        let place = place.clone();
        self.diagnostics.push(Diagnostic { severity, place, key, problem, remedy });
    }

    pub(super) fn dotted(&self, key: &str) -> String {
        dotted(&self.path, key)
    }

    /// Returns the node of `key`, which is known from now on.
    pub(super) fn ask(&mut self, key: &str) -> Option<&'a Node> {
        self.asked.push(key.to_owned());
        find(self.entries, key)
    }

    /// Lets `key` be there, without reading it or proposing it.
    pub(super) fn leave(&mut self, key: &str) {
        self.foreign.push(key.to_owned());
    }

    pub(super) fn read<T>(
        &mut self,
        key: &str,
        expected: &str,
        example: &str,
        read: impl FnOnce(&Node) -> Option<T>,
    ) -> Option<T> {
        let node = self.ask(key)?;
        let value = read(node);
        if value.is_none() {
            self.diagnostics.push(mistyped(node, &self.dotted(key), expected, example));
        }
        value
    }

    pub(super) fn list<T>(
        &mut self,
        key: &str,
        expected: &str,
        each: &str,
        example: &str,
        read: impl Fn(&Node) -> Option<T>,
    ) -> Option<Vec<T>> {
        let node = self.ask(key)?;
        let path = self.dotted(key);
        let Some(items) = items(node) else {
            self.diagnostics.push(mistyped(node, &path, expected, example));
            return None;
        };
        let mut values = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            match read(item) {
                Some(value) => values.push(value),
                None => {
                    let mut told = mistyped(item, &path, each, example);
                    told.problem = format!("item {}: {}", index + 1, told.problem);
                    self.diagnostics.push(told);
                }
            }
        }
        Some(values)
    }

    /// Tells the keys nobody asked for.
    fn close(self) {
        for entry in self.entries {
            let key = &entry.key;
            if self.asked.contains(key) || self.foreign.contains(key) {
                continue;
            }
            let is_table = entry.node.entries().is_some();
            let remedy = match closest(key, self.asked.iter().chain(&self.foreign).map(String::as_str)) {
                Some(near) => format!("did you mean {near}?"),
                None if self.path.is_empty() && is_table => {
                    "remove it, or install the plugin whose engine it is for".to_owned()
                }
                None if self.asked.is_empty() => "remove it".to_owned(),
                None => format!("remove it; known here: {}", sorted(&self.asked)),
            };
            let what = if is_table { "unknown table" } else { "unknown key" };
            self.diagnostics.push(Diagnostic {
                severity: Severity::Warning,
                place: entry.node.place.clone(),
                key: dotted(&self.path, key),
                problem: format!("{what}, ignored"),
                remedy,
            });
        }
    }
}

/// Reads `entries` with `read`, then tells what it didn't ask for.
pub(super) fn read_entries<T>(
    entries: &[Entry],
    path: &str,
    place: Place,
    base: &Base,
    diagnostics: &mut Vec<Diagnostic>,
    read: impl FnOnce(&mut Table<'_>) -> T,
) -> T {
    let mut table = Table::new(entries, path, place, base, diagnostics);
    let value = read(&mut table);
    table.close();
    value
}

/// Reads the table at `node`. Of something else, that alone is told, and it reads as empty.
pub(super) fn read_node<T>(
    node: Option<&Node>,
    path: &str,
    around: &Place,
    base: &Base,
    diagnostics: &mut Vec<Diagnostic>,
    read: impl FnOnce(&mut Table<'_>) -> T,
) -> T {
    let Some(node) = node else { return read_entries(&[], path, around.clone(), base, diagnostics, read) };
    let Some(entries) = node.entries() else {
        diagnostics.push(not_a_table(node, path));
        return read_entries(&[], path, node.place.clone(), base, &mut Vec::new(), read);
    };
    read_entries(entries, path, node.place.clone(), base, diagnostics, read)
}

pub(super) fn not_a_table(node: &Node, path: &str) -> Diagnostic {
    let last = path.rsplit('.').next().unwrap_or(path);
    Diagnostic {
        severity: Severity::Error,
        place: node.place.clone(),
        key: path.to_owned(),
        problem: format!("expected a table, found {}", found(node, path)),
        remedy: match &node.place {
            Place::File { .. } => format!("write [{path}] with its keys below, or {last} = {{ … }}"),
            place => format!("set its keys one by one, e.g. {place}__KEY=value"),
        },
    }
}

fn mistyped(node: &Node, path: &str, expected: &str, example: &str) -> Diagnostic {
    Diagnostic {
        severity: Severity::Error,
        place: node.place.clone(),
        key: path.to_owned(),
        problem: format!("expected {expected}, found {}", found(node, path)),
        remedy: node.place.instruct(path, example),
    }
}

pub(super) fn dotted(path: &str, key: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let key = if key.is_empty() || !key.chars().all(bare) { format!("{key:?}") } else { key.to_owned() };
    if path.is_empty() { key } else { format!("{path}.{key}") }
}

fn sorted(keys: &[String]) -> String {
    let mut keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    keys.sort_unstable();
    keys.join(", ")
}

/// Keys below which keys of services stand: variables with their values, arguments of programs.
const PRIVATE: [&str; 2] = ["env", "extra_args"];

/// Says what stands there, without a value that may be a secret.
fn found(node: &Node, path: &str) -> String {
    /// Longest text repeated in a message, in characters.
    const MOST: usize = 40;
    let may_be_told = !names_a_secret(path) && !path.split('.').any(|key| PRIVATE.contains(&key));
    match &node.value {
        Value::Text(text) | Value::String(text) if text.trim().is_empty() => "an empty text".to_owned(),
        Value::Text(text) | Value::String(text) if may_be_told && text.chars().count() <= MOST => {
            format!("{text:?}")
        }
        Value::Text(_) | Value::String(_) => "a text".to_owned(),
        Value::Integer(Some(number)) if may_be_told => number.to_string(),
        Value::Integer(None) => "a number that is too large".to_owned(),
        Value::Integer(_) => "a whole number".to_owned(),
        Value::Float(number) if may_be_told => format!("{number:?}"),
        Value::Float(_) => "a number".to_owned(),
        Value::Boolean(truth) => truth.to_string(),
        Value::Datetime(_) => "a date".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Table(_) => "a table".to_owned(),
    }
}

pub(super) fn text(node: &Node) -> Option<String> {
    let (Value::Text(text) | Value::String(text)) = &node.value else { return None };
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

pub(super) fn integer(node: &Node) -> Option<i64> {
    match &node.value {
        Value::Integer(number) => *number,
        Value::Text(text) => text.trim().parse().ok(),
        _ => None,
    }
}

pub(super) fn number(node: &Node) -> Option<f64> {
    let number = match &node.value {
        Value::Integer(Some(number)) => number.to_string().parse().ok(),
        Value::Float(number) => Some(*number),
        Value::Text(text) => text.trim().parse().ok(),
        _ => None,
    };
    number.filter(|number| number.is_finite())
}

pub(super) fn boolean(node: &Node) -> Option<bool> {
    match &node.value {
        Value::Boolean(truth) => Some(*truth),
        Value::Text(text) => word_of_truth(text),
        _ => None,
    }
}

/// The words for true and false that pydantic takes.
fn word_of_truth(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "t" | "yes" | "y" | "on" | "1" => Some(true),
        "false" | "f" | "no" | "n" | "off" | "0" => Some(false),
        _ => None,
    }
}

/// Returns the items of a list; a text from the environment may spell one.
pub(super) fn items(node: &Node) -> Option<std::borrow::Cow<'_, [Node]>> {
    match &node.value {
        Value::Array(items) => Some(items.into()),
        Value::Text(text) => list(text, &node.place).map(Into::into),
        _ => None,
    }
}

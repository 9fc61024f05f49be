//! A manifest's tables key by key, in the words of the settings: every mistake names its key and what to write, and a
//! key nobody asked for is told to the author.

use std::fmt::Display;
use std::ops::RangeInclusive;

use takopi_core::settings::closest;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::problem::{Code, Problem};

/// Mistakes told at once; of more it is said how many.
const MOST: usize = 3;

/// What is found on the way.
#[derive(Debug, Default)]
pub(super) struct Told {
    mistakes: Vec<String>,
    /// What is worth knowing and not wrong.
    pub(super) notes: Vec<Problem>,
}

impl Told {
    pub(super) fn mistake(&mut self, text: impl Into<String>) {
        self.mistakes.push(text.into());
    }

    pub(super) fn note(&mut self, code: Code, text: impl Into<String>) {
        self.notes.push(Problem::new(code, text));
    }

    /// Returns the mistakes as one problem, if there are any. Keys that mean nothing stand among them: a slip in one is
    /// often why another is missing.
    pub(super) fn problem(&self) -> Option<Problem> {
        if self.mistakes.is_empty() {
            return None;
        }
        let unknown = self.notes.iter().filter(|note| note.code == Code::UnknownKey);
        let told: Vec<&String> = self.mistakes.iter().chain(unknown.map(|note| &note.message)).collect();
        let mut shown: Vec<String> = told.iter().take(MOST).map(ToString::to_string).collect();
        if told.len() > MOST {
            shown.push(format!("and {} more", told.len() - MOST));
        }
        Some(Problem::new(Code::InvalidManifest, shown.join("; ")))
    }
}

/// A table being read.
pub(super) struct Table<'a, 'text> {
    /// Dotted; empty for the file itself.
    path: String,
    entries: &'a DeTable<'text>,
    /// Few: a set would take longer to make than it saves.
    asked: Vec<&'static str>,
}

impl<'a, 'text> Table<'a, 'text> {
    pub(super) fn new(path: &str, entries: &'a DeTable<'text>) -> Self {
        Self { path: path.to_owned(), entries, asked: Vec::new() }
    }

    /// Returns `key` with the table's name before it.
    pub(super) fn dotted(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    fn ask(&mut self, key: &'static str) -> Option<&'a DeValue<'text>> {
        self.asked.push(key);
        self.entries.get(key).map(Spanned::get_ref)
    }

    fn read<T>(
        &mut self,
        told: &mut Told,
        key: &'static str,
        expected: impl Display,
        example: impl Display,
        read: impl FnOnce(&DeValue<'_>) -> Option<T>,
    ) -> Option<T> {
        let value = self.ask(key)?;
        let result = read(value);
        if result.is_none() {
            let found = found(value);
            let key_in_full = self.dotted(key);
            told.mistake(format!(
                "{key_in_full}: expected {expected}, found {found}; write e.g. {key} = {example}"
            ));
        }
        result
    }

    fn missing(&self, told: &mut Told, key: &str, example: &str) {
        let place = if self.path.is_empty() { String::new() } else { format!(" in [{}]", self.path) };
        told.mistake(format!("{} is missing; write e.g. {key} = {example}{place}", self.dotted(key)));
    }

    /// Reads a text that is not blank; `example` is a TOML literal.
    pub(super) fn text(&mut self, told: &mut Told, key: &'static str, example: &str) -> Option<String> {
        self.read(told, key, "text", example, text)
    }

    /// Reads a text that must be there; a mistake reads as an empty one.
    pub(super) fn required(&mut self, told: &mut Told, key: &'static str, example: &str) -> String {
        if !self.has(key) {
            self.missing(told, key, example);
        }
        self.text(told, key, example).unwrap_or_default()
    }

    /// Reads a list of texts, none blank; what isn't there is an empty one.
    pub(super) fn texts(&mut self, told: &mut Told, key: &'static str, example: impl Display) -> Vec<String> {
        let texts = |value: &DeValue<'_>| -> Option<Vec<String>> {
            let DeValue::Array(items) = value else { return None };
            items.iter().map(|item| text(item.get_ref())).collect()
        };
        self.read(told, key, "a list of texts", example, texts).unwrap_or_default()
    }

    /// Reads a list of texts that must be there and hold one.
    pub(super) fn required_texts(
        &mut self,
        told: &mut Told,
        key: &'static str,
        example: &str,
    ) -> Vec<String> {
        let is_missing = match self.entries.get(key).map(Spanned::get_ref) {
            Some(DeValue::Array(items)) => items.is_empty(),
            other => other.is_none(),
        };
        if is_missing {
            self.missing(told, key, example);
        }
        self.texts(told, key, example)
    }

    /// Reads words that each stand for something; one that doesn't goes to `stranger` with its dotted key.
    pub(super) fn words<T>(
        &mut self,
        told: &mut Told,
        key: &'static str,
        known: &[(&str, T)],
        mut stranger: impl FnMut(&mut Told, String),
    ) -> Vec<T>
    where
        T: Copy,
    {
        let names = || known.iter().map(|(word, _)| *word);
        let example = names().next().unwrap_or_default();
        let mut read = Vec::new();
        for word in self.texts(told, key, format_args!("[\"{example}\"]")) {
            match known.iter().find(|(name, _)| *name == word) {
                Some((_, meaning)) => read.push(*meaning),
                None => {
                    let near = closest(&word, names())
                        .map_or_else(String::new, |near| format!("did you mean {near}? "));
                    let list = names().collect::<Vec<_>>().join(", ");
                    stranger(
                        told,
                        format!("{}: unknown word {word:?}; {near}known here: {list}", self.dotted(key)),
                    );
                }
            }
        }
        read
    }

    /// Reads a whole number within `range`.
    pub(super) fn integer(
        &mut self,
        told: &mut Told,
        key: &'static str,
        range: RangeInclusive<i64>,
        default: i64,
    ) -> i64 {
        let number = |value: &DeValue<'_>| integer(value).filter(|number| range.contains(number));
        let expected = format_args!("a whole number from {} to {}", range.start(), range.end());
        self.read(told, key, expected, default, number).unwrap_or(default)
    }

    /// Reads `true` or `false`; what isn't there is `false`.
    pub(super) fn flag(&mut self, told: &mut Told, key: &'static str) -> bool {
        let truth = |value: &DeValue<'_>| match value {
            DeValue::Boolean(truth) => Some(*truth),
            _ => None,
        };
        self.read(told, key, "true or false", "true", truth).unwrap_or_default()
    }

    /// Reads a table within this one.
    pub(super) fn table(&mut self, told: &mut Told, key: &'static str) -> Option<Self> {
        let value = self.ask(key)?;
        within(told, self.dotted(key), value)
    }

    /// Reads a table of tables, each with its name. `[engine]` with keys of its own is a mistake.
    pub(super) fn tables(&mut self, told: &mut Told, key: &'static str) -> Vec<(String, Self)> {
        let Some(group) = self.table(told, key) else { return Vec::new() };
        let named = group.entries.iter().filter_map(|(name, value)| {
            let name = name.get_ref().to_string();
            Some((name.clone(), within(told, group.dotted(&name), value.get_ref())?))
        });
        named.collect()
    }

    /// Returns the names of what stands in a table, which is not read any further.
    pub(super) fn names(&mut self, key: &'static str) -> Vec<String> {
        match self.ask(key) {
            None => Vec::new(),
            Some(DeValue::Table(group)) if !group.is_empty() => {
                group.keys().map(|name| format!("{key}.{}", name.get_ref())).collect()
            }
            Some(_) => vec![key.to_owned()],
        }
    }

    /// Tells the keys nobody asked for.
    pub(super) fn close(mut self, told: &mut Told) {
        let is_unknown = |key: &&str| !self.asked.contains(key);
        let unknown: Vec<&str> =
            self.entries.keys().map(|key| key.get_ref().as_ref()).filter(is_unknown).collect();
        if unknown.is_empty() {
            return;
        }
        self.asked.sort_unstable();
        self.asked.dedup();
        for key in unknown {
            let known = || self.asked.iter().copied();
            let remedy = closest(key, known()).map_or_else(
                || format!("known here: {}", known().collect::<Vec<_>>().join(", ")),
                |near| format!("did you mean {near}?"),
            );
            told.note(Code::UnknownKey, format!("{}: unknown key, ignored; {remedy}", self.dotted(key)));
        }
    }
}

fn within<'a, 'text>(told: &mut Told, path: String, value: &'a DeValue<'text>) -> Option<Table<'a, 'text>> {
    if let DeValue::Table(entries) = value {
        return Some(Table { path, entries, asked: Vec::new() });
    }
    told.mistake(format!(
        "{path}: expected a table, found {}; write [{path}] with its keys below",
        found(value)
    ));
    None
}

fn text(value: &DeValue<'_>) -> Option<String> {
    let DeValue::String(text) = value else { return None };
    (!text.trim().is_empty()).then(|| text.to_string())
}

pub(super) fn integer(value: &DeValue<'_>) -> Option<i64> {
    let DeValue::Integer(number) = value else { return None };
    i64::from_str_radix(number.as_str(), number.radix()).ok()
}

/// Says what stands there. Manifests hold no secrets, but their texts may be long.
fn found(value: &DeValue<'_>) -> String {
    let what = match value {
        DeValue::String(text) if text.trim().is_empty() => "an empty text",
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => {
            return integer(value).map_or("a huge number".to_owned(), |number| number.to_string());
        }
        DeValue::Float(_) => "a number with a point",
        DeValue::Boolean(truth) => return truth.to_string(),
        DeValue::Datetime(_) => "a date",
        DeValue::Array(items) if items.is_empty() => "an empty list",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    };
    what.to_owned()
}

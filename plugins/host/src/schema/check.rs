//! Settings are held against a schema. Everything that is wrong is told at once.

use serde_json::{Map, Value};
use takopi_core::settings::{Diagnostic, Place, Severity, Written, closest, names_a_secret};

use super::words::{found, key_of, literal};
use super::{Others, Shape, Type};

/// Where settings are written. Steps of a path are keys, and the places in lists from 0.
pub trait Whence {
    /// Returns where `path` stands, or where its table does.
    fn place(&self, path: &[String]) -> Place;

    /// Returns the dotted key of `path` for people, e.g. `plugins.weather.units`.
    fn key(&self, path: &[String]) -> String;

    /// Returns where a key of the table `path` is to be written: ` in [plugins.weather]`; nothing when that is clear.
    fn home(&self, path: &[String]) -> String;
}

impl Whence for Written {
    fn place(&self, path: &[String]) -> Place {
        self.place_of(path)
    }

    fn key(&self, path: &[String]) -> String {
        self.key_of(path)
    }

    fn home(&self, path: &[String]) -> String {
        match self.key_of(path) {
            table if table.is_empty() => String::new(),
            table => format!(" in [{table}]"),
        }
    }
}

pub(super) fn check(root: &Shape, settings: &Map<String, Value>, whence: &dyn Whence) -> Vec<Diagnostic> {
    let mut checker = Checker { whence, path: Vec::new(), listed: Vec::new(), told: Vec::new() };
    checker.table(root, settings, true);
    checker.told.sort_by(|a, b| a.place.cmp(&b.place));
    checker.told
}

/// Checks a value of the schema itself.
pub(super) fn value(shape: &Shape, value: &Value) -> Vec<Diagnostic> {
    let mut checker = Checker { whence: &"", path: Vec::new(), listed: Vec::new(), told: Vec::new() };
    checker.value(shape, value, true);
    checker.told
}

struct Checker<'a> {
    whence: &'a dyn Whence,
    path: Vec<String>,
    /// For each step of `path`, whether it is the place in a list.
    listed: Vec<bool>,
    told: Vec<Diagnostic>,
}

impl Checker<'_> {
    /// `open` is whether values may be told.
    fn value(&mut self, shape: &Shape, value: &Value, open: bool) {
        // A key where text belongs says by its schema whether it is a secret, others by their names alone.
        let misplaced = value.is_string() && !shape.types.is_empty() && !shape.types.contains(&Type::Text);
        let named = || self.path.last().is_some_and(|key| names_a_secret(key));
        let open = open && !shape.secret && !(misplaced && named());
        let chosen = shape.one_of.is_empty() || shape.one_of.iter().any(|one| same(one, value));
        if !chosen || !shape.has_type(value) || !shape.is_within(value) {
            self.mistyped(shape, value, open);
            return;
        }
        let any = Shape::default();
        match value {
            Value::Array(items) => {
                let each = shape.items.as_deref().unwrap_or(&any);
                for (index, item) in items.iter().enumerate() {
                    self.step(index.to_string(), true, |checker| checker.value(each, item, open));
                }
            }
            // Where it may be anything, no key of it is unknown.
            Value::Object(table) if shape.types.is_empty() => {
                for (key, value) in table {
                    self.at(key, |checker| checker.value(&any, value, open));
                }
            }
            Value::Object(table) => self.table(shape, table, open),
            _ => {}
        }
    }

    fn table(&mut self, shape: &Shape, table: &Map<String, Value>, open: bool) {
        for field in &shape.fields {
            match table.get(&field.name) {
                Some(value) => self.at(&field.name, |checker| checker.value(&field.shape, value, open)),
                None if field.required => {
                    let home = self.whence.home(&self.path);
                    let remedy =
                        format!("write e.g. {} = {}{home}", key_of(&field.name), field.shape.example());
                    let problem = "it is missing".to_owned();
                    self.at(&field.name, |checker| checker.tell(Severity::Error, problem, remedy));
                }
                None => {}
            }
        }
        for (key, value) in table.iter().filter(|(key, _)| shape.field(key).is_none()) {
            let open = open && !names_a_secret(key);
            self.at(key, |checker| match &shape.others {
                Others::Allowed => checker.value(&Shape::default(), value, open),
                Others::Each(each) => checker.value(each, value, open),
                Others::Untold => checker.unknown(Severity::Warning, shape, key, value),
                Others::Refused => checker.unknown(Severity::Error, shape, key, value),
            });
        }
    }

    fn at(&mut self, key: &str, check: impl FnOnce(&mut Self)) {
        self.step(key.to_owned(), false, check);
    }

    fn step(&mut self, key: String, listed: bool, check: impl FnOnce(&mut Self)) {
        self.path.push(key);
        self.listed.push(listed);
        check(self);
        self.path.pop();
        self.listed.pop();
    }

    fn mistyped(&mut self, shape: &Shape, value: &Value, open: bool) {
        let problem = format!("expected {}, found {}", shape.words(), found(value, open));
        let words = shape.one_of.iter().filter_map(Value::as_str);
        let near = value.as_str().filter(|_| open).and_then(|word| closest(word, words));
        let (key, item) = self.named();
        let remedy = match (near, item) {
            (Some(near), _) => format!("did you mean {}?", literal(&near.into())),
            (None, Some(_)) => format!("write e.g. {}", shape.example()),
            (None, None) => self.whence.place(&self.path).instruct(&key, &shape.example()),
        };
        self.tell(Severity::Error, problem, remedy);
    }

    fn unknown(&mut self, severity: Severity, shape: &Shape, key: &str, value: &Value) {
        let mut names: Vec<&str> = shape.fields.iter().map(|field| field.name.as_str()).collect();
        let remedy = match closest(key, names.iter().copied()) {
            Some(near) => format!("did you mean {near}?"),
            None if names.is_empty() => "remove it".to_owned(),
            None => {
                names.sort_unstable();
                format!("remove it; known here: {}", names.join(", "))
            }
        };
        let what = if value.is_object() { "unknown table" } else { "unknown key" };
        self.tell(severity, what.to_owned(), remedy);
    }

    /// Returns the key that is meant, and which item of its list, from 1.
    fn named(&self) -> (String, Option<usize>) {
        match self.path.split_last() {
            Some((index, list)) if self.listed.last() == Some(&true) => {
                (self.whence.key(list), index.parse().ok().map(|index: usize| index + 1))
            }
            _ => (self.whence.key(&self.path), None),
        }
    }

    fn tell(&mut self, severity: Severity, problem: String, remedy: String) {
        let (key, item) = self.named();
        let problem = item.map_or(problem.clone(), |item| format!("item {item}: {problem}"));
        self.told.push(Diagnostic { severity, place: self.whence.place(&self.path), key, problem, remedy });
    }
}

impl Shape {
    fn has_type(&self, value: &Value) -> bool {
        let is = |kind: &Type| match kind {
            Type::Text => value.is_string(),
            Type::Integer => value.is_i64(),
            Type::Number => value.is_number(),
            Type::Boolean => value.is_boolean(),
            Type::List => value.is_array(),
            Type::Table => value.is_object(),
        };
        // TOML has neither null nor whole numbers beyond 64 bits with a sign.
        let is_toml = !value.is_null() && value.as_u64().is_none_or(|number| i64::try_from(number).is_ok());
        is_toml && (self.types.is_empty() || self.types.iter().any(is))
    }

    /// Returns whether the size, length and form of a value are right. Each keyword binds values of its type only.
    fn is_within(&self, value: &Value) -> bool {
        match value {
            Value::Number(number) => number.as_f64().is_some_and(|number| {
                self.least.is_none_or(|end| number > end.at || end.included && number >= end.at)
                    && self.most.is_none_or(|end| number < end.at || end.included && number <= end.at)
            }),
            Value::String(text) => {
                self.length.has(text.chars().count())
                    && self.pattern.as_ref().is_none_or(|pattern| pattern.is_match(text))
            }
            Value::Array(items) => self.count.has(items.len()),
            _ => true,
        }
    }
}

/// Returns whether two values are one to JSON Schema: 1 and 1.0 are.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (a, b) => a == b,
    }
}

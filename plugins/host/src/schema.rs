//! What a plugin's settings may be: the part of JSON Schema that authors of plugins need.
//!
//! The settings are checked before anything of the plugin runs, in the words in which takopi tells mistakes in its own.
//! Keywords that are not understood are told to the author and not enforced; [`Schema::notes`] has them.
//! `parse.rs` reads a schema, `check.rs` holds settings against it, `words.rs` says it for people. The keywords are in
//! `docs/plugins/config.md`.

mod check;
mod json;
mod parse;
#[cfg(test)]
pub(crate) mod tests;
mod words;

use std::io::Read as _;
use std::path::Path;

use regex::Regex;
use serde_json::{Map, Value};
use takopi_core::settings::{Diagnostic, Place};

pub use check::Whence;
pub(crate) use words::{key_of, literal};

use crate::problem::{Code, Problem};

/// Bytes of the largest schema.
pub const MAX_BYTES: u64 = 256 << 10;

/// Tables and lists within each other, at most.
const MAX_DEPTH: usize = 8;

/// What a plugin's settings may be.
#[derive(Debug, Clone)]
pub struct Schema {
    pub(crate) root: Shape,
    notes: Vec<String>,
}

/// What one value may be.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shape {
    /// Empty is any.
    pub(crate) types: Vec<Type>,
    /// Empty is any.
    pub(crate) one_of: Vec<Value>,
    pub(crate) least: Option<Bound>,
    pub(crate) most: Option<Bound>,
    /// Characters of a text.
    pub(crate) length: Count,
    /// Items of a list.
    pub(crate) count: Count,
    pub(crate) pattern: Option<Regex>,
    pub(crate) items: Option<Box<Self>>,
    pub(crate) fields: Vec<Field>,
    pub(crate) others: Others,
    pub(crate) default: Option<Value>,
    pub(crate) example: Option<Value>,
    /// For people: the title, then the description.
    pub(crate) docs: Vec<String>,
    /// Whether nobody may see it.
    pub(crate) secret: bool,
}

/// A key of a table.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) required: bool,
    pub(crate) shape: Shape,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    Text,
    Integer,
    Number,
    Boolean,
    List,
    Table,
}

/// The end of a range.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Bound {
    pub(crate) at: f64,
    /// Whether the end itself is in it.
    pub(crate) included: bool,
}

/// How many there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Count {
    pub(crate) least: Option<u64>,
    pub(crate) most: Option<u64>,
}

/// What keys may stand in a table that are none of its fields.
#[derive(Debug, Clone, Default)]
pub(crate) enum Others {
    /// The schema says nothing: a warning, since it is most likely a slip.
    #[default]
    Untold,
    /// Any.
    Allowed,
    /// None.
    Refused,
    /// Any, with such values.
    Each(Box<Shape>),
}

impl Schema {
    /// Reads a schema.
    ///
    /// # Errors
    /// [`Code::InvalidManifest`] with the place in the schema, when it is no schema of a table, or larger than
    /// [`MAX_BYTES`].
    pub fn parse(json: &str) -> Result<Self, Problem> {
        Self::of(json).map_err(|problem| invalid(&problem))
    }

    /// Reads the schema at `path`.
    ///
    /// # Errors
    /// [`Code::InvalidManifest`] as [`Schema::parse`], or when the file cannot be read.
    pub fn read(path: &Path) -> Result<Self, Problem> {
        let mut text = String::new();
        let read = |file: std::fs::File| file.take(MAX_BYTES + 1).read_to_string(&mut text);
        let read = std::fs::File::open(path).and_then(read).map_err(|error| error.to_string());
        let schema = read.and_then(|_| Self::of(&text));
        schema.map_err(|problem| invalid(&format!("{}: {problem}", path.display())))
    }

    fn of(json: &str) -> Result<Self, String> {
        if json.len() as u64 > MAX_BYTES {
            return Err(format!("it is larger than {MAX_BYTES} bytes"));
        }
        let (root, notes) = parse::parse(json)?;
        Ok(Self { root, notes })
    }

    /// Returns what of it is not enforced, and why, for its author; each begins with its place in the schema.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Returns what is wrong with settings, in the order of the places that `whence` knows. No value of a secret is in it.
    #[must_use]
    pub fn check(&self, settings: &Map<String, Value>, whence: &dyn Whence) -> Vec<Diagnostic> {
        check::check(&self.root, settings, whence)
    }

    /// Returns what holds where nothing is set. A table that cannot do without a key is left out.
    #[must_use]
    pub fn defaults(&self) -> Map<String, Value> {
        let mut defaults = Map::new();
        self.root.fill(&mut defaults);
        defaults
    }

    /// Puts defaults where nothing is set.
    pub fn fill(&self, settings: &mut Map<String, Value>) {
        self.root.fill(settings);
    }
}

impl Shape {
    pub(crate) fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// Returns whether it is a table and nothing else, which has a section of its own in a file.
    pub(crate) fn is_table(&self) -> bool {
        self.types == [Type::Table]
    }

    /// Returns the shape of the value at `key`, if it is known.
    pub(crate) fn below(&self, key: &str) -> Option<&Self> {
        match (self.field(key), &self.others) {
            (Some(field), _) => Some(&field.shape),
            (None, Others::Each(shape)) => Some(shape),
            (None, _) => None,
        }
    }
    fn fill(&self, table: &mut Map<String, Value>) {
        for field in &self.fields {
            match table.get_mut(&field.name) {
                Some(Value::Object(inner)) => field.shape.fill(inner),
                Some(_) => {}
                None => {
                    if let Some(default) = field.shape.whole_default() {
                        table.insert(field.name.clone(), default);
                    }
                }
            }
        }
    }

    fn whole_default(&self) -> Option<Value> {
        if let Some(default) = &self.default {
            return Some(default.clone());
        }
        let mut table = Map::new();
        self.fill(&mut table);
        let lacks = |field: &Field| field.required && !table.contains_key(&field.name);
        let whole = !table.is_empty() && !self.fields.iter().any(lacks);
        whole.then_some(Value::Object(table))
    }
}

impl Whence for &str {
    fn place(&self, _: &[String]) -> Place {
        Place::File { path: (*self).into(), at: None }
    }

    fn key(&self, path: &[String]) -> String {
        path.iter().map(|key| key_of(key)).collect::<Vec<_>>().join(".")
    }

    fn home(&self, _: &[String]) -> String {
        String::new()
    }
}

fn invalid(problem: &str) -> Problem {
    Problem::new(Code::InvalidManifest, format!("the schema of its settings cannot be used: {problem}"))
}

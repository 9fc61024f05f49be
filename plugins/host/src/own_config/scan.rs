//! What stands in a plugin's own config file: what is set, as it is spelt, and the comments that belong to it.
//!
//! A comment belongs to the key or header that follows it, or that it stands behind. Values are kept as slices of the
//! text, so that lists keep their lines and texts their quotes.

use std::collections::BTreeMap;

use toml_edit::{Document, InlineTable, Item, Table, Value};

use super::OURS;
use crate::schema::{Others, Shape, key_of};

/// The steps to a key.
pub(super) type Path = Vec<String>;

/// What stands in a file. No `Debug`: values may be secrets.
#[derive(Default)]
pub(super) struct Found {
    /// What is set.
    pub(super) set: Vec<(String, Kept)>,
    /// Comments before a key or header.
    pub(super) comments: BTreeMap<Path, Vec<String>>,
    /// The comment behind a value.
    pub(super) behind: BTreeMap<Path, String>,
    /// Defaults that were written here, as they are spelt, in the order of the file.
    pub(super) shown: Vec<(Path, String)>,
    /// Comments after everything.
    pub(super) trailing: Vec<String>,
}

/// Something that is set.
#[derive(Clone)]
pub(super) enum Kept {
    /// As it is spelt.
    Value(String),
    /// In the order of the file.
    Table(Vec<(String, Self)>),
}

impl Kept {
    /// Returns it as a value behind `key = `.
    pub(super) fn spelt(&self) -> String {
        match self {
            Self::Value(text) => text.clone(),
            Self::Table(entries) if entries.is_empty() => "{}".to_owned(),
            Self::Table(entries) => {
                let pair = |(key, kept): &(String, Self)| format!("{} = {}", key_of(key), kept.spelt());
                format!("{{ {} }}", entries.iter().map(pair).collect::<Vec<_>>().join(", "))
            }
        }
    }
}

pub(super) fn scan(text: &str, root: &Shape) -> Result<Found, String> {
    let document = Document::parse(text).map_err(|_| "it cannot be read as TOML".to_owned())?;
    let mut leaves = Vec::new();
    let set = table(document.as_table(), text, &mut Vec::new(), &mut leaves);
    leaves.sort_by_key(|leaf| leaf.start);
    let mut reader = Reader { root, section: Vec::new(), pending: Vec::new(), found: Found::default() };
    let mut leaves = leaves.into_iter().peekable();
    let (mut start, mut covered) = (0, 0);
    for line in text.split_inclusive('\n') {
        let end = start + line.len();
        if start >= covered {
            match leaves.next_if(|leaf| leaf.start < end) {
                Some(leaf) => {
                    let rest =
                        text.get(leaf.end..).and_then(|rest| rest.split_inclusive('\n').next()).unwrap_or("");
                    covered = leaf.end + rest.len();
                    reader.value(leaf.path, rest.trim());
                }
                None => reader.line(line.trim()),
            }
        }
        start = end;
    }
    let Reader { pending, mut found, .. } = reader;
    found.set = set;
    found.trailing = pending;
    Ok(found)
}

/// A value and where it is.
struct Leaf {
    path: Path,
    start: usize,
    end: usize,
}

fn table(table: &Table, text: &str, path: &mut Path, leaves: &mut Vec<Leaf>) -> Vec<(String, Kept)> {
    let mut kept = Vec::new();
    for (name, _) in table {
        let Some((key, item)) = table.get_key_value(name) else { continue };
        path.push(name.to_owned());
        let one = match item {
            Item::Value(one) => {
                let start = key.span().map_or(0, |span| span.start);
                let end = one.span().map_or(start, |span| span.end);
                leaves.push(Leaf { path: path.clone(), start, end });
                Some(value(one, text))
            }
            Item::Table(inner) => Some(Kept::Table(self::table(inner, text, path, leaves))),
            Item::ArrayOfTables(tables) => {
                let spelt =
                    tables.iter().map(|inner| Kept::Table(self::table(inner, text, path, leaves)).spelt());
                Some(Kept::Value(format!("[{}]", spelt.collect::<Vec<_>>().join(", "))))
            }
            Item::None => None,
        };
        kept.extend(one.map(|one| (name.to_owned(), one)));
        path.pop();
    }
    kept
}

fn value(value: &Value, text: &str) -> Kept {
    let slice =
        || value.span().and_then(|span| text.get(span)).map_or_else(|| value.to_string(), str::to_owned);
    match value {
        Value::InlineTable(table) if !slice().contains('\n') => Kept::Table(inline(table, text)),
        _ => Kept::Value(slice()),
    }
}

fn inline(table: &InlineTable, text: &str) -> Vec<(String, Kept)> {
    table.iter().map(|(key, one)| (key.to_owned(), value(one, text))).collect()
}

struct Reader<'a> {
    root: &'a Shape,
    section: Path,
    pending: Vec<String>,
    found: Found,
}

impl Reader<'_> {
    fn value(&mut self, path: Path, behind: &str) {
        self.belongs(&path);
        // Tables of a list have the same keys: what stood behind the one before stays too.
        if behind.starts_with('#')
            && let Some(before) = self.found.behind.insert(path.clone(), told_apart(behind))
        {
            self.found.comments.entry(path).or_default().push(before);
        }
    }

    fn line(&mut self, line: &str) {
        if line.starts_with('[') {
            let (path, behind) = header(line);
            self.pending.extend(behind.filter(|behind| behind.starts_with('#')).map(told_apart));
            self.belongs(&path);
            self.section = path;
        } else if line.starts_with('#') && !line.starts_with(OURS) {
            match self.default_in(line) {
                Some((path, spelt)) => {
                    self.belongs(&path);
                    self.found.shown.push((path, spelt));
                }
                None => self.pending.push(told_apart(line)),
            }
        }
    }

    fn belongs(&mut self, path: &Path) {
        let pending = std::mem::take(&mut self.pending);
        self.found.comments.entry(path.clone()).or_default().extend(pending);
    }

    /// Returns the key and value of a line like `#key = value` that was written here.
    fn default_in(&self, line: &str) -> Option<(Path, String)> {
        let (key, spelt) = setting_in(line)?;
        let mut path = self.section.clone();
        path.push(key);
        self.is_ours(&path).then_some((path, spelt))
    }

    /// Returns whether no key but those of the schema may stand at `path`: one that is commented out is from here then.
    fn is_ours(&self, path: &[String]) -> bool {
        let Some((key, tables)) = path.split_last() else { return false };
        let shape = tables.iter().try_fold(self.root, |shape, key| shape.below(key));
        shape.is_none_or(|shape| {
            shape.field(key).is_some() || matches!(shape.others, Others::Untold | Others::Refused)
        })
    }
}

/// Returns the key and the value, as it is spelt, of a line like `#key = value`.
fn setting_in(line: &str) -> Option<(String, String)> {
    let setting = line.strip_prefix('#').filter(|rest| !rest.starts_with(char::is_whitespace))?;
    let document = Document::parse(setting).ok()?;
    let mut entries = document.as_table().iter();
    let (Some((key, Item::Value(value))), None) = (entries.next(), entries.next()) else { return None };
    let spelt = value.span().and_then(|span| setting.get(span))?;
    Some((key.to_owned(), spelt.to_owned()))
}

/// Returns the user's comment, with a space before a setting: wherever it goes, it is none of those written here.
fn told_apart(comment: &str) -> String {
    match setting_in(comment) {
        Some(_) => comment.replacen('#', "# ", 1),
        None => comment.to_owned(),
    }
}

/// Returns the table that a line like `[a."b"] # why` begins, and what stands behind it.
fn header(line: &str) -> (Path, Option<&str>) {
    for (at, _) in line.match_indices(']') {
        let (name, behind) = line.split_at(at + 1);
        let Ok(document) = Document::parse(name) else { continue };
        let mut path = Vec::new();
        let mut table = Some(document.as_table());
        while let Some((key, item)) = table.and_then(|table| table.iter().next()) {
            path.push(key.to_owned());
            table = item.as_table();
        }
        return (path, Some(behind.trim()));
    }
    (Vec::new(), None)
}

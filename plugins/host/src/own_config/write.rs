//! Lays out a plugin's own config file: keys first, then a section for each table, then what belongs nowhere any more.

use std::collections::BTreeSet;

use super::scan::{Found, Kept, Path};
use super::{Change, Head, Healed, OURS, UNKNOWN};
use crate::schema::{Field, Others, Schema, Shape, Type, key_of, literal};
use crate::wrap::wrap;

/// What is set in a table.
type Entries = Vec<(String, Kept)>;

/// Characters of a line of docs, without its mark.
const WIDTH: usize = 97;

pub(super) fn write(schema: &Schema, head: &Head, mut found: Found) -> Healed {
    let set = std::mem::take(&mut found.set);
    let mut writer = Writer {
        text: String::new(),
        found,
        visited: BTreeSet::new(),
        changes: Vec::new(),
        retired: Vec::new(),
    };
    writer.head(schema, head);
    writer.section(&schema.root, set, &Vec::new());
    writer.end()
}

struct Writer {
    text: String,
    found: Found,
    /// Keys that are written.
    visited: BTreeSet<Path>,
    changes: Vec<Change>,
    /// What is no longer known, as comments.
    retired: Vec<String>,
}

impl Writer {
    fn head(&mut self, schema: &Schema, head: &Head) {
        let Head { whose, command, table, .. } = head;
        self.ours(&format!("Settings of {whose}."));
        self.docs(&schema.root);
        self.ours("");
        self.ours("To set something, take away the # before it.");
        self.ours(&format!("[{table}] in takopi.toml outranks this file."));
        self.ours(&format!(
            "`{command}` writes lines that begin with {OURS}, and settings right behind a #, anew. All else is yours and stays."
        ));
    }

    fn section(&mut self, shape: &Shape, mut set: Entries, path: &Path) {
        let anything = Shape { types: vec![Type::Table], others: Others::Allowed, ..Shape::default() };
        let mut tables: Vec<(Path, &Shape, Entries)> = Vec::new();
        for field in &shape.fields {
            let at = set.iter().position(|(key, _)| *key == field.name);
            let kept = at.map(|at| set.remove(at).1);
            let path = below(path, &field.name);
            match kept {
                Some(Kept::Table(entries)) if field.shape.is_table() => {
                    tables.push((path, &field.shape, entries))
                }
                None if field.shape.is_table() => tables.push((path, &field.shape, Vec::new())),
                kept => self.field(field, kept, path),
            }
        }
        for (key, kept) in set {
            let path = below(path, &key);
            match (&shape.others, kept) {
                (Others::Untold | Others::Refused, kept) => self.retire(&kept, &path),
                (Others::Each(each), Kept::Table(entries)) if each.is_table() => {
                    tables.push((path, each, entries))
                }
                (_, Kept::Table(entries)) => tables.push((path, &anything, entries)),
                (_, Kept::Value(value)) => {
                    self.text.push('\n');
                    self.value(&key, &value, &path);
                }
            }
        }
        for (path, shape, entries) in tables {
            self.text.push('\n');
            self.docs(shape);
            self.comments(&path, false);
            let header: Vec<String> = path.iter().map(|key| key_of(key)).collect();
            self.line(&format!("[{}]", header.join(".")));
            self.section(shape, entries, &path);
        }
    }

    fn field(&mut self, field: &Field, kept: Option<Kept>, path: Path) {
        let Field { name, required, shape } = field;
        let default = shape.default.as_ref().map(literal);
        self.text.push('\n');
        self.docs(shape);
        let without = match &default {
            Some(default) => format!(" Default: {default}."),
            None if *required => " Required.".to_owned(),
            None => String::new(),
        };
        self.ours(&format!("{}.{without}", capitalised(&shape.words())));
        let offered = default.unwrap_or_else(|| shape.example());
        let shown = self.found.shown.iter().rev().find(|(at, _)| *at == path).map(|(_, spelt)| spelt);
        match (&kept, shown) {
            (None, None) => self.changes.push(Change::Added(dotted(&path))),
            (_, Some(shown)) if *shown != offered => self.changes.push(Change::Refreshed(dotted(&path))),
            _ => {}
        }
        match kept {
            Some(kept) => self.value(name, &kept.spelt(), &path),
            None => {
                self.comments(&path, true);
                self.line(&format!("#{} = {offered}", key_of(name)));
            }
        }
    }

    fn value(&mut self, key: &str, value: &str, path: &Path) {
        let behind = self.found.behind.remove(path);
        self.comments(path, true);
        let behind = behind.map_or_else(String::new, |behind| format!(" {behind}"));
        self.line(&format!("{} = {value}{behind}", key_of(key)));
    }

    /// Writes the comments of `path`; those of all that was below it too, when it is one value now.
    fn comments(&mut self, path: &Path, whole: bool) {
        for line in self.take_comments(path, whole) {
            self.line(&line);
        }
        self.visited.insert(path.clone());
    }

    fn take_comments(&mut self, path: &Path, whole: bool) -> Vec<String> {
        let belongs = |at: &Path| at == path || whole && at.starts_with(path);
        let mut lines = Vec::new();
        let before: Vec<Path> = self.found.comments.keys().filter(|at| belongs(at)).cloned().collect();
        lines.extend(before.iter().filter_map(|at| self.found.comments.remove(at)).flatten());
        let behind: Vec<Path> = self.found.behind.keys().filter(|at| belongs(at)).cloned().collect();
        lines.extend(behind.iter().filter_map(|at| self.found.behind.remove(at)));
        lines
    }

    fn retire(&mut self, kept: &Kept, path: &Path) {
        match kept {
            Kept::Table(entries) => {
                let own = self.take_comments(path, false);
                self.retired.extend(own);
                if entries.is_empty() {
                    self.changes.push(Change::Pruned(dotted(path)));
                }
                entries.iter().for_each(|(key, kept)| self.retire(kept, &below(path, key)));
            }
            kept => {
                let behind =
                    self.found.behind.remove(path).map_or_else(String::new, |behind| format!(" {behind}"));
                let own = self.take_comments(path, true);
                self.retired.extend(own);
                self.changes.push(Change::Retired(dotted(path)));
                let setting = format!("{} = {}{behind}", dotted(path), kept.spelt());
                let mut lines = setting.lines();
                self.retired.push(format!("{UNKNOWN}{}", lines.next().unwrap_or_default().trim_end()));
                self.retired.extend(lines.map(|line| format!("# {line}").trim_end().to_owned()));
            }
        }
    }

    fn end(mut self) -> Healed {
        for (path, _) in std::mem::take(&mut self.found.shown) {
            if !self.visited.contains(&path) {
                self.changes.push(Change::Pruned(dotted(&path)));
            }
        }
        let mut rest = std::mem::take(&mut self.found.comments).into_values().flatten().collect::<Vec<_>>();
        rest.extend(std::mem::take(&mut self.found.behind).into_values());
        rest.extend(std::mem::take(&mut self.found.trailing));
        rest.append(&mut self.retired);
        if !rest.is_empty() {
            self.text.push('\n');
        }
        rest.iter().for_each(|line| self.line(line));
        Healed { text: self.text, changes: self.changes }
    }

    fn docs(&mut self, shape: &Shape) {
        for line in shape.docs.iter().flat_map(|docs| docs.trim().lines()) {
            self.ours(line);
        }
    }

    /// Writes a line that is written anew each time, in several if it is long.
    fn ours(&mut self, text: &str) {
        for line in wrap(text, WIDTH) {
            self.line(format!("{OURS} {line}").trim_end());
        }
    }

    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }
}

fn below(path: &Path, key: &str) -> Path {
    path.iter().cloned().chain([key.to_owned()]).collect()
}

fn dotted(path: &Path) -> String {
    path.iter().map(|key| key_of(key)).collect::<Vec<_>>().join(".")
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

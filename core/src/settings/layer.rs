//! Environment and command line, laid over the file: `TAKOPI__A__B=x` is `a.b`, without regard to case.
//!
//! What a text means (a number, a list) is decided by whoever reads the key, in `table.rs`; only a JSON
//! object is taken apart here, because it is merged into the table below it.

use super::diagnostic::{Diagnostic, Place, Severity};
use super::source::{Entry, Node, Value};

/// What a variable's name begins with when it is a setting.
const PREFIX: &str = "TAKOPI__";

/// A setting given on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// The flag or argument as it is typed, for diagnostics: `--transport`.
    pub flag: String,
    /// The dotted key it sets.
    pub key: String,
    /// The value as it was typed.
    pub value: String,
}

/// Lays the environment over `root`, and `overrides` over both.
pub(super) fn lay_over(
    root: &mut Vec<Entry>,
    environment: &[(String, String)],
    overrides: &[Override],
    diagnostics: &mut Vec<Diagnostic>,
) {
    let mut variables: Vec<_> = environment.iter().filter(|(name, _)| is_setting(name)).collect();
    variables.sort();
    for (name, value) in variables {
        let path: Vec<String> = name[PREFIX.len()..].split("__").map(str::to_lowercase).collect();
        let place = Place::Variable(name.as_str().into());
        if path.iter().any(String::is_empty) {
            diagnostics.push(Diagnostic {
                severity: Severity::Error,
                place,
                key: String::new(),
                problem: "the name has an empty part".to_owned(),
                remedy: "write e.g. TAKOPI__MAX_PARALLEL_RUNS or TAKOPI__LEDGER__RETENTION_DAYS".to_owned(),
            });
            continue;
        }
        lay(root, &path, node(value, place), diagnostics);
    }
    for given in overrides {
        let path: Vec<String> = given.key.split('.').map(str::to_owned).collect();
        let place = Place::Flag(given.flag.as_str().into());
        lay(root, &path, Node { value: Value::Text(given.value.clone()), place }, diagnostics);
    }
}

/// Returns whether an environment variable of this name is a setting; such variables are kept from engines.
#[must_use]
pub fn is_setting(name: &str) -> bool {
    name.get(..PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(PREFIX))
}

fn lay(root: &mut Vec<Entry>, path: &[String], node: Node, diagnostics: &mut Vec<Diagnostic>) {
    let Some((last, tables)) = path.split_last() else { return };
    let mut entries = root;
    for (depth, key) in tables.iter().enumerate() {
        let at = position(entries, key).unwrap_or_else(|| {
            let table = Node { value: Value::Table(Vec::new()), place: node.place.clone() };
            entries.push(Entry { key: key.clone(), node: table });
            entries.len() - 1
        });
        let below = &mut entries[at].node;
        let Value::Table(inner) = &mut below.value else {
            diagnostics.push(Diagnostic {
                severity: Severity::Error,
                place: node.place,
                key: path.join("."),
                problem: format!("{} is no table ({})", path[..=depth].join("."), below.place),
                remedy: "remove one of the two".to_owned(),
            });
            return;
        };
        entries = inner;
    }
    put(entries, last, node);
}

/// Sets `key`; a table is merged into a table.
fn put(entries: &mut Vec<Entry>, key: &str, node: Node) {
    let Some(at) = position(entries, key) else {
        entries.push(Entry { key: key.to_owned(), node });
        return;
    };
    let below = &mut entries[at].node;
    match (&mut below.value, node.value) {
        (Value::Table(inner), Value::Table(over)) => {
            for entry in over {
                put(inner, &entry.key, entry.node);
            }
        }
        (_, value) => *below = Node { value, place: node.place },
    }
}

fn position(entries: &[Entry], key: &str) -> Option<usize> {
    let exact = entries.iter().position(|entry| entry.key == key);
    exact.or_else(|| entries.iter().position(|entry| entry.key.eq_ignore_ascii_case(key)))
}

fn node(text: &str, place: Place) -> Node {
    let object = text.trim_start().starts_with('{').then(|| serde_json::from_str(text).ok()).flatten();
    match object {
        Some(object) => from_json(object, &place),
        None => Node { value: Value::Text(text.to_owned()), place },
    }
}

/// Returns the list that `text` spells, in JSON or TOML.
pub(super) fn list(text: &str, place: &Place) -> Option<Vec<Node>> {
    let json = serde_json::from_str::<serde_json::Value>(text).ok();
    let toml = || format!("list = {text}").parse::<toml::Table>().ok()?.remove("list");
    let value = json.or_else(|| serde_json::to_value(toml()?).ok())?;
    match from_json(value, place).value {
        Value::Array(items) => Some(items),
        _ => None,
    }
}

fn from_json(json: serde_json::Value, place: &Place) -> Node {
    use serde_json::Value as Json;
    let value = match json {
        Json::Null => Value::Text(String::new()),
        Json::Bool(truth) => Value::Boolean(truth),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (None, Some(float)) if number.is_f64() => Value::Float(float),
            (integer, _) => Value::Integer(integer),
        },
        Json::String(text) => Value::Text(text),
        Json::Array(items) => Value::Array(items.into_iter().map(|item| from_json(item, place)).collect()),
        Json::Object(object) => Value::Table(
            object.into_iter().map(|(key, item)| Entry { key, node: from_json(item, place) }).collect(),
        ),
    };
    Node { value, place: place.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn table(
        text: &str,
        variables: &[(&str, &str)],
        flags: &[(&str, &str)],
    ) -> (serde_json::Value, Vec<Diagnostic>) {
        let path: Arc<str> = "takopi.toml".into();
        let file = super::super::ConfigFile {
            path: "takopi.toml".into(),
            named: false,
            content: Ok(text.as_bytes().to_vec()),
        };
        let mut root = super::super::source::parse(&file, &path).unwrap();
        let environment: Vec<_> = variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let flag = |(key, value): &(&str, &str)| Override {
            flag: format!("--{key}"),
            key: (*key).to_owned(),
            value: (*value).to_owned(),
        };
        let overrides: Vec<_> = flags.iter().map(flag).collect();
        let mut diagnostics = Vec::new();
        lay_over(&mut root, &environment, &overrides, &mut diagnostics);
        (Node { value: Value::Table(root), place: Place::File { path, at: None } }.to_json(), diagnostics)
    }

    #[test]
    fn the_later_layer_wins_and_tables_are_merged() {
        let (merged, diagnostics) = table(
            "serialize = 'session'\n[projects.App]\npath = 'a'\nworktree_base = 'main'",
            &[("takopi__Projects__app__PATH", "b"), ("TAKOPI__SERIALIZE", "x"), ("TAKOPI_LOG", "no")],
            &[("serialize", "worktree")],
        );
        let expected = "serialize = 'worktree'\n[projects.App]\npath = 'b'\nworktree_base = 'main'";
        assert_eq!(merged, table(expected, &[], &[]).0);
        assert_eq!(diagnostics, []);
    }

    #[test]
    fn a_json_object_is_merged_into_the_table_below() {
        let (merged, _) = table(
            "[plugins.a]\nx = 1",
            &[("TAKOPI__PLUGINS", r#"{"a": {"y": [2, true]}, "b": {"z": 0.5}}"#)],
            &[],
        );
        let expected = "[plugins.a]\nx = 1\ny = [2, true]\n[plugins.b]\nz = 0.5";
        assert_eq!(merged, table(expected, &[], &[]).0);
    }
}

//! A schema in words: what is expected, and values as TOML has them.

use serde_json::Value;

use super::{Bound, Count, Shape, Type};

/// Longest value repeated in a message, in characters; as in core's messages.
const MOST_TOLD: usize = 40;

impl Shape {
    /// Returns what it may be: `a whole number from 1 to 7`, `"metric" or "imperial"`.
    pub(crate) fn words(&self) -> String {
        if !self.one_of.is_empty() {
            return self.one_of.iter().map(literal).collect::<Vec<_>>().join(" or ");
        }
        if self.types.is_empty() {
            return "anything".to_owned();
        }
        self.types.iter().map(|one| self.words_of(*one)).collect::<Vec<_>>().join(" or ")
    }

    fn words_of(&self, of: Type) -> String {
        match of {
            Type::Text => {
                let matching = self.pattern.as_ref().map(|pattern| format!(" that matches {pattern}"));
                format!("text{}{}", counted(self.length, "character"), matching.unwrap_or_default())
            }
            Type::Integer => format!("a whole number{}", range(self.least, self.most)),
            Type::Number => format!("a number{}", range(self.least, self.most)),
            Type::Boolean => "true or false".to_owned(),
            Type::List => {
                let each = self.items.as_ref().map(|items| {
                    match (items.one_of.as_slice(), items.types.as_slice()) {
                        ([], [Type::Text]) => " of texts".to_owned(),
                        ([], [Type::Integer]) => {
                            format!(" of whole numbers{}", range(items.least, items.most))
                        }
                        ([], [Type::Number]) => format!(" of numbers{}", range(items.least, items.most)),
                        ([], [Type::Table]) => " of tables".to_owned(),
                        ([], []) => String::new(),
                        _ => format!(", each {}", items.words()),
                    }
                });
                format!("a list{}{}", each.unwrap_or_default(), counted(self.count, "item"))
            }
            Type::Table => "a table".to_owned(),
        }
    }

    /// Returns a TOML literal of such a value, for people to write: the default, or else one that shows the type.
    pub(crate) fn example(&self) -> String {
        if self.secret {
            return "\"…\"".to_owned();
        }
        let known = self.default.as_ref().or(self.example.as_ref()).or(self.one_of.first());
        if let Some(value) = known {
            return literal(value);
        }
        let least = || match (self.least, self.most) {
            (Some(least), _) if least.included => least.at,
            (Some(least), _) => least.at + 1.0,
            (None, Some(most)) if most.included => most.at.min(0.0),
            (None, Some(most)) => (most.at - 1.0).min(0.0),
            (None, None) => 0.0,
        };
        match self.types.first() {
            Some(Type::Integer) => format!("{:.0}", least().ceil()),
            Some(Type::Number) => format!("{:?}", least()),
            Some(Type::Boolean) => "false".to_owned(),
            Some(Type::List) => {
                let item = self.items.as_ref().map(|items| items.example());
                format!("[{}]", item.unwrap_or_default())
            }
            Some(Type::Table) => "{ … }".to_owned(),
            Some(Type::Text) | None => "\"…\"".to_owned(),
        }
    }
}

fn range(least: Option<Bound>, most: Option<Bound>) -> String {
    let lower =
        |bound: Bound| format!("{} {}", if bound.included { "of at least" } else { "above" }, bound.at);
    let upper =
        |bound: Bound| format!("{} {}", if bound.included { "of at most" } else { "below" }, bound.at);
    match (least, most) {
        (None, None) => String::new(),
        (Some(least), None) => format!(" {}", lower(least)),
        (None, Some(most)) => format!(" {}", upper(most)),
        (Some(least), Some(most)) if least.included && most.included => {
            format!(" from {} to {}", least.at, most.at)
        }
        (Some(least), Some(most)) => format!(" {} and {}", lower(least), upper(most)),
    }
}

fn counted(count: Count, what: &str) -> String {
    let plural = |n: u64| if n == 1 { what.to_owned() } else { format!("{what}s") };
    match (count.least, count.most) {
        (None | Some(0), None) => String::new(),
        (Some(least), None) => format!(" of at least {least} {}", plural(least)),
        (None | Some(0), Some(most)) => format!(" of at most {most} {}", plural(most)),
        (Some(least), Some(most)) if least == most => format!(" of {most} {}", plural(most)),
        (Some(least), Some(most)) => format!(" of {least} to {most} {}", plural(most)),
    }
}

/// Says what is there; `open` is whether its value may be told.
pub(super) fn found(value: &Value, open: bool) -> String {
    match value {
        Value::Null => "a number that is infinite or too large".to_owned(),
        Value::String(text) if text.trim().is_empty() => "an empty text".to_owned(),
        Value::String(text) if open && text.chars().count() <= MOST_TOLD => literal(value),
        Value::String(text) if open => format!("a text of {} characters", text.chars().count()),
        Value::String(_) => "a text".to_owned(),
        Value::Number(_) if open => literal(value),
        Value::Number(_) => "a number".to_owned(),
        Value::Bool(truth) => truth.to_string(),
        Value::Array(items) if items.is_empty() => "an empty list".to_owned(),
        Value::Array(items) if items.len() == 1 => "a list of 1 item".to_owned(),
        Value::Array(items) => format!("a list of {} items", items.len()),
        Value::Object(_) => "a table".to_owned(),
    }
}

/// Returns a value as TOML, on one line.
pub(crate) fn literal(value: &Value) -> String {
    match value {
        Value::Null => "\"\"".to_owned(),
        // JSON's escapes are TOML's, but for the one control character that JSON leaves as it is.
        Value::String(_) => value.to_string().replace('\u{7f}', "\\u007f"),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Array(items) => format!("[{}]", items.iter().map(literal).collect::<Vec<_>>().join(", ")),
        Value::Object(table) if table.is_empty() => "{}".to_owned(),
        Value::Object(table) => {
            let pair = |(key, value): (&String, &Value)| format!("{} = {}", key_of(key), literal(value));
            format!("{{ {} }}", table.iter().map(pair).collect::<Vec<_>>().join(", "))
        }
    }
}

/// Returns a key as TOML, in quotes where it needs them.
pub(crate) fn key_of(key: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if !key.is_empty() && key.chars().all(bare) { key.to_owned() } else { literal(&Value::from(key)) }
}

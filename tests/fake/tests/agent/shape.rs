//! The shape of a JSON value: keys and types, whatever stands in them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// Keys whose value is what a tool was given, of any shape.
const FREE: [&str; 3] = ["input", "args", "arguments"];

/// Keys whose value is a list that a run makes longer, or else composed; [`items`] are compared one by one.
const LISTS: [&str; 3] = ["content", "messages", "toolResults"];

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Shape {
    Null,
    Flag,
    Number,
    Text,
    Free,
    List(BTreeSet<Self>),
    Object(BTreeMap<String, Self>),
}

impl Shape {
    pub(crate) fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(_) => Self::Flag,
            Value::Number(_) => Self::Number,
            Value::String(_) => Self::Text,
            Value::Array(items) => Self::List(items.iter().map(Self::of).collect()),
            Value::Object(members) => {
                Self::Object(members.iter().map(|(key, value)| Self::member(key, value)).collect())
            }
        }
    }

    fn member(key: &str, value: &Value) -> (String, Self) {
        let free = FREE.contains(&key) || LISTS.contains(&key) && value.is_array();
        (key.to_owned(), if free { Self::Free } else { Self::of(value) })
    }

    /// Tells whether this could have been printed where `recorded` was: lists may be shorter.
    pub(crate) fn fits(&self, recorded: &Self) -> bool {
        match (self, recorded) {
            (Self::List(items), Self::List(known)) => {
                items.iter().all(|item| known.iter().any(|known| item.fits(known)))
            }
            (Self::Object(members), Self::Object(known)) => {
                members.keys().eq(known.keys())
                    && members
                        .iter()
                        .all(|(key, shape)| known.get(key).is_some_and(|known| shape.fits(known)))
            }
            (shape, known) => shape == known,
        }
    }
}

/// Returns what kind of line or item it is: its type, and what within it tells more.
pub(crate) fn kind(line: &Value) -> String {
    let told = [
        "/type",
        "/subtype",
        "/role",
        "/item/type",
        "/message/role",
        "/part/tool",
        "/assistantMessageEvent/type",
    ];
    let told = told.iter().filter_map(|place| line.pointer(place)?.as_str());
    told.collect::<Vec<_>>().join(" ")
}

/// Returns the line and what is listed in it, at any depth.
pub(crate) fn items(line: &Value) -> Vec<&Value> {
    let mut found = vec![line];
    listed(line, &mut found);
    found
}

fn listed<'a>(value: &'a Value, found: &mut Vec<&'a Value>) {
    let Value::Object(members) = value else { return };
    for (key, value) in members.iter().filter(|(key, _)| !FREE.contains(&key.as_str())) {
        listed(value, found);
        if let (true, Value::Array(items)) = (LISTS.contains(&key.as_str()), value) {
            found.extend(items);
            items.iter().for_each(|item| listed(item, found));
        }
    }
}

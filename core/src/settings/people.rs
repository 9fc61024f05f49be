//! What the tables of all chat services have in common: who may speak, and what a plain message continues.

use super::source::{Node, Value};
use super::table::{Table, integer, text};

/// What a plain message continues.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SessionMode {
    /// Nothing: it starts a session.
    #[default]
    Stateless,
    /// The chat's conversation.
    Chat,
}

impl SessionMode {
    /// Reads `session_mode`.
    pub fn read(table: &mut Table<'_>) -> Self {
        let words = [("stateless", Self::Stateless), ("chat", Self::Chat)];
        table.choice("session_mode", &words, Self::Stateless)
    }
}

impl Table<'_> {
    /// Reads a list of a service's ids of people: texts, or whole numbers as they are written.
    pub fn people(&mut self, key: &str, example: &str) -> Option<Vec<String>> {
        self.ids(key, "people", example)
    }

    /// Reads a list of a service's ids of what `of` says: texts, or whole numbers as they are written.
    pub fn ids(&mut self, key: &str, of: &str, example: &str) -> Option<Vec<String>> {
        let expected = format!("a list of ids of {of}");
        self.list(key, &expected, "an id, as text or as a whole number", example, id)
    }

    /// Reads one of a service's ids: a text, or a whole number as it is written.
    pub fn id(&mut self, key: &str, example: &str) -> Option<String> {
        self.read(key, "an id, as text or as a whole number", example, id)
    }
}

fn id(node: &Node) -> Option<String> {
    match &node.value {
        Value::Integer(_) => integer(node).map(|number| number.to_string()),
        _ => text(node),
    }
}

//! Values that must not be shown, nor handed to engines: they print as dots wherever they turn up.

use std::fmt;

use super::layer::is_setting;
use super::source::{Entry, Node, Value};

/// Bytes below which a text is no secret: hiding it would blot out ordinary words.
const SHORTEST_SECRET: usize = 6;

/// A configured secret. `Debug` and `Display` print `•••`; only [`Secret::reveal`] tells.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Secret(String);

impl Secret {
    /// Returns `text` as a secret.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns the secret itself, for the one call that needs it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("•••")
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("•••")
    }
}

/// Returns whether a value at `key` (dotted or not) may be a secret, judged by the key's words.
#[must_use]
pub fn names_a_secret(key: &str) -> bool {
    let key = key.to_lowercase();
    ["token", "key", "secret", "password", "passwd", "credential"].iter().any(|word| key.contains(word))
}

/// What engines inherit of the daemon's environment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EngineEnvironment {
    pub(super) allowed: Option<Vec<String>>,
    pub(super) secrets: Vec<Secret>,
}

impl EngineEnvironment {
    /// Returns whether a variable is for engines: none that is a setting; of the others those that are
    /// listed, or, without a list, all whose value is no configured secret.
    #[must_use]
    pub fn passes(&self, name: &str, value: &str) -> bool {
        let listed = match &self.allowed {
            Some(allowed) => allowed.iter().any(|allowed| allowed == name),
            None => !self.secrets.iter().any(|secret| secret.reveal() == value.trim()),
        };
        listed && !is_setting(name)
    }

    /// Returns every written text whose key names a secret, for logs to hide.
    #[must_use]
    pub fn secrets(&self) -> &[Secret] {
        &self.secrets
    }
}

/// Returns every text below a key that names a secret.
pub(super) fn collect(root: &[Entry]) -> Vec<Secret> {
    let mut secrets = Vec::new();
    collect_entries(root, false, &mut secrets);
    secrets
}

fn collect_entries(entries: &[Entry], within: bool, secrets: &mut Vec<Secret>) {
    for entry in entries {
        // The name of a file that holds a secret is none itself.
        let names_one = names_a_secret(&entry.key) && !entry.key.ends_with("_file");
        collect_from(&entry.node, within || names_one, secrets);
    }
}

fn collect_from(node: &Node, secret: bool, secrets: &mut Vec<Secret>) {
    match &node.value {
        Value::Text(text) | Value::String(text) if secret && text.trim().len() >= SHORTEST_SECRET => {
            secrets.push(Secret::new(text.trim()));
        }
        Value::Array(items) => items.iter().for_each(|item| collect_from(item, secret, secrets)),
        Value::Table(entries) => collect_entries(entries, secret, secrets),
        _ => {}
    }
}

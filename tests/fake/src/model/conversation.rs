//! What a request holds of a conversation, whatever its dialect.

use std::collections::BTreeMap;

use serde_json::Value;

use super::script;

/// A conversation as far as it has come, as the client tells it with every request.
#[derive(Debug, Default)]
pub(super) struct Conversation {
    /// The newest text of the user that holds a keyword.
    pub(super) prompt: String,
    /// Those before it, the oldest first.
    pub(super) earlier: Vec<String>,
    /// What tools returned since the prompt.
    pub(super) results: Vec<String>,
    pub(super) system: String,
    /// All that users and systems said: clients tell their working directory somewhere in it.
    pub(super) everything: String,
    /// The tools on offer, as the client describes them.
    pub(super) tools: BTreeMap<String, Value>,
    pub(super) model: String,
}

impl Conversation {
    pub(super) fn hear_system(&mut self, text: &str) {
        self.system.push_str(text);
        self.hear(text);
    }

    /// Hears a text that decides nothing.
    pub(super) fn hear(&mut self, text: &str) {
        self.everything.push_str(text);
        self.everything.push('\n');
    }

    pub(super) fn hear_user(&mut self, text: &str) {
        self.hear(text);
        if script::keyword(text).is_some() {
            let before = std::mem::replace(&mut self.prompt, text.to_owned());
            if !before.is_empty() {
                self.earlier.push(before);
            }
            self.results.clear();
        }
    }

    pub(super) fn hear_result(&mut self, text: String) {
        self.results.push(text);
    }

    pub(super) fn offer(&mut self, name: Option<&str>, tool: &Value) {
        if let Some(name) = name {
            self.tools.insert(name.to_owned(), tool.clone());
        }
    }

    pub(super) fn tool_names(&self) -> Vec<&str> {
        self.tools.keys().map(String::as_str).collect()
    }

    /// Tells whether this is no turn of the conversation, but a request beside it such as for a title.
    pub(super) fn is_errand(&self) -> bool {
        self.tools.is_empty() || self.system.contains("title generator")
    }

    /// Returns the client's working directory, if it told it.
    pub(super) fn directory(&self) -> Option<&str> {
        const BEFORE_IT: [&str; 4] =
            ["<cwd>", "orking directory: ", "orking directory is ", "orking directory:\n"];
        let hay = self.everything.as_str();
        let after =
            BEFORE_IT.iter().find_map(|words| Some(hay.split_once(words)?.1.trim_start_matches('`')))?;
        let end =
            after.find(|letter: char| letter.is_whitespace() || "`<".contains(letter)).unwrap_or(after.len());
        Some(after[..end].trim_end_matches(['.', ','])).filter(|path| path.starts_with('/'))
    }
}

/// Returns the text of a message's content in any dialect.
pub(super) fn flat(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().map(flat).collect::<Vec<_>>().join("\n"),
        Value::Object(fields) => ["text", "content", "output"]
            .iter()
            .find_map(|key| fields.get(*key))
            .map(flat)
            .unwrap_or_default(),
        _ => String::new(),
    }
}

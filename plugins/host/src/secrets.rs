//! Which values of a plugin's settings nobody may see, by the names of their keys, and how they are kept out of a text.

use serde_json::{Map, Value};
use takopi_core::settings::names_a_secret;

/// Bytes below which a value is no secret: hiding it would blot out ordinary words.
const SHORTEST: usize = 6;

/// Returns the values whose key, or that of a table around them, names a secret.
pub(crate) fn among(settings: &Map<String, Value>) -> Vec<String> {
    let mut found = Vec::new();
    for (key, value) in settings {
        collect(value, names_a_secret(key), &mut found);
    }
    found
}

/// Returns a text without them.
pub(crate) fn hidden(text: String, secrets: &[String]) -> String {
    secrets.iter().fold(text, |text, secret| text.replace(secret, "•••"))
}

fn collect(value: &Value, is_secret: bool, found: &mut Vec<String>) {
    match value {
        Value::String(text) if is_secret && text.trim().len() >= SHORTEST => {
            found.push(text.trim().to_owned());
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, is_secret, found)),
        Value::Object(table) => {
            table.iter().for_each(|(key, value)| collect(value, is_secret || names_a_secret(key), found));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_found_by_their_keys_at_any_depth_and_hidden() {
        let settings = json!({"unit": "celsius", "api_key": "s3cr3t!", "more": {"tokens": ["abcdef", "x"]}});
        let secrets = among(settings.as_object().unwrap());
        assert_eq!(secrets, ["s3cr3t!", "abcdef"]);
        assert_eq!(hidden("abcdef and s3cr3t! in celsius".to_owned(), &secrets), "••• and ••• in celsius");
    }
}

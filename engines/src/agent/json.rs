//! Reading JSON that may be anything: a value of another type reads as if it were not there.

use serde_json::Value;

/// Takes a text out of an object without copying it; a line may hold megabytes.
pub(crate) fn take_text(json: &mut Value, key: &str) -> Option<String> {
    match json.get_mut(key).map(Value::take) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    }
}

/// Takes a value out of an object.
pub(crate) fn take(json: &mut Value, key: &str) -> Value {
    json.get_mut(key).map(Value::take).unwrap_or_default()
}

/// Returns the text at `key`, or nothing.
pub(crate) fn text<'a>(json: &'a Value, key: &str) -> &'a str {
    json[key].as_str().unwrap_or_default()
}

/// Returns the items of a list.
pub(crate) fn items(json: &Value) -> &[Value] {
    json.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Returns what an error says to people: agents hand on what a model's service answered, as JSON too.
pub(crate) fn error_text(message: &str) -> String {
    let message = message.trim();
    let json: Value = serde_json::from_str(message).unwrap_or_default();
    let inner = [&json["error"]["message"], &json["message"], &json["error"]];
    let said = inner.into_iter().find_map(|value| value.as_str().filter(|text| !text.trim().is_empty()));
    said.unwrap_or(message).to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_of_another_type_reads_as_if_it_were_not_there() {
        for mut json in [json!(7), json!([1]), json!("x"), json!({ "a": 1 }), json!(null)] {
            assert_eq!((take_text(&mut json, "a"), text(&json, "a")), (None, ""));
            assert!(items(&take(&mut json, "b")).is_empty());
        }
        let mut json = json!({ "a": "b" });
        assert_eq!(take_text(&mut json, "a").as_deref(), Some("b"));
    }

    #[test]
    fn an_error_that_is_json_says_its_message() {
        assert_eq!(error_text(r#"{"error": {"type": "x", "message": "too long"}}"#), "too long");
        assert_eq!(error_text(r#"{"message": "no"}"#), "no");
        assert_eq!(error_text(r#"{"error": "no"}"#), "no");
        assert_eq!(error_text("plain "), "plain");
        assert_eq!(error_text(r#"{"code": 7}"#), r#"{"code": 7}"#);
    }
}

//! What an answer of the REST API says: what was asked for, a limit, a refusal, or nothing that can be read. Pure.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde::Deserialize;
use serde_json::Value;

use super::limits::{Told, Window};
use super::{Answer, CallError};

/// How long to be silent after a limit that doesn't say.
const UNSPOKEN_RETRY: Duration = Duration::from_secs(5);

/// Longest silence that is believed: a day.
const LONGEST_RETRY: Duration = Duration::from_secs(86_400);

/// Longest text of an error that is kept, in characters.
const LONGEST_MESSAGE: usize = 300;

/// The code of a body that has something wrong at a key (Discord docs, "JSON Error Codes").
const INVALID_FORM: u32 = 50_035;

/// What every refusal looks like.
#[derive(Deserialize, Default)]
struct Refusal {
    #[serde(default)]
    code: u32,
    #[serde(default)]
    message: String,
    #[serde(default)]
    errors: Value,
    retry_after: Option<f64>,
    #[serde(default)]
    global: bool,
}

/// Reads an answer, and what it tells of limits.
pub(crate) fn read(status: StatusCode, headers: &HeaderMap, text: &str) -> (Told, Result<Answer, CallError>) {
    let window = window(headers);
    let left = window.as_ref().map(|window| (window.left, window.opens_in));
    let mut told = Told { window, ..Told::default() };
    let outcome = if status.is_success() {
        body(text).map(|body| Answer { body, left })
    } else if status == StatusCode::TOO_MANY_REQUESTS {
        let (after, bot) = silence(headers, text);
        told.silence = Some((after, bot));
        told.is_invalid = named(headers, "x-ratelimit-scope") != Some("shared");
        Err(CallError::Limited { after, bot })
    } else {
        told.is_invalid = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&status);
        Err(refused(status, text))
    };
    (told, outcome)
}

fn body(text: &str) -> Result<Value, CallError> {
    if text.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_str(text)
        .map_err(|error| CallError::Unknown(format!("the answer cannot be read: {error}")))
}

/// Returns how long to be silent, and whether everywhere.
fn silence(headers: &HeaderMap, text: &str) -> (Duration, bool) {
    let by_header = named(headers, "retry-after").and_then(seconds);
    let Ok(limit) = serde_json::from_str::<Refusal>(text) else {
        // Not Discord's own words: what stands before it shuts out the whole address.
        return (by_header.unwrap_or(UNSPOKEN_RETRY), true);
    };
    let after = limit.retry_after.and_then(duration).or(by_header).unwrap_or(UNSPOKEN_RETRY);
    let bot = limit.global
        || headers.contains_key("x-ratelimit-global")
        || named(headers, "x-ratelimit-scope") == Some("global");
    (after, bot)
}

fn refused(status: StatusCode, text: &str) -> CallError {
    if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT {
        return CallError::Unknown(format!("Discord answered {status}"));
    }
    let Ok(refusal) = serde_json::from_str::<Refusal>(text) else {
        // Somebody else's page. A file that is too large is refused so, by what stands before Discord.
        return CallError::Refused {
            status: status.as_u16(),
            code: 0,
            message: format!("the answer was {status}"),
        };
    };
    if let Some(after) = refusal.retry_after.and_then(duration) {
        return CallError::Limited { after, bot: false };
    }
    let fault = (refusal.code == INVALID_FORM).then(|| first_fault(&refusal.errors, String::new())).flatten();
    let said = if refusal.message.is_empty() { format!("the answer was {status}") } else { refusal.message };
    let message: String = fault.unwrap_or(said).chars().take(LONGEST_MESSAGE).collect();
    CallError::Refused { status: status.as_u16(), code: refusal.code, message }
}

/// Returns the first thing wrong in a body, with the key it is at: `content: Must be 2000 or fewer in length.
/// (BASE_TYPE_MAX_LENGTH)`.
fn first_fault(errors: &Value, path: String) -> Option<String> {
    let errors = errors.as_object()?;
    if let Some(fault) = errors.get("_errors").and_then(|list| list.get(0)) {
        let text = |key| fault.get(key).and_then(Value::as_str).unwrap_or("?");
        let path = if path.is_empty() { "body" } else { &path };
        return Some(format!("{path}: {} ({})", text("message"), text("code")));
    }
    let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    errors.iter().find_map(|(key, inner)| first_fault(inner, below(key)))
}

fn window(headers: &HeaderMap) -> Option<Window> {
    let number = |name| named(headers, name).and_then(|text| text.parse().ok());
    Some(Window {
        bucket: named(headers, "x-ratelimit-bucket")?.to_owned(),
        limit: number("x-ratelimit-limit")?,
        left: number("x-ratelimit-remaining")?,
        opens_in: named(headers, "x-ratelimit-reset-after").and_then(seconds)?,
    })
}

fn named<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let name = if name == "retry-after" { RETRY_AFTER.as_str() } else { name };
    headers.get(name)?.to_str().ok()
}

fn seconds(text: &str) -> Option<Duration> {
    text.trim().parse().ok().and_then(duration)
}

fn duration(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds).ok().map(|after| after.min(LONGEST_RETRY))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn answered(
        status: u16,
        headers: &[(&'static str, &str)],
        text: &str,
    ) -> (Told, Result<Answer, CallError>) {
        let headers = headers.iter().map(|(name, value)| {
            let name = reqwest::header::HeaderName::from_static(name);
            (name, value.parse().unwrap())
        });
        read(StatusCode::from_u16(status).unwrap(), &headers.collect(), text)
    }

    fn outcome(status: u16, text: &str) -> Result<Answer, CallError> {
        answered(status, &[], text).1
    }

    const WINDOW: [(&str, &str); 4] = [
        ("x-ratelimit-bucket", "abcd"),
        ("x-ratelimit-limit", "5"),
        ("x-ratelimit-remaining", "3"),
        ("x-ratelimit-reset-after", "1.250"),
    ];

    #[test]
    fn an_answer_tells_what_is_left_of_its_window() {
        let (told, outcome) = answered(200, &WINDOW, r#"{"id":"7"}"#);
        let opens_in = Duration::from_millis(1250);
        let window = Window { bucket: "abcd".to_owned(), limit: 5, left: 3, opens_in };
        assert_eq!(told, Told { window: Some(window), ..Told::default() });
        assert_eq!(outcome, Ok(Answer { body: json!({"id": "7"}), left: Some((3, opens_in)) }));
        assert_eq!(answered(204, &[], "").1, Ok(Answer { body: Value::Null, left: None }));
    }

    #[test]
    fn a_limit_tells_how_long_and_for_what() {
        let limited = |headers: &[(&'static str, &str)], text: &str| {
            let (told, outcome) = answered(429, headers, text);
            let Err(CallError::Limited { after, bot }) = outcome else { panic!("{outcome:?}") };
            assert_eq!(told.silence, Some((after, bot)));
            (after.as_millis(), bot, told.is_invalid)
        };
        let body = r#"{"message":"slow","retry_after":0.3,"global":false}"#;
        assert_eq!(limited(&[("retry-after", "1")], body), (300, false, true), "the body is the finer one");
        assert_eq!(limited(&[("x-ratelimit-scope", "shared")], body), (300, false, false));
        assert_eq!(limited(&[("x-ratelimit-global", "true")], body), (300, true, true));
        assert_eq!(limited(&[], r#"{"retry_after":2,"global":true}"#), (2000, true, true));
        assert_eq!(limited(&[("retry-after", "9")], "error code: 1015"), (9000, true, true));
        assert_eq!(limited(&[], "{}"), (5000, false, true));
        assert_eq!(limited(&[], r#"{"retry_after":-1}"#), (5000, false, true));
        assert_eq!(limited(&[], r#"{"retry_after":1e300}"#), (5000, false, true));
    }

    #[test]
    fn a_refusal_names_the_key_that_is_wrong() {
        let fault = |path: Value| json!({"code": 50035, "message": "Invalid Form Body", "errors": path});
        let said = |body: Value| match outcome(400, &body.to_string()) {
            Err(CallError::Refused { message, .. }) => message,
            other => panic!("{other:?}"),
        };
        let errors =
            json!({"_errors": [{"code": "BASE_TYPE_MAX_LENGTH", "message": "Must be 2000 or fewer."}]});
        let content = fault(json!({"content": errors}));
        assert_eq!(said(content), "content: Must be 2000 or fewer. (BASE_TYPE_MAX_LENGTH)");
        let label = fault(json!({"components": {"0": {"components": {"1": {"label": errors}}}}}));
        let key = "components.0.components.1.label";
        assert_eq!(said(label), format!("{key}: Must be 2000 or fewer. (BASE_TYPE_MAX_LENGTH)"));
        assert_eq!(said(json!({"code": 50035, "message": "Invalid Form Body"})), "Invalid Form Body");
    }

    #[test]
    fn what_is_no_word_of_discords_is_a_refusal_without_a_code_or_unknown() {
        let refused = |status| match outcome(status, "<html>") {
            Err(CallError::Refused { status, code, .. }) => (status, code),
            other => panic!("{other:?}"),
        };
        assert_eq!([refused(403), refused(413)], [(403, 0), (413, 0)]);
        for (status, text) in [(200, "<html>"), (500, "{}"), (502, "<html>"), (408, "")] {
            assert!(matches!(outcome(status, text), Err(CallError::Unknown(_))), "{status} {text}");
        }
    }

    #[test]
    fn refusals_that_count_towards_a_ban_are_known() {
        let is_invalid = |status| answered(status, &[], r#"{"code":50001}"#).0.is_invalid;
        assert_eq!([400, 401, 403, 404, 500].map(is_invalid), [false, true, true, false, false]);
    }
}

//! The messages as they stand on the wire: one line in, one line out. Who waits for what is in [`super::pending`].

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Number, Value};

/// A JSON-RPC error: what one side tells the other about a request that failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[error("{message} ({code})")]
pub struct RpcError {
    /// The kind of error; negative numbers from −32768 to −32000 are the protocol's.
    pub code: i64,
    /// What happened, for people.
    pub message: String,
    /// Whatever the method wants to add.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
}

impl RpcError {
    /// The message is not a request, notification or response.
    pub const INVALID_REQUEST: i64 = -32600;
    /// No such method is served.
    pub const UNKNOWN_METHOD: i64 = -32601;
    /// The parameters don't fit the method.
    pub const INVALID_PARAMS: i64 = -32602;
    /// The serving side failed.
    pub const INTERNAL: i64 = -32603;
    /// The request was cancelled.
    pub const CANCELLED: i64 = -32800;
    /// Too many requests are being served already.
    pub const BUSY: i64 = -32015;

    /// Makes an error without data.
    pub fn new(code: i64, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), data: None }
    }

    /// Says that no such method is served.
    #[must_use]
    pub fn unknown_method(method: &str) -> Self {
        Self::new(Self::UNKNOWN_METHOD, format!("unknown method `{method}`"))
    }

    /// Says what is wrong with the parameters.
    pub fn invalid_params(problem: impl std::fmt::Display) -> Self {
        Self::new(Self::INVALID_PARAMS, format!("invalid parameters: {problem}"))
    }

    /// Says that the request was cancelled.
    #[must_use]
    pub fn cancelled() -> Self {
        Self::new(Self::CANCELLED, "cancelled")
    }
}

/// A request's id.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Id {
    Number(Number),
    Text(String),
}

/// A message from the other side.
#[derive(Debug, PartialEq)]
pub(super) enum Incoming {
    Request {
        id: Id,
        method: String,
        params: Value,
    },
    Notification {
        method: String,
        params: Value,
    },
    Response {
        id: Id,
        outcome: Result<Value, RpcError>,
    },
    /// JSON, but nothing that could be served; to be refused under this id.
    Invalid {
        id: Option<Id>,
        problem: &'static str,
    },
    /// Not JSON, or nothing that wants an answer: a stray `print`.
    Garbage,
}

#[derive(Deserialize)]
struct Raw {
    #[serde(default, deserialize_with = "present")]
    id: Option<Value>,
    method: Option<Value>,
    #[serde(default)]
    params: Value,
    #[serde(default, deserialize_with = "present")]
    result: Option<Value>,
    error: Option<Value>,
}

/// Keeps `null` apart from a missing member.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

impl Incoming {
    pub(super) fn parse(line: &[u8]) -> Self {
        match line.trim_ascii_start().first() {
            Some(b'{') => {}
            Some(b'[') if serde_json::from_slice::<serde::de::IgnoredAny>(line).is_ok() => {
                return Self::Invalid { id: None, problem: "batches are not supported" };
            }
            _ => return Self::Garbage,
        }
        let Ok(raw) = serde_json::from_slice::<Raw>(line) else { return Self::Garbage };
        let has_id = raw.id.is_some();
        let id = raw.id.and_then(|id| Id::deserialize(id).ok());
        match (raw.method, id) {
            (Some(Value::String(method)), Some(id)) => Self::Request { id, method, params: raw.params },
            (Some(Value::String(method)), None) if !has_id => {
                Self::Notification { method, params: raw.params }
            }
            (Some(Value::String(_)), None) => {
                Self::Invalid { id: None, problem: "the id must be a number or a string" }
            }
            (Some(_), id) => Self::Invalid { id, problem: "the method must be a string" },
            (None, Some(id)) => Self::response(id, raw.result, raw.error),
            (None, None) => Self::Garbage,
        }
    }

    fn response(id: Id, result: Option<Value>, error: Option<Value>) -> Self {
        let outcome = match (result, error) {
            (_, Some(error)) => Err(RpcError::deserialize(&error)
                .unwrap_or_else(|_| RpcError::new(RpcError::INTERNAL, format!("malformed error: {error}")))),
            (Some(result), None) => Ok(result),
            (None, None) => return Self::Invalid { id: Some(id), problem: "a method is missing" },
        };
        Self::Response { id, outcome }
    }
}

/// A message to the other side.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Outgoing<'a> {
    Request {
        jsonrpc: Version,
        id: u64,
        method: &'a str,
        #[serde(skip_serializing_if = "no_params")]
        params: &'a Value,
    },
    Notification {
        jsonrpc: Version,
        method: &'a str,
        #[serde(skip_serializing_if = "no_params")]
        params: &'a Value,
    },
    Result {
        jsonrpc: Version,
        id: &'a Id,
        result: &'a Value,
    },
    Error {
        jsonrpc: Version,
        id: Option<&'a Id>,
        error: &'a RpcError,
    },
}

/// The protocol has no `null` parameters: they are left out.
fn no_params(params: &&Value) -> bool {
    params.is_null()
}

/// The constant `"2.0"`.
#[derive(Serialize)]
pub(super) enum Version {
    #[serde(rename = "2.0")]
    Two,
}

impl Outgoing<'_> {
    /// Writes the line, with its end.
    #[expect(
        clippy::expect_used,
        reason = "only maps with keys that aren't strings fail, and a `Value` has none"
    )]
    pub(super) fn line(&self) -> Vec<u8> {
        let mut line = serde_json::to_vec(self).expect("values of JSON serialize");
        line.push(b'\n');
        line
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(line: &str) -> Incoming {
        Incoming::parse(line.as_bytes())
    }

    #[test]
    fn the_version_may_be_missing_and_ids_may_be_numbers_or_strings() {
        let request = |id| Incoming::Request { id, method: "m".into(), params: json!([1]) };
        assert_eq!(parse(r#"{"id":1,"method":"m","params":[1]}"#), request(Id::Number(1.into())));
        assert_eq!(
            parse(r#"{"jsonrpc":"2.0","id":"a","method":"m","params":[1]}"#),
            request(Id::Text("a".into()))
        );
    }

    #[test]
    fn a_null_result_is_a_result_and_a_null_error_is_none() {
        let id = Id::Number(1.into());
        assert_eq!(
            parse(r#"{"id":1,"result":null,"error":null}"#),
            Incoming::Response { id, outcome: Ok(Value::Null) }
        );
    }

    #[test]
    fn what_cannot_be_served_is_refused_and_what_is_no_message_is_garbage() {
        let invalid = |id, problem| Incoming::Invalid { id, problem };
        assert_eq!(parse("[{}]"), invalid(None, "batches are not supported"));
        assert_eq!(
            parse(r#"{"id":null,"method":"m"}"#),
            invalid(None, "the id must be a number or a string")
        );
        assert_eq!(parse(r#"{"id":1}"#), invalid(Some(Id::Number(1.into())), "a method is missing"));
        for garbage in ["", "hello", "{", "[1", "7", "{}", r#""text""#] {
            assert_eq!(parse(garbage), Incoming::Garbage, "{garbage}");
        }
    }

    #[test]
    fn lines_are_written_as_the_protocol_wants_them() {
        let error = RpcError::unknown_method("x");
        let line = Outgoing::Error { jsonrpc: Version::Two, id: None, error: &error }.line();
        let expected =
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32601,"message":"unknown method `x`"}}"#;
        assert_eq!(String::from_utf8(line).unwrap(), format!("{expected}\n"));
    }
}

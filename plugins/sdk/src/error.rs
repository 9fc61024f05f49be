//! What takopi is told when something goes wrong: a code of the protocol and a sentence for people.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use takopi_plugin_protocol::code;
use takopi_plugin_protocol::life::Issue;

/// A result whose error takopi understands.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error as it goes over the wire. Any [`std::error::Error`] becomes one by `?`; its text reaches people, so it should
/// hold no secret.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Error {
    code: i64,
    message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    data: Option<Value>,
}

impl Error {
    /// JSON-RPC: the message is no request, or comes at the wrong time.
    pub(crate) const INVALID_REQUEST: i64 = -32600;
    /// JSON-RPC: no such method is served.
    pub(crate) const UNKNOWN_METHOD: i64 = -32601;
    /// JSON-RPC: the parameters don't fit the method.
    pub(crate) const INVALID_PARAMS: i64 = -32602;
    /// JSON-RPC: the serving side failed.
    const INTERNAL: i64 = -32603;

    pub(crate) fn new(code: i64, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), data: None }
    }

    fn with(self, data: Value) -> Self {
        Self { data: Some(data), ..self }
    }

    /// Returns that it failed, with the reason for people.
    pub fn failed(why: impl Into<String>) -> Self {
        Self::new(Self::INTERNAL, why)
    }

    /// Returns that this plugin does not do such a thing.
    pub fn unsupported(what: impl fmt::Display) -> Self {
        Self::new(Self::UNKNOWN_METHOD, format!("not supported: {what}"))
    }

    /// Returns that the request was cancelled.
    #[must_use]
    pub fn cancelled() -> Self {
        Self::new(code::CANCELLED, "cancelled")
    }

    /// Returns that the service takes nothing now; takopi tries again after `pause`.
    #[must_use]
    pub fn retry_later(pause: Duration) -> Self {
        let ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
        Self::new(code::RETRY_LATER, "not now").with(json!({ "retry_after_ms": ms }))
    }

    /// Returns that it is not allowed.
    pub fn not_allowed(why: impl Into<String>) -> Self {
        Self::new(code::NOT_ALLOWED, why)
    }

    /// Returns that the message or the chat is gone.
    pub fn gone(what: impl Into<String>) -> Self {
        Self::new(code::GONE, what)
    }

    /// Returns that the service takes `limit` characters at most.
    #[must_use]
    pub fn too_long(limit: usize) -> Self {
        let message = format!("longer than {limit} characters");
        Self::new(code::TOO_LONG, message).with(json!({ "limit_chars": limit }))
    }

    /// Returns that settings cannot be used.
    #[must_use]
    pub fn bad_config(issues: &[Issue]) -> Self {
        let titles: Vec<&str> = issues.iter().map(|issue| issue.title.as_str()).collect();
        Self::new(code::BAD_CONFIG, titles.join("; ")).with(json!({ "issues": issues }))
    }

    /// Returns that too much is under way.
    pub fn busy(why: impl Into<String>) -> Self {
        Self::new(code::BUSY, why)
    }

    /// Returns the code: one of [`takopi_plugin_protocol::code`], or one of JSON-RPC's own.
    #[must_use]
    pub const fn code(&self) -> i64 {
        self.code
    }

    /// Returns what happened, for people.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns what the code comes with.
    #[must_use]
    pub const fn data(&self) -> Option<&Value> {
        self.data.as_ref()
    }

    /// Returns whether it says that the request was cancelled.
    #[must_use]
    pub const fn is_cancelled(&self) -> bool {
        self.code == code::CANCELLED
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

// `Error` itself is no `std::error::Error`: that is what lets `?` turn every other one into it.
impl<E: std::error::Error> From<E> for Error {
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        let mut cause = error.source();
        while let Some(inner) = cause {
            message = format!("{message}: {inner}");
            cause = inner.source();
        }
        Self::failed(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_error_becomes_one_with_its_causes() {
        fn fails() -> Result<()> {
            Err(std::io::Error::other("the disk is full"))?;
            Ok(())
        }
        assert_eq!(fails(), Err(Error::failed("the disk is full")));
    }

    #[test]
    fn the_pause_and_the_limit_go_with_the_code() {
        let later = serde_json::to_value(Error::retry_later(Duration::from_secs(2))).unwrap();
        assert_eq!(later, json!({"code": -32010, "message": "not now", "data": {"retry_after_ms": 2000}}));
        let long = serde_json::to_value(Error::too_long(9)).unwrap();
        assert_eq!(
            long,
            json!({"code": -32013, "message": "longer than 9 characters", "data": {"limit_chars": 9}})
        );
    }
}

//! What a plugin is told whose inbound is not taken, and what its own refusals mean to the outbox.

use std::time::Duration;

use serde_json::{Value, json};
use takopi_core::port::transport::{FetchError, RetryScope, SendError};
use takopi_core::render::shorten;
use takopi_plugin_protocol::code;
use takopi_stdio::rpc::{CallError, RpcError};

use crate::process::Failure;

/// How long a plugin should wait before it hands in again what was not taken.
const SOON: Duration = Duration::from_secs(1);

/// The pause of a plugin that doesn't say how long.
const USUAL_PAUSE: Duration = Duration::from_secs(1);

/// Longest pause that a plugin may ask for.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

/// Longest words of a plugin that are shown, in characters.
const MAX_WORDS: usize = 300;

/// Says that something is not taken yet, and when to hand it in again.
pub(super) fn later(why: impl std::fmt::Display) -> RpcError {
    let data = json!({ "retry_after_ms": SOON.as_millis() });
    RpcError { data: Some(data), ..RpcError::new(code::RETRY_LATER, format!("not taken yet: {why}")) }
}

/// Says that too much waits already.
pub(super) fn busy() -> RpcError {
    let data = json!({ "retry_after_ms": SOON.as_millis() });
    RpcError { data: Some(data), ..RpcError::new(code::BUSY, "too much waits to be written down") }
}

/// Returns a plugin's words as one line of bearable length.
pub(super) fn words(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    shorten(&line, MAX_WORDS)
}

/// Returns what the outcome of a call means to the outbox. What a plugin fails at without a code that says more may
/// have been done all the same.
pub(super) fn send_error(failure: &Failure) -> SendError {
    match failure {
        Failure::Call(CallError::Refused(error)) => refused(error),
        Failure::Unavailable(_) | Failure::Call(CallError::Unsent(_)) => {
            SendError::Broken(words(&failure.to_string()))
        }
        Failure::Call(CallError::TooLong { .. }) => SendError::TooLong,
        Failure::Call(CallError::Full { .. }) => {
            SendError::RetryAfter { after: USUAL_PAUSE, scope: RetryScope::Bot }
        }
        _ => SendError::Unknown(words(&failure.to_string())),
    }
}

fn refused(error: &RpcError) -> SendError {
    match error.code {
        code::RETRY_LATER | code::BUSY => retry(error),
        code::GONE => SendError::Gone,
        code::TOO_LONG => SendError::TooLong,
        code::NOT_ALLOWED | RpcError::INVALID_PARAMS => SendError::Denied(words(&error.message)),
        RpcError::UNKNOWN_METHOD => SendError::Denied("the plugin cannot do that".to_owned()),
        _ => SendError::Unknown(words(&error.message)),
    }
}

fn retry(error: &RpcError) -> SendError {
    let data = error.data.as_ref();
    let pause = data.and_then(|data| data.get("retry_after_ms")).and_then(Value::as_u64);
    let after = pause.map_or(USUAL_PAUSE, Duration::from_millis).min(LONGEST_PAUSE);
    let is_for_all = data.and_then(|data| data.get("scope")).is_some_and(|scope| scope == "bot");
    SendError::RetryAfter { after, scope: if is_for_all { RetryScope::Bot } else { RetryScope::Chat } }
}

/// Returns what the outcome of a fetch means.
pub(super) fn fetch_error(failure: &Failure) -> FetchError {
    let text = words(&failure.to_string());
    match failure {
        Failure::Call(CallError::Refused(error)) => match error.code {
            code::TOO_LONG => FetchError::TooLarge,
            code::GONE | code::NOT_ALLOWED | RpcError::INVALID_PARAMS => {
                FetchError::Denied(words(&error.message))
            }
            RpcError::UNKNOWN_METHOD => FetchError::Denied("the plugin cannot do that".to_owned()),
            _ => FetchError::Unfound(words(&error.message)),
        },
        _ => FetchError::Broken(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::{Code, Problem};

    #[test]
    fn each_way_to_fail_says_what_is_known_of_the_outcome() {
        let refused = |code, data: Value| {
            Failure::Call(CallError::Refused(RpcError { data: Some(data), ..RpcError::new(code, "no\nway") }))
        };
        let cases = [
            refused(code::RETRY_LATER, json!({ "retry_after_ms": 2500 })),
            refused(code::RETRY_LATER, json!({ "retry_after_ms": 99_000_000_u64, "scope": "bot" })),
            refused(code::BUSY, Value::Null),
            refused(code::GONE, Value::Null),
            refused(code::TOO_LONG, Value::Null),
            refused(code::NOT_ALLOWED, Value::Null),
            refused(RpcError::UNKNOWN_METHOD, Value::Null),
            refused(RpcError::INTERNAL, Value::Null),
            Failure::Unavailable(Problem::new(Code::StartFailed, "it is not running")),
            Failure::Call(CallError::Unsent("it has ended".into())),
            Failure::Call(CallError::Closed("it has ended".into())),
            Failure::Call(CallError::TimedOut { after: Duration::from_secs(30) }),
            Failure::Call(CallError::TooLong { limit: 9 }),
            Failure::Call(CallError::Full { limit: 9 }),
            Failure::Unreadable { method: "transport/send", problem: "missing field `message`".to_owned() },
        ];
        let shown: Vec<_> = cases.iter().map(|failure| (send_error(failure), fetch_error(failure))).collect();
        insta::assert_debug_snapshot!(shown);
    }
}

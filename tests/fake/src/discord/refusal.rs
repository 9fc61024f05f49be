//! Refusals in Discord's words: an HTTP status, a code of its own, and for forms where in the body the mistake is.
//!
//! Codes and shapes: Discord developer documentation, "Opcodes and status codes" and "Error messages".

use std::time::Duration;

use serde_json::{Value, json};

/// An answer that says no.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) code: u32,
    pub(super) message: String,
    errors: Option<Value>,
    /// How long to wait, and whether for everything.
    pub(super) limit: Option<(Duration, bool)>,
}

impl Refusal {
    pub(super) fn new(status: u16, code: u32, message: &str) -> Self {
        Self { status, code, message: message.to_owned(), errors: None, limit: None }
    }

    pub(super) fn limited(after: Duration, global: bool) -> Self {
        Self { limit: Some((after, global)), ..Self::new(429, 0, "You are being rate limited.") }
    }

    pub(super) fn body(&self) -> Value {
        if let Some((after, global)) = self.limit {
            return json!({"message": self.message, "retry_after": after.as_secs_f64(), "global": global});
        }
        let mut body = json!({"message": self.message, "code": self.code});
        if let Some(errors) = &self.errors {
            body["errors"] = errors.clone();
        }
        body
    }

    /// Returns the headers that come with it.
    pub(super) fn headers(&self) -> Vec<(&'static str, String)> {
        let Some((after, global)) = self.limit else { return Vec::new() };
        let whole_seconds = after.as_secs_f64().ceil().max(1.0);
        let mut headers = vec![
            ("retry-after", format!("{whole_seconds}")),
            ("x-ratelimit-scope", if global { "global" } else { "user" }.to_owned()),
        ];
        if global {
            headers.push(("x-ratelimit-global", "true".to_owned()));
        }
        headers
    }
}

/// Refuses a body because of what stands at `path`, such as `components.0.components.1.label`.
pub(super) fn form(path: &str, code: &str, message: &str) -> Refusal {
    let leaf = json!({"_errors": [{"code": code, "message": message}]});
    let steps = path.rsplit('.').filter(|step| !step.is_empty());
    let errors = steps.fold(leaf, |inner, step| json!({step: inner}));
    Refusal { errors: Some(errors), ..Refusal::new(400, 50035, "Invalid Form Body") }
}

pub(super) fn too_long(path: &str, most: usize) -> Refusal {
    form(path, "BASE_TYPE_MAX_LENGTH", &format!("Must be {most} or fewer in length."))
}

pub(super) fn bad_length(path: &str, least: usize, most: usize) -> Refusal {
    form(path, "BASE_TYPE_BAD_LENGTH", &format!("Must be between {least} and {most} in length."))
}

pub(super) fn required(path: &str) -> Refusal {
    form(path, "BASE_TYPE_REQUIRED", "This field is required")
}

pub(super) fn no_choice(path: &str, choices: &str) -> Refusal {
    form(path, "BASE_TYPE_CHOICES", &format!("Value must be one of {{{choices}}}."))
}

pub(super) fn unknown_channel() -> Refusal {
    Refusal::new(404, 10003, "Unknown Channel")
}

pub(super) fn unknown_message() -> Refusal {
    Refusal::new(404, 10008, "Unknown Message")
}

pub(super) fn archived() -> Refusal {
    Refusal::new(400, 50083, "Thread is archived")
}

//! What a request carries, whichever way it came: in the query, as JSON or as a form with files.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::extract::Query;
use axum::http::Uri;
use serde_json::{Map, Value, json};

use super::multipart;

/// A refusal as Telegram puts it: an HTTP status that is also the `error_code`, and words for it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Refusal {
    pub(super) code: u16,
    pub(super) description: String,
    /// For example `{"retry_after": 3}`.
    pub(super) parameters: Option<Value>,
}

impl Refusal {
    pub(super) fn new(code: u16, description: &str) -> Self {
        Self { code, description: description.to_owned(), parameters: None }
    }

    pub(super) fn too_many(retry_after_s: u64) -> Self {
        Self {
            parameters: Some(json!({"retry_after": retry_after_s})),
            ..Self::new(429, &format!("Too Many Requests: retry after {retry_after_s}"))
        }
    }

    pub(super) fn body(&self) -> Value {
        let mut body = json!({"ok": false, "error_code": self.code, "description": self.description});
        if let Some(parameters) = &self.parameters {
            body["parameters"] = parameters.clone();
        }
        body
    }
}

/// Returns the refusal of a request that asks for what cannot be.
pub(super) fn bad(reason: &str) -> Refusal {
    Refusal::new(400, &format!("Bad Request: {reason}"))
}

/// A file that came with a form.
#[derive(Debug, Clone)]
pub(super) struct Upload {
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
}

/// The parameters of a call.
#[derive(Debug, Clone, Default)]
pub(super) struct Params {
    pub(super) values: Map<String, Value>,
    pub(super) uploads: BTreeMap<String, Upload>,
}

impl Params {
    /// Reads the query and the body. Later ones win; `null` counts as not given.
    pub(super) fn read(uri: &Uri, content_type: &str, body: &Bytes) -> Result<Self, Refusal> {
        let Query(query) = Query::<Vec<(String, String)>>::try_from_uri(uri)
            .map_err(|error| bad(&format!("can't parse the query: {error}")))?;
        let mut params = Self::default();
        params.values.extend(query.into_iter().map(|(name, value)| (name, Value::String(value))));
        if body.is_empty() {
            return Ok(params);
        }
        if content_type.starts_with("multipart/form-data") {
            multipart::read(content_type, body, &mut params)?;
        } else if content_type.starts_with("application/json") {
            let given: Map<String, Value> = serde_json::from_slice(body)
                .map_err(|error| bad(&format!("can't parse JSON object: {error}")))?;
            params.values.extend(given.into_iter().filter(|(_, value)| !value.is_null()));
        } else {
            return Err(bad("send JSON or a form of type multipart/form-data"));
        }
        Ok(params)
    }

    /// Returns a text, empty when there is none.
    pub(super) fn text(&self, name: &str) -> &str {
        self.values.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        match self.values.get(name) {
            Some(Value::Bool(flag)) => *flag,
            Some(Value::String(text)) => matches!(text.to_lowercase().as_str(), "1" | "true" | "yes"),
            _ => false,
        }
    }

    pub(super) fn number(&self, name: &str) -> Option<i64> {
        match self.values.get(name)? {
            Value::String(text) => text.parse().ok(),
            value => value.as_i64(),
        }
    }

    /// Returns a value with structure; forms and queries carry it as JSON in a text.
    pub(super) fn object(&self, name: &str) -> Result<Option<Value>, Refusal> {
        match self.values.get(name) {
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(Value::String(text)) => serde_json::from_str(text)
                .map(Some)
                .map_err(|error| bad(&format!("can't parse {name}: {error}"))),
            other => Ok(other.cloned()),
        }
    }

    /// Returns everything as one object, files by name and size.
    pub(super) fn for_log(&self) -> Value {
        let mut all = self.values.clone();
        all.extend(self.uploads.iter().map(|(field, upload)| {
            (field.clone(), json!({"file_name": upload.name, "bytes": upload.bytes.len()}))
        }));
        Value::Object(all)
    }
}

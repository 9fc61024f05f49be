//! Takes requests apart and puts answers on the wire.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::{Bytes, to_bytes};
use axum::extract::{ConnectInfo, Query, Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, USER_AGENT};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse as _, Json, Response};
use serde_json::Value;

use super::calls::{self, Caller, Reply, Shared};
use super::files::Upload;
use super::refusal;
use super::refusal::Refusal;
use super::routes::Asking;
use crate::telegram::multipart;
use crate::telegram::wire::Scissors;

/// Bytes of a request at most: more than any upload may have.
const MAX_REQUEST: usize = 64 << 20;

/// Serves every request there is.
pub(super) async fn serve(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(scissors): ConnectInfo<Scissors>,
    request: Request,
) -> Response {
    let (head, body) = request.into_parts();
    if head.uri.path().starts_with("/cdn/") {
        return put(calls::download(&shared, head.uri.path()).await, &scissors);
    }
    let header = |name: HeaderName| text(&head.headers, &name);
    let caller = Caller {
        authorized: header(AUTHORIZATION) == format!("Bot {}", shared.read().settings.bot_token),
        named: header(USER_AGENT).starts_with("DiscordBot ("),
    };
    let query = Query::<Vec<(String, String)>>::try_from_uri(&head.uri);
    let path = head.uri.path();
    let mut asking = Asking {
        method: head.method.as_str().to_owned(),
        path: path.strip_prefix("/api/v10").unwrap_or(path).to_owned(),
        query: query.map(|Query(pairs)| pairs.into_iter().collect()).unwrap_or_default(),
        ..Asking::default()
    };
    let read = match to_bytes(body, MAX_REQUEST).await {
        Ok(body) => read(&mut asking, &header(CONTENT_TYPE), &body),
        Err(_) => Err(Refusal::new(413, 40005, "Request entity too large")),
    };
    let asking = match read {
        Ok(()) => Ok(asking),
        Err(refusal) => Err((asking, refusal)),
    };
    put(calls::play(&shared, caller, asking).await, &scissors)
}

fn text(headers: &HeaderMap, name: &HeaderName) -> String {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}

fn read(asking: &mut Asking, content_type: &str, body: &Bytes) -> Result<(), Refusal> {
    let broken = || Refusal::new(400, 50109, "The request body contains invalid JSON.");
    if body.is_empty() {
        return Ok(());
    }
    if content_type.starts_with("application/json") {
        asking.body = serde_json::from_slice(body).map_err(|_| broken())?;
        return Ok(());
    }
    if !content_type.starts_with("multipart/form-data") {
        return Err(refusal::form("", "BASE_TYPE_REQUIRED", "send JSON or a form"));
    }
    let parts =
        multipart::parts(content_type, body).map_err(|reason| refusal::form("", "INVALID_FORM", reason))?;
    let mut fields: BTreeMap<String, Value> = BTreeMap::new();
    for part in parts {
        let Some(file) = part.file else {
            match part.name.as_str() {
                "payload_json" => asking.body = serde_json::from_slice(&part.bytes).map_err(|_| broken())?,
                name => drop(fields.insert(name.to_owned(), String::from_utf8_lossy(&part.bytes).into())),
            }
            continue;
        };
        let place = part.name.trim_start_matches("files[").trim_end_matches(']').to_owned();
        let content_type = part.content_type.unwrap_or_else(|| "application/octet-stream".to_owned());
        asking.files.push(Upload { place, name: file, content_type, bytes: part.bytes });
    }
    if asking.body.is_null() && !fields.is_empty() {
        asking.body = fields.into_iter().collect();
    }
    Ok(())
}

fn put(reply: Reply, scissors: &Scissors) -> Response {
    match reply {
        Reply::Json(status, body, headers) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let mut response = match status {
                StatusCode::NO_CONTENT => status.into_response(),
                status => (status, Json(body)).into_response(),
            };
            for (name, value) in headers {
                if let Ok(value) = HeaderValue::from_str(&value) {
                    response.headers_mut().insert(HeaderName::from_static(name), value);
                }
            }
            response
        }
        Reply::File(bytes) => {
            ([(CONTENT_TYPE, "application/octet-stream")], Bytes::from_owner(bytes)).into_response()
        }
        Reply::Garbage => Html("<html>a gateway that has lost its mind</html>").into_response(),
        Reply::Broken => {
            scissors.cut();
            StatusCode::NO_CONTENT.into_response()
        }
    }
}

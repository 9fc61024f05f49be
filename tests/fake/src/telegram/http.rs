//! Takes requests apart and puts answers on the wire.

use std::sync::Arc;

use axum::body::{Bytes, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse as _, Json, Response};

use super::calls::{self, Reply, Shared, Wish};
use super::methods;
use super::params::{Params, Refusal};
use super::wire::Scissors;

/// Bytes of a request at most: the largest file, and room for the form around it.
const MAX_REQUEST: usize = 64 << 20;

/// What all requests need.
#[derive(Debug, Clone)]
pub(super) struct Counter {
    pub(super) shared: Arc<Shared>,
    pub(super) token: Arc<str>,
}

/// Serves every request there is.
pub(super) async fn serve(
    State(counter): State<Counter>,
    ConnectInfo(scissors): ConnectInfo<Scissors>,
    request: Request,
) -> Response {
    let (head, body) = request.into_parts();
    let path = head.uri.path().replace("%3A", ":");
    let Some((token, name, wish)) = read(&path) else {
        let without_token = path.replace(&*counter.token, "TOKEN");
        let call = format!("{} {without_token}", head.method);
        counter.shared.change(|world| world.log.other.push(call));
        return put(Reply::Json(404, Refusal::new(404, "Not Found").body()), &scissors);
    };
    let params = match to_bytes(body, MAX_REQUEST).await {
        Ok(body) => Params::read(&head.uri, content_type(&head.headers), &body),
        Err(_) => Err(Refusal::new(413, "Request Entity Too Large")),
    };
    let reply = calls::play(&counter.shared, name, wish, params, token == &*counter.token).await;
    put(reply, &scissors)
}

/// Reads `/bot<token>/<method>` or `/file/bot<token>/<path>`.
fn read(path: &str) -> Option<(&str, &'static str, Wish)> {
    if let Some(file) = path.strip_prefix("/file/bot") {
        let (token, path) = file.split_once('/')?;
        return Some((token, "file", Wish::File(path.to_owned())));
    }
    let (token, method) = path.strip_prefix("/bot")?.split_once('/')?;
    if method.eq_ignore_ascii_case("getUpdates") {
        return Some((token, "getUpdates", Wish::Poll));
    }
    let (name, method) = methods::named(method)?;
    Some((token, name, Wish::Method(method)))
}

fn content_type(headers: &HeaderMap) -> &str {
    headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn put(reply: Reply, scissors: &Scissors) -> Response {
    match reply {
        Reply::Json(status, body) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (status, Json(body)).into_response()
        }
        Reply::File(bytes) => {
            ([(CONTENT_TYPE, "application/octet-stream")], Bytes::from(bytes)).into_response()
        }
        Reply::Garbage => Html("<html>a gateway that has lost its mind</html>").into_response(),
        Reply::Broken => {
            scissors.cut();
            StatusCode::NO_CONTENT.into_response()
        }
    }
}

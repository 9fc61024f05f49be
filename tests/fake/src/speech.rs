//! A transcription service on loopback: `POST /v1/audio/transcriptions`, as OpenAI has it.
//!
//! What is said in a voice note is what its bytes are as text. A note that says `status:503 WHY` is answered
//! so; one that says `hold WORDS` is held until [`SpeechServer::release`]. It never looks at the clock.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Json, Response};
use axum::routing::post;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

/// Bytes of a request at most: above anything a Bot API hands out.
const MAX_REQUEST: usize = 64 << 20;

/// A request to transcribe something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The `Authorization` header.
    pub authorization: Option<String>,
    /// The model that was asked for.
    pub model: String,
    /// The name of the file.
    pub file: String,
    /// What is said in it.
    pub said: String,
}

/// The service, for as long as this value lives. It needs no async around it.
#[derive(Debug)]
pub struct SpeechServer {
    shared: Arc<Shared>,
    address: SocketAddr,
    #[expect(dead_code, reason = "the server runs on it, and ends when it is dropped")]
    runtime: Runtime,
}

#[derive(Debug, Default)]
struct Shared {
    asked: watch::Sender<Vec<Asked>>,
    released: watch::Sender<bool>,
    work: TaskTracker,
}

impl SpeechServer {
    /// Starts a service on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// When there is no port or no thread to be had.
    pub fn start() -> io::Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let routes = Router::new()
            .route("/v1/audio/transcriptions", post(transcribe))
            .layer(DefaultBodyLimit::max(MAX_REQUEST))
            .with_state(shared.clone());
        let served = axum::serve(listener, routes);
        shared.work.spawn_on(async move { served.await }, runtime.handle());
        Ok(Self { shared, address, runtime })
    }

    /// Returns the base URL: `http://127.0.0.1:PORT/v1`.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Returns what was asked so far, in order.
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        self.shared.asked.borrow().clone()
    }

    /// Lets every note that is held go on, and holds none from now on.
    pub fn release(&self) {
        self.shared.released.send_replace(true);
    }
}

async fn transcribe(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let Some(asked) = read(&headers, &body) else {
        return refuse(StatusCode::BAD_REQUEST, "this is no form with a file and a model");
    };
    let said = asked.said.clone();
    shared.asked.send_modify(|all| all.push(asked));
    if let Some((status, why)) = said.strip_prefix("status:").and_then(|text| text.split_once(' ')) {
        let status = status.parse().unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        return refuse(status, why);
    }
    let Some(words) = said.strip_prefix("hold ") else { return Json(json!({"text": said})).into_response() };
    match shared.released.subscribe().wait_for(|released| *released).await {
        Ok(_) => Json(json!({"text": words})).into_response(),
        Err(_) => refuse(StatusCode::SERVICE_UNAVAILABLE, "the server is closing"),
    }
}

fn refuse(status: StatusCode, why: &str) -> Response {
    (status, Json(json!({"error": {"message": why, "type": "invalid_request_error"}}))).into_response()
}

fn read(headers: &HeaderMap, body: &[u8]) -> Option<Asked> {
    let boundary = headers.get(CONTENT_TYPE)?.to_str().ok()?.split_once("boundary=")?.1.trim_matches('"');
    let text = String::from_utf8_lossy(body);
    let (mut model, mut file) = (None, None);
    for part in text.split(&format!("--{boundary}")) {
        let Some((head, content)) = part.split_once("\r\n\r\n") else { continue };
        let content = content.strip_suffix("\r\n").unwrap_or(content).to_owned();
        match quoted(head, " name=")? {
            "model" => model = Some(content),
            "file" => file = Some((quoted(head, "filename=")?.to_owned(), content)),
            _ => {}
        }
    }
    let (file, said) = file?;
    let authorization = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).map(str::to_owned);
    Some(Asked { authorization, model: model?, file, said })
}

fn quoted<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.split_once(&format!("{name}\""))?.1.split_once('"').map(|(value, _)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Has a note transcribed and returns status and answer.
    fn transcribe(server: &SpeechServer, said: &str) -> (u16, String) {
        let form = format!(
            "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper\r\n\
             --b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"voice.ogg\"\r\n\r\n{said}\r\n--b--\r\n"
        );
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let mut answer = agent
            .post(format!("{}/audio/transcriptions", server.base_url()))
            .header("content-type", "multipart/form-data; boundary=b")
            .header("authorization", "Bearer k")
            .send(form)
            .unwrap();
        (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap())
    }

    #[test]
    fn a_note_says_what_its_bytes_are() {
        let server = SpeechServer::start().unwrap();
        assert_eq!(transcribe(&server, "fix it"), (200, r#"{"text":"fix it"}"#.to_owned()));
        let asked = Asked {
            authorization: Some("Bearer k".to_owned()),
            model: "whisper".to_owned(),
            file: "voice.ogg".to_owned(),
            said: "fix it".to_owned(),
        };
        assert_eq!(server.asked(), [asked]);
    }

    #[test]
    fn a_note_can_ask_for_trouble() {
        let server = SpeechServer::start().unwrap();
        let (status, answer) = transcribe(&server, "status:503 overloaded");
        assert!(status == 503 && answer.contains("overloaded"), "{status} {answer}");
    }

    #[test]
    fn a_note_is_held_until_it_is_released() {
        let server = SpeechServer::start().unwrap();
        std::thread::scope(|scope| {
            let held = scope.spawn(|| transcribe(&server, "hold on"));
            while server.asked().is_empty() {
                std::thread::yield_now();
            }
            assert!(!held.is_finished());
            server.release();
            assert_eq!(held.join().unwrap(), (200, r#"{"text":"on"}"#.to_owned()));
        });
    }
}

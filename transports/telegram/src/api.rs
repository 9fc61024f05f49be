//! Calls to a Bot API server: one HTTP request each, with what is known of the outcome. Never retries, never
//! waits longer than it is told.
//!
//! The methods and their parameters are teloxide's; its own requests are not used, because they sleep ten
//! seconds on a server error before they say so. Texts of errors never hold the token: it is part of every URL,
//! so URLs are taken out of them.

use std::time::Duration;

use reqwest::multipart::Form;
use reqwest::{RequestBuilder, Response, StatusCode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use takopi_core::settings::Secret;
use teloxide::ApiError;
use teloxide::requests::Payload;

use crate::error::TelegramError;

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// After which silence a connection is asked whether it still stands; a dead one must not cost a long poll.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// How long the server may take over one call. Shorter than the house's own patience with a call (60 s).
pub(crate) const CALL_TIMEOUT: Duration = Duration::from_secs(40);

/// How long a file may take to be fetched; still shorter than the house's patience.
const FILE_TIMEOUT: Duration = Duration::from_secs(58);

/// Bytes a second of the slowest line over which a file is sent: half a megabit. 50 MiB then take 14 minutes, still
/// shorter than the house's patience with a call that carries a file (15).
const SLOWEST_LINE: u64 = 64 << 10;

/// How long to be silent after a limit that doesn't say: what the Python takopi waited.
const UNSPOKEN_RETRY: Duration = Duration::from_secs(5);

/// Longest description of an error that is kept, in characters.
const LONGEST_DESCRIPTION: usize = 300;

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(crate) enum CallError {
    /// It certainly was not heard.
    #[error("{0}")]
    Broken(String),
    /// It may have been heard.
    #[error("{0}")]
    Unknown(String),
    /// Too much; nothing was done.
    #[error("Telegram wants silence for {} s", .0.as_secs())]
    Limited(Duration),
    /// The group is a supergroup of this id now; nothing was done.
    #[error("the group is a supergroup now, with the id {0}")]
    Moved(i64),
    /// The server said no.
    #[error("{description}")]
    Refused {
        /// The HTTP status it answered with, or the envelope's code.
        code: u16,
        /// What it said, as teloxide knows it.
        error: Box<ApiError>,
        /// What it said.
        description: String,
    },
}

/// The way to one bot of one server.
pub(crate) struct Api {
    client: reqwest::Client,
    base: String,
    token: Secret,
}

impl std::fmt::Debug for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Api").field("base", &self.base).finish_non_exhaustive()
    }
}

/// What the server answers with, whatever it says.
#[derive(Deserialize)]
struct Envelope<R> {
    ok: bool,
    result: Option<R>,
    error_code: Option<u16>,
    description: Option<String>,
    #[serde(default)]
    parameters: Parameters,
}

#[derive(Deserialize, Default)]
struct Parameters {
    retry_after: Option<u64>,
    migrate_to_chat_id: Option<i64>,
}

impl Api {
    /// Returns the way to the bot of `token` at `base`, which has no slash at its end.
    ///
    /// # Errors
    /// [`TelegramError::Client`].
    pub(crate) fn new(base: &str, token: Secret) -> Result<Self, TelegramError> {
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_keepalive(KEEP_ALIVE)
            .tcp_nodelay(true)
            // A redirect would carry the token elsewhere.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| TelegramError::Client(error.without_url().to_string()))?;
        Ok(Self { client, base: base.to_owned(), token })
    }

    /// Returns the token, for its fingerprint.
    pub(crate) fn token(&self) -> &Secret {
        &self.token
    }

    /// Returns the bot's own id, which its token begins with.
    pub(crate) fn bot_id(&self) -> &str {
        self.token.reveal().split_once(':').map_or("", |(id, _)| id)
    }

    /// Calls a method and reads as much of its result as `R` asks for.
    ///
    /// # Errors
    /// [`CallError`], by what is known of the outcome.
    pub(crate) async fn call<P, R>(&self, payload: &P, timeout: Duration) -> Result<R, CallError>
    where
        P: Payload + Serialize,
        R: DeserializeOwned,
    {
        let request = self.client.post(self.url(&spelt(P::NAME)));
        answer(request.timeout(timeout).json(payload)).await
    }

    /// Calls a method that takes a file of that many bytes.
    ///
    /// # Errors
    /// [`CallError`], by what is known of the outcome.
    pub(crate) async fn upload<R: DeserializeOwned>(
        &self,
        method: &str,
        form: Form,
        bytes: u64,
    ) -> Result<R, CallError> {
        let timeout = CALL_TIMEOUT + Duration::from_secs(bytes / SLOWEST_LINE);
        answer(self.client.post(self.url(method)).timeout(timeout).multipart(form)).await
    }

    /// Opens a file of the server by the path that `getFile` told.
    ///
    /// # Errors
    /// [`CallError`]; nothing is changed by asking again.
    pub(crate) async fn open_file(&self, path: &str) -> Result<Response, CallError> {
        let url = format!("{}/file/bot{}/{path}", self.base, self.token.reveal());
        let response = self.client.get(url).timeout(FILE_TIMEOUT).send().await.map_err(failed)?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let text = response.text().await.map_err(|error| CallError::Unknown(tell(error)))?;
        match read::<serde_json::Value>(status, &text) {
            // A page that is no answer of the Bot API tells nothing but its status.
            Ok(_) | Err(CallError::Unknown(_)) => {
                Err(CallError::Unknown(format!("the server answered {status}")))
            }
            Err(error) => Err(error),
        }
    }

    fn url(&self, method: &str) -> String {
        format!("{}/bot{}/{method}", self.base, self.token.reveal())
    }
}

async fn answer<R: DeserializeOwned>(request: RequestBuilder) -> Result<R, CallError> {
    let response = request.send().await.map_err(failed)?;
    let status = response.status();
    let text = response.text().await.map_err(|error| CallError::Unknown(tell(error)))?;
    read(status, &text)
}

/// Returns a method's name as the documentation spells it: `sendMessage`.
fn spelt(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(letters).collect()
}

/// Reads an answer.
fn read<R: DeserializeOwned>(status: StatusCode, text: &str) -> Result<R, CallError> {
    let envelope: Envelope<R> = match serde_json::from_str(text) {
        Ok(envelope) => envelope,
        Err(_) if status == StatusCode::TOO_MANY_REQUESTS => return Err(CallError::Limited(UNSPOKEN_RETRY)),
        // Said by what stands before the server, in its own words. It will say so again.
        Err(_) if status == StatusCode::PAYLOAD_TOO_LARGE => {
            let description = "Request Entity Too Large".to_owned();
            let (code, error) = (status.as_u16(), Box::new(known(&description)));
            return Err(CallError::Refused { code, error, description });
        }
        // The body is somebody else's page, or a result that isn't what the method returns.
        Err(error) => {
            return Err(CallError::Unknown(format!("the answer ({status}) cannot be read: {error}")));
        }
    };
    if let (true, Some(result)) = (envelope.ok, envelope.result) {
        return Ok(result);
    }
    let code = envelope.error_code.unwrap_or(status.as_u16());
    let description = envelope.description.unwrap_or_else(|| format!("the server answered {status}"));
    let description: String = description.chars().take(LONGEST_DESCRIPTION).collect();
    if let Some(chat) = envelope.parameters.migrate_to_chat_id {
        return Err(CallError::Moved(chat));
    }
    if code == 429 || envelope.parameters.retry_after.is_some() {
        let after = envelope.parameters.retry_after.map_or(UNSPOKEN_RETRY, Duration::from_secs);
        return Err(CallError::Limited(after));
    }
    if code >= 500 {
        return Err(CallError::Unknown(description));
    }
    Err(CallError::Refused { code, error: Box::new(known(&description)), description })
}

/// Returns the error teloxide knows by a description.
fn known(description: &str) -> ApiError {
    let value = serde_json::Value::String(description.to_owned());
    serde_json::from_value(value).unwrap_or_else(|_| ApiError::Unknown(description.to_owned()))
}

fn failed(error: reqwest::Error) -> CallError {
    // Nothing was sent: the connection was never made, or there was no request.
    let unheard = error.is_connect() || error.is_builder();
    let text = tell(error);
    if unheard { CallError::Broken(text) } else { CallError::Unknown(text) }
}

/// Returns what went wrong with all its causes, and without the URL, which holds the token.
pub(crate) fn tell(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn answered(status: u16, text: &str) -> Result<Value, CallError> {
        read(StatusCode::from_u16(status).unwrap(), text)
    }

    #[test]
    fn an_answer_is_told_from_every_kind_of_failure() {
        assert_eq!(answered(200, r#"{"ok":true,"result":7}"#), Ok(Value::from(7)));
        let limited = r#"{"ok":false,"error_code":429,"description":"x","parameters":{"retry_after":3}}"#;
        assert_eq!(answered(429, limited), Err(CallError::Limited(Duration::from_secs(3))));
        assert_eq!(answered(200, limited), Err(CallError::Limited(Duration::from_secs(3))));
        assert_eq!(answered(429, r#"{"ok":false}"#), Err(CallError::Limited(UNSPOKEN_RETRY)));
        assert_eq!(answered(429, "slow down"), Err(CallError::Limited(UNSPOKEN_RETRY)));
        let moved =
            r#"{"ok":false,"error_code":400,"description":"x","parameters":{"migrate_to_chat_id":-9}}"#;
        assert_eq!(answered(400, moved), Err(CallError::Moved(-9)));
        for (status, text) in [(502, "<html>"), (200, "<html>"), (500, r#"{"ok":false}"#)] {
            assert!(matches!(answered(status, text), Err(CallError::Unknown(_))), "{status} {text}");
        }
    }

    #[test]
    fn a_refusal_is_the_one_teloxide_knows() {
        let refused = |code, description: &str| {
            let text = format!(r#"{{"ok":false,"error_code":{code},"description":"{description}"}}"#);
            match answered(code, &text) {
                Err(CallError::Refused { code, error, .. }) => (code, *error),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(refused(401, "Unauthorized"), (401, ApiError::InvalidToken));
        assert_eq!(refused(400, "Bad Request: chat not found"), (400, ApiError::ChatNotFound));
        assert!(matches!(answered(413, "<html>"), Err(CallError::Refused { code: 413, .. })));
        assert_eq!(refused(400, "new one"), (400, ApiError::Unknown("new one".to_owned())));
    }

    #[test]
    fn methods_are_spelt_as_documented() {
        assert_eq!(spelt("SendMessage"), "sendMessage");
    }

    #[tokio::test]
    async fn a_server_nobody_reaches_is_told_without_the_token() {
        // Port 9 of loopback: nobody listens there.
        let api = Api::new("http://127.0.0.1:9", Secret::new("1:SECRET")).unwrap();
        let called: Result<Value, CallError> =
            api.call(&teloxide::payloads::GetMe::new(), CALL_TIMEOUT).await;
        let Err(CallError::Broken(text)) = called else { panic!("{called:?}") };
        assert!(!text.contains("SECRET") && !text.is_empty(), "{text}");
        assert!(!format!("{api:?}").contains("SECRET"));
    }
}

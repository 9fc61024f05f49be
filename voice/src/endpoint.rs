//! The endpoint: one voice note, one request, and another where the service was in trouble.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::RETRY_AFTER;
use reqwest::multipart::{Form, Part};
use reqwest::{Client, RequestBuilder, Response};
use takopi_core::port::transcriber::{TranscribeError, Transcriber};
use takopi_core::port::{Clock, SetupIssue};
use tokio_util::sync::CancellationToken;

use crate::answer::{self, Answer};
use crate::settings::{Target, VoiceError, VoiceSettings};

/// How long the service may take for one voice note; minutes of speech take it half a minute.
const TIMEOUT: Duration = Duration::from_secs(120);

/// How long a connection may take to stand.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long to wait before the second and the third try, where the service doesn't say.
const WAITS: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(2)];

/// Most bytes of an answer that are read: hours of speech.
const LONGEST_ANSWER: usize = 1024 * 1024;

/// A speech-to-text service.
pub struct SpeechEndpoint {
    client: Client,
    target: Target,
    model: String,
    max_bytes: u64,
    timeout: Duration,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for SpeechEndpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SpeechEndpoint").field("model", &self.model).finish_non_exhaustive()
    }
}

impl SpeechEndpoint {
    /// Returns the endpoint that the settings name; `environment` says what a variable holds. Nothing is
    /// asked of the network.
    ///
    /// # Errors
    /// [`VoiceError`].
    pub fn new(
        settings: VoiceSettings,
        environment: impl Fn(&str) -> Option<String>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, VoiceError> {
        let target = Target::new(&settings, environment)?;
        let client = Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            // A redirect would carry the key elsewhere.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| VoiceError::Client(chain(error)))?;
        let VoiceSettings { model, max_bytes, .. } = settings;
        Ok(Self { client, target, model, max_bytes, timeout: TIMEOUT, clock })
    }

    /// Returns what is missing for it to work.
    #[must_use]
    pub fn check(&self) -> Option<SetupIssue> {
        self.target.check()
    }

    /// Asks once.
    async fn ask(&self, audio: Vec<u8>) -> Answer {
        let part = match Part::bytes(audio).file_name("voice.ogg").mime_str("audio/ogg") {
            Ok(part) => part,
            Err(error) => return Answer::Refused(chain(error)),
        };
        let form = Form::new().text("model", self.model.clone()).part("file", part);
        let mut request = self.client.post(self.target.url.clone()).timeout(self.timeout).multipart(form);
        if let Some(key) = &self.target.key {
            request = request.bearer_auth(key.reveal());
        }
        match exchange(request).await {
            Ok((status, retry_after, body)) => answer::read(status, retry_after.as_deref(), &body),
            Err(error) if error.is_timeout() && !error.is_connect() => Answer::Refused(format!(
                "the transcription service did not answer within {:?}; try again.",
                self.timeout
            )),
            Err(error) => Answer::Again {
                after: None,
                told: format!("the transcription service cannot be reached: {}; try again.", chain(error)),
            },
        }
    }

    async fn ask_until_answered(&self, audio: Vec<u8>) -> Result<String, String> {
        for wait in WAITS {
            match self.ask(audio.clone()).await {
                Answer::Words(words) => return Ok(words),
                Answer::Refused(told) => return Err(told),
                Answer::Again { after, told } => {
                    tracing::info!(why = %self.without_key(&told), "the voice message is transcribed again");
                    self.clock.sleep_until(self.clock.moment() + after.unwrap_or(wait)).await;
                }
            }
        }
        match self.ask(audio).await {
            Answer::Words(words) => Ok(words),
            Answer::Refused(told) | Answer::Again { told, .. } => Err(told),
        }
    }

    /// Servers repeat what they were sent.
    fn without_key(&self, text: &str) -> String {
        match &self.target.key {
            Some(key) if !key.reveal().is_empty() => text.replace(key.reveal(), "•••"),
            _ => text.to_owned(),
        }
    }
}

#[async_trait]
impl Transcriber for SpeechEndpoint {
    fn max_bytes(&self) -> u64 {
        self.max_bytes
    }

    async fn transcribe(&self, audio: Vec<u8>, stop: &CancellationToken) -> Result<String, TranscribeError> {
        if let Some(issue) = self.check() {
            return Err(TranscribeError(format!("{}: {}", issue.title, issue.remedy.join("; "))));
        }
        if u64::try_from(audio.len()).is_ok_and(|bytes| bytes > self.max_bytes) {
            return Err(TranscribeError("voice message is too large to transcribe.".to_owned()));
        }
        tokio::select! {
            said = self.ask_until_answered(audio) => said.map_err(|told| TranscribeError(self.without_key(&told))),
            () = stop.cancelled() => Err(TranscribeError("the transcription was stopped.".to_owned())),
        }
    }
}

/// Sends a request and reads its answer: status, `Retry-After`, as much of the body as is heeded.
async fn exchange(request: RequestBuilder) -> Result<(u16, Option<String>, Vec<u8>), reqwest::Error> {
    let mut response = request.send().await?;
    let retry_after = retry_after(&response);
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        body.extend_from_slice(&chunk);
        if body.len() > LONGEST_ANSWER {
            break;
        }
    }
    Ok((response.status().as_u16(), retry_after, body))
}

fn retry_after(response: &Response) -> Option<String> {
    Some(response.headers().get(RETRY_AFTER)?.to_str().ok()?.to_owned())
}

/// Returns what went wrong with all its causes, without the address: that may hold a password.
fn chain(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use takopi_core::settings::Secret;

    use super::*;
    use crate::fake::{FakeService, ImpatientClock, Scene};

    const KEY: &str = "sk-secret-1234";

    fn endpoint(base_url: &str, clock: &Arc<ImpatientClock>) -> SpeechEndpoint {
        let settings = VoiceSettings {
            model: "gpt-4o-mini-transcribe".to_owned(),
            max_bytes: 1000,
            base_url: Some(base_url.to_owned()),
            api_key: Some(Secret::new(KEY)),
        };
        SpeechEndpoint::new(settings, |_| None, clock.clone()).unwrap()
    }

    /// Has `OggS` transcribed by a service that does what the scenes say, one for each request.
    async fn heard(scenes: Vec<Scene>) -> (Result<String, String>, FakeService, Vec<Duration>) {
        let service = FakeService::open(scenes).await;
        let clock = Arc::new(ImpatientClock::default());
        let said = endpoint(&service.base_url(), &clock)
            .transcribe(b"OggS".to_vec(), &CancellationToken::new())
            .await
            .map_err(|error| error.to_string());
        (said, service, clock.waits())
    }

    fn words() -> Scene {
        Scene::answer(200, "", r#"{"text":"fix the tests"}"#)
    }

    #[tokio::test]
    async fn a_voice_note_goes_out_as_the_file_of_a_form_with_the_key() {
        let (said, service, waits) = heard(vec![words()]).await;
        assert_eq!(said.as_deref(), Ok("fix the tests"));
        assert!(waits.is_empty(), "{waits:?}");
        let [request] = &service.requests()[..] else { panic!("{:?}", service.requests()) };
        assert!(request.starts_with("POST /v1/audio/transcriptions HTTP/1.1\r\n"), "{request}");
        let lower = request.to_lowercase();
        assert!(lower.contains(&format!("authorization: bearer {KEY}\r\n")), "{request}");
        assert!(lower.contains("content-type: multipart/form-data; boundary="), "{request}");
        let file = "Content-Disposition: form-data; name=\"file\"; filename=\"voice.ogg\"\r\n\
                    Content-Type: audio/ogg\r\n\r\nOggS\r\n";
        assert!(request.contains(file), "{request}");
        assert!(request.contains("name=\"model\"\r\n\r\ngpt-4o-mini-transcribe\r\n"), "{request}");
    }

    #[tokio::test]
    async fn trouble_is_tried_twice_more_and_heeds_what_the_service_asks() {
        let busy = Scene::answer(429, "retry-after: 7\r\n", "{}");
        let (said, service, waits) = heard(vec![busy, Scene::Reset, words()]).await;
        assert_eq!(said.as_deref(), Ok("fix the tests"));
        assert_eq!(service.requests().len(), 3);
        assert_eq!(waits, [Duration::from_secs(7), WAITS[1]]);

        let failing = || Scene::answer(503, "", r#"{"error":{"message":"overloaded"}}"#);
        let (said, service, waits) = heard(vec![failing(), failing(), failing(), words()]).await;
        let told = "the transcription service has failed (503): overloaded; try again.";
        assert_eq!(said.unwrap_err(), told);
        assert_eq!((service.requests().len(), waits), (3, WAITS.to_vec()));
    }

    #[tokio::test]
    async fn a_refusal_is_not_repeated_and_never_tells_the_key() {
        let echo = format!(r#"{{"error":{{"message":"bad key {KEY}"}}}}"#);
        let (said, service, _) = heard(vec![Scene::answer(401, "", &echo), words()]).await;
        let told = said.unwrap_err();
        assert!(told.contains("bad key •••") && !told.contains(KEY), "{told}");
        assert_eq!(service.requests().len(), 1);
        let moved = Scene::answer(302, "location: http://127.0.0.1:9/\r\n", "");
        let (said, service, _) = heard(vec![moved, words()]).await;
        assert_eq!(said.unwrap_err(), "the transcription service refused (302)");
        assert_eq!(service.requests().len(), 1);
    }

    #[tokio::test]
    async fn a_service_that_does_not_answer_is_told_once() {
        let service = FakeService::open(vec![Scene::Silence, words()]).await;
        let clock = Arc::new(ImpatientClock::default());
        let patient = endpoint(&service.base_url(), &clock);
        let hurried = SpeechEndpoint { timeout: Duration::from_millis(20), ..patient };
        let said = hurried.transcribe(b"OggS".to_vec(), &CancellationToken::new()).await;
        let told = "the transcription service did not answer within 20ms; try again.";
        assert_eq!(said, Err(TranscribeError(told.to_owned())));
    }

    #[tokio::test]
    async fn a_stop_is_heeded_at_once() {
        let service = FakeService::open(vec![Scene::Silence]).await;
        let clock = Arc::new(ImpatientClock::default());
        let stop = CancellationToken::new();
        let endpoint = endpoint(&service.base_url(), &clock);
        let ((), said) = tokio::join!(
            async {
                service.asked().await;
                stop.cancel();
            },
            endpoint.transcribe(b"OggS".to_vec(), &stop),
        );
        assert_eq!(said, Err(TranscribeError("the transcription was stopped.".to_owned())));
    }

    #[tokio::test]
    async fn a_service_nobody_reaches_is_told_without_its_address() {
        // Port 9 of loopback: nobody listens there.
        let clock = Arc::new(ImpatientClock::default());
        let said = endpoint("http://user:hidden@127.0.0.1:9/v1", &clock)
            .transcribe(b"OggS".to_vec(), &CancellationToken::new())
            .await;
        let told = said.unwrap_err().to_string();
        assert!(told.starts_with("the transcription service cannot be reached: "), "{told}");
        assert!(told.ends_with("; try again.") && !told.contains("hidden"), "{told}");
        assert_eq!(clock.waits(), WAITS);
    }

    #[tokio::test]
    async fn what_cannot_be_asked_is_not_sent() {
        let service = FakeService::open(vec![words()]).await;
        let clock = Arc::new(ImpatientClock::default());
        let endpoint = endpoint(&service.base_url(), &clock);
        let said = endpoint.transcribe(vec![0; 1001], &CancellationToken::new()).await;
        assert_eq!(said, Err(TranscribeError("voice message is too large to transcribe.".to_owned())));
        let settings =
            VoiceSettings { model: "m".to_owned(), max_bytes: 1000, base_url: None, api_key: None };
        let keyless = SpeechEndpoint::new(settings, |_| None, clock).unwrap();
        let said = keyless.transcribe(b"OggS".to_vec(), &CancellationToken::new()).await;
        let told = said.unwrap_err().to_string();
        assert!(told.contains("voice_transcription_api_key") && told.contains("OPENAI_API_KEY"), "{told}");
        assert_eq!(service.requests().len(), 0);
    }
}

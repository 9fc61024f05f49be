//! Calls to Discord's REST API: one HTTP request each, with what is known of the outcome. [`Api::call`] never
//! waits for a limit and never repeats; [`Api::patiently`] does both, for whoever has time.
//!
//! Texts of errors hold no URL: those of interactions hold tokens. The bot's own token goes into one header that
//! prints as nothing.

mod answer;
mod invalid;
mod limits;
mod upload;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::{Method, RequestBuilder, Url};
use serde_json::Value;
use takopi_core::settings::Secret;
use takopi_core::time::Moment;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::limits::{Key, Limits, Taken, Told};
pub(crate) use self::upload::{Content, Upload};
use crate::error::DiscordError;
use crate::route::Route;

/// Where a bot's calls go unless the configuration says otherwise.
pub(crate) const DISCORD: &str = "https://discord.com";

/// How long Discord may take over a call. A send may need four of them, and the house's patience is 60 s.
pub(crate) const CALL_TIMEOUT: Duration = Duration::from_secs(14);

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// After which silence a connection is asked whether it still stands.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// Bytes a second of the slowest line over which a file is sent: half a megabit.
const SLOWEST_LINE: u64 = 64 << 10;

/// Pause before a call is repeated: doubles from the first to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LAST_PAUSE: Duration = Duration::from_secs(32);

/// How often a patient call may fail: after that about two minutes have passed.
const PATIENT_TRIES: u32 = 9;

/// What Discord wants to be told of a program (Discord docs, "User Agent"): others are turned away at the door.
const USER_AGENT: &str = concat!("DiscordBot (takopi, ", env!("CARGO_PKG_VERSION"), ")");

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) route: Route,
    pub(crate) query: Vec<(&'static str, String)>,
    pub(crate) body: Option<Value>,
    pub(crate) files: Vec<Upload>,
    /// How long Discord may take, without the time that files need.
    pub(crate) patience: Duration,
}

impl Call {
    /// Returns a call with neither query nor body.
    pub(crate) fn new(method: Method, route: Route) -> Self {
        Self { method, route, query: Vec::new(), body: None, files: Vec::new(), patience: CALL_TIMEOUT }
    }

    /// Returns a call that reads.
    pub(crate) fn get(route: Route) -> Self {
        Self::new(Method::GET, route)
    }

    /// Returns a call that makes something.
    pub(crate) fn post(route: Route, body: Value) -> Self {
        Self { body: Some(body), ..Self::new(Method::POST, route) }
    }

    /// Returns a call that changes something.
    pub(crate) fn patch(route: Route, body: Value) -> Self {
        Self { body: Some(body), ..Self::new(Method::PATCH, route) }
    }
}

/// What a call is answered with.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    /// What was asked for; `null` where nothing is said.
    pub(crate) body: Value,
    /// Calls left in this route's window, and when it opens again.
    pub(crate) left: Option<(u32, Duration)>,
}

/// Why a call failed. Texts hold neither tokens nor URLs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CallError {
    /// Too much; nothing was done.
    #[error("Discord wants silence for {after:?}")]
    Limited {
        /// How long.
        after: Duration,
        /// Whether for everything the bot does.
        bot: bool,
    },
    /// Discord said no; nothing was done.
    #[error("{message} (Discord's error {code}, HTTP {status})")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// Discord's own code; 0 where it told none.
        code: u32,
        /// What it said. Of a body that is wrong the key comes first: `content: …`.
        message: String,
    },
    /// It may have been done.
    #[error("{0}")]
    Unknown(String),
    /// It certainly was not heard.
    #[error("{0}")]
    Unreachable(String),
}

/// The way to one bot of one server.
pub(crate) struct Api {
    client: reqwest::Client,
    base: String,
    started: Instant,
    limits: Mutex<Limits>,
}

impl std::fmt::Debug for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Api").field("base", &self.base).finish_non_exhaustive()
    }
}

impl Api {
    /// Returns the way to the bot of `token` at `api_url`, below which `/api/v10` lies.
    ///
    /// # Errors
    /// [`DiscordError`].
    pub(crate) fn new(api_url: &str, token: Secret) -> Result<Self, DiscordError> {
        let url = Url::parse(api_url).map_err(|error| DiscordError::Url(error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(DiscordError::Url("it has no http and no host".to_owned()));
        }
        let mut authorization = HeaderValue::try_from(format!("Bot {}", token.reveal()))
            .map_err(|_| DiscordError::Token("the bot's token holds characters no token has".to_owned()))?;
        authorization.set_sensitive(true);
        let client = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .default_headers(HeaderMap::from_iter([(AUTHORIZATION, authorization)]))
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_keepalive(KEEP_ALIVE)
            .tcp_nodelay(true)
            // A redirect would carry the token elsewhere.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| DiscordError::Client(error.without_url().to_string()))?;
        let base = format!("{}/api/v10", api_url.trim_end_matches('/'));
        Ok(Self { client, base, started: Instant::now(), limits: Mutex::default() })
    }

    /// Makes a call, once, and at once.
    ///
    /// # Errors
    /// [`CallError`] by what is known of the outcome; [`CallError::Limited`] also where Discord need not be asked.
    pub(crate) async fn call(&self, call: Call) -> Result<Answer, CallError> {
        self.try_call(&call).await
    }

    /// Makes a call until it is answered: waits for limits, and repeats it after faults of the network and of
    /// Discord, about two minutes of them. Only for what does no harm when it is done twice.
    ///
    /// # Errors
    /// [`CallError`]: a refusal at once, a fault when it lasts, and [`CallError::Unreachable`] when `stop` fires.
    pub(crate) async fn patiently(&self, call: Call, stop: &CancellationToken) -> Result<Answer, CallError> {
        let mut faults = 0;
        loop {
            let outcome = tokio::select! {
                outcome = self.try_call(&call) => outcome,
                () = stop.cancelled() => return Err(stopped()),
            };
            let pause = match outcome {
                Err(CallError::Limited { after, .. }) => after,
                Err(CallError::Unknown(_) | CallError::Unreachable(_)) if faults < PATIENT_TRIES => {
                    faults += 1;
                    FIRST_PAUSE.saturating_mul(1 << (faults - 1)).min(LAST_PAUSE)
                }
                settled => return settled,
            };
            tracing::debug!(route = ?call.route, ?pause, "a call waits");
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = stop.cancelled() => return Err(stopped()),
            }
        }
    }

    async fn try_call(&self, call: &Call) -> Result<Answer, CallError> {
        let ticket = self.ticket(call)?;
        let sending = call.files.iter().map(Upload::bytes).sum::<u64>() / SLOWEST_LINE;
        let request = self.request(call).await?.timeout(call.patience + Duration::from_secs(sending));
        let response = request.send().await.map_err(failed)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await.map_err(|error| CallError::Unknown(tell(error)))?;
        let (told, outcome) = answer::read(status, &headers, &text);
        ticket.answered(&told);
        outcome
    }

    async fn request(&self, call: &Call) -> Result<RequestBuilder, CallError> {
        let url = format!("{}{}", self.base, call.route.path());
        let request = self.client.request(call.method.clone(), url).query(&call.query);
        let nothing = Value::Object(serde_json::Map::new());
        match (&call.body, call.files.is_empty()) {
            (None, true) => Ok(request),
            (Some(body), true) => Ok(request.json(body)),
            (body, false) => {
                let form = upload::form(body.as_ref().unwrap_or(&nothing), &call.files).await;
                let form = form.map_err(|error| {
                    CallError::Unreachable(format!("a file on its way out cannot be read: {error}"))
                })?;
                Ok(request.multipart(form))
            }
        }
    }

    fn ticket(&self, call: &Call) -> Result<Ticket<'_>, CallError> {
        let key = Key {
            method: call.method.clone(),
            template: call.route.template(),
            major: call.route.major().to_owned(),
            counts: call.route.counts(),
        };
        let now = self.now();
        let taken = self.limits(|limits| limits.take(&key, now));
        let taken = taken.map_err(|wait| CallError::Limited { after: wait.after, bot: wait.bot })?;
        Ok(Ticket { api: self, key, taken })
    }

    fn limits<T>(&self, look: impl FnOnce(&mut Limits) -> T) -> T {
        look(&mut self.limits.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn now(&self) -> Moment {
        Moment::after_start(self.started.elapsed())
    }
}

/// A call that is counted as under way, until it is dropped: whoever waited for it may have gone.
struct Ticket<'a> {
    api: &'a Api,
    key: Key,
    taken: Taken,
}

impl Ticket<'_> {
    fn answered(mut self, told: &Told) {
        let (taken, now) = (self.taken.take(), self.api.now());
        let many = self.api.limits(|limits| {
            limits.over(&taken);
            limits.learn(&self.key, told, now)
        });
        if let Some(requests) = many {
            tracing::warn!(requests, route = self.key.template, "Discord refused many calls in ten minutes");
        }
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        self.api.limits(|limits| limits.lost(&self.taken));
    }
}

fn stopped() -> CallError {
    CallError::Unreachable("the transport stops".to_owned())
}

fn failed(error: reqwest::Error) -> CallError {
    // Nothing was sent: the connection was never made, or there was no request.
    let unheard = error.is_connect() || error.is_builder();
    let text = tell(error);
    if unheard { CallError::Unreachable(text) } else { CallError::Unknown(text) }
}

/// Returns what went wrong with all its causes, and without the URL, which may hold a token.
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
mod tests;

//! What goes wrong on purpose, and for which calls.

use std::time::Duration;

use super::log::Call;

/// What happens to a call in the place of its answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// It is refused with HTTP 429 and the time to wait, for its route or for everything.
    TooMany(Duration, Scope),
    /// It is refused with this HTTP status, code and message; with 500 and above nobody knows what it means.
    Refuse(u16, u32, String),
    /// The connection breaks before anything has happened.
    ResetBefore,
    /// It takes effect, then the connection breaks in the place of an answer.
    ResetAfter,
    /// It waits for [`release`](super::DiscordServer::release), then goes on as if nothing had been.
    HangBefore,
    /// It takes effect, and its answer waits for [`release`](super::DiscordServer::release).
    HangAfter,
    /// It is answered with HTTP 200 and a page that is no JSON; nothing has happened.
    Garbage,
}

/// What a limit is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// One route.
    Route,
    /// The whole bot.
    Global,
}

impl Fault {
    /// Returns the fault of a server that fails with this status, 500 or 502 for example.
    #[must_use]
    pub fn server(status: u16) -> Self {
        Self::Refuse(status, 0, "Internal Server Error".to_owned())
    }

    /// Returns the refusal of a route that is called too often.
    #[must_use]
    pub fn retry_after(wait: Duration) -> Self {
        Self::TooMany(wait, Scope::Route)
    }

    /// Returns the refusal of a bot that calls too often.
    #[must_use]
    pub fn global_retry_after(wait: Duration) -> Self {
        Self::TooMany(wait, Scope::Global)
    }
}

/// A fault, and the calls that it meets.
#[derive(Debug, Clone)]
pub struct Injection {
    route: String,
    fault: Fault,
    times: usize,
    skip: usize,
    channel: Option<u64>,
    containing: Option<String>,
}

impl Injection {
    /// Returns an injection for the next call of a route, such as `POST /channels/:id/messages`; `*` means any.
    #[must_use]
    pub fn of(route: &str, fault: Fault) -> Self {
        Self { route: route.to_owned(), fault, times: 1, skip: 0, channel: None, containing: None }
    }

    /// Meets this many calls and not one.
    #[must_use]
    pub fn times(self, times: usize) -> Self {
        Self { times, ..self }
    }

    /// Meets calls until it is taken back.
    #[must_use]
    pub fn always(self) -> Self {
        self.times(usize::MAX)
    }

    /// Lets this many fitting calls through first.
    #[must_use]
    pub fn after(self, skip: usize) -> Self {
        Self { skip, ..self }
    }

    /// Meets calls for this channel or thread only.
    #[must_use]
    pub fn in_channel(self, channel: u64) -> Self {
        Self { channel: Some(channel), ..self }
    }

    /// Meets calls only whose content contains this.
    #[must_use]
    pub fn containing(self, text: &str) -> Self {
        Self { containing: Some(text.to_owned()), ..self }
    }

    fn fits(&self, call: &Call) -> bool {
        (self.route == "*" || self.route == call.route())
            && self.channel.is_none_or(|channel| call.channel == Some(channel))
            && self.containing.as_ref().is_none_or(|part| call.text().contains(part.as_str()))
    }
}

/// Takes the fault that meets a call, if any: the one injected first.
pub(super) fn meet(injections: &mut Vec<Injection>, call: &Call) -> Option<Fault> {
    let mut met = None;
    for injection in injections.iter_mut().filter(|injection| injection.times > 0 && injection.fits(call)) {
        if injection.skip > 0 {
            injection.skip -= 1;
            continue;
        }
        injection.times -= 1;
        met = Some(injection.fault.clone());
        break;
    }
    injections.retain(|injection| injection.times > 0);
    met
}

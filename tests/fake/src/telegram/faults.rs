//! What goes wrong on purpose, and for which calls.

use super::log::Call;

/// What happens to a call in the place of its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// It is refused with HTTP 429 and the seconds to wait; 0 leaves `parameters` out, as some proxies do.
    TooMany(u64),
    /// It is refused with this HTTP status and description; with 500 and above nobody knows what it means.
    Refuse(u16, String),
    /// The connection breaks before anything has happened.
    ResetBefore,
    /// It takes effect, then the connection breaks in the place of an answer.
    ResetAfter,
    /// It waits for [`release`](super::TelegramServer::release), then goes on as if nothing had been.
    HangBefore,
    /// It takes effect, and its answer waits for [`release`](super::TelegramServer::release).
    HangAfter,
    /// It is answered with HTTP 200 and a page that is no JSON; nothing has happened.
    Garbage,
}

impl Fault {
    /// Returns the fault of a server that fails with this status, 500 or 502 for example.
    #[must_use]
    pub fn server(status: u16) -> Self {
        Self::Refuse(status, "Internal Server Error".to_owned())
    }

    /// Returns the answer to a poll while another program polls for the same bot.
    #[must_use]
    pub fn conflict() -> Self {
        Self::Refuse(409, CONFLICT.to_owned())
    }
}

/// What a poll hears when another one took its place.
pub(super) const CONFLICT: &str =
    "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running";

/// A fault, and the calls that it meets.
#[derive(Debug, Clone)]
pub struct Injection {
    method: String,
    fault: Fault,
    times: usize,
    skip: usize,
    chat: Option<i64>,
    containing: Option<String>,
}

impl Injection {
    /// Returns an injection for the next call of a method; `*` means any, `file` a download.
    #[must_use]
    pub fn of(method: &str, fault: Fault) -> Self {
        let method = method.to_lowercase();
        Self { method, fault, times: 1, skip: 0, chat: None, containing: None }
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

    /// Meets calls for this chat only.
    #[must_use]
    pub fn in_chat(self, chat: i64) -> Self {
        Self { chat: Some(chat), ..self }
    }

    /// Meets calls only whose text or caption contains this.
    #[must_use]
    pub fn containing(self, text: &str) -> Self {
        Self { containing: Some(text.to_owned()), ..self }
    }

    fn fits(&self, call: &Call) -> bool {
        (self.method == "*" || self.method == call.method.to_lowercase())
            && self.chat.is_none_or(|chat| call.chat == Some(chat))
            && self.containing.as_ref().is_none_or(|part| call.text().contains(part.as_str()))
    }
}

/// Takes the fault that meets a call, if any: the one injected first.
pub(super) fn meet(injections: &mut Vec<Injection>, call: &Call) -> Option<Fault> {
    let (mut met, mut place) = (None, 0);
    while let Some(injection) = injections.get_mut(place) {
        place += 1;
        if injection.times == 0 || !injection.fits(call) {
            continue;
        }
        if injection.skip > 0 {
            injection.skip -= 1;
            continue;
        }
        injection.times = injection.times.saturating_sub(1);
        met = Some(injection.fault.clone());
        break;
    }
    injections.retain(|injection| injection.times > 0);
    met
}

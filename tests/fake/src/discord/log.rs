//! What happened at the server: every call with its times, and what went over the gateway.

use std::fmt;
use std::time::Duration;

use serde_json::Value;

/// A call of the bot.
#[derive(Debug, Clone)]
pub struct Call {
    /// When it arrived, by the fake's clock.
    pub at: Duration,
    /// When it was answered, broken off or left; a call in flight has none.
    pub ended: Option<Duration>,
    /// `GET`, `POST` and so on.
    pub method: String,
    /// The route, such as `/channels/:id/messages`; the path itself when there is no such route.
    pub template: String,
    /// The path below `/api/v10`, or the whole one of a download; tokens of interactions are left out.
    pub path: String,
    /// The channel it names.
    pub channel: Option<u64>,
    /// What came in the query.
    pub query: String,
    /// What it carried.
    pub body: Value,
    /// Names and sizes of its files.
    pub files: Vec<(String, usize)>,
    /// The HTTP status of the answer; none while it is in flight, was broken off, or the client left.
    pub status: Option<u16>,
    /// What came back.
    pub answer: Value,
    /// What was injected, if anything.
    pub fault: Option<super::Fault>,
}

impl Call {
    /// Returns method and template, as injections name them.
    #[must_use]
    pub fn route(&self) -> String {
        format!("{} {}", self.method, self.template)
    }

    /// Returns the content it carries, that of an answer to an interaction included; empty when it has none.
    #[must_use]
    pub fn text(&self) -> &str {
        let places = [&self.body["content"], &self.body["data"]["content"], &self.body["message"]["content"]];
        places.into_iter().find_map(Value::as_str).unwrap_or_default()
    }

    /// Tells whether it was done.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }
}

impl fmt::Display for Call {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, method, path, body, answer, .. } = self;
        write!(formatter, "{:.3} {method} {path}", at.as_secs_f64())?;
        if !body.is_null() {
            write!(formatter, " {body}")?;
        }
        if let Some(fault) = &self.fault {
            write!(formatter, " !{fault:?}")?;
        }
        match (self.ended, self.status) {
            (None, _) => write!(formatter, " ..."),
            (Some(ended), None) => write!(formatter, " -> broken off at {:.3}", ended.as_secs_f64()),
            (Some(ended), Some(status)) => {
                write!(formatter, " -> {status} at {:.3}: {answer}", ended.as_secs_f64())
            }
        }
    }
}

/// What happened at the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gate {
    /// A connection was made.
    Opened,
    /// A connection was refused on purpose.
    Refused,
    /// A session began, with these intents.
    Identified(u64),
    /// A session went on, after this many events that were missed.
    Resumed(usize),
    /// A session was to go on and is not known any more.
    Forgotten,
    /// The bot beat.
    Beat,
    /// The server closed the connection.
    Closed(u16),
    /// The bot closed the connection, with its code if it gave one.
    Left(Option<u16>),
    /// The connection broke.
    Lost,
}

/// What happened so far, the oldest first.
#[derive(Debug, Clone, Default)]
pub struct Log {
    /// Every call and every download.
    pub calls: Vec<Call>,
    /// What happened at the gateway, and when.
    pub gateway: Vec<(Duration, Gate)>,
    /// How many calls are held now by an injected fault.
    pub holding: usize,
}

impl Log {
    /// Returns the calls of a route, such as `POST /channels/:id/messages`.
    pub fn of<'a>(&'a self, route: &'a str) -> impl DoubleEndedIterator<Item = &'a Call> {
        self.calls.iter().filter(move |call| call.route() == route)
    }

    /// Counts how often something happened at the gateway.
    #[must_use]
    pub fn count(&self, fits: impl Fn(&Gate) -> bool) -> usize {
        self.gateway.iter().filter(|(_, gate)| fits(gate)).count()
    }
}

impl fmt::Display for Log {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for call in &self.calls {
            writeln!(formatter, "{call}")?;
        }
        for (at, gate) in self.gateway.iter().filter(|(_, gate)| *gate != Gate::Beat) {
            writeln!(formatter, "{:.3} gateway {gate:?}", at.as_secs_f64())?;
        }
        write!(formatter, "holding {}", self.holding)
    }
}

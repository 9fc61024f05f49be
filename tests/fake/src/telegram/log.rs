//! What happened at the server: every call with its times, every update, and what nobody should have asked.

use std::fmt;
use std::time::Duration;

use serde_json::Value;

/// A call of the bot.
#[derive(Debug, Clone)]
pub struct Call {
    /// When it arrived, see [`now`](super::now).
    pub at: Duration,
    /// When it was answered, broken off or left; a call in flight has none.
    pub ended: Option<Duration>,
    /// The method as the Bot API writes it, `sendMessage` for example; `file` for a download.
    pub method: &'static str,
    /// The chat it names.
    pub chat: Option<i64>,
    /// What it carried; a file is an object of its name and size.
    pub params: Value,
    /// The HTTP status of the answer; none while it is in flight, was broken off, or the client left.
    pub status: Option<u16>,
    /// What came back: the result, or the refusal's description.
    pub answer: Value,
    /// What was injected, if anything.
    pub fault: Option<super::Fault>,
}

impl Call {
    /// Returns the text it carries, or the caption; empty when it has none.
    #[must_use]
    pub fn text(&self) -> &str {
        let part = |name: &str| self.params[name].as_str().filter(|text| !text.is_empty());
        part("text").or_else(|| part("caption")).unwrap_or_default()
    }

    /// Tells whether it was answered with `ok`.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        self.status == Some(200)
    }
}

impl fmt::Display for Call {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, method, params, answer, .. } = self;
        write!(formatter, "{:.3} {method} {params}", at.as_secs_f64())?;
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

/// An update that was handed to a poll.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// When.
    pub at: Duration,
    /// Its `update_id`; one that is not confirmed comes again.
    pub update: i64,
}

/// What happened so far, the oldest first.
#[derive(Debug, Clone, Default)]
pub struct Log {
    /// Every call of a known method and every download.
    pub calls: Vec<Call>,
    /// Every other request, as `METHOD /path` without the token.
    pub other: Vec<String>,
    /// Every update that was handed out.
    pub delivered: Vec<Delivered>,
    /// Updates below this are confirmed.
    pub confirmed: i64,
    /// How many calls are held now by an injected fault.
    pub holding: usize,
    /// Whether a poll waits now.
    pub polling: bool,
}

impl Log {
    /// Returns the calls of one method.
    pub fn of<'a>(&'a self, method: &'a str) -> impl DoubleEndedIterator<Item = &'a Call> {
        self.calls.iter().filter(move |call| call.method.eq_ignore_ascii_case(method))
    }
}

impl fmt::Display for Log {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for call in &self.calls {
            writeln!(formatter, "{call}")?;
        }
        for Delivered { at, update } in &self.delivered {
            writeln!(formatter, "{:.3} update {update} delivered", at.as_secs_f64())?;
        }
        let Self { other, confirmed, holding, polling, .. } = self;
        write!(
            formatter,
            "confirmed below {confirmed}, holding {holding}, polling {polling}, other {other:?}"
        )
    }
}

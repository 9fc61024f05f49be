//! What goes wrong between the daemon and Telegram, by chance.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use takopi_fake::telegram::{Call, Fault, Injection, TelegramServer, now};

use crate::random::Random;

/// Methods that meet faults; those named more than once meet more of them.
const METHODS: [&str; 10] = [
    "sendMessage",
    "sendMessage",
    "sendMessage",
    "sendMessage",
    "editMessageText",
    "editMessageText",
    "deleteMessage",
    "answerCallbackQuery",
    "getUpdates",
    "getUpdates",
];

/// Longest time that a call hangs: in the long one beyond the daemon's own patience with a call, which is 40 s.
const HANGS: Duration = Duration::from_secs(1);
const HANGS_IN_LONG: Duration = Duration::from_secs(45);

/// Longest time that a poll hangs; nothing else happens meanwhile.
const POLL_HANGS: Duration = Duration::from_secs(15);

/// A poll that hangs is among so many calls.
const LATELY: usize = 1000;

/// What the weather was so far.
pub(super) struct Weather {
    long: bool,
    /// How long calls hang now.
    hangs: Duration,
    /// Since when some do.
    since: Option<Duration>,
    seen: BTreeMap<String, usize>,
}

impl Weather {
    pub(super) fn new(long: bool) -> Self {
        Self { long, hangs: Duration::ZERO, since: None, seen: BTreeMap::new() }
    }

    /// Lets something go wrong, now and then.
    pub(super) fn change(&mut self, server: &TelegramServer, random: &mut Random) {
        if random.below(4) > 0 {
            return;
        }
        let method = METHODS[usize::try_from(random.below(METHODS.len() as u64)).unwrap()];
        let fault = match random.below(10) {
            0 => Fault::TooMany(1 + random.below(2)),
            1 => Fault::TooMany(0),
            2 => Fault::server(500),
            3 => Fault::server(502),
            4 => Fault::ResetBefore,
            5 | 6 => Fault::ResetAfter,
            7 => Fault::HangBefore,
            8 => Fault::HangAfter,
            _ => Fault::Garbage,
        };
        if matches!(fault, Fault::HangBefore | Fault::HangAfter) {
            let longest = if self.long { HANGS_IN_LONG } else { HANGS };
            self.hangs = Duration::from_millis(random.below(u64::try_from(longest.as_millis()).unwrap()));
        }
        *self.seen.entry(format!("{method} {fault:?}")).or_default() += 1;
        server.inject(Injection::of(method, fault));
    }

    /// Lets go of calls that have hung for long enough.
    pub(super) fn pass(&mut self, server: &TelegramServer) {
        let poll = |call: &Call| call.method == "getUpdates" && call.ended.is_none() && call.fault.is_some();
        let (hanging, polls) =
            server.look(|log| (log.holding > 0, log.calls.iter().rev().take(LATELY).any(poll)));
        if !hanging {
            self.since = None;
            return;
        }
        let hangs = if polls { self.hangs.min(POLL_HANGS) } else { self.hangs };
        let since = *self.since.get_or_insert_with(now);
        if now() - since >= hangs {
            server.release();
            self.since = None;
        }
    }

    /// Ends all of it.
    pub(super) fn clear(&mut self, server: &TelegramServer) {
        server.heal();
        self.hangs = Duration::ZERO;
    }
}

impl fmt::Display for Weather {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "faults: {:?}", self.seen)
    }
}

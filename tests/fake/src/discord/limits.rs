//! How fast a bot may be: buckets by route and channel that are told in headers, and one limit for everything.
//!
//! Discord publishes no numbers for routes; these are what bots meet. Windows begin with their first call.

use std::collections::BTreeMap;
use std::time::Duration;

use super::refusal::Refusal;

/// A limit of a route: method and template, calls, and the seconds of their window.
type Rule = (&'static str, u32, f64);

const RULES: [Rule; 13] = [
    ("POST /channels/:id/messages", 5, 5.0),
    ("PATCH /channels/:id/messages/:id", 5, 5.0),
    ("DELETE /channels/:id/messages/:id", 5, 1.0),
    ("PUT /channels/:id/messages/:id/reactions/:emoji/@me", 1, 0.25),
    ("DELETE /channels/:id/messages/:id/reactions/:emoji/@me", 1, 0.25),
    ("PATCH /channels/:id", 5, 15.0),
    (RENAME, 2, 600.0),
    ("POST /channels/:id/typing", 5, 5.0),
    ("POST /channels/:id/messages/:id/threads", 10, 30.0),
    ("PUT /applications/:id/guilds/:id/commands", 2, 60.0),
    ("POST /webhooks/:id/:token", 5, 5.0),
    ("PATCH /webhooks/:id/:token/messages/:mid", 5, 5.0),
    ("GET /channels/:id/messages", 10, 10.0),
];

/// The key of changing a channel's name or topic, which has a bucket of its own.
pub(super) const RENAME: &str = "RENAME";

/// All of a bot's calls but those of interactions: Discord developer documentation, "Global rate limit".
const GLOBAL: (u32, Duration) = (50, Duration::from_secs(1));

#[derive(Debug)]
struct Window {
    ends: Duration,
    left: u32,
}

/// What is left of each bucket.
#[derive(Debug)]
pub(super) struct Limits {
    pub(super) on: bool,
    rules: BTreeMap<String, (u32, Duration)>,
    windows: BTreeMap<(String, String), Window>,
    global: Window,
}

impl Default for Limits {
    fn default() -> Self {
        let rule =
            |(route, calls, seconds): Rule| (route.to_owned(), (calls, Duration::from_secs_f64(seconds)));
        let global = Window { ends: Duration::ZERO, left: 0 };
        Self { on: true, rules: RULES.map(rule).into(), windows: BTreeMap::new(), global }
    }
}

/// Headers that tell what is left.
pub(super) type Headers = Vec<(&'static str, String)>;

impl Limits {
    /// Sets the limit of a route, such as `POST /channels/:id/messages`, and begins its windows anew.
    pub(super) fn set(&mut self, route: &str, calls: u32, window: Duration) {
        self.rules.insert(route.to_owned(), (calls, window));
        self.windows.retain(|(of, _), _| of != route);
    }

    /// Takes a call into account.
    ///
    /// # Errors
    /// When it is one too many, with the headers to go with it.
    pub(super) fn take(
        &mut self,
        keys: &[String],
        major: &str,
        counts_global: bool,
        now: Duration,
    ) -> Result<Headers, (Refusal, Headers)> {
        if !self.on {
            return Ok(Headers::new());
        }
        if counts_global {
            self.take_global(now)?;
        }
        let mut told = Headers::new();
        for key in keys {
            let Some(&(calls, span)) = self.rules.get(key) else { continue };
            let fresh = || Window { ends: now + span, left: calls };
            let window = self.windows.entry((key.clone(), major.to_owned())).or_insert_with(fresh);
            if now >= window.ends {
                *window = fresh();
            }
            let wait = window.ends - now;
            let over = window.left == 0;
            window.left = window.left.saturating_sub(1);
            let bucket = format!("{:016x}", fingerprint(key));
            told = vec![
                ("x-ratelimit-limit", calls.to_string()),
                ("x-ratelimit-remaining", window.left.to_string()),
                ("x-ratelimit-reset-after", format!("{:.3}", wait.as_secs_f64())),
                ("x-ratelimit-bucket", bucket),
            ];
            if over {
                return Err((Refusal::limited(wait, false), told));
            }
        }
        Ok(told)
    }

    fn take_global(&mut self, now: Duration) -> Result<(), (Refusal, Headers)> {
        if now >= self.global.ends {
            self.global = Window { ends: now + GLOBAL.1, left: GLOBAL.0 };
        }
        if self.global.left == 0 {
            return Err((Refusal::limited(self.global.ends - now, true), Headers::new()));
        }
        self.global.left -= 1;
        Ok(())
    }
}

/// Makes a name for a bucket that says nothing (FNV-1a).
fn fingerprint(key: &str) -> u64 {
    key.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Duration = Duration::from_secs(1000);

    fn send(limits: &mut Limits, channel: &str, now: Duration) -> Option<Duration> {
        let keys = ["POST /channels/:id/messages".to_owned()];
        limits.take(&keys, channel, true, now).err().and_then(|(refusal, _)| Some(refusal.limit?.0))
    }

    #[test]
    fn each_channel_has_a_bucket_that_fills_again() {
        let mut limits = Limits::default();
        assert!((0..5).all(|_| send(&mut limits, "1", START).is_none()));
        assert_eq!(send(&mut limits, "1", START + Duration::from_secs(1)), Some(Duration::from_secs(4)));
        assert_eq!(send(&mut limits, "2", START), None, "another channel has its own");
        assert_eq!(send(&mut limits, "1", START + Duration::from_secs(5)), None);
    }

    #[test]
    fn fifty_calls_a_second_are_all_there_are() {
        let mut limits = Limits::default();
        assert!((0..50).all(|channel| send(&mut limits, &channel.to_string(), START).is_none()));
        assert_eq!(send(&mut limits, "x", START), Some(Duration::from_secs(1)));
    }

    #[test]
    fn what_is_left_is_told() {
        let keys = ["POST /channels/:id/messages".to_owned()];
        let told = Limits::default().take(&keys, "1", true, START).unwrap();
        assert!(told.contains(&("x-ratelimit-remaining", "4".to_owned())), "{told:?}");
        assert!(told.contains(&("x-ratelimit-reset-after", "5.000".to_owned())), "{told:?}");
    }
}

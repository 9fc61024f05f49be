//! How many calls may be made now: what Discord told of its limits, and what this bot allows itself. Pure: it is
//! told the time, and never waits.
//!
//! Limits are counted by buckets. Which routes share one is told by the answers (`X-RateLimit-Bucket`); before the
//! first answer a few calls are made at once, and the others wait for it. Within a bucket every channel, guild or
//! webhook has windows of its own, as wide as the last one that was told of.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use reqwest::Method;
use takopi_core::time::Moment;

use super::invalid::Invalid;

/// Calls of the bot in a second: Discord allows 50 (Discord docs, "Rate Limits", global rate limit); the rest is
/// left to whoever else uses the token.
pub(crate) const MOST_A_SECOND: usize = 45;

/// The window of [`MOST_A_SECOND`].
const SECOND: Duration = Duration::from_secs(1);

/// How long to wait where a window's end is not known yet: an answer under way will tell it.
const SOON: Duration = Duration::from_millis(250);

/// Calls of a route that are under way at once before the first is answered: fewer than any limit that bots meet but
/// that of reactions.
const MOST_UNTOLD: u32 = 4;

/// Two ends of windows that are this near are the same window's: they are told as seen from different answers.
const SAME_WINDOW: Duration = Duration::from_millis(600);

/// Buckets that are remembered; when there are more, those whose window is over go.
const MANY: usize = 2048;

/// What a call is counted by.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) method: Method,
    pub(crate) template: &'static str,
    pub(crate) major: String,
    /// Whether it uses some of the bot's own limit.
    pub(crate) counts: bool,
}

/// One window of a bucket, as an answer tells it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Window {
    /// The bucket's name.
    pub(crate) bucket: String,
    /// Calls it allows.
    pub(crate) limit: u32,
    /// Calls left.
    pub(crate) left: u32,
    /// When the next one begins.
    pub(crate) opens_in: Duration,
}

/// What an answer tells of limits.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Told {
    pub(crate) window: Option<Window>,
    /// How long to be silent, and whether everywhere.
    pub(crate) silence: Option<(Duration, bool)>,
    /// Whether it counts among the requests for which Discord bans: see [`Invalid`].
    pub(crate) is_invalid: bool,
}

/// A call must wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wait {
    pub(crate) after: Duration,
    /// Whether every other call must too.
    pub(crate) bot: bool,
}

/// Which window a call was counted in, if it is known.
pub(crate) type Taken = Option<(String, String)>;

/// What is known of a route.
#[derive(Debug)]
enum Known {
    /// It was answered, and no limit was told.
    Free,
    /// The name of its bucket, and the calls that a window of it allows.
    Bucket(String, u32),
}

#[derive(Debug)]
struct Bucket {
    limit: u32,
    left: u32,
    /// The fewest calls that an answer of this window left: it was the last to be counted.
    told: u32,
    /// Calls of this window that were never answered.
    lost: u32,
    /// When the next window begins; `None` while no answer of this one has told.
    opens: Option<Moment>,
    under_way: u32,
}

/// All limits of a bot.
#[derive(Default)]
pub(crate) struct Limits {
    routes: HashMap<(Method, &'static str), Known>,
    /// By name and what they are counted by.
    buckets: HashMap<(String, String), Bucket>,
    /// Until when calls of a key are refused: a route may have narrower limits than its bucket tells.
    shut: HashMap<Key, Moment>,
    bot_shut: Moment,
    recent: VecDeque<Moment>,
    invalid: Invalid,
}

impl Limits {
    /// Counts a call that is to be made now.
    ///
    /// # Errors
    /// [`Wait`] when it may not be made yet; nothing is counted then.
    pub(crate) fn take(&mut self, key: &Key, now: Moment) -> Result<Taken, Wait> {
        let wait = |until: Moment, bot| Wait { after: until.since(now), bot };
        if key.counts {
            if let Some(until) = self.invalid.pause(now) {
                return Err(wait(until, true));
            }
            if self.bot_shut > now {
                return Err(wait(self.bot_shut, true));
            }
            while self.recent.front().is_some_and(|call| now.since(*call) >= SECOND) {
                self.recent.pop_front();
            }
            if let Some(oldest) = self.recent.front().filter(|_| self.recent.len() >= MOST_A_SECOND) {
                return Err(wait(*oldest + SECOND, true));
            }
        }
        if let Some(until) = self.shut.get(key) {
            if *until > now {
                return Err(wait(*until, false));
            }
            self.shut.remove(key);
        }
        let taken = self.place(key);
        if let Some((place, limit)) = &taken {
            let bucket = self.buckets.entry(place.clone()).or_insert_with(|| Bucket::untold(*limit));
            bucket.take(now).map_err(|after| Wait { after, bot: false })?;
        }
        if key.counts {
            self.recent.push_back(now);
        }
        Ok(taken.map(|(place, _)| place))
    }

    /// Returns where calls of a key are counted, and how many of them a window allows as far as it is known.
    fn place(&self, key: &Key) -> Option<((String, String), u32)> {
        match self.routes.get(&(key.method.clone(), key.template)) {
            Some(Known::Bucket(name, limit)) => Some(((name.clone(), key.major.clone()), *limit)),
            None if key.counts => Some((nameless(key), MOST_UNTOLD)),
            Some(Known::Free) | None => None,
        }
    }

    /// Learns that a call was answered.
    pub(crate) fn over(&mut self, taken: &Taken) {
        if let Some(bucket) = taken.as_ref().and_then(|place| self.buckets.get_mut(place)) {
            bucket.under_way = bucket.under_way.saturating_sub(1);
        }
    }

    /// Learns that a call is over without an answer; Discord may have counted it all the same.
    pub(crate) fn lost(&mut self, taken: &Taken) {
        if let Some(bucket) = taken.as_ref().and_then(|place| self.buckets.get_mut(place)) {
            bucket.lost += 1;
        }
        self.over(taken);
    }

    /// Learns what an answer told; returns the number of invalid requests when that is worth a warning.
    pub(crate) fn learn(&mut self, key: &Key, told: &Told, now: Moment) -> Option<u32> {
        let route = (key.method.clone(), key.template);
        match &told.window {
            Some(window) => {
                self.routes.insert(route, Known::Bucket(window.bucket.clone(), window.limit));
                let elsewhere = self.buckets.get(&nameless(key)).map_or(0, |bucket| bucket.under_way);
                let place = (window.bucket.clone(), key.major.clone());
                let bucket = self.buckets.entry(place).or_insert_with(|| Bucket::untold(window.limit));
                bucket.learn(window, elsewhere, now);
            }
            None if *told == Told::default() => {
                self.routes.entry(route).or_insert(Known::Free);
            }
            None => {}
        }
        match told.silence {
            Some((after, true)) => self.bot_shut = self.bot_shut.max(now + after),
            Some((after, false)) => {
                self.shut.insert(key.clone(), now + after);
            }
            None => {}
        }
        self.forget(now);
        if told.is_invalid { self.invalid.count(now) } else { None }
    }

    fn forget(&mut self, now: Moment) {
        if self.buckets.len() > MANY {
            self.buckets.retain(|_, bucket| bucket.under_way > 0 || bucket.opens.is_some_and(|at| at > now));
        }
        if self.shut.len() > MANY {
            self.shut.retain(|_, until| *until > now);
        }
    }
}

/// Returns where calls are counted before it is told what their bucket is called.
fn nameless(key: &Key) -> (String, String) {
    (format!("{} {}", key.method, key.template), key.major.clone())
}

impl Bucket {
    /// Returns a bucket of which no answer has told.
    fn untold(limit: u32) -> Self {
        Self { limit, left: limit, told: limit, lost: 0, opens: None, under_way: 0 }
    }

    fn take(&mut self, now: Moment) -> Result<(), Duration> {
        if self.opens.is_some_and(|opens| opens <= now) {
            self.left = self.limit.saturating_sub(self.under_way);
            self.lost = 0;
            self.opens = None;
        }
        if self.opens.is_none() && self.under_way == 0 {
            // Nobody is left who would tell: the answers were lost. What the next one tells counts those calls.
            (self.left, self.lost) = (self.limit, 0);
        }
        let Some(left) = self.left.checked_sub(1) else {
            return Err(self.opens.map_or(SOON, |opens| opens.since(now)));
        };
        self.left = left;
        self.under_way += 1;
        Ok(())
    }

    /// Learns of a window, while so many calls of it are under way that were counted `elsewhere`.
    fn learn(&mut self, window: &Window, elsewhere: u32, now: Moment) {
        let opens = now + window.opens_in;
        match self.opens {
            // An answer that was late: of a window that is over.
            Some(known) if known.since(opens) > SAME_WINDOW => return,
            Some(known) if opens.since(known) <= SAME_WINDOW => self.told = self.told.min(window.left),
            _ => self.told = window.left,
        }
        // Some of those under way may be counted already; their answers will tell.
        self.left = self.told.saturating_sub(self.under_way + elsewhere + self.lost);
        self.limit = window.limit;
        self.opens = Some(opens);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Moment {
        Moment::after_start(Duration::from_millis(ms))
    }

    fn key(template: &'static str, major: &str) -> Key {
        Key { method: Method::POST, template, major: major.to_owned(), counts: true }
    }

    fn window(left: u32, opens_in_ms: u64) -> Told {
        let opens_in = Duration::from_millis(opens_in_ms);
        let window = Window { bucket: "b".to_owned(), limit: 5, left, opens_in };
        Told { window: Some(window), ..Told::default() }
    }

    fn silence(after_ms: u64, bot: bool) -> Told {
        Told { silence: Some((Duration::from_millis(after_ms), bot)), is_invalid: true, window: None }
    }

    fn waits(limits: &mut Limits, key: &Key, now: Moment) -> Option<(u128, bool)> {
        limits.take(key, now).err().map(|wait| (wait.after.as_millis(), wait.bot))
    }

    /// Makes a call that is answered at once.
    fn called(limits: &mut Limits, key: &Key, told: &Told, now: Moment) {
        let taken = limits.take(key, now).ok().unwrap();
        limits.over(&taken);
        limits.learn(key, told, now);
    }

    #[test]
    fn a_few_calls_are_made_before_the_first_answer_and_the_others_wait_for_it() {
        let (mut limits, key) = (Limits::default(), key("/a", "1"));
        let first: Vec<Taken> = (0..4).map(|_| limits.take(&key, at(0)).ok().unwrap()).collect();
        assert_eq!(waits(&mut limits, &key, at(0)), Some((250, false)));
        let elsewhere = Key { major: "2".to_owned(), ..key.clone() };
        assert_eq!(waits(&mut limits, &elsewhere, at(0)), None);
        limits.over(&first[0]);
        limits.learn(&key, &window(4, 5000), at(10));
        assert_eq!(waits(&mut limits, &key, at(10)), None, "three of the four that are left are under way");
        assert_eq!(waits(&mut limits, &key, at(10)), Some((5000, false)));
        let new = Key { major: "3".to_owned(), ..key.clone() };
        for call in 0..5 {
            assert_eq!(waits(&mut limits, &new, at(20)), None, "{call}: its window is as wide");
        }
        assert_eq!(waits(&mut limits, &new, at(20)), Some((250, false)));
    }

    #[test]
    fn a_route_without_a_limit_is_held_back_no_more_once_that_is_known() {
        let (mut limits, key) = (Limits::default(), key("/a", "1"));
        called(&mut limits, &key, &Told::default(), at(0));
        assert!((0..9).all(|_| limits.take(&key, at(1)).is_ok()));
    }

    #[test]
    fn calls_whose_answers_are_lost_close_no_window_for_ever() {
        let (mut limits, key) = (Limits::default(), key("/a", "1"));
        called(&mut limits, &key, &window(4, 1000), at(0));
        for round in 1..4 {
            let lost: Vec<Taken> =
                (0..5).map(|_| limits.take(&key, at(1000 * round)).ok().unwrap()).collect();
            assert_eq!(waits(&mut limits, &key, at(1000 * round)), Some((250, false)));
            lost.iter().for_each(|taken| limits.lost(taken));
        }
        called(&mut limits, &key, &window(4, 1000), at(4000));
        assert_eq!(waits(&mut limits, &key, at(4000)), None, "those of the windows before are forgotten");
    }

    #[test]
    fn the_window_that_is_told_is_kept() {
        let (mut limits, key) = (Limits::default(), key("/a", "1"));
        called(&mut limits, &key, &window(2, 5000), at(0));
        assert_eq!(waits(&mut limits, &key, at(10)), None);
        assert_eq!(waits(&mut limits, &key, at(20)), None);
        assert_eq!(waits(&mut limits, &key, at(30)), Some((4970, false)), "two were left");
        let other = Key { major: "2".to_owned(), ..key.clone() };
        assert_eq!(waits(&mut limits, &other, at(30)), None, "another channel has windows of its own");
    }

    #[test]
    fn routes_with_one_bucket_share_its_window() {
        let (mut limits, send, crosspost) = (Limits::default(), key("/a", "1"), key("/b", "1"));
        called(&mut limits, &send, &window(1, 5000), at(0));
        called(&mut limits, &crosspost, &window(0, 5000), at(0));
        assert_eq!(waits(&mut limits, &send, at(100)), Some((4900, false)));
    }

    #[test]
    fn a_new_window_is_as_wide_as_the_last_but_for_what_is_under_way() {
        let (mut limits, key) = (Limits::default(), key("/a", "1"));
        called(&mut limits, &key, &window(1, 1000), at(0));
        let slow = limits.take(&key, at(10)).ok().unwrap();
        for call in 0..4 {
            assert_eq!(waits(&mut limits, &key, at(1000 + call)), None, "{call}");
        }
        assert_eq!(waits(&mut limits, &key, at(1010)), Some((250, false)), "its end is not known yet");
        limits.over(&slow);
        limits.learn(&key, &window(0, 900), at(1100));
        assert_eq!(waits(&mut limits, &key, at(1100)), Some((900, false)));
    }

    #[test]
    fn an_answer_that_is_late_does_not_open_a_window_again() {
        let (mut limits, key) = (Limits::default(), key("/a", "1"));
        called(&mut limits, &key, &window(0, 5000), at(0));
        limits.learn(&key, &window(4, 20), at(10));
        assert_eq!(waits(&mut limits, &key, at(100)), Some((4900, false)));
        limits.learn(&key, &window(3, 4900), at(100));
        assert_eq!(
            waits(&mut limits, &key, at(100)),
            Some((4900, false)),
            "the same window, told out of turn"
        );
    }

    #[test]
    fn calls_under_way_are_taken_off_what_an_answer_says_is_left() {
        let (mut limits, key) = (Limits::default(), key("/a", "1"));
        called(&mut limits, &key, &window(4, 5000), at(0));
        let first = limits.take(&key, at(1)).ok().unwrap();
        for _ in 0..2 {
            assert!(limits.take(&key, at(1)).is_ok());
        }
        limits.over(&first);
        limits.learn(&key, &window(3, 4990), at(10));
        assert_eq!(waits(&mut limits, &key, at(10)), None);
        assert_eq!(waits(&mut limits, &key, at(10)), Some((4990, false)), "two of the three are under way");
    }

    #[test]
    fn calls_answered_out_of_turn_cost_no_more_than_one_each() {
        let (mut limits, key) = (Limits::default(), key("/a", "1"));
        let taken: Vec<Taken> = (0..4).map(|_| limits.take(&key, at(0)).ok().unwrap()).collect();
        for (call, left) in taken.iter().zip([1, 4, 3, 2]) {
            limits.over(call);
            limits.learn(&key, &window(left, 5000), at(10));
        }
        assert_eq!(waits(&mut limits, &key, at(20)), None, "four of five are made");
        assert_eq!(waits(&mut limits, &key, at(20)), Some((4990, false)));
    }

    #[test]
    fn a_call_whose_answer_is_lost_counts_in_its_window() {
        let (mut limits, key) = (Limits::default(), key("/a", "1"));
        called(&mut limits, &key, &window(4, 5000), at(0));
        let [lost, heard] = [1, 2].map(|now| limits.take(&key, at(now)).ok().unwrap());
        limits.lost(&lost);
        limits.over(&heard);
        limits.learn(&key, &window(3, 4990), at(10));
        for _ in 0..2 {
            assert_eq!(waits(&mut limits, &key, at(10)), None);
        }
        assert_eq!(waits(&mut limits, &key, at(10)), Some((4990, false)), "one of five may be lost");
    }

    #[test]
    fn a_limit_narrower_than_the_bucket_shuts_its_own_route_alone() {
        let (mut limits, name, channel) = (Limits::default(), key("/c (name)", "1"), key("/c", "1"));
        called(&mut limits, &channel, &window(4, 5000), at(0));
        let mut told = window(3, 5000);
        told.silence = Some((Duration::from_secs(600), false));
        called(&mut limits, &name, &told, at(0));
        assert_eq!(waits(&mut limits, &name, at(0)), Some((600_000, false)));
        assert_eq!(waits(&mut limits, &channel, at(0)), None);
        assert_eq!(waits(&mut limits, &name, at(600_000)), None);
    }

    #[test]
    fn a_global_limit_shuts_everything_but_answers_to_interactions() {
        let (mut limits, key) = (Limits::default(), key("/a", "1"));
        called(&mut limits, &key, &silence(3000, true), at(0));
        assert_eq!(
            waits(&mut limits, &Key { major: "2".to_owned(), ..key.clone() }, at(0)),
            Some((3000, true))
        );
        let answer = Key { counts: false, ..key.clone() };
        assert_eq!(waits(&mut limits, &answer, at(0)), None);
        assert_eq!(waits(&mut limits, &key, at(3000)), None);
    }

    #[test]
    fn the_bot_makes_45_calls_in_any_second() {
        let mut limits = Limits::default();
        let made = |limits: &mut Limits, now: u64| {
            (0..200).filter(|n| limits.take(&key("/a", &n.to_string()), at(now)).is_ok()).count()
        };
        assert_eq!(made(&mut limits, 0), MOST_A_SECOND);
        assert_eq!(waits(&mut limits, &key("/b", ""), at(400)), Some((600, true)));
        assert_eq!(made(&mut limits, 999), 0);
        assert_eq!(made(&mut limits, 1000), MOST_A_SECOND);
    }

    #[test]
    fn far_too_many_refusals_pause_the_bot_before_discord_does() {
        let (mut limits, key) = (Limits::default(), key("/a", "1"));
        let told = Told { is_invalid: true, ..Told::default() };
        let warned: Vec<u32> = (0..5000).filter_map(|_| limits.learn(&key, &told, at(0))).collect();
        assert_eq!(warned, [1000, 5000]);
        assert_eq!(waits(&mut limits, &key, at(0)).map(|(_, bot)| bot), Some(true));
        assert_eq!(waits(&mut limits, &key, at(631_000)), None);
    }

    #[test]
    fn only_so_many_windows_are_remembered() {
        let mut limits = Limits::default();
        for channel in 0..3 * MANY {
            let now = at(100 * u64::try_from(channel).unwrap());
            called(&mut limits, &key("/a", &channel.to_string()), &window(4, 50), now);
        }
        assert!(limits.buckets.len() <= MANY + 1, "{}", limits.buckets.len());
    }
}

//! How fast a bot may speak: Telegram's limits as its FAQ tells them ("My bot is hitting limits").
//!
//! Sends and edits count, other calls don't. What was refused does not count.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// How much faster than one a second a private chat takes messages for a moment.
const PRIVATE_BURST: u32 = 3;
const PRIVATE_GAP: Duration = Duration::from_secs(1);
const GROUP: (usize, Duration) = (20, Duration::from_secs(60));
const BOT: (usize, Duration) = (30, Duration::from_secs(1));

/// What was spoken lately. Nothing is limited until it is switched on.
#[derive(Debug, Default)]
pub(super) struct Limits {
    pub(super) on: bool,
    bot: Window,
    groups: BTreeMap<i64, Window>,
    /// When a private chat that gets no more will have caught up.
    private: BTreeMap<i64, Duration>,
}

impl Limits {
    /// Takes a message to a chat into account; a group's id is below zero.
    ///
    /// # Errors
    /// The seconds to wait, when it comes too early.
    pub(super) fn take(&mut self, chat: i64, now: Duration) -> Result<(), u64> {
        if !self.on {
            return Ok(());
        }
        let (groups, private) = (&mut self.groups, &mut self.private);
        let caught_up = private.get(&chat).copied().unwrap_or_default().max(now);
        let wait = self.bot.wait(BOT, now).max(match chat < 0 {
            true => groups.entry(chat).or_default().wait(GROUP, now),
            false => (caught_up - now).saturating_sub(PRIVATE_GAP * (PRIVATE_BURST - 1)),
        });
        if !wait.is_zero() {
            return Err(wait.as_secs() + u64::from(wait.subsec_nanos() > 0));
        }
        self.bot.0.push_back(now);
        if chat < 0 {
            groups.entry(chat).or_default().0.push_back(now);
        } else {
            private.insert(chat, caught_up + PRIVATE_GAP);
        }
        Ok(())
    }
}

/// The times of what was let through lately, the oldest first.
#[derive(Debug, Default)]
struct Window(VecDeque<Duration>);

impl Window {
    /// Returns how long the next one has to wait.
    fn wait(&mut self, (most, span): (usize, Duration), now: Duration) -> Duration {
        while self.0.front().is_some_and(|&oldest| oldest + span <= now) {
            self.0.pop_front();
        }
        match self.0.front() {
            Some(&oldest) if self.0.len() >= most => oldest + span - now,
            _ => Duration::ZERO,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on() -> Limits {
        Limits { on: true, ..Limits::default() }
    }

    const START: Duration = Duration::from_secs(1000);

    #[test]
    fn a_private_chat_takes_a_burst_and_then_one_a_second() {
        let mut limits = on();
        for _ in 0..3 {
            limits.take(7, START).unwrap();
        }
        assert_eq!(limits.take(7, START), Err(1));
        assert_eq!(limits.take(7, START + Duration::from_millis(999)), Err(1));
        assert_eq!(limits.take(7, START + PRIVATE_GAP), Ok(()));
        assert_eq!(limits.take(7, START + PRIVATE_GAP), Err(1));
        assert_eq!(limits.take(8, START), Ok(()), "another chat has its own budget");
    }

    #[test]
    fn a_group_takes_twenty_a_minute() {
        let mut limits = on();
        for second in 0..20 {
            limits.take(-7, START + Duration::from_secs(second)).unwrap();
        }
        assert_eq!(limits.take(-7, START + Duration::from_secs(20)), Err(40));
        assert_eq!(limits.take(-7, START + Duration::from_secs(60)), Ok(()));
    }

    #[test]
    fn a_bot_speaks_thirty_times_a_second() {
        let mut limits = on();
        for chat in 1..=30 {
            limits.take(chat, START).unwrap();
        }
        assert_eq!(limits.take(31, START), Err(1));
        assert_eq!(limits.take(31, START + Duration::from_secs(1)), Ok(()));
    }

    #[test]
    fn nothing_is_limited_until_it_is_switched_on() {
        let mut limits = Limits::default();
        assert!((0..100).all(|_| limits.take(7, START).is_ok()));
    }
}

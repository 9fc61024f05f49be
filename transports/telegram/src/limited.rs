//! Whose budget is spent when Telegram wants silence: it doesn't say. One chat's own is by far the smaller; when
//! several chats are limited at about the same time, it is the bot's.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use takopi_core::port::transport::RetryScope;
use takopi_core::time::Moment;

/// Chats that are limited within [`SPAN`] of each other when it is the bot that is. Two may have spent their own.
const CHATS: usize = 3;

/// How long ago another chat may have been limited. Calls that one budget refuses come back together.
const SPAN: Duration = Duration::from_secs(5);

/// The chats that were limited of late.
#[derive(Debug, Default)]
pub(crate) struct Limited(Mutex<VecDeque<(String, Moment)>>);

impl Limited {
    /// Learns that a call in `chat` was refused, and returns what that covers.
    pub(crate) fn refused(&self, chat: &str, now: Moment) -> RetryScope {
        let mut recent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        recent.retain(|(other, at)| other != chat && now.since(*at) < SPAN);
        recent.push_back((chat.to_owned(), now));
        if recent.len() < CHATS { RetryScope::Chat } else { RetryScope::Bot }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment::after_start(Duration::from_secs(seconds))
    }

    #[test]
    fn several_chats_at_once_are_the_bots_limit_and_one_alone_is_its_own() {
        let limited = Limited::default();
        for second in 0..4 {
            assert_eq!(limited.refused("a", at(second)), RetryScope::Chat, "however often");
        }
        assert_eq!(limited.refused("b", at(4)), RetryScope::Chat, "two may have spent their own");
        assert_eq!(limited.refused("c", at(5)), RetryScope::Bot);
        assert_eq!(limited.refused("a", at(5)), RetryScope::Bot, "it still is");
    }

    #[test]
    fn chats_that_are_limited_one_after_the_other_have_spent_their_own() {
        let limited = Limited::default();
        for (number, chat) in ["a", "b", "c", "d"].into_iter().enumerate() {
            let now = at(3 * number as u64);
            assert_eq!(limited.refused(chat, now), RetryScope::Chat, "{chat}");
        }
    }
}

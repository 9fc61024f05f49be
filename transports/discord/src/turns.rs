//! A guard against bots that talk to each other for ever: so many messages of bots in a row are heard in one place,
//! and then none until a person has spoken.

use std::sync::{Mutex, PoisonError};

use crate::config::Id;
use crate::places::RecentMap;

/// Messages of bots in a row that are heard: enough for a report and some questions about it.
const MOST_TURNS: u32 = 10;

/// Places that are remembered.
const MOST_PLACES: usize = 1024;

/// How many messages of bots have come in a row, by channel or thread.
#[derive(Debug)]
pub(crate) struct Turns(Mutex<RecentMap<Id, u32>>);

impl Default for Turns {
    fn default() -> Self {
        Self(Mutex::new(RecentMap::new(MOST_PLACES)))
    }
}

impl Turns {
    /// Counts a message; returns whether it is heard. The first that is not is told in the log.
    pub(crate) fn hears(&self, channel: Id, is_bot: bool) -> bool {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count =
            if is_bot { turns.get(&channel).copied().unwrap_or_default().saturating_add(1) } else { 0 };
        turns.insert(channel, count);
        if count == MOST_TURNS + 1 {
            tracing::warn!(
                channel,
                "bots have talked to each other for {MOST_TURNS} messages; a person must go on"
            );
        }
        count <= MOST_TURNS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bots_are_heard_again_once_a_person_has_spoken() {
        let turns = Turns::default();
        assert!((0..MOST_TURNS).all(|_| turns.hears(1, true)));
        assert!(!turns.hears(1, true));
        assert!(turns.hears(2, true), "another place has a count of its own");
        assert!(turns.hears(1, false) && turns.hears(1, true));
    }
}

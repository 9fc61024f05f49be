//! Descriptions of servers that overtake READY: the library hands each early event out in a task of its own, so that
//! they come in any order. Without them a server would not be known until it was given up.

use std::collections::VecDeque;
use std::time::Duration;

use takopi_core::time::Moment;

/// How long before READY a description may come that belongs to it. One that is older belongs to the session before.
const OVERTAKES: Duration = Duration::from_secs(1);

/// Most that are kept: a connection serves at most 2500 servers (Discord, "Sharding").
const MOST: usize = 2500;

/// What came when nobody waited for it.
#[derive(Debug)]
pub(super) struct Early<T>(VecDeque<(Moment, T)>);

impl<T> Default for Early<T> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<T> Early<T> {
    /// Keeps one for a moment.
    pub(super) fn keep(&mut self, one: T, now: Moment) {
        self.0.retain(|(at, _)| now.since(*at) < OVERTAKES);
        if self.0.len() < MOST {
            self.0.push_back((now, one));
        }
    }

    /// Returns those that may belong to the READY of now, in the order in which they came; none is kept.
    pub(super) fn take(&mut self, now: Moment) -> Vec<T> {
        let kept = self.0.drain(..).filter(|(at, _)| now.since(*at) < OVERTAKES);
        kept.map(|(_, one)| one).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Moment {
        Moment::after_start(Duration::from_millis(ms))
    }

    #[test]
    fn what_came_just_before_is_handed_out_once_in_its_order() {
        let mut early = Early::default();
        early.keep("of the session before", at(0));
        early.keep("a", at(990));
        early.keep("b", at(995));
        assert_eq!(early.take(at(1000)), ["a", "b"]);
        assert_eq!(early.take(at(1000)), [""; 0]);
    }

    #[test]
    fn only_so_many_are_kept() {
        let mut early = Early::default();
        (0..=MOST).for_each(|number| early.keep(number, at(0)));
        assert_eq!(early.take(at(0)).len(), MOST);
    }
}

//! How a plugin's transport fares: whether it receives, why not, and how often it broke lately.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use takopi_core::time::Moment;

/// How long a break counts.
const WINDOW: Duration = Duration::from_secs(600);

/// Breaks within [`WINDOW`] from which on it is said that they repeat.
const OFTEN: usize = 3;

/// Most breaks that are counted: the desk's pauses allow a dozen in [`WINDOW`].
const MAX_COUNTED: usize = 64;

/// Lines of a plugin's stderr that are told when it has ended.
const LAST_LINES: usize = 3;

/// How it fares.
#[derive(Debug, Default)]
pub(super) struct Health(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    receives: bool,
    /// Why it broke last.
    reason: Option<String>,
    breaks: VecDeque<Moment>,
}

impl Health {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// It receives.
    pub(super) fn well(&self) {
        self.state().receives = true;
    }

    /// It broke.
    pub(super) fn broke(&self, reason: String, now: Moment) {
        let mut state = self.state();
        state.receives = false;
        state.reason = Some(reason);
        state.breaks.push_back(now);
        if state.breaks.len() > MAX_COUNTED {
            state.breaks.pop_front();
        }
    }

    /// Returns what is in the way, or was again and again.
    pub(super) fn text(&self, now: Moment) -> Option<String> {
        let mut state = self.state();
        while state.breaks.front().is_some_and(|at| now.since(*at) >= WINDOW) {
            state.breaks.pop_front();
        }
        let reason = state.reason.as_ref()?;
        match (state.breaks.len(), state.receives) {
            (count @ OFTEN.., _) => {
                Some(format!("it broke {count} times in the last 10 minutes, last: {reason}"))
            }
            (_, true) => None,
            (_, false) => Some(reason.clone()),
        }
    }
}

/// Returns how a process ended and the last it wrote to stderr, as one line.
pub(super) fn last_words(ended: &str) -> String {
    let mut lines = ended.lines().map(str::trim).filter(|line| !line.is_empty());
    let exit = lines.next().unwrap_or("it ended");
    let said: Vec<&str> = lines.collect();
    let last = said.get(said.len().saturating_sub(LAST_LINES)..).unwrap_or_default();
    let all: Vec<&str> = std::iter::once(exit).chain(last.iter().copied()).collect();
    super::refusal::words(&all.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_break_is_told_until_it_is_over_and_many_for_ten_minutes() {
        let at = |seconds| Moment::after_start(Duration::from_secs(seconds));
        let health = Health::default();
        assert_eq!(health.text(at(0)), None, "it was not started yet");
        health.broke("exit status 1".to_owned(), at(0));
        assert_eq!(health.text(at(1)).as_deref(), Some("exit status 1"));
        health.well();
        assert_eq!(health.text(at(2)), None);
        for second in 3..5 {
            health.broke("exit status 2".to_owned(), at(second));
        }
        health.well();
        let often = "it broke 3 times in the last 10 minutes, last: exit status 2";
        assert_eq!(health.text(at(599)).as_deref(), Some(often));
        assert_eq!(health.text(at(600)), None);
    }

    #[test]
    fn of_what_a_process_said_the_end_is_told() {
        assert_eq!(last_words("exit status 3\na\nb\n\nc\nd"), "exit status 3; b; c; d");
        assert_eq!(last_words("ended by SIGKILL"), "ended by SIGKILL");
        assert_eq!(last_words(""), "it ended");
    }
}

//! The habits of the service in memory: when a message is for the bot there, what it is told of its places, and the
//! sign that work goes on.

use std::time::Duration;

use super::FakeTransport;
use crate::message::Address;
use crate::port::transport::{PlaceSetting, SendError, Trigger};

/// How a service is used.
#[derive(Debug, Clone, Default)]
pub struct Habits {
    /// When a message is for the bot where nobody has set it.
    pub usual: Trigger,
    /// How often is shown that work goes on.
    pub typing: Option<Duration>,
    /// Whether each new thread gets a branch of its own.
    pub branches: bool,
    /// The thread that the bot takes part in.
    pub part_of: Option<String>,
    /// Whether each thread has a budget of its own.
    pub counts_threads: bool,
}

impl FakeTransport {
    /// Lets it be used so.
    #[must_use]
    pub fn used_so(mut self, habits: Habits) -> Self {
        self.habits = habits;
        self
    }

    /// Returns what it was told last is set for its places.
    #[must_use]
    pub fn places(&self) -> Vec<PlaceSetting> {
        self.service().places.clone()
    }

    pub(super) fn is_ours(&self, place: &Address) -> bool {
        place.thread.is_some() && place.thread == self.habits.part_of
    }

    pub(super) fn note_places(&self, places: &[PlaceSetting]) {
        places.clone_into(&mut self.service().places);
        self.changed();
    }

    /// Shows it to nobody: it fails, so that whoever depends on it is found out.
    pub(super) fn note_typing(&self, to: &Address) -> Result<(), SendError> {
        self.service().calls.push(format!("typing {}", to.thread.as_ref().unwrap_or(&to.chat)));
        self.changed();
        Err(SendError::Broken("nobody looks on".to_owned()))
    }
}

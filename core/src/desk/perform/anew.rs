//! A session that is not there any more: the same prompt once more, as a new session in the same directory.
//!
//! Agents clean up after themselves, machines are moved, and a message is not to be lost over it. It is done once,
//! and only where nothing was begun: what an agent has done is never done again.

use std::sync::Arc;

use super::{Performance, outcome_of};
use crate::event::{Level, Note, Outcome, RunEnd, RunEvent};
use crate::port::engine::{Engine, Job};
use crate::route::Continue;

/// What is told where the conversation goes on by itself.
const BEGAN: &str = "session not found; began a new one";

/// What is told whoever named the session, by its line or by a reply.
const BEGAN_INSTEAD: &str = "the session you named was not found; began a new one";

impl Performance {
    /// Runs the engine; where the session to continue is not there, once more without it.
    pub(super) async fn drive_or_begin_anew(&mut self, engine: Arc<dyn Engine>, job: Job) -> RunEnd {
        let fresh = job.session.is_some().then(|| Job { session: None, ..job.clone() });
        let end = self.drive(engine.clone(), job).await;
        let Some(fresh) = fresh.filter(|_| self.has_only_missed_its_session(&end)) else { return end };
        if let Some(reason) = self.live.signal().get() {
            return RunEnd::new(outcome_of(reason), "");
        }
        self.begin_anew();
        self.drive(engine, fresh).await
    }

    fn has_only_missed_its_session(&self, end: &RunEnd) -> bool {
        let is_missing = end.session_missing && matches!(end.outcome, Outcome::Failed(_));
        is_missing && end.answer.is_empty() && !self.live.with_tracker(|tracker| tracker.has_begun())
    }

    /// The ledger names the old session until the new one is known: should takopi die before, what continues this
    /// run misses it again and begins anew too.
    fn begin_anew(&mut self) {
        tracing::info!(run = %self.live.id, engine = %self.plan.engine, "its session is not there; a new one begins");
        self.session = None;
        self.live.forget_session();
        let is_named = matches!(self.plan.session, Continue::Session(_) | Continue::Run(_));
        let text = if is_named { BEGAN_INSTEAD } else { BEGAN };
        let note = Note { level: Level::Warning, text: text.to_owned() };
        self.fold(RunEvent::Note(note.clone()));
        self.anew = Some(note);
    }
}

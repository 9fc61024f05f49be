//! The end of a run: on record, then for everyone who looks on, then on its way to the chat.

use std::time::Duration;

use super::Performance;
use crate::desk::{DeskEvent, host, outgoing, script};
use crate::event::{Outcome, RunEnd};
use crate::files::NamedFile;
use crate::message::{Body, Format};
use crate::port::ledger::{EndRun, OutboxId, Post, PostKind, ProgressUse};

/// How often the end of a run is offered to a ledger that cannot take it, and how long between.
const END_TRIES: u32 = 5;
const END_PAUSE: Duration = Duration::from_secs(2);

impl Performance {
    /// Ends it on record, then for everyone who looks on.
    pub(super) async fn close(&mut self, mut end: RunEnd) {
        self.type_off().await;
        if end.session.is_none() {
            end.session.clone_from(&self.session);
        }
        if end.answer.is_empty()
            && let Some(answer) = self.live.with_tracker(|tracker| tracker.answer().map(str::to_owned))
        {
            end.answer = answer;
        }
        let told = self.is_told(&end);
        let revises = self.shown_answer.as_ref().and_then(|(_, posts)| posts.first().copied());
        let post = if told { Vec::new() } else { self.posts(&end, revises).await };
        let unstored = post.iter().flat_map(|post| post.parts.clone()).collect();
        let (steps, actions) =
            self.live.with_tracker(|tracker| (tracker.steps(), tracker.snapshot().actions));
        let usage = end.usage.clone().or_else(|| self.live.with_tracker(|tracker| tracker.snapshot().usage));
        let row = EndRun {
            id: self.live.id,
            outcome: end.outcome.clone(),
            answer: end.answer.clone(),
            usage,
            steps,
            actions,
            ended_at: self.desk.clock.now(),
            post,
        };
        let stored = self.end_on_record(row).await;
        self.tell_end(&end);
        match stored {
            Some(posts) => self.desk.knock_posts(&self.live.address.instance, posts).await,
            None => self.tell_unstored(unstored),
        }
    }

    /// Returns whether the answer that was shown says it all. It stands, too, when the engine was stopped
    /// while it wound up.
    fn is_told(&self, end: &RunEnd) -> bool {
        let Some((shown, _)) = &self.shown_answer else { return false };
        match end.outcome {
            Outcome::Answered => *shown == end.answer && end.left_running.is_empty(),
            Outcome::Cancelled | Outcome::Interrupted => true,
            Outcome::Failed(_) => false,
        }
    }

    /// A run whose end is not on disk reads as interrupted after a crash, so a full disk gets some time.
    async fn end_on_record(&self, row: EndRun) -> Option<Vec<OutboxId>> {
        for left in (0..END_TRIES).rev() {
            match self.desk.ledger.end(row.clone()).await {
                Ok(posts) => return Some(posts),
                Err(error) => {
                    tracing::error!(run = %self.live.id, %error, left, "the end of a run could not be stored");
                }
            }
            if left > 0 {
                let until = self.desk.now() + END_PAUSE;
                tokio::select! {
                    () = self.desk.clock.sleep_until(until) => {}
                    () = self.desk.closed.cancelled() => return None,
                }
            }
        }
        None
    }

    /// What the ledger would not take is told all the same, once and without a promise.
    fn tell_unstored(&self, parts: Vec<Body>) {
        if let Some(message) = &self.plan.reply_to {
            host::tell_unstored(&self.desk, message.clone(), parts);
        }
    }

    pub(super) fn tell_end(&self, end: &RunEnd) {
        self.live.end(end.clone(), self.desk.now());
        let (run, address) = (self.live.id, self.live.address.clone());
        tracing::info!(%run, engine = %self.live.engine, outcome = script::label(&end.outcome), "run ended");
        self.desk.tell(DeskEvent::Ended { run, address, outcome: end.outcome.clone() });
    }

    /// Returns what is posted for an end: nothing where runs are followed or not shown.
    pub(super) async fn posts(&self, end: &RunEnd, revises: Option<OutboxId>) -> Vec<Post> {
        if !self.live.is_shown() || self.instance.spec.features.follows {
            return Vec::new();
        }
        let elapsed = self.live.elapsed(self.desk.now());
        let ending = || match &end.outcome {
            // As the Python takopi has it: nothing ran, so the error is no word of an engine's.
            Outcome::Failed(problem) if self.is_missing => {
                let outcome = Outcome::Failed(format!("error: {problem}"));
                script::ending(&self.live, &RunEnd { outcome, ..end.clone() }, elapsed)
            }
            Outcome::Answered | Outcome::Failed(_) => {
                script::remarked(script::ending(&self.live, end, elapsed), self.anew.as_ref())
            }
            // The last remark is shown with them.
            Outcome::Cancelled | Outcome::Interrupted => script::ending(&self.live, end, elapsed),
        };
        let mut body = self.instead.clone().unwrap_or_else(ending);
        // What a person waits for makes a sound; what they did themselves, or a restart, does not.
        let awaited = matches!(end.outcome, Outcome::Answered | Outcome::Failed(_));
        if awaited && body.format == Format::Markdown {
            let named = self.files_to_offer(&end.answer).await;
            body.buttons.extend(script::offer(self.live.id, &named));
        }
        if end.outcome == Outcome::Interrupted {
            let features = &self.instance.spec.features;
            body.buttons = script::resume(self.live.id, end.session.as_ref(), features);
        }
        let progress =
            if awaited && self.in_force.by.final_notify { ProgressUse::Replace } else { ProgressUse::Become };
        vec![self.post_of(self.instance.transport.lay_out(&body), PostKind::Final, progress, revises)]
    }

    async fn files_to_offer(&self, answer: &str) -> Vec<NamedFile> {
        let Some(dir) = self.live.run_dir() else { return Vec::new() };
        outgoing::offered(&self.desk, &self.in_force, &self.instance, &dir, answer).await
    }

    pub(super) fn post_of(
        &self,
        parts: Vec<Body>,
        kind: PostKind,
        progress: ProgressUse,
        revises: Option<OutboxId>,
    ) -> Post {
        Post {
            to: self.live.address.clone(),
            kind,
            run: Some(self.live.id),
            reply_to: self.plan.reply_to.clone(),
            notify: progress != ProgressUse::Become && !self.quiet,
            progress,
            revises,
            parts,
        }
    }
}

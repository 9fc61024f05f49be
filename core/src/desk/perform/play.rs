//! An engine at work: it runs in a task of its own, and its events are taken in order.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::{BATCH, Performance};
use crate::desk::clerk::Memo;
use crate::desk::script;
use crate::event::{Level, Note, Outcome, RunEnd, RunEvent};
use crate::port::engine::{Answer, Asker, Engine, EventSink, Job, Question, RunWire, STEER_BOUND};
use crate::port::ledger::{PostKind, ProgressUse, QuestionRow, RunNote};
use crate::session::{Session, SessionRow, SessionToken};

impl Performance {
    /// Runs the engine in a task of its own, so that its panic is only its own, and takes its events.
    pub(super) async fn drive(&mut self, engine: Arc<dyn Engine>, job: Job) -> RunEnd {
        let (sink, mut events) = EventSink::new();
        let (asker, mut questions) = Asker::new();
        let (_steers, steer) = mpsc::channel(STEER_BOUND);
        let wire = RunWire { events: sink, ask: asker, steer, stop: self.live.signal() };
        let running = self.desk.work.spawn(async move { engine.run(job, wire).await });
        tokio::pin!(running);
        let mut batch = Vec::with_capacity(BATCH);
        let mut telling = true;
        let result = loop {
            tokio::select! {
                biased;
                count = events.recv_many(&mut batch, BATCH), if telling => {
                    telling = count > 0;
                    self.take(&mut batch).await;
                }
                result = &mut running => break result,
                Some((question, reply)) = questions.recv() => self.ask(question, reply).await,
            }
        };
        // It is over, even if it left a sink behind.
        events.close();
        while events.recv_many(&mut batch, BATCH).await > 0 {
            self.take(&mut batch).await;
        }
        match result {
            Ok(Ok(end)) => end,
            Ok(Err(error)) => RunEnd::new(Outcome::Failed(error.to_string()), ""),
            Err(panic) => {
                tracing::error!(run = %self.live.id, %panic, "an engine crashed");
                RunEnd::new(
                    Outcome::Failed(format!("the engine {} crashed inside takopi", self.plan.engine)),
                    "",
                )
            }
        }
    }

    /// Takes a batch of events in order. The few that must be durable or bound before the next are met on
    /// the way; all others are folded together.
    async fn take(&mut self, batch: &mut Vec<RunEvent>) {
        for event in batch.drain(..) {
            match event {
                RunEvent::Session(token) => self.learn_session(token).await,
                RunEvent::Handle(handle) => {
                    self.flush();
                    self.note(RunNote { handle: Some(handle), ..RunNote::default() }).await;
                }
                // Nothing to read would show as a failure. There may be more to come, and the end tells.
                RunEvent::Answer(answer) if answer.trim().is_empty() => {}
                RunEvent::Answer(answer) => {
                    self.events.push(RunEvent::Answer(answer.clone()));
                    self.flush();
                    self.show_answer(answer).await;
                }
                other => self.events.push(other),
            }
        }
        self.flush();
    }

    pub(super) fn fold(&mut self, event: RunEvent) {
        self.events.push(event);
        self.flush();
    }

    fn flush(&mut self) {
        if !self.events.is_empty() && self.live.fold(&mut self.events) {
            self.desk.paint(&self.live);
        }
    }

    /// A token learnt mid-run may belong to a busy thread: then the event waits, and the engine with it.
    async fn learn_session(&mut self, token: SessionToken) {
        if self.live.with_tracker(|tracker| tracker.session() == Some(&token))
            && self.session.as_ref() != Some(&token)
        {
            return;
        }
        if let Some(known) = &self.session
            && *known != token
        {
            let text = format!("the engine went on in session {token} instead of {known}");
            self.fold(RunEvent::Note(Note { level: Level::Warning, text }));
        }
        let session = Session { engine: self.plan.engine.clone(), token: token.clone() };
        self.bind(session.clone()).await;
        self.session = Some(token.clone());
        self.fold(RunEvent::Session(token));
        let row = SessionRow {
            session,
            context: self.plan.context.clone(),
            cwd: self.dir.clone(),
            mode: None,
            host: None,
        };
        let conversation = self.conversation.clone();
        self.note(RunNote { session: Some(row), conversation, ..RunNote::default() }).await;
    }

    /// Makes the run's thread one with that of a session; returns once the session is its own, or the run is
    /// to stop.
    pub(super) async fn bind(&self, session: Session) {
        let (done, bound) = oneshot::channel();
        self.memo(Memo::Bind { run: self.live.id, session, done }).await;
        let mut signal = self.live.signal();
        tokio::select! {
            biased;
            _ = signal.wait() => {}
            _ = bound => {}
        }
    }

    /// Shows an answer while the engine still winds up; a later one takes its place.
    async fn show_answer(&mut self, answer: String) {
        if self.shown_answer.as_ref().is_some_and(|(shown, _)| *shown == answer) {
            return;
        }
        self.type_off().await;
        let revises = self.shown_answer.as_ref().and_then(|(_, posts)| posts.first().copied());
        let end = RunEnd { session: self.session.clone(), ..RunEnd::new(Outcome::Answered, answer.clone()) };
        let posts = self.posts(&end, revises).await;
        let now = self.desk.clock.now();
        match self.desk.ledger.answer(self.live.id, &answer, posts, now).await {
            Ok(posts) => {
                self.desk.knock_posts(&self.live.address.instance, posts.clone()).await;
                self.shown_answer = Some((answer, posts));
            }
            // The end carries the answer too and is tried harder.
            Err(error) => tracing::error!(run = %self.live.id, %error, "an answer could not be stored yet"),
        }
    }

    async fn ask(&mut self, question: Question, reply: oneshot::Sender<Answer>) {
        let run = self.live.id;
        let row = QuestionRow { run, question, answer: None };
        if let Err(error) = self.desk.ledger.question(&row).await {
            tracing::error!(%run, %error, "a question could not be stored");
            return;
        }
        let body = script::question(run, &row.question, &self.instance.spec.features);
        self.live.expect_answer(row.question.key, reply);
        if self.live.is_shown() {
            let parts = self.instance.transport.lay_out(&body);
            let post = self.post_of(parts, PostKind::Question, ProgressUse::Keep, None);
            if let Err(error) = self.desk.post(post).await {
                tracing::error!(%run, %error, "a question could not be posted");
            }
        }
    }
}

//! The port to coding agents: a job goes in, events come out while it works, its end is the return value.

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot, watch};

use crate::event::{Handle, RunEnd, RunEvent};
use crate::id::{EngineId, InstanceId, RunId};
use crate::message::Attachment;
use crate::port::SetupIssue;
use crate::resume::ResumePattern;
use crate::session::{Context, SessionToken};

/// Events an engine may be ahead of the scribe by. The scribe only folds them, so this is slack for
/// scheduling, not for chats; past it the engine's pipe slows the engine down.
pub const EVENT_BOUND: usize = 1024;

/// Events for which room is waited for at once: so few that the scribe still has some while the engine waits.
const PUT_AT_ONCE: usize = EVENT_BOUND / 4;

/// What a person can set for runs of an engine, by scope.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RunOptions {
    /// The model, in the engine's own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The reasoning level, in the engine's own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<String>,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Which run this is; its children carry it as `TAKOPI_RUN`.
    pub run: RunId,
    /// What to do. Never empty.
    pub prompt: String,
    /// Files that came with it.
    pub attachments: Vec<Attachment>,
    /// The session to continue.
    pub session: Option<SessionToken>,
    /// The machine to work on; `None` is this one.
    pub host: Option<String>,
    /// Project and branch, for engines that name them.
    pub context: Context,
    /// The directory to work in.
    pub dir: PathBuf,
    /// Model and reasoning.
    pub options: RunOptions,
}

/// Why a run is to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// A person said so.
    Cancel,
    /// The daemon is going down: end within the grace.
    Shutdown,
    /// The daemon is going down and the run may live on without it.
    Detach,
}

/// The engine's end of a run's stop signal. Once set it stays set.
#[derive(Debug, Clone)]
pub struct StopSignal(watch::Receiver<Option<Stop>>);

impl StopSignal {
    /// Returns a signal and the sender that sets it.
    #[must_use]
    pub fn new() -> (watch::Sender<Option<Stop>>, Self) {
        let (sender, receiver) = watch::channel(None);
        (sender, Self(receiver))
    }

    /// Returns the reason if the signal is set.
    #[must_use]
    pub fn get(&self) -> Option<Stop> {
        *self.0.borrow()
    }

    /// Returns once the signal is set. Never returns if the sender is gone without setting it.
    pub async fn wait(&mut self) -> Stop {
        let set = self.0.wait_for(Option::is_some).await.ok().and_then(|reason| *reason);
        match set {
            Some(reason) => reason,
            None => std::future::pending().await,
        }
    }
}

/// Where an engine's events go: bounded and ordered.
#[derive(Debug, Clone)]
pub struct EventSink(mpsc::Sender<RunEvent>);

impl EventSink {
    /// Returns a sink and the receiver of what is put into it.
    #[must_use]
    pub fn new() -> (Self, mpsc::Receiver<RunEvent>) {
        let (sender, receiver) = mpsc::channel(EVENT_BOUND);
        (Self(sender), receiver)
    }

    /// Puts an event in, waiting while the sink is full. An event after the run was given up is dropped:
    /// nobody listens any more, and the stop signal tells the engine so.
    pub async fn put(&self, event: RunEvent) {
        if self.0.send(event).await.is_err() {
            tracing::debug!("event after the run was given up");
        }
    }

    /// Puts all events in, in order, and leaves `events` empty: as [`Self::put`], at a fraction of its cost per
    /// event. Safe to drop while it waits: what was not put in is still in `events`.
    pub async fn put_all(&self, events: &mut Vec<RunEvent>) {
        while !events.is_empty() {
            let room = events.len().min(PUT_AT_ONCE);
            let Ok(permits) = self.0.reserve_many(room).await else {
                tracing::debug!(count = events.len(), "events after the run was given up");
                events.clear();
                return;
            };
            for (permit, event) in permits.zip(events.drain(..room)) {
                permit.send(event);
            }
        }
    }
}

/// A question an engine asks the person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// The engine's id of the question, unique within the run.
    pub key: String,
    /// What is asked.
    pub title: String,
    /// What may be chosen; empty when only text fits.
    pub options: Vec<QuestionOption>,
    /// Whether free text is an answer too.
    #[serde(default)]
    pub free_text: bool,
}

/// One choice of a question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuestionOption {
    /// The engine's id of the choice.
    pub id: String,
    /// What the button says.
    pub label: String,
}

/// What a person answered.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Answer {
    /// The choices' ids.
    pub options: Vec<String>,
    /// The free text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// Carries questions to the chat and answers back.
#[derive(Debug, Clone)]
pub struct Asker(mpsc::Sender<(Question, oneshot::Sender<Answer>)>);

/// Questions of one run that may be open at once.
pub const QUESTION_BOUND: usize = 16;

impl Asker {
    /// Returns an asker and the receiver of its questions.
    #[must_use]
    pub fn new() -> (Self, mpsc::Receiver<(Question, oneshot::Sender<Answer>)>) {
        let (sender, receiver) = mpsc::channel(QUESTION_BOUND);
        (Self(sender), receiver)
    }

    /// Asks, and returns the answer, or `None` when nobody can answer any more. The wait has no timeout:
    /// a person may be asleep. Wait for the stop signal beside it.
    pub async fn ask(&self, question: Question) -> Option<Answer> {
        let (reply, answer) = oneshot::channel();
        self.0.send((question, reply)).await.ok()?;
        answer.await.ok()
    }
}

/// Text for a turn that is already running.
#[derive(Debug)]
pub struct Steer {
    /// What to tell the engine.
    pub text: String,
    /// Told whether the engine took it; otherwise the text goes back into the queue.
    pub taken: oneshot::Sender<bool>,
}

/// Steers of one run that may wait at once.
pub const STEER_BOUND: usize = 16;

/// What joins a running engine with the house.
#[derive(Debug)]
pub struct RunWire {
    /// Where events go.
    pub events: EventSink,
    /// How to ask the person.
    pub ask: Asker,
    /// Texts for the running turn. Engines without the `steer` feature never get any.
    pub steer: mpsc::Receiver<Steer>,
    /// When to stop.
    pub stop: StopSignal,
}

/// Why an engine could not even run the job; shown in the chat as the run's failure.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// The engine cannot be started as things are; `hint` says what to do.
    #[error("{problem}; {hint}")]
    Unavailable {
        /// What is wrong.
        problem: String,
        /// What to type or install.
        hint: String,
    },
    /// Something broke on the way; the text tells what.
    #[error("{0}")]
    Broken(String),
}

/// What an engine can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct EngineFeatures {
    /// Takes text during a turn.
    pub steer: bool,
    /// Asks questions.
    pub ask: bool,
    /// Reads pictures.
    pub images: bool,
    /// An empty answer is an answer.
    pub blank_ok: bool,
    /// Its answers are plain text, shown as they stand, not Markdown.
    pub plain: bool,
    /// Takes a model and a reasoning level.
    pub options: bool,
}

/// What a person may choose from for an engine, as far as the engine can tell.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Choices {
    /// The models it knows, in its own words; empty when it cannot tell. Others may work too.
    pub models: Vec<String>,
    /// The reasoning levels, from low to high; empty when it takes any word.
    pub levels: Vec<String>,
    /// Why an engine that may know them has not told, to follow its name: `did not answer`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub untold: Option<String>,
}

/// The program behind an engine, as it is on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// Where it is.
    pub path: PathBuf,
    /// What it calls its version, or why that could not be learnt.
    pub version: Result<String, String>,
}

/// What is known of an engine without loading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineSpec {
    /// Its id.
    pub id: EngineId,
    /// Its name for people.
    pub title: String,
    /// How its sessions look in text; `None` when it has none.
    pub resume: Option<ResumePattern>,
    /// What it can do.
    pub features: EngineFeatures,
    /// The executable it needs on PATH.
    pub executable: Option<String>,
    /// How to install that executable: a command to type.
    pub install: Option<String>,
    /// The transport instances it serves; `None` is all. A plain shell serves only those it is told to.
    pub only_on: Option<Vec<InstanceId>>,
}

/// A coding agent, or something that runs like one.
#[async_trait]
pub trait Engine: Send + Sync {
    /// Runs one job to its end. Returns when the process tree (or, for a shared process, the turn) is
    /// over; only that lets the next run of the thread start.
    ///
    /// # Errors
    /// [`EngineError`] when the job could not be run at all; a job that ran and failed is an
    /// `Ok` with [`crate::event::Outcome::Failed`].
    async fn run(&self, job: Job, wire: RunWire) -> Result<RunEnd, EngineError>;

    /// Joins a run that outlived the daemon; `None` when that cannot be done.
    async fn reattach(
        &self,
        handle: Handle,
        from_seq: u64,
        wire: RunWire,
    ) -> Option<Result<RunEnd, EngineError>> {
        drop((handle, from_seq, wire));
        None
    }

    /// Returns what is missing for runs to succeed.
    async fn check(&self) -> Vec<SetupIssue>;

    /// Returns the model and the reasoning level its settings name, which hold where a person chose none.
    fn configured(&self) -> RunOptions {
        RunOptions::default()
    }

    /// Returns what a person may choose from, for `model` or else the configured one. May start the engine's
    /// program to ask it, within seconds.
    async fn choices(&self, model: Option<&str>) -> Choices {
        let _: Option<&str> = model;
        Choices::default()
    }

    /// Returns the program behind the engine; `None` when there is none, or it is not installed. Starts it to
    /// ask for its version, within seconds.
    async fn program(&self) -> Option<Program> {
        None
    }

    /// Ends shared processes within `grace`. Called once, when no run uses the engine any more.
    async fn close(&self, grace: Duration) {
        let _: Duration = grace;
    }
}

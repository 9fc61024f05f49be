//! Engines: what an author implements, and the [`Events`] by which a run tells what it does.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use takopi_plugin_protocol::engine::{
    Action, Answer, Ask, Choice, Choices, Ended, Event, Outcome, Run, Told, Usage,
};
use takopi_plugin_protocol::life::{Issue, Level};
use tokio_util::sync::CancellationToken;

use crate::error::{Error, Result};
use crate::life::Config;
use crate::peer::{Peer, notification};

/// Runs prompts.
#[async_trait]
pub trait Engine: Send + Sync + 'static {
    /// Does one job to its end. Runs of the same engine may be under way at the same time.
    ///
    /// After a cancel ([`Events::cancelled`]) it has 4 s to come to an end of its own; then its future is dropped.
    ///
    /// # Errors
    /// Whatever keeps it from an answer: people see the text. The session that was told still counts.
    async fn run(&self, job: Run, events: Events) -> Result<Ended>;

    /// Takes a text for a run that is under way.
    ///
    /// # Errors
    /// When it cannot: the text then waits for the end of the run.
    async fn steer(&self, _run: &str, _text: &str) -> Result<()> {
        Err(Error::unsupported("a text while a run is under way"))
    }

    /// Returns what a person may choose from, for a model where one is named. Asked only with the feature `options`.
    ///
    /// # Errors
    /// When it cannot be told.
    async fn choices(&self, _model: Option<&str>) -> Result<Choices> {
        Ok(Choices::default())
    }

    /// Takes its settings, once, before anything else.
    ///
    /// # Errors
    /// When they cannot be used: the plugin does not start.
    async fn configure(&self, _config: &Config) -> Result<()> {
        Ok(())
    }

    /// Returns what is wrong with settings; an error among it keeps the engine from being used.
    async fn validate(&self, _config: &Config) -> Vec<Issue> {
        Vec::new()
    }

    /// Finishes what must be finished, once, at the end; 2 s for all parts together.
    async fn cleanup(&self) {}
}

/// By which a run tells what it does, and asks. Clones tell of the same run; they are worthless after its end.
#[derive(Clone)]
pub struct Events {
    run: String,
    peer: Arc<Peer>,
    cancel: CancellationToken,
    told: Arc<Mutex<Progress>>,
}

/// How far a run has told.
#[derive(Default)]
struct Progress {
    seq: u64,
    questions: u64,
    session: Option<String>,
    over: bool,
}

impl Events {
    pub(crate) fn new(run: String, peer: Arc<Peer>, cancel: CancellationToken) -> Self {
        Self { run, peer, cancel, told: Arc::default() }
    }

    /// Tells by which name the session can be continued. Do so as early as it is known: whatever happens later, the person can
    /// go on from there. Telling the same name again is fine.
    ///
    /// # Errors
    /// A second name, a run that is over, or takopi being gone.
    pub async fn session(&self, session: impl Into<String>) -> Result<()> {
        let session = session.into();
        let known = self.told().session.clone();
        match known {
            Some(known) if known == session => Ok(()),
            Some(known) => Err(Error::failed(format!("the session is {known} already, it cannot change"))),
            None => self.tell(Told::Session { session }).await,
        }
    }

    /// Tells of a step.
    ///
    /// # Errors
    /// A run that is over, or takopi being gone.
    pub async fn action(&self, action: Action) -> Result<()> {
        self.tell(Told::Action(action)).await
    }

    /// Tells a piece of the answer as it is written.
    ///
    /// # Errors
    /// A run that is over, or takopi being gone.
    pub async fn text(&self, delta: impl Into<String>) -> Result<()> {
        self.tell(Told::Text { delta: delta.into() }).await
    }

    /// Tells what the run has used so far.
    ///
    /// # Errors
    /// A run that is over, or takopi being gone.
    pub async fn usage(&self, usage: Usage) -> Result<()> {
        self.tell(Told::Usage(usage)).await
    }

    /// Tells the person something in one line.
    ///
    /// # Errors
    /// A run that is over, or takopi being gone.
    pub async fn note(&self, level: Level, text: impl Into<String>) -> Result<()> {
        self.tell(Told::Note { level, text: text.into() }).await
    }

    /// Asks the person, and waits as long as they take. Dropping the future withdraws the question.
    ///
    /// # Errors
    /// A run that is over, takopi being gone, or nobody there to ask.
    pub async fn ask(&self, question: Question) -> Result<Answer> {
        let key = {
            let mut told = self.told();
            told.questions += 1;
            format!("q{}", told.questions)
        };
        let Question { title, options, free_text } = question;
        self.peer.call(&Ask { run: self.run.clone(), key, title, options, free_text }).await
    }

    /// Waits until the run is cancelled.
    pub async fn cancelled(&self) {
        self.cancel.cancelled().await;
    }

    /// Returns the token that fires when the run is cancelled.
    #[must_use]
    pub const fn cancel_token(&self) -> &CancellationToken {
        &self.cancel
    }

    async fn tell(&self, event: Told) -> Result<()> {
        let room = self.peer.room().await?;
        // Numbered and handed over under one lock, so that the numbers rise on the wire too.
        let mut told = self.told();
        if told.over {
            return Err(Error::gone("the run is over"));
        }
        if let Told::Session { session } = &event {
            told.session = Some(session.clone());
        }
        let event = Event { run: self.run.clone(), seq: told.seq + 1, event };
        room.send(notification(&event)?);
        told.seq += 1;
        Ok(())
    }

    /// Ends the telling, and makes what the engine returned the end of the run.
    pub(crate) fn end(&self, ended: Result<Ended>) -> Ended {
        let mut told = self.told();
        told.over = true;
        let mut ended = ended.unwrap_or_else(|error| {
            let cancelled = error.is_cancelled() || self.cancel.is_cancelled();
            if cancelled { Ended::cancelled() } else { Ended::failed(error.to_string()) }
        });
        if ended.outcome == Outcome::Failed && ended.error.is_none() {
            ended.error = Some("it failed without a reason".to_owned());
        }
        ended.session = ended.session.or_else(|| told.session.clone());
        ended
    }

    fn told(&self) -> std::sync::MutexGuard<'_, Progress> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A question to the person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    title: String,
    options: Vec<Choice>,
    free_text: bool,
}

impl Question {
    /// Returns a question that a text answers.
    pub fn text(title: impl Into<String>) -> Self {
        Self { title: title.into(), options: Vec::new(), free_text: true }
    }

    /// Returns a question with choices: pairs of a name of yours and what the button says.
    pub fn choice<'a>(
        title: impl Into<String>,
        options: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        let choice = |(id, label): (&str, &str)| Choice { id: id.to_owned(), label: label.to_owned() };
        Self { title: title.into(), options: options.into_iter().map(choice).collect(), free_text: false }
    }

    /// Returns the same question, which a text answers too.
    #[must_use]
    pub fn or_text(self) -> Self {
        Self { free_text: true, ..self }
    }
}

//! What the page is shown, as it goes over the wire: the page is served by the same binary, so these names
//! are promised to nobody else.

use serde::Serialize;
use takopi_core::event::{Action, Outcome, RunEnd, Usage};
use takopi_core::id::{EngineId, RunId};
use takopi_core::message::{Body, Button, Format, Inbound};
use takopi_core::port::command::RunSummary;
use takopi_core::port::ledger::{OutboxRow, PartState, RunRow, Said};
use takopi_core::route::{Continue, Decision};
use takopi_core::session::{Context, SessionToken, ThreadKey};
use takopi_core::text::visible;
use takopi_core::time::Timestamp;

use crate::catalogue::Catalogue;
use crate::markdown;

/// A text, to be shown and to be copied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Rendered {
    pub(crate) html: String,
    pub(crate) source: String,
}

impl Rendered {
    pub(crate) fn new(source: &str, format: Format) -> Self {
        let source = visible(source);
        Self { html: markdown::render(&source, format), source: source.into_owned() }
    }

    /// Renders a whole body: header, text and footer below each other.
    pub(crate) fn body(body: &Body) -> Self {
        let files = body.files.iter().map(|file| format!("{} (file)", file.name));
        let mut html = String::new();
        let mut source = Vec::new();
        let mut paragraph = |text: &str, format: Format| {
            if !text.trim().is_empty() {
                html.push_str(&markdown::render(text, format));
                source.push(text.to_owned());
            }
        };
        paragraph(body.header.as_deref().unwrap_or_default(), Format::Markdown);
        paragraph(&body.text, body.format);
        paragraph(&body.footer.join("  \n"), Format::Markdown);
        for file in files {
            paragraph(&file, Format::Plain);
        }
        Self { html, source: source.join("\n\n") }
    }
}

/// Where a run stands, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    Queued,
    /// It was started; its first paint tells that it works.
    Starting,
    Done,
    Error,
    Cancelled,
    Interrupted,
}

impl State {
    pub(crate) fn of(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Answered => Self::Done,
            Outcome::Cancelled => Self::Cancelled,
            Outcome::Interrupted => Self::Interrupted,
            Outcome::Failed(_) => Self::Error,
        }
    }
}

/// A run as the page shows it. What is `None` is not known, or not told again.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct RunView {
    pub(crate) run: RunId,
    pub(crate) state: State,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) engine: Option<EngineId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ahead: Option<usize>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) inbox: Vec<i64>,
    /// The message it answers, where its number is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) asked_by: Option<String>,
    #[serde(skip_serializing_if = "Context::is_empty")]
    pub(crate) context: Context,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) elapsed_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) steps: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) resume: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) answer: Option<Rendered>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) usage: Option<Usage>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) left_running: Vec<String>,
}

impl RunView {
    pub(crate) fn new(run: RunId, state: State) -> Self {
        Self {
            run,
            state,
            engine: None,
            ahead: None,
            inbox: Vec::new(),
            asked_by: None,
            context: Context::default(),
            elapsed_ms: None,
            steps: None,
            resume: None,
            answer: None,
            error: None,
            usage: None,
            left_running: Vec::new(),
        }
    }

    pub(crate) fn live(run: RunSummary) -> Self {
        let state = if run.ahead.is_some() { State::Queued } else { State::Starting };
        Self {
            engine: Some(run.engine),
            ahead: run.ahead,
            asked_by: run.asked_by.map(|message| message.id),
            context: run.context,
            elapsed_ms: run.ahead.is_none().then_some(run.elapsed_s.saturating_mul(1_000)),
            ..Self::new(run.id, state)
        }
    }

    pub(crate) fn stored(row: &RunRow, catalogue: &dyn Catalogue) -> Self {
        let opened = &row.opened;
        let elapsed = |ended: Timestamp| ended.since(opened.opened_at).as_millis();
        Self {
            engine: Some(opened.engine.clone()),
            inbox: opened.inbox.iter().map(|id| id.0).collect(),
            context: opened.context.clone(),
            elapsed_ms: row.ended_at.and_then(|ended| u64::try_from(elapsed(ended)).ok()),
            steps: Some(row.steps),
            resume: resume(catalogue, &opened.engine, opened.session.as_ref()),
            answer: row.answer.as_deref().and_then(|answer| answered(catalogue, &opened.engine, answer)),
            error: row.outcome.as_ref().and_then(reason),
            usage: row.usage.clone(),
            ..Self::new(opened.id, row.outcome.as_ref().map_or(State::Starting, State::of))
        }
    }

    /// Says the end of a run that has none on record and never will: as the next start will tell it.
    pub(crate) fn give_up(&mut self) {
        self.state = if self.answer.is_some() { State::Done } else { State::Interrupted };
    }

    pub(crate) fn ended(run: RunId, engine: &EngineId, end: &RunEnd, catalogue: &dyn Catalogue) -> Self {
        Self {
            resume: resume(catalogue, engine, end.session.as_ref()),
            answer: answered(catalogue, engine, &end.answer),
            error: reason(&end.outcome),
            usage: end.usage.clone(),
            left_running: end.left_running.clone(),
            ..Self::new(run, State::of(&end.outcome))
        }
    }
}

pub(crate) fn answered(catalogue: &dyn Catalogue, engine: &EngineId, answer: &str) -> Option<Rendered> {
    let shown = !answer.trim().is_empty();
    shown.then(|| Rendered::new(answer, catalogue.answer_format(engine)))
}

pub(crate) fn resume(
    catalogue: &dyn Catalogue,
    engine: &EngineId,
    token: Option<&SessionToken>,
) -> Option<String> {
    catalogue.resume_line(engine, token?)
}

pub(crate) fn reason(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Failed(reason) => Some(reason.clone()),
        Outcome::Answered | Outcome::Cancelled | Outcome::Interrupted => None,
    }
}

/// What would become of a message.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Outlook {
    /// It would be run.
    Run {
        engine: EngineId,
        context: Context,
        /// Whether it would go on with a session that there is.
        goes_on: bool,
    },
    /// It would be refused, and why.
    Refused { reason: String },
    /// Anything else, such as a command; or nobody knows now.
    Other,
}

impl Outlook {
    pub(crate) fn of(decision: Option<Decision>) -> Self {
        match decision {
            Some(Decision::Run(plan)) => Self::Run {
                goes_on: match plan.session {
                    Continue::Fresh => false,
                    // Until it has a session of its own, a conversation is only a place in the queue.
                    Continue::Conversation(..) => matches!(plan.thread, Some(ThreadKey::Token(_))),
                    Continue::Session(_) | Continue::Run(_) => true,
                },
                engine: plan.engine,
                context: plan.context,
            },
            Some(Decision::Refuse(reason)) => Self::Refused { reason },
            _ => Self::Other,
        }
    }
}

/// The steps of a finished run, which the page asks for when somebody wants to see them.
#[derive(Debug, Serialize)]
pub(crate) struct Steps {
    pub(crate) actions: Vec<Action>,
    pub(crate) left_out: u64,
}

/// One thing in a conversation.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Item {
    /// A person's message.
    Message {
        upstream: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        inbox: Option<i64>,
        text: String,
        at: Timestamp,
    },
    /// A run.
    Run(Box<RunView>),
    /// Something else the house said.
    Note { message: String, body: Rendered, buttons: Vec<Vec<Button>>, at: Timestamp },
}

impl Item {
    /// Returns what was said as the page shows it; some things are not shown, some are several items.
    pub(crate) fn said(said: &Said, catalogue: &dyn Catalogue) -> Vec<Self> {
        match said {
            Said::Inbound { id, inbound, at, .. } => match &**inbound {
                Inbound::Message(message) => vec![Self::Message {
                    upstream: message.upstream.clone(),
                    inbox: Some(id.0),
                    text: message.text.clone(),
                    at: *at,
                }],
                // Presses and the like show by what they caused.
                _ => Vec::new(),
            },
            Said::Run(row) => vec![Self::Run(Box::new(RunView::stored(row, catalogue)))],
            Said::Post(row) => notes(row),
        }
    }
}

/// A part that was not sent yet is told when it is.
fn notes(row: &OutboxRow) -> Vec<Item> {
    let part = |(body, state): (&Body, &PartState)| match state {
        PartState::Sent { message, .. } => Some(Item::Note {
            message: message.id.clone(),
            body: Rendered::body(body),
            buttons: body.buttons.clone(),
            at: row.posted_at,
        }),
        _ => None,
    };
    row.post.parts.iter().zip(&row.states).filter_map(part).collect()
}

//! The contract of engines: a run ends with an answer, its events are in order, its session can be continued, a cancelled
//! one ends soon, and two go on at once.

use takopi_core::session::SessionToken;
use takopi_plugin_protocol::engine::{Ended, Event, Outcome, Run, Told};
use takopi_stdio::rpc::{CallError, Patience};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::order::disorder;
use super::probe::{Farewell, Probe};
use super::{CANCELLED_WITHIN, RUN, Row, Rows, SLOW, Subject};
use crate::manifest::EngineTable;
use crate::process::Failure;

/// What an engine is asked. Short, for those who are paid by the word.
const PROMPT: &str = "Answer with the one word hello and do nothing else.";

/// What keeps an engine busy for as long as it takes to cancel it.
const LONG: &str = "Count from one to two hundred, one number a line, and do nothing else.";

const ENDS: &str = "a run ends with an answer";
const ORDER: &str = "its events are in order";
const SESSION: &str = "a session can be continued";
const CANCEL: &str = "a cancelled run ends within 5 s";
const TWO: &str = "two runs go on at once";

/// A run that was tried.
struct Trial {
    ended: Result<Ended, Failure>,
    events: Vec<Event>,
}

/// One engine on trial.
struct Engine<'a> {
    subject: &'a Subject,
    id: &'a str,
    table: &'a EngineTable,
    about: String,
    /// How its processes went.
    farewells: Vec<Farewell>,
}

/// Tries an engine; returns how its processes went too.
pub(super) async fn check(
    subject: &Subject,
    id: &str,
    table: &EngineTable,
    rows: &mut Rows<'_>,
) -> Vec<Farewell> {
    let about = format!("engine {id}");
    let mut engine = Engine { subject, id, table, about, farewells: Vec::new() };
    let first = engine.run("first", PROMPT, None).await;
    let first = match first {
        Ok(trial) => trial,
        Err(failure) => {
            rows.push(Row::failed(&engine.about, ENDS, failure));
            return engine.farewells;
        }
    };
    rows.push(engine.ends(&first));
    let Ok(ended) = &first.ended else { return engine.farewells };
    rows.push(match disorder(&first.events, ended) {
        None => Row::ok(&engine.about, ORDER),
        Some((what, remedy)) => Row::failed(&engine.about, ORDER, what).remedy(remedy),
    });
    if ended.outcome != Outcome::Answered {
        return engine.farewells;
    }
    rows.push(engine.continues(&first, ended).await);
    rows.push(engine.cancels().await);
    rows.push(engine.two().await);
    engine.farewells
}

impl Engine<'_> {
    /// Does one run in a process of its own.
    ///
    /// # Errors
    /// [`Failure`] when there is no process for it.
    async fn run(&mut self, run: &str, prompt: &str, session: Option<&str>) -> Result<Trial, Failure> {
        let probe = self.subject.start().await?;
        let trial = self.run_in(&probe, run, prompt, session, &self.subject.patience(RUN)).await;
        self.farewells.push(probe.farewell().await);
        Ok(trial)
    }

    async fn run_in(
        &self,
        probe: &Probe,
        run: &str,
        prompt: &str,
        session: Option<&str>,
        patience: &Patience,
    ) -> Trial {
        let params = Run {
            id: self.id.to_owned(),
            run: run.to_owned(),
            prompt: prompt.to_owned(),
            session: session.map(str::to_owned),
            cwd: self.subject.dir.to_string_lossy().into_owned(),
            model: None,
            reasoning: None,
            attachments: Vec::new(),
        };
        probe.heard.open_run(run);
        let ended = probe.call(&params, patience).await;
        Trial { ended, events: probe.heard.close_run(run) }
    }

    fn ends(&self, trial: &Trial) -> Row {
        let failed = |told: String| Row::failed(&self.about, ENDS, told);
        match &trial.ended {
            Err(failure) => failed(failure.to_string())
                .remedy("answer `engine/run` with {\"outcome\": …, \"answer\": …} when the run is over"),
            Ok(Ended { outcome: Outcome::Answered, answer, .. })
                if answer.trim().is_empty() && !self.table.features.blank_ok =>
            {
                failed("the answer is empty".to_owned())
                    .remedy("put the whole answer into `answer`, or say `features = [\"blank_ok\"]`")
            }
            Ok(Ended { outcome: Outcome::Answered, .. }) => Row::ok(&self.about, ENDS),
            Ok(Ended { outcome, error, .. }) => {
                let why = error.as_deref().unwrap_or("and does not say why");
                failed(format!("the run ended as {}: {why}", word(*outcome)))
            }
        }
    }

    /// Tells whether a second run goes on with the session of the first.
    async fn continues(&mut self, first: &Trial, ended: &Ended) -> Row {
        let Some(pattern) = &self.table.resume else {
            return Row::skipped(
                &self.about,
                SESSION,
                format_args!("the manifest has no [engine.{}.resume]", self.id),
            );
        };
        let told = first.events.iter().find_map(|event| match &event.event {
            Told::Session { session } => Some(session),
            _ => None,
        });
        let Some(session) = ended.session.as_ref().or(told).cloned() else {
            return Row::failed(&self.about, SESSION, "the run told no session")
                .remedy("end runs with `session`, or take the resume table out of the manifest");
        };
        let read = SessionToken::parse(&session).and_then(|token| pattern.find(&pattern.show(&token)));
        if read.is_none_or(|token| token.as_str() != session) {
            return Row::failed(
                &self.about,
                SESSION,
                format_args!("the manifest's pattern does not read session {session:?} back"),
            )
            .remedy(format_args!("widen `token` of [engine.{}.resume]", self.id));
        }
        let second = match self.run("second", PROMPT, Some(&session)).await {
            Ok(Trial { ended: Ok(ended), .. }) => ended,
            Ok(Trial { ended: Err(failure), .. }) | Err(failure) => {
                return Row::failed(&self.about, SESSION, failure);
            }
        };
        match (second.outcome, second.session.as_deref()) {
            (Outcome::Answered, Some(other)) if other != session => {
                Row::note(&self.about, SESSION, format_args!("session {session:?} went on as {other:?}"))
            }
            (Outcome::Answered, _) => Row::ok(&self.about, SESSION),
            (outcome, _) => {
                let why = second.error.as_deref().unwrap_or("and does not say why");
                Row::failed(
                    &self.about,
                    SESSION,
                    format_args!("with a session the run ended as {}: {why}", word(outcome)),
                )
            }
        }
    }

    async fn cancels(&mut self) -> Row {
        let probe = match self.subject.start().await {
            Ok(probe) => probe,
            Err(failure) => return Row::failed(&self.about, CANCEL, failure),
        };
        let cancel = CancellationToken::new();
        let patience = Patience::of(RUN).until(cancel.clone()).grace(CANCELLED_WITHIN);
        let trial = self.run_in(&probe, "cancelled", LONG, None, &patience);
        let when = async {
            // An engine that tells nothing is cancelled all the same.
            if timeout(SLOW, probe.heard.told_of("cancelled")).await.is_err() {
                tracing::debug!("the engine tells nothing");
            }
            cancel.cancel();
            tokio::time::Instant::now()
        };
        let (trial, cancelled_at) = tokio::join!(trial, when);
        let took = cancelled_at.elapsed();
        self.farewells.push(probe.farewell().await);
        match trial.ended {
            Ok(Ended { outcome: Outcome::Cancelled, .. }) | Err(Failure::Call(CallError::Refused(_))) => {
                Row::ok(&self.about, CANCEL)
            }
            Ok(Ended { outcome, .. }) => Row::skipped(
                &self.about,
                CANCEL,
                format_args!("the run had ended as {} before", word(outcome)),
            ),
            Err(Failure::Call(CallError::Cancelled)) if took < CANCELLED_WITHIN => {
                Row::ok(&self.about, CANCEL)
            }
            Err(Failure::Call(CallError::Cancelled)) => Row::failed(
                &self.about,
                CANCEL,
                "it went on after `$/cancel_request`",
            )
            .remedy(
                "go on reading stdin while a run is under way, and answer it with the outcome `cancelled`",
            ),
            Err(failure) => Row::failed(&self.about, CANCEL, failure),
        }
    }

    async fn two(&mut self) -> Row {
        let patience = self.subject.patience(RUN);
        let one = match self.subject.start().await {
            Ok(probe) => probe,
            Err(failure) => return Row::failed(&self.about, TWO, failure),
        };
        let trials = if self.table.shared {
            tokio::join!(
                self.run_in(&one, "left", PROMPT, None, &patience),
                self.run_in(&one, "right", PROMPT, None, &patience)
            )
        } else {
            let other = match self.subject.start().await {
                Ok(probe) => probe,
                Err(failure) => return Row::failed(&self.about, TWO, failure),
            };
            let trials = tokio::join!(
                self.run_in(&one, "left", PROMPT, None, &patience),
                self.run_in(&other, "right", PROMPT, None, &patience)
            );
            self.farewells.push(other.farewell().await);
            trials
        };
        self.farewells.push(one.farewell().await);
        for trial in [trials.0, trials.1] {
            let remedy = "keep what belongs to a run by its `run`; two may be under way";
            match trial.ended {
                Err(failure) => return Row::failed(&self.about, TWO, failure).remedy(remedy),
                Ok(ended) if ended.outcome != Outcome::Answered => {
                    let told = format!("one of them ended as {}", word(ended.outcome));
                    return Row::failed(&self.about, TWO, told).remedy(remedy);
                }
                Ok(ended) => {
                    if let Some((what, remedy)) = disorder(&trial.events, &ended) {
                        return Row::failed(&self.about, TWO, what).remedy(remedy);
                    }
                }
            }
        }
        Row::ok(&self.about, TWO)
    }
}

const fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Answered => "answered",
        Outcome::Cancelled => "cancelled",
        Outcome::Failed => "failed",
        Outcome::Interrupted => "interrupted",
    }
}

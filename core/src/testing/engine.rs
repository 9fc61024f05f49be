//! An engine whose runs a test directs by the words of the prompt, one per step:
//!
//! `session:T` tells its token, `action:T` and `done:T` an action, `text:T`, `answer:T`, `note:T`, `event:JSON`
//! any event, its blanks written as `\u0020`;
//! `gate:NAME` waits until the test opens that gate, `ask:KEY` asks a question and answers with what it is
//! told, `hang` waits for its stop, `deaf` ignores it until the gate `deaf` opens, `flood` tells text without
//! end, `leak` never lets go of its sink, `fail:T` fails, `gone` fails for want of the session it is to continue
//! and passes where it is to continue none, `lost` fails so in any case, `broken` returns an error, `panic` panics.
//! A run that comes to the end of its words has answered `ok`, unless an answer was told.

mod contract;

pub use contract::{EngineSubject, READY, engine_contract};

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;

use crate::event::{Action, ActionKind, Detail, Level, Note, Outcome, Phase, RunEnd, RunEvent};
use crate::id::EngineId;
use crate::port::SetupIssue;
use crate::port::engine::{
    Choices, Engine, EngineError, EngineFeatures, EngineSpec, Job, Question, QuestionOption, RunWire, Stop,
};
use crate::resume::ResumePattern;
use crate::session::SessionToken;

/// The engine, and the test's view of it. Clones are the same engine.
#[derive(Clone, Default)]
pub struct ScriptEngine {
    gates: Arc<Mutex<HashMap<String, watch::Sender<bool>>>>,
    jobs: Arc<Mutex<Vec<Job>>>,
    running: Arc<watch::Sender<Vec<String>>>,
    lacks: Arc<Mutex<Option<SetupIssue>>>,
    offer: Arc<Mutex<(Choices, Duration, usize)>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ScriptEngine {
    /// Returns what is known of an engine of this id, with sessions as `ID resume TOKEN`.
    ///
    /// # Panics
    /// When `id` is no id.
    #[must_use]
    #[expect(clippy::unwrap_used, reason = "a test that names no id is wrong")]
    pub fn spec(id: &str) -> EngineSpec {
        EngineSpec {
            id: EngineId::parse(id).unwrap(),
            title: id.to_owned(),
            resume: Some(
                ResumePattern::new(&format!("{id} resume {{token}}"), &[], crate::resume::DEFAULT_TOKEN)
                    .unwrap(),
            ),
            features: EngineFeatures::default(),
            executable: None,
            install: None,
            only_on: None,
        }
    }

    /// Opens a gate, for those who wait at it and those who will come.
    pub fn open_gate(&self, name: &str) {
        self.gate(name).send_replace(true);
    }

    /// Lets it lack something from now on, or nothing any more.
    pub fn lack(&self, issue: Option<SetupIssue>) {
        *lock(&self.lacks) = issue;
    }

    /// Lets it offer these, after so long.
    pub fn offer(&self, choices: Choices, after: Duration) {
        *lock(&self.offer) = (choices, after, 0);
    }

    /// Returns how often it was asked what it offers.
    #[must_use]
    pub fn asked(&self) -> usize {
        lock(&self.offer).2
    }

    /// Returns the jobs it was given, in the order they began.
    #[must_use]
    pub fn jobs(&self) -> Vec<Job> {
        lock(&self.jobs).clone()
    }

    /// Waits until exactly the runs with these prompts are under way, in any order.
    pub async fn wait_running(&self, prompts: &[&str]) {
        let mut running = self.running.subscribe();
        let mut wanted: Vec<_> = prompts.iter().map(|prompt| (*prompt).to_owned()).collect();
        wanted.sort();
        let reached = running.wait_for(|now| {
            let mut now = now.clone();
            now.sort();
            now == wanted
        });
        // The sender lives as long as this engine.
        drop(reached.await);
    }

    fn gate(&self, name: &str) -> watch::Sender<bool> {
        lock(&self.gates).entry(name.to_owned()).or_insert_with(|| watch::Sender::new(false)).clone()
    }

    async fn play(&self, job: &Job, wire: &mut RunWire) -> Result<RunEnd, EngineError> {
        let mut session = job.session.clone();
        let mut answer = None;
        for word in job.prompt.split_whitespace() {
            let (verb, value) = word.split_once(':').unwrap_or((word, ""));
            let stopped = match verb {
                "gate" => self.wait_at(value, wire).await,
                "hang" => Some(wire.stop.wait().await),
                "flood" => Some(flood(wire).await),
                "deaf" => {
                    let mut open = self.gate("deaf").subscribe();
                    drop(open.wait_for(|open| *open).await);
                    wire.stop.get()
                }
                _ => wire.stop.get(),
            };
            if let Some(reason) = stopped {
                return Ok(RunEnd { session, ..ended_by(reason) });
            }
            let event = match verb {
                "session" => {
                    session = SessionToken::parse(value);
                    session.clone().map(RunEvent::Session)
                }
                "action" => Some(RunEvent::Action(action(value, Phase::Started))),
                "done" => Some(RunEvent::Action(action(value, Phase::Completed))),
                "text" => Some(RunEvent::Text(value.to_owned())),
                "note" => Some(RunEvent::Note(Note { level: Level::Info, text: value.to_owned() })),
                "answer" => {
                    answer = Some(value.to_owned());
                    Some(RunEvent::Answer(value.to_owned()))
                }
                "event" => {
                    let event: RunEvent = serde_json::from_str(value)
                        .map_err(|error| EngineError::Broken(error.to_string()))?;
                    if let RunEvent::Answer(told) = &event {
                        answer = Some(told.clone());
                    }
                    Some(event)
                }
                "ask" => {
                    match ask(value, wire).await {
                        Ok(told) => answer = told,
                        Err(reason) => return Ok(RunEnd { session, ..ended_by(reason) }),
                    }
                    None
                }
                "fail" => {
                    return Ok(RunEnd { session, ..RunEnd::new(Outcome::Failed(value.to_owned()), "") });
                }
                "gone" | "lost" if verb == "lost" || job.session.is_some() => {
                    let end = RunEnd::new(Outcome::Failed("no such session".to_owned()), "");
                    return Ok(RunEnd { session, session_missing: true, ..end });
                }
                "leak" => {
                    std::mem::forget(wire.events.clone());
                    None
                }
                "broken" => return Err(EngineError::Broken("it broke".to_owned())),
                "panic" => panic!("as the script says"),
                _ => None,
            };
            if let Some(event) = event
                && let Some(reason) = put(event, wire).await
            {
                return Ok(RunEnd { session, ..ended_by(reason) });
            }
        }
        let answer = answer.unwrap_or_else(|| "ok".to_owned());
        Ok(RunEnd { session, ..RunEnd::new(Outcome::Answered, answer) })
    }

    async fn wait_at(&self, name: &str, wire: &mut RunWire) -> Option<Stop> {
        let mut open = self.gate(name).subscribe();
        tokio::select! {
            biased;
            reason = wire.stop.wait() => Some(reason),
            _ = open.wait_for(|open| *open) => None,
        }
    }
}

/// Tells an event, and returns the reason if the run is stopped while nobody takes it.
async fn put(event: RunEvent, wire: &mut RunWire) -> Option<Stop> {
    tokio::select! {
        biased;
        () = wire.events.put(event) => None,
        reason = wire.stop.wait() => Some(reason),
    }
}

async fn flood(wire: &mut RunWire) -> Stop {
    loop {
        if let Some(reason) = put(RunEvent::Text("more\n".to_owned()), wire).await.or(wire.stop.get()) {
            return reason;
        }
        // A consumer on the same thread gets its turn.
        tokio::task::yield_now().await;
    }
}

async fn ask(key: &str, wire: &mut RunWire) -> Result<Option<String>, Stop> {
    let option = |id: &str| QuestionOption { id: id.to_owned(), label: id.to_uppercase() };
    let question = Question {
        key: key.to_owned(),
        title: format!("{key}?"),
        options: vec![option("yes"), option("no")],
        free_text: false,
    };
    tokio::select! {
        reason = wire.stop.wait() => Err(reason),
        answer = wire.ask.ask(question) => Ok(answer.map(|answer| answer.options.join(" "))),
    }
}

fn ended_by(reason: Stop) -> RunEnd {
    RunEnd::new(if reason == Stop::Cancel { Outcome::Cancelled } else { Outcome::Interrupted }, "")
}

fn action(title: &str, phase: Phase) -> Action {
    let ok = (phase == Phase::Completed).then_some(true);
    Action {
        id: title.to_owned(),
        kind: ActionKind::Command,
        phase,
        title: title.to_owned(),
        ok,
        detail: Detail::default(),
    }
}

#[async_trait]
impl Engine for ScriptEngine {
    async fn run(&self, job: Job, mut wire: RunWire) -> Result<RunEnd, EngineError> {
        lock(&self.jobs).push(job.clone());
        self.running.send_modify(|running| running.push(job.prompt.clone()));
        let _leaves = Leaves { engine: self.clone(), prompt: job.prompt.clone() };
        self.play(&job, &mut wire).await
    }

    async fn choices(&self, _model: Option<&str>) -> Choices {
        let (choices, after) = {
            let mut offer = lock(&self.offer);
            offer.2 += 1;
            (offer.0.clone(), offer.1)
        };
        if !after.is_zero() {
            tokio::time::sleep(after).await;
        }
        choices
    }

    async fn check(&self) -> Vec<SetupIssue> {
        lock(&self.lacks).iter().cloned().collect()
    }
}

/// Takes a run off the list however it ends, by panic too.
struct Leaves {
    engine: ScriptEngine,
    prompt: String,
}

impl Drop for Leaves {
    fn drop(&mut self) {
        self.engine.running.send_modify(|running| {
            if let Some(at) = running.iter().position(|prompt| *prompt == self.prompt) {
                running.remove(at);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_scripted_engine_keeps_the_contract() {
        let engine = ScriptEngine::default();
        let running = engine.clone();
        let under_way = move |_| running.running.borrow().clone();
        engine_contract(&EngineSubject {
            engine: Arc::new(engine),
            dir: "/".into(),
            answers: |word| format!("session:s text:{word} answer:{word}"),
            talks: "text:more ".repeat(3000),
            fails: "fail:so".to_owned(),
            hangs: vec![
                format!("text:{READY} hang"),
                format!("text:{READY} gate:never"),
                format!("text:{READY} ask:q"),
            ],
            floods: "flood".to_owned(),
            leftovers: Box::new(under_way),
        })
        .await;
    }
}

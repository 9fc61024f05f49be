//! The agent of the measurements: a real child through the real driver. Its prompt is a file of JSON lines, which
//! `cat` prints. The translator reads lines as those of coding agents are read: whole into a JSON value, then leniently.

use std::sync::Mutex;
use std::time::Instant;

use async_trait::async_trait;
use serde_json::Value;
use takopi_core::event::{Action, ActionKind, Detail, Outcome, Phase, RunEnd, RunEvent};
use takopi_core::id::{EngineId, NameError};
use takopi_core::port::SetupIssue;
use takopi_core::port::engine::{Engine, EngineError, EngineFeatures, EngineSpec, Job, RunWire};
use takopi_engines::Environment;
use takopi_engines::jsonl::{Driver, Over, Translator, Undecodable};
use takopi_stdio::{Ladder, Signal, Spawn};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Translates `{"type":"action","id":"a1","phase":"started","title":"…"}` and `{"type":"result","text":"…"}`.
#[derive(Default)]
struct Actions {
    answer: Option<String>,
}

impl Translator for Actions {
    fn line(&mut self, line: &[u8], events: &mut Vec<RunEvent>) -> Result<(), Undecodable> {
        let mut value: Value = serde_json::from_slice(line)?;
        let mut text = |key: &str| match value.get_mut(key).map(Value::take) {
            Some(Value::String(text)) => text,
            _ => String::new(),
        };
        match text("type").as_str() {
            "action" => {
                let phase = match text("phase").as_str() {
                    "started" => Phase::Started,
                    "updated" => Phase::Updated,
                    _ => Phase::Completed,
                };
                let (id, title) = (text("id"), text("title"));
                let (ok, detail) = ((phase == Phase::Completed).then_some(true), Detail::default());
                events.push(RunEvent::Action(Action {
                    id,
                    kind: ActionKind::Command,
                    phase,
                    title,
                    ok,
                    detail,
                }));
            }
            "result" => {
                let answer = text("text");
                events.push(RunEvent::Answer(answer.clone()));
                self.answer = Some(answer);
            }
            _ => {}
        }
        Ok(())
    }

    fn settled(&self) -> bool {
        self.answer.is_some()
    }

    fn end(self, over: &Over) -> RunEnd {
        match self.answer {
            Some(answer) => RunEnd::new(Outcome::Answered, answer),
            None => RunEnd::new(over.without_result("cat"), ""),
        }
    }
}

/// Plays files.
pub(super) struct Agent {
    driver: Driver,
    /// When the last child had been started.
    pub(super) started: Mutex<Option<Instant>>,
}

impl Agent {
    pub(super) fn new(tasks: TaskTracker) -> Self {
        let driver = Driver::new(Ladder::gently(Signal::Interrupt), tasks, CancellationToken::new());
        Self { driver, started: Mutex::default() }
    }

    pub(super) fn spec() -> Result<EngineSpec, NameError> {
        Ok(EngineSpec {
            id: EngineId::parse("agent")?,
            title: "Agent".to_owned(),
            resume: None,
            features: EngineFeatures::default(),
            executable: None,
            install: None,
            only_on: None,
        })
    }
}

#[async_trait]
impl Engine for Agent {
    #[expect(clippy::disallowed_methods, reason = "the real time is what is measured")]
    async fn run(&self, job: Job, mut wire: RunWire) -> Result<RunEnd, EngineError> {
        let environment = Environment::new("measure", std::iter::empty(), |_, _| true);
        let spawn = environment.apply(Spawn::new("/bin/cat").args([&job.prompt]), job.run);
        let child = self.driver.start(spawn, &job)?;
        if let Ok(mut started) = self.started.lock() {
            *started = Some(Instant::now());
        }
        Ok(self.driver.drive(child, Actions::default(), &job, &mut wire).await)
    }

    async fn check(&self) -> Vec<SetupIssue> {
        Vec::new()
    }
}

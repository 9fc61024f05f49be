//! The agent that tells when its child was started: a real child through the real driver. Its prompt is a file, which
//! `cat` prints, and that is its answer. The real agents are `actors`.

use std::sync::Mutex;
use std::time::Instant;

use async_trait::async_trait;
use takopi_core::event::{Outcome, RunEnd, RunEvent};
use takopi_core::id::{EngineId, NameError};
use takopi_core::port::SetupIssue;
use takopi_core::port::engine::{Engine, EngineError, EngineFeatures, EngineSpec, Job, RunWire};
use takopi_engines::Environment;
use takopi_engines::jsonl::{Driver, Over, Translator, Undecodable};
use takopi_stdio::{Ladder, Signal, Spawn};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Any line is the answer.
#[derive(Default)]
struct Echo(Option<String>);

impl Translator for Echo {
    fn line(&mut self, line: &[u8], events: &mut Vec<RunEvent>) -> Result<(), Undecodable> {
        let answer = String::from_utf8_lossy(line).into_owned();
        events.push(RunEvent::Answer(answer.clone()));
        self.0 = Some(answer);
        Ok(())
    }

    fn settled(&self) -> bool {
        self.0.is_some()
    }

    fn end(self, over: &Over) -> RunEnd {
        match self.0 {
            Some(answer) => RunEnd::new(Outcome::Answered, answer),
            None => RunEnd::new(over.without_result("cat", "finished without a result event"), ""),
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
        Ok(self.driver.drive(child, Echo::default(), &job, &mut wire).await)
    }

    async fn check(&self) -> Vec<SetupIssue> {
        Vec::new()
    }
}

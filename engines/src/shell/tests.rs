//! The shell engine with real processes, stopped by their own end, by signals and by the run's stop.

mod ending;
mod output;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use takopi_core::id::RunId;
use takopi_core::port::engine::{Asker, RunOptions, STEER_BOUND, Stop, StopSignal};
use takopi_core::session::Context;
use takopi_core::testing::engine::{EngineSubject, READY, engine_contract};
use takopi_stdio::{Marker, find_marked};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::*;
use crate::environment::RUN;

/// Longest anything may take here.
const BOUND: Duration = Duration::from_secs(20);

fn environment() -> Environment {
    // Cargo sets this one for every test: it stands for a variable that is not for engines.
    Environment::new("daemon-1", std::env::vars_os(), |name, _| name != "CARGO_MANIFEST_DIR")
}

fn shell() -> Shell {
    Shell::new(None, environment(), TaskTracker::new(), CancellationToken::new())
}

/// A run whose events are all taken.
struct Run {
    id: RunId,
    stop: watch::Sender<Option<Stop>>,
    told: JoinHandle<Vec<RunEvent>>,
    end: JoinHandle<Result<RunEnd, EngineError>>,
}

impl Run {
    fn of(shell: Shell, command: &str) -> Self {
        Self::in_dir(shell, command, Path::new("/"))
    }

    fn in_dir(shell: Shell, command: &str, dir: &Path) -> Self {
        let id = RunId::parse(&uuid::Uuid::new_v4().to_string()).unwrap();
        let job = Job {
            run: id,
            prompt: command.to_owned(),
            attachments: Vec::new(),
            session: None,
            host: None,
            context: Context::default(),
            dir: dir.to_owned(),
            options: RunOptions::default(),
        };
        let (events, mut taken) = EventSink::new();
        let (stop, signal) = StopSignal::new();
        let wire = RunWire { events, ask: Asker::new().0, steer: mpsc::channel(STEER_BOUND).1, stop: signal };
        let tasks = TaskTracker::new();
        let told = tasks.spawn(async move {
            let mut told = Vec::new();
            while let Some(event) = taken.recv().await {
                // Of a flood the beginning will do.
                if told.len() < 1000 {
                    told.push(event);
                }
            }
            told
        });
        let end = tasks.spawn(async move { shell.run(job, wire).await });
        Self { id, stop, told, end }
    }

    async fn end(self) -> (RunEnd, Vec<RunEvent>) {
        let (end, told) = self.result().await;
        (end.unwrap(), told)
    }

    async fn result(self) -> (Result<RunEnd, EngineError>, Vec<RunEvent>) {
        let Self { stop: _stop, told, end, .. } = self;
        let end = tokio::time::timeout(BOUND, end).await.expect("the run ends in time").unwrap();
        (end, told.await.unwrap())
    }
}

/// Runs a command line to its end.
async fn end_of(command: &str) -> RunEnd {
    Run::of(shell(), command).end().await.0
}

async fn answer_of(command: &str) -> String {
    let end = end_of(command).await;
    assert_eq!(end.outcome, Outcome::Answered, "{end:?}");
    end.answer
}

fn alive(run: RunId) -> Vec<takopi_stdio::Leftover> {
    find_marked(&Marker::new(RUN, run.to_string()))
}

fn told_text(told: &[RunEvent]) -> String {
    let text = |event: &RunEvent| match event {
        RunEvent::Text(text) => Some(text.clone()),
        _ => None,
    };
    told.iter().filter_map(text).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_shell_keeps_the_contract() {
    engine_contract(&EngineSubject {
        engine: Arc::new(shell()),
        dir: "/".into(),
        answers: |word| format!("echo {word}"),
        talks: "i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done".to_owned(),
        fails: "exit 3".to_owned(),
        hangs: vec![
            format!("echo {READY}; sleep 1000"),
            format!("echo {READY}; exec >&- 2>&-; sleep 1000"),
            format!("(trap '' TERM INT; setsid sleep 1001 & sleep 1002) & echo {READY}; trap '' TERM INT; sleep 1003; sleep 1004"),
        ],
        floods: "while :; do echo more; done".to_owned(),
        leftovers: Box::new(|run| alive(run).into_iter().map(|left| left.command).collect()),
    })
    .await;
}

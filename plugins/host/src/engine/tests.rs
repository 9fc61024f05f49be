//! Engines of plugins with real processes: the contract of the port, and every way to misbehave, with what a person sees.

mod contract;
mod misbehaviour;
mod traffic;

use std::sync::Arc;

use takopi_core::event::{RunEnd, RunEvent};
use takopi_core::id::RunId;
use takopi_core::port::engine::{
    Answer, Asker, Engine, EngineError, EventSink, Job, Question, RunOptions, RunWire, STEER_BOUND, Steer,
    Stop, StopSignal,
};
use takopi_core::session::{Context, SessionToken};
use takopi_core::testing::engine::ScriptEngine;
use takopi_stdio::{Leftover, Marker, find_marked};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::PluginEngine;
use crate::Plugin;
use crate::scripted::{BOUND, Scripted, polite};

/// A run under way.
struct Going {
    run: RunId,
    end: JoinHandle<Result<RunEnd, EngineError>>,
    events: mpsc::Receiver<RunEvent>,
    stop: watch::Sender<Option<Stop>>,
    questions: mpsc::Receiver<(Question, oneshot::Sender<Answer>)>,
    steers: mpsc::Sender<Steer>,
}

fn engine(plugin: Arc<Plugin>) -> Arc<PluginEngine> {
    Arc::new(PluginEngine::new(plugin, ScriptEngine::spec("acme")))
}

fn job(prompt: &str) -> Job {
    Job {
        run: RunId::parse(&uuid::Uuid::new_v4().to_string()).unwrap(),
        prompt: prompt.to_owned(),
        attachments: Vec::new(),
        session: None,
        host: None,
        context: Context::default(),
        dir: "/".into(),
        options: RunOptions::default(),
    }
}

fn start(engine: &Arc<PluginEngine>, job: Job) -> Going {
    let (sink, events) = EventSink::new();
    let (ask, questions) = Asker::new();
    let (steers, steer) = mpsc::channel(STEER_BOUND);
    let (stop, signal) = StopSignal::new();
    let (engine, run) = (engine.clone(), job.run);
    let wire = RunWire { events: sink, ask, steer, stop: signal };
    let end = TaskTracker::new().spawn(async move { engine.run(job, wire).await });
    Going { run, end, events, stop, questions, steers }
}

impl Going {
    async fn event(&mut self) -> RunEvent {
        timeout(BOUND, self.events.recv()).await.expect("an event in time").expect("an event")
    }

    async fn finish(self) -> (Result<RunEnd, EngineError>, Vec<RunEvent>) {
        let Self { end, mut events, stop: _stop, questions: _questions, steers: _steers, .. } = self;
        let mut seen = Vec::new();
        let read = async {
            while let Some(event) = events.recv().await {
                seen.push(event);
            }
        };
        let (end, ()) =
            timeout(BOUND, async { tokio::join!(end, read) }).await.expect("the run ends in time");
        (end.unwrap(), seen)
    }
}

/// Runs a prompt to its end.
async fn run(scripted: &Scripted, prompt: &str) -> (Result<RunEnd, EngineError>, Vec<RunEvent>) {
    start(&engine(scripted.plugin()), job(prompt)).finish().await
}

/// Runs a prompt to its end, and returns what a person is told of its failure.
async fn failure(scripted: &Scripted, prompt: &str) -> String {
    match run(scripted, prompt).await.0 {
        Ok(RunEnd { outcome: takopi_core::event::Outcome::Failed(why), .. }) => why,
        Ok(end) => panic!("it did not fail: {end:?}"),
        Err(error) => error.to_string(),
    }
}

fn alive(run: RunId) -> Vec<Leftover> {
    find_marked(&Marker::new("TAKOPI_RUN", run.to_string()))
}

fn token(text: &str) -> SessionToken {
    SessionToken::parse(text).unwrap()
}

//! The contract of the engines' port.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use serde_json::json;
use takopi_core::event::RunEnd;
use takopi_core::id::RunId;
use takopi_core::port::SetupIssue;
use takopi_core::port::engine::{Engine, EngineError, Job, RunWire};
use takopi_core::testing::engine::{EngineSubject, READY, ScriptEngine, engine_contract};
use takopi_plugin_host::PluginEngine;
use takopi_plugin_protocol::life::Settings;
use takopi_stdio::{Marker, find_marked};

use super::stage::{RUN, Stage};

/// An engine, and its runs under way: in a shared process there is nothing else by which a run is seen from outside.
struct Watched {
    engine: PluginEngine,
    under_way: Arc<Mutex<BTreeSet<RunId>>>,
}

/// A run under way.
struct UnderWay(Arc<Mutex<BTreeSet<RunId>>>, RunId);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.lock().unwrap().remove(&self.1);
    }
}

#[async_trait]
impl Engine for Watched {
    async fn run(&self, job: Job, wire: RunWire) -> Result<RunEnd, EngineError> {
        self.under_way.lock().unwrap().insert(job.run);
        let _under_way = UnderWay(self.under_way.clone(), job.run);
        self.engine.run(job, wire).await
    }

    async fn check(&self) -> Vec<SetupIssue> {
        self.engine.check().await
    }
}

/// Returns the engine of a plugin, with the prompts of `words.*`.
fn subject(stage: &Stage, id: &str) -> EngineSubject {
    let under_way = Arc::<Mutex<BTreeSet<RunId>>>::default();
    let engine = PluginEngine::new(stage.plugin.clone(), ScriptEngine::spec(id));
    let leftovers = {
        let under_way = under_way.clone();
        move |run: RunId| {
            let found = find_marked(&Marker::new(RUN, run.to_string()));
            let mut left: Vec<String> = found.into_iter().map(|left| left.command).collect();
            left.extend(under_way.lock().unwrap().get(&run).map(ToString::to_string));
            left
        }
    };
    EngineSubject {
        engine: Arc::new(Watched { engine, under_way }),
        dir: "/".into(),
        answers: |word| format!("say {word}"),
        talks: "talk".to_owned(),
        fails: "fail".to_owned(),
        hangs: ["hang", "deaf"].map(str::to_owned).to_vec(),
        floods: "flood".to_owned(),
        leftovers: Box::new(leftovers),
    }
}

fn words(command: &str, shared: bool) -> String {
    format!(
        "manifest = 1\n[distribution]\nname = 'takopi-words'\nversion = '1.0.0'\n\
         [process]\ncommand = {command}\nprotocol = 'takopi/1'\n[engine.words]\nshared = {shared}\n"
    )
}

async fn echo_keeps_the_contract(shared: bool) {
    // A pause, so that a long text takes a minute.
    let engine = json!({"echo": {"pause_ms": 1}}).as_object().unwrap().clone();
    let settings = Settings { engine, ..Settings::default() };
    let stage = Stage::example("rust-echo", settings, |manifest| {
        manifest.engines.get_mut("echo").unwrap().shared = shared;
    });
    let without_end = format!("{READY} {}", "more ".repeat(60_000));
    engine_contract(&EngineSubject {
        answers: str::to_owned,
        talks: "more ".repeat(3000),
        fails: " ".to_owned(),
        hangs: vec![without_end.clone()],
        floods: without_end,
        ..subject(&stage, "echo")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rust_example_keeps_the_contract_of_engines_in_one_process() {
    echo_keeps_the_contract(true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rust_example_keeps_the_contract_of_engines_with_a_process_per_run() {
    echo_keeps_the_contract(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn python_keeps_the_contract_of_engines_in_one_process() {
    let files = ["tests/contract/words.py", "../python-list/takopi_plugin.py"];
    let stage = Stage::files(&files, &words("['python3', 'words.py']", true));
    // One that is deaf takes all runs of the process with it: here each is to end by itself.
    engine_contract(&EngineSubject { hangs: vec!["hang".to_owned()], ..subject(&stage, "words") }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn python_keeps_the_contract_of_engines_with_a_process_per_run() {
    let files = ["tests/contract/words.py", "../python-list/takopi_plugin.py"];
    let stage = Stage::files(&files, &words("['python3', 'words.py']", false));
    engine_contract(&subject(&stage, "words")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shell_keeps_the_contract_of_engines() {
    let files = ["tests/contract/words.sh", "../sh-engine/takopi-plugin.sh"];
    let stage = Stage::files(&files, &words("['./words.sh']", false));
    engine_contract(&subject(&stage, "words")).await;
}

//! The contract of the engines' port, for a process per run and for one that is shared.

use takopi_core::testing::engine::{EngineSubject, READY, engine_contract};

use super::*;

const WORDS: &str = r#"
on_run() {
  case $1 in
    say*) tell '{"type":"session","session":"s-'"${1#say }"'"}'; tell '{"type":"text","delta":"'"${1#say }"'"}'; done_with "${1#say }";;
    talk) while [ $seq -lt 3000 ]; do tell '{"type":"text","delta":"more"}'; done; done_with ok;;
    fail) answer '{"outcome":"failed","error":"so"}';;
    hang) tell '{"type":"text","delta":"ready"}'; sleep 1000;;
    hear) tell '{"type":"text","delta":"ready"}'; read -r line; answer '{"outcome":"cancelled"}';;
    deaf) (trap '' TERM INT; setsid sleep 1001 & sleep 1002) & tell '{"type":"text","delta":"ready"}'; trap '' TERM INT; sleep 1003; sleep 1004;;
    flood) while :; do tell '{"type":"text","delta":"more"}'; done;;
  esac
}
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_engine_with_a_process_per_run_keeps_the_contract() {
    let scripted = Scripted::engine(&polite(WORDS));
    assert_eq!(READY, "ready");
    engine_contract(&EngineSubject {
        engine: engine(scripted.plugin()),
        dir: "/".into(),
        answers: |word| format!("say {word}"),
        talks: "talk".to_owned(),
        fails: "fail".to_owned(),
        hangs: ["hang", "hear", "deaf"].map(ToOwned::to_owned).to_vec(),
        floods: "flood".to_owned(),
        leftovers: Box::new(|run| alive(run).into_iter().map(|left| left.command).collect()),
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_engine_with_a_shared_process_keeps_the_contract() {
    let mut scripted = Scripted::engine(&polite(WORDS));
    scripted.package.manifest.engines.get_mut("acme").unwrap().shared = true;
    let plugin = scripted.plugin();
    let engine = engine(plugin.clone());
    engine_contract(&EngineSubject {
        engine: engine.clone(),
        dir: "/".into(),
        answers: |word| format!("say {word}"),
        talks: "talk".to_owned(),
        fails: "fail".to_owned(),
        hangs: vec!["hear".to_owned()],
        floods: "flood".to_owned(),
        leftovers: Box::new(move |run| {
            let running = plugin.current();
            let names = |running: Arc<crate::Running>| running.switchboard.runs.names();
            running
                .map(names)
                .unwrap_or_default()
                .into_iter()
                .filter(|name| *name == run.to_string())
                .collect()
        }),
    })
    .await;
    engine.close(BOUND).await;
}

//! What goes between a run and the house while it works: questions, texts, choices, silence.

use std::time::Duration;

use takopi_core::event::{Level, Note, Outcome};
use takopi_core::port::engine::Choices;

use super::*;

fn note(level: Level, text: &str) -> RunEvent {
    RunEvent::Note(Note { level, text: text.to_owned() })
}

#[tokio::test]
async fn a_question_reaches_the_person_and_the_answer_the_plugin() {
    let scripted = Scripted::engine(&polite(
        r#"on_run() {
            printf '{"id":"q","method":"engine/ask","params":{"run":"%s","key":"k","title":"Go?","options":[{"id":"yes","label":"Yes"}],"free_text":true}}\n' "$run"
            mine=$id; read -r line
            case $line in *'"options":["yes"]'*) id=$mine; done_with went;; esac
        }"#,
    ));
    let mut going = start(&engine(scripted.plugin()), job("x"));
    let (question, reply) = timeout(BOUND, going.questions.recv()).await.unwrap().unwrap();
    assert_eq!((question.title.as_str(), question.options[0].label.as_str()), ("Go?", "Yes"));
    assert!(question.free_text);
    reply.send(Answer { options: vec!["yes".to_owned()], text: None }).unwrap();
    assert_eq!(going.finish().await.0.unwrap().answer, "went");
}

#[tokio::test]
async fn a_text_on_the_way_is_taken_or_refused_by_the_plugin() {
    let scripted = Scripted::engine(&polite(
        r#"on_run() { tell '{"type":"text","delta":"ready"}'; mine=$id; }
        on_call() {
            field text
            case $value in
                no) printf '{"id":%s,"error":{"code":-32015,"message":"busy"}}\n' "$id";;
                *) answer '{}'; id=$mine; done_with "$value";;
            esac
        }"#,
    ));
    let mut going = start(&engine(scripted.plugin()), job("x"));
    going.event().await;
    for (text, is_taken) in [("no", false), ("left", true)] {
        let (taken, told) = oneshot::channel();
        going.steers.send(Steer { text: text.to_owned(), taken }).await.unwrap();
        assert_eq!(timeout(BOUND, told).await.unwrap(), Ok(is_taken), "{text}");
    }
    assert_eq!(going.finish().await.0.unwrap().answer, "left");
}

#[tokio::test]
async fn a_run_is_asked_with_session_model_and_directory() {
    let scripted = Scripted::engine(&polite(
        r#"on_run() {
            field session; session=$value; field model; model=$value; field cwd
            done_with "$session $model $value"
        }"#,
    ));
    let options = RunOptions { model: Some("big".to_owned()), reasoning: None };
    let job = Job { session: Some(token("s-1")), options, dir: "/srv".into(), ..job("x") };
    let end = start(&engine(scripted.plugin()), job).finish().await.0.unwrap();
    assert_eq!((end.answer.as_str(), end.session), ("s-1 big /srv", Some(token("s-1"))));
}

#[tokio::test]
async fn a_session_that_is_not_there_is_told_as_such_and_another_failure_is_not() {
    let scripted = Scripted::engine(&polite(
        r#"on_run() {
            field session
            case "$value" in
                gone) answer '{"outcome":"failed","error":"no such session","session_missing":true}';;
                *) answer '{"outcome":"failed","error":"out of paper"}';;
            esac
        }"#,
    ));
    let engine = engine(scripted.plugin());
    for (session, is_missing) in [("gone", true), ("s-1", false)] {
        let job = Job { session: Some(token(session)), ..job("x") };
        let end = start(&engine, job).finish().await.0.unwrap();
        assert!(matches!(end.outcome, Outcome::Failed(_)), "{end:?}");
        assert_eq!(end.session_missing, is_missing, "{session}");
    }
}

#[tokio::test]
async fn a_run_that_tells_nothing_for_long_is_said_to_be_quiet_once() {
    let mut scripted = Scripted::engine(&polite(
        r#"on_run() { mine=$id; sleep 0.3; tell '{"type":"text","delta":"at last"}'; done_with well; }"#,
    ));
    scripted.bounds.quiet = Duration::from_millis(20);
    let (end, events) = run(&scripted, "x").await;
    assert_eq!(end.unwrap().outcome, Outcome::Answered);
    assert_eq!(events[0], note(Level::Info, "quiet for 0 min"));
    let quiet = events.iter().position(|event| *event == RunEvent::Text("at last".to_owned()));
    assert_eq!(quiet, Some(1), "{events:?}");
}

#[tokio::test]
async fn a_run_nobody_follows_loses_events_but_holds_up_no_other_in_a_shared_process() {
    let mut scripted = Scripted::engine(&polite(
        r#"on_run() {
            case $1 in
                long) while [ $seq -lt 1500 ]; do tell '{"type":"text","delta":"more"}'; done; mine=$id; first=$run; at=$seq;;
                *) done_with "$1"; id=$mine; run=$first; seq=$at; tell '{"type":"text","delta":"last"}'; done_with long;;
            esac
        }"#,
    ));
    scripted.package.manifest.engines.get_mut("acme").unwrap().shared = true;
    let engine = engine(scripted.plugin());
    let long = start(&engine, job("long"));
    while long.events.len() < takopi_core::port::engine::EVENT_BOUND {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // Its events are not taken, and still this one is answered.
    assert_eq!(start(&engine, job("short")).finish().await.0.unwrap().answer, "short");
    let (end, events) = long.finish().await;
    assert_eq!(end.unwrap().answer, "long");
    assert!(events.len() < 1500, "{}", events.len());
}

#[tokio::test]
async fn models_are_asked_of_the_kept_process_and_settings_name_one() {
    let scripted =
        Scripted::engine(&polite(r#"on_call() { answer '{"models":["big","small"],"levels":["low"]}'; }"#));
    let settings = serde_json::json!({ "engine": { "acme": { "model": "small" } } });
    let settings = serde_json::from_value(settings).unwrap();
    let plugin = Plugin::bounded(
        Arc::new(scripted.package.clone()),
        settings,
        scripted.parts.clone(),
        scripted.bounds,
    );
    let mut spec = ScriptEngine::spec("acme");
    spec.features.options = true;
    let engine = PluginEngine::new(plugin, spec);
    let told = engine.choices(None).await;
    let (models, levels) = (vec!["big".into(), "small".into()], vec!["low".into()]);
    assert_eq!(told, Choices { models, levels, untold: None });
    assert_eq!(engine.configured().model.as_deref(), Some("small"));
    engine.close(BOUND).await;
}

#[tokio::test]
async fn what_an_engine_needs_is_checked_without_a_start() {
    let mut scripted = Scripted::engine("exit 1");
    let manifest = &mut scripted.package.manifest;
    manifest.engines.get_mut("acme").unwrap().needs = vec!["sh".to_owned(), "no-such-acme".to_owned()];
    manifest.process.needs_env = vec!["PATH".to_owned(), "NO_SUCH_ACME_KEY".to_owned()];
    let issues = engine(scripted.plugin()).check().await;
    let issues: Vec<String> = issues.iter().map(ToString::to_string).collect();
    insta::assert_debug_snapshot!(issues, @r#"
    [
        "no-such-acme not found on PATH; install it: npm i -g acme",
        "the variable NO_SUCH_ACME_KEY is not set; set NO_SUCH_ACME_KEY where takopi is started",
    ]
    "#);
}

#[tokio::test]
async fn whoever_does_not_say_what_it_offers_is_not_waited_for_and_that_is_told() {
    let mut scripted = Scripted::engine(&polite("on_call() { :; }"));
    scripted.bounds.choices = Duration::from_millis(50);
    let mut spec = ScriptEngine::spec("acme");
    spec.features.options = true;
    let plugin = scripted.plugin();
    let running = plugin.running().await.unwrap();
    let engine = PluginEngine::new(plugin.clone(), spec);
    let told = timeout(BOUND, engine.choices(None)).await.unwrap();
    assert_eq!(told.untold.as_deref(), Some("did not answer within 50 ms"));
    assert!(running.is_alive(), "it serves others all the same");
}

//! What is offered while people type, and how long anybody waits for it.

use std::time::Duration;

use super::*;
use crate::desk::Completion;
use crate::files::FilePath;
use crate::port::command::OptionKind;
use crate::port::engine::Choices;
use crate::port::ledger::{OpenRun, PreferenceKey};
use crate::port::transport::{AutoPut, FilePolicy};
use crate::port::workspace::FileRules;
use crate::session::Context;
use crate::testing::ledger::open_run;

async fn open() -> Stage {
    let workspace = FakeWorkspace::at("/default").with("p", "/p").with("q", "/q");
    let stage = Stage::placed(FakeTransport::new(), Arc::default(), workspace, SerializeBy::Session);
    stage.serve().await;
    stage.desk.recover().await.unwrap();
    stage
}

impl Stage {
    async fn complete(
        &self,
        kind: OptionKind,
        typed: &str,
        change: impl FnOnce(&mut Completion),
    ) -> Vec<String> {
        let at = self.service.address("a");
        let by = self.service.message("a", "1", "").sender;
        let mut half = Completion { at, by, kind, typed: typed.to_owned(), engine: None, project: None };
        change(&mut half);
        let offers = self.service.inbox().await.complete(&half).await;
        offers.into_iter().map(|offer| offer.value).collect()
    }
}

fn nothing(_: &mut Completion) {}

fn choices(models: &[&str], levels: &[&str]) -> Choices {
    let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    Choices { models: owned(models), levels: owned(levels), ..Choices::default() }
}

#[tokio::test(start_paused = true)]
async fn engines_projects_and_commands_are_offered_by_name() {
    let stage = open().await;
    assert_eq!(stage.complete(OptionKind::Engine, "", nothing).await, ["alpha", "beta"]);
    assert_eq!(stage.complete(OptionKind::Project, "q", nothing).await, ["Q"]);
    assert_eq!(stage.complete(OptionKind::Command, "/pr", nothing).await, ["probe"]);
    assert!(stage.complete(OptionKind::Text, "", nothing).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn branches_are_those_of_the_project_that_is_meant() {
    let stage = open().await;
    assert!(stage.complete(OptionKind::Branch, "", nothing).await.is_empty(), "no project is meant");
    let of = |alias: &'static str| move |half: &mut Completion| half.project = Some(alias.to_owned());
    assert_eq!(stage.complete(OptionKind::Branch, "@s", of("P")).await, ["side"]);
    assert!(stage.complete(OptionKind::Branch, "", of("gone")).await.is_empty());
    let chat = stage.service.address("a");
    stage.ledger.prefer(&chat, PreferenceKey::Context, None, Some("q")).await.unwrap();
    assert_eq!(stage.complete(OptionKind::Branch, "", nothing).await, ["main", "side"]);
}

#[tokio::test(start_paused = true)]
async fn branches_are_waited_for_two_seconds_and_kept_for_a_few() {
    let stage = open().await;
    let of_p = |half: &mut Completion| half.project = Some("p".to_owned());
    stage.workspace.slow_down(Some(Duration::from_secs(60)));
    let begun = tokio::time::Instant::now();
    assert!(stage.complete(OptionKind::Branch, "", of_p).await.is_empty());
    assert_eq!(begun.elapsed(), Duration::from_secs(2));
    stage.workspace.slow_down(None);
    tokio::time::sleep(Duration::from_secs(6)).await;
    tokio::join!(stage.complete(OptionKind::Branch, "", of_p), stage.complete(OptionKind::Branch, "m", of_p));
    // What failed before is nothing; what was learnt since is offered the next time, at once.
    assert_eq!(stage.complete(OptionKind::Branch, "", of_p).await, ["main", "side"]);
    assert_eq!(stage.workspace.looks(), 2, "asked once per five seconds, however many type");
    stage.workspace.slow_down(Some(Duration::from_secs(60)));
    tokio::time::sleep(Duration::from_secs(6)).await;
    let begun = tokio::time::Instant::now();
    assert_eq!(stage.complete(OptionKind::Branch, "", of_p).await, ["main", "side"], "as it was before");
    assert!(begun.elapsed() < Duration::from_millis(10));
}

#[tokio::test(start_paused = true)]
async fn models_and_levels_are_asked_in_the_background_and_offered_the_next_time() {
    let stage = open().await;
    stage.engine.offer(choices(&["m-1", "m-2"], &["low", "high"]), Duration::from_secs(20));
    let begun = tokio::time::Instant::now();
    assert!(stage.complete(OptionKind::Model, "", nothing).await.is_empty());
    assert_eq!(begun.elapsed(), Duration::ZERO, "nobody waits for an engine");
    tokio::time::sleep(Duration::from_secs(21)).await;
    assert_eq!(stage.complete(OptionKind::Model, "m", nothing).await, ["m-1", "m-2"]);
    assert_eq!(stage.complete(OptionKind::Level, "h", nothing).await, ["high"]);
    assert_eq!(stage.engine.asked(), 1);
    let gone = |half: &mut Completion| half.engine = EngineId::parse("gone").ok();
    assert!(stage.complete(OptionKind::Model, "", gone).await.is_empty());
    stage.desk.adopt(generation(&stage.engine)).await;
    assert!(stage.complete(OptionKind::Model, "", nothing).await.is_empty(), "other settings are in force");
}

#[tokio::test(start_paused = true)]
async fn files_of_the_project_here_are_offered_to_those_who_may_have_them() {
    let rules = FileRules::usual().unwrap();
    let uploads = FilePath::parse("incoming/").unwrap();
    let people = vec![FakeTransport::new().message("a", "1", "").sender.id];
    let policy = FilePolicy { auto_put: AutoPut::Off, uploads, people, rules: rules.clone() };
    let workspace = FakeWorkspace::at("/default").with("p", "/p");
    let spool = tempfile::tempdir().unwrap();
    for path in ["README.md", "docs/guide.md", "docs/plan.md"] {
        let from = spool.path().join("in");
        std::fs::write(&from, path).unwrap();
        let context = Context { project: Some("p".to_owned()), branch: None };
        let (to, name, rules) = (FilePath::parse(path).unwrap(), String::new(), rules.clone());
        let put = Put { context, place: Place::Open, from, to, name, force: false, rules };
        workspace.put(&put, &CancellationToken::new()).await.unwrap();
    }
    let service = FakeTransport::new().with_files(policy);
    let stage = Stage::placed(service, Arc::default(), workspace, SerializeBy::Session);
    stage.serve().await;
    stage.desk.recover().await.unwrap();
    assert!(stage.complete(OptionKind::Path, "", nothing).await.is_empty(), "no project is meant");
    let chat = stage.service.address("a");
    stage.ledger.prefer(&chat, PreferenceKey::Context, None, Some("p")).await.unwrap();
    assert_eq!(stage.complete(OptionKind::Path, "", nothing).await, ["README.md", "docs/"]);
    assert_eq!(stage.complete(OptionKind::Path, "docs/pl", nothing).await, ["docs/plan.md"]);
    for outside in ["../", "/", "~/", ".git/", "docs/../../"] {
        assert!(stage.complete(OptionKind::Path, outside, nothing).await.is_empty(), "{outside}");
    }
    let another = |half: &mut Completion| half.by.id = "another".to_owned();
    assert!(stage.complete(OptionKind::Path, "", another).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn sessions_of_the_chat_are_offered_with_what_they_are_about_and_how_old_they_are() {
    let stage = open().await;
    let run = |number: u32, chat: &str, engine: &str, prompt: &str| OpenRun {
        session: SessionToken::parse(&format!("s{number}")),
        prompt: prompt.to_owned(),
        engine: EngineId::parse(engine).unwrap(),
        address: stage.service.address(chat),
        ..open_run(number, chat, &[])
    };
    for run in
        [run(1, "a", "alpha", "fix the login"), run(2, "a", "beta", "count"), run(3, "b", "alpha", "no")]
    {
        stage.ledger.open(&run).await.unwrap();
    }
    assert_eq!(stage.complete(OptionKind::Session, "", nothing).await, ["beta s2", "alpha s1"]);
    assert_eq!(stage.complete(OptionKind::Session, "login", nothing).await, ["alpha s1"]);
    let of_beta = |half: &mut Completion| half.engine = EngineId::parse("beta").ok();
    assert_eq!(stage.complete(OptionKind::Session, "", of_beta).await, ["beta s2"]);
}

//! The sign that work goes on: as long as it does, and no longer.

use std::time::Duration;

use super::*;
use crate::testing::transport::Habits;

async fn typing(serialize: SerializeBy) -> Stage {
    let habits = Habits { typing: Some(Duration::from_secs(8)), ..Habits::default() };
    let service = FakeTransport::new().with_spec(|spec| spec.features.conversations = true).used_so(habits);
    let workspace = FakeWorkspace::at("/default").with("p", "/p");
    let stage = Stage::placed(service, Arc::default(), workspace, serialize);
    stage.serve().await;
    stage.desk.recover().await.unwrap();
    stage
}

impl Stage {
    fn signs(&self, chat: &str) -> usize {
        let sign = format!("typing {chat}");
        self.service.calls().iter().filter(|call| **call == sign).count()
    }

    /// Waits until everything is quiet, and long enough for one sign more.
    async fn goes_quiet(&self) -> usize {
        while !self.desk.runs().is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let signs = self.signs("a");
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(self.signs("a"), signs, "nothing works any more");
        signs
    }
}

#[tokio::test(start_paused = true)]
async fn it_is_shown_at_once_and_again_until_the_final_though_every_call_fails() {
    let stage = typing(SerializeBy::Session).await;
    stage.say("a", "1", "gate:x one").await;
    stage.service.wait_for_call("typing a").await;
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!(stage.signs("a"), 3);
    stage.engine.open_gate("x");
    stage.texts("a", &["ok"]).await;
    assert_eq!(stage.goes_quiet().await, 3);
}

#[tokio::test(start_paused = true)]
async fn it_ends_with_the_answer_though_the_engine_still_winds_up() {
    let stage = typing(SerializeBy::Session).await;
    stage.say("a", "1", "answer:42 gate:x").await;
    stage.texts("a", &["42"]).await;
    let signs = stage.signs("a");
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(stage.signs("a"), signs);
    stage.engine.open_gate("x");
    stage.goes_quiet().await;
}

#[tokio::test(start_paused = true)]
async fn it_ends_however_a_run_ends() {
    let stage = typing(SerializeBy::Session).await;
    for (upstream, text) in [("1", "fail:so"), ("2", "broken"), ("3", "panic"), ("4", "one")] {
        stage.say("a", upstream, text).await;
        assert!(stage.goes_quiet().await > 0);
    }
    stage.say("a", "5", "hang").await;
    stage.engine.wait_running(&["hang"]).await;
    stage.say("a", "6", "/cancel").await;
    stage.goes_quiet().await;
}

#[tokio::test(start_paused = true)]
async fn it_is_not_shown_for_what_waits() {
    let stage = typing(SerializeBy::Worktree).await;
    stage.say("b", "1", "/p gate:x one").await;
    stage.engine.wait_running(&["gate:x one"]).await;
    stage.say("a", "2", "/p two").await;
    let waits =
        |seen: &[Seen]| seen.iter().any(|one| crate::render::flatten(&one.body).contains("waits for"));
    stage.service.wait_for("a", waits).await;
    let signs = stage.signs("a");
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(stage.signs("a"), signs, "it waits for its directory");
    stage.say("b", "3", "/p three").await;
    stage.engine.open_gate("x");
    stage.texts("a", &["ok"]).await;
    assert!(stage.goes_quiet().await > signs);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_the_chat_does_not_see_is_not_shown_either() {
    let stage = typing(SerializeBy::Session).await;
    stage.say("a", "1", "/probe capture s1 one").await;
    stage.texts("a", &["captured ok"]).await;
    assert_eq!(stage.goes_quiet().await, 0);
}

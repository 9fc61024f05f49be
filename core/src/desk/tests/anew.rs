//! A session that is not there any more: its message runs once more as a new one, and says so.

use super::recovering::{crash, recovered};
use super::*;
use crate::message::Press;
use crate::port::ledger::{FactsQuery, Unfinished};

const TOLD: &str = "⚠ session not found; began a new one";
const TOLD_WHO_NAMED_IT: &str = "⚠ the session you named was not found; began a new one";

/// Returns the sessions that jobs were to continue, in their order.
fn continued(stage: &Stage) -> Vec<Option<String>> {
    let jobs = stage.engine.jobs().into_iter();
    jobs.map(|job| job.session.map(|session| session.to_string())).collect()
}

fn session(token: &str) -> Option<String> {
    Some(token.to_owned())
}

#[tokio::test(start_paused = true)]
async fn a_message_whose_session_is_gone_runs_as_a_new_one_in_which_the_conversation_goes_on() {
    let stage = Stage::open().await;
    stage.say("a", "1", "session:s1").await;
    stage.texts("a", &["ok"]).await;
    stage.say("a", "2", "gone session:s2 answer:hello").await;
    let told = format!("{TOLD}\n\nhello");
    let seen = stage.texts("a", &["ok", &told]).await;
    assert!(seen[1].notified && seen[1].body.footer.iter().any(|line| line.contains("alpha resume s2")));
    stage.say("a", "3", "three").await;
    stage.texts("a", &["ok", &told, "ok"]).await;
    assert_eq!(continued(&stage), [None, session("s1"), None, session("s2")]);
    let jobs = stage.engine.jobs();
    assert_eq!(jobs[1].prompt, jobs[2].prompt);
    assert_eq!((&jobs[1].dir, &jobs[1].context, jobs[1].run), (&jobs[2].dir, &jobs[2].context, jobs[2].run));
    assert_eq!(stage.ledger.unfinished().await.unwrap(), Unfinished::default());
    let scope = stage.service.address("a").into();
    let facts = stage.ledger.facts(&FactsQuery { scope, about: None, session: None }).await.unwrap();
    let running: Vec<_> = facts.conversations.iter().map(|row| row.session.token.as_str()).collect();
    assert_eq!(running, ["s2"], "the lost one is continued no more");
}

#[tokio::test(start_paused = true)]
async fn while_it_works_the_progress_says_so_and_names_no_session_that_is_not_there() {
    let stage = Stage::open().await;
    stage.say("a", "1", "session:s1").await;
    stage.texts("a", &["ok"]).await;
    stage.say("a", "2", "gone gate:x").await;
    let is_told = |seen: &[Seen]| seen.last().is_some_and(|seen| seen.body.text == TOLD);
    let seen = stage.service.wait_for("a", is_told).await;
    assert!(seen[1].body.footer.is_empty(), "{seen:?}");
    stage.engine.open_gate("x");
    stage.texts("a", &["ok", &format!("{TOLD}\n\nok")]).await;
}

#[tokio::test(start_paused = true)]
async fn who_names_a_session_that_is_gone_is_told_that_it_was_that_one() {
    let service = FakeTransport::new();
    let stage = Stage::open_with(service.clone(), Arc::default()).await;
    let told = format!("{TOLD_WHO_NAMED_IT}\n\nok");
    stage.say("a", "1", "gone session:s1\nalpha resume s0").await;
    let seen = stage.texts("a", &[&told]).await;
    stage.hand_in(service.reply("a", "2", "gone session:s2", &seen[0].id.to_string())).await;
    stage.texts("a", &[&told, &told]).await;
    assert_eq!(continued(&stage), [session("s0"), None, session("s1"), None]);
}

#[tokio::test(start_paused = true)]
async fn it_begins_anew_once_and_then_tells_the_error() {
    let stage = Stage::open().await;
    stage.say("a", "1", "session:s1").await;
    stage.texts("a", &["ok"]).await;
    stage.say("a", "2", "lost").await;
    let seen = stage.texts("a", &["ok", &format!("{TOLD}\n\nno such session")]).await;
    assert!(seen[1].body.header.as_deref().unwrap().starts_with("error"), "{seen:?}");
    assert_eq!(continued(&stage), [None, session("s1"), None]);
    stage.say("b", "3", "lost").await;
    stage.texts("b", &["no such session"]).await;
    assert_eq!(stage.engine.jobs().len(), 4, "a new session is not begun anew");
}

#[tokio::test(start_paused = true)]
async fn what_has_begun_is_not_done_again() {
    for begun in ["action:build", "text:so", "answer:so"] {
        let stage = Stage::open().await;
        stage.say("a", "1", "session:s1").await;
        stage.texts("a", &["ok"]).await;
        stage.say("a", "2", &format!("{begun} lost")).await;
        let shows = |seen: &[Seen]| seen.iter().any(|seen| seen.body.text.contains("no such session"));
        let seen = stage.service.wait_for("a", shows).await;
        assert!(!format!("{seen:?}").contains("began a new one"), "{seen:?}");
        assert_eq!(continued(&stage), [None, session("s1")], "{begun}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancel_ends_it_before_and_after_it_began_anew() {
    for (prompt, jobs) in [("gate:x lost", 2), ("gone hang", 3)] {
        let stage = Stage::open().await;
        stage.say("a", "1", "session:s1").await;
        stage.texts("a", &["ok"]).await;
        stage.say("a", "2", prompt).await;
        stage.service.wait_for("a", |seen| seen.len() == 2).await;
        while stage.engine.jobs().len() < jobs {
            tokio::task::yield_now().await;
        }
        stage.say("a", "3", "/cancel").await;
        let is_cancelled =
            |seen: &Seen| seen.body.header.as_deref().is_some_and(|it| it.contains("cancelled"));
        let seen = stage.service.wait_for("a", |seen| seen.iter().any(is_cancelled)).await;
        let names = seen[1].body.footer.iter().any(|line| line.contains("alpha resume s1"));
        assert_eq!(names, jobs == 2, "a session that is not there is not offered: {seen:?}");
        stage.engine.wait_running(&[]).await;
        assert_eq!(stage.engine.jobs().len(), jobs, "{prompt}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_comes_with_the_end_is_heeded() {
    let stage = Stage::open().await;
    stage.say("a", "1", "session:s1").await;
    stage.texts("a", &["ok"]).await;
    stage.say("a", "2", "deaf lost").await;
    stage.engine.wait_running(&["deaf lost"]).await;
    stage.say("a", "3", "/cancel").await;
    stage.service.wait_for("a", |seen| texts(seen).contains(&"stopped 1")).await;
    stage.engine.open_gate("deaf");
    let is_cancelled = |seen: &Seen| seen.body.header.as_deref().is_some_and(|it| it.contains("cancelled"));
    stage.service.wait_for("a", |seen| seen.iter().any(is_cancelled)).await;
    assert_eq!(continued(&stage), [None, session("s1")]);
}

#[tokio::test(start_paused = true)]
async fn what_waits_behind_it_goes_on_in_the_new_session() {
    let stage = Stage::open().await;
    stage.say("a", "1", "session:s1").await;
    stage.texts("a", &["ok"]).await;
    stage.say("a", "2", "gone session:s2 gate:x").await;
    stage.say("a", "3", "three").await;
    stage.service.wait_for("a", |seen| seen.len() == 3).await;
    stage.engine.open_gate("x");
    stage.texts("a", &["ok", &format!("{TOLD}\n\nok"), "ok"]).await;
    assert_eq!(continued(&stage), [None, session("s1"), None, session("s2")]);
}

#[test]
fn one_that_began_anew_when_takopi_died_is_told_and_begins_anew_when_it_is_gone_on_with() {
    let ledger = Arc::new(MemoryLedger::new());
    let service = FakeTransport::new().with_spec(|spec| spec.features.conversations = true);
    crash(
        async |stage| {
            stage.say("a", "1", "session:s1").await;
            stage.texts("a", &["ok"]).await;
            stage.say("a", "2", "gone hang").await;
            stage.service.wait_for("a", |seen| seen.last().is_some_and(|seen| seen.body.text == TOLD)).await;
            assert_eq!(stage.engine.jobs().len(), 3);
        },
        &ledger,
        &service,
    );
    recovered(
        async |stage| {
            let goes_on =
                |seen: &Seen| seen.body.buttons.iter().flatten().any(|button| button.label == "resume");
            let seen = stage.service.wait_for("a", |seen| seen.iter().any(goes_on)).await;
            let told = &seen[1];
            assert!(told.body.header.as_deref().unwrap().contains("interrupted"), "{seen:?}");
            assert!(stage.engine.jobs().is_empty(), "nothing runs twice by itself");
            let message =
                crate::message::MessageRef { address: stage.service.address("a"), id: told.id.to_string() };
            let sender = stage.service.message("a", "", "").sender;
            let action = told.body.buttons[0][0].action.clone();
            let press = Press { upstream: "p".to_owned(), message, sender, action };
            stage.service.hand_in(Inbound::Press(press)).await.unwrap();
            stage.service.wait_for("a", |seen| texts(seen).contains(&"ok")).await;
            assert_eq!(continued(&stage), [session("s1")]);
        },
        &ledger,
        &service,
    );
}

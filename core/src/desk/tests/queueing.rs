//! What runs when, and what a message continues.

use super::*;
use crate::gather::Windows;
use crate::message::{MessageRef, Reply};
use crate::session::{Session, ThreadKey};

#[tokio::test(start_paused = true)]
async fn messages_of_one_conversation_run_in_order_and_other_chats_at_once() {
    let stage = Stage::open().await;
    stage.say("a", "1", "one gate:x").await;
    stage.say("a", "2", "two gate:x").await;
    stage.say("b", "3", "three gate:x").await;
    stage.engine.wait_running(&["one gate:x", "three gate:x"]).await;
    assert_eq!(stage.desk.runs().iter().map(|run| run.ahead).collect::<Vec<_>>(), [None, Some(1), None]);
    stage.engine.open_gate("x");
    stage.texts("a", &["ok", "ok"]).await;
    stage.texts("b", &["ok"]).await;
    let prompts: Vec<String> = stage.engine.jobs().into_iter().map(|job| job.prompt).collect();
    assert_eq!(prompts, ["one gate:x", "three gate:x", "two gate:x"]);
}

#[tokio::test(start_paused = true)]
async fn the_same_message_twice_runs_once() {
    let stage = Stage::open().await;
    for _ in 0..3 {
        stage.say("a", "1", "one").await;
    }
    stage.say("a", "2", "two").await;
    stage.texts("a", &["ok", "ok"]).await;
    assert_eq!(stage.engine.jobs().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn quick_messages_before_the_session_is_known_continue_one_session() {
    let stage = Stage::open().await;
    stage.say("a", "1", "session:s1 one gate:x").await;
    stage.say("a", "2", "two").await;
    stage.engine.open_gate("x");
    stage.texts("a", &["ok", "ok"]).await;
    let sessions: Vec<_> =
        stage.engine.jobs().into_iter().map(|job| job.session.map(|s| s.to_string())).collect();
    assert_eq!(sessions, [None, Some("s1".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn a_reply_continues_its_run_in_whichever_engine_that_was() {
    let service = FakeTransport::new();
    let stage = Stage::open_with(service.clone(), Arc::default()).await;
    stage.say("a", "u1", "/beta session:s1 one").await;
    let seen = stage.texts("a", &["ok"]).await;
    stage.hand_in(service.reply("a", "u2", "/alpha two", &seen[0].id.to_string())).await;
    stage.texts("a", &["ok", "ok"]).await;
    let jobs = stage.engine.jobs();
    assert_eq!(jobs[1].session.as_ref().map(|s| s.as_str()), Some("s1"));
    assert_eq!(jobs[1].prompt, "two");
    stage.say("a", "u3", "three\nbeta resume s1").await;
    stage.texts("a", &["ok", "ok", "ok"]).await;
    let last = &stage.engine.jobs()[2];
    assert_eq!((last.prompt.as_str(), last.session.as_ref().map(|s| s.as_str())), ("three", Some("s1")));
}

#[tokio::test(start_paused = true)]
async fn a_reply_to_a_running_message_waits_for_it_and_takes_its_session() {
    let service = FakeTransport::new();
    let stage = Stage::open_with(service.clone(), Arc::default()).await;
    stage.say("a", "u1", "one gate:x session:late").await;
    stage.engine.wait_running(&["one gate:x session:late"]).await;
    let progress = service.wait_for("a", |seen| seen.len() == 1).await;
    stage.hand_in(service.reply("a", "u2", "two", &progress[0].id.to_string())).await;
    service.wait_for("a", |seen| seen.len() == 2).await;
    stage.engine.open_gate("x");
    stage.texts("a", &["ok", "ok"]).await;
    assert_eq!(stage.engine.jobs()[1].session.as_ref().map(|s| s.as_str()), Some("late"));
}

#[tokio::test(start_paused = true)]
async fn a_reply_to_a_run_whose_session_never_comes_is_told_so_without_a_sound() {
    let service = FakeTransport::new();
    let stage = Stage::open_with(service.clone(), Arc::default()).await;
    stage.say("a", "u1", "one gate:x").await;
    stage.engine.wait_running(&["one gate:x"]).await;
    let seen = service.wait_for("a", |seen| seen.len() == 1).await;
    stage.hand_in(service.reply("a", "u2", "two", &seen[0].id.to_string())).await;
    service.wait_for("a", |seen| seen.len() == 2).await;
    stage.engine.open_gate("x");
    let ready = "resume token not ready yet; try replying to the final message.";
    let begins = |seen: &Seen| seen.body.text.starts_with(ready) && seen.body.header.is_none();
    let seen = service.wait_for("a", |seen| seen.iter().any(begins)).await;
    assert_eq!(seen.iter().find(|seen| begins(seen)).map(|seen| seen.notified), Some(false));
    assert_eq!(stage.engine.jobs().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_waits_shows_the_session_it_continues_and_how_many_are_left_before_it() {
    let stage = Stage::open().await;
    stage.say("a", "u1", "session:s1 one").await;
    stage.texts("a", &["ok"]).await;
    stage.say("a", "u2", "two gate:x").await;
    stage.engine.wait_running(&["two gate:x"]).await;
    stage.say("a", "u3", "three").await;
    stage.say("a", "u4", "four").await;
    let shows = |seen: &[Seen], ahead: &str| {
        let last = seen.get(3).map(|seen| seen.body.clone()).unwrap_or_default();
        last.header.is_some_and(|header| header.starts_with(ahead))
            && last.footer.iter().any(|line| line.contains("alpha resume s1"))
    };
    stage.service.wait_for("a", |seen| seen.len() == 4 && shows(seen, "queued (2 ahead)")).await;
    stage.hand_in(stage.service.reply("a", "u5", "/cancel", "u3")).await;
    stage.service.wait_for("a", |seen| shows(seen, "queued (1 ahead)")).await;
    stage.engine.open_gate("x");
}

#[tokio::test(start_paused = true)]
async fn two_directives_of_a_kind_are_refused_by_a_reply() {
    let stage = Stage::open().await;
    stage.say("a", "1", "/alpha /beta x").await;
    let seen = stage.texts("a", &["error: multiple engine directives"]).await;
    assert_eq!(seen[0].reply_to.as_deref(), Some("1"));
    assert!(stage.engine.jobs().is_empty());
    assert!(stage.ledger.unfinished().await.unwrap().inbox.is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_edited_prompt_that_still_waits_runs_as_edited() {
    let stage = Stage::open().await;
    stage.say("a", "1", "one gate:x").await;
    stage.say("a", "2", "two").await;
    let edit = Message { upstream: "2 edited".to_owned(), ..stage.service.message("a", "2", "two, better") };
    stage.service.hand_in(Inbound::Edited(edit)).await.unwrap();
    let gone = stage.service.message("a", "3", "three");
    stage.hand_in(gone.clone()).await;
    let message = MessageRef { id: "3".to_owned(), ..gone.message };
    stage.service.hand_in(Inbound::Deleted { upstream: "3 gone".to_owned(), message }).await.unwrap();
    stage.engine.wait_running(&["one gate:x"]).await;
    stage.engine.open_gate("x");
    stage.service.wait_for("a", |seen| texts(seen).iter().filter(|text| **text == "ok").count() == 2).await;
    let prompts: Vec<String> = stage.engine.jobs().into_iter().map(|job| job.prompt).collect();
    assert_eq!(prompts, ["one gate:x", "two, better"]);
}

#[tokio::test(start_paused = true)]
async fn a_new_generation_serves_new_runs_and_leaves_running_ones_alone() {
    let stage = Stage::open().await;
    stage.say("a", "1", "one gate:x").await;
    stage.engine.wait_running(&["one gate:x"]).await;
    let newer = ScriptEngine::default();
    stage.desk.adopt(generation(&newer)).await;
    stage.say("b", "2", "two").await;
    stage.texts("b", &["ok"]).await;
    stage.engine.open_gate("x");
    stage.texts("a", &["ok"]).await;
    assert_eq!((stage.engine.jobs().len(), newer.jobs().len()), (1, 1));
}

fn prompts(stage: &Stage) -> Vec<String> {
    stage.engine.jobs().into_iter().map(|job| job.prompt).collect()
}

fn forwarded(stage: &Stage, upstream: &str, text: &str) -> Message {
    Message { forwarded: true, ..stage.service.message("a", upstream, text) }
}

async fn joining_with(service: FakeTransport) -> Stage {
    let windows = Windows { forward: Duration::from_millis(300), album: Duration::from_secs(1) };
    Stage::open_with(service.with_windows(windows), Arc::default()).await
}

async fn joining() -> Stage {
    joining_with(FakeTransport::new().with_spec(|spec| spec.features.conversations = true)).await
}

#[tokio::test(start_paused = true)]
async fn forwards_just_after_a_plain_message_are_part_of_its_prompt() {
    let stage = joining().await;
    stage.say("a", "1", "sum up").await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    stage.hand_in(forwarded(&stage, "2", "first")).await;
    stage.texts("a", &["ok"]).await;
    assert_eq!(prompts(&stage), ["sum up\n\nfirst"]);
}

#[tokio::test(start_paused = true)]
async fn neither_a_command_nor_what_is_said_to_a_run_waits_for_forwards() {
    let stage = joining().await;
    let begun = tokio::time::Instant::now();
    stage.say("a", "1", "/probe").await;
    stage.service.wait_for("a", |seen| !seen.is_empty()).await;
    assert_eq!(begun.elapsed(), Duration::ZERO);
    stage.say("b", "2", "session:s1 gate:x").await;
    stage.engine.wait_running(&["session:s1 gate:x"]).await;
    assert_eq!(begun.elapsed(), Duration::from_millis(300));
    let reply = Reply { message: stage.service.message("b", "2", "").message, text: None, of_bot: false };
    let meant = stage.service.message("b", "3", "and two");
    stage.hand_in(Message { reply_to: Some(reply), ..meant }).await;
    stage.engine.open_gate("x");
    stage.texts("b", &["ok", "ok"]).await;
    assert!(begun.elapsed() < Duration::from_millis(600), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn forwards_after_a_plain_message_that_waits_are_part_of_its_prompt() {
    let stage = joining().await;
    stage.say("a", "1", "one gate:x").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    stage.say("a", "2", "sum up").await;
    // Past its window: it waits in the queue by now.
    tokio::time::sleep(Duration::from_millis(500)).await;
    stage.hand_in(forwarded(&stage, "3", "first")).await;
    stage.hand_in(forwarded(&stage, "4", "second")).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    stage.engine.open_gate("x");
    stage.texts("a", &["ok", "ok"]).await;
    assert_eq!(prompts(&stage), ["one gate:x", "sum up\n\nfirst\n\nsecond"]);
    assert!(stage.ledger.unfinished().await.unwrap().inbox.is_empty());
}

#[tokio::test(start_paused = true)]
async fn forwards_after_a_plain_message_that_runs_continue_its_session() {
    let stage = joining_with(FakeTransport::new()).await;
    stage.say("a", "1", "session:s1 gate:x").await;
    stage.engine.wait_running(&["session:s1 gate:x"]).await;
    stage.hand_in(forwarded(&stage, "2", "first")).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    stage.engine.open_gate("x");
    stage.texts("a", &["ok", "ok"]).await;
    let jobs = stage.engine.jobs();
    assert_eq!((jobs.len(), jobs[1].prompt.as_str()), (2, "first"));
    assert_eq!(jobs[1].session.as_ref().map(SessionToken::as_str), Some("s1"));
}

#[tokio::test(start_paused = true)]
async fn each_transport_says_how_long_its_messages_wait_for_each_other() {
    let texts = ["1", "2", "3"];
    for (forward, wanted) in [(0, &texts[..]), (300, &texts), (700, &["1\n\n2", "3"])] {
        let windows = Windows { forward: Duration::from_millis(forward), ..Windows::NONE };
        let stage = Stage::open_with(FakeTransport::new().with_windows(windows), Arc::default()).await;
        for (number, pause) in [("1", 500), ("2", 1000), ("3", 1000)] {
            stage.hand_in(forwarded(&stage, number, number)).await;
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
        stage.texts("a", &vec!["ok"; wanted.len()]).await;
        assert_eq!(prompts(&stage), wanted, "{forward} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn an_edit_of_a_joined_message_does_not_lose_what_it_was_joined_with() {
    let stage = joining().await;
    stage.say("a", "1", "one gate:x").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    stage.hand_in(forwarded(&stage, "2", "first")).await;
    stage.say("a", "3", "sum up").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let edit = Message { upstream: "3 edited".to_owned(), ..stage.service.message("a", "3", "sum it up") };
    stage.service.hand_in(Inbound::Edited(edit)).await.unwrap();
    stage.engine.open_gate("x");
    stage.texts("a", &["ok", "ok"]).await;
    assert!(prompts(&stage)[1].contains("first"), "{:?}", prompts(&stage));
}

#[tokio::test(start_paused = true)]
async fn a_message_edited_while_it_is_gathered_runs_as_edited() {
    let stage = joining().await;
    let before = forwarded(&stage, "1", "one");
    stage.hand_in(before.clone()).await;
    let edit = Message { upstream: "1 edited".to_owned(), text: "one anew".to_owned(), ..before };
    stage.service.hand_in(Inbound::Edited(edit)).await.unwrap();
    stage.say("a", "2", "sum up").await;
    stage.texts("a", &["ok"]).await;
    assert_eq!(prompts(&stage), ["sum up\n\none anew"]);
}

#[tokio::test(start_paused = true)]
async fn a_message_deleted_while_it_is_gathered_does_not_run() {
    let stage = joining().await;
    let gone = forwarded(&stage, "1", "one");
    stage.hand_in(gone.clone()).await;
    let deleted = Inbound::Deleted { upstream: "1 gone".to_owned(), message: gone.message };
    stage.service.hand_in(deleted).await.unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(prompts(&stage).is_empty());
    assert!(stage.ledger.unfinished().await.unwrap().inbox.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_waits_when_a_new_conversation_begins_still_belongs_to_the_old_one() {
    let stage = joining().await;
    stage.say("a", "1", "session:s1 gate:x").await;
    stage.say("a", "2", "two").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    stage.say("a", "3", "/probe new").await;
    stage.service.wait_for("a", |seen| texts(seen).contains(&"stopped 0")).await;
    stage.say("a", "4", "four").await;
    stage.engine.open_gate("x");
    stage.service.wait_for("a", |seen| texts(seen).iter().filter(|text| **text == "ok").count() == 3).await;
    let session = |prompt: &str| {
        let job = stage.engine.jobs().into_iter().find(|job| job.prompt == prompt).unwrap();
        job.session.map(|session| session.to_string())
    };
    assert_eq!((session("two"), session("four")), (Some("s1".to_owned()), None));
}

#[tokio::test(start_paused = true)]
async fn what_is_foreseen_of_a_message_happens_only_when_it_comes() {
    let stage = joining().await;
    stage.say("a", "1", "/beta session:s1 one").await;
    stage.texts("a", &["ok"]).await;
    let next = Inbound::Message(stage.service.message("a", "2", "/beta two"));
    let Some(Decision::Run(plan)) = stage.desk.foresee(&next).await.unwrap() else { panic!("it would run") };
    let session = Session { engine: plan.engine.clone(), token: SessionToken::parse("s1").unwrap() };
    assert_eq!((plan.engine.as_str(), plan.thread), ("beta", Some(ThreadKey::Token(session))));
    assert_eq!((stage.engine.jobs().len(), stage.desk.runs().len()), (1, 0));

    stage.desk.retire(&stage.service.instance()).await;
    assert_eq!(stage.desk.foresee(&next).await.unwrap(), None, "nobody is served");
}

#[tokio::test(start_paused = true)]
async fn a_plain_message_goes_on_where_a_reply_or_a_resume_line_led_in_its_engine_alone() {
    let stage = Stage::open().await;
    let service = &stage.service;
    let session = |prompt: &str| {
        let job = stage.engine.jobs().into_iter().find(|job| job.prompt == prompt).unwrap();
        job.session.map(|session| session.to_string())
    };
    stage.say("a", "1", "session:s1 one").await;
    let first = stage.texts("a", &["ok"]).await[0].id.to_string();
    stage.say("a", "2", "/probe new").await;
    stage.texts("a", &["ok", "stopped 0"]).await;
    stage.say("a", "3", "session:s2 two").await;
    stage.texts("a", &["ok", "stopped 0", "ok"]).await;
    stage.hand_in(service.reply("a", "4", "session:s1 three", &first)).await;
    stage.texts("a", &["ok", "stopped 0", "ok", "ok"]).await;
    stage.say("a", "5", "four").await;
    stage.texts("a", &["ok", "stopped 0", "ok", "ok", "ok"]).await;
    assert_eq!(session("four").as_deref(), Some("s1"), "after a reply");
    stage.say("a", "6", "session:s9 five\nbeta resume s9").await;
    stage.texts("a", &["ok", "stopped 0", "ok", "ok", "ok", "ok"]).await;
    stage.say("a", "7", "/beta six").await;
    stage.say("a", "8", "seven").await;
    stage.texts("a", &["ok", "stopped 0", "ok", "ok", "ok", "ok", "ok", "ok"]).await;
    assert_eq!(session("six").as_deref(), Some("s9"), "after a resume line");
    assert_eq!(session("seven").as_deref(), Some("s1"), "each engine has its own");
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_its_turn_while_a_reply_leads_elsewhere_waits_there_too() {
    let stage = Stage::open().await;
    stage.say("a", "1", "session:old one").await;
    let first = stage.texts("a", &["ok"]).await[0].id.to_string();
    stage.say("a", "2", "/probe new").await;
    stage.texts("a", &["ok", "stopped 0"]).await;
    stage.say("a", "3", "session:now gate:a two").await;
    stage.engine.wait_running(&["session:now gate:a two"]).await;
    stage.say("a", "4", "three").await;
    stage.hand_in(stage.service.reply("a", "5", "session:old gate:b four", &first)).await;
    stage.engine.wait_running(&["session:now gate:a two", "session:old gate:b four"]).await;
    stage.engine.open_gate("a");
    stage.service.wait_for("a", |seen| texts(seen).iter().filter(|text| **text == "ok").count() == 2).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(stage.engine.jobs().len(), 3, "its session is at work elsewhere");
    stage.engine.open_gate("b");
    stage.service.wait_for("a", |seen| texts(seen).iter().filter(|text| **text == "ok").count() == 4).await;
    let last = stage.engine.jobs().into_iter().next_back().unwrap();
    assert_eq!((last.prompt.as_str(), last.session.unwrap().as_str()), ("three", "old"));
}

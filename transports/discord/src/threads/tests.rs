//! Threads against a server that answers as each test says.

use std::time::Duration;

use super::*;
use crate::script::{Server, Step};
use takopi_core::id::InstanceId;
use takopi_core::port::transport::RetryScope;
use takopi_core::settings::Secret;

fn api(server: &Server) -> Api {
    Api::new(&server.url, Secret::new("t")).unwrap()
}

fn channel() -> Address {
    Address { instance: InstanceId::parse("discord").unwrap(), chat: "1".to_owned(), thread: None }
}

fn thread(id: &str) -> Address {
    Address { thread: Some(id.to_owned()), ..channel() }
}

fn opened() -> Step {
    Step::says(201, json!({"id": "5", "type": 11}))
}

const OPENING: &str = "POST /channels/1/messages/5/threads";

#[tokio::test]
async fn a_thread_is_opened_once_and_named_by_its_starter() {
    let server = Server::start([opened()]).await;
    let (api, starters) = (api(&server), Starters::default());
    starters.expect("5", "<@9> **fix** the\nlogin", "7");
    starters.ready(&api, &thread("5")).await.unwrap();
    starters.ready(&api, &thread("5")).await.unwrap();
    starters.ready(&api, &channel()).await.unwrap();
    assert_eq!(server.lines(), [OPENING]);
    let body = json!({"name": "fix the login", "auto_archive_duration": 1440});
    assert_eq!(server.heard()[0].json(), body);
    let starter = MessageRef { address: thread("5"), id: "5".to_owned() };
    assert_eq!(starters.author(&api, &starter).await.as_deref(), Some("7"));
}

#[tokio::test]
async fn a_forgotten_starter_is_asked_for_and_a_thread_that_is_there_is_taken() {
    let asked = Step::says(200, json!({"id": "5", "content": "tidy up", "author": {"id": "7"}}));
    let there = Step::refuses(400, 160_004, "A thread has already been created for this message");
    let server = Server::start([asked, there]).await;
    let (api, starters) = (api(&server), Starters::default());
    starters.ready(&api, &thread("5")).await.unwrap();
    assert!(server.lines().is_empty(), "it may be there");
    starters.make(&api, &thread("5")).await.unwrap();
    assert_eq!(server.lines(), ["GET /channels/1/messages/5", OPENING]);
    assert_eq!(server.heard()[1].json()["name"], "tidy up");
    assert_eq!(
        starters.make(&api, &thread("5")).await,
        Err(SendError::Gone),
        "it was there: somebody deleted it"
    );
}

#[tokio::test]
async fn a_limit_on_threads_posts_nothing_and_is_told_as_it_is() {
    let limit = || Step::says(429, json!({"retry_after": 130.0, "global": false}));
    let server = Server::start([limit()]).await;
    let (api, starters) = (api(&server), Starters::default());
    starters.expect("5", "x y", "7");
    let after = Duration::from_secs(130);
    let expected = Err(SendError::RetryAfter { after, scope: RetryScope::Chat });
    assert_eq!(starters.ready(&api, &thread("5")).await, expected);
    let again = starters.ready(&api, &thread("5")).await;
    assert!(matches!(again, Err(SendError::RetryAfter { .. })), "{again:?}");
    assert_eq!(server.lines(), [OPENING], "Discord is not asked before its time");
}

#[tokio::test]
async fn where_there_can_be_no_thread_the_channel_is_used_and_discord_not_asked_again() {
    let server = Server::start([Step::refuses(403, 50_013, "Missing Permissions")]).await;
    let (api, starters) = (api(&server), Starters::default());
    starters.expect("5", "x", "7");
    for _ in 0..3 {
        let moved = starters.ready(&api, &thread("5")).await;
        assert_eq!(moved, Err(SendError::Moved(channel())));
    }
    assert_eq!(server.lines(), [OPENING]);
}

#[tokio::test]
async fn a_lost_answer_opens_the_thread_again_before_anything_is_said() {
    let there = Step::refuses(400, 160_004, "A thread has already been created for this message");
    let server = Server::start([Step::Breaks, there]).await;
    let (api, starters) = (api(&server), Starters::default());
    starters.expect("5", "x", "7");
    let lost = starters.ready(&api, &thread("5")).await;
    assert!(matches!(lost, Err(SendError::Broken(_))), "{lost:?}");
    starters.ready(&api, &thread("5")).await.unwrap();
    assert_eq!(server.lines(), [OPENING, OPENING]);
}

#[tokio::test]
async fn a_starter_that_is_gone_leaves_its_channel() {
    let server = Server::start([Step::refuses(404, 10_008, "Unknown Message")]).await;
    let moved = Starters::default().make(&api(&server), &thread("5")).await;
    assert_eq!(moved, Err(SendError::Moved(channel())));
}

#[tokio::test]
async fn a_thread_of_its_own_is_opened_and_in_a_forum_with_a_message() {
    let wants = json!({"code": 50035, "message": "Invalid Form Body", "errors":
        {"message": {"_errors": [{"code": "BASE_TYPE_REQUIRED", "message": "This field is required"}]}}});
    let script = [opened(), Step::says(400, wants), Step::says(201, json!({"id": "6"}))];
    let server = Server::start(script).await;
    let (api, starters) = (api(&server), Starters::default());
    assert_eq!(create(&api, &starters, &channel(), "plans").await, Ok(thread("5")));
    assert_eq!(create(&api, &starters, &channel(), "# @everyone").await, Ok(thread("6")));
    let post = server.heard()[2].json();
    assert_eq!(post["message"], json!({"content": "@everyone", "allowed_mentions": {"parse": []}}));
    assert_eq!(server.heard()[0].json()["type"], 11);
}

#[tokio::test]
async fn a_thread_is_renamed_out_of_the_archive_and_keeps_its_name_for_want_of_letters() {
    let archived = Step::refuses(400, 50_083, "Thread is archived");
    let gone = Step::refuses(404, 10_003, "Unknown Channel");
    let server = Server::start([archived, opened(), gone]).await;
    let api = api(&server);
    rename(&api, &thread("5"), "new\n*name*").await.unwrap();
    rename(&api, &thread("5"), "***").await.unwrap();
    assert_eq!(server.heard()[1].json(), json!({"name": "new name", "archived": false}));
    assert_eq!(rename(&api, &thread("5"), "x y").await, Err(SendError::Gone));
    assert_eq!(server.lines(), ["PATCH /channels/5"; 3]);
}

#[tokio::test]
async fn the_bot_is_seen_writing_where_its_words_will_stand() {
    let server = Server::start([Step::says(204, json!("")), Step::says(204, json!(""))]).await;
    let (api, starters) = (api(&server), Starters::default());
    starters.expect("5", "x", "7");
    let place = thread("5");
    let shown = show_typing(&api, &starters, &place);
    let opens = async {
        tokio::task::yield_now().await;
        assert!(server.lines().is_empty(), "{:?}", server.lines());
        starters.opened("5");
    };
    let (shown, ()) = tokio::join!(shown, opens);
    shown.unwrap();
    starters.settle("6", State::Never);
    show_typing(&api, &starters, &thread("6")).await.unwrap();
    starters.gone("5");
    assert_eq!(show_typing(&api, &starters, &place).await, Err(SendError::Gone));
    assert_eq!(server.lines(), ["POST /channels/5/typing", "POST /channels/1/typing"]);
}

#[test]
fn only_so_many_starters_are_remembered() {
    let starters = Starters::default();
    for id in 0..=MANY {
        starters.expect(&id.to_string(), "x", "7");
    }
    assert_eq!(starters.shelf().states.len(), MANY);
    assert_eq!(starters.state("0"), None);
}

#[tokio::test]
async fn a_starter_that_nobody_finds_is_asked_for_once_and_one_behind_a_fault_again() {
    let script = [Step::Breaks, Step::refuses(404, 10_008, "Unknown Message")];
    let server = Server::start(script).await;
    let (api, starters) = (api(&server), Starters::default());
    let starter = MessageRef { address: thread("5"), id: "5".to_owned() };
    for _ in 0..4 {
        assert_eq!(starters.author(&api, &starter).await, None);
    }
    assert_eq!(server.lines(), ["GET /channels/1/messages/5"; 2]);
}

#[tokio::test]
async fn what_a_native_command_was_answered_with_is_for_whoever_gave_it() {
    let user = json!({"user": {"id": "42"}});
    let found = json!({"id": "5", "content": "x", "author": {"id": "9"}, "interaction_metadata": user});
    let server = Server::start([Step::says(200, found)]).await;
    let starter = MessageRef { address: thread("5"), id: "5".to_owned() };
    let author = Starters::default().author(&api(&server), &starter).await;
    assert_eq!(author.as_deref(), Some("42"));
}

#[tokio::test]
async fn a_thread_that_somebody_deleted_is_not_opened_again() {
    let server = Server::start([]).await;
    let (api, starters) = (api(&server), Starters::default());
    starters.opened("5");
    starters.gone("5");
    starters.expect("5", "an edit of its starter", "7");
    assert_eq!(starters.ready(&api, &thread("5")).await, Err(SendError::Gone));
    assert_eq!(starters.make(&api, &thread("5")).await, Err(SendError::Gone));
    assert!(server.lines().is_empty());
}

#[tokio::test]
async fn a_starter_that_was_deleted_before_its_thread_was_there_leaves_the_channel() {
    let server = Server::start([]).await;
    let (api, starters) = (api(&server), Starters::default());
    starters.expect("5", "x", "7");
    starters.starter_gone("5");
    assert_eq!(starters.ready(&api, &thread("5")).await, Err(SendError::Moved(channel())));
    starters.opened("6");
    starters.starter_gone("6");
    assert_eq!(starters.ready(&api, &thread("6")).await, Ok(()), "a thread outlives its starter");
}

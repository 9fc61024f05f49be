//! The way out against a server that answers as each test says.

use std::time::Duration;

use takopi_core::id::{InstanceId, RunId};
use takopi_core::message::{Button, ButtonAction, SpooledFile};
use takopi_core::port::transport::RetryScope;
use takopi_core::settings::Secret;

use super::*;
use crate::native::rest::Key;
use crate::script::{Server, Step};

/// The parts a way out is made of, and a server that answers.
struct Stage {
    server: Server,
    api: Api,
    kept: Kept,
    starters: Starters,
    places: Places,
    answers: Answers,
    spool: tempfile::TempDir,
}

impl Stage {
    async fn new(script: impl IntoIterator<Item = Step>) -> Self {
        let server = Server::start(script).await;
        Self {
            api: Api::new(&server.url, Secret::new("t")).unwrap(),
            kept: Kept::default(),
            starters: Starters::default(),
            places: Places::new(InstanceId::parse("discord").unwrap()),
            answers: Answers::default(),
            spool: tempfile::tempdir().unwrap(),
            server,
        }
    }

    fn out(&self) -> Outbound<'_> {
        Outbound {
            api: &self.api,
            kept: &self.kept,
            starters: &self.starters,
            places: &self.places,
            answers: &self.answers,
            now: Moment::START,
            spool: self.spool.path(),
        }
    }

    async fn send(&self, to: &Address, options: &SendOptions) -> Result<Sent, SendError> {
        self.out().send(to, &Body::markdown("hello"), options).await
    }

    fn body(&self, request: usize) -> Value {
        self.server.heard()[request].json()
    }
}

/// The interaction that tests answer.
fn interaction() -> Key {
    Key { application: "9".to_owned(), interaction: "77".to_owned(), token: Secret::new("toKEN") }
}

fn channel() -> Address {
    Address { instance: InstanceId::parse("discord").unwrap(), chat: "1".to_owned(), thread: None }
}

fn thread(id: &str) -> Address {
    Address { thread: Some(id.to_owned()), ..channel() }
}

fn message(address: Address, id: &str) -> MessageRef {
    MessageRef { address, id: id.to_owned() }
}

fn final_to(reply_to: MessageRef) -> SendOptions {
    SendOptions { reply_to: Some(reply_to), notify: true, nonce: Some("17-0".to_owned()), asked_by: None }
}

fn quiet() -> SendOptions {
    SendOptions::default()
}

fn sent(id: u64) -> Step {
    Step::says(200, json!({"id": id.to_string(), "channel_id": "1"}))
}

fn done() -> Step {
    Step::says(200, json!({}))
}

fn fault(key: &str, code: &str) -> Step {
    let errors = json!({key: {"_errors": [{"code": code, "message": "No."}]}});
    Step::says(400, json!({"code": 50035, "message": "Invalid Form Body", "errors": errors}))
}

fn archived() -> Step {
    Step::refuses(400, 50_083, "Thread is archived")
}

fn buttons() -> Body {
    let run = RunId::parse("00000000-0000-0000-0000-000000000001").unwrap();
    let button = Button { label: "cancel".to_owned(), action: ButtonAction::Cancel { run } };
    Body { buttons: vec![vec![button]], ..Body::markdown("working") }
}

#[tokio::test]
async fn a_message_mentions_nobody_unfolds_nothing_and_tells_its_window() {
    let answer = sent(9)
        .with("x-ratelimit-bucket", "b")
        .with("x-ratelimit-limit", 5)
        .with("x-ratelimit-remaining", 4)
        .with("x-ratelimit-reset-after", 5);
    let stage = Stage::new([answer]).await;
    let stands = stage.send(&channel(), &quiet()).await.unwrap();
    let hint = Some((4, Duration::from_secs(5)));
    assert_eq!(stands, Sent { message: message(channel(), "9"), hint });
    assert_eq!(stage.server.lines(), ["POST /channels/1/messages"]);
    let mentions = json!({"parse": [], "replied_user": false});
    assert_eq!(stage.body(0), json!({"content": "hello", "flags": 4100, "allowed_mentions": mentions}));
}

#[tokio::test]
async fn a_final_replies_to_whom_it_is_for_and_its_nonce_is_the_same_for_each_try() {
    let limit = Step::says(429, json!({"retry_after": 0.001, "global": false}));
    let stage = Stage::new([Step::Breaks, limit, Step::says(502, json!({})), sent(9)]).await;
    let options = final_to(message(thread("5"), "8"));
    let mut outcomes = Vec::new();
    while stage.server.steps_left() > 0 {
        outcomes.push(stage.send(&thread("5"), &options).await);
    }
    assert!(matches!(outcomes[0], Err(SendError::Unknown(_))), "{outcomes:?}");
    assert!(
        matches!(outcomes[1], Err(SendError::RetryAfter { scope: RetryScope::Chat, .. })),
        "{outcomes:?}"
    );
    assert!(outcomes.last().unwrap().is_ok(), "{outcomes:?}");
    let bodies: Vec<Value> = stage.server.heard().iter().map(|heard| heard.json()).collect();
    assert!(bodies.windows(2).all(|pair| pair[0] == pair[1]), "{bodies:?}");
    let body = &bodies[0];
    let nonce = body["nonce"].as_str().unwrap();
    assert!((1..=25).contains(&nonce.len()) && body["enforce_nonce"] == json!(true), "{body}");
    assert_eq!(body["message_reference"], json!({"message_id": "8", "fail_if_not_exists": false}));
    assert_eq!(body["allowed_mentions"], json!({"parse": [], "replied_user": true}));
    assert_eq!(body["flags"], 4);
}

#[tokio::test]
async fn the_same_part_elsewhere_has_another_nonce() {
    let stage = Stage::new([sent(8), sent(9)]).await;
    let options = SendOptions { nonce: Some("17-0".to_owned()), ..quiet() };
    stage.send(&channel(), &options).await.unwrap();
    stage.send(&Address { chat: "2".to_owned(), ..channel() }, &options).await.unwrap();
    assert_ne!(stage.body(0)["nonce"], stage.body(1)["nonce"]);
}

#[tokio::test]
async fn the_first_words_open_the_thread_and_mention_its_starter_who_cannot_be_replied_to() {
    let stage = Stage::new([done(), sent(8), sent(9)]).await;
    stage.starters.expect("5", "fix it", "42");
    let starter = message(thread("5"), "5");
    let progress = SendOptions { notify: false, ..final_to(starter.clone()) };
    stage.send(&thread("5"), &progress).await.unwrap();
    stage.send(&thread("5"), &final_to(starter)).await.unwrap();
    let lines =
        ["POST /channels/1/messages/5/threads", "POST /channels/5/messages", "POST /channels/5/messages"];
    assert_eq!(stage.server.lines(), lines);
    assert_eq!(stage.body(1)["content"], "hello");
    assert_eq!(stage.body(1)["allowed_mentions"], json!({"parse": [], "replied_user": false}));
    let told = stage.body(2);
    assert_eq!(told["content"], "<@42>\nhello");
    assert_eq!(told["allowed_mentions"], json!({"parse": [], "replied_user": false, "users": ["42"]}));
    assert_eq!(told.get("message_reference"), None);
}

#[tokio::test]
async fn in_the_channel_a_starter_is_replied_to_as_any_message() {
    let stage = Stage::new([sent(9)]).await;
    stage.send(&channel(), &final_to(message(thread("5"), "5"))).await.unwrap();
    assert_eq!(stage.body(0)["message_reference"]["message_id"], "5");
}

#[tokio::test]
async fn after_a_restart_a_thread_that_is_not_there_is_opened_and_nothing_is_doubled() {
    let starter = Step::says(200, json!({"id": "5", "content": "tidy up", "author": {"id": "42"}}));
    let unknown = Step::refuses(404, 10_003, "Unknown Channel");
    let stage = Stage::new([unknown, starter, done(), sent(9)]).await;
    stage.send(&thread("5"), &quiet()).await.unwrap();
    let lines = [
        "POST /channels/5/messages",
        "GET /channels/1/messages/5",
        "POST /channels/1/messages/5/threads",
        "POST /channels/5/messages",
    ];
    assert_eq!(stage.server.lines(), lines);
}

#[tokio::test]
async fn after_a_restart_the_author_is_asked_for_once_and_the_thread_is_opened_all_the_same() {
    let starter = Step::says(200, json!({"id": "5", "content": "tidy up", "author": {"id": "42"}}));
    let unknown = Step::refuses(404, 10_003, "Unknown Channel");
    let stage = Stage::new([starter, unknown, done(), sent(8), sent(9)]).await;
    for _ in 0..2 {
        stage.send(&thread("5"), &final_to(message(thread("5"), "5"))).await.unwrap();
    }
    let lines = [
        "GET /channels/1/messages/5",
        "POST /channels/5/messages",
        "POST /channels/1/messages/5/threads",
        "POST /channels/5/messages",
        "POST /channels/5/messages",
    ];
    assert_eq!(stage.server.lines(), lines);
    assert_eq!(stage.body(4)["content"], "<@42>\nhello");
}

#[tokio::test]
async fn a_missing_permission_is_named_and_a_channel_that_is_gone_is_gone() {
    let denied = Step::refuses(403, 50_013, "Missing Permissions");
    let stage = Stage::new([denied, Step::refuses(404, 10_003, "Unknown Channel")]).await;
    let Err(SendError::Denied(text)) = stage.send(&channel(), &quiet()).await else { panic!() };
    assert!(text.contains("\"Send Messages\""), "{text}");
    assert_eq!(stage.send(&channel(), &quiet()).await, Err(SendError::Gone));
}

#[tokio::test]
async fn what_discord_refuses_in_a_message_is_left_out_and_the_rest_is_said() {
    let system = || fault("message_reference", "REPLIES_CANNOT_REPLY_TO_SYSTEM_MESSAGE");
    let stage = Stage::new([system(), fault("components", "BAD"), sent(9)]).await;
    let options = final_to(message(channel(), "8"));
    stage.out().send(&channel(), &buttons(), &options).await.unwrap();
    let last = stage.body(2);
    assert_eq!((last.get("message_reference"), &last["components"]), (None, &json!([])));
    assert_eq!(last["content"], "working");
    let stage = Stage::new([fault("components", "BAD"), fault("components", "BAD")]).await;
    let refused = stage.out().send(&channel(), &buttons(), &quiet()).await;
    assert!(matches!(refused, Err(SendError::Denied(_))), "{refused:?}");
}

#[tokio::test]
async fn a_mention_that_leaves_no_room_is_left_out() {
    let stage = Stage::new([done(), sent(9)]).await;
    stage.starters.expect("5", "x y", "42");
    let body = Body::plain("é".repeat(2000));
    stage.out().send(&thread("5"), &body, &final_to(message(thread("5"), "5"))).await.unwrap();
    assert_eq!(stage.body(1)["content"].as_str().unwrap().chars().count(), 2000);
}

#[tokio::test]
async fn files_go_with_what_is_said_of_them() {
    let stage = Stage::new([sent(9)]).await;
    std::fs::write(stage.spool.path().join("f1"), "plot").unwrap();
    let file = |path: &str| SpooledFile { path: path.into(), name: "plot.png".to_owned() };
    let mut body = Body { files: vec![file("f1")], ..Body::default() };
    body.extra.insert(crate::render::ATTACHMENT.to_owned(), json!("# whole"));
    stage.out().send(&channel(), &body, &quiet()).await.unwrap();
    let told = stage.body(0);
    let named = json!([{"id": 0, "filename": "answer.md"}, {"id": 1, "filename": "plot.png"}]);
    assert_eq!((&told["attachments"], &told["content"]), (&named, &json!("")));
    assert!(stage.server.heard()[0].text.contains("plot"));
    let gone = Body { files: vec![file("gone")], ..Body::default() };
    let denied = stage.out().send(&channel(), &gone, &quiet()).await;
    assert!(matches!(denied, Err(SendError::Denied(_))), "{denied:?}");
}

#[tokio::test]
async fn an_edit_replaces_text_and_buttons_and_mentions_nobody() {
    let stage = Stage::new([done(), done()]).await;
    let stands = message(thread("5"), "9");
    stage.out().edit(&stands, &buttons()).await.unwrap();
    stage.out().edit(&stands, &Body::plain("")).await.unwrap();
    assert_eq!(stage.server.lines(), ["PATCH /channels/5/messages/9"; 2]);
    assert_eq!(stage.body(0)["components"].as_array().unwrap().len(), 1);
    assert_eq!((&stage.body(1)["components"], &stage.body(1)["content"]), (&json!([]), &json!("…")));
    assert_eq!(stage.body(0)["allowed_mentions"]["parse"], json!([]));
}

#[tokio::test]
async fn an_edit_in_an_archived_thread_takes_it_out_once() {
    let stage = Stage::new([archived(), done(), done(), archived(), done(), archived()]).await;
    let stands = message(thread("5"), "9");
    stage.out().edit(&stands, &Body::plain("x")).await.unwrap();
    let lines = ["PATCH /channels/5/messages/9", "PATCH /channels/5", "PATCH /channels/5/messages/9"];
    assert_eq!(stage.server.lines(), lines);
    assert_eq!(stage.body(1), json!({"archived": false}));
    let Err(SendError::Denied(text)) = stage.out().edit(&stands, &Body::plain("x")).await else { panic!() };
    assert!(text.contains("\"Manage Threads\""), "{text}");
}

#[tokio::test]
async fn a_thread_that_cannot_be_reopened_is_told_and_a_lost_answer_edits_nothing() {
    let denied = Step::refuses(403, 50_013, "Missing Permissions");
    let stage = Stage::new([archived(), denied, archived(), Step::Breaks]).await;
    let stands = message(thread("5"), "9");
    let denied = stage.out().edit(&stands, &Body::plain("x")).await;
    assert!(matches!(denied, Err(SendError::Denied(_))), "{denied:?}");
    let lost = stage.out().edit(&stands, &Body::plain("x")).await;
    assert!(matches!(lost, Err(SendError::Broken(_))), "{lost:?}");
}

#[tokio::test]
async fn a_deletion_of_what_is_gone_is_one_and_a_starter_stands_in_the_channel() {
    let gone = Step::refuses(404, 10_008, "Unknown Message");
    let stage = Stage::new([Step::says(204, json!("")), gone, Step::refuses(403, 50_013, "No")]).await;
    stage.out().delete(&message(thread("5"), "9")).await.unwrap();
    stage.out().delete(&message(thread("5"), "5")).await.unwrap();
    assert_eq!(stage.server.lines(), ["DELETE /channels/5/messages/9", "DELETE /channels/1/messages/5"]);
    let denied = stage.out().delete(&message(channel(), "9")).await;
    assert!(matches!(denied, Err(SendError::Denied(_))), "{denied:?}");
}

#[tokio::test]
async fn a_reply_to_an_interaction_fills_it_then_follows_and_is_edited_by_it() {
    let stage = Stage::new([sent(8), sent(9), done()]).await;
    let options = final_to(message(channel(), "77"));
    stage.answers.expect(&interaction(), 10 << 20, Moment::START);
    let waits = stage.send(&channel(), &options).await;
    assert!(matches!(waits, Err(SendError::RetryAfter { .. })), "{waits:?}");
    stage.answers.deferred("77", true);
    let first = stage.send(&channel(), &options).await.unwrap();
    stage.send(&channel(), &options).await.unwrap();
    stage.out().edit(&first.message, &Body::plain("x")).await.unwrap();
    let lines = [
        "PATCH /webhooks/9/toKEN/messages/@original?wait=true",
        "POST /webhooks/9/toKEN?wait=true",
        "PATCH /webhooks/9/toKEN/messages/@original",
    ];
    assert_eq!(stage.server.lines(), lines);
    let only_they_see_it = |request| stage.body(request)["flags"].as_u64().unwrap() & 1 << 6 != 0;
    assert!(only_they_see_it(1), "what follows is for whose eyes the first was");
    assert_eq!(stage.body(0)["allowed_mentions"], json!({"parse": [], "replied_user": false}));
}

#[tokio::test]
async fn what_is_too_large_for_an_interaction_is_refused_before_it_is_sent() {
    let stage = Stage::new([sent(8)]).await;
    stage.answers.expect(&interaction(), 3, Moment::START);
    stage.answers.deferred("77", false);
    let options = final_to(message(channel(), "77"));
    let mut large = Body::plain("x");
    large.extra.insert(crate::render::ATTACHMENT.to_owned(), json!("four"));
    let refused = stage.out().send(&channel(), &large, &options).await.unwrap_err();
    assert_eq!(refused.to_string(), "the service refused: it is larger than the 3 b that bots may send here");
    stage.send(&channel(), &options).await.unwrap();
    assert_eq!(stage.server.lines(), ["PATCH /webhooks/9/toKEN/messages/@original?wait=true"]);
}

#[tokio::test]
async fn an_interaction_that_is_over_is_answered_with_a_message() {
    let over = || Step::refuses(401, 50_027, "Invalid Webhook Token");
    let stage = Stage::new([over(), sent(8), sent(9), over(), done()]).await;
    let options = final_to(message(channel(), "77"));
    stage.answers.expect(&interaction(), 10 << 20, Moment::START);
    stage.answers.deferred("77", false);
    stage.send(&channel(), &options).await.unwrap();
    assert_eq!(stage.server.lines()[1], "POST /channels/1/messages");
    assert!(stage.answers.first(&message(channel(), "77"), Moment::START).is_none());
    stage.answers.expect(&interaction(), 10 << 20, Moment::START);
    stage.answers.deferred("77", false);
    let stands = stage.send(&channel(), &options).await.unwrap().message;
    stage.out().edit(&stands, &Body::plain("x")).await.unwrap();
    assert_eq!(stage.server.lines()[4], "PATCH /channels/1/messages/9");
}

#[tokio::test]
async fn the_first_message_of_a_post_stands_in_the_post() {
    let stage = Stage::new([Step::says(200, json!({"id": "8"})), Step::says(200, json!({"id": "7"}))]).await;
    let forum =
        crate::places::ChannelFacts::of_json(&json!({"id": "1", "type": 15, "name": "ideas"}), Some(100));
    stage.places.learn_channel(forum.unwrap());
    let post = message(thread("7"), "7");
    stage.starters.opened("7");
    let options = SendOptions { reply_to: Some(post.clone()), notify: true, ..SendOptions::default() };
    stage.send(&thread("7"), &options).await.unwrap();
    stage.out().edit(&post, &Body::plain("x")).await.unwrap();
    assert_eq!(stage.server.lines(), ["POST /channels/7/messages", "PATCH /channels/7/messages/7"]);
    assert_eq!(stage.body(0)["message_reference"]["message_id"], "7");
}

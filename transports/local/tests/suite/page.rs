//! The page's server, as a browser sees it.

use serde_json::{Value, json};
use takopi_core::desk::DeskEvent;
use takopi_local::{ConversationId, LocalEvent};

use crate::house::House;

fn message(conversation: &str, text: &str, id: &str) -> Value {
    json!({ "conversation": conversation, "text": text, "client_id": id })
}

#[tokio::test]
async fn the_token_lets_a_browser_in_and_leaves_the_address() {
    let house = House::open().await;
    let page = house.page().await;
    let stranger = page.ask("GET /", "", "").await;
    assert_eq!(stranger.status, 401);
    assert!(stranger.body.contains("takopi status"), "{}", stranger.body);
    assert_eq!(page.ask("GET /api/state", "", "").await.status, 401);

    let shown = page.ask(&format!("GET /?token={}", page.token.expose()), "", "").await;
    assert_eq!(shown.status, 303);
    let head = shown.head.to_lowercase();
    assert!(head.contains("location: /\r\n"), "{head}");
    assert!(head.contains("; httponly; samesite=strict"), "{head}");

    let known = page.get("/").await;
    assert_eq!(known.status, 200);
    assert!(known.head.contains("default-src 'none'; script-src 'self'"), "{}", known.head);
    assert!(known.head.contains("no-store") && known.head.contains("nosniff"), "{}", known.head);
    house.close().await;
}

#[tokio::test]
async fn a_message_is_watched_from_its_sending_to_its_answer() {
    let house = House::open().await;
    let page = house.page().await;
    let conversation = ConversationId::mint().to_string();
    let mut events = page.events(&conversation).await;
    let hello = events.wait("hello", |_| true).await;
    assert_eq!(hello["piece"]["items"], json!([]));

    let text = "session:s1 action:look gate:go done:look answer:*fine*";
    let sent = page.post("/api/messages", &message(&conversation, text, "m-1")).await;
    assert_eq!(sent.status, 200, "{}", sent.body);
    assert_eq!(sent.json()["upstream"], "m-1");
    let paint = events.wait("paint", |paint| paint["steps"] == 1).await;
    assert_eq!(paint["actions"][0]["phase"], "started");
    house.engine.open_gate("go");
    let end = events.wait("run", |run| run["state"] == "done" && run["answer"].is_object()).await;
    assert_eq!(end["answer"]["html"], "<p><em>fine</em></p>\n");
    assert_eq!(end["resume"], "script resume s1");
    house.close().await;
}

#[tokio::test]
async fn a_browser_that_comes_back_sees_everything_as_it_stands() {
    let house = House::open().await;
    let page = house.page().await;
    let conversation = ConversationId::mint().to_string();
    page.post("/api/messages", &message(&conversation, "action:a gate:go answer:late", "m-1")).await;
    house.engine.wait_running(&["action:a gate:go answer:late"]).await;

    let mut events = page.events(&conversation).await;
    let hello = events.wait("hello", |_| true).await;
    assert_eq!(hello["piece"]["items"][0]["upstream"], "m-1");
    assert_eq!(hello["runs"].as_array().unwrap().len(), 1);
    let paint = events.wait("paint", |paint| paint["steps"] == 1).await;
    assert_eq!(paint["reset"], true);
    drop(events);

    house.engine.open_gate("go");
    let mut events = page.events(&conversation).await;
    let done = |run: &Value| run["state"] == "done";
    let hello = events.wait("hello", |_| true).await;
    if !hello["piece"]["items"].as_array().unwrap().iter().any(done) {
        events.wait("run", done).await;
    }
    let history = page.get(&format!("/api/history?conversation={conversation}")).await.json();
    let run = history["items"].as_array().unwrap().iter().find(|item| item["kind"] == "run").unwrap().clone();
    assert_eq!(run["answer"]["source"], "late");
    let steps = page.get(&format!("/api/run?run={}", run["run"].as_str().unwrap())).await.json();
    assert_eq!(steps["actions"][0]["title"], "a");
    let state = page.get("/api/state").await.json();
    assert_eq!(state["conversations"][0]["id"], conversation.as_str());
    assert_eq!(state["menu"]["default_engine"], "script");
    house.close().await;
}

#[tokio::test]
async fn a_message_that_is_sent_twice_runs_once() {
    let house = House::open().await;
    let page = house.page().await;
    let conversation = ConversationId::mint().to_string();
    let first = page.post("/api/messages", &message(&conversation, "answer:x", "same")).await;
    let again = page.post("/api/messages", &message(&conversation, "answer:x", "same")).await;
    assert_eq!((first.status, again.status), (200, 200));
    let mut events = page.events(&conversation).await;
    page.post("/api/messages", &message(&conversation, "answer:last", "other")).await;
    events.wait("run", |run| run["answer"]["source"] == "last").await;
    assert_eq!(house.engine.jobs().len(), 2);
    house.close().await;
}

#[tokio::test]
async fn a_run_that_waits_says_how_many_are_ahead_and_cancel_stops_the_one_at_work() {
    let house = House::open().await;
    let page = house.page().await;
    let conversation = ConversationId::mint().to_string();
    let mut events = page.events(&conversation).await;
    page.post("/api/messages", &message(&conversation, "hang", "m-1")).await;
    let first = events.wait("run", |run| run["state"] == "starting").await;
    page.post("/api/messages", &message(&conversation, "answer:second", "m-2")).await;
    events.wait("run", |run| run["state"] == "queued" && run["ahead"] == 1).await;
    let stopped = page.post("/api/cancel", &json!({ "run": first["run"] })).await;
    assert_eq!(stopped.json()["found"], true);
    events.wait("run", |run| run["run"] == first["run"] && run["state"] == "cancelled").await;
    events.wait("run", |run| run["answer"]["source"] == "second").await;
    house.close().await;
}

#[tokio::test]
async fn a_run_that_waits_is_found_below_its_message_and_can_be_cancelled() {
    let house = House::open().await;
    let page = house.page().await;
    let conversation = ConversationId::mint().to_string();
    page.post("/api/messages", &message(&conversation, "hang", "m-1")).await;
    house.engine.wait_running(&["hang"]).await;
    page.post("/api/messages", &message(&conversation, "answer:never", "m-2")).await;
    let mut events = page.events(&conversation).await;
    let hello = events.wait("hello", |_| true).await;
    let queued = |run: &Value| run["asked_by"] == "m-2" || run["ahead"] == 1;
    let runs = hello["runs"].as_array().unwrap().clone();
    let waiting = match runs.into_iter().find(queued) {
        Some(run) => run,
        None => events.wait("run", queued).await,
    };
    page.post("/api/cancel", &json!({ "run": waiting["run"] })).await;
    events.wait("run", |run| run["run"] == waiting["run"] && run["state"] == "cancelled").await;
    house.close().await;
}

#[tokio::test]
async fn a_command_answers_as_a_message_that_history_keeps() {
    let house = House::open().await;
    let page = house.page().await;
    let conversation = ConversationId::mint().to_string();
    let mut events = page.events(&conversation).await;
    page.post("/api/messages", &message(&conversation, "/greet Ada", "m-1")).await;
    let told = events.wait("item", |item| item["kind"] == "note").await;
    assert_eq!(told["body"]["html"], "<p><strong>Hello</strong> Ada</p>\n");
    page.post("/api/messages", &message(&conversation, "answer:x", "m-2")).await;
    events.wait("run", |run| run["answer"]["source"] == "x").await;
    let history = page.get(&format!("/api/history?conversation={conversation}")).await.json();
    assert!(
        history["items"].as_array().unwrap().iter().any(|item| item["message"] == told["message"]),
        "{history}"
    );
    house.close().await;
}

#[tokio::test]
async fn what_cannot_be_taken_is_refused_with_a_reason() {
    let house = House::open().await;
    let page = house.page().await;
    let conversation = ConversationId::mint().to_string();
    for (body, status) in [
        (message(&conversation, " \n", "m-1"), 400),
        (message(&conversation, &"x".repeat(300_000), "m-2"), 400),
        (message(&conversation, &"x".repeat(2_000_000), "m-3"), 413),
        (message("nonsense", "x", "m-4"), 422),
        (message(&conversation, "x", "has space"), 400),
    ] {
        let answer = page.post("/api/messages", &body).await;
        assert_eq!(answer.status, status, "{}", answer.body);
        assert!(answer.json()["error"].as_str().unwrap().len() > 8, "{}", answer.body);
    }
    let cookie = format!("Cookie: takopi_{}={}\r\n", page.port, page.token.expose());
    let foreign = format!("{cookie}Origin: http://evil.example\r\nContent-Type: application/json\r\n");
    let body = message(&conversation, "answer:x", "m-5").to_string();
    assert_eq!(page.ask("POST /api/messages", &foreign, &body).await.status, 403);
    house.ledger.break_writes(true);
    assert_eq!(page.post("/api/messages", &message(&conversation, "answer:x", "m-6")).await.status, 500);
    house.ledger.break_writes(false);
    assert_eq!(page.post("/api/messages", &message(&conversation, "answer:x", "m-6")).await.status, 200);
    house.engine.wait_running(&[]).await;
    house.close().await;
}

#[tokio::test]
async fn a_browser_that_does_not_read_holds_nobody_up_and_catches_up_later() {
    let house = House::open().await;
    let page = house.page().await;
    let conversation = ConversationId::mint();
    let mut events = page.events(&conversation.to_string()).await;
    let mut listener = house.door.listen(Some(conversation));
    // More than fits into the sockets between: every step says where it is and how it fared.
    let steps: Vec<String> = (0..8_000).map(|step| format!("action:step{step} done:step{step}")).collect();
    let text = format!("{} answer:over", steps.join(" "));
    for id in ["m-1", "m-2", "m-3"] {
        page.post("/api/messages", &message(&conversation.to_string(), &text, id)).await;
    }
    let mut ended = 0;
    while ended < 3 {
        if let Some(LocalEvent::Desk { event: DeskEvent::Ended { .. }, .. }) = listener.next().await {
            ended += 1;
        }
    }
    for _ in 0..3 {
        let over = |run: &Value| run["state"] == "done" && run["answer"]["source"] == "over";
        events.wait("run", over).await;
    }
    house.close().await;
}

#[tokio::test]
async fn closing_the_page_ends_its_streams() {
    let house = House::open().await;
    let page = house.page().await;
    let mut events = page.events(&ConversationId::mint().to_string()).await;
    events.wait("hello", |_| true).await;
    page.stop.cancel();
    while events.next().await.is_some() {}
    page.task.await.unwrap();
    house.close().await;
}

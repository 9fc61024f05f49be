//! What comes in.

use serde_json::{Value, json};
use takopi_core::message::{Body, Button, ButtonAction, Inbound};
use takopi_core::port::Ledger as _;
use takopi_core::port::Transport as _;
use takopi_core::port::transport::SendOptions;

use super::stage::{Stage, address, instance, said, with};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_at_once_keep_their_order() {
    let stage = Stage::new();
    let _receiving = stage.started().await;
    let mut answers = Vec::new();
    for number in 0..60 {
        answers.push(stage.player.begin(said(&number.to_string(), "hi")).await);
    }
    for answer in answers {
        assert_eq!(answer.await.unwrap(), Ok(json!({})));
    }
    assert_eq!(stage.accepted(), (0..60).map(|number| number.to_string()).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_flood_is_bounded_and_what_was_taken_is_kept() {
    let stage = Stage::new();
    let _receiving = stage.started().await;
    stage.ledger.hold_accepts(true);
    let mut answers = Vec::new();
    for number in 0..300 {
        answers.push(stage.player.begin(said(&number.to_string(), "hi")).await);
    }
    // Who is too much is told at once; the others wait for the disk.
    assert_eq!(answers.pop().unwrap().await.unwrap(), Err(-32015));
    stage.ledger.hold_accepts(false);
    let mut taken = Vec::new();
    for (number, answer) in answers.into_iter().enumerate() {
        match answer.await.unwrap() {
            Ok(_) => taken.push(number.to_string()),
            Err(code) => assert_eq!(code, -32015),
        }
    }
    assert!((1..=64).contains(&taken.len()), "{}", taken.len());
    assert_eq!(stage.accepted(), taken);
}

#[tokio::test]
async fn a_duplicate_is_answered_like_the_first_and_written_once() {
    let stage = Stage::new();
    let _receiving = stage.started().await;
    for text in ["hi", "hi again"] {
        assert_eq!(stage.player.hand_in(said("1", text)).await, Ok(json!({})));
    }
    assert_eq!(stage.accepted(), ["1"]);
}

#[tokio::test]
async fn a_cursor_counts_only_when_everything_before_it_is_on_disk() {
    let stage = Stage::new();
    let receiving = stage.started().await;
    let at = |number: &str| with(said(number, "hi"), json!({ "cursor": format!("c{number}") }));
    stage.ledger.break_writes(true);
    assert_eq!(stage.player.hand_in(at("1")).await, Err(-32010));
    stage.ledger.break_writes(false);
    assert!(stage.player.hand_in(at("2")).await.is_ok());
    assert_eq!(stage.ledger.cursor(&instance()).await.unwrap(), None, "1 would be lost");
    assert!(stage.player.hand_in(at("1")).await.is_ok());
    assert!(stage.player.hand_in(at("3")).await.is_ok());
    assert_eq!(receiving.stopped().await, Ok(()));
    let _receiving = stage.receive().await;
    let start = stage.player.asked("transport/start", 2).await;
    assert_eq!(start["cursor"], "c3");
}

#[tokio::test]
async fn no_cursor_counts_behind_what_was_refused_in_a_flood() {
    let stage = Stage::new();
    let _receiving = stage.started().await;
    let at = |number: usize| {
        let told = json!({ "cursor": format!("c{number}") });
        with(said(&number.to_string(), "hi"), told)
    };
    stage.ledger.hold_accepts(true);
    let mut answers = Vec::new();
    for number in 0..100 {
        answers.push((number, stage.player.begin(at(number)).await));
    }
    assert_eq!(answers.pop().unwrap().1.await.unwrap(), Err(-32015));
    stage.ledger.hold_accepts(false);
    let mut refused = vec![99];
    for (number, answer) in answers {
        refused.extend(answer.await.unwrap().is_err().then_some(number));
    }
    let first = refused.iter().min().unwrap() - 1;
    assert!(stage.player.hand_in(at(200)).await.is_ok());
    let cursor = async || stage.ledger.cursor(&instance()).await.unwrap();
    assert!(cursor().await.unwrap().ends_with(&format!("c{first}")), "{refused:?} would be lost");
    for number in refused {
        assert!(stage.player.hand_in(at(number)).await.is_ok());
    }
    assert!(stage.player.hand_in(at(201)).await.is_ok());
    assert!(cursor().await.unwrap().ends_with("c201"));
}

#[tokio::test]
async fn of_what_cannot_be_written_nothing_overtakes_what_came_before() {
    let stage = Stage::new();
    let _receiving = stage.started().await;
    let numbers = ["1", "2", "3", "4"];
    stage.ledger.hold_accepts(true);
    let first = stage.player.begin(said(numbers[0], "hi")).await;
    stage.ledger.wait_held().await;
    let mut rest = Vec::new();
    for number in &numbers[1..] {
        rest.push(stage.player.begin(said(number, "hi")).await);
    }
    stage.ledger.break_writes(true);
    stage.ledger.hold_accepts(false);
    for answer in std::iter::once(first).chain(rest) {
        assert_eq!(answer.await.unwrap(), Err(-32010));
    }
    stage.ledger.break_writes(false);
    for number in numbers {
        assert!(stage.player.hand_in(said(number, "hi")).await.is_ok());
    }
    assert_eq!(stage.accepted(), numbers);
}

#[tokio::test]
async fn the_cursor_of_another_plugin_is_none() {
    let stage = Stage::new();
    stage.ledger.set_cursor(&instance(), "takopi-other:folder c7").await.unwrap();
    let _receiving = stage.started().await;
    assert_eq!(stage.player.asked("transport/start", 1).await.get("cursor"), None);
}

#[tokio::test]
async fn nothing_can_be_said_for_another_instance() {
    let stage = Stage::new();
    let _receiving = stage.started().await;
    let forged = |path: &str| {
        let mut told = said("1", "hi");
        let message = json!({ "address": { "instance": "telegram", "chat": "1" }, "id": "1" });
        match path {
            "message" => told["message"] = message,
            _ => told["reply_to"] = json!({ "message": message }),
        }
        told
    };
    for path in ["message", "reply_to"] {
        assert_eq!(stage.player.hand_in(forged(path)).await, Err(-32602), "{path}");
    }
    assert_eq!(stage.accepted(), Vec::<String>::new());
}

#[tokio::test]
async fn a_line_that_is_too_long_is_lost_and_the_next_one_heard() {
    let stage = Stage::new();
    let _receiving = stage.started().await;
    stage.player.write("long").await;
    assert_eq!(stage.player.hand_in(said("1", "short")).await, Ok(json!({})));
    assert_eq!(stage.accepted(), ["1"]);
}

#[tokio::test]
async fn whoever_is_not_named_meets_silence_until_they_are_paired() {
    let stage = Stage::new();
    let _desk = stage.serve().await;
    stage.player.asked("transport/start", 1).await;
    let by = |upstream: &str, sender: Value| with(said(upstream, "hi"), json!({ "sender": sender }));
    let gone = json!({ "kind": "deleted", "upstream_id": "9", "sender": { "id": "eve" },
        "message": said("8", "")["message"] });
    for told in [
        by("1", json!({ "id": "eve" })),
        by("2", json!({ "id": "ada", "is_bot": true })),
        with(by("3", json!({ "id": "eve" })), json!({ "kind": "press", "token": "made up" })),
        gone,
        by("4", json!({ "id": "ada" })),
    ] {
        assert_eq!(stage.player.hand_in(told).await, Ok(json!({})));
    }
    assert_eq!(stage.accepted(), ["4"]);
    stage.transport.serve_also(&["eve".to_owned()]);
    assert_eq!(stage.player.hand_in(by("5", json!({ "id": "eve" }))).await, Ok(json!({})));
    assert_eq!(stage.accepted(), ["4", "5"]);
}

#[tokio::test]
async fn what_was_written_long_ago_is_asked_about_first() {
    let stage = Stage::new();
    let desk = stage.serve().await;
    stage.player.asked("transport/start", 1).await;
    let old = with(said("1", "hi"), json!({ "sent_at_ms": 0 }));
    assert_eq!(stage.player.hand_in(old).await, Ok(json!({})));
    let send = stage.player.asked("transport/send", 1).await;
    let text = send["part"]["text"].as_str().unwrap();
    assert!(text.contains("this came while takopi was away"), "{text}");
    desk.close(std::time::Duration::from_secs(1)).await;
}

#[tokio::test]
async fn a_press_is_what_its_button_was_made_for_and_answered_at_once() {
    let stage = Stage::new();
    let _desk = stage.serve().await;
    stage.player.asked("transport/start", 1).await;
    assert!(stage.player.hand_in(said("0", "/help")).await.is_ok());
    stage.player.asked("transport/send", 1).await;
    let run = takopi_core::id::RunId::parse("00000000-0000-0000-0000-000000000001").unwrap();
    let action = ButtonAction::Cancel { run };
    let button = Button { label: "cancel".to_owned(), action: action.clone() };
    let body = Body { buttons: vec![vec![button]], ..Body::plain("working") };
    stage.transport.send(&address(), &body, &SendOptions::default()).await.unwrap();
    let shown = stage.player.asked("transport/send", 2).await;
    let token = &shown["part"]["buttons"][0][0]["token"];
    let press =
        |upstream: &str, token: &Value| with(said(upstream, ""), json!({ "kind": "press", "token": token }));
    let toast = json!({ "toast": "nothing is currently running for that message." });
    assert_eq!(stage.player.hand_in(press("1", token)).await, Ok(toast));
    let Some(Inbound::Press(accepted)) = stage.ledger.accepted().pop() else { panic!() };
    assert_eq!(accepted.action, action);
    let toast = json!({ "toast": "this button is too old; type what you want" });
    assert_eq!(stage.player.hand_in(press("2", &json!("made up"))).await, Ok(toast));
    assert_eq!(stage.accepted(), ["0", "1"]);
}

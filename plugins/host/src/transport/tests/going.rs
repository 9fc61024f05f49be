//! What goes out.

use std::time::Duration;

use serde_json::{Value, json};
use takopi_core::message::{Attachment, AttachmentKind, Body, MessageRef, Sender, SpooledFile};
use takopi_core::port::Transport as _;
use takopi_core::port::transport::{FetchError, SendError, SendOptions};

use super::super::Waits;
use super::stage::{Rule, Stage, address};

async fn send(stage: &Stage) -> Result<String, SendError> {
    let sent = stage.transport.send(&address(), &Body::plain("hi"), &SendOptions::default()).await;
    sent.map(|sent| sent.message.id)
}

/// Waits until sends arrive.
async fn begun(stage: &Stage) -> super::stage::Receiving {
    let receiving = stage.started().await;
    while matches!(send(stage).await, Err(SendError::Broken(_))) {
        tokio::task::yield_now().await;
    }
    receiving
}

#[tokio::test]
async fn a_message_carries_what_it_answers_its_nonce_and_its_files() {
    let stage = Stage::new();
    let _receiving = begun(&stage).await;
    let answered = MessageRef { address: address(), id: "7".to_owned() };
    let nonce = Some("n".to_owned());
    let options = SendOptions { reply_to: Some(answered), notify: true, nonce, ..SendOptions::default() };
    let file = SpooledFile { path: "a".into(), name: "b.txt".to_owned() };
    let body = Body { files: vec![file], ..Body::markdown("*hi*") };
    stage.transport.send(&address(), &body, &options).await.unwrap();
    let sent = stage.player.asked("transport/send", 2).await;
    let here = json!({ "instance": "work", "chat": "room" });
    let path = stage.dir.path().join("a");
    let part = json!({ "text": "*hi*", "format": "markdown", "files": [{ "path": path, "name": "b.txt" }] });
    let reply_to = json!({ "address": here, "id": "7" });
    let wanted = json!({ "address": here, "part": part, "reply_to": reply_to, "notify": true, "nonce": "n" });
    assert_eq!(sent, wanted);
}

#[tokio::test]
async fn nothing_arrives_before_the_start_or_after_a_crash_and_during_one_nobody_knows() {
    let stage = Stage::new();
    let never = "the plugin does not run: it was not started yet";
    assert_eq!(send(&stage).await, Err(SendError::Broken(never.to_owned())));
    let receiving = begun(&stage).await;
    stage.player.rule("transport/send", Rule::Dies);
    let unknown = send(&stage).await;
    assert!(
        matches!(&unknown, Err(SendError::Unknown(told)) if told.contains("exit status 3")),
        "{unknown:?}"
    );
    assert!(receiving.ended().await.is_err());
    let ended =
        "the plugin does not run: the plugin takopi-folder ended unexpectedly (exit status 3): out of luck";
    assert_eq!(send(&stage).await, Err(SendError::Broken(ended.to_owned())));
}

#[tokio::test]
async fn an_answer_that_takes_too_long_leaves_it_unknown_and_the_next_one_arrives() {
    let wait = Duration::from_millis(300);
    let stage = Stage::new().changed(|transport| transport.waits = Waits { call: wait, ..Waits::USUAL });
    let _receiving = begun(&stage).await;
    stage.player.rule("transport/send", Rule::IsSilent);
    let unknown = send(&stage).await;
    assert!(matches!(unknown, Err(SendError::Unknown(_))), "{unknown:?}");
    stage.player.rule("transport/send", None);
    assert_eq!(send(&stage).await.as_deref(), Ok("2"));
}

#[tokio::test]
async fn what_a_service_refuses_is_told_as_it_was_meant() {
    let stage = Stage::new();
    let _receiving = begun(&stage).await;
    stage.player.rule("transport/send", Rule::Refuses(-32011, "you were banned", Value::Null));
    assert_eq!(send(&stage).await, Err(SendError::Denied("you were banned".to_owned())));
    let nonsense = json!({ "message": { "address": { "instance": "telegram", "chat": "1" }, "id": "1" } });
    stage.player.rule("transport/send", Rule::Answers(nonsense));
    assert!(matches!(send(&stage).await, Err(SendError::Unknown(_))), "it may have arrived");
}

#[tokio::test]
async fn only_those_who_are_served_by_name_manage_a_chat() {
    let stage = Stage::new();
    let sender = |id: &str| Sender { id: id.to_owned(), name: String::new(), is_bot: false };
    assert_eq!(stage.transport.is_manager(&address(), &sender("ada")).await, Ok(true));
    assert_eq!(stage.transport.is_manager(&address(), &sender("eve")).await, Ok(false));
}

#[tokio::test]
async fn a_file_that_came_is_put_into_the_data_folder_and_copied_from_there() {
    let stage = Stage::new();
    let _receiving = begun(&stage).await;
    let kept = stage.plugin.data_dir().join("a");
    std::fs::write(&kept, "words").unwrap();
    let file = Attachment { handle: "h".to_owned(), kind: AttachmentKind::File, name: None, bytes: None };
    stage.player.rule("transport/fetch", Rule::Answers(json!({ "file": { "path": kept, "name": "a.txt" } })));
    let mut into = Vec::new();
    assert_eq!(stage.transport.fetch(&file, 5, &mut into).await, Ok(Some("a.txt".to_owned())));
    assert_eq!((into.as_slice(), kept.exists()), (&b"words"[..], false));
    let asked = stage.player.asked("transport/fetch", 1).await;
    let attachment = json!({ "handle": "h", "kind": "file" });
    assert_eq!(asked, json!({ "instance": "work", "attachment": attachment, "max_bytes": 5 }));
    stage.player.rule("transport/fetch", Rule::Refuses(-32013, "too much", Value::Null));
    assert_eq!(stage.transport.fetch(&file, 5, &mut into).await, Err(FetchError::TooLarge));
}

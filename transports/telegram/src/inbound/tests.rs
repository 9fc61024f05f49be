//! Updates as the Bot API writes them, and what they are to us.

use serde_json::{Value, json};
use takopi_core::id::{CommandId, InstanceId};
use takopi_core::message::{AttachmentKind, ButtonAction, Inbound, Message};

use super::*;

fn read(update: Value) -> Result<Update, Undecodable> {
    let instance = InstanceId::parse("telegram").unwrap();
    let kept = Kept::default();
    Reader { instance: &instance, bot: "111", kept: &kept }.read(9, update)
}

fn merged(mut message: Value, more: Value) -> Value {
    message.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    message
}

fn plain() -> Value {
    json!({
        "message_id": 5, "date": 1_700_000_000, "chat": {"id": -100, "type": "supergroup", "title": "T"},
        "from": {"id": 7, "is_bot": false, "first_name": "Ada", "last_name": "L"}, "text": "hi",
    })
}

fn message(more: Value) -> Message {
    let update = json!({"update_id": 9, "message": merged(plain(), more)});
    match read(update).unwrap() {
        Update::Said(Inbound::Message(message)) => message,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_message_says_who_wrote_what_where_and_when() {
    let said = message(json!({}));
    assert_eq!(
        (said.text.as_str(), said.sender.name.as_str(), said.sender.id.as_str()),
        ("hi", "Ada L", "7")
    );
    assert_eq!((said.message.id.as_str(), said.message.address.chat.as_str()), ("5", "-100"));
    assert_eq!(said.sent_at.unix_ms(), 1_700_000_000_000);
    assert_eq!((said.message.address.thread, said.reply_to, said.forwarded), (None, None, false));
}

#[test]
fn the_same_message_is_the_same_under_whatever_update_it_comes() {
    let update = |id: i64| json!({"update_id": id, "message": plain()});
    let upstream = |id| match read(update(id)).unwrap() {
        Update::Said(inbound) => inbound.upstream().to_owned(),
        other => panic!("{other:?}"),
    };
    assert_eq!(upstream(1), upstream(2));
}

#[test]
fn what_another_bot_has_counted_is_another_message_but_in_a_supergroup() {
    let upstream = |bot: &str, chat: i64| {
        let (instance, kept) = (InstanceId::parse("telegram").unwrap(), Kept::default());
        let said = merged(plain(), json!({"chat": {"id": chat, "type": "private"}}));
        let update = json!({"update_id": 9, "message": said});
        match (Reader { instance: &instance, bot, kept: &kept }).read(9, update).unwrap() {
            Update::Said(inbound) => inbound.upstream().to_owned(),
            other => panic!("{other:?}"),
        }
    };
    assert_ne!(upstream("1", 7), upstream("2", 7));
    assert_ne!(upstream("1", -100), upstream("2", -100), "a group that is none");
    assert_eq!(upstream("1", -1_001_234_567_890), upstream("2", -1_001_234_567_890));
}

#[test]
fn an_edit_is_about_its_message_and_each_edit_is_another_one() {
    let update =
        json!({"update_id": 9, "edited_message": merged(plain(), json!({"edit_date": 1_700_000_009}))});
    let Ok(Update::Said(Inbound::Edited(edited))) = read(update) else { panic!("no edit") };
    assert_eq!((edited.upstream.as_str(), edited.message.id.as_str()), ("e9@111", "5"));
}

#[test]
fn a_thread_is_a_topic_only_where_there_are_topics() {
    assert_eq!(message(json!({"message_thread_id": 3})).message.address.thread, None);
    let general =
        json!({"message_thread_id": 3, "chat": {"id": -100, "type": "supergroup", "is_forum": true}});
    assert_eq!(message(general).message.address.thread, None, "a reply in the general topic");
    let topic = message(json!({"message_thread_id": 3, "is_topic_message": true}));
    assert_eq!(topic.message.address.thread.as_deref(), Some("3"));
}

#[test]
fn a_reply_tells_whether_the_bot_wrote_what_it_replies_to() {
    let reply = |from: i64| {
        let by = json!({"id": from, "is_bot": true, "first_name": "B"});
        let replied = merged(plain(), json!({"message_id": 4, "from": by}));
        message(json!({"reply_to_message": replied})).reply_to.unwrap()
    };
    assert!(reply(111).of_bot && !reply(112).of_bot);
}

#[test]
fn a_reply_to_the_root_of_a_topic_is_none() {
    let replied = |id: i64| json!({"message_id": id, "chat": {"id": -100}, "date": 1, "text": "root"});
    let topic = |id| {
        message(json!({"message_thread_id": 3, "is_topic_message": true, "reply_to_message": replied(id)}))
    };
    assert_eq!(topic(3).reply_to, None);
    let reply = topic(4).reply_to.unwrap();
    assert_eq!((reply.message.id.as_str(), reply.text.as_deref()), ("4", Some("root")));
    assert_eq!(reply.message.address.thread.as_deref(), Some("3"));
}

#[test]
fn every_sign_of_a_forward_counts() {
    for sign in [
        json!({"forward_origin": {"type": "hidden_user"}}),
        json!({"forward_date": 1}),
        json!({"forward_from": {"id": 1}}),
        json!({"forward_sender_name": "x"}),
    ] {
        assert!(message(sign.clone()).forwarded, "{sign}");
    }
}

#[test]
fn files_come_with_what_is_known_of_them() {
    let of = |more: Value| -> Vec<(String, AttachmentKind)> {
        let said = message(merged(json!({"text": null, "caption": "look"}), more));
        assert_eq!(said.text, "look");
        said.attachments.into_iter().map(|file| (file.handle, file.kind)).collect()
    };
    let file = |id: &str| json!({"file_id": id, "file_size": 5});
    assert_eq!(of(json!({"voice": file("v")})), [("v".to_owned(), AttachmentKind::Voice)]);
    assert_eq!(of(json!({"document": file("d")})), [("d".to_owned(), AttachmentKind::File)]);
    let picture = merged(file("d"), json!({"mime_type": "image/png"}));
    assert_eq!(of(json!({"document": picture})), [("d".to_owned(), AttachmentKind::Image)]);
    let sizes = json!([file("s"), merged(file("l"), json!({"file_size": 9})), file("m")]);
    assert_eq!(of(json!({"photo": sizes})), [("l".to_owned(), AttachmentKind::Image)]);
    assert_eq!(of(json!({"sticker": file("s")})), []);
    let asked = message(json!({"text": "/file put x", "sticker": file("s")}));
    assert_eq!(asked.attachments.len(), 1);
}

#[test]
fn what_says_nothing_is_nothing() {
    let service = merged(plain(), json!({"text": null, "new_chat_title": "x"}));
    assert_eq!(read(json!({"update_id": 9, "message": service})), Ok(Update::Nothing));
    assert_eq!(read(json!({"update_id": 9, "poll": {"id": "1"}})), Ok(Update::Nothing));
}

#[test]
fn a_group_that_becomes_a_supergroup_says_so() {
    let moved = merged(plain(), json!({"text": null, "migrate_to_chat_id": -1001}));
    assert_eq!(read(json!({"update_id": 9, "message": moved})), Ok(Update::Moved { from: -100, to: -1001 }));
}

#[test]
fn what_cannot_be_read_is_an_error_that_quotes_nothing() {
    for message in [json!({"message_id": "secret"}), json!("secret"), json!({"message_id": 1})] {
        let problem = read(json!({"update_id": 9, "message": message})).unwrap_err().to_string();
        assert!(!problem.contains("secret"), "{problem}");
    }
}

fn press(data: &str) -> Update {
    let from = json!({"id": 8, "is_bot": false, "first_name": "Bo"});
    let query = json!({"id": "q1", "from": from, "message": plain(), "chat_instance": "c", "data": data});
    read(json!({"update_id": 9, "callback_query": query})).unwrap()
}

#[test]
fn a_press_is_the_pressers_and_asks_for_what_the_button_says() {
    let command = CommandId::parse("help").unwrap();
    let action = ButtonAction::Command { command, arguments: "me".to_owned() };
    let Update::Pressed { query, inbound: Some(Inbound::Press(press)), .. } =
        press(&Kept::default().write(&action))
    else {
        panic!("no press");
    };
    assert_eq!((query.as_str(), press.sender.id.as_str(), press.message.id.as_str()), ("q1", "8", "5"));
    assert_eq!(press.action, action);
}

#[test]
fn a_press_of_an_older_takopis_button_is_about_the_run_of_its_message() {
    for (data, wanted) in [("takopi:cancel", Here::Cancel), ("takopi:steer", Here::Steer)] {
        let Update::Pressed { inbound, here, message, .. } = press(data) else { panic!("no press") };
        assert_eq!((inbound, here, message.id.as_str()), (None, Some(wanted), "5"));
    }
}

#[test]
fn a_button_nobody_knows_is_still_a_press_to_be_answered() {
    let Update::Pressed { inbound, query, .. } = press("what?") else { panic!("no press") };
    assert_eq!((inbound, query.as_str()), (None, "q1"));
}

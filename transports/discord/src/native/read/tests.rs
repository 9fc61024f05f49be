//! Interactions, read.

use serde_json::json;

use super::*;
use crate::native::stage::{instance, message, sample, user};

fn read_sample(sample: Value) -> (Origin, Wish) {
    read(&instance(), serde_json::from_value(sample).unwrap(), |message| message.content.clone()).unwrap()
}

#[test]
fn a_direct_message_has_no_member_and_opens_no_thread() {
    let mut sample = sample("4194304000", 2);
    let frame = sample.as_object_mut().unwrap();
    frame.remove("member");
    frame.remove("guild_id");
    frame.insert("user".to_owned(), user());
    frame.insert("channel".to_owned(), json!({"id": "3", "type": 1, "permissions": "0"}));
    frame.insert("data".to_owned(), json!({"id": "1", "name": "status", "type": 1}));
    let (origin, wish) = read_sample(sample);
    assert_eq!((origin.sender.id.as_str(), origin.sender.name.as_str()), ("5", "Ada L"));
    assert_eq!((origin.address.chat.as_str(), origin.address.thread), ("3", None));
    assert!(!origin.opens_threads);
    assert_eq!(origin.made, Timestamp::from_unix_ms(1_420_070_401_000), "1000 ms after Discord's epoch");
    assert_eq!(wish, Wish::Command { name: "status".to_owned(), given: Given::default() });
    assert!(!format!("{:?}", origin.key).contains("hush"));
}

#[test]
fn options_and_files_are_given_by_name() {
    let mut sample = sample("1", 2);
    let file = json!({"id": "8", "filename": "a.txt", "size": 3, "url": "http://cdn/8", "proxy_url": "http://cdn/8",
        "content_type": "text/plain"});
    sample["data"] = json!({"id": "1", "name": "ask", "type": 1, "resolved": {"attachments": {"8": file}}, "options": [
        {"name": "prompt", "type": 3, "value": "go"}, {"name": "file", "type": 11, "value": "8"},
        {"name": "times", "type": 4, "value": 2}]});
    let (origin, Wish::Command { given, .. }) = read_sample(sample) else { panic!("no command") };
    assert!(origin.opens_threads);
    let texts: Vec<_> = given.texts.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    assert_eq!(texts, [("prompt", "go"), ("times", "2")]);
    let file = &given.files[0];
    assert_eq!(
        (file.handle.as_str(), file.kind, file.bytes),
        ("http://cdn/8", AttachmentKind::File, Some(3))
    );
}

#[test]
fn a_press_in_a_thread_stands_in_its_channel() {
    let mut sample = sample("1", 3);
    (sample["channel_id"], sample["message"]) = (json!("33"), message("600"));
    sample["channel"] = json!({"id": "33", "type": 11, "permissions": "0", "parent_id": "3"});
    sample["data"] = json!({"custom_id": "tk:x", "component_type": 3, "values": ["a"]});
    let (origin, Wish::Press { message, values, .. }) = read_sample(sample) else { panic!("no press") };
    assert_eq!((origin.address.chat.as_str(), origin.address.thread.as_deref()), ("3", Some("33")));
    assert_eq!((message.id.as_str(), message.address), ("600", origin.address));
    assert_eq!(values, ["a"]);
}

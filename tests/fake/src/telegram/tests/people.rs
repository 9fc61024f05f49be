//! What people do, as the bot hears of it.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Client, FORUM, ME, server};
use crate::telegram::{Attachment, Say, TOKEN};

/// Returns the newest update's message.
fn newest(client: &Client) -> Value {
    client.call("getUpdates", json!({"offset": -1}))[0]["message"].clone()
}

#[test]
fn a_document_has_a_caption_and_can_be_fetched() {
    let server = server();
    let client = Client::of(&server);
    server.send(Say::new(ME, ME, "read this").with(Attachment::document("a.txt", b"content")).album("1"));
    let message = newest(&client);
    assert_eq!((&message["caption"], &message["media_group_id"]), (&json!("read this"), &json!("1")));
    let file = client.call("getFile", json!({"file_id": message["document"]["file_id"]}));
    let url = format!("{}/file/bot{TOKEN}/{}", server.url(), file["file_path"].as_str().unwrap());
    assert_eq!(client.agent.get(url).call().unwrap().body_mut().read_to_string().unwrap(), "content");
    assert_eq!(server.log().of("file").count(), 1);
}

#[test]
fn a_file_above_the_limit_is_not_fetched() {
    let server = server();
    let client = Client::of(&server);
    server.send(Say::new(ME, ME, "").with(Attachment::document("a.iso", b"x").claiming(21 << 20)));
    let id = newest(&client)["document"]["file_id"].clone();
    assert_eq!(client.refused("getFile", json!({"file_id": id})).1, "Bad Request: file is too big");
}

#[test]
fn a_photo_comes_in_two_sizes_and_a_voice_has_a_length() {
    let server = server();
    let client = Client::of(&server);
    server.send(Say::new(ME, ME, "").with(Attachment::photo(b"large picture")));
    let photo = newest(&client)["photo"].clone();
    assert!(photo[0]["file_size"].as_u64() < photo[1]["file_size"].as_u64(), "{photo}");
    server.send(Say::new(ME, ME, "").with(Attachment::voice(b"spoken")));
    assert_eq!(newest(&client)["voice"]["duration"], 2);
}

#[test]
fn a_forward_says_where_it_is_from() {
    let server = server();
    server.send(Say::new(ME, ME, "theirs").forwarded());
    assert_eq!(newest(&Client::of(&server))["forward_origin"]["type"], "user");
}

#[test]
fn an_old_message_has_an_old_date() {
    let server = server();
    let client = Client::of(&server);
    server.say(ME, ME, "new");
    let date = newest(&client)["date"].as_i64().unwrap();
    server.send(Say::new(ME, ME, "old").aged(Duration::from_secs(7200)));
    assert!(newest(&client)["date"].as_i64().unwrap() <= date - 7190);
}

#[test]
fn a_message_in_a_topic_replies_to_its_root() {
    let server = server();
    let client = Client::of(&server);
    let thread = server.open_topic(FORUM, ME, "work");
    server.send(Say::new(FORUM, ME, "here").thread(thread));
    let message = newest(&client);
    assert_eq!((&message["message_thread_id"], &message["is_topic_message"]), (&json!(thread), &json!(true)));
    assert_eq!(message["reply_to_message"]["forum_topic_created"]["name"], "work");
    server
        .send(Say::new(FORUM, ME, "answer").thread(thread).reply_to(message["message_id"].as_i64().unwrap()));
    assert_eq!(newest(&client)["reply_to_message"]["text"], "here");
}

#[test]
fn a_button_is_pressed_by_its_label_and_answered_once() {
    let server = server();
    let client = Client::of(&server);
    let keyboard = json!({"inline_keyboard": [[{"text": "cancel", "callback_data": "stop:1"}]]});
    let sent = client.call("sendMessage", json!({"chat_id": ME, "text": "x", "reply_markup": keyboard}));
    let pressed = server.press(ME, sent["message_id"].as_i64().unwrap(), ME, "cancel");
    let query = client.call("getUpdates", json!({}))[0]["callback_query"].clone();
    assert_eq!((&query["data"], &query["id"]), (&json!("stop:1"), &json!(pressed.id)));
    assert_eq!(query["message"]["message_id"], sent["message_id"]);
    client.call("answerCallbackQuery", json!({"callback_query_id": pressed.id, "text": "cancelling"}));
    assert_eq!(server.answers(&pressed)[0].text, "cancelling");
}

#[test]
fn waiting_in_a_chat_ends_when_the_message_is_there() {
    let server = server();
    let client = Client::of(&server);
    let said = client.begin("sendMessage", json!({"chat_id": ME, "text": "done"}));
    let text = server.wait_in(ME, "an answer", |shown| shown.last().map(|shown| shown.text.clone()));
    assert_eq!(text, "done");
    assert_eq!(said.join().unwrap().unwrap().0, 200);
}

#[test]
#[should_panic(expected = "waited in vain for a word; there is:")]
fn waiting_in_vain_shows_the_log() {
    let server = server().patient_for(Duration::from_millis(1));
    Client::of(&server).say(ME, "nothing");
    server.wait_for("a word", |_| None::<()>);
}

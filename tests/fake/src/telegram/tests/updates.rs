//! Polling: what waits, what comes again, and who may poll.

use serde_json::{Value, json};

use super::{Client, ME, server};

fn ids(updates: &Value) -> Vec<i64> {
    updates.as_array().unwrap().iter().map(|update| update["update_id"].as_i64().unwrap()).collect()
}

#[test]
fn a_poll_waits_until_somebody_speaks() {
    let server = server();
    let poll = Client::of(&server).begin("GetUpdates", json!({"timeout": 50}));
    server.wait_for("the poll", |log| log.polling.then_some(()));
    server.say(ME, ME, "/new hello");
    let (_, body) = poll.join().unwrap().unwrap();
    let message = &body["result"][0]["message"];
    assert_eq!((&message["text"], &message["from"]["id"]), (&json!("/new hello"), &json!(ME)));
    assert_eq!(message["entities"][0]["type"], "bot_command");
    assert!(!server.log().polling);
}

#[test]
fn updates_are_confirmed_by_the_offset() {
    let server = server();
    let client = Client::of(&server);
    server.say(ME, ME, "one");
    let first = ids(&client.call("getUpdates", json!({})));
    assert_eq!(ids(&client.call("getUpdates", json!({}))), first);
    assert_eq!(client.call("getUpdates", json!({"offset": first[0] + 1})), json!([]));
    let log = server.log();
    assert_eq!(log.confirmed, first[0] + 1);
    assert_eq!(log.delivered.len(), 2);
}

#[test]
fn held_updates_arrive_in_one_batch_the_unreadable_one_between() {
    let server = server();
    server.hold_updates(true);
    let poll = Client::of(&server).begin("getUpdates", json!({"timeout": 50}));
    server.say(ME, ME, "one");
    let mumbled = server.mumble(ME);
    server.say(ME, ME, "two");
    server.hold_updates(false);
    let (_, body) = poll.join().unwrap().unwrap();
    assert_eq!(ids(&body["result"]), [mumbled - 1, mumbled, mumbled + 1]);
    assert!(body["result"][1]["message"]["message_id"].is_string());
}

#[test]
fn a_second_poll_ends_the_first() {
    let server = server();
    let client = Client::of(&server);
    let first = client.begin("getUpdates", json!({"timeout": 50}));
    server.wait_for("the poll", |log| log.polling.then_some(()));
    client.call("getUpdates", json!({}));
    let (status, body) = first.join().unwrap().unwrap();
    assert_eq!(status, 409);
    assert!(
        body["description"].as_str().unwrap().starts_with("Conflict: terminated by other getUpdates request")
    );
}

#[test]
fn a_poll_can_be_broken_off() {
    let server = server();
    let poll = Client::of(&server).begin("getUpdates", json!({"timeout": 50}));
    server.wait_for("the poll", |log| log.polling.then_some(()));
    server.break_poll();
    poll.join().unwrap().unwrap_err();
    assert_eq!(server.log().calls[0].status, None);
}

#[test]
fn an_update_comes_again_under_its_id_or_as_a_new_one() {
    let server = server();
    let client = Client::of(&server);
    let said = server.send(crate::telegram::Say::new(ME, ME, "one"));
    client.call("getUpdates", json!({"offset": said.update + 1}));
    server.redeliver(said.update);
    assert_eq!(ids(&client.call("getUpdates", json!({"offset": said.update + 1}))), [said.update]);
    let fresh = server.repeat(said.update);
    let updates = client.call("getUpdates", json!({"offset": said.update + 1}));
    assert_eq!(ids(&updates), [fresh]);
    assert_eq!(updates[0]["message"]["message_id"], said.message);
}

#[test]
fn edits_come_to_those_who_ask_for_them() {
    let server = server();
    let client = Client::of(&server);
    let kinds = json!({"allowed_updates": ["message", "edited_message"]});
    client.call("getUpdates", kinds);
    let message = server.say(ME, ME, "one");
    let update = server.edit(ME, message, "two");
    let updates = client.call("getUpdates", json!({"offset": update}));
    assert_eq!(updates[0]["edited_message"]["text"], "two");
}

#[test]
fn deleting_the_webhook_may_drop_what_waits() {
    let server = server();
    let client = Client::of(&server);
    server.say(ME, ME, "one");
    client.call("deleteWebhook", json!({"drop_pending_updates": true}));
    assert_eq!(client.call("getUpdates", json!({})), json!([]));
}

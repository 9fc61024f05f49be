//! Threads: made once for a message, archived, posts of forums.

use serde_json::json;

use super::{Client, id};
use crate::discord::DiscordServer;

fn setting() -> (DiscordServer, Client) {
    let server = DiscordServer::begin().unwrap();
    server.limits(false);
    let client = Client::of(&server);
    (server, client)
}

#[test]
fn a_message_has_one_thread_with_its_own_id() {
    let (server, client) = setting();
    let general = server.channel("general");
    let starter = server.person("bob").says("general", "do it");
    let path = format!("/channels/{general}/messages/{starter}/threads");
    let thread = client.call("POST", &path, json!({"name": "do it"}));
    assert_eq!((id(&thread), thread["parent_id"].as_str()), (starter, Some(general.to_string().as_str())));
    assert_eq!(server.message(starter).unwrap().thread, Some(starter));
    assert_eq!(client.refused("POST", &path, json!({"name": "again"})), (400, 160_004));
    client.send(starter, "on it");
    assert_eq!(server.threads()[0].name, "do it");
    assert_eq!(server.shown(starter).last().unwrap().text, "on it");
}

#[test]
fn names_of_threads_have_limits() {
    let (server, client) = setting();
    let general = server.channel("general");
    let starter = server.person("bob").says("general", "do it");
    let path = format!("/channels/{general}/messages/{starter}/threads");
    for name in ["", "   ", &"x".repeat(101)] {
        assert_eq!(client.refused("POST", &path, json!({"name": name})), (400, 50035));
    }
    assert_eq!(
        client.refused("POST", &path, json!({"name": "x", "auto_archive_duration": 61})),
        (400, 50035)
    );
    client.call("POST", &path, json!({"name": "ü".repeat(100), "auto_archive_duration": 60}));
}

#[test]
fn an_archived_thread_takes_messages_and_no_edits() {
    let (server, client) = setting();
    let general = server.channel("general");
    let thread = client.send(general, "start");
    client.call("POST", &format!("/channels/{general}/messages/{thread}/threads"), json!({"name": "t"}));
    let message = client.send(thread, "x");
    server.change_channel(thread, &json!({"archived": true}));
    let path = format!("/channels/{thread}/messages/{message}");
    assert_eq!(client.refused("PATCH", &path, json!({"content": "y"})), (400, 50083));
    assert_eq!(client.refused("PATCH", &format!("/channels/{thread}"), json!({"name": "n"})), (400, 50083));
    client.send(thread, "awake");
    assert!(!server.threads()[0].archived);
    client.call("PATCH", &path, json!({"content": "y"}));
}

#[test]
fn a_post_of_a_forum_begins_with_its_message() {
    let (server, client) = setting();
    let forum = server.channel("forum");
    assert_eq!(
        client.refused("POST", &format!("/channels/{forum}/messages"), json!({"content": "x"})),
        (400, 50008)
    );
    let body = json!({"name": "post", "message": {"content": "first"}});
    let post = id(&client.call("POST", &format!("/channels/{forum}/threads"), body));
    assert_eq!(server.shown(post)[0].id, post);
    let theirs = server.person("alice").posts("forum", "help", "please");
    assert_eq!(server.shown(theirs)[0].text, "please");
    assert_eq!(server.channel("help"), theirs);
}

#[test]
fn a_thread_is_renamed_twice_in_ten_minutes() {
    let (server, client) = setting();
    server.limits(true);
    let general = server.channel("general");
    let thread = client.send(general, "start");
    client.call("POST", &format!("/channels/{general}/messages/{thread}/threads"), json!({"name": "t"}));
    let path = format!("/channels/{thread}");
    for name in ["one", "two"] {
        client.call("PATCH", &path, json!({"name": name}));
    }
    let (status, answer) = client.try_call("PATCH", &path, &json!({"name": "three"})).unwrap();
    assert_eq!(status, 429);
    assert!(answer["retry_after"].as_f64().unwrap() > 500.0, "{answer}");
    client.call("PATCH", &path, json!({"archived": true}));
    server.advance(std::time::Duration::from_secs(600));
    client.call("PATCH", &path, json!({"name": "three", "archived": false}));
}

//! Messages: what is refused, what is shown, who is pinged.

use serde_json::json;

use super::{Client, id};
use crate::discord::{Attachment, DiscordServer, permission};

fn setting() -> (DiscordServer, Client, u64) {
    let server = DiscordServer::begin().unwrap();
    let (client, general) = (Client::of(&server), server.channel("general"));
    server.limits(false);
    (server, client, general)
}

#[test]
fn a_message_is_sent_changed_and_deleted() {
    let (server, client, general) = setting();
    let message = client.send(general, "one");
    client.call("PATCH", &format!("/channels/{general}/messages/{message}"), json!({"content": "two"}));
    let shown = server.message(message).unwrap();
    assert_eq!((shown.text.as_str(), shown.edits, shown.by_bot), ("two", 1, true));
    assert_eq!(server.stats().edits[&general], 1);
    client.call("DELETE", &format!("/channels/{general}/messages/{message}"), json!(null));
    assert!(server.shown(general).is_empty());
    assert_eq!(server.deleted()[0].text, "two");
}

#[test]
fn two_thousand_characters_fit_and_one_more_does_not() {
    let (_server, client, general) = setting();
    client.send(general, &"é".repeat(2000));
    let path = format!("/channels/{general}/messages");
    assert_eq!(client.refused("POST", &path, json!({"content": "é".repeat(2001)})), (400, 50035));
    assert_eq!(client.refused("POST", &path, json!({"content": "  "})), (400, 50006));
}

#[test]
fn refusals_say_where_the_mistake_is() {
    let (_server, client, general) = setting();
    let button = |label: &str, id: &str| json!({"type": 2, "style": 2, "label": label, "custom_id": id});
    let row = |buttons: Vec<serde_json::Value>| json!({"content": "x", "components": [{"type": 1, "components": buttons}]});
    let path = format!("/channels/{general}/messages");
    let (_, answer) = client.try_call("POST", &path, &row(vec![button(&"x".repeat(81), "a")])).unwrap();
    let place = &answer["errors"]["components"]["0"]["components"]["0"]["label"]["_errors"][0]["code"];
    assert_eq!((answer["code"].as_u64(), place.as_str()), (Some(50035), Some("BASE_TYPE_MAX_LENGTH")));
    for broken in [
        row(vec![button("x", &"i".repeat(101))]),
        row(vec![button("x", "a"), button("y", "a")]),
        row((0..6).map(|number| button("x", &number.to_string())).collect()),
        row(vec![]),
        json!({"content": "x", "components": vec![json!({"type": 1, "components": [button("x", "a")]}); 6]}),
    ] {
        assert_eq!(client.refused("POST", &path, broken), (400, 50035));
    }
    let options: Vec<_> = (0..26).map(|n| json!({"label": "x", "value": n.to_string()})).collect();
    let select = json!({"type": 3, "custom_id": "s", "options": options});
    assert_eq!(client.refused("POST", &path, row(vec![select])), (400, 50035));
}

#[test]
fn only_who_is_allowed_is_pinged() {
    let (server, client, general) = setting();
    let alice = server.person("alice");
    let path = format!("/channels/{general}/messages");
    let asked = alice.says("general", "hello @takopi");
    let text = format!("@everyone <@{}>", alice.id);
    let quiet = json!({"parse": [], "replied_user": false});
    let reply = json!({"message_id": asked.to_string()});
    client.call(
        "POST",
        &path,
        json!({"content": text, "allowed_mentions": quiet, "message_reference": reply}),
    );
    assert_eq!(server.pings(), []);
    let named = json!({"parse": [], "users": [alice.id.to_string()]});
    client.call("POST", &path, json!({"content": text, "allowed_mentions": named}));
    assert_eq!(
        (server.pings()[0].users.clone(), server.pings()[0].everyone),
        (vec!["alice".to_owned()], false)
    );
    client.call("POST", &path, json!({"content": text}));
    assert!(server.pings()[1].everyone);
    let both = json!({"parse": ["users"], "users": [alice.id.to_string()]});
    assert_eq!(
        client.refused("POST", &path, json!({"content": "x", "allowed_mentions": both})),
        (400, 50035)
    );
}

#[test]
fn a_reply_needs_its_message_in_the_same_channel() {
    let (server, client, general) = setting();
    let elsewhere = server.person("bob").says("random", "hello");
    let path = format!("/channels/{general}/messages");
    let reply = json!({"content": "x", "message_reference": {"message_id": elsewhere.to_string()}});
    assert_eq!(client.refused("POST", &path, reply.clone()), (400, 50035));
    let mut lenient = reply;
    lenient["message_reference"]["fail_if_not_exists"] = false.into();
    client.call("POST", &path, lenient);
    assert_eq!(server.shown(general)[0].reply_to, None);
}

#[test]
fn only_own_messages_are_edited() {
    let (server, client, general) = setting();
    let theirs = server.person("bob").says("general", "hello");
    let path = format!("/channels/{general}/messages/{theirs}");
    assert_eq!(client.refused("PATCH", &path, json!({"content": "x"})), (403, 50005));
    assert_eq!(client.refused("DELETE", &path, json!(null)), (403, 50013));
    assert_eq!(client.refused("GET", &format!("/channels/{general}/messages/7"), json!(null)), (404, 10008));
    assert_eq!(client.refused("GET", "/channels/7", json!(null)), (404, 10003));
}

#[test]
fn a_nonce_keeps_a_message_from_being_sent_twice() {
    let (server, client, general) = setting();
    let path = format!("/channels/{general}/messages");
    let once = json!({"content": "x", "nonce": "a1", "enforce_nonce": true});
    let first = client.call("POST", &path, once.clone());
    assert_eq!(id(&client.call("POST", &path, once.clone())), id(&first));
    assert_eq!((server.shown(general).len(), server.stats().nonces_met), (1, 1));
    client.call("POST", &path, json!({"content": "x", "nonce": "a1"}));
    assert_eq!(server.shown(general).len(), 2, "without enforce_nonce nothing is looked for");
    assert_eq!(client.refused("POST", &path, json!({"content": "x", "nonce": "n".repeat(26)})), (400, 50035));
}

#[test]
fn messages_after_an_id_come_newest_first() {
    let (server, client, general) = setting();
    let bob = server.person("bob");
    let said: Vec<u64> = ["a", "b", "c", "d"].map(|text| bob.says("general", text)).to_vec();
    let found =
        client.call("GET", &format!("/channels/{general}/messages?after={}&limit=2", said[0]), json!(null));
    let ids: Vec<u64> = found.as_array().unwrap().iter().map(id).collect();
    assert_eq!(ids, [said[2], said[1]]);
    let path = format!("/channels/{general}/messages?limit=101");
    assert_eq!(client.refused("GET", &path, json!(null)), (400, 50035));
}

#[test]
fn files_go_up_and_come_down() {
    let (server, client, general) = setting();
    let form = "--edge\r\nContent-Disposition: form-data; name=\"payload_json\"\r\n\r\n{\"content\": \"see\"}\r\n--edge\r\n\
                Content-Disposition: form-data; name=\"files[0]\"; filename=\"a.txt\"\r\nContent-Type: text/plain\r\n\r\nbytes\r\n--edge--\r\n";
    let request = client.agent.post(format!("{}/api/v10/channels/{general}/messages", server.url()));
    let request = request.header("authorization", format!("Bot {}", server.token()));
    let sent = request.content_type("multipart/form-data; boundary=edge").send(form).unwrap();
    assert_eq!(sent.status(), 200);
    let shown = server.shown(general).remove(0);
    assert_eq!((shown.text.as_str(), &*shown.files[0].bytes), ("see", &b"bytes"[..]));
    let theirs = server.person("bob").sends("general", "", None, &[Attachment::new("b c.txt", b"more")]);
    let told = client.call("GET", &format!("/channels/{general}/messages/{theirs}"), json!(null));
    // Without a mention and with the intent granted it is readable.
    let url = told["attachments"][0]["url"].as_str().unwrap();
    assert_eq!(client.agent.get(url).call().unwrap().body_mut().read_to_string().unwrap(), "more");
}

#[test]
fn what_the_bot_may_not_do_is_refused() {
    let (server, client, general) = setting();
    let path = format!("/channels/{general}/messages");
    server.allow_bot("general", 0, permission::SEND_MESSAGES);
    assert_eq!(client.refused("POST", &path, json!({"content": "x"})), (403, 50013));
    server.allow_bot("general", 0, permission::VIEW_CHANNEL);
    assert_eq!(client.refused("POST", &path, json!({"content": "x"})), (403, 50001));
    assert_eq!(client.refused("GET", &format!("/channels/{general}"), json!(null)), (403, 50001));
    assert_eq!(server.stats().invalid, 3);
}

#[test]
fn a_wrong_token_is_refused() {
    let (server, client, _) = setting();
    let request = client.agent.get(format!("{}/api/v10/users/@me", server.url()));
    let answer = request.header("authorization", "Bot wrong").call().unwrap();
    assert_eq!((answer.status().as_u16(), server.stats().invalid), (401, 1));
}

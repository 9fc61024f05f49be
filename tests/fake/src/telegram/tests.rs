//! The server as a client sees it.

mod faults;
mod people;
mod refusals;
mod updates;

use std::thread::{JoinHandle, spawn};

use serde_json::{Value, json};

use super::{TOKEN, TelegramServer};

/// A person, and the private chat with them.
const ME: i64 = 1001;
const GROUP: i64 = -2001;
const FORUM: i64 = -3001;

/// Returns a server with a private chat, a supergroup and a forum.
fn server() -> TelegramServer {
    let server = TelegramServer::start().unwrap();
    server.private(ME);
    server.supergroup(GROUP, "group");
    server.forum(FORUM, "forum");
    server
}

/// A client of the Bot API. It can be sent to another thread.
#[derive(Clone)]
struct Client {
    agent: ureq::Agent,
    url: String,
}

impl Client {
    fn of(server: &TelegramServer) -> Self {
        let config = ureq::Agent::config_builder().http_status_as_error(false).build();
        Self { agent: config.into(), url: server.url() }
    }

    /// Returns the HTTP status and the body of an answer, or the error of a connection that broke.
    fn try_call(&self, method: &str, params: &Value) -> Result<(u16, Value), ureq::Error> {
        let mut response = self.agent.post(format!("{}/bot{TOKEN}/{method}", self.url)).send_json(params)?;
        let status = response.status().as_u16();
        Ok((status, response.body_mut().read_json()?))
    }

    fn call(&self, method: &str, params: Value) -> Value {
        let (status, body) = self.try_call(method, &params).unwrap();
        assert_eq!((status, &body["ok"]), (200, &json!(true)), "{method} {params}: {body}");
        body["result"].clone()
    }

    fn refused(&self, method: &str, params: Value) -> (u16, String) {
        let (status, body) = self.try_call(method, &params).unwrap();
        assert_eq!(
            (&body["ok"], &body["error_code"]),
            (&json!(false), &json!(status)),
            "{method} {params}: {body}"
        );
        (status, body["description"].as_str().unwrap().to_owned())
    }

    /// Sends a text and returns the message's id.
    fn say(&self, chat: i64, text: &str) -> i64 {
        self.call("sendMessage", json!({"chat_id": chat, "text": text}))["message_id"].as_i64().unwrap()
    }

    /// Calls without waiting for the end.
    fn begin(&self, method: &'static str, params: Value) -> JoinHandle<Result<(u16, Value), ureq::Error>> {
        let client = self.clone();
        spawn(move || client.try_call(method, &params))
    }

    /// Posts a form as teloxide does: the file in a part of its own, which the field names.
    fn post_document(&self, chat: i64, name: &str, bytes: &[u8], caption: &str) -> Value {
        let field = |name: &str, value: &str| {
            format!("--edge\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        };
        let mut form = field("chat_id", &chat.to_string()) + &field("caption", caption);
        form += &field("caption_entities", r#"[{"type":"bold","offset":0,"length":1}]"#);
        form += &field("document", "attach://part1");
        form += "--edge\r\nContent-Disposition: form-data; name=\"part1\"; filename=\"";
        form += name;
        form += "\"\r\nContent-Type: application/octet-stream\r\n\r\n";
        let form = [form.as_bytes(), bytes, b"\r\n--edge--\r\n"].concat();
        let request = self.agent.post(format!("{}/bot{TOKEN}/SendDocument", self.url));
        let request = request.content_type("multipart/form-data; boundary=edge");
        request.send(&form[..]).unwrap().body_mut().read_json().unwrap()
    }
}

#[test]
fn names_may_be_written_in_any_case() {
    let server = server();
    let me = Client::of(&server).call("GetMe", json!({}));
    assert_eq!(me["username"], "takopi_test_bot");
    assert_eq!(server.log().calls[0].method, "getMe");
}

#[test]
fn what_is_sent_is_shown() {
    let server = server();
    let client = Client::of(&server);
    let asked = server.say(ME, ME, "hello");
    let sent = client.call(
        "SendMessage",
        json!({
            "chat_id": ME, "text": " 🐙 hi ", "entities": [{"type": "bold", "offset": 4, "length": 2}],
            "reply_parameters": {"message_id": asked}, "disable_notification": true,
            "link_preview_options": {"is_disabled": true},
            "reply_markup": {"inline_keyboard": [[{"text": "cancel", "callback_data": "c"}]]},
        }),
    );
    assert_eq!(sent["reply_to_message"]["text"], "hello");
    let shown = server.shown(ME);
    assert_eq!(shown[0].text, "hello");
    let answer = &shown[1];
    assert_eq!(answer.text, "🐙 hi");
    assert_eq!(answer.set_off("bold"), ["hi"]);
    assert_eq!(answer.labels(), ["cancel"]);
    assert_eq!(answer.reply_to, Some(asked));
    assert!(answer.by_bot && answer.silent && !answer.preview && answer.edits == 0);
}

#[test]
fn an_edit_changes_the_text_and_takes_the_buttons_away() {
    let server = server();
    let client = Client::of(&server);
    let keyboard = json!({"inline_keyboard": [[{"text": "cancel", "callback_data": "c"}]]});
    let sent = client.call("sendMessage", json!({"chat_id": ME, "text": "one", "reply_markup": keyboard}));
    client.call("editMessageText", json!({"chat_id": ME, "message_id": sent["message_id"], "text": "two"}));
    let shown = &server.shown(ME)[0];
    assert_eq!((shown.text.as_str(), shown.edits, shown.labels().len()), ("two", 1, 0));
    assert_eq!(shown.versions[0].text, "one");
    assert!(shown.versions[0].at <= shown.versions[1].at);
}

#[test]
fn buttons_change_alone() {
    let server = server();
    let client = Client::of(&server);
    let message = client.say(ME, "one");
    let keyboard = json!({"inline_keyboard": [[{"text": "more", "callback_data": "m"}]]});
    let params = json!({"chat_id": ME, "message_id": message, "reply_markup": keyboard});
    client.call("editMessageReplyMarkup", params.clone());
    assert_eq!(server.shown(ME)[0].labels(), ["more"]);
    assert!(client.refused("editMessageReplyMarkup", params).1.contains("message is not modified"));
}

#[test]
fn what_is_deleted_is_gone_but_not_forgotten() {
    let server = server();
    let client = Client::of(&server);
    let message = client.say(ME, "one");
    client.call("deleteMessage", json!({"chat_id": ME, "message_id": message}));
    assert!(server.shown(ME).is_empty());
    assert_eq!(server.deleted(ME)[0].text, "one");
}

#[test]
fn a_document_comes_as_a_form() {
    let server = server();
    let body = Client::of(&server).post_document(ME, "notes.txt", b"\0two\r\nlines", " look ");
    assert_eq!(body["result"]["document"]["file_name"], "notes.txt", "{body}");
    let shown = &server.shown(ME)[0];
    let file = shown.file.as_ref().unwrap();
    assert_eq!((file.name.as_str(), &file.bytes[..]), ("notes.txt", &b"\0two\r\nlines"[..]));
    assert_eq!(shown.text, "look");
    assert_eq!(server.log().calls[0].params["part1"]["bytes"], 11);
}

#[test]
fn reactions_actions_and_the_menu_are_kept() {
    let server = server();
    let client = Client::of(&server);
    let message = server.say(ME, ME, "hello");
    let eyes = json!([{"type": "emoji", "emoji": "👀"}]);
    client.call("setMessageReaction", json!({"chat_id": ME, "message_id": message, "reaction": eyes}));
    client.call("sendChatAction", json!({"chat_id": ME, "action": "typing"}));
    let menu = json!([{"command": "cancel", "description": "cancel run"}]);
    client.call("setMyCommands", json!({"commands": menu}));
    assert_eq!(client.call("getMyCommands", json!({})), menu);
    assert_eq!(server.shown(ME)[0].reactions, ["👀"]);
    assert_eq!(server.menu(), [("cancel".to_owned(), "cancel run".to_owned())]);
}

#[test]
fn topics_are_made_renamed_and_closed_by_who_may() {
    let server = server();
    let client = Client::of(&server);
    let create = json!({"chat_id": FORUM, "name": "work"});
    assert!(client.refused("createForumTopic", create.clone()).1.contains("not enough rights"));
    server.bot_role(FORUM, super::Role::Admin { manages_topics: true });
    let thread = client.call("createForumTopic", create)["message_thread_id"].as_i64().unwrap();
    client.call("editForumTopic", json!({"chat_id": FORUM, "message_thread_id": thread, "name": "play"}));
    assert_eq!(server.topic(FORUM, thread).unwrap(), "play");
    client.call("sendMessage", json!({"chat_id": FORUM, "message_thread_id": thread, "text": "here"}));
    assert_eq!(server.shown(FORUM)[1].thread, Some(thread));
    client.call("closeForumTopic", json!({"chat_id": FORUM, "message_thread_id": thread}));
    server.bot_role(FORUM, super::Role::Member);
    let late = json!({"chat_id": FORUM, "message_thread_id": thread, "text": "late"});
    assert_eq!(client.refused("sendMessage", late), (400, "Bad Request: TOPIC_CLOSED".to_owned()));
}

#[test]
fn chats_and_their_members_are_described() {
    let server = server();
    let client = Client::of(&server);
    assert_eq!(client.call("getChat", json!({"chat_id": FORUM}))["is_forum"], true);
    let me = client.call("getChatMember", json!({"chat_id": ME, "user_id": ME}));
    assert_eq!(me["status"], "member");
    server.role(GROUP, ME, super::Role::Owner);
    let member = |user: i64| client.call("getChatMember", json!({"chat_id": GROUP, "user_id": user}));
    assert_eq!(member(ME)["status"], "creator");
    assert_eq!(member(111)["status"], "member");
    server.user(5, "Five", "five");
    assert_eq!(member(5)["status"], "left");
    let stranger = client.refused("getChatMember", json!({"chat_id": GROUP, "user_id": 6}));
    assert_eq!(stranger.1, "Bad Request: PARTICIPANT_ID_INVALID");
}

//! What Telegram refuses is refused, in its words.

use serde_json::{Value, json};

use super::{Client, FORUM, GROUP, ME, server};

#[test]
fn a_text_has_one_to_4096_units() {
    let server = server();
    let client = Client::of(&server);
    let say = |text: String| json!({"chat_id": ME, "text": text});
    client.call("sendMessage", say(format!(" {} ", "🐙".repeat(2048))));
    let refused = |text| client.refused("sendMessage", say(text)).1;
    assert_eq!(refused("🐙".repeat(2049)), "Bad Request: message is too long");
    assert_eq!(refused(" \n ".to_owned()), "Bad Request: message text is empty");
}

#[test]
fn a_chat_that_is_not_there_is_not_found() {
    let server = server();
    let client = Client::of(&server);
    for chat in [json!(7), json!("@somebody"), Value::Null] {
        let refused = client.refused("sendMessage", json!({"chat_id": chat, "text": "x"}));
        assert_eq!(refused, (400, "Bad Request: chat not found".to_owned()));
    }
}

#[test]
fn only_own_messages_that_are_there_are_edited_and_only_to_something_else() {
    let server = server();
    let client = Client::of(&server);
    let (mine, theirs) = (client.say(ME, "one"), server.say(ME, ME, "hello"));
    let edit = |message: i64, text: &str| {
        client.refused("editMessageText", json!({"chat_id": ME, "message_id": message, "text": text})).1
    };
    assert_eq!(edit(999, "two"), "Bad Request: message to edit not found");
    assert_eq!(edit(theirs, "two"), "Bad Request: message can't be edited");
    assert_eq!(
        edit(mine, "one "),
        "Bad Request: message is not modified: specified new message content and reply markup are exactly the same as \
         a current content and reply markup of the message"
    );
}

#[test]
fn a_reply_to_what_is_gone_is_refused_unless_it_may_stand_alone() {
    let server = server();
    let client = Client::of(&server);
    let reply = |alone: bool| {
        let parameters = json!({"message_id": 999, "allow_sending_without_reply": alone});
        json!({"chat_id": ME, "text": "x", "reply_parameters": parameters})
    };
    let refused = client.refused("sendMessage", reply(false)).1;
    assert_eq!(refused, "Bad Request: message to be replied not found");
    client.call("sendMessage", reply(true));
    assert_eq!(server.shown(ME)[0].reply_to, None);
}

#[test]
fn a_topic_that_is_gone_is_not_found() {
    let server = server();
    let client = Client::of(&server);
    let thread = server.open_topic(FORUM, ME, "work");
    let say = json!({"chat_id": FORUM, "message_thread_id": thread, "text": "x"});
    client.call("sendMessage", say.clone());
    server.delete_topic(FORUM, thread);
    assert_eq!(client.refused("sendMessage", say).1, "Bad Request: message thread not found");
    // The first topic of a forum has no id of its own to write to.
    let general = json!({"chat_id": FORUM, "message_thread_id": 1, "text": "x"});
    assert_eq!(client.refused("sendMessage", general).1, "Bad Request: message thread not found");
}

#[test]
fn others_messages_in_a_group_are_deleted_by_administrators_only() {
    let server = server();
    let client = Client::of(&server);
    let delete = json!({"chat_id": GROUP, "message_id": server.say(GROUP, ME, "hello")});
    assert_eq!(client.refused("deleteMessage", delete.clone()).1, "Bad Request: message can't be deleted");
    server.bot_role(GROUP, crate::telegram::Role::Admin { manages_topics: false });
    client.call("deleteMessage", delete.clone());
    assert_eq!(client.refused("deleteMessage", delete).1, "Bad Request: message to delete not found");
}

#[test]
fn a_chat_that_shut_the_bot_out_refuses_everything() {
    let server = server();
    let client = Client::of(&server);
    server.shut_out(ME, 403, "Forbidden: bot was blocked by the user");
    let say = json!({"chat_id": ME, "text": "x"});
    assert_eq!(client.refused("sendMessage", say).0, 403);
    server.let_in(ME);
    client.say(ME, "x");
}

#[test]
fn a_wrong_token_is_unauthorized() {
    let server = server();
    for path in ["bot111:wrong/getMe", "file/bot111:wrong/documents/file_1"] {
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let mut response = agent.get(format!("{}/{path}", server.url())).call().unwrap();
        assert_eq!(response.status().as_u16(), 401);
        assert_eq!(response.body_mut().read_json::<Value>().unwrap()["description"], "Unauthorized");
    }
}

#[test]
fn other_methods_are_not_found_and_noted_without_the_token() {
    let server = server();
    assert_eq!(
        Client::of(&server).refused("sendDice", json!({"chat_id": ME})),
        (404, "Not Found".to_owned())
    );
    assert_eq!(server.log().other, ["POST /botTOKEN/sendDice"]);
}

#[test]
fn the_limits_say_how_long_to_wait() {
    let server = server();
    let client = Client::of(&server);
    server.limit(true);
    for number in 0..20 {
        client.say(GROUP, &format!("message {number}"));
    }
    let say = json!({"chat_id": GROUP, "text": "one more"});
    let (status, body) = client.try_call("sendMessage", &say).unwrap();
    assert_eq!(status, 429);
    let wait = body["parameters"]["retry_after"].as_u64().unwrap();
    assert!((1..=60).contains(&wait), "{body}");
    assert_eq!(body["description"], format!("Too Many Requests: retry after {wait}"));
    server.limit(false);
    client.call("sendMessage", say);
}

#[test]
fn a_menu_with_a_name_that_is_none_is_refused() {
    let server = server();
    let client = Client::of(&server);
    for name in ["Cancel", "", "a-b", &"x".repeat(33)] {
        let menu = json!({"commands": [{"command": name, "description": "d"}]});
        assert_eq!(client.refused("setMyCommands", menu).1, "Bad Request: BOT_COMMAND_INVALID");
    }
}

#[test]
fn a_press_that_nobody_made_has_no_answer() {
    let server = server();
    let refused = Client::of(&server).refused("answerCallbackQuery", json!({"callback_query_id": "1"}));
    assert!(refused.1.starts_with("Bad Request: query is too old"));
}

//! Interactions: answered in time, once, and further by their token.

use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Bot, Client};
use crate::discord::{Ack, DiscordServer, Options, Seen};

struct Setting {
    server: DiscordServer,
    client: Client,
    bot: Bot,
}

fn setting() -> Setting {
    let server = DiscordServer::begin().unwrap();
    server.limits(false);
    let client = Client::of(&server);
    let path = format!("/applications/{}/guilds/{}/commands", server.bot(), server.guild("Takopi Test"));
    let project =
        json!({"name": "project", "description": "x", "type": 3, "autocomplete": true, "required": true});
    let commands = json!([
        {"name": "status", "description": "x"},
        {"name": "bind", "description": "x", "options": [project], "default_member_permissions": "8"}
    ]);
    client.call("PUT", &path, commands);
    let (bot, _) = Bot::ready(&server);
    Setting { server, client, bot }
}

fn callback(told: &Value) -> String {
    format!("/interactions/{}/{}/callback", told["id"].as_str().unwrap(), told["token"].as_str().unwrap())
}

fn hook(server: &DiscordServer, told: &Value) -> String {
    format!("/webhooks/{}/{}", server.bot(), told["token"].as_str().unwrap())
}

impl Setting {
    /// Lets somebody do something, answers it with this, and returns what they see and what the bot was told.
    fn answered(&mut self, deed: impl FnOnce(&DiscordServer) -> Seen + Send, answer: Value) -> (Seen, Value) {
        thread::scope(|scope| {
            let server = &self.server;
            let seen = scope.spawn(move || deed(server));
            let told = self.bot.event("INTERACTION_CREATE");
            self.client.call("POST", &callback(&told), answer);
            (seen.join().unwrap(), told)
        })
    }
}

fn status(server: &DiscordServer) -> Seen {
    server.person("alice").uses("general", "status", Options::new())
}

#[test]
fn a_command_is_answered_for_one_person_alone() {
    let mut setting = setting();
    let answer = json!({"type": 4, "data": {"content": "fine", "flags": 64}});
    let (seen, told) = setting.answered(status, answer);
    assert_eq!((seen.ack, seen.ephemeral, seen.text().as_str()), (Some(Ack::Message), true, "fine"));
    assert_eq!(told["member"]["user"]["username"], "alice");
    assert_eq!(told["data"]["name"], "status");
    let shown = setting.server.shown("general").remove(0);
    assert_eq!(shown.only_for.as_deref(), Some("alice"));
    let path = format!("/channels/{}/messages/{}", shown.channel, shown.id);
    assert_eq!(setting.client.refused("GET", &path, json!(null)), (404, 10008));
}

#[test]
fn a_second_answer_and_a_late_one_are_refused() {
    let mut setting = setting();
    let (_, told) = setting.answered(status, json!({"type": 5}));
    assert_eq!(setting.client.refused("POST", &callback(&told), json!({"type": 5})), (400, 40060));
    let asked = setting.server.person("alice").asks("general", "status", Options::new());
    let told = setting.bot.event("INTERACTION_CREATE");
    setting.server.repeat_interaction(asked);
    assert_eq!(setting.bot.event("INTERACTION_CREATE"), told);
    setting.server.advance(Duration::from_millis(3001));
    let seen = setting.server.wait_ack(asked);
    assert!(seen.failed && seen.ack.is_none());
    assert_eq!(setting.client.refused("POST", &callback(&told), json!({"type": 5})), (404, 10062));
}

#[test]
fn a_defer_is_filled_first_and_its_token_ends() {
    let mut setting = setting();
    let (seen, told) = setting.answered(status, json!({"type": 5}));
    assert!(seen.message.unwrap().loading);
    let hook = hook(&setting.server, &told);
    setting.client.call("POST", &hook, json!({"content": "one", "flags": 64}));
    let second = setting.client.call("POST", &hook, json!({"content": "two", "flags": 64}));
    let seen = setting.server.wait_seen(seen.id, "both", |seen| seen.answers.len() == 2);
    assert_eq!(seen.text(), "one\ntwo");
    assert_eq!(seen.answers[0].only_for, None, "what was deferred for all is for all");
    assert_eq!(seen.answers[1].only_for.as_deref(), Some("alice"));
    let path = format!("{hook}/messages/{}", second["id"].as_str().unwrap());
    setting.client.call("PATCH", &path, json!({"content": "three"}));
    setting.client.call("PATCH", &format!("{hook}/messages/@original"), json!({"content": "first"}));
    setting.server.advance(Duration::from_secs(15 * 60));
    assert_eq!(setting.client.refused("POST", &hook, json!({"content": "x"})), (401, 50027));
    assert_eq!(setting.client.refused("POST", &format!("{hook}x"), json!({"content": "x"})), (404, 10015));
}

#[test]
fn what_is_typed_is_completed() {
    let mut setting = setting();
    let choices = json!({"type": 8, "data": {"choices": [{"name": "z80", "value": "z80"}]}});
    let typing = |server: &DiscordServer| {
        server.person("alice").types("general", "bind", Options::new().with("project", "z"), "project")
    };
    let (seen, told) = setting.answered(typing, choices);
    assert_eq!(seen.choices, [("z80".to_owned(), json!("z80"))]);
    assert_eq!(told["data"]["options"][0]["focused"], true);
    let asked = setting.server.person("alice");
    asked.asks("general", "bind", Options::new().with("project", "z80"));
    let told = setting.bot.event("INTERACTION_CREATE");
    assert_eq!(setting.client.refused("POST", &callback(&told), json!({"type": 8})), (400, 50035));
}

#[test]
#[should_panic(expected = "can't be used there")]
fn a_command_is_hidden_from_those_who_may_not() {
    let setting = setting();
    setting.server.person("bob").asks("general", "bind", Options::new().with("project", "z80"));
}

#[test]
fn a_button_opens_a_window_that_comes_back_filled() {
    let mut setting = setting();
    let general = setting.server.channel("general");
    let button = json!({"type": 2, "style": 1, "label": "Say more", "custom_id": "tk:more"});
    let body = json!({"content": "?", "components": [{"type": 1, "components": [button]}]});
    let sent = super::id(&setting.client.call("POST", &format!("/channels/{general}/messages"), body));
    let input = json!({"type": 4, "custom_id": "text", "label": "What?", "style": 2});
    let modal =
        json!({"custom_id": "tk:m", "title": "More", "components": [{"type": 1, "components": [input]}]});
    let click = |server: &DiscordServer| server.person("bob").clicks(sent, "Say more");
    let (seen, told) = setting.answered(click, json!({"type": 9, "data": modal}));
    assert_eq!(
        (told["data"]["custom_id"].as_str(), told["message"]["id"].as_str()),
        (Some("tk:more"), Some(sent.to_string().as_str()))
    );
    assert_eq!(seen.modal.clone().unwrap().fields[0].label, "What?");
    let submit = |server: &DiscordServer| server.person("bob").submits(&seen, &[("text", "all of it")]);
    let update = json!({"type": 7, "data": {"content": "thanks", "components": []}});
    let (seen, told) = setting.answered(submit, update);
    assert_eq!(told["data"]["components"][0]["components"][0]["value"], "all of it");
    assert_eq!(seen.ack, Some(Ack::Update));
    let shown = setting.server.message(sent).unwrap();
    assert_eq!((shown.text.as_str(), shown.buttons.len()), ("thanks", 0));
}

#[test]
fn a_menu_brings_back_what_was_chosen() {
    let mut setting = setting();
    let general = setting.server.channel("general");
    let options = json!([{"label": "One", "value": "1"}, {"label": "Two", "value": "2"}]);
    let select = json!({"type": 3, "custom_id": "tk:s", "options": options});
    let body = json!({"content": "?", "components": [{"type": 1, "components": [select]}]});
    let sent = super::id(&setting.client.call("POST", &format!("/channels/{general}/messages"), body));
    let choose = |server: &DiscordServer| server.person("bob").selects(sent, &["2"]);
    let (seen, told) = setting.answered(choose, json!({"type": 6}));
    assert_eq!((told["data"]["values"].clone(), seen.ack), (json!(["2"]), Some(Ack::DeferredUpdate)));
}

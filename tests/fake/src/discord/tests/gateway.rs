//! The gateway: who is let in, what is told, what is replayed.

use serde_json::json;

use super::{Bot, Client, INTENTS};
use crate::discord::{DiscordServer, Gate, TOKEN};

#[test]
fn a_bot_that_identifies_learns_its_guilds_and_hears_messages() {
    let server = DiscordServer::begin().unwrap();
    let mut bot = Bot::connect(&server);
    assert_eq!(bot.hear().unwrap()["d"]["heartbeat_interval"], 41250);
    bot.identify(INTENTS);
    assert_eq!(bot.event("READY")["user"]["id"], server.bot().to_string());
    let guild = bot.event("GUILD_CREATE");
    let names: Vec<_> =
        guild["channels"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["PROJECTS", "general", "random", "z80", "forum", "Voice"]);
    let said = server.person("alice").says("z80", "hi @takopi");
    let told = bot.event("MESSAGE_CREATE");
    assert_eq!(
        (told["id"].as_str(), told["author"]["username"].as_str()),
        (Some(said.to_string().as_str()), Some("alice"))
    );
    assert_eq!(told["content"], format!("hi <@{}>", server.bot()));
    assert_eq!(told["member"]["roles"], json!([]));
}

#[test]
fn wrong_tokens_and_intents_close_the_connection() {
    let server = DiscordServer::begin().unwrap();
    for (intents, token, code) in
        [(INTENTS, "wrong", 4004), (INTENTS | 2, TOKEN, 4014), (1 << 40, TOKEN, 4013)]
    {
        let mut bot = Bot::connect(&server);
        bot.hear().unwrap();
        let properties = json!({"os": "x", "browser": "x", "device": "x"});
        bot.say(2, json!({"token": token, "intents": intents, "properties": properties}));
        assert_eq!(bot.hear(), Err(code));
    }
    let mut bot = Bot::connect(&server);
    bot.hear().unwrap();
    bot.say(3, json!({}));
    assert_eq!(bot.hear(), Err(4003));
}

#[test]
fn without_the_intent_content_is_blank_but_for_what_concerns_the_bot() {
    let server = DiscordServer::begin().unwrap();
    let mut bot = Bot::connect(&server);
    bot.identify(INTENTS & !(1 << 15));
    bot.event("READY");
    let alice = server.person("alice");
    alice.says("general", "secret");
    assert_eq!(bot.event("MESSAGE_CREATE")["content"], "");
    alice.says("general", "@takopi open");
    assert!(bot.event("MESSAGE_CREATE")["content"].as_str().unwrap().ends_with("open"));
    alice.says(server.dm("alice"), "private");
    assert_eq!(bot.event("MESSAGE_CREATE")["content"], "private");
}

#[test]
fn beats_are_answered_unless_there_is_silence() {
    let server = DiscordServer::begin().unwrap();
    let (mut bot, _) = Bot::ready(&server);
    bot.say(1, json!(null));
    assert_eq!(bot.hear().unwrap()["op"], 11);
    server.silence(true);
    bot.say(1, json!(null));
    server.wait_for("the beat", |log| (log.count(|gate| *gate == Gate::Beat) == 2).then_some(()));
    server.reconnect();
    assert_eq!(bot.hear().unwrap()["op"], 7, "no answer came before it");
}

#[test]
fn a_session_goes_on_where_it_was_cut() {
    let server = DiscordServer::begin().unwrap();
    let (mut bot, session) = Bot::ready(&server);
    let general = server.channel("general");
    server.drop_gateway();
    assert_eq!(bot.hear(), Err(0));
    server.wait_for("the loss", |log| (log.count(|gate| *gate == Gate::Lost) == 1).then_some(()));
    server.person("bob").says(general, "missed");
    let mut bot = Bot::connect(&server);
    bot.hear().unwrap();
    bot.say(6, json!({"token": TOKEN, "session_id": session, "seq": 3}));
    assert_eq!(bot.event("MESSAGE_CREATE")["content"], "missed");
    bot.event("RESUMED");
    assert_eq!(server.gated(|gate| *gate == Gate::Resumed(1)), 1);
}

#[test]
fn a_session_that_is_forgotten_does_not_go_on() {
    let server = DiscordServer::begin().unwrap();
    let (mut bot, session) = Bot::ready(&server);
    assert_eq!(server.close_gateway(4009), 1);
    assert_eq!(bot.hear(), Err(4009));
    let mut bot = Bot::connect(&server);
    bot.hear().unwrap();
    bot.say(6, json!({"token": TOKEN, "session_id": session, "seq": 3}));
    assert_eq!(bot.hear().unwrap()["op"], 9);
    bot.identify(INTENTS);
    bot.event("READY");
    server.invalid_session(false);
    while bot.hear().unwrap()["op"] != 9 {}
}

#[test]
fn connections_are_refused_as_often_as_asked() {
    let server = DiscordServer::begin().unwrap();
    server.refuse(2);
    for _ in 0..2 {
        assert!(Bot::try_connect(&server).is_err());
    }
    Bot::ready(&server);
    assert_eq!(server.gated(|gate| *gate == Gate::Refused), 2);
}

#[test]
fn what_was_held_back_arrives_in_order() {
    let server = DiscordServer::begin().unwrap();
    let (mut bot, _) = Bot::ready(&server);
    server.stall(true);
    let bob = server.person("bob");
    for text in ["one", "two"] {
        bob.says("general", text);
    }
    server.stall(false);
    assert_eq!(bot.event("MESSAGE_CREATE")["content"], "one");
    assert_eq!(bot.event("MESSAGE_CREATE")["content"], "two");
}

#[test]
fn identifying_twice_at_once_is_refused_where_that_is_wanted() {
    let server = DiscordServer::begin().unwrap();
    server.identify_gap(std::time::Duration::from_secs(5));
    Bot::ready(&server);
    let mut bot = Bot::connect(&server);
    bot.hear().unwrap();
    bot.identify(INTENTS);
    assert_eq!(bot.hear().unwrap()["op"], 9);
    server.advance(std::time::Duration::from_secs(5));
    bot.identify(INTENTS);
    bot.event("READY");
    assert_eq!(
        Client::of(&server).call("GET", "/gateway/bot", json!(null))["session_start_limit"]["remaining"],
        998
    );
}

#[test]
fn a_preview_and_a_repetition_are_told_without_anybody_having_spoken() {
    let server = DiscordServer::begin().unwrap();
    let (mut bot, _) = Bot::ready(&server);
    let said = server.person("bob").says("general", "see http://page.test");
    let first = bot.event("MESSAGE_CREATE");
    server.unfurl(said, "http://page.test");
    let told = bot.event("MESSAGE_UPDATE");
    assert_eq!(
        (told["edited_timestamp"].clone(), told["embeds"][0]["title"].clone()),
        (json!(null), json!("A page"))
    );
    server.repeat(said);
    assert_eq!(bot.event("MESSAGE_CREATE")["id"], first["id"]);
}

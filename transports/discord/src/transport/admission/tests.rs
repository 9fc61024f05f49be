//! Who is served, as the desk asks it: with servers, roles and people as the gateway tells of them.

use serde_json::json;
use takopi_core::id::InstanceId;
use takopi_core::message::{ButtonAction, Chosen, Press};
use takopi_core::port::ledger::InboxId;
use takopi_core::settings::{ConfigFile, Input, Known, Reading, Secret, load};
use takopi_core::testing::clock::TestClock;

use super::*;
use crate::config::DiscordConfig;
use crate::places::{GuildFacts, Me};
use crate::transport::DiscordParts;

fn instance() -> InstanceId {
    InstanceId::parse("discord").unwrap()
}

/// A bot in one server, owned by 7, with #general (200).
fn bot(table: &str) -> Discord {
    let text = format!("[transports.discord]\nbot_token = 'a.b'\n{table}");
    let file = ConfigFile { path: "/t.toml".into(), named: true, content: Ok(text.into_bytes()) };
    let input = Input { file: &file, environment: &[], overrides: &[], home: None };
    let known = Known { transports: vec![Discord::spec().kind], ..Known::default() };
    let reading: Reading<DiscordConfig> = load(&input, &known).unwrap().settings.transport(&instance());
    let (config, _) = reading.usable().unwrap();
    let clock = std::sync::Arc::new(TestClock::new());
    let token = Secret::new("a.b");
    let parts = DiscordParts { instance: instance(), config, token, clock, spool: "/spool".into() };
    let bot = Discord::new(parts).unwrap();
    bot.places.begin(Me { id: 1, name: "takopi".to_owned(), application: 2 }, &[100]);
    let guild = json!({"id": "100", "owner_id": "7", "channels": [{"id": "200", "type": 0}],
        "roles": [{"id": "20", "permissions": "0"}]});
    let (facts, channels) = GuildFacts::of_json(&guild).unwrap();
    bot.places.learn_guild(facts, channels);
    bot
}

fn said(bot: &Discord, person: &str, id: &str, named: bool) -> Admission {
    said_at(bot, person, id, named, "200")
}

fn said_at(bot: &Discord, person: &str, id: &str, named: bool, chat: &str) -> Admission {
    let address = Address { instance: instance(), chat: chat.to_owned(), thread: None };
    let message = MessageRef { address, id: id.to_owned() };
    bot.audience.heard(&message, named);
    bot.admission(&Inbound::Message(Message {
        upstream: format!("m{id}"),
        message,
        sender: Sender { id: person.to_owned(), name: "x".to_owned(), is_bot: false },
        text: "fix it".to_owned(),
        reply_to: None,
        attachments: Vec::new(),
        album: None,
        forwarded: false,
        sent_at: Timestamp::default(),
        chosen: Chosen::default(),
    }))
}

fn pressed_by(bot: &Discord, person: &str) -> Admission {
    let address = Address { instance: instance(), chat: "200".to_owned(), thread: None };
    bot.admission(&Inbound::Press(Press {
        upstream: "p1".to_owned(),
        message: MessageRef { address, id: "9".to_owned() },
        sender: Sender { id: person.to_owned(), name: "x".to_owned(), is_bot: false },
        action: ButtonAction::Run { inbox: InboxId(1) },
    }))
}

#[tokio::test]
async fn without_a_rule_the_others_are_told_once() {
    let bot = bot("");
    assert_eq!(said(&bot, "7", "1", true), Admission::Served);
    let told = Admission::Told(MANAGERS_ONLY.to_owned());
    assert_eq!(said(&bot, "8", "2", true), told);
    assert_eq!(said(&bot, "8", "2", true), told, "the same message is asked about twice");
    assert_eq!(said(&bot, "8", "3", true), Admission::Stranger);
    assert_eq!(pressed_by(&bot, "8"), told, "a press always gets an answer");
}

#[tokio::test]
async fn talk_beside_the_bot_is_not_written_down() {
    let bot = bot("allowed_user_ids = [8]");
    assert_eq!(said(&bot, "8", "1", false), Admission::Silence);
    assert_eq!(said(&bot, "8", "2", true), Admission::Served);
    assert_eq!(said(&bot, "9", "3", true), Admission::Stranger, "it may be a pairing code");
    assert_eq!(pressed_by(&bot, "9"), Admission::Told(NOT_NAMED.to_owned()));
    assert_eq!(said_at(&bot, "8", "4", true, "999"), Admission::Silence, "nobody knows that place");
}

#[tokio::test]
async fn a_role_is_known_from_what_its_member_says() {
    let bot = bot("allowed_role_ids = ['20']");
    assert_eq!(said(&bot, "8", "1", true), Admission::Stranger);
    bot.places.saw_member(100, 8, vec![20]);
    assert_eq!(said(&bot, "8", "2", true), Admission::Served);
}

#[tokio::test]
async fn direct_messages_are_closed_but_for_a_pairing_code() {
    let closed = bot("allowed_user_ids = [8]");
    closed.places.saw_direct(500, 8);
    assert_eq!(said_at(&closed, "8", "1", false, "500"), Admission::Stranger);
    let open = bot("allowed_user_ids = [8]\nallow_dm = true");
    open.places.saw_direct(500, 8);
    assert_eq!(said_at(&open, "8", "1", false, "500"), Admission::Served);
    assert_eq!(said_at(&open, "9", "2", false, "500"), Admission::Stranger);
}

#[tokio::test]
async fn another_server_is_closed_where_servers_are_named() {
    let bot = bot("guild_id = 101\nallow_everyone = true");
    assert_eq!(said(&bot, "7", "1", true), Admission::Silence);
}

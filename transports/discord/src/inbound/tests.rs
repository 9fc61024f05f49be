//! Messages as Discord sends them, and what they are to us.

use serde_json::{Value, json};
use serenity::model::channel::Message as Sent;
use serenity::model::event::MessageUpdateEvent;
use takopi_core::id::InstanceId;
use takopi_core::message::AttachmentKind;

use super::*;
use crate::places::{ChannelFacts, GuildFacts, Me};

fn places() -> Places {
    let places = Places::new(InstanceId::parse("discord").unwrap());
    places.begin(Me { id: 1, name: "takopi".to_owned(), application: 2 }, &[100]);
    let guild = json!({
        "id": "100", "name": "Home", "owner_id": "7",
        "roles": [{"id": "22", "permissions": "0", "tags": {"bot_id": "1"}}],
        "channels": [{"id": "200", "type": 0, "name": "general"}, {"id": "202", "type": 2, "name": "Voice"}],
        "threads": [{"id": "300", "type": 11, "parent_id": "200", "name": "old", "owner_id": "1"}],
    });
    let (facts, channels): (GuildFacts, Vec<ChannelFacts>) = GuildFacts::of_json(&guild).unwrap();
    places.learn_guild(facts, channels);
    places
}

/// A message of bob in #general, with some of its keys changed.
fn json_of(changes: Value) -> Value {
    let mut message = json!({
        "id": "4194304000", "channel_id": "200", "guild_id": "100", "type": 0, "content": "hello",
        "author": {"id": "8", "username": "bob", "discriminator": "0", "global_name": "Bob", "avatar": null},
        "member": {"nick": "Bobby", "roles": ["20"], "joined_at": "2024-01-01T00:00:00Z", "deaf": false, "mute": false},
        "timestamp": "2024-01-01T00:00:00Z", "edited_timestamp": null, "tts": false, "mention_everyone": false,
        "mentions": [], "mention_roles": [], "attachments": [], "embeds": [], "pinned": false,
    });
    let (Value::Object(whole), Value::Object(changes)) = (&mut message, changes) else { panic!("no object") };
    whole.extend(changes);
    message
}

fn heard(changes: Value) -> Option<Heard> {
    let sent: Sent = serde_json::from_value(json_of(changes)).unwrap();
    let words = Words::default();
    words.set(vec!["status".to_owned()], vec!["codex".to_owned()]);
    Reader { places: &places(), words: &words, listens: false }.message(&Said::of(&sent))
}

fn message(changes: Value) -> Message {
    match heard(changes).unwrap().inbound {
        Inbound::Message(message) => message,
        other => panic!("{other:?}"),
    }
}

fn place(message: &Message) -> (&str, Option<&str>) {
    (&message.message.address.chat, message.message.address.thread.as_deref())
}

#[test]
fn a_message_in_a_channel_is_addressed_to_the_thread_it_will_open() {
    let read = message(json!({}));
    assert_eq!((read.upstream.as_str(), read.message.id.as_str()), ("m4194304000", "4194304000"));
    assert_eq!(place(&read), ("200", Some("4194304000")));
    assert_eq!((read.text.as_str(), read.sender.name.as_str()), ("hello", "Bobby"));
    assert_eq!(read.sent_at.unix_ms(), EPOCH_MS + 1000);
    assert_eq!(id_at(read.sent_at), 4_194_304_000);
}

#[test]
fn a_message_in_a_thread_is_addressed_to_it_and_a_command_stays_where_it_is() {
    assert_eq!(place(&message(json!({"channel_id": "300"}))), ("200", Some("300")));
    assert_eq!(place(&message(json!({"content": "/status now"}))), ("200", None));
    assert_eq!(place(&message(json!({"content": "<@1> /status"}))), ("200", None));
    assert_eq!(place(&message(json!({"content": "/codex fix"}))), ("200", Some("4194304000")));
    assert_eq!(place(&message(json!({"channel_id": "202"}))), ("202", None), "voice chats have no threads");
}

#[test]
fn the_bots_own_mention_at_the_beginning_is_not_part_of_the_text() {
    for content in ["<@1> fix <#200>", "  <@!1>  fix <#200>", "<@1><@1>\nfix <#200>"] {
        let read = heard(json!({"content": content})).unwrap();
        assert!(read.named, "{content}");
        assert!(matches!(&read.inbound, Inbound::Message(it) if it.text == "fix #general"), "{read:?}");
    }
    let role = heard(json!({"content": "<@&22> fix", "mention_roles": ["22"]})).unwrap();
    assert!(role.named);
    let inside = heard(json!({"content": "ask <@1>, <@9> or <#999>", "mentions": [
        {"id": "9", "username": "eve", "discriminator": "0", "global_name": null, "avatar": null}
    ]}));
    let inside = inside.unwrap();
    assert!(inside.named);
    assert!(matches!(&inside.inbound, Inbound::Message(it) if it.text == "ask @takopi, @eve or <#999>"));
    assert!(!heard(json!({})).unwrap().named);
}

#[test]
fn what_nobody_wrote_is_nothing() {
    let own =
        json!({"id": "1", "username": "takopi", "discriminator": "0", "global_name": null, "avatar": null});
    for nothing in [
        json!({"type": 7}),
        json!({"type": 18}),
        json!({"type": 21}),
        json!({"webhook_id": "5"}),
        json!({"author": own}),
        json!({"content": " "}),
        json!({"content": "<@1>"}),
        json!({"channel_id": "999"}),
    ] {
        assert_eq!(heard(nothing.clone()), None, "{nothing}");
    }
}

#[test]
fn a_reply_knows_whose_message_it_answers() {
    let replied = |author: &str| {
        let referenced = json_of(json!({"id": "55", "content": "before", "author": {
            "id": author, "username": "x", "discriminator": "0", "global_name": null, "avatar": null}}));
        let reference = json!({"type": 0, "message_id": "55", "channel_id": "200", "guild_id": "100"});
        message(json!({"type": 19, "message_reference": reference, "referenced_message": referenced}))
            .reply_to
    };
    let to_bot = replied("1").unwrap();
    assert!(to_bot.of_bot && to_bot.message.address.thread.is_none());
    assert_eq!(to_bot.text.as_deref(), Some("before"));
    let to_bob = replied("8").unwrap();
    assert_eq!((to_bob.of_bot, to_bob.message.address.thread.as_deref()), (false, Some("55")));
}

#[test]
fn files_come_with_their_kind_and_a_voice_message_is_what_is_said() {
    let file = |name: &str, mime: &str| {
        json!({"id": "3", "filename": name, "content_type": mime, "size": 7, "url": "http://cdn/x",
            "proxy_url": "http://cdn/x"})
    };
    let files = [file("a.png", "image/png"), file("message.txt", "text/plain"), file("a.ogg", "audio/ogg")];
    let read = message(json!({"content": "", "attachments": files}));
    let kinds: Vec<_> = read.attachments.iter().map(|file| file.kind).collect();
    assert_eq!(kinds, [AttachmentKind::Image, AttachmentKind::File, AttachmentKind::File]);
    assert_eq!(
        (read.attachments[1].name.as_deref(), read.attachments[1].bytes),
        (Some("message.txt"), Some(7))
    );
    let voice = message(json!({"content": "", "flags": 8192, "attachments": [file("v.ogg", "audio/ogg")]}));
    assert_eq!(voice.attachments[0].kind, AttachmentKind::Voice);
}

#[test]
fn a_forwarded_message_says_what_it_carries() {
    let carried = json!({"message": {"content": "look", "timestamp": "2024-01-01T00:00:00Z",
        "edited_timestamp": null, "mentions": [], "attachments": [], "embeds": [], "type": 0}});
    let reference = json!({"type": 1, "message_id": "55", "channel_id": "777"});
    let read =
        message(json!({"content": "", "message_snapshots": [carried], "message_reference": reference}));
    assert!(read.forwarded && read.reply_to.is_none());
    assert_eq!(read.text, "look");
}

#[test]
fn only_a_person_edits_a_message() {
    let edit = |edited: Value| {
        let event = json_of(json!({"edited_timestamp": edited, "content": "hello you"}));
        let event: MessageUpdateEvent = serde_json::from_value(event).unwrap();
        let words = Words::default();
        let places = places();
        Reader { places: &places, words: &words, listens: false }.edit(&Said::of_edit(&event).unwrap())
    };
    assert_eq!(edit(Value::Null), None, "Discord has unfurled a link");
    let Inbound::Edited(edited) = edit(json!("2024-01-01T00:00:05Z")).unwrap().inbound else {
        panic!("no edit")
    };
    assert_eq!(
        (edited.text.as_str(), edited.upstream.as_str()),
        ("hello you", "e4194304000@1704067205000000")
    );
    assert_eq!(edited.message, message(json!({})).message, "it is the same message");
    let [first, second] =
        ["2024-01-01T00:00:05.25Z", "2024-01-01T00:00:05.75Z"].map(|at| edit(json!(at)).unwrap());
    assert_ne!(first.inbound.upstream(), second.inbound.upstream(), "two in one second");
    let unfurled: MessageUpdateEvent =
        serde_json::from_value(json!({"id": "5", "channel_id": "200", "embeds": []})).unwrap();
    assert!(Said::of_edit(&unfurled).is_none());
}

#[test]
fn a_deletion_has_the_address_of_what_is_gone() {
    let (places, words) = (places(), Words::default());
    let reader = Reader { places: &places, words: &words, listens: false };
    let gone = reader.deleted(200, 4_194_304_000).unwrap();
    assert_eq!(gone.message(), &message(json!({})).message);
    assert_eq!(reader.deleted(300, 5).unwrap().address().thread.as_deref(), Some("300"));
    assert_eq!(reader.deleted(999, 5), None);
}

#[test]
fn a_message_with_something_new_in_it_is_still_read() {
    let strange = json_of(json!({"embeds": 7, "components": {"later": true}, "poll": [], "mentions": [
        {"id": "9", "username": "eve", "avatar": 5}], "content": "<@9> hi"}));
    assert!(serde_json::from_value::<Sent>(strange.clone()).is_err());
    let sent = lean(&strange).unwrap();
    let said = Said::of(&sent);
    assert_eq!((said.content.as_ref(), said.author.name.as_str()), ("<@9> hi", "Bobby"));
    assert_eq!((said.roles, said.mentions.len()), (Some(vec![20]), 1));
    assert!(lean(&json!({"id": "5"})).is_none());
}

#[test]
fn an_event_the_library_cannot_read_still_comes_with_all_it_says() {
    let strange = json_of(json!({"embeds": 7}));
    let event = json!({"op": 0, "s": 1, "t": "MESSAGE_CREATE", "d": strange});
    let read: serenity::model::event::GatewayEvent = serde_json::from_value(event).unwrap();
    let serenity::model::event::GatewayEvent::Dispatch(1, serenity::all::Event::Unknown(unknown)) = read
    else {
        panic!("{read:?}")
    };
    assert_eq!((unknown.kind.as_str(), unknown.value), ("MESSAGE_CREATE", strange));
}

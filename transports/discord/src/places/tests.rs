//! What is known of servers, channels and people, from what the gateway tells of them.

use serde_json::json;

use super::*;

const ME: Id = 1;

fn places() -> Places {
    let places = Places::new(InstanceId::parse("discord").unwrap());
    places.begin(Me { id: ME, name: "takopi".to_owned(), application: 2 }, &[100]);
    let guild = json!({
        "id": "100", "name": "Home", "owner_id": "7", "something_new": {"x": 1},
        "roles": [
            {"id": "100", "permissions": "0"},
            {"id": "20", "permissions": "32", "tags": {}},
            {"id": "21", "permissions": "8"},
            {"id": "22", "permissions": "1024", "tags": {"bot_id": "1"}},
        ],
        "channels": [
            {"id": "200", "type": 0, "name": "general", "last_message_id": "900"},
            {"id": "201", "type": 15, "name": "ideas"},
            {"id": "202", "type": 2, "name": "Voice", "last_message_id": "800"},
            {"id": "203", "type": 4, "name": "Category"},
            {"id": "204", "type": 99, "name": "of a later Discord"},
        ],
        "threads": [
            {"id": "300", "type": 11, "parent_id": "200", "name": "old", "owner_id": "1", "last_message_id": "950"},
            {"id": "301", "type": 11, "parent_id": "201", "name": "post", "owner_id": "7"},
        ],
    });
    let (facts, channels) = GuildFacts::of_json(&guild).unwrap();
    places.learn_guild(facts, channels);
    places
}

fn shown(address: Option<Address>) -> Option<(String, Option<String>)> {
    address.map(|address| (address.chat, address.thread))
}

#[test]
fn a_thread_lies_in_its_channel_and_a_post_in_its_forum() {
    let places = places();
    assert_eq!(shown(places.address_of(200)), Some(("200".to_owned(), None)));
    assert_eq!(shown(places.address_of(300)), Some(("200".to_owned(), Some("300".to_owned()))));
    assert_eq!(shown(places.address_of(301)), Some(("201".to_owned(), Some("301".to_owned()))));
    assert_eq!(shown(places.address_of(999)), None);
    places.saw_direct(999, 5);
    assert_eq!(shown(places.address_of(999)), Some(("999".to_owned(), None)));
}

#[test]
fn who_manages_a_server_is_its_owner_or_has_a_role_that_may() {
    let places = places();
    assert!(places.may_manage(100, 7, &[]));
    assert!(places.may_manage(100, 8, &[20]) && places.may_manage(100, 8, &[22, 21]));
    assert!(!places.may_manage(100, 8, &[22]) && !places.may_manage(999, 7, &[]));
    places.drop_role(100, 20);
    assert!(!places.may_manage(100, 8, &[20]));
}

#[test]
fn the_bot_takes_part_in_threads_it_made_or_was_seen_in() {
    let places = places();
    assert!(places.takes_part_in(300) && !places.takes_part_in(301));
    places.joined(301);
    assert!(places.takes_part_in(301));
    let again = ChannelFacts { joined: false, ..places.channel(301).unwrap() };
    places.learn_channel(again);
    assert!(places.takes_part_in(301), "an update says nothing about it");
}

#[test]
fn a_thread_that_a_description_leaves_out_stays_known_while_its_channel_is_there() {
    let places = places();
    let described = |channels: serde_json::Value| {
        let guild = json!({"id": "100", "name": "Home", "owner_id": "7", "roles": [], "channels": channels});
        let (facts, channels) = GuildFacts::of_json(&guild).unwrap();
        places.learn_guild(facts, channels);
    };
    described(json!([{"id": "200", "type": 0, "name": "general"}]));
    assert!(places.takes_part_in(300), "it rests");
    assert!(places.channel(301).is_none() && places.channel(202).is_none(), "they are gone");
    described(json!([]));
    assert!(!places.takes_part_in(300));
}

#[test]
fn what_is_deleted_is_forgotten() {
    let places = places();
    places.saw_member(100, 8, vec![20]);
    places.drop_channel(200);
    assert!(places.channel(300).is_none(), "its threads go with it");
    assert!(places.channel(301).is_some());
    places.drop_guild(100);
    assert!(places.channel(301).is_none() && places.guilds().is_empty());
    assert_eq!(places.roles_of(100, 8), None);
}

#[test]
fn only_places_with_younger_messages_are_fetched() {
    let places = places();
    assert_eq!(places.changed_since(850), [(100, 200), (100, 300)]);
    assert_eq!(places.changed_since(950), []);
}

#[test]
fn a_server_is_complete_once_it_is_described() {
    let places = places();
    assert!(places.is_complete() && !places.awaits(100));
    places.begin(Me { id: ME, name: "takopi".to_owned(), application: 2 }, &[101]);
    assert!(!places.is_complete() && places.awaits(101));
    assert!(places.channel(200).is_none(), "the bot is not in that server any more");
}

#[test]
fn the_bots_own_role_stands_for_it() {
    let places = places();
    assert!(places.is_own_role(100, 22) && !places.is_own_role(100, 21));
}

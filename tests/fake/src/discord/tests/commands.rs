//! Registration of commands: what they may look like and how many there may be.

use serde_json::{Value, json};

use super::Client;
use crate::discord::DiscordServer;

fn command(name: &str) -> Value {
    json!({"name": name, "description": "does it"})
}

fn setting() -> (DiscordServer, Client, String) {
    let server = DiscordServer::begin().unwrap();
    server.limits(false);
    let path = format!("/applications/{}/guilds/{}/commands", server.bot(), server.guild("Takopi Test"));
    let client = Client::of(&server);
    (server, client, path)
}

#[test]
fn a_list_takes_the_place_of_the_one_before() {
    let (server, client, path) = setting();
    let first = client.call("PUT", &path, json!([command("a"), command("b")]));
    let second = client.call("PUT", &path, json!([command("b"), {"name": "Run this message", "type": 3}]));
    assert_eq!(first[1]["id"], second[0]["id"], "what stays keeps its id");
    let names: Vec<_> =
        server.commands(Some(server.guild("Takopi Test"))).iter().map(|one| one["name"].clone()).collect();
    assert_eq!(names, ["b", "Run this message"]);
}

#[test]
fn commands_that_break_a_rule_are_refused() {
    let (_server, client, path) = setting();
    let with = |options: Value| json!([{"name": "x", "description": "x", "options": options}]);
    let option = |name: &str| json!({"name": name, "description": "x", "type": 3});
    let big: Vec<Value> = (0..25)
        .map(|number| {
            let choices: Vec<Value> =
                (0..4).map(|n| json!({"name": format!("{n}{}", "c".repeat(90)), "value": "v"})).collect();
            json!({"name": format!("o{number}"), "description": "x", "type": 3, "choices": choices})
        })
        .collect();
    let many: Vec<Value> = (0..26).map(|number| option(&format!("o{number}"))).collect();
    for broken in [
        json!([command("Upper")]),
        json!([command("two words")]),
        json!([command("x"), command("x")]),
        json!([{"name": "x", "description": "d".repeat(101)}]),
        with(many.into()),
        with(json!([option("a"), {"name": "b", "description": "x", "type": 3, "required": true}])),
        with(big.into()),
    ] {
        assert_eq!(client.refused("PUT", &path, broken), (400, 50035));
    }
    let hundred: Vec<Value> = (0..101).map(|number| command(&format!("c{number}"))).collect();
    assert_eq!(client.refused("PUT", &path, hundred.into()), (400, 30032));
}

#[test]
fn only_so_many_are_made_in_a_day() {
    let (server, client, path) = setting();
    server.command_creates(2);
    client.call("PUT", &path, json!([command("a"), command("b")]));
    client.call("PUT", &path, json!([command("a"), command("b")]));
    assert_eq!(client.refused("PUT", &path, json!([command("c")])), (400, 30034));
}

#[test]
fn registering_too_often_meets_a_limit() {
    let (server, client, path) = setting();
    server.limits(true);
    for _ in 0..2 {
        client.call("PUT", &path, json!([command("a")]));
    }
    assert_eq!(client.refused("PUT", &path, json!([command("a")])).0, 429);
    assert_eq!(server.stats().too_many, 1);
}

//! What goes wrong on purpose goes wrong as it should, and only where it should.

use std::thread::spawn;
use std::time::Duration;

use serde_json::json;

use super::Client;
use crate::discord::{DiscordServer, Fault, Injection};

const SEND: &str = "POST /channels/:id/messages";

fn setting() -> (DiscordServer, Client, u64, String) {
    let server = DiscordServer::begin().unwrap();
    let (client, general) = (Client::of(&server), server.channel("general"));
    let path = format!("/channels/{general}/messages");
    (server, client, general, path)
}

#[test]
fn the_sixth_message_in_five_seconds_is_too_much() {
    let (server, client, general, path) = setting();
    for _ in 0..5 {
        client.send(general, "x");
    }
    let (status, answer) = client.try_call("POST", &path, &json!({"content": "x"})).unwrap();
    assert_eq!((status, answer["global"].as_bool()), (429, Some(false)));
    assert!((4.0..=5.0).contains(&answer["retry_after"].as_f64().unwrap()), "{answer}");
    assert_eq!((server.stats().too_many, server.shown(general).len()), (1, 5));
    server.advance(Duration::from_secs(5));
    client.send(general, "x");
}

#[test]
fn a_fault_meets_the_calls_it_is_meant_for() {
    let (server, client, general, path) = setting();
    let random = server.channel("random");
    server.inject(Injection::of(SEND, Fault::server(502)).in_channel(general).containing("done").after(1));
    client.send(random, "done");
    client.send(general, "working");
    client.send(general, "done");
    assert_eq!(client.refused("POST", &path, json!({"content": "done"})).0, 502);
    client.send(general, "done");
    server.inject(Injection::of("*", Fault::retry_after(Duration::from_millis(1500))).always());
    let (_, answer) = client.try_call("POST", &path, &json!({"content": "x"})).unwrap();
    assert_eq!(answer["retry_after"], 1.5);
    assert_eq!(server.heal(), 1);
}

#[test]
fn a_connection_breaks_before_or_after_it_took_effect() {
    let (server, client, general, path) = setting();
    for (fault, shown) in [(Fault::ResetBefore, 0), (Fault::ResetAfter, 1)] {
        server.inject(Injection::of(SEND, fault));
        client.try_call("POST", &path, &json!({"content": "x"})).unwrap_err();
        assert_eq!(server.shown(general).len(), shown);
    }
    assert!(server.calls().iter().all(|call| call.status.is_none() && call.ended.is_some()));
}

#[test]
fn a_call_hangs_until_it_is_released() {
    let (server, client, general, path) = setting();
    for (fault, before, after) in [(Fault::HangBefore, 0, 1), (Fault::HangAfter, 2, 2)] {
        server.inject(Injection::of(SEND, fault));
        let (client, path) = (client.clone(), path.clone());
        let call = spawn(move || client.call("POST", &path, json!({"content": "x"})));
        server.wait_for("the call to hang", |log| (log.holding == 1).then_some(()));
        assert_eq!(server.shown(general).len(), before);
        server.release();
        call.join().unwrap();
        assert_eq!(server.shown(general).len(), after);
    }
}

#[test]
fn tokens_of_interactions_stay_out_of_the_log() {
    let (server, client, ..) = setting();
    assert_eq!(client.refused("POST", "/interactions/7/secret/callback", json!({"type": 5})), (404, 10062));
    assert_eq!(server.calls()[0].path, "/interactions/7/TOKEN/callback");
    assert_eq!(client.refused("GET", "/nowhere", json!(null)).0, 404);
}

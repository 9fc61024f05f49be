//! What goes wrong on purpose goes wrong as it should, and only where it should.

use serde_json::json;

use super::{Client, GROUP, ME, server};
use crate::telegram::{Fault, Injection};

#[test]
fn the_next_calls_are_refused_and_then_it_is_over() {
    let server = server();
    let client = Client::of(&server);
    server.inject(Injection::of("sendMessage", Fault::TooMany(7)).times(2));
    server.inject(Injection::of("SendMessage", Fault::server(502)));
    let say = json!({"chat_id": ME, "text": "x"});
    for _ in 0..2 {
        let (status, body) = client.try_call("sendMessage", &say).unwrap();
        assert_eq!((status, &body["parameters"]["retry_after"]), (429, &json!(7)));
    }
    assert_eq!(client.refused("sendMessage", say.clone()).0, 502);
    client.call("sendMessage", say);
    assert_eq!(server.shown(ME).len(), 1);
    assert_eq!(server.log().calls[0].fault, Some(Fault::TooMany(7)));
}

#[test]
fn a_fault_meets_the_calls_it_is_meant_for() {
    let server = server();
    let client = Client::of(&server);
    let fault = Injection::of("*", Fault::server(500)).in_chat(GROUP).containing("done").after(1);
    server.inject(fault.always());
    client.say(ME, "done");
    client.say(GROUP, "working");
    client.say(GROUP, "done");
    for _ in 0..2 {
        assert_eq!(client.refused("sendMessage", json!({"chat_id": GROUP, "text": "done"})).0, 500);
    }
    assert_eq!(server.heal(), 1);
    client.say(GROUP, "done");
}

#[test]
fn a_connection_breaks_before_or_after_it_took_effect() {
    let server = server();
    let client = Client::of(&server);
    let say = json!({"chat_id": ME, "text": "x"});
    for (fault, shown) in [(Fault::ResetBefore, 0), (Fault::ResetAfter, 1)] {
        server.inject(Injection::of("sendMessage", fault));
        client.try_call("sendMessage", &say).unwrap_err();
        assert_eq!(server.shown(ME).len(), shown);
    }
    assert!(server.log().calls.iter().all(|call| call.status.is_none() && call.ended.is_some()));
}

#[test]
fn a_call_hangs_until_it_is_released() {
    let server = server();
    let client = Client::of(&server);
    for (fault, before, after) in [(Fault::HangBefore, 0, 1), (Fault::HangAfter, 2, 2)] {
        server.inject(Injection::of("sendMessage", fault));
        let call = client.begin("sendMessage", json!({"chat_id": ME, "text": "x"}));
        server.wait_for("the held call", |log| (log.holding == 1).then_some(()));
        assert_eq!(server.shown(ME).len(), before);
        server.release();
        assert_eq!(call.join().unwrap().unwrap().0, 200);
        assert_eq!(server.shown(ME).len(), after);
    }
    assert_eq!(server.log().holding, 0);
}

#[test]
fn a_client_that_leaves_a_hanging_call_is_noted() {
    use std::io::Write as _;
    let server = server();
    server.inject(Injection::of("getMe", Fault::HangBefore));
    let mut stream = std::net::TcpStream::connect(server.url().trim_start_matches("http://")).unwrap();
    write!(stream, "GET /bot{}/getMe HTTP/1.1\r\nhost: x\r\n\r\n", crate::telegram::TOKEN).unwrap();
    server.wait_for("the held call", |log| (log.holding == 1).then_some(()));
    drop(stream);
    let call =
        server.wait_for("its end", |log| log.calls.first().filter(|call| call.ended.is_some()).cloned());
    assert_eq!(call.status, None);
    assert_eq!(server.log().holding, 0);
}

#[test]
fn garbage_is_no_json() {
    let server = server();
    let client = Client::of(&server);
    server.inject(Injection::of("getUpdates", Fault::Garbage));
    client.try_call("getUpdates", &json!({})).unwrap_err();
    client.call("getUpdates", json!({}));
}

#[test]
fn a_conflict_can_be_played() {
    let server = server();
    server.inject(Injection::of("getUpdates", Fault::conflict()));
    assert_eq!(Client::of(&server).refused("getUpdates", json!({})).0, 409);
}

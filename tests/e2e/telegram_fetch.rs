//! Files that come with messages are fetched from Telegram, never more of them than was asked for.

use std::sync::Arc;

use takopi_core::message::{Attachment, AttachmentKind};
use takopi_core::port::Transport as _;
use takopi_core::port::transport::FetchError;
use takopi_core::testing::clock::TestClock;
use takopi_fake::telegram::{Attachment as Sent, Fault, Injection, Say, TOKEN, TelegramServer};
use tokio::runtime::Runtime;

use crate::telegram::{ADA, server};
use crate::telegram_contract::transport;

/// The bytes at most that are asked for.
const MAX_BYTES: u64 = 10;

/// Sends a file and returns what fetching it brings.
fn fetched(server: &TelegramServer, sent: Sent) -> Result<Vec<u8>, FetchError> {
    server.send(Say::new(ADA, ADA, "").with(sent));
    fetch(server, "FILE000001")
}

fn fetch(server: &TelegramServer, handle: &str) -> Result<Vec<u8>, FetchError> {
    let transport = transport(server, Arc::new(TestClock::new()));
    let kind = AttachmentKind::File;
    let file = Attachment { handle: handle.to_owned(), kind, name: None, bytes: None };
    let mut bytes = Vec::new();
    let done = Runtime::new().unwrap().block_on(transport.fetch(&file, MAX_BYTES, &mut bytes));
    done.map(|_name| bytes)
}

#[test]
fn telegram_hands_out_a_file_as_it_was_sent() {
    assert_eq!(fetched(&server(), Sent::voice(b"OggS\0\xff")), Ok(b"OggS\0\xff".to_vec()));
    assert_eq!(fetched(&server(), Sent::document("ten", &[7; 10])), Ok(vec![7; 10]));
}

#[test]
fn telegram_hands_out_no_more_of_a_file_than_was_asked_for() {
    for sent in [
        Sent::document("told", &[7; 11]),
        Sent::document("not told", &[7; 11]).claiming(1),
        Sent::document("beyond what bots get", &[7; 2]).claiming(21 << 20),
    ] {
        let name = format!("{sent:?}");
        assert_eq!(fetched(&server(), sent), Err(FetchError::TooLarge), "{name}");
    }
}

#[test]
fn telegram_what_cannot_be_fetched_is_told_without_the_token() {
    let server = server();
    let Err(FetchError::Denied(told)) = fetch(&server, "nobody's") else { panic!("a file of nobody's") };
    assert!(told.contains("wrong file_id") && !told.contains(TOKEN), "{told}");
    for fault in [Fault::server(502), Fault::ResetBefore, Fault::Garbage] {
        server.inject(Injection::of("getFile", fault.clone()));
        match fetched(&server, Sent::voice(b"OggS")) {
            Err(FetchError::Unfound(told)) => assert!(!told.contains(TOKEN), "{told}"),
            other => panic!("{fault:?}: {other:?}"),
        }
    }
    for fault in [Fault::server(502), Fault::ResetBefore] {
        server.inject(Injection::of("file", fault.clone()));
        match fetch(&server, "FILE000001") {
            Err(FetchError::Broken(told)) => assert!(!told.contains(TOKEN), "{told}"),
            other => panic!("{fault:?}: {other:?}"),
        }
    }
    assert_eq!(fetch(&server, "FILE000001"), Ok(b"OggS".to_vec()));
}

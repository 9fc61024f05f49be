//! What is left on disk of a chat that was forgotten.

use std::fs;
use std::path::Path;

use takopi_core::message::{Inbound, SpooledFile};
use takopi_core::port::ledger::{Accepted, InboxId, Ledger, OpenRun, PartState, PostKind, Settled};
use takopi_core::testing::ledger::{accepted, address, at, id, message, message_ref, open_run, post, run_id};

use super::{open, place};
use crate::SqliteLedger;

/// A word that is nowhere else.
const SECRET: &str = "xylophone-8731";

async fn said(ledger: &SqliteLedger, number: &str, text: &str) -> InboxId {
    match ledger.accept(&Inbound::Message(message("chat", number, text)), at(10)).await.unwrap() {
        Accepted::New(id) => id,
        Accepted::Duplicate(id) => panic!("{id:?} is known"),
    }
}

fn holds_the_secret(path: &Path) -> bool {
    let bytes = fs::read(path).unwrap_or_default();
    bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes())
}

#[tokio::test]
async fn nothing_of_what_was_said_is_left_in_the_files() {
    let (_folder, path) = place();
    let ledger = open(&path);
    let long = format!("{SECRET} ").repeat(1000);
    for (number, text) in [(1, format!("a {SECRET}")), (2, long.clone())] {
        let inbox = said(&ledger, &number.to_string(), &text).await;
        let run = OpenRun { prompt: text.clone(), ..open_run(number, "chat", &[inbox]) };
        ledger.open(&run).await.unwrap();
        let posts = vec![post("chat", PostKind::Final, Some(run_id(number)), &text)];
        let posts = ledger.answer(run_id(number), &text, posts, at(20)).await.unwrap();
        for id in posts {
            let sent = PartState::Sent { message: message_ref("chat", "9"), unknown: 0 };
            ledger.mark(id, 0, &sent).await.unwrap();
            ledger.close_post(id).await.unwrap();
        }
        let end = takopi_core::port::ledger::EndRun {
            id: run_id(number),
            outcome: takopi_core::event::Outcome::Answered,
            answer: text,
            usage: None,
            steps: 0,
            actions: Vec::new(),
            ended_at: at(30),
            post: Vec::new(),
        };
        ledger.end(end).await.unwrap();
    }
    let settled = said(&ledger, "3", &long).await;
    ledger.settle(&[settled], Settled::Done).await.unwrap();
    let wal = path.with_extension("db-wal");
    assert!(holds_the_secret(&path) || holds_the_secret(&wal), "it is looked for where it is");
    let gone = ledger.forget(&address("chat")).await.unwrap();
    assert_eq!((gone.messages, gone.runs, gone.posts, gone.unfinished), (3, 2, 2, 0));
    assert!(!holds_the_secret(&wal), "the WAL is emptied");
    assert!(!holds_the_secret(&path), "what was deleted is overwritten");
}

#[tokio::test]
async fn more_than_one_piece_is_forgotten_and_the_spooled_files_with_it() {
    let (_folder, path) = place();
    let ledger = open(&path);
    let mut ids = Vec::new();
    for number in 0..250 {
        ids.push(accepted(&ledger, "chat/7", &number.to_string(), 10).await);
    }
    ledger.settle(&ids, Settled::Done).await.unwrap();
    let file = ledger.spool().join("file");
    fs::write(&file, "bytes").unwrap();
    let mut with_file = post("chat", PostKind::Reply, None, "file");
    with_file.parts[0].files = vec![SpooledFile { path: "file".into(), name: "x".to_owned() }];
    let posted = ledger.post(with_file, at(20)).await.unwrap();
    ledger.close_post(posted).await.unwrap();
    let gone = ledger.forget(&address("chat")).await.unwrap();
    assert_eq!((gone.messages, gone.posts), (250, 1));
    assert!(!file.exists());
    assert_eq!(ledger.conversations(&id("local"), 9).await.unwrap(), []);
}

#[tokio::test]
async fn a_conversation_is_called_after_what_is_left_of_it() {
    let (_folder, path) = place();
    let ledger = open(&path);
    let first = said(&ledger, "1", "the first").await;
    ledger.settle(&[first], Settled::Done).await.unwrap();
    said(&ledger, "2", "/forget yes").await;
    ledger.forget(&address("chat")).await.unwrap();
    let listed = ledger.conversations(&id("local"), 9).await.unwrap();
    assert_eq!(listed.into_iter().map(|chat| chat.title).collect::<Vec<_>>(), ["/forget yes"]);
}

//! What sweeping does on disk.

use std::fs;
use std::time::{Duration, SystemTime};

use takopi_core::message::SpooledFile;
use takopi_core::port::ledger::{Ledger, Post, PostKind, Settled};
use takopi_core::testing::ledger::{accepted, address, at, id, post};

use super::{open, place};

#[tokio::test]
async fn a_spooled_file_goes_with_the_last_post_that_needs_it() {
    let (folder, path) = place();
    let ledger = open(&path);
    let outside = folder.path().join("precious");
    fs::create_dir(ledger.spool().join("run")).unwrap();
    for name in ["shared", "run/own"] {
        fs::write(ledger.spool().join(name), "bytes").unwrap();
    }
    fs::write(&outside, "bytes").unwrap();
    let with = |names: &[&str]| -> Post {
        let mut post = post("chat", PostKind::Reply, None, "files");
        let file = |name: &&str| SpooledFile { path: name.into(), name: "x".to_owned() };
        post.parts[0].files = names.iter().map(file).collect();
        post
    };
    let first = ledger.post(with(&["shared", "run/own", "../precious"]), at(10)).await.unwrap();
    let second = ledger.post(with(&["shared"]), at(20)).await.unwrap();
    ledger.close_post(first).await.unwrap();
    assert!(ledger.spool().join("shared").exists(), "another post needs it");
    assert!(!ledger.spool().join("run/own").exists());
    ledger.close_post(second).await.unwrap();
    assert!(!ledger.spool().join("shared").exists());
    ledger.close_post(second).await.unwrap();
    assert_eq!(ledger.sweep(at(25)).await.unwrap(), 2, "closed posts stay on record until they are old");
    assert!(outside.exists(), "nothing outside the spool is touched");
}

#[tokio::test]
async fn a_ledger_that_is_opened_keeps_only_the_files_of_posts_that_are_to_be_sent() {
    let (_folder, path) = place();
    let ledger = open(&path);
    let spool = ledger.spool();
    fs::create_dir(spool.join("run")).unwrap();
    std::mem::forget(crate::temporary::make(&spool).await.unwrap());
    for name in ["needed", "never posted", "run/never posted"] {
        fs::write(spool.join(name), "bytes").unwrap();
    }
    let mut waiting = post("chat", PostKind::Reply, None, "file");
    waiting.parts[0].files = vec![SpooledFile { path: "needed".into(), name: "x".to_owned() }];
    ledger.post(waiting, at(10)).await.unwrap();
    drop(ledger);
    let ledger = open(&path);
    let left: Vec<_> = fs::read_dir(&spool).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["needed"]);
    assert_eq!(ledger.unfinished().await.unwrap().outbox.len(), 1);
}

#[tokio::test]
async fn more_than_one_piece_goes_in_one_sweep() {
    let (_folder, path) = place();
    let ledger = open(&path);
    let mut ids = Vec::new();
    for number in 0..450 {
        ids.push(accepted(&ledger, "chat", &number.to_string(), 10).await);
    }
    assert_eq!(ledger.conversations(&id("local"), 9).await.unwrap().len(), 1);
    ledger.settle(&ids, Settled::Done).await.unwrap();
    assert_eq!(ledger.sweep(at(11)).await.unwrap(), 450);
    assert_eq!(ledger.history(&address("chat"), None, 9).await.unwrap(), []);
    assert_eq!(ledger.conversations(&id("local"), 9).await.unwrap(), [], "nothing is left of the chat");
}

#[tokio::test]
async fn what_a_crash_left_in_the_spool_goes_when_it_is_old() {
    let (_folder, path) = place();
    let ledger = open(&path);
    let spool = ledger.spool();
    fs::create_dir(spool.join("run")).unwrap();
    for name in ["run/left", "young", "needed"] {
        fs::write(spool.join(name), "bytes").unwrap();
    }
    let aged = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000);
    for name in ["run/left", "needed", "run"] {
        fs::File::open(spool.join(name)).unwrap().set_modified(aged).unwrap();
    }
    let mut waiting = post("chat", PostKind::Reply, None, "file");
    waiting.parts[0].files = vec![SpooledFile { path: "needed".into(), name: "x".to_owned() }];
    ledger.post(waiting, at(10)).await.unwrap();
    ledger.sweep(at(2_000_000)).await.unwrap();
    let mut left: Vec<_> = fs::read_dir(&spool).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["needed", "young"], "the emptied folder went too");
}

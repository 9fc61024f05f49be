//! Many callers at once.

use std::sync::Arc;

use rusqlite::Connection;
use takopi_core::message::Inbound;
use takopi_core::port::ledger::{Accepted, Ledger};
use takopi_core::testing::ledger::{at, message};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::{open, place};
use crate::scopes;
use crate::writer::Durability;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_caller_gets_rising_numbers_and_no_number_is_given_twice() {
    const CALLERS: usize = 20;
    const EACH: usize = 25;
    let (_folder, path) = place();
    let ledger = Arc::new(open(&path));
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let ledger = Arc::clone(&ledger);
        callers.spawn(async move {
            let mut ids = Vec::new();
            for number in 0..EACH {
                let inbound = Inbound::Message(message("chat", &format!("{caller}.{number}"), "x"));
                let Accepted::New(id) = ledger.accept(&inbound, at(10)).await.unwrap() else {
                    panic!("{caller}.{number} is a duplicate");
                };
                ids.push(id);
            }
            ids
        });
    }
    let mut all = Vec::new();
    while let Some(ids) = callers.join_next().await {
        let ids = ids.unwrap();
        assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
        all.extend(ids);
    }
    all.sort();
    all.dedup();
    assert_eq!(all.len(), CALLERS * EACH);
    let stored: Vec<_> = ledger.unfinished().await.unwrap().inbox.iter().map(|it| it.id).collect();
    assert_eq!(stored, all);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_deliveries_of_one_message_one_is_new() {
    let (_folder, path) = place();
    let ledger = Arc::new(open(&path));
    let mut deliveries = JoinSet::new();
    for _ in 0..30 {
        let ledger = Arc::clone(&ledger);
        deliveries.spawn(async move {
            ledger.accept(&Inbound::Message(message("chat", "1", "x")), at(10)).await.unwrap()
        });
    }
    let results = deliveries.join_all().await;
    let new = results.iter().filter(|it| matches!(it, Accepted::New(_))).count();
    assert_eq!(new, 1, "{results:?}");
}

#[tokio::test]
async fn a_read_does_not_wait_for_a_write_under_way() {
    let (_folder, path) = place();
    let ledger = Arc::new(open(&path));
    ledger.put("a", "b", Some("before")).await.unwrap();
    let (begun, has_begun) = oneshot::channel();
    let (release, released) = std::sync::mpsc::channel::<()>();
    let slow = move |db: &Connection| {
        scopes::put(db, "a", "b", Some("after"))?;
        begun.send(()).unwrap();
        released.recv().unwrap();
        Ok(())
    };
    let writing = async { ledger.writer.write("dawdle", Durability::Full, slow).await.unwrap() };
    let reading = async {
        has_begun.await.unwrap();
        let seen = ledger.get("a", "b").await.unwrap();
        release.send(()).unwrap();
        seen
    };
    let (seen, ()) = tokio::join!(reading, writing);
    assert_eq!(seen.as_deref(), Some("before"));
    assert_eq!(ledger.get("a", "b").await.unwrap().as_deref(), Some("after"));
}

//! What outlives the process, and how it lies on disk.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rusqlite::Connection;
use takopi_core::message::Inbound;
use takopi_core::port::ledger::{Accepted, Ledger, PartState, PostKind, RunNote};
use takopi_core::testing::ledger::{accepted, at, message, open_run, post, run_id, session_row};

use super::{open, place};
use crate::writer::Durability;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn everything_answered_is_there_after_a_restart() {
    let (_folder, path) = place();
    let ledger = open(&path);
    let id = ledger.id().to_owned();
    let one = accepted(&ledger, "chat", "1", 10).await;
    accepted(&ledger, "chat", "2", 11).await;
    ledger.open(&open_run(1, "chat", &[one])).await.unwrap();
    let note = RunNote { session: Some(session_row("0199")), ..RunNote::default() };
    ledger.note(run_id(1), &note).await.unwrap();
    ledger.answer(run_id(1), "42", Vec::new(), at(20)).await.unwrap();
    let posted = ledger.post(post("chat", PostKind::Reply, None, "x"), at(21)).await.unwrap();
    ledger.mark(posted, 0, &PartState::Trying { unknown: 0 }).await.unwrap();
    let before = ledger.unfinished().await.unwrap();
    drop(ledger);

    assert!(!path.with_extension("db-wal").exists(), "a clean end leaves one file");
    let ledger = open(&path);
    assert_eq!(ledger.id(), id);
    assert_eq!(ledger.unfinished().await.unwrap(), before);
    let again = Inbound::Message(message("chat", "1", "text 1"));
    assert_eq!(ledger.accept(&again, at(30)).await.unwrap(), Accepted::Duplicate(one));
    assert_ne!(open(&path.with_extension("other")).id(), id);
}

#[tokio::test]
async fn letting_go_writes_what_is_queued() {
    let (_folder, path) = place();
    let ledger = open(&path);
    {
        let put = ledger.put("a", "b", Some("c"));
        let mut put = std::pin::pin!(put);
        // Polled once: the job is in the queue, nobody waits for its answer.
        std::future::poll_fn(|context| {
            let started = put.as_mut().poll(context);
            assert!(started.is_pending() || started.is_ready());
            std::task::Poll::Ready(())
        })
        .await;
    }
    drop(ledger);
    assert_eq!(open(&path).get("a", "b").await.unwrap().as_deref(), Some("c"));
}

#[tokio::test]
async fn nobody_but_the_owner_may_read_the_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/takopi/ledger.db");
    let ledger = open(&path);
    accepted(&ledger, "chat", "1", 10).await;
    for folder in [path.parent().unwrap(), path.parent().unwrap().parent().unwrap()] {
        assert_eq!(mode(folder), 0o700, "{}", folder.display());
    }
    for file in [path.clone(), path.with_extension("db-wal"), path.with_extension("db-shm")] {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
    assert!(!path.with_extension("spool").exists(), "made on first use");
    assert_eq!(ledger.spool(), path.with_extension("spool"));
    assert_eq!(mode(&ledger.spool()), 0o700);
    drop(ledger);

    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    drop(open(&path));
    assert_eq!(mode(&path), 0o600, "a copy made readable is closed again");
}

#[tokio::test]
async fn lookups_read_an_index_and_not_the_table() {
    let (_folder, path) = place();
    drop(open(&path));
    let connection = Connection::open(&path).unwrap();
    let lookups = [
        "SELECT id FROM inbox WHERE instance = 'a' AND upstream = 'b'",
        "SELECT * FROM inbox WHERE state = 'pending' ORDER BY id",
        "SELECT id FROM inbox WHERE instance = 'a' AND chat = 'b' AND message = 'c' AND state = 'pending'",
        "SELECT id FROM inbox WHERE address = 'a' AND said = 1 AND id < 5 ORDER BY id DESC LIMIT 3",
        "SELECT * FROM runs WHERE state <> 'ended' ORDER BY seq",
        "SELECT seq FROM runs WHERE address = 'a' AND place < 5 ORDER BY place DESC, seq DESC LIMIT 3",
        "SELECT id FROM runs WHERE state = 'ended' AND ended_at < 5 ORDER BY ended_at, seq",
        "SELECT id FROM outbox WHERE closed = 1 AND posted_at < 5 ORDER BY posted_at, id",
        "SELECT * FROM outbox WHERE closed = 0 ORDER BY id",
        "SELECT id FROM outbox WHERE address = 'a' AND said = 1 AND place < 5 ORDER BY place DESC, id DESC",
        "SELECT 1 FROM outbox WHERE run = 'a' AND closed = 0",
        "SELECT * FROM chat WHERE instance = 'a' ORDER BY last_at DESC, address LIMIT 5",
        "DELETE FROM message_ref WHERE run = 'a'",
        "DELETE FROM spooled WHERE path = 'a'",
    ];
    for sql in lookups {
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let plan: Vec<String> =
            statement.query_map([], |row| row.get("detail")).unwrap().map(Result::unwrap).collect();
        let plan = plan.join("; ");
        assert!(plan.contains("INDEX") || plan.contains("PRIMARY KEY"), "{sql}\n{plan}");
        assert!(!plan.contains("TEMP B-TREE"), "{sql}\n{plan}");
    }
}

#[tokio::test]
async fn what_must_not_be_lost_waits_for_the_disk() {
    let (_folder, path) = place();
    let ledger = open(&path);
    // SQLite's numbers: 1 is NORMAL, 2 is FULL.
    for (durability, expected) in [(Durability::Full, 2), (Durability::Normal, 1), (Durability::Full, 2)] {
        let ask = |db: &Connection| Ok(db.query_row("PRAGMA synchronous", [], |row| row.get::<_, i64>(0))?);
        assert_eq!(ledger.writer.write("ask", durability, ask).await.unwrap(), expected, "{durability:?}");
    }
}

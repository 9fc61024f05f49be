//! Full disks, damaged and strange files: a clear error with a remedy, and nothing accepted is lost.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::Path;

use rusqlite::Connection;
use takopi_core::message::Inbound;
use takopi_core::port::ledger::{Ledger, LedgerError, PostKind};
use takopi_core::testing::ledger::{accepted, at, message, open_run, post, run_id};

use super::{open, place};
use crate::SqliteLedger;
use crate::writer::Durability;

/// Lets the writer's file grow to `pages`, or as far as it will.
async fn limit(ledger: &SqliteLedger, pages: i64) {
    let set = move |db: &Connection| {
        Ok(db.pragma_update_and_check(None, "max_page_count", pages, |row| row.get::<_, i64>(0))?)
    };
    ledger.writer.write("limit the file", Durability::Normal, set).await.unwrap();
}

/// Returns the message of an error, with the file's folder left out.
fn text<T>(result: Result<T, LedgerError>, path: &Path) -> String {
    let Err(error) = result else { panic!("it went well") };
    error.to_string().replace(&format!("{}/", path.parent().unwrap().display()), "")
}

#[tokio::test]
async fn a_full_disk_is_told_and_loses_nothing_accepted() {
    let (_folder, path) = place();
    let ledger = open(&path);
    limit(&ledger, 1).await;
    let mut kept = Vec::new();
    let refused = loop {
        let inbound = Inbound::Message(message("chat", &kept.len().to_string(), &"x".repeat(900)));
        match ledger.accept(&inbound, at(10)).await {
            Ok(_) => kept.push(inbound),
            Err(error) => break error,
        }
        assert!(kept.len() < 10_000, "the limit does not hold");
    };
    insta::assert_snapshot!(
        text::<()>(Err(refused), &path),
        @"the ledger could not accept a message: no room is left for ledger.db; free some space, nothing stored before is lost"
    );
    let big = post("chat", PostKind::Notice, None, &"x".repeat(100_000));
    assert!(ledger.post(big, at(10)).await.is_err());
    let stored: Vec<Inbound> =
        ledger.unfinished().await.unwrap().inbox.into_iter().map(|it| it.inbound).collect();
    assert_eq!(stored, kept, "reads go on, and nothing half-written shows");

    limit(&ledger, 1_000_000).await;
    accepted(&ledger, "chat", "later", 20).await;
    drop(ledger);
    assert_eq!(open(&path).unfinished().await.unwrap().inbox.len(), kept.len() + 1);
}

#[tokio::test]
async fn a_write_that_fills_the_disk_does_not_answer_for_those_beside_it() {
    let (_folder, path) = place();
    let ledger = open(&path);
    accepted(&ledger, "chat", "before", 1).await;
    limit(&ledger, 1).await;
    let big = post("chat", PostKind::Notice, None, &"x".repeat(200_000));
    // Queued together, so that they share a transaction: whoever is told `Ok` must be on disk.
    let (put, posted, settled) = tokio::join!(
        ledger.put("a", "b", Some("c")),
        ledger.post(big, at(2)),
        ledger.put("a", "d", Some("e")),
    );
    assert!(posted.is_err());
    assert_eq!(ledger.get("a", "b").await.unwrap().is_some(), put.is_ok());
    assert_eq!(ledger.get("a", "d").await.unwrap().is_some(), settled.is_ok());
    assert_eq!(ledger.unfinished().await.unwrap().outbox, []);
}

#[tokio::test]
async fn a_read_only_file_is_told() {
    let (_folder, path) = place();
    let ledger = open(&path);
    let set = |db: &Connection| Ok(db.pragma_update(None, "query_only", true)?);
    ledger.writer.write("forbid writing", Durability::Normal, set).await.unwrap();
    let refused = ledger.open(&open_run(1, "chat", &[])).await;
    insta::assert_snapshot!(
        text(refused, &path),
        @"the ledger could not open a run: ledger.db is read-only; make the file and its folder writable for the user takopi runs as"
    );
    assert_eq!(ledger.run(run_id(1)).await.unwrap(), None);
}

#[test]
fn what_is_no_database_is_told() {
    let (_folder, path) = place();
    fs::write(
        &path,
        "just some text, long enough to be looked at as the header of a database file\n".repeat(20),
    )
    .unwrap();
    insta::assert_snapshot!(
        text(SqliteLedger::open(&path), &path),
        @"the ledger could not open its file: ledger.db is damaged; move it aside together with the files beside it that end in -wal and -shm, takopi then starts with a fresh one"
    );
}

/// Overwrites the pages of a file from `first` (counted from 0) on with nonsense.
fn scribble(path: &Path, first: u64) {
    let pages = fs::metadata(path).unwrap().len() / 4096;
    assert!(first < pages, "the file has {pages} pages");
    let file = OpenOptions::new().write(true).open(path).unwrap();
    for page in first..pages {
        file.write_all_at(&[0xA5; 4096], page * 4096).unwrap();
    }
}

#[tokio::test]
async fn a_damaged_file_is_told() {
    let (_folder, path) = place();
    let ledger = open(&path);
    for number in 0..50 {
        let inbound = message("chat", &number.to_string(), &"x".repeat(2_000));
        ledger.accept(&Inbound::Message(inbound), at(10)).await.unwrap();
    }
    drop(ledger);
    // Behind the pages the tables begin on: the file opens, and its rows are damaged.
    scribble(&path, 60);
    insta::assert_snapshot!(
        text(open(&path).unfinished().await, &path),
        @"the ledger could not read what is unfinished: ledger.db is damaged; move it aside together with the files beside it that end in -wal and -shm, takopi then starts with a fresh one"
    );
    scribble(&path, 1);
    insta::assert_snapshot!(
        text(SqliteLedger::open(&path), &path),
        @"the ledger could not open its file: ledger.db is damaged; move it aside together with the files beside it that end in -wal and -shm, takopi then starts with a fresh one"
    );
}

#[test]
fn another_programs_database_is_left_alone() {
    let (_folder, path) = place();
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE theirs (x)").unwrap();
    insta::assert_snapshot!(
        text(SqliteLedger::open(&path), &path),
        @"the ledger could not open its file: ledger.db is the database of another program; name a different file"
    );
    let theirs = Connection::open(&path).unwrap();
    let tables: i64 = theirs.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).unwrap();
    assert_eq!(tables, 1);
    let journal: String = theirs.query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
    assert_eq!(journal, "delete");
}

#[test]
fn a_newer_format_is_refused() {
    let (_folder, path) = place();
    drop(open(&path));
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 7).unwrap();
    insta::assert_snapshot!(
        text(SqliteLedger::open(&path), &path),
        @"the ledger could not open its file: ledger.db was written by a newer takopi (format 7, this one knows up to 1); update takopi, or move the file aside to start with a fresh one"
    );
}

#[test]
fn a_ledger_held_by_another_program_is_told() {
    let (_folder, path) = place();
    drop(open(&path));
    let holder = Connection::open(&path).unwrap();
    holder.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE").unwrap();
    insta::assert_snapshot!(
        text(SqliteLedger::open(&path), &path),
        @"the ledger could not open its file: ledger.db is in use by another program; end that program and try again"
    );
}

#[test]
fn a_folder_in_its_place_is_left_as_it_is() {
    let (folder, _path) = place();
    let path = folder.path().join("not-a-file");
    fs::create_dir(&path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    let told = text(SqliteLedger::open(&path), &path);
    assert_eq!(told, "the ledger could not open its file: not-a-file is not a file; name another path");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o755);
}

#[test]
fn a_folder_that_cannot_be_made_is_told() {
    let (_folder, path) = place();
    fs::write(&path, "").unwrap();
    let below = path.join("ledger.db");
    let error = SqliteLedger::open(&below).unwrap_err().to_string();
    assert!(error.starts_with("the ledger could not open its file: cannot make the folder of /"), "{error}");
}

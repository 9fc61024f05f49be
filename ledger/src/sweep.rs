//! Retention: forgets what is finished and old, a little at a time, so that writes get in between.
//!
//! The file is not vacuumed: free pages are taken by what comes next, a memory of steady retention keeps a
//! steady size, and moving pages about costs more writes than it saves room. The files are `spool.rs`.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use rusqlite::{Connection, ToSql, params};
use takopi_core::time::Timestamp;

use crate::failure::Failure;
use crate::stored::{all, change, first};

/// Rows of one kind that go in one transaction: some ten milliseconds of work at most.
const PIECE: i64 = 100;

/// What went in one piece.
#[derive(Debug, Default)]
pub(crate) struct Swept {
    /// How many inbounds, runs and posts.
    pub(crate) rows: u64,
    /// Spooled files that no post needs any more.
    pub(crate) files: Vec<PathBuf>,
}

/// Forgets one piece. Nothing is left to forget once no rows went.
pub(crate) fn piece(db: &Connection, before: Timestamp) -> Result<Swept, Failure> {
    let (posts, files) = posts(db, before)?;
    let rows = posts + runs(db, before)? + settled(db, before)?;
    if rows == 0 {
        forget_leftovers(db, before)?;
    }
    Ok(Swept { rows: rows as u64, files })
}

fn posts(db: &Connection, before: Timestamp) -> Result<(usize, Vec<PathBuf>), Failure> {
    let old = "SELECT id FROM outbox WHERE closed = 1 AND posted_at < ?1 ORDER BY posted_at, id LIMIT ?2";
    let window = params![before.unix_ms(), PIECE];
    delete_posts(db, old, window)
}

/// Deletes the posts whose ids a query gives; returns how many, and the spooled files that no other post needs.
pub(crate) fn delete_posts(
    db: &Connection,
    ids: &str,
    params: &[&dyn ToSql],
) -> Result<(usize, Vec<PathBuf>), Failure> {
    let sql = format!("SELECT DISTINCT path FROM spooled WHERE outbox IN ({ids})");
    let files: Vec<Vec<u8>> = all(db, &sql, params, |row| Ok(row.get(0)?))?;
    let gone = change(db, &format!("DELETE FROM outbox WHERE id IN ({ids})"), params)?;
    let mut unneeded = Vec::new();
    for file in files {
        if first(db, "SELECT 1 FROM spooled WHERE path = ?1", [&file], |_row| Ok(()))?.is_none() {
            unneeded.push(OsString::from_vec(file).into());
        }
    }
    Ok((gone, unneeded))
}

fn runs(db: &Connection, before: Timestamp) -> Result<usize, Failure> {
    let old = "SELECT id FROM runs WHERE state = 'ended' AND ended_at < ?1
               AND NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.run = runs.id AND closed = 0)
               ORDER BY ended_at, seq LIMIT ?2";
    let window = params![before.unix_ms(), PIECE];
    let inbounds =
        format!("DELETE FROM inbox WHERE id IN (SELECT inbox FROM run_inbox WHERE run IN ({old}))");
    let inbounds = change(db, &inbounds, window)?;
    Ok(inbounds + change(db, &format!("DELETE FROM runs WHERE id IN ({old})"), window)?)
}

fn settled(db: &Connection, before: Timestamp) -> Result<usize, Failure> {
    change(
        db,
        "DELETE FROM inbox WHERE id IN (SELECT id FROM inbox
         WHERE state IN ('done', 'ignored', 'cancelled') AND accepted_at < ?1 LIMIT ?2)",
        params![before.unix_ms(), PIECE],
    )
}

/// Forgets sessions that no run and no conversation names, and chats of which nothing is left.
fn forget_leftovers(db: &Connection, before: Timestamp) -> Result<(), Failure> {
    change(
        db,
        "DELETE FROM session WHERE NOT EXISTS (SELECT 1 FROM runs
             WHERE runs.engine = session.engine AND runs.session = session.token)
         AND NOT EXISTS (SELECT 1 FROM conversation
             WHERE conversation.engine = session.engine AND conversation.token = session.token)",
        [],
    )?;
    change(
        db,
        "DELETE FROM chat WHERE last_at < ?1
         AND NOT EXISTS (SELECT 1 FROM inbox WHERE inbox.address = chat.address AND said = 1)",
        [before.unix_ms()],
    )?;
    Ok(())
}

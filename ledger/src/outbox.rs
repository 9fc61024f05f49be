//! What is to be sent for certain, with a state per part.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use rusqlite::{Connection, Row, params};
use takopi_core::port::ledger::{OutboxId, OutboxRow, PartState, Post, PostKind};
use takopi_core::time::Timestamp;

use crate::failure::Failure;
use crate::stored::{all, change, first, from_word, json, json_opt, run_id, time, value, value_opt, word};
use crate::{inbox, runs};

pub(crate) fn post(db: &Connection, post: &Post, at: Timestamp) -> Result<OutboxId, Failure> {
    let address = json("an address", &post.to)?;
    let shown_as_run = post.kind == PostKind::Final && post.run.is_some();
    change(
        db,
        "INSERT INTO outbox (address, place, kind, run, said, reply_to, notify, progress, revises, posted_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        params![
            address,
            inbox::place(db, &post.to)?,
            word("the kind of a post", &post.kind)?,
            post.run.map(|run| run.to_string()),
            !shown_as_run,
            json_opt("a message", post.reply_to.as_ref())?,
            post.notify,
            word("the use of a progress message", &post.progress)?,
            post.revises.map(|id| id.0),
            at.unix_ms()
        ],
    )?;
    let id = db.last_insert_rowid();
    let waiting = json("the state of a part", &PartState::Waiting)?;
    for (index, body) in post.parts.iter().enumerate() {
        change(
            db,
            "INSERT INTO outbox_part (outbox, part, body, state) VALUES (?1, ?2, ?3, ?4)",
            params![id, index as i64, json("a body", body)?, waiting],
        )?;
        for file in &body.files {
            let path = file.path.as_os_str().as_bytes();
            change(db, "INSERT OR IGNORE INTO spooled (outbox, path) VALUES (?1, ?2)", params![id, path])?;
        }
    }
    let sql = "UPDATE chat SET last_at = max(last_at, ?2) WHERE address = ?1";
    change(db, sql, params![address, at.unix_ms()])?;
    Ok(OutboxId(id))
}

pub(crate) fn mark(db: &Connection, id: OutboxId, part: usize, state: &PartState) -> Result<(), Failure> {
    let changed = change(
        db,
        "UPDATE outbox_part SET state = ?3 WHERE outbox = ?1 AND part = ?2",
        params![id.0, i64::try_from(part).unwrap_or(i64::MAX), json("the state of a part", state)?],
    )?;
    if changed == 0 {
        return Err(Failure::Refused(format!("post {} is not known or has no part {part}", id.0)));
    }
    let PartState::Sent { message, .. } = state else { return Ok(()) };
    // Joined with the runs: a post may outlive its run in the memory.
    let sql = "SELECT run FROM outbox JOIN runs ON runs.id = outbox.run WHERE outbox.id = ?1";
    match first(db, sql, [id.0], |row| Ok(row.get::<_, String>(0)?))? {
        Some(run) => runs::own(db, &run, message),
        None => Ok(()),
    }
}

/// Closes a post and returns the spooled files that no other post needs.
pub(crate) fn close(db: &Connection, id: OutboxId) -> Result<Vec<PathBuf>, Failure> {
    if change(db, "UPDATE outbox SET closed = 1 WHERE id = ?1", [id.0])? == 0 {
        return Err(Failure::Refused(format!("post {} is not known", id.0)));
    }
    let needed = "SELECT path FROM spooled WHERE outbox = ?1
                  AND NOT EXISTS (SELECT 1 FROM spooled AS other
                      WHERE other.path = spooled.path AND other.outbox <> spooled.outbox)";
    let files: Vec<Vec<u8>> = all(db, needed, [id.0], |row| Ok(row.get(0)?))?;
    change(db, "DELETE FROM spooled WHERE outbox = ?1", [id.0])?;
    Ok(files.into_iter().map(|file| OsString::from_vec(file).into()).collect())
}

pub(crate) fn row(db: &Connection, id: OutboxId) -> Result<Option<OutboxRow>, Failure> {
    first(db, "SELECT * FROM outbox WHERE id = ?1", [id.0], |row| read(db, row))
}

/// Returns the posts that are not closed, in the order of posting. Tries that were under way read as tries
/// of unknown outcome; that is not written, so that asking twice counts them once.
pub(crate) fn unfinished(db: &Connection) -> Result<Vec<OutboxRow>, Failure> {
    let mut rows = all(db, "SELECT * FROM outbox WHERE closed = 0 ORDER BY id", [], |row| read(db, row))?;
    for state in rows.iter_mut().flat_map(|row| &mut row.states) {
        if let PartState::Trying { unknown } = state {
            *state = PartState::Unknown { unknown: unknown.saturating_add(1) };
        }
    }
    Ok(rows)
}

fn read(db: &Connection, row: &Row<'_>) -> Result<OutboxRow, Failure> {
    let id: i64 = row.get("id")?;
    let sql = "SELECT body, state FROM outbox_part WHERE outbox = ?1 ORDER BY part";
    let parts = all(db, sql, [id], |row| Ok((value(row, "body")?, value(row, "state")?)))?;
    let (parts, states) = parts.into_iter().unzip();
    let run: Option<String> = row.get("run")?;
    let post = Post {
        to: value(row, "address")?,
        kind: from_word(row, "kind")?,
        run: run.map(|_| run_id(row, "run")).transpose()?,
        reply_to: value_opt(row, "reply_to")?,
        notify: row.get("notify")?,
        progress: from_word(row, "progress")?,
        revises: row.get::<_, Option<i64>>("revises")?.map(OutboxId),
        parts,
    };
    Ok(OutboxRow {
        id: OutboxId(id),
        posted_at: time(row, "posted_at")?,
        post,
        states,
        closed: row.get("closed")?,
    })
}

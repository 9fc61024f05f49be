//! What came in: accepted once, then settled, amended or answered by a run.

use rusqlite::{Connection, params};
use takopi_core::message::{Address, Inbound, MessageRef};
use takopi_core::port::ledger::{Accepted, Conversation, InboxId, PendingInbound, Settled};
use takopi_core::time::Timestamp;

use crate::failure::Failure;
use crate::stored::{all, change, first, json, time, value, word};

pub(crate) fn accept(db: &Connection, inbound: &Inbound, at: Timestamp) -> Result<Accepted, Failure> {
    let MessageRef { address, id: message } = inbound.message();
    let instance = address.instance.as_str();
    let known = first(
        db,
        "SELECT id FROM inbox WHERE instance = ?1 AND upstream = ?2",
        params![instance, inbound.upstream()],
        |row| Ok(InboxId(row.get(0)?)),
    )?;
    if let Some(id) = known {
        return Ok(Accepted::Duplicate(id));
    }
    let (kind, title) = match inbound {
        Inbound::Message(message) => ("message", Some(Conversation::title_from(&message.text))),
        Inbound::Edited(_) => ("edited", None),
        Inbound::Deleted { .. } => ("deleted", None),
        Inbound::Press(_) => ("press", None),
        Inbound::Invoke(_) => ("invoke", Some(String::new())),
        Inbound::Modal(_) => ("modal", None),
    };
    let place = json("an address", address)?;
    change(
        db,
        "INSERT INTO inbox (instance, upstream, address, chat, message, type, said, accepted_at, inbound)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![
            instance,
            inbound.upstream(),
            place,
            address.chat,
            message,
            kind,
            title.is_some(),
            at.unix_ms(),
            json("an inbound", inbound)?
        ],
    )?;
    let id = InboxId(db.last_insert_rowid());
    if let Some(title) = title {
        change(
            db,
            "INSERT INTO chat (address, instance, title, last_at) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (address) DO UPDATE SET last_at = max(last_at, excluded.last_at),
                 title = CASE title WHEN '' THEN excluded.title ELSE title END",
            params![place, instance, title, at.unix_ms()],
        )?;
    }
    Ok(Accepted::New(id))
}

pub(crate) fn settle(db: &Connection, inbox: &[InboxId], how: Settled) -> Result<(), Failure> {
    let state = word("how an inbound was settled", &how)?;
    let hidden = how == Settled::Ignored;
    for id in inbox {
        change(
            db,
            "UPDATE inbox SET state = ?2, said = said AND NOT ?3 WHERE id = ?1 AND state = 'pending'",
            params![id.0, state, hidden],
        )?;
    }
    Ok(())
}

pub(crate) fn amend(db: &Connection, id: InboxId, text: &str) -> Result<bool, Failure> {
    let sql = "SELECT inbound FROM inbox WHERE id = ?1 AND state = 'pending'";
    let Some(mut inbound) = first(db, sql, [id.0], |row| value::<Inbound>(row, "inbound"))? else {
        return Ok(false);
    };
    let (Inbound::Message(message) | Inbound::Edited(message)) = &mut inbound else { return Ok(false) };
    text.clone_into(&mut message.text);
    change(db, "UPDATE inbox SET inbound = ?2 WHERE id = ?1", params![id.0, json("an inbound", &inbound)?])?;
    Ok(true)
}

/// Returns everything nothing was done with, in the order of acceptance.
pub(crate) fn pending(db: &Connection) -> Result<Vec<PendingInbound>, Failure> {
    all(db, "SELECT id, accepted_at, inbound FROM inbox WHERE state = 'pending' ORDER BY id", [], |row| {
        Ok(PendingInbound {
            id: InboxId(row.get("id")?),
            accepted_at: time(row, "accepted_at")?,
            inbound: value(row, "inbound")?,
        })
    })
}

/// Returns the new message that `message` is, while nothing was done with it.
pub(crate) fn pending_message(db: &Connection, message: &MessageRef) -> Result<Option<InboxId>, Failure> {
    first(
        db,
        "SELECT id FROM inbox WHERE instance = ?1 AND chat = ?2 AND message = ?3
         AND state = 'pending' AND type = 'message' ORDER BY id DESC",
        params![message.address.instance.as_str(), message.address.chat, message.id],
        |row| Ok(InboxId(row.get(0)?)),
    )
}

/// Returns the latest inbound its chat's history shows, or 0: the place of what is said next.
pub(crate) fn place(db: &Connection, address: &Address) -> Result<i64, Failure> {
    Ok(said_until(db, address, i64::MAX)?.unwrap_or(0))
}

/// Returns the latest inbound that history shows, of those numbered `last` or lower.
pub(crate) fn said_until(db: &Connection, address: &Address, last: i64) -> Result<Option<i64>, Failure> {
    let sql = "SELECT id FROM inbox WHERE address = ?1 AND said = 1 AND id <= ?2 ORDER BY id DESC LIMIT 1";
    first(db, sql, params![json("an address", address)?, last], |row| Ok(row.get(0)?))
}

/// Returns an inbound as it came in or was amended; `None` for one that was forgotten.
pub(crate) fn inbound(db: &Connection, id: InboxId) -> Result<Option<Inbound>, Failure> {
    first(db, "SELECT inbound FROM inbox WHERE id = ?1 AND inbound <> ''", [id.0], |row| {
        value::<Inbound>(row, "inbound")
    })
}

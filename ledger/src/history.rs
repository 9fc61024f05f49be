//! What was said in a chat, page by page, and the list of chats. Both read as much of an index as they
//! return, however long the memory is.

use rusqlite::{Connection, params};
use takopi_core::id::InstanceId;
use takopi_core::message::Address;
use takopi_core::port::ledger::{Conversation, InboxId, OutboxId, SESSION_RUNS, Said, SessionOfChat};
use takopi_core::session::Session;

use crate::failure::Failure;
use crate::forget::{Place, here};
use crate::stored::{all, engine, first, from_word, json, run_id, time, value};
use crate::{inbox, outbox, runs};

/// What stands where: the place, then inbounds before runs before posts, then their order.
type Key = (i64, i64, i64);

const INBOUND: i64 = 0;
const RUN: i64 = 1;

pub(crate) fn history(
    db: &Connection,
    address: &Address,
    before: Option<InboxId>,
    limit: usize,
) -> Result<Vec<Said>, Failure> {
    let wanted = i64::try_from(limit).unwrap_or(i64::MAX - 1);
    let keys = all(
        db,
        "SELECT * FROM (SELECT id, 0, id FROM inbox
             WHERE address = ?1 AND said = 1 AND id < ?2 ORDER BY id DESC LIMIT ?3)
         UNION ALL
         SELECT * FROM (SELECT place, 1, seq FROM runs
             WHERE address = ?1 AND place < ?2 ORDER BY place DESC, seq DESC LIMIT ?3)
         UNION ALL
         SELECT * FROM (SELECT place, 2, id FROM outbox
             WHERE address = ?1 AND said = 1 AND place < ?2 ORDER BY place DESC, id DESC LIMIT ?3)
         ORDER BY 1 DESC, 2 DESC, 3 DESC LIMIT ?3",
        params![json("an address", address)?, before.map_or(i64::MAX, |id| id.0), wanted + 1],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )?;
    let mut said = Vec::new();
    for (_, kind, id) in page(db, address, keys, limit)? {
        said.extend(match kind {
            INBOUND => inbound(db, id)?,
            RUN => runs::run_at(db, id)?.map(|run| Said::Run(Box::new(run))),
            _ => outbox::row(db, OutboxId(id))?.map(Box::new).map(Said::Post),
        });
    }
    Ok(said)
}

/// Returns the page, oldest first, out of keys that are newest first and one more than `limit` if there
/// are so many: then it is cut so that an inbound comes first.
fn page(db: &Connection, address: &Address, mut keys: Vec<Key>, limit: usize) -> Result<Vec<Key>, Failure> {
    if keys.len() > limit {
        keys.truncate(limit);
        if let Some(first) = keys.iter().rposition(|(_, kind, _)| *kind == INBOUND) {
            keys.truncate(first + 1);
        } else if let Some(oldest) = keys.last_mut()
            && let Some(inbound) = inbox::said_until(db, address, oldest.0)?
        {
            *oldest = (inbound, INBOUND, inbound);
        }
    }
    keys.reverse();
    Ok(keys)
}

fn inbound(db: &Connection, id: i64) -> Result<Option<Said>, Failure> {
    let sql = "SELECT inbox.id, inbound, accepted_at, run FROM inbox
               LEFT JOIN run_inbox ON run_inbox.inbox = inbox.id WHERE inbox.id = ?1";
    first(db, sql, [id], |row| {
        let run: Option<String> = row.get("run")?;
        Ok(Said::Inbound {
            id: InboxId(row.get("id")?),
            inbound: value(row, "inbound")?,
            at: time(row, "accepted_at")?,
            run: run.map(|_| run_id(row, "run")).transpose()?,
        })
    })
}

pub(crate) fn sessions(db: &Connection, place: &Place, limit: usize) -> Result<Vec<SessionOfChat>, Failure> {
    let sql = format!(
        "SELECT engine, session, prompt, opened_at FROM runs
         WHERE session IS NOT NULL AND {} ORDER BY seq DESC LIMIT {SESSION_RUNS}",
        here("address")
    );
    let runs = all(db, &sql, &place.params()[..], |row| {
        let session = Session { engine: engine(row)?, token: from_word(row, "session")? };
        Ok((session, row.get("prompt")?, time(row, "opened_at")?))
    })?;
    Ok(SessionOfChat::of_runs(runs, limit))
}

pub(crate) fn conversations(
    db: &Connection,
    instance: &InstanceId,
    limit: usize,
) -> Result<Vec<Conversation>, Failure> {
    all(
        db,
        "SELECT address, title, last_at FROM chat WHERE instance = ?1
         ORDER BY last_at DESC, address LIMIT ?2",
        params![instance.as_str(), i64::try_from(limit).unwrap_or(i64::MAX)],
        |row| {
            let (address, title) = (value(row, "address")?, row.get("title")?);
            Ok(Conversation { address, title, last_at: time(row, "last_at")? })
        },
    )
}

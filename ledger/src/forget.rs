//! Forgetting a chat because somebody asked for it: a little at a time, so that writes get in between.
//!
//! Of what was accepted an empty row stays until retention takes it: the service's identity of the message, by
//! which a second delivery is known. SQLite overwrites what is deleted (`file.rs`), and the WAL is emptied
//! afterwards, so that the content is gone from the files as well.

use std::path::PathBuf;

use rusqlite::{Connection, params};
use takopi_core::message::{Address, Inbound};
use takopi_core::port::ledger::{Conversation, Remembered};
use takopi_core::session::Scope;

use crate::failure::Failure;
use crate::stored::{all, change, first, json, value};
use crate::{scopes, sweep};

/// Rows of one kind that go in one transaction: some ten milliseconds of work at most.
const PIECE: i64 = 100;

/// The place that is forgotten: a thread, or a chat with its threads and its people's conversations, which are a range
/// of texts.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    exact: String,
    from: String,
    below: String,
}

impl Place {
    pub(crate) fn of(address: &Address) -> Result<Self, Failure> {
        let exact = json("an address", address)?;
        let (from, below) = match (&address.thread, exact.strip_suffix('}')) {
            // What lies in a chat has one more key; `#` is the character after the quotation mark it begins with.
            (None, Some(trunk)) => (format!("{trunk},\""), format!("{trunk},#")),
            _ => (String::new(), String::new()),
        };
        Ok(Self { exact, from, below })
    }

    pub(crate) fn params(&self) -> [&dyn rusqlite::ToSql; 3] {
        [&self.exact, &self.from, &self.below]
    }
}

/// Returns the condition that a column names the place.
pub(crate) fn here(column: &str) -> String {
    format!("({column} = ?1 OR ({column} >= ?2 AND {column} < ?3))")
}

/// The condition that a row of `runs` goes: it is over, and nothing of it is still to be sent.
fn run_goes() -> String {
    let owed = "SELECT 1 FROM outbox AS owed WHERE owed.run = runs.id AND owed.closed = 0";
    format!("({} AND runs.state = 'ended' AND NOT EXISTS ({owed}))", here("runs.address"))
}

/// The condition that a row of `inbox` goes that no run answers.
fn settled_goes() -> String {
    format!("({} AND inbox.state IN ('done', 'ignored', 'cancelled'))", here("inbox.address"))
}

/// The condition that a row of `outbox` goes: it is done with, and so are its run and what takes its place.
fn post_goes() -> String {
    format!(
        "({} AND outbox.closed = 1
          AND NOT EXISTS (SELECT 1 FROM runs WHERE runs.id = outbox.run AND NOT {})
          AND NOT EXISTS (SELECT 1 FROM outbox AS next WHERE next.revises = outbox.id AND next.closed = 0))",
        here("outbox.address"),
        run_goes()
    )
}

/// The sessions that are named here and nowhere that stays.
fn sessions_that_go() -> String {
    format!(
        "SELECT engine, token FROM (
             SELECT engine, session AS token FROM runs WHERE session IS NOT NULL AND {goes}
             UNION SELECT engine, token FROM conversation WHERE {scope}) AS named
         WHERE EXISTS (SELECT 1 FROM session WHERE (session.engine, session.token) = (named.engine, named.token))
         AND NOT EXISTS (SELECT 1 FROM runs
             WHERE runs.engine = named.engine AND runs.session = named.token AND NOT {goes})
         AND NOT EXISTS (SELECT 1 FROM conversation AS other
             WHERE (other.engine, other.token) = (named.engine, named.token) AND NOT {other})",
        goes = run_goes(),
        scope = here("scope"),
        other = here("other.scope"),
    )
}

fn count(db: &Connection, from: &str, place: &Place) -> Result<u64, Failure> {
    let sql = format!("SELECT count(*) FROM {from}");
    let rows: Option<i64> = first(db, &sql, &place.params()[..], |row| Ok(row.get(0)?))?;
    Ok(rows.and_then(|rows| u64::try_from(rows).ok()).unwrap_or(0))
}

/// Returns what would go and what would stay.
pub(crate) fn remembered(db: &Connection, place: &Place) -> Result<Remembered, Failure> {
    let said = "inbox.type IN ('message', 'invoke')";
    let of_runs = "SELECT inbox FROM run_inbox JOIN runs ON runs.id = run_inbox.run";
    let messages = format!(
        "inbox WHERE {said} AND ({} OR inbox.id IN ({of_runs} WHERE {}))",
        settled_goes(),
        run_goes()
    );
    Ok(Remembered {
        messages: count(db, &messages, place)?,
        runs: count(db, &format!("runs WHERE {}", run_goes()), place)?,
        posts: count(db, &format!("outbox WHERE {}", post_goes()), place)?,
        sessions: count(db, &format!("({})", sessions_that_go()), place)?,
        unfinished: unfinished(db, place)?,
    })
}

fn unfinished(db: &Connection, place: &Place) -> Result<u64, Failure> {
    let address = here("address");
    let pending = count(db, &format!("inbox WHERE state = 'pending' AND {address}"), place)?;
    let open = count(db, &format!("runs WHERE state <> 'ended' AND {address}"), place)?;
    Ok(pending + open + count(db, &format!("outbox WHERE closed = 0 AND {address}"), place)?)
}

/// How far it is.
#[derive(Debug)]
pub(crate) struct Forgetting {
    place: Place,
    sessions: Vec<(String, String)>,
    /// The last inbound that was looked at.
    after: i64,
    gone: Remembered,
    over: bool,
}

/// Ends the running conversations, so that nothing continues what goes.
pub(crate) fn begin(db: &Connection, address: &Address) -> Result<Forgetting, Failure> {
    let place = Place::of(address)?;
    let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
    let sessions = all(db, &sessions_that_go(), &place.params()[..], read)?;
    let begun = format!(
        "SELECT scope FROM conversation WHERE {scope} UNION SELECT scope FROM generation WHERE {scope}",
        scope = here("scope")
    );
    let mut scopes: Vec<Scope> = all(db, &begun, &place.params()[..], |row| value(row, "scope"))?;
    let whole = Scope::from(address.clone());
    if !scopes.contains(&whole) {
        scopes.push(whole);
    }
    for begun in &scopes {
        scopes::renew(db, begun)?;
    }
    Ok(Forgetting { place, sessions, after: 0, gone: Remembered::default(), over: false })
}

impl Forgetting {
    pub(crate) const fn is_over(&self) -> bool {
        self.over
    }

    /// Returns what went, and what stays.
    pub(crate) const fn gone(&self) -> Remembered {
        self.gone
    }

    /// Forgets one piece; returns how far it is then, and spooled files that no post needs any more.
    pub(crate) fn piece(mut self, db: &Connection) -> Result<(Self, Vec<PathBuf>), Failure> {
        if self.runs(db)? + self.settled(db)? > 0 {
            return Ok((self, Vec::new()));
        }
        let ids = format!("SELECT id FROM outbox WHERE {} ORDER BY id LIMIT ?4", post_goes());
        let [exact, from, below] = self.place.params();
        let (posts, files) = sweep::delete_posts(db, &ids, &[exact, from, below, &PIECE])?;
        self.gone.posts += posts as u64;
        if posts == 0 {
            self.finish(db)?;
        }
        Ok((self, files))
    }

    fn runs(&mut self, db: &Connection) -> Result<usize, Failure> {
        let sql = format!("SELECT id FROM runs WHERE {} ORDER BY seq LIMIT ?4", run_goes());
        let [exact, from, below] = self.place.params();
        let runs: Vec<String> = all(db, &sql, &[exact, from, below, &PIECE][..], |row| Ok(row.get(0)?))?;
        for run in &runs {
            let answered = "SELECT inbox FROM run_inbox WHERE run = ?1";
            for inbox in all(db, answered, [run], |row| Ok(row.get(0)?))? {
                self.empty(db, inbox)?;
            }
            change(db, "DELETE FROM runs WHERE id = ?1", [run])?;
        }
        self.gone.runs += runs.len() as u64;
        Ok(runs.len())
    }

    fn settled(&mut self, db: &Connection) -> Result<usize, Failure> {
        let sql = format!("SELECT id FROM inbox WHERE id > ?4 AND {} ORDER BY id LIMIT ?5", settled_goes());
        let [exact, from, below] = self.place.params();
        let found: Vec<i64> =
            all(db, &sql, &[exact, from, below, &self.after, &PIECE][..], |row| Ok(row.get(0)?))?;
        for inbox in &found {
            self.empty(db, *inbox)?;
            self.after = *inbox;
        }
        Ok(found.len())
    }

    /// Leaves of an inbound only by what it is known when it comes again.
    fn empty(&mut self, db: &Connection, inbox: i64) -> Result<(), Failure> {
        let sql = "SELECT 1 FROM inbox WHERE id = ?1 AND type IN ('message', 'invoke')";
        self.gone.messages += u64::from(first(db, sql, [inbox], |_row| Ok(()))?.is_some());
        change(
            db,
            "UPDATE inbox SET state = 'ignored', said = 0, address = '', chat = '', message = '', inbound = ''
             WHERE id = ?1",
            [inbox],
        )?;
        Ok(())
    }

    fn finish(&mut self, db: &Connection) -> Result<(), Failure> {
        for (engine, token) in &self.sessions {
            let gone = change(
                db,
                "DELETE FROM session WHERE engine = ?1 AND token = ?2
                 AND NOT EXISTS (SELECT 1 FROM runs WHERE runs.engine = ?1 AND runs.session = ?2)
                 AND NOT EXISTS (SELECT 1 FROM conversation WHERE conversation.engine = ?1
                     AND conversation.token = ?2)",
                [engine, token],
            )?;
            self.gone.sessions += gone as u64;
        }
        let chats = format!("SELECT address FROM chat WHERE {}", here("address"));
        let chats: Vec<String> = all(db, &chats, &self.place.params()[..], |row| Ok(row.get(0)?))?;
        for chat in chats {
            retitle(db, &chat)?;
        }
        self.gone.unfinished = unfinished(db, &self.place)?;
        self.over = true;
        Ok(())
    }
}

/// Calls a chat after the first that is left of what was said there; without any it leaves the list.
fn retitle(db: &Connection, chat: &str) -> Result<(), Failure> {
    let sql = "SELECT inbound FROM inbox WHERE address = ?1 AND said = 1 ORDER BY id LIMIT 1";
    match first(db, sql, [chat], |row| value::<Inbound>(row, "inbound"))? {
        Some(Inbound::Message(message)) => {
            let title = Conversation::title_from(&message.text);
            change(db, "UPDATE chat SET title = ?2 WHERE address = ?1", params![chat, title])?;
        }
        Some(_) => {
            change(db, "UPDATE chat SET title = '' WHERE address = ?1", [chat])?;
        }
        None => {
            change(db, "DELETE FROM chat WHERE address = ?1", [chat])?;
        }
    }
    Ok(())
}

/// Moves what is in the WAL into the file and empties it. Somebody who reads meanwhile keeps it from that, which is
/// logged; then the next clean end does it.
pub(crate) fn clear_wal(db: &Connection) {
    let busy = db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, bool>(0));
    let why = match busy {
        Ok(false) => return,
        Ok(true) => "somebody reads the ledger".to_owned(),
        Err(error) => error.to_string(),
    };
    tracing::warn!(why, "what was forgotten is in the WAL until takopi ends");
}

//! What is known beside messages and runs: sessions, the running conversation and preferences of a scope,
//! cursors, values. And the one read by which routing learns all it needs.
//!
//! A conversation and its generation are kept by the JSON of a [`Scope`], which is that of its address alone
//! where it is nobody's own; a preference by the JSON of an address.

use std::path::Path;

use rusqlite::{Connection, params};
use takopi_core::id::{EngineId, InstanceId};
use takopi_core::message::Address;
use takopi_core::port::ledger::{FactsQuery, Preference, PreferenceKey, StoredFacts};
use takopi_core::session::{Generation, Scope, Session, SessionRow};

use crate::failure::Failure;
use crate::stored::{all, bytes, change, first, from_word, json, session_row, value, word};
use crate::{inbox, runs};

pub(crate) fn keep_session(db: &Connection, row: &SessionRow) -> Result<(), Failure> {
    change(
        db,
        "INSERT INTO session (engine, token, project, branch, cwd, mode, host)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (engine, token) DO UPDATE SET project = excluded.project, branch = excluded.branch,
             cwd = excluded.cwd, mode = excluded.mode, host = excluded.host",
        params![
            row.session.engine.as_str(),
            row.session.token.as_str(),
            row.context.project,
            row.context.branch,
            bytes(row.cwd.as_deref()),
            row.mode,
            row.host
        ],
    )?;
    Ok(())
}

/// Makes a session the running conversation of a scope, unless a new one was begun there since.
pub(crate) fn continue_with(
    db: &Connection,
    scope: &Scope,
    started_in: Generation,
    session: &Session,
) -> Result<(), Failure> {
    if generation(db, scope)? != started_in {
        return Ok(());
    }
    change(
        db,
        "INSERT INTO conversation (scope, engine, token) VALUES (?1, ?2, ?3)
         ON CONFLICT (scope, engine) DO UPDATE SET token = excluded.token",
        params![json("a scope", scope)?, session.engine.as_str(), session.token.as_str()],
    )?;
    Ok(())
}

pub(crate) fn renew(db: &Connection, scope: &Scope) -> Result<Generation, Failure> {
    let text = json("a scope", scope)?;
    change(db, "DELETE FROM conversation WHERE scope = ?1", [&text])?;
    change(
        db,
        "INSERT INTO generation (scope, generation) VALUES (?1, 1)
         ON CONFLICT (scope) DO UPDATE SET generation = generation + 1",
        [&text],
    )?;
    generation(db, scope)
}

/// Ends the conversations of an instance whose session is in no project and was not begun in `dir`.
pub(crate) fn end_outside(db: &Connection, instance: &InstanceId, dir: &Path) -> Result<usize, Failure> {
    change(
        db,
        "DELETE FROM conversation WHERE scope ->> 'instance' = ?1 AND EXISTS (
             SELECT 1 FROM session
             WHERE session.engine = conversation.engine AND session.token = conversation.token
               AND project IS NULL AND branch IS NULL AND cwd <> ?2)",
        params![instance.as_str(), bytes(Some(dir))],
    )
}

fn generation(db: &Connection, scope: &Scope) -> Result<Generation, Failure> {
    let sql = "SELECT generation FROM generation WHERE scope = ?1";
    Ok(first(db, sql, [json("a scope", scope)?], |row| Ok(row.get(0)?))?.unwrap_or_default())
}

pub(crate) fn prefer(
    db: &Connection,
    scope: &Address,
    key: PreferenceKey,
    engine: Option<&EngineId>,
    value: Option<&str>,
) -> Result<(), Failure> {
    let scope = json("a scope", scope)?;
    let key = word("the key of a preference", &key)?;
    let engine = engine.map_or("", EngineId::as_str);
    match value {
        Some(value) => change(
            db,
            "INSERT INTO preference (scope, key, engine, value) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (scope, key, engine) DO UPDATE SET value = excluded.value",
            params![scope, key, engine, value],
        )?,
        None => change(
            db,
            "DELETE FROM preference WHERE scope = ?1 AND key = ?2 AND engine = ?3",
            params![scope, key, engine],
        )?,
    };
    Ok(())
}

pub(crate) fn facts(db: &Connection, query: &FactsQuery) -> Result<StoredFacts, Failure> {
    let (mut run, mut pending) = (None, None);
    if let Some(about) = &query.about {
        run = runs::run_of(db, about)?;
        pending = inbox::pending_message(db, about)?;
    }
    let of_run = run.as_ref().and_then(|run| {
        let token = run.opened.session.clone()?;
        Some(Session { engine: run.opened.engine.clone(), token })
    });
    let session = match query.session.clone().or(of_run) {
        Some(session) => session_of(db, &session)?,
        None => None,
    };
    let address = &query.scope.address;
    let mut preferences = preferences(db, address)?;
    if address.thread.is_some() {
        preferences.extend(self::preferences(db, &address.whole_chat())?);
    }
    let conversations = all(
        db,
        "SELECT session.* FROM conversation JOIN session USING (engine, token)
         WHERE scope = ?1
         ORDER BY (SELECT max(seq) FROM runs
                   WHERE runs.engine = conversation.engine AND runs.session = conversation.token) DESC, engine",
        [json("a scope", &query.scope)?],
        session_row,
    )?;
    let generation = generation(db, &query.scope)?;
    Ok(StoredFacts { run, pending, session, preferences, conversations, generation })
}

pub(crate) fn session_of(db: &Connection, session: &Session) -> Result<Option<SessionRow>, Failure> {
    let sql = "SELECT * FROM session WHERE engine = ?1 AND token = ?2";
    first(db, sql, [session.engine.as_str(), session.token.as_str()], session_row)
}

fn preferences(db: &Connection, scope: &Address) -> Result<Vec<Preference>, Failure> {
    let sql = "SELECT key, nullif(engine, '') AS engine, value FROM preference WHERE scope = ?1";
    let mut found = all(db, sql, [json("a scope", scope)?], |row| {
        let engine: Option<String> = row.get("engine")?;
        Ok(Preference {
            scope: scope.clone(),
            key: from_word(row, "key")?,
            engine: engine.map(|_| from_word(row, "engine")).transpose()?,
            value: row.get("value")?,
        })
    })?;
    found.sort_by(|a, b| (a.key, &a.engine).cmp(&(b.key, &b.engine)));
    Ok(found)
}

pub(crate) fn preferences_of_threads(
    db: &Connection,
    chat: &Address,
    key: PreferenceKey,
) -> Result<Vec<Preference>, Failure> {
    let sql = "SELECT scope, value FROM preference WHERE key = ?1 AND engine = ''";
    let mut found = all(db, sql, [word("the key of a preference", &key)?], |row| {
        Ok(Preference { scope: value(row, "scope")?, key, engine: None, value: row.get("value")? })
    })?;
    found.retain(|row| row.scope.thread.is_some() && row.scope.whole_chat() == *chat);
    found.sort_by(|a, b| a.scope.cmp(&b.scope));
    Ok(found)
}

pub(crate) fn preferences_at(db: &Connection, instance: &InstanceId) -> Result<Vec<Preference>, Failure> {
    let sql = "SELECT scope, key, value FROM preference WHERE engine = ''";
    let mut found = all(db, sql, [], |row| {
        let key = from_word(row, "key")?;
        Ok(Preference { scope: value(row, "scope")?, key, engine: None, value: row.get("value")? })
    })?;
    found.retain(|row| row.scope.instance == *instance);
    found.sort_by(|a, b| (&a.scope, a.key).cmp(&(&b.scope, b.key)));
    Ok(found)
}

pub(crate) fn cursor(db: &Connection, instance: &InstanceId) -> Result<Option<String>, Failure> {
    let sql = "SELECT cursor FROM cursor WHERE instance = ?1";
    first(db, sql, [instance.as_str()], |row| Ok(row.get(0)?))
}

pub(crate) fn set_cursor(db: &Connection, instance: &InstanceId, cursor: &str) -> Result<(), Failure> {
    let sql = "INSERT OR REPLACE INTO cursor (instance, cursor) VALUES (?1, ?2)";
    change(db, sql, [instance.as_str(), cursor])?;
    Ok(())
}

pub(crate) fn get(db: &Connection, namespace: &str, key: &str) -> Result<Option<String>, Failure> {
    let sql = "SELECT value FROM kv WHERE namespace = ?1 AND key = ?2";
    first(db, sql, [namespace, key], |row| Ok(row.get(0)?))
}

pub(crate) fn put(db: &Connection, namespace: &str, key: &str, value: Option<&str>) -> Result<(), Failure> {
    match value {
        Some(value) => change(
            db,
            "INSERT OR REPLACE INTO kv (namespace, key, value) VALUES (?1, ?2, ?3)",
            [namespace, key, value],
        )?,
        None => change(db, "DELETE FROM kv WHERE namespace = ?1 AND key = ?2", [namespace, key])?,
    };
    Ok(())
}

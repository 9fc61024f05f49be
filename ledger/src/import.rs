//! Taking in, once, what the Python takopi kept in JSON files beside its config. The files stay as they are;
//! one that cannot be read is told, and tried again at the next start.
//!
//! What the files say is read in `import/python.rs`, which is pure; here it is put together and written, each
//! file in one transaction with the mark that it was.

mod discord;
mod python;

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, params};
use takopi_core::id::InstanceId;
use takopi_core::message::Address;
use takopi_core::port::ledger::{Ledger as _, LedgerError, Preference, PreferenceKey, TOPIC_TITLES};
use takopi_core::route::parse_binding;
use takopi_core::session::{Context, Scope, SessionRow};

pub use self::discord::{PythonDiscord, python_discord_channels, python_discord_startup};
use self::python::{Fact, Reading, StateFile};
use crate::SqliteLedger;
use crate::failure::Failure;
use crate::scopes;
use crate::stored::{change, json, word};

/// The namespace of the marks of files that were taken in; the key is `INSTANCE/FILE`.
const IMPORTED: &str = "imported";

/// What the mark of a file says of which nothing is waited for.
const DONE: &str = "1";

/// Most bytes of a state file that are read: tens of thousands of chats.
const LONGEST_FILE: u64 = 16 * 1024 * 1024;

/// Where the Python takopi's state lies, and whose it becomes.
pub struct PythonState<'a> {
    /// The folder of its config file.
    pub dir: &'a Path,
    /// The Telegram transport that serves its chats now.
    pub instance: &'a InstanceId,
    /// Returns the context of a chat that isn't bound to one: its own project, or the default one.
    pub usual_context: &'a (dyn Fn(&str) -> Context + Sync),
}

impl std::fmt::Debug for PythonState<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PythonState").field("dir", &self.dir).finish_non_exhaustive()
    }
}

impl SqliteLedger {
    /// Takes in what the Python takopi kept, each file once. What the ledger knows already stays. Call before
    /// the transport is served. Reads a few small files, and blocks meanwhile.
    ///
    /// What was left out is logged with the file's name.
    ///
    /// # Errors
    /// [`LedgerError`] when it could not be written; the next start tries again.
    pub async fn import_python_state(&self, state: &PythonState<'_>) -> Result<(), LedgerError> {
        let mut readings = Vec::new();
        for file in StateFile::ALL {
            let path = state.dir.join(file.name());
            let mark = format!("{}/{}", state.instance, file.name());
            let is_done = self.get(IMPORTED, &mark).await?.is_some();
            match load(&path, file, state.instance) {
                Ok(Some(reading)) => readings.push((path, mark, is_done, reading)),
                Err(why) if !is_done => {
                    tracing::warn!(file = %path.display(), %why, "the Python takopi's state is not taken over");
                }
                Ok(None) | Err(_) => {}
            }
        }
        let bindings = bindings(readings.iter().flat_map(|(_, _, _, reading)| &reading.facts));
        for (path, mark, is_done, reading) in readings {
            if is_done {
                continue;
            }
            for why in &reading.left_out {
                tracing::warn!(file = %path.display(), %why, "this of the Python takopi's state is left out");
            }
            let rows = rows(reading, &bindings, state.usual_context);
            let count = rows.len();
            self.write("take over the Python takopi's state", move |db| write(db, &mark, &rows, DONE))
                .await?;
            tracing::info!(file = %path.display(), rows = count, "the Python takopi's state was taken over");
        }
        Ok(())
    }
}

/// Reads a file; `None` when there is none.
fn load(path: &Path, file: StateFile, instance: &InstanceId) -> Result<Option<Reading>, String> {
    content(path)?.map(|content| python::read(file, &content, instance)).transpose()
}

/// Returns what is in a file; `None` when there is none.
fn content(path: &Path) -> Result<Option<Vec<u8>>, String> {
    let opened = match fs::File::open(path) {
        Ok(opened) => opened,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    let mut content = Vec::new();
    opened.take(LONGEST_FILE + 1).read_to_end(&mut content).map_err(|error| error.to_string())?;
    if content.len() as u64 > LONGEST_FILE {
        return Err("it is far too large".to_owned());
    }
    Ok(Some(content))
}

/// One thing to write.
enum Row {
    Preference(Preference),
    /// A session, and the scope whose running conversation it is.
    Session(SessionRow, Scope),
    Title(Address, String),
}

/// Returns what chats and topics are bound to.
fn bindings<'a>(facts: impl Iterator<Item = &'a Fact>) -> Vec<(Address, Context)> {
    let bound = facts.filter_map(|fact| match fact {
        Fact::Set(Preference { scope, key: PreferenceKey::Context, value, .. }) => {
            Some((scope.clone(), parse_binding(value)))
        }
        _ => None,
    });
    bound.collect()
}

/// Returns the rows that a file's facts become. A session is where its chat or topic was bound to.
fn rows(reading: Reading, bindings: &[(Address, Context)], usual: &dyn Fn(&str) -> Context) -> Vec<Row> {
    let bound =
        |scope: &Address| bindings.iter().find(|(of, _)| of == scope).map(|(_, context)| context.clone());
    let row = |fact| match fact {
        Fact::Set(preference) => Row::Preference(preference),
        Fact::Called { topic, title } => Row::Title(topic, title),
        Fact::Goes { scope, session } => {
            let place = &scope.address;
            let context =
                bound(place).or_else(|| bound(&place.whole_chat())).unwrap_or_else(|| usual(&place.chat));
            let cwd: Option<PathBuf> = reading.cwd.clone().filter(|_| context.project.is_none());
            Row::Session(SessionRow { session, context, cwd, mode: None, host: None }, scope)
        }
    };
    reading.facts.into_iter().map(row).collect()
}

/// Writes rows and what the mark says now, unless it says that all is done. What is known already stays.
fn write(db: &Connection, mark: &str, rows: &[Row], now: &str) -> Result<(), Failure> {
    if scopes::get(db, IMPORTED, mark)?.as_deref() == Some(DONE) {
        return Ok(());
    }
    for row in rows {
        match row {
            Row::Preference(Preference { scope, key, engine, value }) => {
                let engine = engine.as_ref().map_or("", |engine| engine.as_str());
                let (scope, key) = (json("a scope", scope)?, word("the key of a preference", key)?);
                change(
                    db,
                    "INSERT INTO preference (scope, key, engine, value) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT DO NOTHING",
                    params![scope, key, engine, value],
                )?;
            }
            Row::Session(row, scope) => {
                if scopes::session_of(db, &row.session)?.is_none() {
                    scopes::keep_session(db, row)?;
                }
                let scope = json("a scope", scope)?;
                change(
                    db,
                    "INSERT INTO conversation (scope, engine, token) SELECT ?1, ?2, ?3
                     WHERE NOT EXISTS (SELECT 1 FROM generation WHERE scope = ?1)
                     ON CONFLICT DO NOTHING",
                    params![scope, row.session.engine.as_str(), row.session.token.as_str()],
                )?;
            }
            Row::Title(Address { instance, chat, thread }, title) => {
                let thread = thread.as_deref().unwrap_or_default();
                let key = format!("{instance}/{chat}/{thread}");
                if scopes::get(db, TOPIC_TITLES, &key)?.is_none() {
                    scopes::put(db, TOPIC_TITLES, &key, Some(title))?;
                }
            }
        }
    }
    scopes::put(db, IMPORTED, mark, Some(now))
}

#[cfg(test)]
mod tests;

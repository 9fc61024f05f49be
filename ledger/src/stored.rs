//! How values stand in columns: enums as words, structures as JSON, paths as bytes. A stored format is a
//! promise; the snapshots beside the tests hold it.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, Params, Row};
use serde::de::{DeserializeOwned, IntoDeserializer};
use serde::{Deserialize, Serialize};
use takopi_core::id::{EngineId, PluginId, RunId};
use takopi_core::session::{Context, Session, SessionRow, SessionToken};
use takopi_core::time::Timestamp;

use crate::failure::Failure;

/// Returns a value as JSON text.
pub(crate) fn json<T: Serialize + ?Sized>(what: &'static str, value: &T) -> Result<String, Failure> {
    serde_json::to_string(value).map_err(|source| Failure::Json { what, source })
}

/// Returns an optional value as JSON text.
pub(crate) fn json_opt<T: Serialize>(
    what: &'static str,
    value: Option<&T>,
) -> Result<Option<String>, Failure> {
    value.map(|value| json(what, value)).transpose()
}

/// Returns the value a JSON column holds.
pub(crate) fn value<T: DeserializeOwned>(row: &Row<'_>, column: &'static str) -> Result<T, Failure> {
    let text = row.get_ref(column)?.as_str().map_err(rusqlite::Error::from)?;
    serde_json::from_str(text).map_err(|source| Failure::Json { what: column, source })
}

/// Returns the value a JSON column holds, if it holds one.
pub(crate) fn value_opt<T: DeserializeOwned>(
    row: &Row<'_>,
    column: &'static str,
) -> Result<Option<T>, Failure> {
    let text = row.get_ref(column)?.as_str_or_null().map_err(rusqlite::Error::from)?;
    let parsed = text.map(serde_json::from_str).transpose();
    parsed.map_err(|source| Failure::Json { what: column, source })
}

/// Returns the word of an enum without fields.
pub(crate) fn word<T: Serialize>(what: &'static str, value: &T) -> Result<String, Failure> {
    match serde_json::to_value(value).map_err(|source| Failure::Json { what, source })? {
        serde_json::Value::String(word) => Ok(word),
        _ => Err(Failure::Refused(format!("{what} is no word"))),
    }
}

/// Returns the value of an enum without fields, or any other that reads from one text.
pub(crate) fn from_word<T: for<'a> Deserialize<'a>>(
    row: &Row<'_>,
    column: &'static str,
) -> Result<T, Failure> {
    let text = row.get_ref(column)?.as_str().map_err(rusqlite::Error::from)?;
    let reader: serde::de::value::StrDeserializer<'_, serde_json::Error> = text.into_deserializer();
    T::deserialize(reader).map_err(|source| Failure::Json { what: column, source })
}

/// Returns a point of time.
pub(crate) fn time(row: &Row<'_>, column: &'static str) -> Result<Timestamp, Failure> {
    Ok(Timestamp::from_unix_ms(row.get(column)?))
}

/// Returns a path as it is stored.
pub(crate) fn bytes(path: Option<&Path>) -> Option<&[u8]> {
    path.map(|path| path.as_os_str().as_bytes())
}

/// Returns the path a column holds, if it holds one.
pub(crate) fn path_opt(row: &Row<'_>, column: &'static str) -> Result<Option<PathBuf>, Failure> {
    let bytes: Option<Vec<u8>> = row.get(column)?;
    Ok(bytes.map(|bytes| OsString::from_vec(bytes).into()))
}

/// Returns a run's id.
pub(crate) fn run_id(row: &Row<'_>, column: &'static str) -> Result<RunId, Failure> {
    let text = row.get_ref(column)?.as_str().map_err(rusqlite::Error::from)?;
    RunId::parse(text).ok_or_else(|| Failure::Refused(format!("{text:?} is stored as a run's id")))
}

/// Returns an engine's id.
pub(crate) fn engine(row: &Row<'_>) -> Result<EngineId, Failure> {
    from_word::<PluginId>(row, "engine")
}

/// Returns what is kept of a session.
pub(crate) fn session_row(row: &Row<'_>) -> Result<SessionRow, Failure> {
    let session = Session { engine: engine(row)?, token: from_word::<SessionToken>(row, "token")? };
    let context = Context { project: row.get("project")?, branch: row.get("branch")? };
    Ok(SessionRow {
        session,
        context,
        cwd: path_opt(row, "cwd")?,
        mode: row.get("mode")?,
        host: row.get("host")?,
    })
}

/// Returns every row of a query.
pub(crate) fn all<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    mut read: impl FnMut(&Row<'_>) -> Result<T, Failure>,
) -> Result<Vec<T>, Failure> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(read(row)?);
    }
    Ok(found)
}

/// Returns the first row of a query, if there is one.
pub(crate) fn first<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnOnce(&Row<'_>) -> Result<T, Failure>,
) -> Result<Option<T>, Failure> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    rows.next()?.map(read).transpose()
}

/// Changes rows, and returns how many.
pub(crate) fn change(connection: &Connection, sql: &str, params: impl Params) -> Result<usize, Failure> {
    Ok(connection.prepare_cached(sql)?.execute(params)?)
}

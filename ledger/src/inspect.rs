//! A look at a ledger from outside, for who doesn't hold it: nothing is made, migrated or written, and whoever
//! holds it is not disturbed.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use takopi_core::id::InstanceId;
use takopi_core::port::ledger::{LedgerError, Preference};

use crate::failure::Failure;
use crate::stored::first;
use crate::{file, scopes};

/// A ledger that is only looked at.
#[derive(Debug)]
pub struct Inspection {
    connection: Connection,
    path: PathBuf,
    /// The version of its format. What it holds of an older one can be read after the next start.
    pub format: usize,
    /// The version this program brings it to.
    pub newest: usize,
    /// What it takes on disk, in bytes.
    pub bytes: u64,
}

impl Inspection {
    /// Opens the ledger at `path`. Blocks for a few milliseconds, a second or two when somebody keeps it locked.
    ///
    /// # Errors
    /// [`LedgerError`] when it isn't there, is damaged, another program's, or of a newer takopi. The reason
    /// says what to do.
    pub fn open(path: &Path) -> Result<Self, LedgerError> {
        let opened = file::open_for_looking(path).map_err(|failure| failure.told("open its file", path))?;
        let (connection, format) = opened;
        let beside =
            |end: &str| fs::metadata(format!("{}{end}", path.display())).map_or(0, |file| file.len());
        let bytes = beside("") + beside("-wal");
        Ok(Self { connection, path: path.to_owned(), format, newest: file::FORMAT, bytes })
    }

    /// Returns the ledger's own id; `None` before its first day.
    ///
    /// # Errors
    /// [`LedgerError`] when it cannot be read.
    pub fn id(&self) -> Result<Option<String>, LedgerError> {
        self.read("read its id", |db| {
            first(db, "SELECT value FROM meta WHERE key = 'id'", [], |row| Ok(row.get(0)?))
        })
    }

    /// Returns a value that was put under `namespace` and `key`.
    ///
    /// # Errors
    /// [`LedgerError`] when it cannot be read.
    pub fn value(&self, namespace: &str, key: &str) -> Result<Option<String>, LedgerError> {
        self.read("read a value", |db| scopes::get(db, namespace, key))
    }

    /// Returns what people have set at an instance's places.
    ///
    /// # Errors
    /// [`LedgerError`] when it cannot be read.
    pub fn preferences_of(&self, instance: &InstanceId) -> Result<Vec<Preference>, LedgerError> {
        let set = self.read("read what is set", |db| scopes::preferences_at(db, instance).map(Some))?;
        Ok(set.unwrap_or_default())
    }

    fn read<T>(
        &self,
        attempt: &'static str,
        work: impl FnOnce(&Connection) -> Result<Option<T>, Failure>,
    ) -> Result<Option<T>, LedgerError> {
        if self.format < self.newest {
            return Ok(None);
        }
        work(&self.connection).map_err(|failure| failure.told(attempt, &self.path))
    }
}

#[cfg(test)]
mod tests {
    use takopi_core::port::Ledger;

    use super::*;
    use crate::SqliteLedger;

    #[tokio::test]
    async fn a_ledger_is_looked_at_while_somebody_holds_it_and_afterwards() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("takopi.db");
        let ledger = SqliteLedger::open(&path).unwrap();
        ledger.put("n", "k", Some("v")).await.unwrap();
        let look = || {
            let seen = Inspection::open(&path).unwrap();
            assert_eq!(seen.id().unwrap().as_deref(), Some(ledger.id()));
            assert_eq!(seen.value("n", "k").unwrap().as_deref(), Some("v"));
            assert_eq!((seen.format, seen.value("n", "other").unwrap()), (seen.newest, None));
            assert!(seen.preferences_of(&InstanceId::parse("discord").unwrap()).unwrap().is_empty());
            assert!(seen.bytes > 4096, "{}", seen.bytes);
        };
        look();
        ledger.put("n", "later", Some("v")).await.unwrap();
        let id = ledger.id().to_owned();
        drop(ledger);
        assert_eq!(Inspection::open(&path).unwrap().id().unwrap(), Some(id));
    }

    #[test]
    fn what_is_no_ledger_is_told_and_nothing_is_made() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("takopi.db");
        Inspection::open(&path).unwrap_err();
        assert!(!path.exists());
        fs::write(&path, "no database at all, only words, and enough of them for a header").unwrap();
        Inspection::open(&path).unwrap_err();
        fs::write(&path, "").unwrap();
        let empty = Inspection::open(&path).unwrap();
        assert_eq!((empty.format, empty.id().unwrap()), (0, None));
        assert_eq!(fs::metadata(&path).unwrap().len(), 0);
    }
}

//! What can go wrong below the port, and how a person is told: the reason with what to do about it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::ErrorCode;
use takopi_core::port::ledger::LedgerError;

/// Why one piece of work failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// SQLite refused.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// The file or its folder could not be made or read.
    #[error("cannot {attempt} {}", path.display())]
    File {
        /// A verb.
        attempt: &'static str,
        /// Of what.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// Something stored does not read as what it must be, or cannot be stored.
    #[error("{what} cannot be stored or read back")]
    Json {
        /// What it is.
        what: &'static str,
        /// Why not.
        #[source]
        source: serde_json::Error,
    },
    /// What was asked contradicts what is stored; the text says how.
    #[error("{0}")]
    Refused(String),
    /// The writer or the reader is gone.
    #[error("the ledger is closed")]
    Closed,
}

impl Failure {
    /// Returns the port's error for this failure of `attempt` on the ledger at `path`.
    pub(crate) fn told(self, attempt: &'static str, path: &Path) -> LedgerError {
        told(&Arc::new(self), attempt, path)
    }
}

/// Returns the port's error for a failure that several callers share.
pub(crate) fn told(failure: &Arc<Failure>, attempt: &'static str, path: &Path) -> LedgerError {
    let reason = match &**failure {
        Failure::Sqlite(error) => advice(error, path).unwrap_or_else(|| failure.to_string()),
        Failure::File { source, .. } => format!("{failure}: {source}"),
        Failure::Json { source, .. } => format!("{failure}: {source}"),
        Failure::Refused(_) | Failure::Closed => failure.to_string(),
    };
    let cause: Arc<dyn std::error::Error + Send + Sync> = Arc::clone(failure) as _;
    LedgerError { attempt, reason, cause: Some(cause) }
}

fn advice(error: &rusqlite::Error, path: &Path) -> Option<String> {
    let path = path.display();
    Some(match error.sqlite_error_code()? {
        ErrorCode::DiskFull => {
            format!("no room is left for {path}; free some space, nothing stored before is lost")
        }
        ErrorCode::ReadOnly => {
            format!("{path} is read-only; make the file and its folder writable for the user takopi runs as")
        }
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => format!(
            "{path} is damaged; move it aside together with the files beside it that end in -wal and -shm, \
             takopi then starts with a fresh one"
        ),
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed => {
            format!("{path} is in use by another program; end that program and try again")
        }
        ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::AuthorizationForStatementDenied => {
            format!("{path} cannot be opened ({error}); check who owns the file and its folder")
        }
        ErrorCode::SystemIoFailure => {
            format!("{path} cannot be read or written ({error}); check the disk it is on")
        }
        _ => return None,
    })
}

//! The folder beside the ledger for files on their way out, and how it is kept clean: a file goes when the last
//! post that needs it is closed; what was never posted, or a crash left, goes when the ledger is opened again.

use std::collections::HashSet;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use rusqlite::Connection;
use takopi_core::time::Timestamp;

use crate::failure::Failure;
use crate::stored::{all, path_opt};

/// Removes files of posts that are gone. What stays because of an error is logged and harmless.
pub(crate) fn remove(spool: &Path, files: &[PathBuf]) {
    for file in files {
        // A path that leads out of the spool is not ours to remove.
        if !file.components().all(|part| matches!(part, Component::Normal(_))) {
            tracing::warn!(file = %file.display(), "not a path below the spool");
            continue;
        }
        match fs::remove_file(spool.join(file)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(file = %file.display(), %error, "a spooled file stays");
            }
            _ => {}
        }
    }
}

/// Removes everything no post needs: nobody works with the spool yet. What stays because of an error is logged and
/// harmless.
pub(crate) fn clear(db: &Connection, spool: &Path) {
    if let Err(failure) = tidy(db, spool, Timestamp::from_unix_ms(i64::MAX)) {
        tracing::warn!(spool = %spool.display(), %failure, "files that nobody needs stay in the spool");
    }
}

/// Removes files no post needs and empty folders, both only when last changed before `before`: younger ones
/// may be about to be posted.
pub(crate) fn tidy(db: &Connection, spool: &Path, before: Timestamp) -> Result<(), Failure> {
    if !spool.exists() {
        return Ok(());
    }
    let needed = all(db, "SELECT DISTINCT path FROM spooled", [], |row| path_opt(row, "path"))?;
    let needed: HashSet<PathBuf> = needed.into_iter().flatten().map(|path| spool.join(path)).collect();
    let failed = |source| Failure::File { attempt: "tidy", path: spool.to_owned(), source };
    tidy_folder(spool, &needed, before).map_err(failed)
}

fn tidy_folder(folder: &Path, needed: &HashSet<PathBuf>, before: Timestamp) -> io::Result<()> {
    let old = |found: &Metadata| found.mtime().saturating_mul(1000) < before.unix_ms();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        // Of the entry itself: a link is removed, never followed.
        let (path, found) = (entry.path(), entry.metadata()?);
        if found.is_dir() {
            tidy_folder(&path, needed, before)?;
            if old(&found) && fs::read_dir(&path)?.next().is_none() {
                fs::remove_dir(&path)?;
            }
        } else if old(&found) && !needed.contains(&path) {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

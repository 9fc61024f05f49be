//! What is at a path, links resolved.

use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

/// Returns `path` with every link resolved, as far as it is there; the rest as it stands.
pub(crate) async fn resolved(path: &Path) -> PathBuf {
    for there in path.ancestors() {
        if let (Ok(real), Ok(rest)) = (tokio::fs::canonicalize(there).await, path.strip_prefix(there)) {
            // Joining nothing would put a slash behind it.
            return if rest.as_os_str().is_empty() { real } else { real.join(rest) };
        }
    }
    path.to_owned()
}

/// Returns the directory with every link resolved.
///
/// # Errors
/// With what is wrong with it.
pub(crate) async fn directory(path: &Path) -> Result<PathBuf, String> {
    let found = tokio::fs::metadata(path).await.map_err(|error| told(&error))?;
    if !found.is_dir() {
        return Err("it is no directory".to_owned());
    }
    tokio::fs::canonicalize(path).await.map_err(|error| told(&error))
}

fn told(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "it is not there".to_owned(),
        _ => error.to_string(),
    }
}

/// What stands where a worktree is to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ground {
    /// Nothing.
    Free,
    /// Something: an empty directory too, which somebody made for something else.
    Taken,
}

/// Looks at the place of a new worktree. What cannot be looked at counts as taken.
pub(crate) async fn ground(path: &Path) -> Ground {
    match tokio::fs::symlink_metadata(path).await {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ground::Free,
        Ok(_) | Err(_) => Ground::Taken,
    }
}

/// Returns why no file could be made in a directory, which need not be there yet.
pub(crate) fn unwritable(dir: &Path) -> Option<String> {
    let there = dir.ancestors().find(|path| path.exists())?;
    if !there.is_dir() {
        return Some(format!("{} is no directory", there.display()));
    }
    let may = access(there, Access::WRITE_OK | Access::EXEC_OK);
    may.err().map(|error| format!("cannot write in {}: {}", there.display(), io::Error::from(error)))
}

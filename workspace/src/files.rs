//! Files that people put into a run's directory and get out of it: the port's half that touches the disk.
//!
//! Paths are walked by descriptor (`walk.rs`), so that no link and nobody who swaps one in the middle leads out of the
//! directory; the rules hold for where a path really leads. `store.rs` puts, `fetch.rs` gets, `archive.rs` packs
//! folders, `list.rs` looks into them. All of it blocks, so it runs beside the loop, and looks at its stop after every piece.

mod archive;
mod copy;
mod date;
mod fetch;
mod list;
mod store;
mod walk;

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use takopi_core::files::FilePath;
use takopi_core::port::workspace::{FileError, FileRules, Way};
use tokio_util::sync::CancellationToken;

use crate::git::Git;
use walk::{Lost, Root, Spot};

pub(crate) use fetch::fetch;
pub(crate) use list::list;
pub(crate) use store::store;

/// How long a stopped piece of work may take to take its leavings away. A disk that hangs takes longer, and is not
/// waited for.
const GRACE: Duration = Duration::from_secs(2);

/// One file on its way: what is told when that goes wrong, and what may go.
pub(crate) struct Trip {
    pub(crate) way: Way,
    pub(crate) path: FilePath,
    pub(crate) rules: FileRules,
    /// The directory, as it is configured and with links resolved.
    pub(crate) dir: PathBuf,
    pub(crate) real: PathBuf,
    pub(crate) halt: CancellationToken,
}

impl Trip {
    /// Returns where the path really leads, if the rules allow both what was written and that.
    fn walk(&self) -> Result<Spot, FileError> {
        self.allow(self.path.as_str())?;
        let root = Root::open(&self.real, &self.dir).map_err(|error| self.failed(error))?;
        let spot = root.walk(self.path.as_str()).map_err(|lost| match lost {
            Lost::Escapes => FileError::Escapes(self.way),
            Lost::NoFolder => FileError::NoFolder(self.path.to_string()),
            Lost::Changed => FileError::Changed(self.path.to_string()),
            Lost::System(error) if error.kind() == io::ErrorKind::NotFound && self.way == Way::Get => {
                FileError::NotThere(self.path.to_string())
            }
            Lost::System(error) => self.failed(error),
        })?;
        self.allow(&joined(spot.at()))?;
        Ok(spot)
    }

    fn allow(&self, path: &str) -> Result<(), FileError> {
        self.rules.deny.denies(path).map_or(Ok(()), |rule| Err(FileError::Denied(rule.to_owned())))
    }

    fn unless_stopped(&self) -> Result<(), FileError> {
        if self.halt.is_cancelled() { Err(FileError::Stopped) } else { Ok(()) }
    }

    fn too_large(&self) -> FileError {
        let max_bytes = match self.way {
            Way::Put => self.rules.max_put_bytes,
            Way::Get => self.rules.max_get_bytes,
        };
        FileError::TooLarge { way: self.way, max_bytes }
    }

    fn failed(&self, error: impl fmt::Display) -> FileError {
        FileError::Failed { way: self.way, path: self.path.to_string(), why: error.to_string() }
    }
}

/// Returns parts as one path. A name that is no text is shown as near as can be.
fn joined(parts: &[OsString]) -> String {
    parts.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/")
}

impl Git {
    /// Does blocking work about a file beside the loop, until it is done or stopped.
    pub(crate) async fn aside<T: Send + 'static>(
        &self,
        trip: Trip,
        stop: &CancellationToken,
        work: impl FnOnce(&Trip) -> Result<T, FileError> + Send + 'static,
    ) -> Result<T, FileError> {
        let halt = trip.halt.clone();
        // Who waits no longer wants no file either.
        let halted = halt.clone().drop_guard();
        let gone = FileError::Failed {
            way: trip.way,
            path: trip.path.to_string(),
            why: "the work broke off; the log has the reason".to_owned(),
        };
        let mut working = self.tasks.spawn_blocking(move || work(&trip));
        let done = tokio::select! {
            done = &mut working => done,
            () = stop.cancelled() => {
                halt.cancel();
                tokio::time::timeout(GRACE, working).await.map_err(|_late| FileError::Stopped)?
            }
            () = halt.cancelled() => {
                tokio::time::timeout(GRACE, working).await.map_err(|_late| FileError::Stopped)?
            }
        };
        drop(halted);
        done.unwrap_or_else(|error| {
            tracing::error!(%error, "work on a file broke off");
            Err(gone)
        })
    }

    /// Returns the paths of the trips at whose ends are files that could be copied out.
    pub(crate) async fn sendable(&self, trips: Vec<Trip>) -> Vec<FilePath> {
        let look = move || trips.into_iter().filter(fetch::is_sendable).map(|trip| trip.path).collect();
        self.tasks.spawn_blocking(look).await.unwrap_or_else(|error| {
            tracing::error!(%error, "looking for files broke off");
            Vec::new()
        })
    }

    /// Returns the stop signal of a new piece of work.
    pub(crate) fn halt(&self) -> CancellationToken {
        self.closing.child_token()
    }
}

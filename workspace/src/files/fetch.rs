//! Copies a file or a folder out, to a place of ours.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Mode, fstat, openat, statat};
use rustix::io::Errno;
use takopi_core::port::workspace::FileError;

use super::Trip;
use super::archive::archive;
use super::copy::copy;
use super::walk::{FILE, Spot};

/// Copies what is at the trip's path to `into`; returns the name people see, and the size.
pub(crate) fn fetch(trip: &Trip, into: &Path) -> Result<(String, u64), FileError> {
    let name = trip.path.name().to_owned();
    match trip.walk()? {
        Spot::Missing { .. } => Err(FileError::NotThere(trip.path.to_string())),
        Spot::Other { dir, at } => {
            let mut file = opened(trip, &dir, &at)?;
            let bytes = made(trip, into, |out| copy(trip, &mut file, out, trip.rules.max_get_bytes))?;
            Ok((name, bytes))
        }
        Spot::Folder { fd, at } => {
            let bytes = made(trip, into, |out| archive(trip, &fd, at, out))?;
            Ok((format!("{name}.zip"), bytes))
        }
    }
}

/// Returns whether the trip's path is a file that could be copied out.
pub(super) fn is_sendable(trip: &Trip) -> bool {
    match trip.walk() {
        Ok(Spot::Other { dir, at }) => opened(trip, &dir, &at).is_ok(),
        Ok(Spot::Missing { .. } | Spot::Folder { .. }) | Err(_) => false,
    }
}

/// Opens the last part of a way, which must be a file and no larger than may go.
fn opened(trip: &Trip, dir: &OwnedFd, at: &[OsString]) -> Result<File, FileError> {
    let name = at.last().ok_or_else(|| FileError::Changed(trip.path.to_string()))?;
    match open_regular(dir, name) {
        Ok(Some((_, size))) if size > trip.rules.max_get_bytes => Err(trip.too_large()),
        Ok(Some((file, _))) => Ok(file),
        Ok(None) => Err(FileError::Special(trip.path.to_string())),
        Err(Errno::NOENT | Errno::LOOP) => Err(FileError::Changed(trip.path.to_string())),
        Err(error) => Err(trip.failed(error)),
    }
}

/// Opens a file in an open folder and tells its size; `None` for whatever is none. That is looked at before, since
/// opening a device may do something, and after, since it may be another one by then.
pub(super) fn open_regular(dir: &OwnedFd, name: &OsString) -> Result<Option<(File, u64)>, Errno> {
    let is_file = |mode| FileType::from_raw_mode(mode) == FileType::RegularFile;
    if !is_file(statat(dir, name, AtFlags::SYMLINK_NOFOLLOW)?.st_mode) {
        return Ok(None);
    }
    let fd = openat(dir, name, FILE, Mode::empty())?;
    let found = fstat(&fd)?;
    let size = u64::try_from(found.st_size).unwrap_or(u64::MAX);
    Ok(is_file(found.st_mode).then(|| (fd.into(), size)))
}

/// Makes the copy with `write`, for our eyes only; takes it away again when that fails.
fn made(
    trip: &Trip,
    into: &Path,
    write: impl FnOnce(&mut File) -> Result<u64, FileError>,
) -> Result<u64, FileError> {
    let out = OpenOptions::new().write(true).create_new(true).mode(0o600).open(into);
    let mut out = out.map_err(|error| trip.failed(error))?;
    let written = write(&mut out).and_then(|bytes| {
        out.sync_all().map_err(|error| trip.failed(error))?;
        Ok(bytes)
    });
    written.inspect_err(|_| {
        if let Err(error) = std::fs::remove_file(into) {
            tracing::warn!(file = %into.display(), %error, "an unfinished copy stays");
        }
    })
}

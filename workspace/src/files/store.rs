//! Puts a file where it belongs: written beside its place under another name, then moved there in one step.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, fchmod, fsync, linkat, mkdirat, openat, renameat, statat, unlinkat,
};
use rustix::io::Errno;
use takopi_core::port::workspace::FileError;

use super::copy::copy;
use super::walk::{FOLDER, Spot};
use super::{Trip, joined};

/// Permissions of what is made, before the umask: those of any file and folder.
const NEW_FILE: Mode = Mode::from_bits_retain(0o666);
const NEW_FOLDER: Mode = Mode::from_bits_retain(0o777);

/// Copies `from` to the trip's path; returns its size.
pub(crate) fn store(trip: &Trip, from: &Path, force: bool) -> Result<u64, FileError> {
    let mut source = File::open(from).map_err(|error| trip.failed(error))?;
    let told = source.metadata().map_err(|error| trip.failed(error))?.len();
    if told > trip.rules.max_put_bytes {
        return Err(trip.too_large());
    }
    let (place, permissions) = Place::find(trip, force)?;
    let (temporary, mut file) = Temporary::make(&place.dir).map_err(|error| trip.failed(error))?;
    let bytes = copy(trip, &mut source, &mut file, trip.rules.max_put_bytes)?;
    if let Some(mode) = permissions {
        fchmod(&file, mode).map_err(|error| trip.failed(error))?;
    }
    file.sync_all().map_err(|error| trip.failed(error))?;
    trip.unless_stopped()?;
    temporary.publish(&place.name, force).map_err(|error| match error {
        Errno::EXIST => FileError::Exists(trip.path.to_string()),
        Errno::ISDIR => FileError::IsFolder(trip.path.to_string()),
        other => trip.failed(other),
    })?;
    fsync(&place.dir).map_err(|error| trip.failed(error))?;
    Ok(bytes)
}

/// Where a file goes: a name in an open folder.
struct Place {
    dir: OwnedFd,
    name: OsString,
}

impl Place {
    /// Returns the trip's end, and the permissions of the file that is replaced there. Folders are made on the way.
    fn find(trip: &Trip, force: bool) -> Result<(Self, Option<Mode>), FileError> {
        let written = || trip.path.to_string();
        let (dir, mut at, missing) = match trip.walk()? {
            Spot::Folder { .. } => return Err(FileError::IsFolder(written())),
            Spot::Other { dir, at } => (dir, at, 0),
            Spot::Missing { dir, at, missing } => (dir, at, missing),
        };
        let name = at.pop().ok_or_else(|| FileError::Changed(written()))?;
        if missing > 0 {
            let to_make = &at[at.len() + 1 - missing..];
            let dir = to_make.iter().try_fold(dir, |dir, name| make_folder(trip, &dir, name))?;
            return Ok((Self { dir, name }, None));
        }
        let found = statat(&dir, &name, AtFlags::SYMLINK_NOFOLLOW).map_err(|error| trip.failed(error))?;
        if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile {
            return Err(FileError::Special(joined(&[at, vec![name]].concat())));
        }
        if !force {
            return Err(FileError::Exists(written()));
        }
        // Who may run it may run the new one; other marks (set-user-id) are not handed on.
        let permissions = Mode::from_raw_mode(found.st_mode) & Mode::from_bits_retain(0o777);
        Ok((Self { dir, name }, Some(permissions)))
    }
}

/// Makes a folder in an open one, and opens it. A link that somebody else put there meanwhile is not followed.
fn make_folder(trip: &Trip, dir: &OwnedFd, name: &OsStr) -> Result<OwnedFd, FileError> {
    match mkdirat(dir, name, NEW_FOLDER) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(error) => return Err(trip.failed(error)),
    }
    openat(dir, name, FOLDER, Mode::empty()).map_err(|_other| FileError::Changed(trip.path.to_string()))
}

/// A file that is still being written. Dropped, it is gone.
struct Temporary<'a> {
    dir: &'a OwnedFd,
    name: Option<String>,
}

impl<'a> Temporary<'a> {
    /// Makes one in an open folder, under a name that nothing has.
    fn make(dir: &'a OwnedFd) -> Result<(Self, File), Errno> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        loop {
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            let name = format!(".takopi-{}-{count}.part", std::process::id());
            match openat(dir, &name, flags, NEW_FILE) {
                Ok(fd) => return Ok((Self { dir, name: Some(name) }, fd.into())),
                // An earlier process of this number was killed here.
                Err(Errno::EXIST) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Gives it its name, over a file that has it only if `replacing`.
    fn publish(mut self, name: &OsStr, replacing: bool) -> Result<(), Errno> {
        let Some(temporary) = self.name.as_deref() else { return Ok(()) };
        if replacing {
            renameat(self.dir, temporary, self.dir, name)?;
        } else if !rename_new(self.dir, temporary, name)? {
            // Where the file system cannot rename so, a second name fails too if it is taken; dropping takes the first.
            return linkat(self.dir, temporary, self.dir, name, AtFlags::empty());
        }
        self.name = None;
        Ok(())
    }
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        let Some(name) = self.name.take() else { return };
        if let Err(error) = unlinkat(self.dir, &name, AtFlags::empty()) {
            tracing::warn!(name, %error, "an unfinished file stays");
        }
    }
}

/// Renames to a name that nothing has; `false` where the system cannot see to that.
#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
fn rename_new(dir: impl AsFd, from: &str, to: &OsStr) -> Result<bool, Errno> {
    use rustix::fs::{RenameFlags, renameat_with};
    match renameat_with(&dir, from, &dir, to, RenameFlags::NOREPLACE) {
        Ok(()) => Ok(true),
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn rename_new(_dir: impl AsFd, _from: &str, _to: &OsStr) -> Result<bool, Errno> {
    Ok(false)
}

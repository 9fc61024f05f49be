//! A plugin's folder, by the shortest way to it: of a thousand in one folder the way to that is walked once.

use std::fs::File;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Mode, OFlags, Stat};

const READING: OFlags = OFlags::NONBLOCK.union(OFlags::CLOEXEC);

/// A folder in which plugins' folders are.
pub(super) struct Base(Option<OwnedFd>);

impl Base {
    pub(super) fn of(folder: &Path) -> Self {
        // Without it the whole way is walked.
        Self(rustix::fs::open(folder, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).ok())
    }

    /// Returns where a folder in it is.
    pub(super) fn spot<'a>(&'a self, dir: &'a Path) -> Spot<'a> {
        match (&self.0, dir.file_name()) {
            (Some(base), Some(name)) => Spot { dir, base: base.as_fd(), way: Path::new(name) },
            _ => Spot::alone(dir),
        }
    }
}

/// Where a plugin's folder is.
pub(super) struct Spot<'a> {
    /// The folder, absolute.
    pub(super) dir: &'a Path,
    base: BorrowedFd<'a>,
    /// From `base` to the folder.
    way: &'a Path,
}

impl<'a> Spot<'a> {
    pub(super) fn alone(dir: &'a Path) -> Self {
        Self { dir, base: CWD, way: dir }
    }

    /// Opens one of its files to be read; a pipe of that name doesn't keep anybody waiting.
    pub(super) fn open(&self, file: &str) -> std::io::Result<File> {
        Ok(rustix::fs::openat(self.base, self.way.join(file), READING, Mode::empty())?.into())
    }

    /// Looks at the folder itself.
    pub(super) fn stat(&self) -> std::io::Result<Stat> {
        Ok(rustix::fs::statat(self.base, self.way, AtFlags::empty())?)
    }

    /// Looks at one of its files.
    pub(super) fn stat_file(&self, file: &str) -> std::io::Result<Stat> {
        Ok(rustix::fs::statat(self.base, self.way.join(file), AtFlags::empty())?)
    }
}

/// Opens a file to be read; a pipe of that name doesn't keep anybody waiting.
pub(crate) fn open(path: &Path) -> std::io::Result<File> {
    Ok(rustix::fs::open(path, READING, Mode::empty())?.into())
}

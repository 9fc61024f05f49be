//! A folder as one zip archive, written as it is read. Links, special files and what the rules deny are left out.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;

use rustix::fs::{AtFlags, Dir, FileType, Mode, fstat, openat, statat};
use rustix::io::Errno;
use takopi_core::port::workspace::FileError;
use zip::result::ZipError;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::copy::copy;
use super::date::date;
use super::fetch::open_regular;
use super::walk::FOLDER;
use super::{Trip, joined};

/// How much more than the archive's own limit is read for it: bounds the time that a sparse file takes.
const READ_PER_WRITTEN: u64 = 10;

/// Deepest folder that is looked into: each level holds a descriptor.
const MAX_DEPTH: usize = 64;

/// Packs a folder, whose way from the root is `at`; returns the archive's size.
pub(super) fn archive(
    trip: &Trip,
    folder: &OwnedFd,
    at: Vec<OsString>,
    out: &mut File,
) -> Result<u64, FileError> {
    let out = Capped { out, at: 0, end: 0, max_bytes: trip.rules.max_get_bytes, is_over: false };
    let budget = trip.rules.max_get_bytes.saturating_mul(READ_PER_WRITTEN);
    let mut packing = Packing { trip, zip: ZipWriter::new(out), at, entries: 0, files: 0, budget };
    let packed = packing.folder(folder);
    let Packing { zip, files, .. } = packing;
    let done = zip.finish();
    packed?;
    if files == 0 {
        return Err(FileError::Empty(trip.path.to_string()));
    }
    done.map(|capped| capped.end).map_err(|error| trip.zipped(error))
}

struct Packing<'a> {
    trip: &'a Trip,
    zip: ZipWriter<Capped<'a>>,
    /// Where it is now, from the root.
    at: Vec<OsString>,
    entries: usize,
    files: usize,
    /// How many bytes may still be read.
    budget: u64,
}

impl Packing<'_> {
    fn folder(&mut self, folder: &OwnedFd) -> Result<(), FileError> {
        if self.at.len() > MAX_DEPTH {
            return Err(self.too_many());
        }
        for name in self.names(folder)? {
            self.trip.unless_stopped()?;
            self.at.push(name.clone());
            let path = joined(&self.at);
            if self.trip.rules.deny.denies(&path).is_none() {
                self.entry(folder, &name, path)?;
            }
            self.at.pop();
        }
        Ok(())
    }

    /// Returns what is in a folder, in the order of names.
    fn names(&mut self, folder: &OwnedFd) -> Result<Vec<OsString>, FileError> {
        let mut names = Vec::new();
        for entry in Dir::read_from(folder).map_err(|error| self.failed(error))? {
            let entry = entry.map_err(|error| self.failed(error))?;
            let name = entry.file_name().to_bytes();
            if matches!(name, b"." | b"..") {
                continue;
            }
            self.entries += 1;
            if self.entries > self.trip.rules.max_entries {
                return Err(self.too_many());
            }
            names.push(OsString::from_vec(name.to_vec()));
        }
        names.sort_unstable();
        Ok(names)
    }

    fn entry(&mut self, folder: &OwnedFd, name: &OsString, path: String) -> Result<(), FileError> {
        let packed = match statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(found) if FileType::from_raw_mode(found.st_mode) == FileType::Directory => {
                match openat(folder, name, FOLDER, Mode::empty()) {
                    Ok(inner) => return self.folder(&inner),
                    Err(error) => Err(error),
                }
            }
            Ok(_) => open_regular(folder, name),
            Err(error) => Err(error),
        };
        match packed {
            Ok(Some((file, _))) => self.file(file, path),
            // Neither file nor folder, or it was taken away or became a link just now.
            Ok(None) | Err(Errno::NOENT | Errno::LOOP | Errno::NOTDIR) => Ok(()),
            Err(error) => Err(self.failed(error)),
        }
    }

    fn file(&mut self, mut file: File, path: String) -> Result<(), FileError> {
        let found = fstat(&file).map_err(|error| self.failed(error))?;
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .last_modified_time(date(found.st_mtime).unwrap_or_default())
            .unix_permissions(Mode::from_raw_mode(found.st_mode).bits() & 0o777);
        self.zip.start_file(path, options).map_err(|error| self.trip.zipped(error))?;
        self.budget -= copy(self.trip, &mut file, &mut self.zip, self.budget)?;
        self.files += 1;
        Ok(())
    }

    fn too_many(&self) -> FileError {
        let path = self.trip.path.to_string();
        FileError::TooMany { path, max_entries: self.trip.rules.max_entries }
    }

    /// Returns that the entry it is at could not be read.
    fn failed(&self, error: Errno) -> FileError {
        FileError::Failed { way: self.trip.way, path: joined(&self.at), why: error.to_string() }
    }
}

impl Trip {
    fn zipped(&self, error: ZipError) -> FileError {
        match error {
            ZipError::Io(error) => self.broken(error),
            other => self.failed(other),
        }
    }
}

/// A file that does not grow beyond its bound.
struct Capped<'a> {
    out: &'a mut File,
    at: u64,
    end: u64,
    max_bytes: u64,
    /// Nothing is written any more, and nobody is told so twice: closing an archive writes again, and its writer
    /// complains on standard error when that fails.
    is_over: bool,
}

impl Write for Capped<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.is_over {
            return Ok(bytes.len());
        }
        if self.at + bytes.len() as u64 > self.max_bytes {
            self.is_over = true;
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let written = self.out.write(bytes).inspect_err(|_| self.is_over = true)?;
        self.at += written as u64;
        self.end = self.end.max(self.at);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl Seek for Capped<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.at = self.out.seek(to)?;
        Ok(self.at)
    }
}

//! What lies in a folder, for those who type a path: names alone, no file is opened.

use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, Dir, DirEntry, FileType, statat};
use rustix::io::Errno;
use takopi_core::files::FilePath;
use takopi_core::port::workspace::FileError;

use super::walk::Spot;
use super::{Trip, joined};

/// Returns what lies in the folder at the trip's path, in the order of names; nothing when that is no folder.
pub(crate) fn list(trip: &Trip) -> Result<Vec<String>, FileError> {
    let Spot::Folder { fd, at } = trip.walk()? else { return Ok(Vec::new()) };
    let (written, real) = (below(trip.path.as_str()), below(&joined(&at)));
    let mut found = Vec::new();
    let entries = Dir::read_from(&fd).map_err(|error| trip.failed(error))?;
    // Two more than the rules say: every folder holds itself and the one above it.
    for entry in entries.take(trip.rules.max_entries.saturating_add(2)) {
        trip.unless_stopped()?;
        let entry = entry.map_err(|error| trip.failed(error))?;
        let Ok(name) = entry.file_name().to_str() else { continue };
        let path = format!("{written}{name}");
        let is_legal = FilePath::parse(&path).is_some_and(|parsed| parsed.as_str() == path);
        if !is_legal || [&path, &format!("{real}{name}")].iter().any(|path| trip.allow(path).is_err()) {
            continue;
        }
        match kind(&fd, &entry) {
            Ok(FileType::Directory) => found.push(format!("{path}/")),
            Ok(FileType::RegularFile) => found.push(path),
            // A link, something special, or taken away just now.
            Ok(_) | Err(Errno::NOENT) => {}
            Err(error) => return Err(trip.failed(error)),
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// Returns what stands before the names in a folder.
fn below(folder: &str) -> String {
    if folder.is_empty() { String::new() } else { format!("{folder}/") }
}

/// Returns what an entry is; not every file system says so by itself.
fn kind(folder: &OwnedFd, entry: &DirEntry) -> Result<FileType, Errno> {
    match entry.file_type() {
        FileType::Unknown => {
            let found = statat(folder, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW)?;
            Ok(FileType::from_raw_mode(found.st_mode))
        }
        known => Ok(known),
    }
}

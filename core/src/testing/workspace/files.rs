//! Files in memory. Only the spool they come from and go to is on a disk.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::files::FilePath;
use crate::port::workspace::{FileError, FileRules, Get, Got, List, Put, RunDir, Saved, Way};

/// The files of all directories, by their whole paths. Clones are the same files.
#[derive(Debug, Clone, Default)]
pub(super) struct Files(Arc<Mutex<BTreeMap<PathBuf, Vec<u8>>>>);

fn allowed(rules: &FileRules, path: &FilePath) -> Result<(), FileError> {
    rules.deny.denies(path.as_str()).map_or(Ok(()), |rule| Err(FileError::Denied(rule.to_owned())))
}

fn within(way: Way, bytes: &[u8], max_bytes: u64) -> Result<u64, FileError> {
    let size = bytes.len() as u64;
    if size > max_bytes { Err(FileError::TooLarge { way, max_bytes }) } else { Ok(size) }
}

fn failed(way: Way, path: &Path, error: &std::io::Error) -> FileError {
    FileError::Failed { way, path: path.display().to_string(), why: error.to_string() }
}

impl Files {
    pub(super) fn put(&self, dir: RunDir, put: &Put) -> Result<Saved, FileError> {
        let path = put.target()?;
        allowed(&put.rules, &path)?;
        let bytes = std::fs::read(&put.from).map_err(|error| failed(Way::Put, &put.from, &error))?;
        let size = within(Way::Put, &bytes, put.rules.max_put_bytes)?;
        let whole = dir.path.join(path.as_str());
        let mut files = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if files.keys().any(|file| file.starts_with(&whole) && *file != whole) {
            return Err(FileError::IsFolder(path.to_string()));
        }
        if files.contains_key(&whole) && !put.force {
            return Err(FileError::Exists(path.to_string()));
        }
        files.insert(whole, bytes);
        Ok(Saved { path, bytes: size, dir: dir.path, warning: dir.warning })
    }

    /// Returns what lies in a folder below `dir`.
    pub(super) fn list(&self, dir: &Path, list: &List) -> Result<Vec<String>, FileError> {
        allowed(&list.rules, &list.folder)?;
        let folder = dir.join(list.folder.as_str());
        let files = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = |file: &PathBuf| {
            let mut parts = file.strip_prefix(&folder).ok()?.components();
            let name = folder.join(parts.next()?);
            let path = name.strip_prefix(dir).ok()?.to_str()?.to_owned();
            let path = if parts.next().is_some() { format!("{path}/") } else { path };
            list.rules.deny.denies(path.trim_end_matches('/')).is_none().then_some(path)
        };
        let found: BTreeSet<String> = files.keys().filter_map(entry).collect();
        Ok(found.into_iter().collect())
    }

    /// Returns whether there is such a file below `dir` that may be handed out.
    pub(super) fn is_sendable(&self, dir: &Path, file: &FilePath, rules: &FileRules) -> bool {
        let files = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = files.get(&dir.join(file.as_str()));
        allowed(rules, file).is_ok()
            && bytes.is_some_and(|bytes| within(Way::Get, bytes, rules.max_get_bytes).is_ok())
    }

    /// Hands out a file, or for a folder the bytes of its files, one after the other.
    pub(super) fn get(&self, dir: RunDir, get: &Get) -> Result<Got, FileError> {
        allowed(&get.rules, &get.path)?;
        let whole = dir.path.join(get.path.as_str());
        let files = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (name, bytes) = match files.get(&whole) {
            Some(bytes) => (get.path.name().to_owned(), bytes.clone()),
            None => (format!("{}.zip", get.path.name()), archive(&files, &dir.path, &whole, &get.rules)),
        };
        if !files.keys().any(|file| file.starts_with(&whole)) {
            return Err(FileError::NotThere(get.path.to_string()));
        }
        if bytes.is_empty() && !files.contains_key(&whole) {
            return Err(FileError::Empty(get.path.to_string()));
        }
        let size = within(Way::Get, &bytes, get.rules.max_get_bytes)?;
        let written = File::create_new(&get.into).and_then(|mut into| into.write_all(&bytes));
        written.map_err(|error| failed(Way::Get, &get.into, &error))?;
        Ok(Got { name, bytes: size, warning: dir.warning })
    }
}

fn archive(files: &BTreeMap<PathBuf, Vec<u8>>, dir: &Path, folder: &Path, rules: &FileRules) -> Vec<u8> {
    let sendable = |file: &Path| {
        let path = file.strip_prefix(dir).ok()?.to_str()?;
        rules.deny.denies(path).is_none().then_some(())
    };
    let inside = files.iter().filter(|(file, _)| file.starts_with(folder) && sendable(file).is_some());
    inside.flat_map(|(_, bytes)| bytes.clone()).collect()
}

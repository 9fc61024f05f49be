//! Who could change what would be run: a plugin belongs to the daemon's user or root, and nobody else may write to it.
//!
//! Programs that are looked for on PATH are not judged: PATH is the person's own choice, for engines too.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{Mode, Stat};

use crate::manifest::{FILE, Package};
use crate::problem::{Code, Problem};

/// The bits that let the group and everybody else write.
const OTHERS_WRITE: Mode = Mode::WGRP.union(Mode::WOTH);

/// The bits of a folder in which everybody may write, and everybody may rename.
const EVERYBODY_RENAMES: (u32, u32) = (0o1002, 0o0002);

/// Checks a package's folder, the folder it is in, its manifest, and all files of the folder that its command names.
/// To be asked before each start: the answer of discovery may be old.
///
/// # Errors
/// `unsafe_owner` with what to type.
pub fn check(package: &Package, uid: u32) -> Result<(), Problem> {
    let Package { dir, manifest } = package;
    let mut seen = BTreeSet::new();
    if let Some(parent) = dir.parent() {
        check_parent(parent)?;
    }
    for path in [dir.clone(), dir.join(FILE)].into_iter().chain(named(dir, &manifest.process.command)) {
        if seen.insert(path.clone()) {
            check_path(&path, uid)?;
            // A link's own folder says nothing of the one it leads to.
            if path.is_symlink()
                && let Ok(real) = path.canonicalize()
                && let Some(parent) = real.parent()
            {
                check_parent(parent)?;
            }
        }
    }
    Ok(())
}

/// Returns what a command names within the plugin's folder, with the folders on the way; of the program also what is
/// elsewhere. Most arguments name nothing, and options never do.
pub(crate) fn named(dir: &Path, command: &[String]) -> Vec<PathBuf> {
    let mut named = Vec::new();
    for (at, word) in command.iter().enumerate() {
        if at == 0 && !word.contains('/') || at > 0 && word.starts_with('-') {
            continue;
        }
        let path = Path::new(word);
        // What is relative is within.
        let Ok(inside) = (if path.is_absolute() { path.strip_prefix(dir) } else { Ok(path) }) else {
            if at == 0 {
                named.push(path.to_owned());
            }
            continue;
        };
        let plain = inside.components().filter(|part| *part != Component::CurDir);
        let mut below = dir.to_path_buf();
        for part in plain {
            below.push(part);
            named.push(below.clone());
        }
    }
    named
}

/// Checks one file or folder. What isn't there is nobody's to change.
pub(crate) fn check_path(path: &Path, uid: u32) -> Result<(), Problem> {
    match rustix::fs::stat(path) {
        Ok(stat) => check_stat(path, &stat, uid),
        Err(_) => Ok(()),
    }
}

/// Checks what is known of a file or folder.
pub(crate) fn check_stat(path: &Path, stat: &Stat, uid: u32) -> Result<(), Problem> {
    if stat.st_uid != uid && stat.st_uid != 0 {
        let text = format!(
            "{} belongs to user {}, who could change what takopi runs; type: sudo chown {uid} {}",
            path.display(),
            stat.st_uid,
            quoted(path)
        );
        return Err(Problem::new(Code::UnsafeOwner, text));
    }
    if Mode::from_raw_mode(stat.st_mode).intersects(OTHERS_WRITE) {
        let text = format!("others may write to {}; type: chmod go-w {}", path.display(), quoted(path));
        return Err(Problem::new(Code::UnsafeOwner, text));
    }
    Ok(())
}

/// Checks the folder in which a plugin is: where everybody may rename, everybody could put another in its place. A
/// group that shares a folder may: what its members put there is theirs and refused for that.
pub(crate) fn check_parent(parent: &Path) -> Result<(), Problem> {
    let (mask, everybody) = EVERYBODY_RENAMES;
    match parent.metadata() {
        Ok(meta) if meta.mode() & mask == everybody => {
            let text =
                format!("everybody may write to {}; type: chmod o-w {}", parent.display(), quoted(parent));
            Err(Problem::new(Code::UnsafeOwner, text))
        }
        _ => Ok(()),
    }
}

/// Returns a path as a shell takes it.
pub(crate) fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-+@:".contains(letter);
    if !text.is_empty() && text.chars().all(plain) {
        return text;
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_names_files_of_its_folder_and_the_folders_on_the_way() {
        let of = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            let paths = named(Path::new("/p"), &words);
            paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>()
        };
        assert_eq!(of(&["./bin/acme", "--stdio"]), ["/p/bin", "/p/bin/acme"]);
        assert_eq!(of(&["python3", "main.py"]), ["/p/main.py"]);
        assert_eq!(of(&["/opt/acme", "/etc/passwd"]), ["/opt/acme"]);
    }

    #[test]
    fn paths_are_written_as_a_shell_takes_them() {
        assert_eq!(quoted(Path::new("/a/b-1.x")), "/a/b-1.x");
        assert_eq!(quoted(Path::new("/a b/it's")), r"'/a b/it'\''s'");
    }
}

//! What of a plugin's files would keep it from being started: a program that isn't there, and what others could change.

use std::fs::Metadata;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::manifest::{FILE, Package};
use crate::owner;
use crate::problem::{Code, Problem};

/// How a plugin's files are.
pub(super) struct Files {
    /// Whether its program can be run; one that is looked for on PATH is not judged here.
    pub(super) program: Result<(), Problem>,
    /// Whether only its owner can change them. Of the folder it is in nothing is said.
    pub(super) owner: Result<(), Problem>,
}

impl Files {
    /// Looks at a plugin's files; those who called have the folder and the manifest open already.
    pub(super) fn look(package: &Package, dir: &Metadata, manifest: &Metadata, uid: u32) -> Self {
        let command = &package.manifest.process.command;
        let path = command.first().filter(|program| program.contains('/'));
        let Some(path) = path.map(|program| package.dir.join(program.strip_prefix("./").unwrap_or(program)))
        else {
            return Self { program: Ok(()), owner: owned(package, dir, manifest, uid, None) };
        };
        let found = path.metadata();
        let known = found.as_ref().ok().map(|meta| (&path, meta));
        let owner = owned(package, dir, manifest, uid, known);
        Self { program: runs(&path, found), owner }
    }
}

/// Checks that a file can be run.
fn runs(path: &Path, found: std::io::Result<Metadata>) -> Result<(), Problem> {
    let text = match found {
        Ok(meta) if meta.is_file() && meta.permissions().mode() & 0o111 != 0 => return Ok(()),
        Ok(meta) if meta.is_file() => {
            format!("{} is not executable; type: chmod +x {}", path.display(), owner::quoted(path))
        }
        Ok(_) => format!("{} is no file; correct process.command in {FILE}", path.display()),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            format!("there is no {}; build it, or correct process.command in {FILE}", path.display())
        }
        Err(error) => format!("{} cannot be had: {error}", path.display()),
    };
    Err(Problem::new(Code::MissingExecutable, text))
}

/// As [`owner::check`], with what is known already: of the folder, the manifest and, where it has one, the program.
fn owned(
    package: &Package,
    dir: &Metadata,
    manifest: &Metadata,
    uid: u32,
    program: Option<(&PathBuf, &Metadata)>,
) -> Result<(), Problem> {
    owner::check_metadata(&package.dir, dir, uid)?;
    owner::check_metadata(&package.dir.join(FILE), manifest, uid)?;
    for path in owner::named(&package.dir, &package.manifest.process.command) {
        match program {
            Some((program, meta)) if *program == path => owner::check_metadata(&path, meta, uid)?,
            _ => owner::check_path(&path, uid)?,
        }
    }
    Ok(())
}

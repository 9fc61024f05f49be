//! What of a plugin's files would keep it from being started: a program that isn't there, and what others could change.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Mode, Stat};

use super::spot::Spot;
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
    pub(super) fn look(package: &Package, spot: &Spot<'_>, dir: &Stat, manifest: &Stat, uid: u32) -> Self {
        let command = &package.manifest.process.command;
        let Some(program) = command.first().filter(|program| program.contains('/')) else {
            return Self { program: Ok(()), owner: owned(package, dir, manifest, uid, None) };
        };
        let program = program.strip_prefix("./").unwrap_or(program);
        let (path, found) = (package.dir.join(program), spot.stat_file(program));
        let known = found.as_ref().ok().map(|stat| (&path, stat));
        let owner = owned(package, dir, manifest, uid, known);
        Self { program: runs(&path, found), owner }
    }
}

/// Checks that a file can be run.
fn runs(path: &Path, found: std::io::Result<Stat>) -> Result<(), Problem> {
    let is_file = |stat: &Stat| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
    let somebody_runs = Mode::XUSR | Mode::XGRP | Mode::XOTH;
    let text = match found {
        Ok(stat) if is_file(&stat) && Mode::from_raw_mode(stat.st_mode).intersects(somebody_runs) => {
            return Ok(());
        }
        Ok(stat) if is_file(&stat) => {
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
    dir: &Stat,
    manifest: &Stat,
    uid: u32,
    program: Option<(&PathBuf, &Stat)>,
) -> Result<(), Problem> {
    owner::check_stat(&package.dir, dir, uid)?;
    owner::check_stat(&package.dir.join(FILE), manifest, uid)?;
    for path in owner::named(&package.dir, &package.manifest.process.command) {
        match program {
            Some((program, stat)) if *program == path => owner::check_stat(&path, stat, uid)?,
            _ => owner::check_path(&path, uid)?,
        }
    }
    Ok(())
}

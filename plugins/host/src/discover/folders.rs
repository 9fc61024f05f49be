//! The folders of plugins, and what each manifest says: each folder once, whatever way leads to it.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{DirEntry, File};
use std::io::{ErrorKind, Read as _};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use rustix::fs::FileType;
use takopi_core::catalog::{Origin, PluginError};

use super::claims::Drafts;
use super::files::Files;
use super::spot::{Base, Spot};
use super::{Named, PATH_VARIABLE, Places};
use crate::manifest::{FILE, MAX_BYTES, Manifest, Package};
use crate::problem::{Code, Problem};

/// A folder's device and inode.
type Identity = (rustix::fs::Dev, u64);

/// A folder with a manifest.
pub(super) struct Folder {
    pub(super) dir: PathBuf,
    pub(super) plugin: Result<Read, Problem>,
    identity: Identity,
}

/// A plugin whose manifest could be read.
pub(super) struct Read {
    pub(super) package: Arc<Package>,
    /// What its author should know.
    pub(super) notes: Vec<Problem>,
    /// Whether it is for this takopi.
    pub(super) fits: Result<(), Problem>,
    pub(super) files: Files,
    /// What it registers.
    pub(super) drafts: Drafts,
}

/// Folders as they are found.
pub(super) struct Folders<'a> {
    places: &'a Places,
    #[expect(clippy::vec_box, reason = "a folder is large, and moved a few times")]
    pub(super) read: Vec<Box<Folder>>,
    pub(super) broken: Vec<PluginError>,
    /// The identities of the folders already seen.
    seen: BTreeSet<Identity>,
}

impl<'a> Folders<'a> {
    pub(super) const fn new(places: &'a Places) -> Self {
        Self { places, read: Vec::new(), broken: Vec::new(), seen: BTreeSet::new() }
    }

    /// Looks at one place.
    pub(super) fn look(&mut self, named: Named, path: &Path) {
        let by = match named {
            Named::Settings => "plugins.paths",
            Named::Variable => PATH_VARIABLE,
            Named::Usual => "",
        };
        if !path.is_absolute() {
            let text = format!("{by} names a path that is not absolute; write it from / on");
            self.tell(path, Code::Unreadable, text);
            return;
        }
        if named != Named::Usual && self.take(path, look_into(&Spot::alone(path), self.places)) {
            return;
        }
        let entries = match path.read_dir() {
            Ok(entries) => entries,
            Err(error) if named == Named::Usual && error.kind() == ErrorKind::NotFound => return,
            Err(error) => {
                let text = match error.kind() {
                    ErrorKind::NotFound => format!("{by} names a folder that is not there; correct it"),
                    ErrorKind::NotADirectory => {
                        format!("this is no folder; name the folder with {FILE}")
                    }
                    _ => unreadable(&error, path),
                };
                self.tell(path, Code::Unreadable, text);
                return;
            }
        };
        let mut names: Vec<(OsString, bool)> = Vec::new();
        for entry in entries {
            match entry {
                Ok(entry) => names.push((entry.file_name(), is_link(&entry))),
                Err(error) => self.tell(path, Code::Unreadable, unreadable(&error, path)),
            }
        }
        names.sort();
        let (dirs, links): (Vec<PathBuf>, Vec<bool>) =
            names.into_iter().map(|(name, is_link)| (path.join(name), is_link)).unzip();
        let mut held_some = false;
        for ((look, child), is_link) in
            look_into_all(path, &dirs, self.places).into_iter().zip(&dirs).zip(links)
        {
            let taken = self.take(child, look);
            held_some |= taken;
            if is_link
                && !taken
                && let Err(error) = child.metadata()
            {
                let text =
                    format!("this link leads nowhere ({error}); type: rm {}", crate::owner::quoted(child));
                self.tell(child, Code::Unreadable, text);
            }
        }
        if named != Named::Usual && !held_some {
            let text = format!("{by} names a folder with no {FILE} in it or in the folders below it");
            self.tell(path, Code::Unreadable, text);
        }
    }

    /// Takes what was seen in a folder; `false` when that is no plugin.
    fn take(&mut self, dir: &Path, look: Look) -> bool {
        match look {
            Look::Nothing => return false,
            Look::Wrong(text) => self.tell(dir, Code::Unreadable, text),
            Look::Plugin(folder) => {
                if self.seen.insert(folder.identity) {
                    self.read.push(folder);
                }
            }
        }
        true
    }

    fn tell(&mut self, dir: &Path, code: Code, text: String) {
        self.broken.push(broken(dir, None, Problem::new(code, text)));
    }
}

/// Folders that are worth a thread of their own.
const ENOUGH: usize = 64;

/// Threads that look at the same time: what they share, the system's own book of files, makes more of them no quicker.
const MAX_THREADS: usize = 4;

/// What one look into a folder tells.
enum Look {
    Nothing,
    /// A plugin that cannot be read, and why.
    Wrong(String),
    Plugin(Box<Folder>),
}

/// Folders that a thread takes at once: few enough that all threads are done at the same time.
const SHARE: usize = 16;

/// Looks into the folders of a folder, on several threads where there are many. What is found is in their order.
fn look_into_all(folder: &Path, dirs: &[PathBuf], places: &Places) -> Vec<Look> {
    let base = Base::of(folder);
    let most = thread::available_parallelism().map_or(1, NonZero::get).min(MAX_THREADS);
    let threads = most.min(dirs.len() / ENOUGH).max(1);
    let untaken = Mutex::new(dirs.chunks(SHARE).enumerate());
    let take = || untaken.lock().unwrap_or_else(PoisonError::into_inner).next();
    let look = || {
        let mut looks = Vec::new();
        while let Some((share, dirs)) = take() {
            looks
                .push((share, dirs.iter().map(|dir| look_into(&base.spot(dir), places)).collect::<Vec<_>>()));
        }
        looks
    };
    let mut looks = thread::scope(|scope| {
        // This thread is one of them. If the system has no more, it takes longer.
        let others: Vec<_> =
            (1..threads).filter_map(|_| thread::Builder::new().spawn_scoped(scope, look).ok()).collect();
        let mut looks = look();
        for other in others {
            looks.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        looks
    });
    looks.sort_unstable_by_key(|(share, _)| *share);
    looks.into_iter().flat_map(|(_, looks)| looks).collect()
}

fn look_into(spot: &Spot<'_>, places: &Places) -> Look {
    let dir = spot.dir;
    let path = || dir.join(FILE);
    let mut file = match spot.open(FILE) {
        Ok(file) => file,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            // A link that leads nowhere is somebody's plugin all the same.
            return match path().symlink_metadata() {
                Ok(_) => Look::Wrong(format!("{FILE} is a link that leads nowhere; correct it")),
                Err(_) => Look::Nothing,
            };
        }
        // Of a folder that cannot be entered nobody knows whether it is a plugin; it says so all the same.
        Err(error) => return Look::Wrong(unreadable(&error, &path())),
    };
    let found = spot.stat().and_then(|dir_stat| Ok((dir_stat, rustix::fs::fstat(&file)?)));
    let (dir_stat, manifest_stat) = match found {
        Ok(found) => found,
        Err(error) => return Look::Wrong(unreadable(&error, &path())),
    };
    let manifest = match FileType::from_raw_mode(manifest_stat.st_mode) {
        FileType::RegularFile => {
            let size = u64::try_from(manifest_stat.st_size).unwrap_or_default();
            read(&mut file, size, &path()).and_then(|text| Manifest::parse_with_notes(&text))
        }
        _ => Err(Problem::new(Code::Unreadable, format!("{FILE} is no file; write one"))),
    };
    let plugin = manifest.map(|(manifest, notes)| {
        let package = Package { dir: dir.to_owned(), manifest };
        let fits = package.manifest.wants(&places.version);
        let files = Files::look(&package, spot, &dir_stat, &manifest_stat, places.uid);
        let drafts = Drafts::of(&package);
        Read { package: Arc::new(package), notes, fits, files, drafts }
    });
    let identity = (dir_stat.st_dev, dir_stat.st_ino);
    Look::Plugin(Box::new(Folder { dir: dir.to_owned(), plugin, identity }))
}

/// Returns what is wrong with what is in a folder; it goes by the folder's name.
pub(super) fn broken(dir: &Path, distribution: Option<String>, problem: Problem) -> PluginError {
    let name = dir.file_name().unwrap_or(dir.as_os_str()).to_string_lossy().into_owned();
    let message = format!("{}: {}", dir.display(), problem.message);
    let origin = Origin::Manifest { distribution, path: dir.to_owned() };
    PluginError::new(None, name, &origin, Problem::new(problem.code, message))
}

/// Reads a manifest of `size` bytes, never much more than may be in one.
fn read(file: &mut File, size: u64, path: &Path) -> Result<String, Problem> {
    let mut bytes = Vec::with_capacity(2048);
    // Of a file whose size is known its end needn't be read.
    match file.take(size.min(MAX_BYTES + 1)).read_to_end(&mut bytes) {
        Err(error) => Err(Problem::new(Code::Unreadable, unreadable(&error, path))),
        // What is too long may be cut within a letter; the parser says that it is too long.
        Ok(_) if u64::try_from(bytes.len()).is_ok_and(|size| size > MAX_BYTES) => {
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        }
        Ok(_) => String::from_utf8(bytes).map_err(|_| {
            Problem::new(Code::InvalidManifest, format!("{FILE} is not UTF-8; save it as UTF-8"))
        }),
    }
}

fn is_link(entry: &DirEntry) -> bool {
    entry.file_type().is_ok_and(|kind| kind.is_symlink())
}

fn unreadable(error: &std::io::Error, path: &Path) -> String {
    match error.kind() {
        ErrorKind::PermissionDenied => {
            format!("it may not be read; type: chmod -R u+rX {}", crate::owner::quoted(path))
        }
        _ => format!("{} cannot be read: {error}", path.display()),
    }
}

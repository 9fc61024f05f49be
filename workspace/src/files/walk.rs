//! Where a path below a directory really leads: part by part, from one open folder to the next, never by a whole path.
//!
//! No part is followed by the system: a link is read, and its parts are walked like those that were written. So a link
//! that is swapped in meanwhile is met as a link too. Linux's `openat2` would do the same in one call, but tells
//! neither where it ended, which the rules need, nor accepts a link that spells out the directory's whole path.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, open, openat, readlinkat};
use rustix::io::Errno;

/// Most links that are followed on one path: Linux's own bound, `MAXSYMLINKS`.
const MAX_LINKS: usize = 40;

/// How folders are opened: never through a link, and never anything that opening could block on or wake.
pub(super) const FOLDER: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// How files are opened for reading. A pipe that was swapped in doesn't make it wait.
pub(super) const FILE: OFlags = OFlags::RDONLY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);

/// What a part that is no folder fails with when it is opened as one: Linux, macOS, the BSDs.
const NO_FOLDER: [Errno; 3] = [Errno::NOTDIR, Errno::LOOP, Errno::MLINK];

/// A directory that is not to be left.
pub(super) struct Root {
    fd: OwnedFd,
    spellings: [PathBuf; 2],
}

/// Where a path led. `at` is the way there from the root, without links.
pub(super) enum Spot {
    /// To a folder.
    Folder { fd: OwnedFd, at: Vec<OsString> },
    /// To something else, the last part in `dir`.
    Other { dir: OwnedFd, at: Vec<OsString> },
    /// To nothing: of the way, the last `missing` parts are not in `dir`.
    Missing { dir: OwnedFd, at: Vec<OsString>, missing: usize },
}

impl Spot {
    pub(super) fn at(&self) -> &[OsString] {
        match self {
            Self::Folder { at, .. } | Self::Other { at, .. } | Self::Missing { at, .. } => at,
        }
    }
}

/// Why a path leads nowhere.
#[derive(Debug)]
pub(super) enum Lost {
    /// Out of the root.
    Escapes,
    /// Through something that is no folder.
    NoFolder,
    /// To something that was taken away under our hands.
    Changed,
    /// The system said no.
    System(io::Error),
}

impl From<Errno> for Lost {
    fn from(error: Errno) -> Self {
        Self::System(error.into())
    }
}

/// The folders walked into, the innermost last.
struct Steps<'a> {
    root: &'a OwnedFd,
    inner: Vec<(OsString, OwnedFd)>,
}

impl Steps<'_> {
    fn here(&self) -> BorrowedFd<'_> {
        self.inner.last().map_or(self.root.as_fd(), |(_, fd)| fd.as_fd())
    }

    fn at(&self) -> Vec<OsString> {
        self.inner.iter().map(|(name, _)| name.clone()).collect()
    }

    /// Returns the innermost folder, and the way there.
    fn end(mut self) -> Result<(OwnedFd, Vec<OsString>), Lost> {
        let at = self.at();
        let fd = match self.inner.pop() {
            Some((_, fd)) => fd,
            None => self.root.try_clone().map_err(Lost::System)?,
        };
        Ok((fd, at))
    }
}

impl Root {
    /// Opens a directory by its real path; `also` is another spelling of it, which links in it may use.
    pub(super) fn open(real: &Path, also: &Path) -> io::Result<Self> {
        let fd = open(real, FOLDER, Mode::empty())?;
        Ok(Self { fd, spellings: [real.to_owned(), also.to_owned()] })
    }

    /// Walks a path that is relative to the root.
    pub(super) fn walk(&self, path: &str) -> Result<Spot, Lost> {
        let mut steps = Steps { root: &self.fd, inner: Vec::new() };
        let mut ahead = parts(Path::new(path));
        let mut links = 0;
        while let Some(part) = ahead.pop() {
            if part == "." {
                continue;
            }
            if part == ".." {
                steps.inner.pop().ok_or(Lost::Escapes)?;
                continue;
            }
            match openat(steps.here(), &part, FOLDER, Mode::empty()) {
                Ok(fd) => steps.inner.push((part, fd)),
                Err(Errno::NOENT) => return missing(steps, part, ahead),
                Err(error) if NO_FOLDER.contains(&error) => {
                    let Some(target) = link(steps.here(), &part)? else {
                        return other(steps, part, &ahead);
                    };
                    links += 1;
                    if links > MAX_LINKS {
                        return Err(Errno::LOOP.into());
                    }
                    ahead.extend(self.below(&target, &mut steps)?);
                }
                Err(error) => return Err(error.into()),
            }
        }
        let (fd, at) = steps.end()?;
        Ok(Spot::Folder { fd, at })
    }

    /// Returns the parts to walk of a link's target; one that is absolute starts at the root again.
    fn below(&self, target: &Path, steps: &mut Steps<'_>) -> Result<Vec<OsString>, Lost> {
        if target.is_relative() {
            return Ok(parts(target));
        }
        steps.inner.clear();
        let below = self.spellings.iter().find_map(|root| target.strip_prefix(root).ok());
        let mut parts = parts(below.ok_or(Lost::Escapes)?);
        // Taking the root off takes such an end off too, which says that there must be a folder.
        if [&b"/"[..], b"/."].iter().any(|end| target.as_os_str().as_bytes().ends_with(end)) {
            parts.insert(0, ".".into());
        }
        Ok(parts)
    }
}

/// Returns the parts of a path, the first one last. A slash behind it is a part `.`: what it ends at must be a folder.
fn parts(path: &Path) -> Vec<OsString> {
    let parts = path.as_os_str().as_bytes().rsplit(|byte| *byte == b'/');
    parts
        .map(|part| if part.is_empty() { OsStr::new(".") } else { OsStr::from_bytes(part) }.to_owned())
        .collect()
}

/// Returns where a link points; `None` when it is none.
fn link(dir: BorrowedFd<'_>, name: &OsStr) -> Result<Option<PathBuf>, Lost> {
    match readlinkat(dir, name, Vec::new()) {
        Ok(target) => Ok(Some(OsString::from_vec(target.into_bytes()).into())),
        Err(Errno::INVAL) => Ok(None),
        Err(Errno::NOENT) => Err(Lost::Changed),
        Err(error) => Err(error.into()),
    }
}

fn missing(steps: Steps<'_>, part: OsString, mut ahead: Vec<OsString>) -> Result<Spot, Lost> {
    ahead.retain(|part| part != ".");
    // Out of a folder that isn't there, which only a dangling link can ask for.
    if ahead.iter().any(|part| part == "..") {
        return Err(Errno::NOENT.into());
    }
    let missing = ahead.len() + 1;
    let (dir, mut at) = steps.end()?;
    at.push(part);
    at.extend(ahead.into_iter().rev());
    Ok(Spot::Missing { dir, at, missing })
}

fn other(steps: Steps<'_>, part: OsString, ahead: &[OsString]) -> Result<Spot, Lost> {
    if !ahead.is_empty() {
        return Err(Lost::NoFolder);
    }
    let (dir, mut at) = steps.end()?;
    at.push(part);
    Ok(Spot::Other { dir, at })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use proptest::prelude::*;

    use super::*;

    /// Something made at a path, in order; what cannot be made isn't.
    #[derive(Debug, Clone)]
    enum Thing {
        Folder(String),
        File(String),
        Link(String, String),
    }

    fn place() -> impl Strategy<Value = String> {
        proptest::collection::vec("[abc]", 1..3).prop_map(|parts| parts.join("/"))
    }

    fn target() -> impl Strategy<Value = String> {
        let part = prop_oneof![3 => "[abc]", 2 => Just("..".to_owned()), 1 => Just(".".to_owned())];
        let relative = proptest::collection::vec(part, 1..5).prop_map(|parts| parts.join("/"));
        let from = prop_oneof![4 => Just(""), 1 => Just("ROOT/"), 1 => Just("OUT/")];
        let end = prop_oneof![4 => Just(""), 1 => Just("/")];
        (from, relative, end).prop_map(|(from, relative, end)| format!("{from}{relative}{end}"))
    }

    fn thing() -> impl Strategy<Value = Thing> {
        prop_oneof![
            2 => place().prop_map(Thing::Folder),
            1 => place().prop_map(Thing::File),
            3 => (place(), target()).prop_map(|(path, target)| Thing::Link(path, target)),
        ]
    }

    /// Makes a thing where its folder is really below the root; nothing is made out there.
    fn make(root: &Path, out: &Path, thing: &Thing) -> io::Result<()> {
        let (Thing::Folder(path) | Thing::File(path) | Thing::Link(path, _)) = thing;
        let path = root.join(path);
        if !path.parent().unwrap_or(root).canonicalize()?.starts_with(root) {
            return Ok(());
        }
        match thing {
            Thing::Folder(_) => std::fs::create_dir(path),
            Thing::File(_) => std::fs::File::create_new(path).map(|_| ()),
            Thing::Link(_, target) => {
                let [from, to] = [root, out].map(|dir| format!("{}/", dir.display()));
                symlink(target.replace("ROOT/", &from).replace("OUT/", &to), path)
            }
        }
    }

    #[test]
    fn a_link_to_a_file_as_to_a_folder_leads_nowhere_also_when_it_is_absolute() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        std::fs::create_dir(root.join("folder")).unwrap();
        std::fs::write(root.join("file"), "").unwrap();
        let open = Root::open(&root, &root).unwrap();
        let walk = |target: String| {
            let link = root.join("link");
            symlink(target, &link).unwrap();
            let (spot, real) = (open.walk("link"), link.canonicalize());
            std::fs::remove_file(link).unwrap();
            assert_eq!(spot.is_ok(), real.is_ok());
            spot.map(|spot| spot.at().to_vec())
        };
        for end in ["/", "/.", "//", "/./", "/./."] {
            for from in [String::new(), format!("{}/", root.display())] {
                assert!(matches!(walk(format!("{from}file{end}")), Err(Lost::NoFolder)), "{from}, {end}");
                assert_eq!(walk(format!("{from}folder{end}")).unwrap(), ["folder"], "{from}, {end}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn a_path_ends_where_the_system_says_or_is_refused(
            things in proptest::collection::vec(thing(), 1..16),
            paths in proptest::collection::vec(place(), 1..6),
        ) {
            let dir = tempfile::tempdir().unwrap();
            let dir = dir.path().canonicalize().unwrap();
            let (root, out) = (dir.join("root"), dir.join("out"));
            for folder in ["root", "out/a/b"] {
                std::fs::create_dir_all(dir.join(folder)).unwrap();
            }
            // Some have no place to be.
            let made = things.iter().filter(|thing| make(&root, &out, thing).is_ok()).count();
            let open = Root::open(&root, &root).unwrap();
            for path in paths {
                let real = root.join(&path).canonicalize();
                match open.walk(&path) {
                    Ok(Spot::Missing { .. }) => prop_assert!(real.is_err(), "{path}: {real:?} of {made}"),
                    Ok(Spot::Folder { at, .. } | Spot::Other { at, .. }) => {
                        prop_assert_eq!(root.join(at.iter().collect::<PathBuf>()), real.unwrap());
                    }
                    // One that leaves and comes back is refused too.
                    Err(Lost::Escapes) => {}
                    Err(lost) => prop_assert!(real.is_err(), "{path}: {lost:?}, but {real:?}"),
                }
                if let Ok(real) = root.join(&path).canonicalize() && !real.starts_with(&root) {
                    prop_assert!(matches!(open.walk(&path), Err(Lost::Escapes)), "{path} leads to {real:?}");
                }
            }
        }
    }
}

//! A file that a plugin has put into its data folder: opened part by part from there without following a link, handed
//! on piece by piece, and taken away.

use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, fstat, open, openat, unlinkat};
use takopi_core::port::transport::FetchError;
use tokio::io::{AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// How folders are opened: never through a link.
const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// How files are opened. A pipe in a file's place doesn't make it wait.
const FILE: OFlags = OFlags::RDONLY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);

/// A file that a plugin has put down; taken away when this is dropped.
struct Put {
    folder: OwnedFd,
    name: OsString,
}

impl Drop for Put {
    fn drop(&mut self) {
        if let Err(error) = unlinkat(&self.folder, &self.name, AtFlags::empty()) {
            tracing::debug!(%error, "a file that a plugin fetched is not taken away");
        }
    }
}

/// Copies the file at `path`, which must be inside `data`, `into` somewhere, and takes it away whatever comes of it.
///
/// # Errors
/// [`FetchError::TooLarge`] beyond `max_bytes`, [`FetchError::Denied`] for what is no file inside `data`,
/// [`FetchError::Broken`] when it cannot be read or written.
pub(super) async fn copy(
    data: &Path,
    path: &str,
    max_bytes: u64,
    into: &mut (dyn AsyncWrite + Send + Unpin),
) -> Result<(), FetchError> {
    let (file, _put) = open_inside(data, Path::new(path))?;
    let broken = |error: std::io::Error| FetchError::Broken(error.to_string());
    let mut file = tokio::fs::File::from_std(file);
    let mut buffer = vec![0; 64 << 10];
    let mut left = max_bytes;
    loop {
        let read = file.read(&mut buffer).await.map_err(broken)?;
        let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
        left = left.checked_sub(bytes.len() as u64).ok_or(FetchError::TooLarge)?;
        into.write_all(bytes).await.map_err(broken)?;
    }
    into.flush().await.map_err(broken)
}

fn open_inside(data: &Path, path: &Path) -> Result<(std::fs::File, Put), FetchError> {
    let denied = |why: &str| FetchError::Denied(format!("the plugin put it {why}"));
    let parts = inside(data, path).ok_or_else(|| denied("outside of its data folder"))?;
    let (name, folders) = parts.split_last().ok_or_else(|| denied("outside of its data folder"))?;
    let lost = |error: rustix::io::Errno| match error {
        rustix::io::Errno::NOENT => denied("where nothing is"),
        rustix::io::Errno::LOOP | rustix::io::Errno::NOTDIR => denied("behind a link"),
        other => FetchError::Broken(std::io::Error::from(other).to_string()),
    };
    // The data folder itself may lie behind links: it is ours.
    let mut folder = open(data, FOLDER.difference(OFlags::NOFOLLOW), Mode::empty()).map_err(lost)?;
    for part in folders {
        folder = openat(&folder, part, FOLDER, Mode::empty()).map_err(lost)?;
    }
    let file = openat(&folder, name, FILE, Mode::empty()).map_err(lost)?;
    let stat = fstat(&file).map_err(lost)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(denied("down as something that is no file"));
    }
    Ok((std::fs::File::from(file), Put { folder, name: name.clone() }))
}

/// Returns the names on the way from `data` to `path`; `None` where it does not lead there by names alone.
fn inside(data: &Path, path: &Path) -> Option<Vec<OsString>> {
    let below = |data: PathBuf| path.strip_prefix(data).ok().map(Path::to_owned);
    let below = below(data.to_owned()).or_else(|| below(data.canonicalize().ok()?))?;
    let name = |part: Component<'_>| match part {
        Component::Normal(name) => Some(name.to_owned()),
        _ => None,
    };
    below.components().map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    async fn fetched(data: &Path, path: &Path, max_bytes: u64) -> Result<String, FetchError> {
        let mut into = Vec::new();
        copy(data, path.to_str().unwrap(), max_bytes, &mut into).await?;
        Ok(String::from_utf8(into).unwrap())
    }

    #[tokio::test]
    async fn a_file_in_the_data_folder_is_copied_and_taken_away() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        std::fs::create_dir_all(data.join("in")).unwrap();
        let file = data.join("in/a");
        for (max_bytes, outcome) in [(5, Ok("words".to_owned())), (4, Err(FetchError::TooLarge))] {
            std::fs::write(&file, "words").unwrap();
            assert_eq!(fetched(&data, &file, max_bytes).await, outcome);
            assert!(!file.exists());
        }
    }

    #[tokio::test]
    async fn nothing_is_read_outside_of_the_data_folder_or_behind_a_link() {
        let dir = tempfile::tempdir().unwrap();
        let (data, secret) = (dir.path().join("data"), dir.path().join("secret"));
        std::fs::create_dir(&data).unwrap();
        std::fs::write(&secret, "secret").unwrap();
        symlink(&secret, data.join("link")).unwrap();
        symlink(dir.path(), data.join("up")).unwrap();
        std::fs::create_dir(data.join("folder")).unwrap();
        let ways = ["../secret", "link", "up/secret", "folder", "nothing", ""];
        for way in ways {
            let outcome = fetched(&data, &data.join(way), 100).await;
            assert!(matches!(outcome, Err(FetchError::Denied(_))), "{way}: {outcome:?}");
        }
        let outcome = fetched(&data, &secret, 100).await;
        assert!(matches!(outcome, Err(FetchError::Denied(_))), "{outcome:?}");
        assert_eq!(std::fs::read_to_string(&secret).unwrap(), "secret");
    }
}

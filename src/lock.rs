//! The lock: one process holds a ledger, and its file says who that is and how to reach it.
//!
//! The kernel's lock on the open file decides, never its content: what a dead process wrote means nothing. The
//! content is JSON that the Python takopi reads too (`pid`, `token_fingerprint`), so that it refuses to start
//! beside us; it holds no kernel lock itself, so a live one is recognised by its pid. The file is removed while the
//! lock is still held; whoever locks a file looks whether it still has the name, so that no two processes hold
//! two files of one name.

use std::fs::{DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::process::{Pid, test_kill_process};
use serde::{Deserialize, Serialize};

/// How often a file is opened anew that lost its name before it was locked: each time somebody gave the lock up in
/// just that moment.
const TRIES: u32 = 100;

/// What kind of process holds the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Host {
    /// The daemon.
    Daemon,
    /// `takopi chat`, which hosts the house until a daemon starts.
    Chat,
}

/// What the lock file says of who holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Holder {
    /// The process.
    pub(crate) pid: u32,
    /// The first ten hexadecimal digits of the SHA-256 of a bot's token; ours is always null, which makes the
    /// Python takopi refuse whatever its own token is.
    #[serde(default)]
    pub(crate) token_fingerprint: Option<String>,
    /// The control socket, once it is open. The Python takopi has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) socket: Option<PathBuf>,
    /// What kind of process it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) host: Option<Host>,
}

/// Why the lock could not be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LockError {
    /// Somebody holds it; who, when they have already said so.
    #[error("somebody else holds the lock")]
    Held(Option<Holder>),
    /// The Python takopi runs beside this config file.
    #[error("the Python takopi is running (pid {pid})")]
    Python {
        /// Its process.
        pid: u32,
    },
    /// The file could not be opened, locked or written.
    #[error("failed to lock {}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// The lock, held. Dropping it gives it up.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
    path: PathBuf,
    holder: Holder,
}

impl Lock {
    /// Takes the lock for this process. Never waits.
    ///
    /// # Errors
    /// [`LockError`], by variant.
    pub(crate) fn take(path: &Path, host: Host) -> Result<Self, LockError> {
        let mut file = locked(path)?;
        if let Some(pid) = read(&mut file).filter(|holder| holder.socket.is_none()).and_then(live_python) {
            return Err(LockError::Python { pid });
        }
        let holder =
            Holder { pid: std::process::id(), token_fingerprint: None, socket: None, host: Some(host) };
        let mut lock = Self { file, path: path.to_path_buf(), holder };
        lock.write()?;
        Ok(lock)
    }

    /// Tells everybody where the control socket is.
    ///
    /// # Errors
    /// [`LockError::File`].
    pub(crate) fn publish(&mut self, socket: &Path) -> Result<(), LockError> {
        self.holder.socket = Some(socket.to_path_buf());
        self.write()
    }

    fn write(&mut self) -> Result<(), LockError> {
        let write = |file: &mut File, holder: &Holder| {
            let mut text = serde_json::to_vec_pretty(holder)?;
            text.push(b'\n');
            // In place, because the kernel's lock is on this very file; a reader that comes between finds no
            // JSON and looks again.
            file.set_len(0)?;
            file.rewind()?;
            file.write_all(&text)
        };
        write(&mut self.file, &self.holder)
            .map_err(|source| LockError::File { path: self.path.clone(), source })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // For those who have it open already.
        let emptied = self.file.set_len(0);
        let removed =
            if has_name(&self.file, &self.path) { std::fs::remove_file(&self.path) } else { Ok(()) };
        if let Err(error) = emptied.and(removed) {
            // Harmless: the next one to come is let in by the kernel's lock.
            tracing::debug!(%error, "the lock file stays behind");
        }
    }
}

/// Returns what the lock file says, or `None` when nobody holds the lock.
pub(crate) fn holder(path: &Path) -> Option<Holder> {
    let mut file = File::open(path).ok()?;
    // A shared lock that can be had means that nobody holds the other one. It is given up at once, by closing.
    match flock(&file, FlockOperation::NonBlockingLockShared) {
        Err(rustix::io::Errno::WOULDBLOCK) => read(&mut file),
        _ => None,
    }
}

/// Opens the file and locks it, whoever removes it meanwhile.
fn locked(path: &Path) -> Result<File, LockError> {
    let failed = |source| LockError::File { path: path.to_path_buf(), source };
    for _ in 0..TRIES {
        let mut file = open(path).map_err(failed)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            // Without its name this lock is of no use.
            Ok(()) if has_name(&file, path) => return Ok(file),
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => return Err(LockError::Held(read(&mut file))),
            Err(error) => return Err(failed(error.into())),
        }
    }
    Err(LockError::Held(None))
}

/// Returns whether `path` names this very file.
fn has_name(file: &File, path: &Path) -> bool {
    let same = |a: &Metadata, b: &Metadata| a.ino() == b.ino() && a.dev() == b.dev();
    file.metadata().is_ok_and(|file| std::fs::metadata(path).is_ok_and(|named| same(&file, &named)))
}

fn open(path: &Path) -> io::Result<File> {
    if let Some(dir) = path.parent() {
        // A directory we make is its owner's alone: questions and answers lie in it.
        DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    }
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

fn read(file: &mut File) -> Option<Holder> {
    let mut text = Vec::new();
    file.rewind().ok()?;
    // Ours has about 150 bytes; whatever is longer is nobody's lock file.
    file.take(64 << 10).read_to_end(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
}

/// Returns the process of a live Python takopi whose lock file this is and that serves the bot whose token has
/// that fingerprint. One that doesn't say which may be it.
pub(crate) fn live_python_with(path: &Path, fingerprint: &str) -> Option<u32> {
    let holder = read(&mut File::open(path).ok()?).filter(|holder| holder.socket.is_none())?;
    let same = holder.token_fingerprint.as_deref().is_none_or(|other| other == fingerprint);
    if same { live_python(holder) } else { None }
}

/// Returns the pid of a holder that is alive and looks like the Python takopi.
#[expect(clippy::needless_pass_by_value, reason = "it is what `and_then` hands over")]
fn live_python(holder: Holder) -> Option<u32> {
    let pid = Pid::from_raw(i32::try_from(holder.pid).ok()?)?;
    if holder.pid == std::process::id() || test_kill_process(pid) == Err(rustix::io::Errno::SRCH) {
        return None;
    }
    // Pids are used again: without this, a stale file would keep takopi from starting.
    let command = std::fs::read(format!("/proc/{}/cmdline", holder.pid)).ok()?;
    let said = |word: &[u8]| command.windows(word.len()).any(|window| window == word);
    (said(b"takopi") || said(b"python")).then_some(holder.pid)
}

#[cfg(test)]
mod tests {
    use std::process::Stdio;
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

    use super::*;

    fn lock_file() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("takopi.lock");
        (dir, path)
    }

    #[test]
    fn the_second_is_told_who_is_first_and_where() {
        let (_dir, path) = lock_file();
        let mut first = Lock::take(&path, Host::Daemon).unwrap();
        first.publish(Path::new("/run/takopi.sock")).unwrap();
        let Err(LockError::Held(Some(seen))) = Lock::take(&path, Host::Chat) else { panic!("not refused") };
        assert_eq!(seen, holder(&path).unwrap());
        assert_eq!(seen.pid, std::process::id());
        assert_eq!(seen.socket.as_deref(), Some(Path::new("/run/takopi.sock")));
        assert_eq!(seen.host, Some(Host::Daemon));
    }

    #[test]
    fn a_lock_given_up_can_be_taken_and_names_nobody() {
        let (_dir, path) = lock_file();
        drop(Lock::take(&path, Host::Chat).unwrap());
        assert_eq!((holder(&path), path.exists()), (None, false));
        Lock::take(&path, Host::Daemon).unwrap();
    }

    #[test]
    fn of_many_who_take_it_and_give_it_up_one_holds_it_at_a_time() {
        let (_dir, path) = lock_file();
        let (held, taken) = (AtomicBool::new(false), AtomicU32::new(0));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    while taken.load(Ordering::SeqCst) < 200 {
                        let Ok(lock) = Lock::take(&path, Host::Daemon) else { continue };
                        assert!(!held.swap(true, Ordering::SeqCst), "two hold it");
                        taken.fetch_add(1, Ordering::SeqCst);
                        held.store(false, Ordering::SeqCst);
                        drop(lock);
                    }
                });
            }
        });
        assert!(!path.exists());
    }

    #[test]
    fn a_file_that_somebody_put_in_the_place_of_ours_is_left_alone() {
        let (_dir, path) = lock_file();
        let lock = Lock::take(&path, Host::Daemon).unwrap();
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, "another's").unwrap();
        drop(lock);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "another's");
    }

    #[test]
    fn what_a_dead_process_wrote_means_nothing() {
        let (_dir, path) = lock_file();
        for stale in [
            r#"{"pid": 4194304, "token_fingerprint": "0123456789"}"#,
            r#"{"pid": 1, "socket": "/run/x", "host": "daemon"}"#,
            "not json",
        ] {
            std::fs::write(&path, stale).unwrap();
            assert_eq!(holder(&path), None, "{stale}");
            Lock::take(&path, Host::Daemon).unwrap();
        }
    }

    #[test]
    fn a_live_python_takopi_is_named() {
        let (dir, path) = lock_file();
        let script = dir.path().join("takopi");
        std::fs::write(&script, "echo ready\nread line\n").unwrap();
        let mut command = std::process::Command::new("sh");
        let mut python = command.arg(&script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut ready = [0; 6];
        python.stdout.as_mut().unwrap().read_exact(&mut ready).unwrap();
        std::fs::write(&path, format!(r#"{{"pid": {}, "token_fingerprint": null}}"#, python.id())).unwrap();
        let refused = Lock::take(&path, Host::Daemon);
        python.kill().unwrap();
        python.wait().unwrap();
        assert!(matches!(refused, Err(LockError::Python { pid }) if pid == python.id()), "{refused:?}");
        Lock::take(&path, Host::Daemon).unwrap();
    }

    #[test]
    fn the_content_is_what_the_python_takopi_reads() {
        let holder = Holder {
            pid: 7,
            token_fingerprint: None,
            socket: Some("/h/.takopi/takopi.sock".into()),
            host: Some(Host::Chat),
        };
        insta::assert_snapshot!(serde_json::to_string_pretty(&holder).unwrap());
    }
}

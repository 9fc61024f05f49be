//! The socket itself: where it lies, who may connect.
//!
//! Only the process that holds the lock binds it, so what is left of a dead one can be removed without asking.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixStream};

/// Bytes a socket's path may have: `sockaddr_un` holds 108, the last of them zero.
const MAX_PATH_BYTES: usize = 107;

/// The socket, bound. Dropping it removes it.
#[derive(Debug)]
pub(crate) struct Socket {
    listener: UnixListener,
    path: PathBuf,
}

impl Socket {
    /// Binds the socket at `wanted`, or somewhere short when that path is too long. Must be called with the
    /// lock held.
    ///
    /// # Errors
    /// Whatever the system says.
    pub(crate) fn bind(wanted: &Path) -> io::Result<Self> {
        let path = if fits(wanted) { wanted.to_path_buf() } else { short_path()? };
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&path)?;
        // Until here others might connect; they are turned away by who they are.
        fs::set_permissions(&path, Permissions::from_mode(0o600))?;
        Ok(Self { listener, path })
    }

    /// Returns where it lies.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Waits for somebody to connect. `None` is somebody who may not.
    ///
    /// # Errors
    /// Whatever the system says: too many open files, most likely.
    pub(super) async fn accept(&self) -> io::Result<Option<UnixStream>> {
        let (stream, _) = self.listener.accept().await?;
        let uid = stream.peer_cred()?.uid();
        Ok((uid == 0 || uid == rustix::process::geteuid().as_raw()).then_some(stream))
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::debug!(%error, "the socket stays until the next start");
        }
    }
}

fn fits(path: &Path) -> bool {
    path.as_os_str().len() <= MAX_PATH_BYTES
}

/// Returns a short path in a directory that is ours alone. The lock file says where it is.
fn short_path() -> io::Result<PathBuf> {
    let uid = rustix::process::geteuid().as_raw();
    let name = format!("takopi-{}.sock", std::process::id());
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(|dir| PathBuf::from(dir).join(&name));
    if let Some(path) = runtime.filter(|path| fits(path) && path.parent().is_some_and(Path::is_dir)) {
        return Ok(path);
    }
    let dir = std::env::temp_dir().join(format!("takopi-{uid}"));
    match DirBuilder::new().mode(0o700).create(&dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let found = fs::symlink_metadata(&dir)?;
    if !found.is_dir() || found.uid() != uid || found.mode() & 0o077 != 0 {
        let problem = format!("{} is not ours alone: remove it, or set XDG_RUNTIME_DIR", dir.display());
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, problem));
    }
    let path = dir.join(name);
    if fits(&path) {
        Ok(path)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "no path is short enough"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_socket_is_its_owners_replaces_a_dead_ones_and_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("takopi.sock");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let socket = Socket::bind(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        let (accepted, connected) = tokio::join!(socket.accept(), UnixStream::connect(&path));
        assert!(accepted.unwrap().is_some() && connected.is_ok());
        drop(socket);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_path_too_long_for_a_socket_is_replaced_by_a_short_one() {
        let dir = tempfile::tempdir().unwrap();
        let socket = Socket::bind(&dir.path().join("x".repeat(200))).unwrap();
        assert!(fits(socket.path()));
        UnixStream::connect(socket.path()).await.unwrap();
    }
}

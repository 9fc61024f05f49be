//! Files for bytes on their way in: each in a folder of the spool, and gone with its owner. What a crash left goes
//! when the ledger is opened, like everything in the spool that no post needs (`spool.rs`).

use std::fs;
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};

use takopi_core::port::ledger::Temporary;
use tokio::fs::File;
use tokio::io::AsyncWrite;
use uuid::Uuid;

use crate::failure::Failure;
use crate::file;

/// Returns the folder of temporary files.
fn folder(spool: &Path) -> PathBuf {
    spool.join("arriving")
}

/// Makes an empty file that only this user can read.
pub(crate) async fn make(spool: &Path) -> Result<Part, Failure> {
    let folder = folder(spool);
    let path = folder.join(format!("{}.part", Uuid::new_v4()));
    let at = path.clone();
    let made = tokio::task::spawn_blocking(move || {
        file::make_private_dir(&folder)?;
        fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&at)
    });
    let made = made.await.unwrap_or_else(|broken| Err(io::Error::other(broken)));
    match made {
        Ok(file) => Ok(Part { file: File::from_std(file), path }),
        Err(source) => Err(Failure::File { attempt: "make", path, source }),
    }
}

/// A temporary file.
pub(crate) struct Part {
    file: File,
    path: PathBuf,
}

impl Temporary for Part {
    fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(file = %self.path.display(), %error, "a temporary file stays until the next start");
        }
    }
}

impl AsyncWrite for Part {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.file).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.file).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.file).poll_shutdown(context)
    }
}

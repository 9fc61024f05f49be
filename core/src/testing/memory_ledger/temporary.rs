//! The one thing of this ledger that is on a disk: a file for bytes on their way in.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use tokio::io::AsyncWrite;

use crate::port::ledger::{LedgerError, Temporary};

struct Part {
    file: File,
    path: PathBuf,
}

pub(super) fn make(spool: &Path) -> Result<Box<dyn Temporary>, LedgerError> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let path = spool.join(format!("{}-{count}.part", std::process::id()));
    let made = fs::create_dir_all(spool).and_then(|()| File::create(&path));
    match made {
        Ok(file) => Ok(Box::new(Part { file, path })),
        Err(error) => {
            Err(LedgerError { attempt: "make a temporary file", reason: error.to_string(), cause: None })
        }
    }
}

impl Temporary for Part {
    fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        fs::remove_file(&self.path).ok();
    }
}

impl AsyncWrite for Part {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(self.file.write(bytes))
    }

    fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.file.flush())
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(context)
    }
}

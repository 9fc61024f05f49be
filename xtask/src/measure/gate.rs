//! Gates at which a played agent stands until it is let pass: FIFOs that it reads.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, OFlags, mknodat};

/// Puts up a gate.
pub(super) fn put_up(path: &Path) -> anyhow::Result<()> {
    Ok(mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)?)
}

/// Returns the way through a gate at which somebody stands; who reads to the end passes when it is dropped.
pub(super) fn standing(path: &Path) -> anyhow::Result<Option<File>> {
    let flags = i32::try_from(OFlags::NONBLOCK.bits())?;
    // Opening for writing fails while nobody reads.
    Ok(OpenOptions::new().write(true).custom_flags(flags).open(path).ok())
}

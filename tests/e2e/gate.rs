//! A gate at which a command stands until the test lets it pass: a FIFO that is read to its end.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use rustix::fs::{CWD, FileType, Mode, OFlags, mknodat};

use crate::house::Home;
use crate::wait::wait_for;

/// A gate; the command that stands at it says `cat NAME`.
pub(crate) struct Gate(PathBuf);

/// Somebody who stands at the gate, and passes when this is dropped.
pub(crate) struct Standing(#[expect(dead_code, reason = "held open; dropping it lets them pass")] File);

impl Gate {
    pub(crate) fn new(home: &Home, name: &str) -> Self {
        Self::at(home.work().join(name))
    }

    pub(crate) fn at(path: PathBuf) -> Self {
        mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        Self(path)
    }

    /// Waits until a command stands at the gate, and holds it there.
    pub(crate) fn reached(&self) -> Standing {
        wait_for(format!("somebody at {}", self.0.display()), || self.look())
    }

    /// Tells whether somebody stands there now; they pass.
    pub(crate) fn is_reached(&self) -> bool {
        self.look().is_some()
    }

    fn look(&self) -> Option<Standing> {
        // Opening for writing fails at once when nobody reads.
        let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap();
        OpenOptions::new().write(true).custom_flags(flags).open(&self.0).ok().map(Standing)
    }
}

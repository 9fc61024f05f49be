//! Orphans: descendants whose parent died and which fell to the daemon. Reaped by pid, never "any child".

use std::collections::BTreeSet;
use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::Identity;
use crate::proc::Proc;

/// The children started here and not yet waited for. Process-wide like the thing it mirrors: the kernel's list.
static DIRECT: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

/// The claim of one child's keeper: nobody else reaps it.
#[derive(Debug)]
pub(crate) struct DirectChild(u32);

impl DirectChild {
    pub(crate) fn claim(pid: u32) -> Self {
        DIRECT.lock().unwrap_or_else(PoisonError::into_inner).insert(pid);
        Self(pid)
    }

    pub(crate) const fn pid(&self) -> u32 {
        self.0
    }
}

impl Drop for DirectChild {
    fn drop(&mut self) {
        DIRECT.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.0);
    }
}

/// Makes orphaned descendants fall to this process instead of init. Without effect where the system can't.
///
/// # Errors
/// When the kernel refuses.
pub fn become_subreaper() -> io::Result<()> {
    #[cfg(target_os = "linux")]
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    Ok(())
}

/// Reaps the dead process `pid` if it is an orphan of ours; tells whether it did.
pub(crate) fn reap(pid: u32) -> bool {
    if DIRECT.lock().unwrap_or_else(PoisonError::into_inner).contains(&pid) {
        return false;
    }
    let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return false };
    matches!(waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOHANG), Ok(Some(_)))
}

/// Reaps orphans that end on their own, such as a server an agent left running.
///
/// A dead child that isn't claimed by a [`crate::Child`] is reaped when it is found dead a second time: whoever else
/// started it has had time to wait for it.
#[derive(Debug, Default)]
pub struct Orphans {
    seen: BTreeSet<Identity>,
}

/// What one sweep did.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Pids reaped.
    pub reaped: Vec<u32>,
    /// Dead children seen for the first time; the next sweep reaps them.
    pub waiting: usize,
}

impl Orphans {
    /// Time an unknown dead child is left to whoever may be waiting for it.
    const SETTLE: Duration = Duration::from_secs(1);

    /// Looks through the dead children once.
    pub fn sweep(&mut self) -> Swept {
        let dead: BTreeSet<_> = {
            let direct = DIRECT.lock().unwrap_or_else(PoisonError::into_inner);
            Proc::system().dead_children().into_iter().filter(|dead| !direct.contains(&dead.pid())).collect()
        };
        let due = dead.intersection(&self.seen).map(|dead| dead.pid());
        let reaped: Vec<_> = due.filter(|pid| reap(*pid)).collect();
        let waiting = dead.difference(&self.seen).count();
        self.seen = dead;
        Swept { reaped, waiting }
    }

    /// Sweeps whenever a child has died, until `stop`. Costs nothing while none dies.
    ///
    /// # Errors
    /// When SIGCHLD cannot be listened to.
    pub async fn run(mut self, stop: CancellationToken) -> io::Result<()> {
        let mut deaths = signal(SignalKind::child())?;
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                _ = deaths.recv() => {}
            }
            while self.sweep().waiting > 0 {
                tokio::select! {
                    () = stop.cancelled() => return Ok(()),
                    () = tokio::time::sleep(Self::SETTLE) => {}
                }
            }
        }
    }
}

//! A child's process tree: found, watched, signalled. When to send which signal is decided in [`crate::stop`].
//!
//! A process belongs to the tree if it is the leader, a child of a member, in the leader's group, or carries the tree's
//! marker; and once a member, always one, however often its parent changes. A process is (pid, start time), checked
//! again behind an open pidfd before it is signalled.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use rustix::process::Pid;

use crate::Marker;
use crate::proc::{Proc, Stat};

/// A process that once was seen: pid and start time. Another process that gets the same pid later is not equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    pid: u32,
    started: u64,
}

impl Identity {
    /// Names a process by pid and start time, in clock ticks since boot (field 22 of `/proc/<pid>/stat`; 0 where there
    /// is no `/proc`).
    #[must_use]
    pub const fn new(pid: u32, started: u64) -> Self {
        Self { pid, started }
    }

    /// Returns the identity of the process that has `pid` now.
    #[must_use]
    pub fn of(pid: u32) -> Self {
        Proc::system().stat(pid).map_or(Self { pid, started: 0 }, |stat| stat.identity)
    }

    /// Returns the pid.
    #[must_use]
    pub const fn pid(self) -> u32 {
        self.pid
    }

    /// Returns the start time, in clock ticks since boot.
    #[must_use]
    pub const fn started(self) -> u64 {
        self.started
    }

    /// Tells whether the process still runs; a zombie doesn't.
    #[must_use]
    pub fn is_alive(self) -> bool {
        if self.is_blind() {
            return pid(self.pid).is_some_and(|pid| rustix::process::test_kill_process(pid).is_ok());
        }
        Proc::system().stat(self.pid).is_some_and(|stat| stat.identity == self && !stat.dead)
    }

    /// Tells whether the start time is unknown, for want of a `/proc`.
    const fn is_blind(self) -> bool {
        self.started == 0
    }
}

/// A signal that is sent to children.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGINT, what Ctrl-C sends.
    Interrupt,
    /// SIGTERM.
    Terminate,
    /// SIGKILL.
    Kill,
    /// SIGSTOP: it stays, but starts nothing new.
    Freeze,
}

impl From<Signal> for rustix::process::Signal {
    fn from(signal: Signal) -> Self {
        match signal {
            Signal::Interrupt => Self::INT,
            Signal::Terminate => Self::TERM,
            Signal::Kill => Self::KILL,
            Signal::Freeze => Self::STOP,
        }
    }
}

/// Returns the living descendants of the process `of`, without itself.
#[must_use]
pub fn descendants(of: Identity) -> Vec<Identity> {
    let mut tree = Tree::new(Some(of), None);
    tree.snapshot();
    tree.members.into_iter().filter(|member| *member != of).collect()
}

/// Tells whether a process is one of the kernel's own threads, all of which come from the second process.
const fn is_kernels(stat: &Stat) -> bool {
    const KERNEL: u32 = 2;
    stat.identity.pid == KERNEL || stat.parent == KERNEL
}

/// Time between two looks at somebody who becomes another program, which takes less than a millisecond.
const GLANCE: Duration = Duration::from_millis(1);

/// Looks at most: somebody may hide their arguments for good.
const MOST_LOOKS: usize = 20;

/// The members seen so far of the tree below a leader, or of all that carry a marker.
#[derive(Debug)]
pub(crate) struct Tree {
    leader: Option<Identity>,
    marker: Option<Vec<u8>>,
    members: BTreeSet<Identity>,
    /// At the last look somebody could not be told: they were becoming another program.
    veiled: bool,
    proc: Proc,
}

impl Tree {
    pub(crate) fn new(leader: Option<Identity>, marker: Option<Marker>) -> Self {
        let marker = marker.map(|marker| marker.entry());
        Self { leader, marker, members: leader.into_iter().collect(), veiled: false, proc: Proc::system() }
    }

    /// Adds the members' descendants, the cheap way where the kernel lists children; else looks everywhere.
    pub(crate) fn snapshot(&mut self) {
        let mut open: Vec<_> = self.members.iter().copied().collect();
        while let Some(member) = open.pop() {
            let Some(children) = self.proc.children(member.pid) else {
                self.look_everywhere();
                return;
            };
            for child in children {
                if child.parent == member.pid && !child.dead && self.members.insert(child.identity) {
                    open.push(child.identity);
                }
            }
        }
        self.members.retain(|member| member.is_alive());
    }

    /// Forgets the dead and adds every member there is; returns those added.
    pub(crate) fn look_everywhere(&mut self) -> Vec<Identity> {
        if let Some(group) = self.blind_group() {
            let lives = rustix::process::test_kill_process_group(group).is_ok();
            self.members = self.leader.filter(|_| lives).into_iter().collect();
            return Vec::new();
        }
        let all = self.proc.all();
        let known: HashMap<u32, &Stat> = all.iter().map(|stat| (stat.identity.pid, stat)).collect();
        let is_there =
            |identity: &Identity| known.get(&identity.pid).is_some_and(|stat| stat.identity == *identity);
        // Only while the leader, dead or alive, holds its pid is the group of that number surely its own.
        let group = self.leader.filter(is_there).map(|leader| leader.pid);
        let old = std::mem::take(&mut self.members);

        let mut children: HashMap<u32, Vec<&Stat>> = HashMap::new();
        let mut open: Vec<&Stat> = Vec::new();
        self.veiled = false;
        for stat in all.iter().filter(|stat| stat.identity.pid != std::process::id() && !stat.dead) {
            children.entry(stat.parent).or_default().push(stat);
            if old.contains(&stat.identity) || group == Some(stat.group) || self.is_marked(stat) {
                open.push(stat);
            } else if self.marker.is_some() && !is_kernels(stat) && self.proc.is_veiled(stat.identity.pid) {
                self.veiled = true;
            }
        }
        while let Some(stat) = open.pop() {
            if self.members.insert(stat.identity) {
                open.extend(children.get(&stat.identity.pid).into_iter().flatten());
            }
        }
        self.members.difference(&old).copied().collect()
    }

    /// Looks everywhere, and again while somebody is just becoming another program: for that moment nobody can tell
    /// whose it is, and a parent that has ended tells nothing either.
    pub(crate) async fn look(&mut self) {
        for _ in 0..MOST_LOOKS {
            self.look_everywhere();
            if !self.veiled {
                return;
            }
            tokio::time::sleep(GLANCE).await;
        }
    }

    fn is_marked(&self, stat: &Stat) -> bool {
        self.marker.as_ref().is_some_and(|entry| self.proc.environment_has(stat.identity.pid, entry))
    }

    /// Returns the members that were alive at the last look.
    pub(crate) fn members(&self) -> &BTreeSet<Identity> {
        &self.members
    }

    /// Stops every member from forking: freezes them until a look finds nobody new. Only before killing them.
    pub(crate) fn freeze(&mut self) {
        self.look_everywhere();
        let mut new: Vec<_> = self.members.iter().copied().collect();
        // A fork storm is caught within a few rounds; the bound is for one that is faster than we look.
        for _ in 0..100 {
            if new.is_empty() {
                return;
            }
            for member in new {
                send(member, Signal::Freeze);
            }
            new = self.look_everywhere();
        }
    }

    /// Sends a signal to every member.
    pub(crate) fn signal(&self, signal: Signal) {
        if let Some(group) = self.blind_group() {
            if let Err(error) = rustix::process::kill_process_group(group, signal.into()) {
                tracing::debug!(?group, %error, "group not signalled");
            }
            return;
        }
        for member in &self.members {
            send(*member, signal);
        }
    }

    /// Returns the leader's group where there is no `/proc`: it is then all that is known of the tree.
    fn blind_group(&self) -> Option<Pid> {
        self.leader.filter(|leader| leader.is_blind()).and_then(|leader| pid(leader.pid))
    }

    /// Waits until every member has ended. Newcomers are not noticed: look again.
    pub(crate) async fn ended(&self) {
        if let Some(group) = self.blind_group() {
            while rustix::process::test_kill_process_group(group).is_ok() {
                tokio::time::sleep(POLL).await;
            }
        }
        for member in &self.members {
            ended(*member).await;
        }
    }
}

fn pid(pid: u32) -> Option<Pid> {
    Pid::from_raw(i32::try_from(pid).ok()?)
}

/// Opens a pidfd and makes sure that it is this process and not a later one with its pid.
#[cfg(target_os = "linux")]
fn open(process: Identity) -> rustix::io::Result<Option<std::os::fd::OwnedFd>> {
    use rustix::io::Errno;
    use rustix::process::{PidfdFlags, pidfd_open};

    let Some(pid) = pid(process.pid) else { return Ok(None) };
    match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(fd) => Ok(process.is_alive().then_some(fd)),
        Err(Errno::SRCH) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Sends a signal to exactly this process; one that has ended is fine.
#[cfg(target_os = "linux")]
pub(crate) fn send(process: Identity, signal: Signal) {
    use rustix::io::Errno;

    let sent = match open(process) {
        Ok(None) => Ok(()),
        Ok(Some(fd)) => rustix::process::pidfd_send_signal(fd, signal.into()),
        // No pidfd (an old kernel, no descriptor left): check and signal without a pause in between.
        Err(_) if process.is_alive() => {
            pid(process.pid).map_or(Ok(()), |pid| rustix::process::kill_process(pid, signal.into()))
        }
        Err(_) => Ok(()),
    };
    if let Err(error) = sent
        && error != Errno::SRCH
    {
        tracing::warn!(pid = process.pid, ?signal, %error, "process not signalled");
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn send(process: Identity, signal: Signal) {
    if let Some(pid) = pid(process.pid)
        && let Err(error) = rustix::process::kill_process(pid, signal.into())
    {
        tracing::debug!(?pid, %error, "process not signalled");
    }
}

/// Between two looks at a process whose end the system cannot announce.
const POLL: Duration = Duration::from_millis(20);

/// Waits until this process has ended, reaped or not.
async fn ended(process: Identity) {
    #[cfg(target_os = "linux")]
    match open(process) {
        Ok(None) => return,
        Ok(Some(pidfd)) => {
            if readable(pidfd).await.is_ok() {
                return;
            }
        }
        Err(error) => tracing::debug!(pid = process.pid, %error, "no pidfd, polling"),
    }
    while process.is_alive() {
        tokio::time::sleep(POLL).await;
    }
}

/// Waits until a pidfd is readable: its process has ended.
#[cfg(target_os = "linux")]
async fn readable(pidfd: std::os::fd::OwnedFd) -> std::io::Result<()> {
    use tokio::io::{Interest, unix::AsyncFd};

    #[expect(
        deprecated,
        reason = "sound for an `OwnedFd`, and its replacement is `unsafe`, which is forbidden"
    )]
    let pidfd = AsyncFd::with_interest(pidfd, Interest::READABLE)?;
    pidfd.readable().await.map(drop)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_later_process_with_the_same_pid_is_no_victim() {
        let mut child = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
        let identity = Identity::of(child.id());
        let earlier = Identity::new(identity.pid, identity.started - 1);
        assert!(identity.is_alive() && !earlier.is_alive());
        send(earlier, Signal::Kill);
        let mut tree = Tree::new(Some(earlier), None);
        tree.look_everywhere();
        assert!(tree.members().is_empty());
        // Had the first signal arrived, the child would report that one.
        send(identity, Signal::Terminate);
        use std::os::unix::process::ExitStatusExt;
        assert_eq!(child.wait().unwrap().signal(), Some(15));
        assert!(!identity.is_alive());
    }
}

//! The ladder by which a process tree ends: gently, then SIGTERM, then SIGKILL, until nobody is left.
//!
//! The tree is looked at before the first signal, because a dying parent takes the way to its children with it.

use std::time::Duration;

use tokio::time::{Instant, timeout, timeout_at};

use crate::orphans::reap;
use crate::tree::{Tree, send};
use crate::{Exit, Identity, Process, Signal};

/// How long each step of a stop may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ladder {
    /// What the leader is asked with first, and the time it gets; `None` begins with SIGTERM to the tree.
    pub gentle: Option<(Signal, Duration)>,
    /// Time the whole tree gets after SIGTERM.
    pub terminate: Duration,
    /// Time the kernel gets to carry out SIGKILL.
    pub kill: Duration,
}

impl Ladder {
    /// Returns the ladder that begins with `signal` to the leader.
    ///
    /// 5 s, because the slowest agent needs 1.6 s for an orderly end under SIGINT; then 2 s for the tree.
    #[must_use]
    pub const fn gently(signal: Signal) -> Self {
        Self { gentle: Some((signal, Duration::from_secs(5))), ..Self::TERMINATE }
    }

    /// SIGTERM to the whole tree at once, SIGKILL after 2 s.
    pub const TERMINATE: Self =
        Self { gentle: None, terminate: Duration::from_secs(2), kill: Duration::from_secs(2) };
}

/// The step at which the tree had ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Without any signal.
    OnItsOwn,
    /// By the gentle signal to the leader.
    Gentle,
    /// By SIGTERM.
    Terminate,
    /// By SIGKILL, as far as it did end.
    Kill,
}

/// What a stop did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StopReport {
    /// The highest step that was needed.
    pub stage: Stage,
    /// How the leader ended, if there was one and it did.
    pub exit: Option<Exit>,
    /// The processes that SIGKILL was sent to.
    pub killed: Vec<Identity>,
    /// Who is still there: held by the kernel, or another user's.
    pub survivors: Vec<Identity>,
}

/// Time a process gets to end by itself after it has said its last word.
pub const LINGER_GRACE: Duration = Duration::from_secs(10);

impl Process {
    /// Ends the process and everything below it. Safe to call twice, and while its output is being read; do go on
    /// reading, a child that cannot write cannot say goodbye.
    pub async fn stop(&self, ladder: &Ladder) -> StopReport {
        let mut tree = self.tree();
        if self.exit().is_some() {
            return self.finish(&mut tree, ladder, Stage::OnItsOwn).await;
        }
        tree.snapshot();
        let mut stage = Stage::OnItsOwn;
        if let Some((signal, patience)) = ladder.gentle {
            stage = Stage::Gentle;
            send(self.identity(), signal);
            tree.look_everywhere();
            // Its time over is not an error: the next step follows.
            timeout(patience, self.wait()).await.ok();
        }
        self.finish(&mut tree, ladder, stage).await
    }

    /// Waits `grace` ([`LINGER_GRACE`]) for a process that has said its last word to end; then asks it with the gentle signal, and if that
    /// doesn't help either, stops the whole tree. What an obedient one left running stays.
    pub async fn linger(&self, grace: Duration, ladder: &Ladder) -> StopReport {
        let over = |stage, exit| StopReport { stage, exit: Some(exit), killed: vec![], survivors: vec![] };
        if let Ok(exit) = timeout(grace, self.wait()).await {
            return over(Stage::OnItsOwn, exit);
        }
        let mut tree = self.tree();
        tree.snapshot();
        let (signal, patience) = ladder.gentle.unwrap_or((Signal::Terminate, ladder.terminate));
        send(self.identity(), signal);
        tree.look_everywhere();
        if let Ok(exit) = timeout(patience, self.wait()).await {
            return over(Stage::Gentle, exit);
        }
        self.finish(&mut tree, ladder, Stage::Gentle).await
    }

    async fn finish(&self, tree: &mut Tree, ladder: &Ladder, stage: Stage) -> StopReport {
        let mut report = end(tree, ladder, stage).await;
        if report.survivors.iter().all(|survivor| *survivor != self.identity()) {
            // Dead, so its keeper is about to say how; the bound is for a runtime that is being shut down.
            report.exit = timeout(ladder.kill, self.wait()).await.ok();
        }
        report
    }
}

/// Sends SIGTERM, then SIGKILL, to whoever is left of the tree after `stage`.
pub(crate) async fn end(tree: &mut Tree, ladder: &Ladder, stage: Stage) -> StopReport {
    let mut report = StopReport { stage, exit: None, killed: Vec::new(), survivors: Vec::new() };
    tree.look().await;
    let mut ever = tree.members().clone();
    if !tree.members().is_empty() {
        report.stage = Stage::Terminate;
        tree.signal(Signal::Terminate);
        timeout(ladder.terminate, tree.ended()).await.ok();
        tree.look().await;
    }
    let deadline = Instant::now() + ladder.kill;
    while !tree.members().is_empty() {
        report.stage = Stage::Kill;
        tree.freeze();
        ever.extend(tree.members());
        report.killed.extend(tree.members());
        tree.signal(Signal::Kill);
        let in_time = timeout_at(deadline, tree.ended()).await.is_ok();
        tree.look().await;
        if !in_time {
            break;
        }
    }
    for process in ever {
        reap(process.pid());
    }
    report.killed.sort_unstable();
    report.killed.dedup();
    report.survivors = tree.members().iter().copied().collect();
    report
}

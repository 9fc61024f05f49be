//! Who works in which directory, and who waits for it. Knows nothing of threads; lines are as short as
//! the overall limit, since only started runs claim.

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;

use crate::id::RunId;

/// A line of runs per directory; the first one has it.
#[derive(Debug, Default)]
pub(super) struct Directories {
    lines: HashMap<PathBuf, VecDeque<RunId>>,
    claimed: HashMap<RunId, PathBuf>,
}

impl Directories {
    /// Puts a run into the line for `dir`; `false` when it has claimed another one. Twice is once.
    pub(super) fn claim(&mut self, run: RunId, dir: PathBuf) -> bool {
        match self.claimed.get(&run) {
            Some(claimed) => *claimed == dir,
            None => {
                self.lines.entry(dir.clone()).or_default().push_back(run);
                self.claimed.insert(run, dir);
                true
            }
        }
    }

    /// Returns the run just before this one; `None` when it has its directory, or claimed none.
    pub(super) fn before(&self, run: RunId) -> Option<RunId> {
        let line = self.lines.get(self.claimed.get(&run)?)?;
        let index = line.iter().position(|other| *other == run)?;
        line.get(index.checked_sub(1)?).copied()
    }

    /// Forgets a run's claim and returns the run that has the directory in its place.
    pub(super) fn release(&mut self, run: RunId) -> Option<RunId> {
        let dir = self.claimed.remove(&run)?;
        let line = self.lines.get_mut(&dir)?;
        let had = line.front() == Some(&run);
        line.retain(|other| *other != run);
        let next = line.front().copied();
        if line.is_empty() {
            self.lines.remove(&dir);
        }
        next.filter(|_| had)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.lines.len() + self.claimed.len()
    }
}

//! What the queue must do, in lists that are searched anew each time. Slow, and plain enough to believe.

use std::collections::BTreeSet;

use super::super::{Bound, Claim, Released};
use crate::id::RunId;
use crate::session::{Session, ThreadKey};

/// The same rules with nothing but lists, read off anew each time.
#[derive(Default)]
pub(super) struct Model {
    pub(super) limit: usize,
    /// Keys that are one thread. Never forgotten.
    pub(super) threads: Vec<Vec<ThreadKey>>,
    /// In the order of places; the flag says whether it runs.
    pub(super) runs: Vec<(RunId, ThreadKey, bool)>,
    pub(super) held: Vec<(RunId, Session)>,
    pub(super) passed: Vec<(RunId, Session)>,
    pub(super) dirs: Vec<(RunId, u8)>,
}

impl Model {
    pub(super) fn thread(&mut self, key: &ThreadKey) -> usize {
        if let Some(index) = self.threads.iter().position(|keys| keys.contains(key)) {
            return index;
        }
        self.threads.push(vec![key.clone()]);
        self.threads.len() - 1
    }

    pub(super) fn same(&mut self, one: &ThreadKey, other: &ThreadKey) -> bool {
        self.thread(one) == self.thread(other)
    }

    pub(super) fn unite(&mut self, one: &ThreadKey, other: &ThreadKey) {
        if !self.same(one, other) {
            let index = self.thread(one);
            let keys = self.threads.remove(index);
            let into = self.thread(other);
            self.threads[into].extend(keys);
        }
    }

    pub(super) fn key(&self, run: RunId) -> ThreadKey {
        self.runs.iter().find(|known| known.0 == run).unwrap().1.clone()
    }

    pub(super) fn runner(&mut self, key: &ThreadKey) -> Option<RunId> {
        let running: Vec<_> = self.runs.iter().filter(|run| run.2).cloned().collect();
        running.into_iter().find(|run| self.same(&run.1, key)).map(|run| run.0)
    }

    pub(super) fn start(&mut self) -> Vec<RunId> {
        let mut started = Vec::new();
        for index in 0..self.runs.len() {
            let (run, key, runs) = self.runs[index].clone();
            let full = self.runs.iter().filter(|run| run.2).count() >= self.limit;
            if !full && !runs && self.runner(&key).is_none() {
                self.runs[index].2 = true;
                started.push(run);
            }
        }
        started
    }

    pub(super) fn before(&self, run: RunId) -> Option<RunId> {
        let index = self.dirs.iter().position(|claim| claim.0 == run)?;
        self.dirs[..index].iter().rev().find(|claim| claim.1 == self.dirs[index].1).map(|claim| claim.0)
    }

    pub(super) fn reaches(&mut self, from: RunId, to: RunId) -> bool {
        let mut seen = BTreeSet::new();
        let mut open = vec![from];
        while let Some(run) = open.pop() {
            if seen.insert(run) {
                open.extend(self.before(run));
                let wanted: Vec<_> = self.held.iter().filter(|held| held.0 == run).cloned().collect();
                open.extend(wanted.into_iter().filter_map(|held| self.runner(&ThreadKey::Token(held.1))));
            }
        }
        seen.contains(&to)
    }

    pub(super) fn bind(&mut self, run: RunId, session: Session) -> Bound {
        self.held.retain(|held| held.0 != run);
        let (own, token) = (self.key(run), ThreadKey::Token(session.clone()));
        if self.before(run).is_some() {
            return Bound::Unknown;
        }
        match self.runner(&token) {
            Some(by) if by != run => {
                self.passed.retain(|passed| passed.0 != run);
                if self.reaches(by, run) {
                    self.passed.push((run, session));
                    return Bound::Crossed { by };
                }
                self.held.push((run, session));
                Bound::Held { by }
            }
            _ => {
                self.passed.retain(|passed| passed.0 != run);
                self.unite(&own, &token);
                Bound::Bound
            }
        }
    }

    pub(super) fn claim(&mut self, run: RunId, dir: u8) -> Claim {
        if self.held.iter().any(|held| held.0 == run) {
            return Claim::Refused;
        }
        match self.dirs.iter().find(|claim| claim.0 == run) {
            Some(claim) if claim.1 != dir => return Claim::Refused,
            Some(_) => {}
            None => self.dirs.push((run, dir)),
        }
        let Some(behind) = self.before(run) else { return Claim::Granted };
        let mut passed = None;
        for (other, session) in self.held.clone() {
            let for_run = self.runner(&ThreadKey::Token(session.clone())) == Some(run);
            if for_run && self.reaches(run, other) {
                self.held.retain(|held| held.0 != other);
                self.passed.push((other, session));
                assert_eq!(passed.replace(other), None);
            }
        }
        Claim::Waiting { behind, passed }
    }

    pub(super) fn finish(&mut self, run: RunId) -> Vec<Released> {
        let key = self.key(run);
        let mut released = Vec::new();
        self.held.retain(|held| held.0 != run);
        let waited_here = |model: &mut Self| {
            let held = model.held.clone();
            held.into_iter().find(|held| model.same(&key, &ThreadKey::Token(held.1.clone())))
        };
        let next = waited_here(self);
        self.runs.retain(|known| known.0 != run);
        if let Some((next, session)) = next {
            self.held.retain(|held| held.0 != next);
            let own = self.key(next);
            self.unite(&own, &ThreadKey::Token(session));
            released.push(Released::Bound(next));
        }
        if let Some(at) = self.passed.iter().position(|passed| passed.0 == run) {
            let token = ThreadKey::Token(self.passed.remove(at).1);
            if self.runner(&key).is_none() || self.runner(&token).is_none() {
                self.unite(&key, &token);
            }
        }
        let owned = self.before(run).is_none();
        let dir = self.dirs.iter().position(|claim| claim.0 == run).map(|index| self.dirs.remove(index).1);
        let heir = self.dirs.iter().find(|claim| owned && Some(claim.1) == dir).map(|claim| claim.0);
        released.extend(heir.map(Released::Dir));
        released.extend(self.start().into_iter().map(Released::Start));
        released
    }

    pub(super) fn check(&mut self) {
        let running: Vec<_> = self.runs.iter().filter(|run| run.2).cloned().collect();
        let threads: BTreeSet<_> = running.iter().map(|run| self.thread(&run.1)).collect();
        assert_eq!(threads.len(), running.len(), "two runs of one thread");
        for (run, _, _) in running {
            for step in [self.before(run), self.held.iter().find(|held| held.0 == run).map(|held| held.0)] {
                assert!(step.is_none_or(|step| step == run || !self.reaches(step, run)), "a ring of waits");
            }
        }
    }
}

//! What the ledger in memory keeps of a chat, and how that goes.

use super::{Fate, InboxEntry, Placed, State};
use crate::id::RunId;
use crate::message::{Address, Inbound};
use crate::port::ledger::{OutboxRow, Remembered, RunRow, RunState};
use crate::session::{Scope, Session};

/// Returns whether an address lies in a chat or thread; a chat's threads do.
fn lies_in(scope: &Address, address: &Address) -> bool {
    *address == *scope || (scope.thread.is_none() && address.whole_chat() == *scope)
}

impl State {
    pub(super) fn remembered(&self, scope: &Address) -> Remembered {
        let inbox = self.inbox.values().filter(|entry| self.goes_inbound(scope, entry));
        let pending = self
            .inbox
            .values()
            .filter(|entry| entry.fate == Fate::Pending && lies_in(scope, entry.inbound.address()));
        let open = self
            .runs
            .iter()
            .filter(|run| run.row.state != RunState::Ended && lies_in(scope, &run.row.opened.address));
        let owed = self.outbox.values().filter(|post| !post.row.closed && lies_in(scope, &post.row.post.to));
        Remembered {
            messages: inbox
                .filter(|it| matches!(it.inbound, Inbound::Message(_) | Inbound::Invoke(_)))
                .count() as u64,
            runs: self.runs.iter().filter(|run| self.goes_run(scope, &run.row)).count() as u64,
            posts: self.outbox.values().filter(|post| self.goes_post(scope, &post.row)).count() as u64,
            sessions: self.sessions.keys().filter(|session| self.goes_session(scope, session)).count() as u64,
            unfinished: (pending.count() + open.count() + owed.count()) as u64,
        }
    }

    pub(super) fn forget(&mut self, scope: &Address) -> Remembered {
        let gone = self.remembered(scope);
        let sessions: Vec<Session> =
            self.sessions.keys().filter(|session| self.goes_session(scope, session)).cloned().collect();
        let posts: Vec<i64> = self
            .outbox
            .values()
            .filter(|post| self.goes_post(scope, &post.row))
            .map(|post| post.row.id.0)
            .collect();
        let inbox: Vec<i64> = self
            .inbox
            .iter()
            .filter(|(_, entry)| self.goes_inbound(scope, entry))
            .map(|(id, _)| *id)
            .collect();
        let runs: Vec<RunId> = self
            .runs
            .iter()
            .filter(|run| self.goes_run(scope, &run.row))
            .map(|run| run.row.opened.id)
            .collect();
        let mut scopes: Vec<Scope> = self.conversations.keys().map(|(at, _)| at.clone()).collect();
        scopes.extend(self.generations.keys().cloned());
        scopes.push(Scope::from(scope.clone()));
        scopes.retain(|at| lies_in(scope, &at.address));
        scopes.sort();
        scopes.dedup();
        for at in &scopes {
            self.renew(at);
        }
        for id in inbox {
            if let Some(InboxEntry { inbound, at, .. }) = self.inbox.remove(&id) {
                let key = (inbound.address().instance.clone(), inbound.upstream().to_owned());
                self.forgotten.insert(key, (id, at));
            }
        }
        posts.iter().for_each(|id| drop(self.outbox.remove(id)));
        self.runs.retain(|Placed { row, .. }| !runs.contains(&row.opened.id));
        self.messages.retain(|_, run| !runs.contains(run));
        self.questions.retain(|row| !runs.contains(&row.run));
        sessions.iter().for_each(|session| drop(self.sessions.remove(session)));
        gone
    }

    fn goes_run(&self, scope: &Address, row: &RunRow) -> bool {
        let owes = |post: &Placed<OutboxRow>| !post.row.closed && post.row.post.run == Some(row.opened.id);
        row.state == RunState::Ended && lies_in(scope, &row.opened.address) && !self.outbox.values().any(owes)
    }

    fn goes_inbound(&self, scope: &Address, entry: &InboxEntry) -> bool {
        match entry.fate {
            Fate::Pending => false,
            Fate::Settled(_) => lies_in(scope, entry.inbound.address()),
            Fate::Run(run) => self.run(run).is_some_and(|run| self.goes_run(scope, &run.row)),
        }
    }

    fn goes_post(&self, scope: &Address, row: &OutboxRow) -> bool {
        let stays = |run: RunId| self.run(run).is_some_and(|run| !self.goes_run(scope, &run.row));
        let revised = |other: &Placed<OutboxRow>| !other.row.closed && other.row.post.revises == Some(row.id);
        row.closed
            && lies_in(scope, &row.post.to)
            && !row.post.run.is_some_and(stays)
            && !self.outbox.values().any(revised)
    }

    /// Returns whether a session is named here and nowhere that stays.
    fn goes_session(&self, scope: &Address, session: &Session) -> bool {
        let of_run = |row: &RunRow| {
            row.opened.engine == session.engine && row.opened.session.as_ref() == Some(&session.token)
        };
        let mut runs = self.runs.iter().filter(|run| of_run(&run.row));
        let (of_gone, of_others) = self
            .conversations
            .iter()
            .filter(|(_, named)| *named == session)
            .map(|((at, _), _)| lies_in(scope, &at.address))
            .fold((false, false), |(gone, others), here| (gone || here, others || !here));
        let run_goes = runs.clone().any(|run| self.goes_run(scope, &run.row));
        (of_gone || run_goes) && !of_others && runs.all(|run| self.goes_run(scope, &run.row))
    }
}

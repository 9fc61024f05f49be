//! The writing half of the ledger in memory.

use super::{Fate, InboxEntry, Placed, State, key_of};
use crate::id::RunId;
use crate::message::Inbound;
use crate::port::ledger::{
    Accepted, EndRun, InboxId, LedgerError, OpenRun, OutboxId, OutboxRow, PartState, Post, QuestionRow,
    RunNote, RunRow, RunState, Settled,
};
use crate::session::{Generation, Scope};
use crate::time::Timestamp;

impl State {
    pub(super) fn accept(&mut self, inbound: &Inbound, at: Timestamp) -> Accepted {
        let same = |entry: &InboxEntry| {
            entry.inbound.upstream() == inbound.upstream()
                && entry.inbound.address().instance == inbound.address().instance
        };
        if let Some((id, _)) = self.inbox.iter().find(|(_, entry)| same(entry)) {
            return Accepted::Duplicate(InboxId(*id));
        }
        let key = (inbound.address().instance.clone(), inbound.upstream().to_owned());
        if let Some((id, _)) = self.forgotten.get(&key) {
            return Accepted::Duplicate(InboxId(*id));
        }
        self.last_inbox += 1;
        self.inbox.insert(self.last_inbox, InboxEntry { inbound: inbound.clone(), at, fate: Fate::Pending });
        Accepted::New(InboxId(self.last_inbox))
    }

    pub(super) fn settle(&mut self, inbox: &[InboxId], how: Settled) {
        for id in inbox {
            if let Some(entry) = self.pending(*id) {
                entry.fate = Fate::Settled(how);
            }
        }
    }

    pub(super) fn amend(&mut self, inbox: InboxId, text: &str) -> bool {
        match self.pending(inbox).map(|entry| &mut entry.inbound) {
            Some(Inbound::Message(message) | Inbound::Edited(message)) => {
                text.clone_into(&mut message.text);
                true
            }
            _ => false,
        }
    }

    pub(super) fn open(&mut self, run: &OpenRun) -> Result<(), LedgerError> {
        if self.run(run.id).is_some() {
            return Err(LedgerError::new("open a run", format!("run {} was opened before", run.id)));
        }
        if let Some(id) = run.inbox.iter().find(|id| self.pending(**id).is_none()) {
            let reason = format!("message {} is dealt with or not known", id.0);
            return Err(LedgerError::new("open a run", reason));
        }
        let place = run.inbox.last().map_or_else(|| self.place(&run.address), |id| id.0);
        for id in &run.inbox {
            let Some(entry) = self.pending(*id) else { continue };
            entry.fate = Fate::Run(run.id);
            if let Inbound::Message(message) | Inbound::Edited(message) = &entry.inbound {
                let key = key_of(&message.message);
                self.messages.insert(key, run.id);
            }
        }
        let row = RunRow {
            opened: run.clone(),
            state: RunState::Open,
            outcome: None,
            answer: None,
            progress: None,
            handle: None,
            usage: None,
            steps: 0,
            actions: Vec::new(),
            ended_at: None,
        };
        self.runs.push(Placed { place, row });
        Ok(())
    }

    pub(super) fn note(&mut self, run: RunId, note: &RunNote) -> Result<(), LedgerError> {
        let row = self.known_run("note a run", run)?;
        if let Some(session) = &note.session {
            row.opened.session = Some(session.session.token.clone());
        }
        if let Some(handle) = &note.handle {
            row.handle = Some(handle.clone());
        }
        if let Some(progress) = &note.progress {
            row.progress = Some(progress.clone());
        }
        if let Some(dir) = &note.dir {
            row.opened.dir = Some(dir.clone());
        }
        if let Some(progress) = &note.progress {
            self.messages.insert(key_of(progress), run);
        }
        let Some(row) = &note.session else { return Ok(()) };
        self.sessions.insert(row.session.clone(), row.clone());
        if let Some((scope, generation)) = &note.conversation
            && *generation == self.generation(scope)
        {
            self.conversations.insert((scope.clone(), row.session.engine.clone()), row.session.clone());
        }
        Ok(())
    }

    pub(super) fn answer(
        &mut self,
        run: RunId,
        answer: &str,
        post: Vec<Post>,
        at: Timestamp,
    ) -> Result<Vec<OutboxId>, LedgerError> {
        let row = self.living_run("store an answer", run)?;
        row.answer = Some(answer.to_owned());
        row.state = RunState::Answered;
        Ok(post.into_iter().map(|post| self.post(post, at)).collect())
    }

    pub(super) fn end(&mut self, end: EndRun) -> Result<Vec<OutboxId>, LedgerError> {
        let row = self.living_run("end a run", end.id)?;
        row.state = RunState::Ended;
        row.outcome = Some(end.outcome);
        row.answer = Some(end.answer);
        row.usage = end.usage;
        row.steps = end.steps;
        row.actions = end.actions;
        row.ended_at = Some(end.ended_at);
        Ok(end.post.into_iter().map(|post| self.post(post, end.ended_at)).collect())
    }

    pub(super) fn post(&mut self, post: Post, at: Timestamp) -> OutboxId {
        self.last_outbox += 1;
        let id = OutboxId(self.last_outbox);
        let place = self.place(&post.to);
        let states = vec![PartState::Waiting; post.parts.len()];
        let row = OutboxRow { id, posted_at: at, post, states, closed: false };
        self.outbox.insert(id.0, Placed { place, row });
        id
    }

    pub(super) fn mark(&mut self, id: OutboxId, part: usize, state: &PartState) -> Result<(), LedgerError> {
        let row = self.known_post("mark a post", id)?;
        let Some(slot) = row.states.get_mut(part) else {
            return Err(LedgerError::new("mark a post", format!("post {} has no part {part}", id.0)));
        };
        slot.clone_from(state);
        if let (PartState::Sent { message, .. }, Some(run)) = (state, row.post.run) {
            self.messages.insert(key_of(message), run);
        }
        Ok(())
    }

    pub(super) fn close_post(&mut self, id: OutboxId) -> Result<(), LedgerError> {
        self.known_post("close a post", id)?.closed = true;
        Ok(())
    }

    pub(super) fn renew(&mut self, scope: &Scope) -> Generation {
        self.conversations.retain(|(at, _), _| at != scope);
        let generation = self.generations.entry(scope.clone()).or_default();
        *generation += 1;
        *generation
    }

    pub(super) fn question(&mut self, row: &QuestionRow) -> Result<(), LedgerError> {
        self.known_run("store a question", row.run)?;
        let same = |known: &&mut QuestionRow| known.run == row.run && known.question.key == row.question.key;
        match self.questions.iter_mut().find(same) {
            Some(known) => {
                known.question.clone_from(&row.question);
                known.answer = row.answer.clone().or(known.answer.take());
            }
            None => self.questions.push(row.clone()),
        }
        Ok(())
    }

    pub(super) fn sweep(&mut self, before: Timestamp) -> u64 {
        let owed: Vec<RunId> = self
            .outbox
            .values()
            .filter(|post| !post.row.closed)
            .filter_map(|post| post.row.post.run)
            .collect();
        let count = |state: &Self| state.inbox.len() + state.runs.len() + state.outbox.len();
        let had = count(self);
        self.runs.retain(|run| {
            let over = run.row.ended_at.is_some_and(|at| at < before);
            !over || owed.contains(&run.row.opened.id)
        });
        self.outbox.retain(|_, post| !post.row.closed || post.row.posted_at >= before);
        let alive: Vec<RunId> = self.runs.iter().map(|run| run.row.opened.id).collect();
        self.inbox.retain(|_, entry| match entry.fate {
            Fate::Pending => true,
            Fate::Settled(_) => entry.at >= before,
            Fate::Run(run) => alive.contains(&run),
        });
        self.forgotten.retain(|_, (_, at)| *at >= before);
        self.messages.retain(|_, run| alive.contains(run));
        self.questions.retain(|row| alive.contains(&row.run));
        (had - count(self)) as u64
    }

    fn pending(&mut self, id: InboxId) -> Option<&mut InboxEntry> {
        self.inbox.get_mut(&id.0).filter(|entry| entry.fate == Fate::Pending)
    }

    fn known_run(&mut self, attempt: &'static str, id: RunId) -> Result<&mut RunRow, LedgerError> {
        let found = self.runs.iter_mut().find(|run| run.row.opened.id == id);
        let unknown = || LedgerError::new(attempt, format!("run {id} is not known"));
        found.map(|run| &mut run.row).ok_or_else(unknown)
    }

    fn living_run(&mut self, attempt: &'static str, id: RunId) -> Result<&mut RunRow, LedgerError> {
        let row = self.known_run(attempt, id)?;
        if row.state == RunState::Ended {
            return Err(LedgerError::new(attempt, format!("run {id} is over")));
        }
        Ok(row)
    }

    fn known_post(&mut self, attempt: &'static str, id: OutboxId) -> Result<&mut OutboxRow, LedgerError> {
        let unknown = || LedgerError::new(attempt, format!("post {} is not known", id.0));
        self.outbox.get_mut(&id.0).map(|post| &mut post.row).ok_or_else(unknown)
    }
}

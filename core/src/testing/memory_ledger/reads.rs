//! The reading half of the ledger in memory.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

use super::{Fate, InboxEntry, Placed, State, key_of};
use crate::id::{InstanceId, RunId};
use crate::message::{Address, Inbound};
use crate::port::ledger::{
    Conversation, FactsQuery, InboxId, OutboxRow, PartState, PendingInbound, PostKind, Preference,
    PreferenceKey, RunRow, RunState, SESSION_RUNS, Said, SessionOfChat, Settled, StoredFacts, Unfinished,
};
use crate::session::{Generation, Scope, Session, SessionRow};
use crate::time::Timestamp;

impl State {
    pub(super) fn run(&self, id: RunId) -> Option<&Placed<RunRow>> {
        self.runs.iter().find(|run| run.row.opened.id == id)
    }

    pub(super) fn generation(&self, scope: &Scope) -> Generation {
        self.generations.get(scope).copied().unwrap_or_default()
    }

    /// Returns the latest inbound of an address, or 0.
    pub(super) fn place(&self, address: &Address) -> i64 {
        let here =
            |(id, entry): (&i64, &super::InboxEntry)| (entry.inbound.address() == address).then_some(*id);
        self.inbox.iter().rev().find_map(here).unwrap_or(0)
    }

    pub(super) fn unfinished(&self) -> Unfinished {
        let pending = self.inbox.iter().filter(|(_, entry)| entry.fate == Fate::Pending);
        let runs = self.runs.iter().filter(|run| run.row.state != RunState::Ended);
        let outbox = self.outbox.values().filter(|post| !post.row.closed);
        Unfinished {
            inbox: pending
                .map(|(id, entry)| PendingInbound {
                    id: InboxId(*id),
                    accepted_at: entry.at,
                    inbound: entry.inbound.clone(),
                })
                .collect(),
            runs: runs.map(|run| run.row.clone()).collect(),
            outbox: outbox.map(|post| after_a_crash(post.row.clone())).collect(),
        }
    }

    pub(super) fn facts(&self, query: &FactsQuery) -> StoredFacts {
        let about = query.about.as_ref().map(key_of);
        let run = about.as_ref().and_then(|key| self.messages.get(key)).and_then(|run| self.run(*run));
        let pending = self.inbox.iter().rev().find_map(|(id, entry)| {
            let Inbound::Message(message) = &entry.inbound else { return None };
            let same = entry.fate == Fate::Pending && Some(key_of(&message.message)) == about;
            same.then_some(InboxId(*id))
        });
        let of_run = || {
            let opened = &run?.row.opened;
            Some(Session { engine: opened.engine.clone(), token: opened.session.clone()? })
        };
        let session = query.session.clone().or_else(of_run);
        let address = &query.scope.address;
        let mut scopes = vec![address.clone()];
        if address.thread.is_some() {
            scopes.push(address.whole_chat());
        }
        let of_session = |row: &SessionRow| {
            let Session { engine, token } = &row.session;
            self.runs.iter().rposition(|run| {
                run.row.opened.engine == *engine && run.row.opened.session.as_ref() == Some(token)
            })
        };
        let running = self.conversations.iter().filter(|((scope, _), _)| *scope == query.scope);
        let mut conversations: Vec<SessionRow> =
            running.filter_map(|(_, session)| self.sessions.get(session).cloned()).collect();
        conversations.sort_by_cached_key(|row| (Reverse(of_session(row)), row.session.engine.clone()));
        StoredFacts {
            run: run.map(|run| run.row.clone()),
            pending,
            session: session.and_then(|session| self.sessions.get(&session).cloned()),
            preferences: scopes.iter().flat_map(|scope| self.preferences_of(scope)).collect(),
            conversations,
            generation: self.generation(&query.scope),
        }
    }

    fn preferences_of(&self, scope: &Address) -> impl Iterator<Item = Preference> {
        self.preferences.iter().filter(move |((at, _, _), _)| at == scope).map(
            |((scope, key, engine), value)| Preference {
                scope: scope.clone(),
                key: *key,
                engine: engine.clone(),
                value: value.clone(),
            },
        )
    }

    pub(super) fn preferences_of_threads(&self, chat: &Address, key: PreferenceKey) -> Vec<Preference> {
        let scopes: BTreeSet<&Address> = self.preferences.keys().map(|(scope, _, _)| scope).collect();
        let threads =
            scopes.into_iter().filter(|scope| scope.thread.is_some() && scope.whole_chat() == *chat);
        let rows = threads.flat_map(|scope| self.preferences_of(scope));
        rows.filter(|row| row.key == key && row.engine.is_none()).collect()
    }

    pub(super) fn preferences_at(&self, instance: &InstanceId) -> Vec<Preference> {
        let scopes: BTreeSet<&Address> = self.preferences.keys().map(|(scope, _, _)| scope).collect();
        let here = scopes.into_iter().filter(|scope| scope.instance == *instance);
        here.flat_map(|scope| self.preferences_of(scope)).filter(|row| row.engine.is_none()).collect()
    }

    pub(super) fn history(&self, address: &Address, before: Option<InboxId>, limit: usize) -> Vec<Said> {
        let inbounds =
            self.inbox.iter().filter(|(_, entry)| is_said(entry) && entry.inbound.address() == address);
        let inbounds = inbounds.map(|(id, entry)| {
            let run = if let Fate::Run(run) = entry.fate { Some(run) } else { None };
            let said = Said::Inbound {
                id: InboxId(*id),
                inbound: Box::new(entry.inbound.clone()),
                at: entry.at,
                run,
            };
            (*id, said)
        });
        let runs = self.runs.iter().filter(|run| run.row.opened.address == *address);
        let runs = runs.map(|run| (run.place, Said::Run(Box::new(run.row.clone()))));
        let posts = self.outbox.values().filter(|post| {
            let finals = post.row.post.kind == PostKind::Final && post.row.post.run.is_some();
            post.row.post.to == *address && !finals
        });
        let posts = posts.map(|post| (post.place, Said::Post(Box::new(post.row.clone()))));
        let older = |(place, _): &(i64, Said)| before.is_none_or(|before| *place < before.0);
        let mut said: Vec<(i64, Said)> = inbounds.chain(runs).chain(posts).filter(older).collect();
        said.sort_by_key(|(place, _)| *place);
        page(said, limit)
    }

    pub(super) fn sessions_of(&self, address: &Address, limit: usize) -> Vec<SessionOfChat> {
        let is_here = |at: &Address| at == address || at.whole_chat() == *address;
        let runs = self.runs.iter().rev().map(|run| &run.row.opened).filter(|run| is_here(&run.address));
        let runs = runs.filter_map(|run| {
            let (engine, token) = (run.engine.clone(), run.session.clone()?);
            Some((Session { engine, token }, run.prompt.clone(), run.opened_at))
        });
        SessionOfChat::of_runs(runs.take(SESSION_RUNS), limit)
    }

    pub(super) fn list_conversations(&self, instance: &InstanceId, limit: usize) -> Vec<Conversation> {
        let mut known: HashMap<&Address, (String, Timestamp)> = HashMap::new();
        for entry in self.inbox.values().filter(|entry| entry.inbound.address().instance == *instance) {
            let text = match &entry.inbound {
                Inbound::Message(message) => message.text.as_str(),
                Inbound::Invoke(_) => "",
                _ => continue,
            };
            let (title, at) = known.entry(entry.inbound.address()).or_default();
            if title.is_empty() {
                *title = Conversation::title_from(text);
            }
            *at = entry.at.max(*at);
        }
        for post in self.outbox.values() {
            if let Some((_, at)) = known.get_mut(&post.row.post.to) {
                *at = post.row.posted_at.max(*at);
            }
        }
        let mut list: Vec<Conversation> = known
            .into_iter()
            .map(|(address, (title, last_at))| Conversation { address: address.clone(), title, last_at })
            .collect();
        list.sort_by(|a, b| b.last_at.cmp(&a.last_at).then_with(|| a.address.cmp(&b.address)));
        list.truncate(limit);
        list
    }
}

/// Returns whether history shows an inbound: people's words, and whatever a run answers.
fn is_said(entry: &InboxEntry) -> bool {
    match entry.fate {
        Fate::Run(_) => true,
        Fate::Settled(Settled::Ignored) => false,
        _ => matches!(entry.inbound, Inbound::Message(_) | Inbound::Invoke(_)),
    }
}

/// Reads tries that were under way as tries of unknown outcome.
fn after_a_crash(mut row: OutboxRow) -> OutboxRow {
    for state in &mut row.states {
        if let PartState::Trying { unknown } = state {
            *state = PartState::Unknown { unknown: *unknown + 1 };
        }
    }
    row
}

/// Cuts the last page off what was said, so that an inbound comes first.
fn page(mut said: Vec<(i64, Said)>, limit: usize) -> Vec<Said> {
    let is_inbound = |it: &(i64, Said)| matches!(it.1, Said::Inbound { .. });
    let cut = said.len().saturating_sub(limit);
    if cut > 0 && limit > 0 {
        let (older, page) = said.split_at(cut);
        if let Some(first) = page.iter().position(is_inbound) {
            said.drain(..cut + first);
        } else if let Some(first) = older.iter().rposition(is_inbound) {
            said.drain(first + 1..=cut);
            said.drain(..first);
        } else {
            said.drain(..cut);
        }
    } else {
        said.drain(..cut);
    }
    said.into_iter().map(|it| it.1).collect()
}

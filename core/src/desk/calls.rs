//! The calls of commands under way: who can be stopped, by which messages they are known.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use super::Shared;
use crate::id::CommandId;
use crate::message::{Address, MessageRef};
use crate::port::command::{CallId, CallSummary};
use crate::port::ledger::{OutboxId, PartState};

/// Posts of one call by which it can be found, at most: of one that says more, the latest.
const KNOWN_POSTS: usize = 64;

/// The calls under way.
#[derive(Debug, Default)]
pub(super) struct Calls {
    last: AtomicU64,
    under_way: Arc<Mutex<BTreeMap<CallId, Arc<LiveCall>>>>,
}

/// Keeps a call among those under way; forgets it when it is dropped.
pub(super) struct UnderWay {
    under_way: Arc<Mutex<BTreeMap<CallId, Arc<LiveCall>>>>,
    call: Arc<LiveCall>,
}

impl UnderWay {
    /// Returns the call.
    pub(super) fn call(&self) -> Arc<LiveCall> {
        self.call.clone()
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        lock(&self.under_way).remove(&self.call.id);
    }
}

/// One call under way.
#[derive(Debug)]
pub(super) struct LiveCall {
    pub(super) id: CallId,
    command: CommandId,
    message: MessageRef,
    /// Fires when it is to end.
    pub(super) stop: CancellationToken,
    posts: Mutex<Vec<OutboxId>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Calls {
    /// Notes a call; it is under way until what this returns is dropped.
    pub(super) fn begin(&self, command: &CommandId, message: &MessageRef) -> UnderWay {
        let id = CallId(self.last.fetch_add(1, Ordering::Relaxed));
        let (command, message) = (command.clone(), message.clone());
        let stop = CancellationToken::new();
        let call = Arc::new(LiveCall { id, command, message, stop, posts: Mutex::default() });
        lock(&self.under_way).insert(id, call.clone());
        UnderWay { under_way: self.under_way.clone(), call }
    }

    /// Returns whether a call is under way.
    pub(super) fn has(&self, call: CallId) -> bool {
        lock(&self.under_way).contains_key(&call)
    }

    /// Returns the commands that are called, oldest call first.
    pub(super) fn commands(&self) -> Vec<CommandId> {
        lock(&self.under_way).values().map(|call| call.command.clone()).collect()
    }

    /// Signals a call of that chat to stop; returns whether it was under way.
    pub(super) fn stop(&self, call: CallId, at: &Address) -> bool {
        let call = lock(&self.under_way).get(&call).filter(|call| call.message.address == *at).cloned();
        call.inspect(|call| call.stop.cancel()).is_some()
    }

    fn at(&self, address: &Address) -> Vec<Arc<LiveCall>> {
        lock(&self.under_way).values().filter(|call| call.message.address == *address).cloned().collect()
    }
}

impl LiveCall {
    /// Notes that it has said something.
    pub(super) fn said(&self, post: OutboxId) {
        let mut posts = lock(&self.posts);
        if posts.len() == KNOWN_POSTS {
            posts.remove(0);
        }
        posts.push(post);
    }

    async fn summary(&self, desk: &Shared) -> CallSummary {
        let posts = lock(&self.posts).clone();
        let mut messages = vec![self.message.clone()];
        for post in posts {
            match desk.ledger.outbox(post).await {
                Ok(row) => messages.extend(row.into_iter().flat_map(|row| row.states).filter_map(sent)),
                Err(error) => tracing::warn!(%error, "it is not known where a command's message stands"),
            }
        }
        CallSummary { id: self.id, command: self.command.clone(), messages }
    }
}

fn sent(state: PartState) -> Option<MessageRef> {
    match state {
        PartState::Sent { message, .. } => Some(message),
        _ => None,
    }
}

/// Returns the calls under way at an address but for one, oldest first.
pub(super) async fn others(desk: &Shared, address: &Address, but: CallId) -> Vec<CallSummary> {
    let mut summaries = Vec::new();
    for call in desk.calls.at(address).into_iter().filter(|call| call.id != but) {
        summaries.push(call.summary(desk).await);
    }
    summaries
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::InstanceId;

    #[test]
    fn a_call_that_never_gets_to_run_is_forgotten_too() {
        let calls = Calls::default();
        let address =
            Address { instance: InstanceId::parse("local").unwrap(), chat: "1".to_owned(), thread: None };
        let message = MessageRef { address, id: "1".to_owned() };
        let under_way = calls.begin(&CommandId::parse("help").unwrap(), &message);
        let id = under_way.call().id;
        assert!(calls.has(id));
        drop(under_way);
        assert!(!calls.has(id));
    }
}

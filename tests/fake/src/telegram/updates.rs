//! The queue of updates, and what a poll gets out of it.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Value, json};

use super::params::{Params, Refusal, bad};

/// Kinds of updates that only come when asked for by name: Telegram Bot API, `getUpdates`.
const ON_DEMAND: [&str; 3] = ["chat_member", "message_reaction", "message_reaction_count"];

/// Updates a poll gets at most: Telegram Bot API, `getUpdates`.
const MAX_BATCH: i64 = 100;

#[derive(Debug, Clone)]
struct Queued {
    id: i64,
    update: Value,
    /// Comes once whatever the offset is.
    again: bool,
}

/// Updates that wait to be confirmed.
#[derive(Debug)]
pub(super) struct Updates {
    next: i64,
    pending: VecDeque<Queued>,
    /// Every update ever queued, to send it again.
    past: BTreeMap<i64, Value>,
    /// The kinds that the bot asked for; it stays until it asks otherwise.
    allowed: Vec<String>,
    /// While set, polls find nothing.
    pub(super) held: bool,
    /// Counts polls: the newest one is the only one that may wait.
    pub(super) newest_poll: u64,
    /// The poll that is to be broken off.
    pub(super) broken_poll: u64,
}

impl Default for Updates {
    fn default() -> Self {
        Self {
            next: 700_001,
            pending: VecDeque::new(),
            past: BTreeMap::new(),
            allowed: Vec::new(),
            held: false,
            newest_poll: 0,
            broken_poll: 0,
        }
    }
}

impl Updates {
    /// Queues what happened; nothing, if the bot doesn't want this kind. Returns the id it has or would have had.
    pub(super) fn push(&mut self, kind: &str, body: Value) -> i64 {
        let id = self.next;
        self.next += 1;
        let wanted = match self.allowed.is_empty() {
            true => !ON_DEMAND.contains(&kind),
            false => self.allowed.iter().any(|allowed| allowed == kind),
        };
        if wanted {
            let update = json!({"update_id": id, kind: body});
            self.past.insert(id, update.clone());
            self.pending.push_back(Queued { id, update, again: false });
        }
        id
    }

    /// Queues an update once more, under its id or as a new one; tells the id, if there was such an update.
    pub(super) fn again(&mut self, id: i64, fresh: bool) -> Option<i64> {
        let mut update = self.past.get(&id)?.clone();
        let id = if fresh { self.next } else { id };
        self.next = self.next.max(id + 1);
        update["update_id"] = id.into();
        self.past.insert(id, update.clone());
        self.pending.push_back(Queued { id, update, again: !fresh });
        Some(id)
    }

    /// Takes what a poll says: what it has seen and what it wants. Returns how many it takes.
    pub(super) fn heed(&mut self, params: &Params) -> Result<usize, Refusal> {
        if let Some(allowed) = params.object("allowed_updates")? {
            self.allowed = serde_json::from_value(allowed)
                .map_err(|error| bad(&format!("can't parse allowed_updates: {error}")))?;
        }
        match params.number("offset").unwrap_or_default() {
            offset if offset < 0 => {
                let keep = usize::try_from(offset.unsigned_abs()).unwrap_or(usize::MAX);
                self.pending.drain(..self.pending.len().saturating_sub(keep));
            }
            offset => self.pending.retain(|queued| queued.again || queued.id >= offset),
        }
        let limit = params.number("limit").unwrap_or(MAX_BATCH).clamp(1, MAX_BATCH);
        Ok(usize::try_from(limit).unwrap_or(1))
    }

    /// Returns what can be handed out now; it stays until it is confirmed.
    pub(super) fn ready(&mut self, limit: usize) -> Vec<(i64, Value)> {
        if self.held {
            return Vec::new();
        }
        let batch: Vec<_> = self.pending.iter().take(limit).cloned().collect();
        for queued in batch.iter().filter(|queued| queued.again) {
            self.pending.retain(|other| !(other.again && other.id == queued.id));
        }
        batch.into_iter().map(|queued| (queued.id, queued.update)).collect()
    }

    /// Forgets what waits.
    pub(super) fn clear(&mut self) {
        self.pending.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn poll(updates: &mut Updates, params: Value) -> Vec<i64> {
        let Value::Object(values) = params else { unreachable!("tests give objects") };
        let limit = updates.heed(&Params { values, ..Params::default() }).unwrap();
        updates.ready(limit).into_iter().map(|(id, _)| id).collect()
    }

    fn three() -> (Updates, [i64; 3]) {
        let mut updates = Updates::default();
        let ids = [0, 1, 2].map(|_| updates.push("message", json!({})));
        (updates, ids)
    }

    #[test]
    fn updates_come_again_until_the_offset_confirms_them() {
        let (mut updates, [first, second, third]) = three();
        assert_eq!(poll(&mut updates, json!({"limit": 2})), [first, second]);
        assert_eq!(poll(&mut updates, json!({})), [first, second, third]);
        assert_eq!(poll(&mut updates, json!({"offset": second})), [second, third]);
        assert_eq!(poll(&mut updates, json!({"offset": third + 1})), [0_i64; 0]);
    }

    #[test]
    fn a_negative_offset_keeps_the_last_ones_only() {
        let (mut updates, [_, _, third]) = three();
        assert_eq!(poll(&mut updates, json!({"offset": -1})), [third]);
        assert_eq!(poll(&mut updates, json!({})), [third]);
    }

    #[test]
    fn kinds_that_were_not_asked_for_never_come() {
        let mut updates = Updates::default();
        poll(&mut updates, json!({"allowed_updates": ["callback_query"]}));
        updates.push("message", json!({}));
        let pressed = updates.push("callback_query", json!({}));
        assert_eq!(poll(&mut updates, json!({})), [pressed]);
    }

    #[test]
    fn a_redelivery_comes_once_though_it_is_confirmed() {
        let (mut updates, [first, _, third]) = three();
        poll(&mut updates, json!({"offset": third + 1}));
        assert_eq!(updates.again(first, false), Some(first));
        assert_eq!(poll(&mut updates, json!({"offset": third + 1})), [first]);
        assert_eq!(poll(&mut updates, json!({"offset": third + 1})), [0_i64; 0]);
        let fresh = updates.again(first, true).unwrap();
        assert_eq!(poll(&mut updates, json!({"offset": third + 1})), [fresh]);
    }
}

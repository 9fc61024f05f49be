//! The books: every message that was said, what the history says became of it, and what the journal says.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use serde_json::Value;
use uuid::Uuid;

use super::client::Written;
use crate::house::Home;
use crate::marked::Marked;
use crate::page::Page;

/// Every message, and what is known to have become of it.
#[derive(Default)]
pub(super) struct Books {
    messages: BTreeMap<String, Written>,
    /// How those ended that did.
    ended: BTreeMap<String, String>,
    /// Every message by its place: its conversation and its number there.
    places: BTreeMap<(Uuid, i64), String>,
    /// The state of every run, as last read.
    runs: HashMap<String, String>,
    restarts: usize,
    survivors: usize,
}

/// What there was to see when the daemon had been killed.
#[derive(Default)]
pub(super) struct Seen {
    /// The messages that had begun to run.
    begun: BTreeSet<String>,
    processes: Vec<Marked>,
}

impl Seen {
    pub(super) fn now(home: &Home) -> Self {
        Self { begun: home.lines("journal").into_iter().collect(), processes: home.at_work() }
    }
}

/// What the history says of one conversation.
#[derive(Default)]
struct History {
    /// The state of every message's run, by the message's id; `None` before it has one.
    messages: HashMap<String, Option<String>>,
    /// The message at every place.
    places: BTreeMap<i64, String>,
    /// The state of every run.
    runs: HashMap<String, String>,
}

impl Books {
    /// Takes down what was said in a round.
    pub(super) fn write(&mut self, messages: Vec<Written>) {
        self.messages.extend(messages.into_iter().map(|message| (message.id.clone(), message)));
    }

    /// Returns what may or may not have arrived, and can be said again.
    pub(super) fn unacknowledged(&self) -> Vec<Written> {
        let open = |message: &&Written| !message.acknowledged && message.repeatable;
        self.messages.values().filter(open).cloned().collect()
    }

    /// Checks what holds as soon as a daemon is ready again.
    pub(super) fn check_restart(&mut self, home: &Home, page: &Page, seen: &Seen) {
        self.restarts += 1;
        self.survivors += seen.processes.len();
        // Processes first: what the new daemon starts by and by is of no interest here.
        let alive = home.at_work();
        self.read(page);
        for id in &seen.begun {
            assert!(
                self.ended.contains_key(id),
                "{id} had begun and is not over: {:?}",
                self.messages.get(id)
            );
        }
        for process in seen.processes.iter().filter(|process| alive.iter().any(|other| other.is(process))) {
            let state = process.run.as_ref().and_then(|run| self.runs.get(run));
            // What a run that is done has left running is left on purpose.
            assert!(state.is_some_and(|state| state == "done"), "left over, {state:?}: {process:?}");
        }
        self.check_journal(home);
    }

    /// Tells whether everything that was accepted is over.
    pub(super) fn are_closed(&mut self, page: &Page) -> bool {
        self.read(page);
        self.messages.values().all(|message| !message.acknowledged || self.ended.contains_key(&message.id))
    }

    /// Checks what holds when nothing runs or waits any more.
    pub(super) fn check_idle(&self, home: &Home) {
        let journal = self.check_journal(home);
        for (id, message) in &self.messages {
            let state = self.ended.get(id).map(String::as_str);
            match state {
                Some("done") => assert!(journal.contains_key(id), "{id} is done and never ran"),
                Some("interrupted") => {}
                None if !message.acknowledged => {
                    assert!(!journal.contains_key(id), "{id} ran and nobody knows")
                }
                other => panic!("{id} was accepted and is {other:?}: {message:?}"),
            }
        }
    }

    /// Reads the history of every conversation with something open, and takes down what has ended.
    fn read(&mut self, page: &Page) {
        let open = self.messages.values().filter(|message| !self.ended.contains_key(&message.id));
        let conversations: BTreeSet<Uuid> = open.map(|message| message.conversation).collect();
        for conversation in conversations {
            let History { messages, places, runs } = history(page, conversation);
            self.runs.extend(runs);
            self.places.extend(places.into_iter().map(|(place, id)| ((conversation, place), id)));
            for (id, state) in messages {
                let Some(state) = state.filter(|state| is_over(state)) else { continue };
                let before = self.ended.insert(id.clone(), state.clone());
                assert!(before.is_none_or(|before| before == state), "{id} ended in two ways");
            }
        }
    }

    /// Checks that nothing ran twice or before its turn, and returns what ran, each with its turn.
    fn check_journal(&self, home: &Home) -> BTreeMap<String, usize> {
        let mut turns = BTreeMap::new();
        for (turn, id) in home.lines("journal").into_iter().enumerate() {
            let before = turns.insert(id.clone(), turn);
            assert!(before.is_none(), "{id} ran more than once: {:?}", self.messages.get(&id));
        }
        let mut last: Option<(Uuid, usize)> = None;
        for ((conversation, _), id) in &self.places {
            let Some(turn) = turns.get(id) else { continue };
            let ahead = last.filter(|(other, before)| other == conversation && before > turn);
            assert!(ahead.is_none(), "{id} was overtaken: {:?}", self.messages.get(id));
            last = Some((*conversation, *turn));
        }
        turns
    }
}

impl fmt::Display for Books {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |wanted: &str| self.ended.values().filter(|state| *state == wanted).count();
        let never = self.messages.len() - self.ended.len();
        write!(
            f,
            "{} messages, {} run once, {} told as interrupted, {never} never taken; {} restarts found {} processes at work",
            self.messages.len(),
            count("done"),
            count("interrupted"),
            self.restarts,
            self.survivors,
        )
    }
}

fn is_over(state: &str) -> bool {
    matches!(state, "done" | "interrupted")
}

fn history(page: &Page, conversation: Uuid) -> History {
    let items = page.history(conversation);
    let of_kind = |kind: &'static str| items.iter().filter(move |item| item["kind"] == kind);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut history = History::default();
    let mut states: HashMap<i64, String> = HashMap::new();
    for run in of_kind("run") {
        let state = text(&run["state"]);
        for inbox in run["inbox"].as_array().into_iter().flatten().filter_map(Value::as_i64) {
            let other = states.insert(inbox, state.clone());
            assert!(other.is_none(), "two runs for one message: {run}");
        }
        history.runs.insert(text(&run["run"]), state);
    }
    for message in of_kind("message") {
        let id = message["text"].as_str().and_then(|text| text.split(' ').nth(1)).unwrap().to_owned();
        let place = message["inbox"].as_i64().unwrap();
        history.places.insert(place, id.clone());
        let twice = history.messages.insert(id, states.get(&place).cloned());
        assert!(twice.is_none(), "taken twice: {message}");
    }
    history
}

//! What the Python takopi's state files say, read into what a ledger keeps. Pure: bytes in, facts out.
//!
//! There are three, all version 1: what was set per chat, the chats' sessions, and the topics with both.
//! What cannot be kept is left out and told; the rest counts.

use std::path::PathBuf;

use serde_json::{Map, Value};
use takopi_core::id::{EngineId, InstanceId};
use takopi_core::message::Address;
use takopi_core::port::ledger::{Preference, PreferenceKey};
use takopi_core::session::{Context, Scope, Session, SessionToken};

/// The only version there ever was.
const VERSION: u64 = 1;

/// A state file of the Python takopi.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StateFile {
    /// What was set per chat.
    ChatPreferences,
    /// The running sessions of chats.
    ChatSessions,
    /// Topics: what they are bound to, what was set in them, their sessions.
    Topics,
}

impl StateFile {
    /// All of them; bindings come before the sessions that were started under them.
    pub(super) const ALL: [Self; 3] = [Self::ChatPreferences, Self::ChatSessions, Self::Topics];

    /// Returns its name beside the config file.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::ChatPreferences => "telegram_chat_prefs_state.json",
            Self::ChatSessions => "telegram_chat_sessions_state.json",
            Self::Topics => "telegram_topics_state.json",
        }
    }

    /// Returns the key of its entries.
    fn entries(self) -> &'static str {
        match self {
            Self::ChatPreferences | Self::ChatSessions => "chats",
            Self::Topics => "threads",
        }
    }
}

/// One thing a state file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fact {
    /// Something that was set in a chat or topic.
    Set(Preference),
    /// A session that goes on in a chat or topic, for one person where each had their own.
    Goes { scope: Scope, session: Session },
    /// What a topic is called.
    Called { topic: Address, title: String },
}

/// What a state file says, and what of it was left out, with the reason.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Reading {
    pub(super) facts: Vec<Fact>,
    /// The directory its daemon worked in: sessions without a project are there.
    pub(super) cwd: Option<PathBuf>,
    pub(super) left_out: Vec<String>,
}

/// Reads a state file of an instance.
///
/// # Errors
/// Why nothing of it can be read.
pub(super) fn read(file: StateFile, content: &[u8], instance: &InstanceId) -> Result<Reading, String> {
    let state: Value = serde_json::from_slice(content).map_err(|error| format!("it is no JSON: {error}"))?;
    match state.get("version").and_then(Value::as_u64) {
        Some(VERSION) => {}
        Some(other) => return Err(format!("it is of version {other}; only {VERSION} is known")),
        None => return Err("it names no version".to_owned()),
    }
    let key = file.entries();
    let Some(Value::Object(entries)) = state.get(key) else {
        return Err(format!("its {key:?} is no table"));
    };
    let cwd = state.get("cwd").and_then(said).map(PathBuf::from);
    let mut reading = Reading { cwd, ..Reading::default() };
    for (key, entry) in entries {
        match (place(file, key, instance), entry) {
            (Some(place), Value::Object(entry)) => {
                read_entry(file, &Entry { key, place, entry }, &mut reading)
            }
            (None, _) => reading.left_out.push(format!("{key:?} is no place of a chat")),
            (Some(_), _) => reading.left_out.push(format!("{key:?} is no table")),
        }
    }
    Ok(reading)
}

/// Reads the key of an entry: `CHAT`, `CHAT:chat`, `CHAT:USER` or `CHAT:THREAD`.
fn place(file: StateFile, key: &str, instance: &InstanceId) -> Option<Scope> {
    let number = |text: &str| text.parse::<i64>().ok().map(|number| number.to_string());
    let chat = |chat: &str| Some(Address { instance: instance.clone(), chat: number(chat)?, thread: None });
    let whole = |of: &str| chat(of).map(Scope::from);
    match (file, key.rsplit_once(':')) {
        (StateFile::ChatPreferences, None) => whole(key),
        (StateFile::ChatSessions, Some((of, "chat"))) => whole(of),
        (StateFile::ChatSessions, Some((of, user))) => {
            Some(Scope { address: chat(of)?, person: Some(number(user)?) })
        }
        (StateFile::Topics, Some((of, thread))) => {
            Some(Address { thread: Some(number(thread)?), ..chat(of)? }.into())
        }
        _ => None,
    }
}

/// Returns what a text says, if it says something.
pub(super) fn said(value: &Value) -> Option<&str> {
    value.as_str().map(str::trim).filter(|text| !text.is_empty())
}

/// What a file says of one place.
struct Entry<'a> {
    key: &'a str,
    place: Scope,
    entry: &'a Map<String, Value>,
}

impl Entry<'_> {
    /// Returns what one of its keys says; `None` and a remark when it is of another kind than `kind`.
    fn get<'v, T>(
        &self,
        within: &'v Map<String, Value>,
        name: &str,
        left_out: &mut Vec<String>,
        kind: impl FnOnce(&'v Value) -> Option<T>,
    ) -> Option<T> {
        let value = within.get(name).filter(|value| !value.is_null())?;
        let read = kind(value);
        if read.is_none() {
            left_out.push(format!("{:?}: {name} is not what it was", self.key));
        }
        read
    }

    fn set(&self, key: PreferenceKey, engine: Option<EngineId>, value: String) -> Fact {
        Fact::Set(Preference { scope: self.place.address.clone(), key, engine, value })
    }
}

fn read_entry(file: StateFile, entry: &Entry<'_>, reading: &mut Reading) {
    let Reading { facts, left_out, .. } = reading;
    let all = entry.entry;
    if file != StateFile::ChatSessions {
        let (within, project, branch) = match file {
            StateFile::Topics => (entry.get(all, "context", left_out, Value::as_object), "project", "branch"),
            _ => (Some(all), "context_project", "context_branch"),
        };
        let mut word = |name| entry.get(within?, name, left_out, said).map(str::to_owned);
        let bound = Context { project: word(project), branch: word(branch) };
        facts.extend(binding(&bound).map(|value| entry.set(PreferenceKey::Context, None, value)));
        let engine = entry.get(all, "default_engine", left_out, said);
        facts.extend(engine.map(|engine| entry.set(PreferenceKey::Engine, None, engine.to_owned())));
        let trigger = entry.get(all, "trigger_mode", left_out, |mode| {
            said(mode).filter(|mode| ["all", "mentions"].contains(mode))
        });
        facts.extend(trigger.map(|mode| entry.set(PreferenceKey::Trigger, None, mode.to_owned())));
        read_overrides(entry, facts, left_out);
    }
    if file != StateFile::ChatPreferences {
        read_sessions(entry, facts, left_out);
    }
    if file == StateFile::Topics {
        let title = entry.get(all, "topic_title", left_out, said).map(str::to_owned);
        facts.extend(title.map(|title| Fact::Called { topic: entry.place.address.clone(), title }));
    }
}

/// Returns a context as preferences hold it.
pub(super) fn binding(context: &Context) -> Option<String> {
    let branch = context.branch.as_ref().map(|branch| format!("@{branch}"));
    let words: Vec<String> = context.project.iter().cloned().chain(branch).collect();
    (!words.is_empty()).then(|| words.join(" "))
}

fn read_overrides(entry: &Entry<'_>, facts: &mut Vec<Fact>, left_out: &mut Vec<String>) {
    let overrides = entry.get(entry.entry, "engine_overrides", left_out, Value::as_object);
    for (engine, values) in overrides.into_iter().flatten() {
        let (Ok(engine), Value::Object(values)) = (EngineId::parse(engine), values) else {
            left_out.push(format!("{:?}: what was set for the engine {engine:?}", entry.key));
            continue;
        };
        for (name, key) in [("model", PreferenceKey::Model), ("reasoning", PreferenceKey::Reasoning)] {
            let value = entry.get(values, name, left_out, said);
            facts.extend(value.map(|value| entry.set(key, Some(engine.clone()), value.to_owned())));
        }
    }
}

fn read_sessions(entry: &Entry<'_>, facts: &mut Vec<Fact>, left_out: &mut Vec<String>) {
    let sessions = entry.get(entry.entry, "sessions", left_out, Value::as_object);
    for (engine, session) in sessions.into_iter().flatten() {
        let token = session.get("resume").and_then(said).and_then(SessionToken::parse);
        let (Ok(engine), Some(token)) = (EngineId::parse(engine), token) else {
            left_out.push(format!("{:?}: the session of the engine {engine:?}", entry.key));
            continue;
        };
        facts.push(Fact::Goes { scope: entry.place.clone(), session: Session { engine, token } });
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn reading(file: StateFile, state: &Value) -> Result<Reading, String> {
        read(file, state.to_string().as_bytes(), &InstanceId::parse("telegram").unwrap())
    }

    /// Returns what was read, one line each, for people to compare.
    fn told(file: StateFile, state: &Value) -> String {
        let reading = reading(file, state).unwrap();
        let place = |address: &Address| match &address.thread {
            Some(thread) => format!("{} {}/{thread}", address.instance, address.chat),
            None => format!("{} {}", address.instance, address.chat),
        };
        let line = |fact: &Fact| match fact {
            Fact::Set(Preference { scope, key, engine, value }) => {
                let engine = engine.as_ref().map_or_else(String::new, |engine| format!(" of {engine}"));
                format!("{}: {key:?}{engine} = {value}", place(scope))
            }
            Fact::Goes { scope: Scope { address, person }, session } => {
                let person = person.as_ref().map_or_else(String::new, |person| format!(" for {person}"));
                format!("{}{person}: {} goes on in {}", place(address), session.engine, session.token)
            }
            Fact::Called { topic, title } => format!("{}: called {title}", place(topic)),
        };
        let left_out = reading.left_out.iter().map(|why| format!("left out: {why}"));
        let cwd = reading.cwd.iter().map(|cwd| format!("in {}", cwd.display()));
        cwd.chain(reading.facts.iter().map(line)).chain(left_out).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn what_was_set_per_chat_is_read() {
        let state = json!({"version": 1, "chats": {
            "42": {"default_engine": "codex", "trigger_mode": "mentions", "context_project": "Alpha",
                "context_branch": "feat/x", "engine_overrides": {
                    "codex": {"model": "gpt-5.2 codex", "reasoning": "high"},
                    "pi": {"model": null, "reasoning": "low"}}},
            "-100123": {"default_engine": null, "trigger_mode": null, "context_project": null,
                "context_branch": "main", "engine_overrides": {"gone": {"model": "m", "reasoning": null}}},
        }});
        insta::assert_snapshot!(told(StateFile::ChatPreferences, &state));
    }

    #[test]
    fn sessions_of_chats_and_of_people_in_groups_are_read() {
        let state = json!({"version": 1, "cwd": "/home/ann/code",
            "chats": {
                "42:chat": {"sessions": {"codex": {"resume": "0199"}, "claude": {"resume": "7f-1"}}},
                "-100123:42": {"sessions": {"pi": {"resume": "/home/ann/.pi/1.jsonl"}}},
        }});
        insta::assert_snapshot!(told(StateFile::ChatSessions, &state));
    }

    #[test]
    fn topics_are_read_with_all_that_belongs_to_them() {
        let state = json!({"version": 1, "threads": {
            "-100123:7": {"context": {"project": "alpha", "branch": "main"}, "topic_title": "Alpha @main",
                "sessions": {"codex": {"resume": "0199"}}, "default_engine": "claude",
                "trigger_mode": "all", "engine_overrides": {"claude": {"model": "opus", "reasoning": null}}},
            "-100123:8": {"context": null, "sessions": {}, "topic_title": null},
        }});
        insta::assert_snapshot!(told(StateFile::Topics, &state));
    }

    #[test]
    fn what_cannot_be_kept_is_told_and_the_rest_counts() {
        let state = json!({"version": 1, "threads": {
            "nowhere": {}, "1:2:3": {}, "1:2": [], "-100123:7": {
                "context": "alpha", "topic_title": 7, "default_engine": "  ", "trigger_mode": "never",
                "engine_overrides": {"No Engine": {"model": "m"}, "codex": "gpt", "pi": {"model": "m"}},
                "sessions": {"codex": {"resume": "two words"}, "claude": "x", "pi": {"resume": "p1"}}},
        }});
        insta::assert_snapshot!(told(StateFile::Topics, &state));
    }

    #[test]
    fn a_file_of_another_kind_is_not_read_at_all() {
        for (state, why) in [
            (json!({"version": 2, "chats": {}}), "it is of version 2; only 1 is known"),
            (json!({"chats": {}}), "it names no version"),
            (json!([]), "it names no version"),
            (json!({"version": 1, "chats": []}), "its \"chats\" is no table"),
        ] {
            assert_eq!(reading(StateFile::ChatPreferences, &state), Err(why.to_owned()));
        }
        let torn = read(StateFile::Topics, b"{\"version\": 1", &InstanceId::parse("telegram").unwrap());
        assert!(torn.unwrap_err().starts_with("it is no JSON: "));
    }
}

//! Taking in, once, what the Discord plugin of the Python takopi kept in two JSON files beside its config. The files
//! stay as they are; one that cannot be read is told, and tried again at the next start.
//!
//! They name each thread by its own id alone, and only Discord knows its channel: whoever calls asks it first, for
//! the ids that [`python_discord_channels`] returns.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Map, Value};
use takopi_core::id::{EngineId, InstanceId};
use takopi_core::message::Address;
use takopi_core::port::ledger::{Ledger as _, LedgerError, Preference, PreferenceKey};
use takopi_core::session::{Context, Scope, Session, SessionToken};

use super::python::{Fact, Reading, binding, said};
use super::{DONE, IMPORTED, bindings, content, rows, write};
use crate::SqliteLedger;

/// The files, and the only version of each that is known. What was set comes first: it outranks what channels were
/// bound with.
const FILES: [(&str, u64); 2] = [("discord_prefs.json", 1), ("discord_state.json", 3)];

/// What stands in a mark before the ids of channels that are waited for.
const WAITS: &str = "waits ";

/// Where the Python takopi's Discord state lies, and whose it becomes.
pub struct PythonDiscord<'a> {
    /// The folder of its config file.
    pub dir: &'a Path,
    /// The Discord transport that serves its channels now.
    pub instance: &'a InstanceId,
    /// The channel in which each thread is, by the thread's id; `None` for what is a channel itself. What is not in
    /// it is gone, and left out.
    pub parents: &'a BTreeMap<String, Option<String>>,
    /// Channels and threads that cannot be seen now: what is kept of them is taken in by a later call.
    pub hidden: &'a BTreeSet<String>,
    /// Returns the context of a channel that isn't bound to one.
    pub usual_context: &'a (dyn Fn(&str) -> Context + Sync),
}

impl std::fmt::Debug for PythonDiscord<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PythonDiscord").field("dir", &self.dir).finish_non_exhaustive()
    }
}

/// Returns the ids of the channels and threads that the files in `dir` know, each once; none where there are no files
/// or they cannot be read, which [`SqliteLedger::import_python_discord`] tells. Reads two small files, and blocks
/// meanwhile.
#[must_use]
pub fn python_discord_channels(dir: &Path) -> Vec<String> {
    let mut ids = Vec::new();
    for (name, version) in FILES {
        let Ok(Some(content)) = content(&dir.join(name)) else { continue };
        let Ok(state) = parsed(&content, version) else { continue };
        ids.extend(entries(&state).into_iter().flatten().filter_map(|(key, _)| channel(key)));
    }
    ids.sort();
    ids.dedup();
    ids
}

/// Returns the channels that were told of each start, as server and channel; none where there is no file or it cannot be
/// read. Reads a small file, and blocks meanwhile.
#[must_use]
pub fn python_discord_startup(dir: &Path) -> Vec<(u64, u64)> {
    let [_, (name, version)] = FILES;
    let Ok(Some(content)) = content(&dir.join(name)) else { return Vec::new() };
    let Ok(state) = parsed(&content, version) else { return Vec::new() };
    let guilds = state.get("guilds").and_then(Value::as_object);
    let told = guilds.into_iter().flatten().filter_map(|(guild, entry)| {
        let channel = entry.get("startup_channel_id")?;
        let channel = channel.as_u64().or_else(|| channel.as_str()?.parse().ok())?;
        Some((guild.parse().ok()?, channel))
    });
    told.collect()
}

impl SqliteLedger {
    /// Returns whether a file of the Python takopi's Discord plugin lies there that was not taken in.
    ///
    /// # Errors
    /// [`LedgerError`] when the ledger cannot be read.
    pub async fn awaits_python_discord(
        &self,
        dir: &Path,
        instance: &InstanceId,
    ) -> Result<bool, LedgerError> {
        for (name, _) in FILES {
            let mark = self.get(IMPORTED, &format!("{instance}/{name}")).await?;
            if mark.as_deref() != Some(DONE) && dir.join(name).exists() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Takes in what the Discord plugin of the Python takopi kept, each file once. What the ledger knows already
    /// stays. Call before the transport is served. What was left out is logged with the file's name. Returns whether
    /// there was anything new, beside what was hidden before and still is.
    ///
    /// # Errors
    /// [`LedgerError`] when it could not be written; the next start tries again.
    pub async fn import_python_discord(&self, state: &PythonDiscord<'_>) -> Result<bool, LedgerError> {
        let mut readings = Vec::new();
        for (name, version) in FILES {
            let path = state.dir.join(name);
            let mark = format!("{}/{name}", state.instance);
            let before = self.get(IMPORTED, &mark).await?;
            let read = content(&path)
                .and_then(|content| content.map(|content| read(&content, version, state)).transpose());
            match read {
                Ok(Some(read)) => readings.push((path, mark, before, read)),
                Err(why) if before.as_deref() != Some(DONE) => {
                    tracing::warn!(file = %path.display(), %why, "the Python takopi's state is not taken over");
                }
                Ok(None) | Err(_) => {}
            }
        }
        let bindings = bindings(readings.iter().flat_map(|(_, _, _, read)| &read.reading.facts));
        let mut is_new = false;
        for (path, mark, before, read) in readings {
            let Read { mut reading, hidden } = read;
            let now =
                if hidden.is_empty() { DONE.to_owned() } else { format!("{WAITS}{}", hidden.join(" ")) };
            if before.as_deref() == Some(DONE) || before.as_ref() == Some(&now) {
                continue;
            }
            if let Some(waiting) = before.as_deref().and_then(|mark| mark.strip_prefix(WAITS)) {
                let waiting: BTreeSet<&str> = waiting.split(' ').collect();
                reading.facts.retain(|fact| place_of(fact).is_some_and(|id| waiting.contains(id)));
            }
            is_new = true;
            for why in &reading.left_out {
                tracing::warn!(file = %path.display(), %why, "this of the Python takopi's state is left out");
            }
            let rows = rows(reading, &bindings, state.usual_context);
            let (count, waiting) = (rows.len(), hidden.len());
            self.write("take over the Python takopi's state", move |db| write(db, &mark, &rows, &now))
                .await?;
            tracing::info!(file = %path.display(), rows = count, waiting, "the Python takopi's state was taken over");
        }
        Ok(is_new)
    }
}

/// A file that was read, and the channels and threads in it that cannot be seen now.
struct Read {
    reading: Reading,
    hidden: Vec<String>,
}

/// Returns the channel or thread that a fact is about, by its own id.
fn place_of(fact: &Fact) -> Option<&str> {
    let address = match fact {
        Fact::Set(preference) => &preference.scope,
        Fact::Goes { scope, .. } => &scope.address,
        Fact::Called { .. } => return None,
    };
    Some(address.thread.as_ref().unwrap_or(&address.chat))
}

fn parsed(content: &[u8], version: u64) -> Result<Value, String> {
    let state: Value = serde_json::from_slice(content).map_err(|error| format!("it is no JSON: {error}"))?;
    match state.get("version").and_then(Value::as_u64) {
        Some(found) if found == version => Ok(state),
        Some(other) => Err(format!("it is of version {other}; only {version} is known")),
        None => Err("it names no version".to_owned()),
    }
}

fn entries(state: &Value) -> Option<&Map<String, Value>> {
    state.get("channels").and_then(Value::as_object)
}

/// Returns the channel of a key `GUILD:CHANNEL`.
fn channel(key: &str) -> Option<String> {
    let (guild, channel) = key.split_once(':')?;
    let is_id = |text: &str| text.parse::<u64>().is_ok();
    (is_id(guild) && is_id(channel)).then(|| channel.to_owned())
}

/// Reads a file.
///
/// # Errors
/// Why nothing of it can be read.
fn read(content: &[u8], version: u64, state: &PythonDiscord<'_>) -> Result<Read, String> {
    let content = parsed(content, version)?;
    let Some(entries) = entries(&content) else {
        return Err("its \"channels\" is no table".to_owned());
    };
    let cwd = content.get("cwd").and_then(said).map(Into::into);
    let (mut reading, mut hidden) = (Reading { cwd, ..Reading::default() }, Vec::new());
    for (key, entry) in entries {
        let Some(channel) = channel(key) else {
            reading.left_out.push(format!("{key:?} is no place of a server"));
            continue;
        };
        let (address, Value::Object(entry)) = (address(&channel, state), entry) else {
            reading.left_out.push(format!("{key:?} is no table"));
            continue;
        };
        match address {
            Some(address) => Place { key, address }.read(entry, &mut reading),
            None if state.hidden.contains(&channel) => hidden.push(channel),
            None => reading.left_out.push(format!("{key:?}: Discord shows no such channel")),
        }
    }
    Ok(Read { reading, hidden })
}

fn address(channel: &str, state: &PythonDiscord<'_>) -> Option<Address> {
    let parent = state.parents.get(channel)?;
    let thread = parent.as_ref().map(|_| channel.to_owned());
    let chat = parent.clone().unwrap_or_else(|| channel.to_owned());
    Some(Address { instance: state.instance.clone(), chat, thread })
}

/// A channel or thread that a file tells of.
struct Place<'a> {
    key: &'a str,
    address: Address,
}

impl Place<'_> {
    fn read(&self, entry: &Map<String, Value>, reading: &mut Reading) {
        let Reading { facts, left_out, .. } = reading;
        let mut miss = |name: &str| left_out.push(format!("{:?}: {name} is not what it was", self.key));
        for (name, key) in
            [("default_engine", PreferenceKey::Engine), ("trigger_mode", PreferenceKey::Trigger)]
        {
            let Some(value) = entry.get(name).filter(|value| !value.is_null()) else { continue };
            let legal = |value: &&str| key != PreferenceKey::Trigger || ["all", "mentions"].contains(value);
            match said(value).filter(legal) {
                Some(value) => facts.push(self.set(key, None, value.to_owned())),
                None => miss(name),
            }
        }
        for (name, key) in
            [("model_overrides", PreferenceKey::Model), ("reasoning_overrides", PreferenceKey::Reasoning)]
        {
            for (engine, value) in entry.get(name).and_then(Value::as_object).into_iter().flatten() {
                match (EngineId::parse(engine), said(value)) {
                    (Ok(engine), Some(value)) => facts.push(self.set(key, Some(engine), value.to_owned())),
                    _ if value.is_null() => {}
                    _ => miss(name),
                }
            }
        }
        if let Some(context) = entry.get("context").and_then(Value::as_object) {
            let word = |name: &str| context.get(name).and_then(said).map(str::to_owned);
            let bound = Context { project: word("project"), branch: word("branch") };
            facts.extend(binding(&bound).map(|value| self.set(PreferenceKey::Context, None, value)));
            facts.extend(word("default_engine").map(|engine| self.set(PreferenceKey::Engine, None, engine)));
        }
        for (engine, token) in entry.get("sessions").and_then(Value::as_object).into_iter().flatten() {
            let token = said(token).or_else(|| token.get("resume").and_then(said));
            match (EngineId::parse(engine), token.and_then(SessionToken::parse)) {
                (Ok(engine), Some(token)) => facts.push(Fact::Goes {
                    scope: Scope::from(self.address.clone()),
                    session: Session { engine, token },
                }),
                _ => miss("a session"),
            }
        }
    }

    fn set(&self, key: PreferenceKey, engine: Option<EngineId>, value: String) -> Fact {
        Fact::Set(Preference { scope: self.address.clone(), key, engine, value })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use takopi_core::port::ledger::{FactsQuery, StoredFacts};
    use tempfile::TempDir;

    use super::*;

    const STATE: &str = r#"{"version": 3, "cwd": "/code", "guilds": {"1": {"startup_channel_id": 10}}, "channels": {
        "1:10": {"context": {"project": "Alpha", "worktrees_dir": ".wt", "default_engine": "claude",
            "worktree_base": "main"}, "sessions": {}},
        "1:11": {"context": {"project": "alpha", "branch": "feat/x"}, "sessions": {"codex": "s11", "pi": "two words"}},
        "1:12": {"context": null, "sessions": {"codex": "s12"}},
        "1:13": {"context": null, "sessions": {"codex": "gone"}}, "odd": {}}}"#;

    const SET: &str = r#"{"version": 1, "channels": {"1:10": {"default_engine": "codex", "trigger_mode": "mentions",
        "model_overrides": {"codex": "m", "pi": null}, "reasoning_overrides": {"codex": "high"}}}}"#;

    struct Desk {
        dir: TempDir,
        ledger: SqliteLedger,
    }

    impl Desk {
        fn new(state: &str) -> Self {
            let dir = tempfile::tempdir().unwrap();
            fs::write(dir.path().join("discord_state.json"), state).unwrap();
            fs::write(dir.path().join("discord_prefs.json"), SET).unwrap();
            let ledger = SqliteLedger::open(&dir.path().join("ledger.db")).unwrap();
            Self { dir, ledger }
        }

        async fn import(&self) -> bool {
            self.import_seeing(&[]).await
        }

        /// Takes it in while some channels cannot be seen.
        async fn import_seeing(&self, hidden: &[&str]) -> bool {
            let (of, none) = (|id: &str| id.to_owned(), None);
            let parents = [(of("10"), none), (of("11"), Some(of("10"))), (of("12"), Some(of("20")))]
                .into_iter()
                .filter(|(id, _): &(String, _)| !hidden.contains(&id.as_str()))
                .collect();
            let hidden = hidden.iter().map(|id| of(id)).collect();
            let state = PythonDiscord {
                dir: self.dir.path(),
                instance: &instance(),
                parents: &parents,
                hidden: &hidden,
                usual_context: &|_| Context::default(),
            };
            self.ledger.import_python_discord(&state).await.unwrap()
        }

        async fn facts(&self, chat: &str, thread: Option<&str>) -> StoredFacts {
            let thread = thread.map(str::to_owned);
            let address = Address { instance: instance(), chat: chat.to_owned(), thread };
            let query = FactsQuery { scope: address.into(), about: None, session: None };
            self.ledger.facts(&query).await.unwrap()
        }

        async fn goes_on(&self, chat: &str, thread: &str) -> Vec<(String, Option<String>)> {
            let rows = self.facts(chat, Some(thread)).await.conversations;
            rows.into_iter().map(|row| (row.session.token.to_string(), row.context.project)).collect()
        }
    }

    fn instance() -> InstanceId {
        InstanceId::parse("discord").unwrap()
    }

    #[tokio::test]
    async fn what_was_set_and_what_ran_goes_on() {
        let desk = Desk::new(STATE);
        assert_eq!(python_discord_channels(desk.dir.path()), ["10", "11", "12", "13"]);
        assert_eq!(python_discord_startup(desk.dir.path()), [(1, 10)]);
        assert!(desk.ledger.awaits_python_discord(desk.dir.path(), &instance()).await.unwrap());
        desk.import().await;
        assert!(!desk.ledger.awaits_python_discord(desk.dir.path(), &instance()).await.unwrap());
        let set = desk.facts("10", None).await.preferences;
        let set: Vec<String> = set.into_iter().map(|row| format!("{:?} {}", row.key, row.value)).collect();
        assert_eq!(set, ["Engine codex", "Context Alpha", "Model m", "Reasoning high", "Trigger mentions"]);
        assert_eq!(desk.goes_on("10", "11").await, [("s11".to_owned(), Some("alpha".to_owned()))]);
        assert_eq!(desk.goes_on("20", "12").await, [("s12".to_owned(), None)]);
        let kept = fs::read_to_string(desk.dir.path().join("discord_state.json")).unwrap();
        assert_eq!(kept, STATE);
    }

    #[tokio::test]
    async fn what_cannot_be_seen_now_is_taken_in_later_and_nothing_else_twice() {
        let desk = Desk::new(STATE);
        assert!(desk.import_seeing(&["11"]).await);
        assert_eq!(desk.goes_on("10", "11").await, []);
        assert_eq!(desk.goes_on("20", "12").await.len(), 1);
        assert!(desk.ledger.awaits_python_discord(desk.dir.path(), &instance()).await.unwrap());
        assert!(!desk.import_seeing(&["11"]).await, "nothing has changed");
        let chat = Address { instance: instance(), chat: "10".to_owned(), thread: None };
        desk.ledger.prefer(&chat, PreferenceKey::Trigger, None, None).await.unwrap();
        assert!(desk.import().await);
        assert_eq!(desk.goes_on("10", "11").await, [("s11".to_owned(), Some("alpha".to_owned()))]);
        let set = desk.facts("10", None).await.preferences;
        assert!(!set.iter().any(|row| row.key == PreferenceKey::Trigger), "what was cleared since stays so");
        assert!(!desk.ledger.awaits_python_discord(desk.dir.path(), &instance()).await.unwrap());
        assert!(!desk.import().await);
    }

    #[tokio::test]
    async fn a_file_that_cannot_be_read_stays_and_is_tried_again() {
        let desk = Desk::new("{\"version\": 3, ");
        desk.import().await;
        assert_eq!(desk.facts("10", None).await.preferences.len(), 4);
        assert!(desk.ledger.awaits_python_discord(desk.dir.path(), &instance()).await.unwrap());
        fs::write(desk.dir.path().join("discord_state.json"), STATE).unwrap();
        desk.import().await;
        assert_eq!(desk.goes_on("20", "12").await.len(), 1);
    }

    #[test]
    fn another_version_is_not_read() {
        assert_eq!(parsed(b"{\"version\": 2}", 3).unwrap_err(), "it is of version 2; only 3 is known");
        assert_eq!(parsed(b"[]", 3).unwrap_err(), "it names no version");
    }
}

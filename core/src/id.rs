//! Names: plugin ids, distributions, instances and runs, and which words nobody may take.
//!
//! Text becomes a name here, once; past this file no function takes a `&str` where it means an id.
//! Which of several claimants of a name wins is decided in `catalog.rs`.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// Longest plugin id, in ASCII characters: the Python takopi's rule, which its plugins rely on.
pub const MAX_ID_CHARS: usize = 32;

/// Words of the Python takopi's command line. No engine or command may be called so.
pub const RESERVED_CLI: [&str; 4] = ["config", "doctor", "init", "plugins"];

/// Words of the Python takopi's chat. No engine, command or project alias may be called so.
pub const RESERVED_CHAT: [&str; 9] =
    ["cancel", "file", "new", "agent", "model", "reasoning", "trigger", "topic", "ctx"];

/// Words of this program's command line and the top-level keys of its config file: an engine of that
/// name could neither be started as `takopi NAME` nor have a legacy `[NAME]` table.
pub const RESERVED_ENGINE: [&str; 24] = [
    "chat",
    "completions",
    "default_engine",
    "default_project",
    "engines",
    "help",
    "ledger",
    "limits",
    "log",
    "max_parallel_runs",
    "onboard",
    "pair",
    "projects",
    "reload",
    "run",
    "runs",
    "serialize",
    "serve",
    "status",
    "takopi",
    "transport",
    "transports",
    "version",
    "watch_config",
];

/// Keys of `[plugins]` itself: a command of that name could not have a `[plugins.NAME]` table.
pub const RESERVED_COMMAND: [&str; 4] = ["enabled", "auto_install", "paths", "environments"];

/// Why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The text does not match the rule for ids.
    #[error("invalid plugin id {0:?}; must match ^[a-z0-9_]{{1,32}}$")]
    Id(String),
    /// The text is empty or holds characters a name of its kind cannot have.
    #[error("invalid {what} {text:?}; {rule}")]
    Other {
        /// What kind of name was wanted.
        what: &'static str,
        /// The text that is none.
        text: String,
        /// What such a name looks like.
        rule: &'static str,
    },
}

/// The id of an engine, transport kind or command: `^[a-z0-9_]{1,32}$`, the whole text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PluginId(Arc<str>);

impl PluginId {
    /// Returns the id that `text` spells.
    ///
    /// # Errors
    /// [`NameError::Id`] unless the whole text is 1 to 32 of `a-z`, `0-9` and `_`.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if text.is_empty() || text.len() > MAX_ID_CHARS || !text.bytes().all(legal) {
            return Err(NameError::Id(text.to_owned()));
        }
        Ok(Self(text.into()))
    }

    /// Returns the id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for PluginId {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        Self::parse(&text)
    }
}

impl From<PluginId> for String {
    fn from(id: PluginId) -> Self {
        id.0.as_ref().to_owned()
    }
}

impl fmt::Display for PluginId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for PluginId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

impl std::borrow::Borrow<str> for PluginId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// The id of an engine, as in `/codex`.
pub type EngineId = PluginId;
/// The id of a slash command, as in `/cancel`.
pub type CommandId = PluginId;
/// The kind of a transport, as in `kind = "telegram"`.
pub type TransportKind = PluginId;

/// The name of one configured transport (`[transports.<instance>]`): the same rule as a plugin id.
pub type InstanceId = PluginId;

/// What a name is for; the reserved words differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PluginKind {
    /// Runs prompts.
    Engine,
    /// Carries messages.
    Transport,
    /// Answers a slash command.
    Command,
}

impl PluginKind {
    /// Returns the word used in lists and errors.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Engine => "engine",
            Self::Transport => "transport",
            Self::Command => "command",
        }
    }

    /// Returns whether no third-party plugin of this kind may be called `id`.
    #[must_use]
    pub fn reserves(self, id: &str) -> bool {
        let shared = || RESERVED_CLI.contains(&id) || RESERVED_CHAT.contains(&id);
        match self {
            Self::Engine => shared() || RESERVED_ENGINE.contains(&id),
            Self::Command => shared() || RESERVED_COMMAND.contains(&id),
            Self::Transport => false,
        }
    }
}

/// Returns whether a project may not be called `alias` (compared without case).
#[must_use]
pub fn alias_is_reserved(alias: &str) -> bool {
    RESERVED_CHAT.iter().any(|word| word.eq_ignore_ascii_case(alias))
}

/// The canonical name of a distribution, which `plugins.enabled` lists: lower case, each run of `-`, `_`
/// and `.` one `-` (PyPA's name normalisation).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(into = "String")]
pub struct Distribution(String);

impl Distribution {
    /// Returns the canonical form of `name`, or `None` when nothing but white space is there.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let name = name.trim();
        if name.is_empty() {
            return None;
        }
        let mut canonical = String::with_capacity(name.len());
        for character in name.chars() {
            if matches!(character, '-' | '_' | '.') {
                if !canonical.ends_with('-') {
                    canonical.push('-');
                }
            } else {
                canonical.extend(character.to_lowercase());
            }
        }
        Some(Self(canonical))
    }

    /// Returns the distribution of everything that comes with this program.
    #[must_use]
    pub fn builtin() -> Self {
        Self("takopi".to_owned())
    }

    /// Returns the canonical name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<Distribution> for String {
    fn from(name: Distribution) -> Self {
        name.0
    }
}

impl fmt::Display for Distribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The identity of one run: a version 7 UUID, so that sorting by id sorts by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RunId(uuid::Uuid);

impl RunId {
    /// Returns the id that `text` spells, or `None`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        uuid::Uuid::try_parse(text).ok().map(Self)
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

/// Mints run ids from the caller's time, a counter and a salt that differs between processes.
#[derive(Debug)]
pub struct RunIds {
    salt: [u8; 6],
    counter: AtomicU32,
}

impl RunIds {
    /// Returns a mint. `salt` must be random where ids of several processes meet.
    #[must_use]
    pub fn new(salt: [u8; 6]) -> Self {
        Self { salt, counter: AtomicU32::new(0) }
    }

    /// Returns an id no other call returned.
    pub fn next(&self, now: Timestamp) -> RunId {
        let count = self.counter.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        let mut tail = [0; 10];
        // Version and variant overwrite bits of the first three bytes: the counter keeps clear of them.
        tail[..3].copy_from_slice(&self.salt[..3]);
        tail[3..7].copy_from_slice(&count);
        tail[7..].copy_from_slice(&self.salt[3..]);
        let millis = u64::try_from(now.unix_ms()).unwrap_or(0);
        RunId(uuid::Builder::from_unix_timestamp_millis(millis, &tail).into_uuid())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_id_is_matched_whole() {
        for text in ["codex", "a", "0_9", &"x".repeat(32)] {
            assert_eq!(PluginId::parse(text).unwrap().as_str(), text);
        }
        for text in ["", "abc\n", "\nabc", "Abc", "a-b", "a b", "ä", &"x".repeat(33)] {
            assert!(PluginId::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn distributions_fold_case_and_separators() {
        let canonical = |name| Distribution::parse(name).unwrap().as_str().to_owned();
        assert_eq!(canonical("  Takopi_.Engine--Acme "), "takopi-engine-acme");
        assert_eq!(canonical("takopi.engine.acme"), "takopi-engine-acme");
        assert_eq!(Distribution::parse(" \t"), None);
    }

    #[test]
    fn reserved_words_differ_by_kind() {
        assert!(PluginKind::Engine.reserves("cancel") && PluginKind::Command.reserves("plugins"));
        assert!(PluginKind::Engine.reserves("transports") && !PluginKind::Command.reserves("transports"));
        assert!(PluginKind::Command.reserves("enabled") && !PluginKind::Engine.reserves("enabled"));
        assert!(!PluginKind::Command.reserves("run") && !PluginKind::Transport.reserves("cancel"));
        assert!(alias_is_reserved("CANCEL") && !alias_is_reserved("init"));
    }

    #[test]
    fn run_ids_sort_by_time_and_never_repeat() {
        let mint = RunIds::new([7; 6]);
        let mut ids: Vec<RunId> =
            (0..60_000).map(|n| mint.next(Timestamp::from_unix_ms(1_700_000_000_000 + n / 20_000))).collect();
        ids.dedup();
        assert_eq!(ids.len(), 60_000);
        assert!(ids.is_sorted());
        assert_eq!(RunId::parse(&ids[5].to_string()), Some(ids[5]));
    }

    proptest! {
        #[test]
        fn the_id_rule_is_the_regex(text in "\\PC{0,40}|[a-z0-9_]{1,34}\n?") {
            let rule = regex::Regex::new(r"\A[a-z0-9_]{1,32}\z").unwrap();
            prop_assert_eq!(PluginId::parse(&text).is_ok(), rule.is_match(&text));
        }

        #[test]
        fn canonical_names_are_fixed_points(name in "[A-Za-z0-9._-]{1,20}") {
            let once = Distribution::parse(&name).unwrap();
            prop_assert_eq!(Distribution::parse(once.as_str()), Some(once));
        }
    }
}

//! `[transports.<instance>]` of a plugin's transport: the keys takopi itself reads, and the rest, which is the plugin's.

use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value};
use takopi_core::id::InstanceId;
use takopi_core::port::transport::TransportFeatures;
use takopi_core::settings::{ConfigTable, FilesConfig, SessionMode, Table};

/// Who may speak.
const PEOPLE: &str = "allowed_user_ids";

/// In [`PEOPLE`]: everybody.
const EVERYBODY: &str = "*";

/// The keys that are never the plugin's.
const OURS: [&str; 7] =
    ["kind", "enabled", PEOPLE, "session_mode", "show_resume_line", "backlog_max_age", "files"];

/// Longest age a message may be allowed: who wrote a week ago has found another way.
const LONGEST_BACKLOG: Duration = Duration::from_secs(7 * 24 * 3600);

/// How old a message may be and still run by itself, by default: as on Telegram.
const BACKLOG: Duration = Duration::from_secs(3600);

/// Whom the settings let speak.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum People {
    /// They don't say: nobody.
    #[default]
    Unsaid,
    /// These, by the service's ids of them.
    Named(Vec<String>),
    /// Whoever reaches it.
    Everybody,
}

/// The keys of a plugin's transport that takopi itself reads.
#[derive(Debug, Clone, PartialEq)]
pub struct HouseKeys {
    /// Who may speak.
    pub people: People,
    /// What a plain message continues.
    pub session_mode: SessionMode,
    /// Whether messages of a conversation show their resume line.
    pub show_resume_line: bool,
    /// How old a message that was sent while nobody listened may be and still run by itself.
    pub backlog_max_age: Duration,
    /// Files, where they may come and go.
    pub files: Option<FilesConfig>,
}

/// The table of a plugin's transport. `Debug` prints the plugin's keys alone: a value may be a secret.
#[derive(Clone, PartialEq)]
pub struct PluginTransportConfig {
    /// What takopi reads of it.
    pub house: HouseKeys,
    /// What the plugin gets, as it is written.
    pub rest: Map<String, Value>,
}

impl fmt::Debug for PluginTransportConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<&String> = self.rest.keys().collect();
        f.debug_struct("PluginTransportConfig").field("house", &self.house).field("rest", &keys).finish()
    }
}

impl Default for HouseKeys {
    /// Returns what holds without any key: nobody is served.
    fn default() -> Self {
        Self {
            people: People::Unsaid,
            session_mode: SessionMode::Stateless,
            show_resume_line: true,
            backlog_max_age: BACKLOG,
            files: None,
        }
    }
}

impl ConfigTable for PluginTransportConfig {
    fn read(table: &mut Table<'_>) -> Self {
        let people = match table.people(PEOPLE, "[\"@ada:example.org\"]") {
            None => People::Unsaid,
            Some(ids) if ids.iter().any(|id| id == EVERYBODY) => People::Everybody,
            Some(ids) => People::Named(ids),
        };
        let files: FilesConfig = table.table("files");
        let backlog = Duration::ZERO..=LONGEST_BACKLOG;
        let house = HouseKeys {
            people,
            session_mode: SessionMode::read(table),
            show_resume_line: table.boolean("show_resume_line", true),
            backlog_max_age: table.seconds("backlog_max_age", backlog, BACKLOG),
            files: Some(files).filter(|files| files.enabled),
        };
        let mut rest = Map::read(table);
        rest.retain(|key, _| !OURS.contains(&key.as_str()));
        Self { house, rest }
    }
}

impl HouseKeys {
    /// Returns what to warn of at the start and in doctor: that nobody may speak, or that everybody may; and what to
    /// write instead.
    #[must_use]
    pub fn warning(&self, instance: &InstanceId) -> Option<(String, String)> {
        let place = format!("write into [transports.{instance}] who may speak: {PEOPLE} = [\"ID\"]");
        match self.people {
            People::Named(_) => None,
            People::Unsaid => Some((
                "nobody is served but people who were let in by `takopi pair`".to_owned(),
                format!("{place}, or [] if it is to stay so"),
            )),
            People::Everybody => {
                Some(("everybody who reaches it may command this machine".to_owned(), place))
            }
        }
    }

    /// Returns what the transport can do by these keys. Its people are never taken to be on this machine, whatever its
    /// manifest says.
    pub(super) fn shape(&self, features: TransportFeatures) -> TransportFeatures {
        TransportFeatures {
            follows: false,
            caller_dir: false,
            conversations: self.session_mode == SessionMode::Chat,
            hides_resume_lines: !self.show_resume_line,
            ..features
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use takopi_core::id::TransportKind;
    use takopi_core::settings::{ConfigFile, Input, Known, Reading, load};

    fn read(table: &str) -> Reading<PluginTransportConfig> {
        let text = format!("[transports.work]\nkind = \"folder\"\n{table}");
        let file = ConfigFile { path: "/takopi.toml".into(), named: true, content: Ok(text.into_bytes()) };
        let input = Input { file: &file, environment: &[], overrides: &[], home: None };
        let kind = TransportKind::parse("folder").unwrap();
        let known = Known { transports: vec![kind], ..Known::default() };
        load(&input, &known).unwrap().settings.transport(&InstanceId::parse("work").unwrap())
    }

    #[test]
    fn the_plugin_gets_what_is_not_takopis_as_it_is_written() {
        let config = read(
            "enabled = true\nallowed_user_ids = [\"@ada:x\", 7]\nsession_mode = \"chat\"\nshow_resume_line = false\n\
             server = \"https://x\"\nfiles = { enabled = true }\n[transports.work.rooms]\nmain = 1",
        );
        let (config, warnings) = config.usable().unwrap();
        assert_eq!(warnings, []);
        let rest = json!({ "server": "https://x", "rooms": { "main": 1 } });
        assert_eq!(Value::Object(config.rest), rest);
        let house = config.house;
        assert_eq!(house.people, People::Named(vec!["@ada:x".to_owned(), "7".to_owned()]));
        let shape = house.shape(TransportFeatures { caller_dir: true, follows: true, ..Default::default() });
        let wanted =
            TransportFeatures { conversations: true, hides_resume_lines: true, ..Default::default() };
        assert_eq!(shape, wanted);
        assert!(house.files.is_some_and(|files| files.policy().is_some()));
    }

    #[test]
    fn what_the_plugin_gets_is_not_printed_but_by_its_keys() {
        let printed = format!("{:?}", read("token = \"hush hush\"").value);
        assert!(printed.contains("[\"token\"]") && !printed.contains("hush"), "{printed}");
    }

    #[test]
    fn nobody_and_everybody_are_warned_of_with_what_to_write() {
        let id = InstanceId::parse("work").unwrap();
        let told = |table: &str| read(table).value.house.warning(&id).map(|(what, remedy)| [what, remedy]);
        assert_eq!(told("allowed_user_ids = [7]"), None);
        assert_eq!(told("allowed_user_ids = []"), None, "whoever writes that means it");
        insta::assert_debug_snapshot!([told(""), told("allowed_user_ids = [7, \"*\"]")]);
    }

    #[test]
    fn a_list_that_cannot_be_read_lets_nobody_in() {
        let reading = read("allowed_user_ids = \"*\"");
        assert_eq!(reading.value.house.people, People::Unsaid);
        let told: Vec<String> = reading.diagnostics.iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(told.join("\n"));
    }
}

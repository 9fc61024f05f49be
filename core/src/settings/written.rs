//! A table as it is written, for readers that learn its keys at run time: the settings of a plugin, whose schema
//! takopi knows only while it runs.
//!
//! Each key is found with its place, so that such a reader can tell mistakes as the rooms do. Readers that know their
//! keys use [`super::ConfigTable`].

use std::fmt;
use std::path::Path;

use serde_json::{Map, Value as Json};

use super::diagnostic::{Diagnostic, Place};
use super::engine;
use super::source::{ConfigFile, Entry, Node, Value, find, parse, shown, to_map};
use super::table::{boolean, dotted, integer, items, not_a_table, number};
use super::transport::OWN_KEYS;
use super::{Document, Settings};
use crate::id::{EngineId, InstanceId, PluginId};

/// A table as it is written. It may hold secrets, so its `Debug` is its name.
#[derive(Clone)]
pub struct Written {
    /// Dotted; empty for a file of its own.
    path: String,
    place: Place,
    entries: Vec<Entry>,
    mistake: Option<Diagnostic>,
}

/// What a text from the environment or the command line, where everything is text, may mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// `true` or `false`, or another word for them.
    Boolean,
    /// A list, in JSON or TOML.
    List,
}

impl Written {
    /// Reads a file that is one table as a whole; no file where none is needed reads as empty. `home` is for `~`.
    ///
    /// # Errors
    /// Why it cannot be read, or each line that isn't TOML; no value is repeated.
    pub fn parse(file: &ConfigFile, home: Option<&Path>) -> Result<Self, Vec<Diagnostic>> {
        let path = shown(&file.path, home);
        let entries = parse(file, &path)?;
        Ok(Self { path: String::new(), place: Place::File { path, at: None }, entries, mistake: None })
    }

    fn find(document: &Document, path: &[&str], leave: &[&str]) -> Self {
        let dotted = path.join(".");
        let node = document.node(path);
        let place = node.map_or_else(|| document.file.clone(), |node| node.place.clone());
        let entries = node.and_then(Node::entries).unwrap_or_default();
        let entries = entries.iter().filter(|entry| !leave.contains(&entry.key.as_str())).cloned().collect();
        let mistake = node.filter(|node| node.entries().is_none()).map(|node| not_a_table(node, &dotted));
        Self { path: dotted, place, entries, mistake }
    }

    /// Returns where the table is, dotted: `plugins.weather`. Empty for a file of its own.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns what is wrong when something other than a table stands there; it then reads as empty.
    #[must_use]
    pub fn mistake(&self) -> Option<&Diagnostic> {
        self.mistake.as_ref()
    }

    /// Returns the values in clear, secrets too. Dates are texts; numbers that JSON does not have (infinite ones, whole
    /// ones beyond 64 bits) are null.
    #[must_use]
    pub fn values(&self) -> Map<String, Json> {
        to_map(&self.entries)
    }

    /// Returns whether something is written at `path`; items of lists count from 0.
    #[must_use]
    pub fn has(&self, path: &[String]) -> bool {
        path.is_empty() || self.walk(path).1 == path.len()
    }

    /// Returns where `path` is written, or else the deepest table or list on the way to it.
    #[must_use]
    pub fn place_of(&self, path: &[String]) -> Place {
        self.walk(path).0.map_or_else(|| self.place.clone(), |node| node.place.clone())
    }

    /// Returns the dotted key of `path`: `plugins.weather.units`.
    #[must_use]
    pub fn key_of(&self, path: &[String]) -> String {
        path.iter().fold(self.path.clone(), |path, key| dotted(&path, key))
    }

    /// Returns what the text at `path` means, when it is from the environment or the command line and does mean such
    /// a thing.
    #[must_use]
    pub fn meant(&self, path: &[String], meaning: Meaning) -> Option<Json> {
        let (node, steps) = self.walk(path);
        let node = node.filter(|node| steps == path.len() && matches!(node.value, Value::Text(_)))?;
        match meaning {
            Meaning::Integer => integer(node).map(Json::from),
            Meaning::Number => integer(node).map(Json::from).or_else(|| number(node).map(Json::from)),
            Meaning::Boolean => boolean(node).map(Json::from),
            Meaning::List => items(node).map(|items| items.iter().map(Node::to_json).collect()),
        }
    }

    /// Returns the last node on the way along `path`, and how many steps lead to it.
    fn walk(&self, path: &[String]) -> (Option<&Node>, usize) {
        let mut at: Option<&Node> = None;
        for (steps, key) in path.iter().enumerate() {
            let next = match at.map(|node| &node.value) {
                None => find(&self.entries, key),
                Some(Value::Table(entries)) => find(entries, key),
                Some(Value::Array(items)) => key.parse().ok().and_then(|index: usize| items.get(index)),
                Some(_) => None,
            };
            if next.is_none() {
                return (at, steps);
            }
            at = next;
        }
        (at, path.len())
    }
}

impl fmt::Debug for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}] at {}", self.path, self.place)
    }
}

impl Settings {
    /// Returns `[plugins.<id>]` as it is written.
    #[must_use]
    pub fn written_plugin(&self, id: &PluginId) -> Written {
        Written::find(&self.document, &["plugins", id.as_str()], &[])
    }

    /// Returns the table of an engine as it is written: `[engines.<id>]`, or the older `[<id>]`.
    #[must_use]
    pub fn written_engine(&self, id: &EngineId) -> Written {
        Written::find(&self.document, &engine::place_of(&self.document.root, id), &[])
    }

    /// Returns `[transports.<instance>]` as it is written, without the keys that are the core's.
    #[must_use]
    pub fn written_transport(&self, instance: &InstanceId) -> Written {
        Written::find(&self.document, &["transports", instance.as_str()], &OWN_KEYS)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::settings_of;
    use super::*;
    use serde_json::json;

    fn path(path: &[&str]) -> Vec<String> {
        path.iter().map(|key| (*key).to_owned()).collect()
    }

    fn plugin(file: &str, variables: &[(&str, &str)]) -> Written {
        let settings = settings_of(file, variables, &[]).unwrap().settings;
        settings.written_plugin(&PluginId::parse("weather").unwrap())
    }

    #[test]
    fn every_key_is_found_with_its_place() {
        let table =
            plugin("[plugins.weather]\nplace = 'x'\ntags = ['a',\n 'b']\n[plugins.weather.in]\nd = 1", &[]);
        let at = |keys: &[&str]| table.place_of(&path(keys)).to_string();
        assert_eq!(at(&["place"]), "~/.takopi/takopi.toml:2:1");
        assert_eq!(at(&["tags", "1"]), "~/.takopi/takopi.toml:4:2");
        assert_eq!(at(&["in", "d"]), "~/.takopi/takopi.toml:6:1");
        assert_eq!(at(&["in", "e"]), at(&["in"]), "the deepest there is");
        assert_eq!(at(&["other"]), "~/.takopi/takopi.toml:1:10");
        assert!(table.has(&path(&["in", "d"])) && !table.has(&path(&["in", "e"])));
        assert_eq!(table.key_of(&path(&["in", "a b"])), "plugins.weather.in.\"a b\"");
    }

    #[test]
    fn a_text_of_the_environment_means_what_is_asked_for() {
        let variables = [
            ("TAKOPI__PLUGINS__WEATHER__DAYS", "3"),
            ("TAKOPI__PLUGINS__WEATHER__ON", "yes"),
            ("TAKOPI__PLUGINS__WEATHER__TAGS", "['a', 'b']"),
        ];
        let table = plugin("[plugins.weather]\nwritten = '3'", &variables);
        let meant = |key: &str, meaning| table.meant(&path(&[key]), meaning);
        assert_eq!(meant("days", Meaning::Integer), Some(json!(3)));
        assert_eq!(meant("days", Meaning::Number), Some(json!(3)));
        assert_eq!(meant("on", Meaning::Boolean), Some(json!(true)));
        assert_eq!(meant("on", Meaning::Integer), None);
        assert_eq!(meant("tags", Meaning::List), Some(json!(["a", "b"])));
        assert_eq!(meant("written", Meaning::Integer), None, "in the file a text is a text");
    }

    #[test]
    fn what_is_no_table_reads_as_empty_and_is_told() {
        let table = plugin("[plugins]\nweather = 'sunny'", &[]);
        assert_eq!(
            table.mistake().unwrap().to_string(),
            "error: ~/.takopi/takopi.toml:2:1: plugins.weather: expected a table, found \"sunny\"; \
             write [plugins.weather] with its keys below, or weather = { … }"
        );
        assert!(table.values().is_empty());
    }

    #[test]
    fn engines_are_found_in_either_place_and_transports_without_the_cores_keys() {
        let file = "transport = 'local'\n[acme]\nmodel = 'm'\n[transports.x]\nkind = 'local'\nurl = 'u'";
        let settings = settings_of(file, &[], &[]).unwrap().settings;
        let id = |id: &str| PluginId::parse(id).unwrap();
        assert_eq!(settings.written_engine(&id("acme")).path(), "acme");
        assert_eq!(settings.written_engine(&id("codex")).path(), "engines.codex");
        assert_eq!(Json::Object(settings.written_transport(&id("x")).values()), json!({"url": "u"}));
    }

    #[test]
    fn a_file_of_its_own_is_read_with_its_places_and_no_value_is_shown() {
        let file = |text: &str| ConfigFile {
            path: "/home/ann/.takopi/plugin-config/acme/weather.toml".into(),
            named: false,
            content: Ok(text.as_bytes().to_vec()),
        };
        let home = Some(Path::new("/home/ann"));
        let table = Written::parse(&file("api = 'hush'"), home).unwrap();
        assert_eq!(format!("{table:?}"), "[] at ~/.takopi/plugin-config/acme/weather.toml");
        let broken = Written::parse(&file("a = 1\napi = hush hush"), home).unwrap_err();
        assert_eq!(
            broken[0].to_string(),
            "error: ~/.takopi/plugin-config/acme/weather.toml:2:7: api: this is no value; put text in quotes: \"…\""
        );
    }
}

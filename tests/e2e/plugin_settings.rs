//! Settings of a plugin that its own schema refuses: what is said of them at the start, in doctor, in the listing and in
//! the chat. Nothing of the plugin is started for it, and everything else goes on.

use crate::house::{Daemon, Home};
use crate::plugin::{FORECAST, Plugin, WEATHER};

/// A schema with a key that has to be there and one that has its limits.
const SCHEMA: &str = r#"{"type": "object", "additionalProperties": false, "required": ["place"], "properties": {
    "place": {"type": "string", "description": "Where you are."},
    "days": {"type": "integer", "minimum": 1, "maximum": 9, "default": 3}}}"#;

fn install(home: &Home) -> Plugin<'_> {
    let (table, keys) = WEATHER;
    let keys = format!("{keys}\nconfig_schema = 'schema.json'");
    let plugin = Plugin::install(home, "weather", &[(table, &keys)], FORECAST);
    plugin.write("schema.json", SCHEMA);
    plugin
}

/// Says what each way of looking says, and that a daemon works with everything else.
fn is_told_everywhere(settings: &str, words: &[&str]) {
    let home = Home::with_config(&format!("default_engine = 'shell'\n{settings}"));
    let plugin = install(&home);
    let told = |what: &str, text: &str| {
        for word in words {
            assert!(text.contains(word), "{what} does not say {word:?}: {text}");
        }
    };
    let listing = home.run(&["plugins"]).stdout;
    told("the listing", &listing);
    assert!(!listing.contains("error: "), "its rows are errors anyway: {listing}");
    told("doctor", &home.run(&["doctor"]).stdout);
    let mut daemon = Daemon::start(&home);
    let start = daemon.remarks("weather");
    told("the start", &start);
    assert!(!start.contains("neither a setting"), "only what is wrong is said: {start}");
    let refused = home.run(&["chat", "/weather here"]);
    told("the chat", &refused.stderr);
    assert!(refused.stderr.contains("Failed to load command 'weather'"), "{}", refused.stderr);
    assert_eq!(refused.code, 1);
    let other = home.run(&["chat", "echo others go on"]);
    assert!(other.stdout.contains("others go on"), "{}{}", other.stdout, other.stderr);
    assert!(plugin.started().is_empty(), "nothing of it is started");
    daemon.stop();
}

#[test]
fn plugin_settings_that_its_schema_refuses_are_told_with_file_line_and_remedy() {
    is_told_everywhere(
        "[plugins.weather]\nplace = 'Ulm'\ndays = 'many'\n",
        &["takopi.toml:4", "plugins.weather.days", "whole number"],
    );
}

#[test]
fn plugin_settings_without_a_key_that_its_schema_requires_are_told() {
    is_told_everywhere("[plugins.weather]\ndays = 2\n", &["plugins.weather.place"]);
}

#[test]
fn plugin_settings_that_are_no_table_are_told_with_file_and_line() {
    is_told_everywhere(
        "[plugins]\nweather = 2\n",
        &["takopi.toml:3", "plugins.weather", "[plugins.weather]"],
    );
}

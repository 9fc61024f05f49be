//! What a healed file looks like, and that healing loses nothing.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use takopi_core::settings::{Input, Known, load};

use super::*;
use crate::layers::effective;
use crate::schema::tests::any_schema;

fn schema(schema: &Value) -> Schema {
    Schema::parse(&schema.to_string()).unwrap()
}

fn weather() -> Schema {
    Schema::parse(
        r#"{
        "type": "object",
        "description": "Forecasts by a service of your choice.",
        "required": ["api_key"],
        "properties": {
            "units": {"title": "Units", "description": "What temperatures are told in.\nImperial is for the USA.",
                "enum": ["metric", "imperial"], "default": "metric"},
            "api_key": {"type": "string", "description": "Key of the service, from your account's page there. It is sent to the service with each question and to nobody else, and it is never shown."},
            "days": {"type": "integer", "minimum": 1, "maximum": 7, "default": 3},
            "tags": {"type": "array", "items": {"type": "string"}, "default": ["rain", "snow"]},
            "cache": {"type": "object", "description": "What is kept for how long.", "properties": {
                "hours": {"type": "number", "default": 6.5}, "dir": {"type": "string"}}},
            "headers": {"type": "object", "description": "Sent along.", "additionalProperties": {"type": "string"}}
        }}"#,
    )
    .unwrap()
}

fn head() -> Head {
    Head {
        whose: "weather, a command of takopi-acme".to_owned(),
        command: "takopi plugins config weather".to_owned(),
        table: "plugins.weather".to_owned(),
        path: "/home/ann/.takopi/plugin-config/takopi-acme/weather.toml".into(),
        home: Some("/home/ann".into()),
    }
}

fn healed(text: &str, schema: &Schema) -> Healed {
    heal(Some(text), schema, &head()).unwrap()
}

fn changes(healed: &Healed) -> Vec<String> {
    healed.changes.iter().map(ToString::to_string).collect()
}

fn values(text: &str) -> Map<String, Value> {
    let content = Ok(text.as_bytes().to_vec());
    Written::parse(&ConfigFile { path: "x".into(), named: false, content }, None).unwrap().values()
}

#[test]
fn a_new_file_shows_every_key_with_its_docs_and_sets_none() {
    let new = heal(None, &weather(), &head()).unwrap();
    insta::assert_snapshot!(new.text);
    assert_eq!(changes(&new).len(), 6);
    assert_eq!(healed(&new.text, &weather()), Healed { text: new.text.clone(), changes: Vec::new() });
    let own = Written::parse(
        &ConfigFile { path: "x".into(), named: false, content: Ok(new.text.into_bytes()) },
        None,
    );
    let own = own.unwrap();
    let found = effective(Some(&weather()), Some(&own), &own);
    assert_eq!(
        Value::Object(found.values.clone()),
        Value::Object({
            let mut defaults = weather().defaults();
            defaults.insert("headers".to_owned(), json!({}));
            defaults
        })
    );
}

#[test]
fn what_the_user_wrote_survives_and_what_is_unknown_is_kept_in_comments() {
    let text = r#"# my notes
#: old docs
#days = 2
# asked for by Bob
units = 'imperial' # for now
tags = [
  "rain", # often
  # never: "sun"
]
cache.hours = 1 # short
#gone = 3
old = """
two
lines""" # why
# before the table
[headers] # mine
# who
X-Who = "ann"
#X-Other = "parked"
[lost]
a = 1
b = { c = 'd' }
# the end
"#;
    let healed = healed(text, &weather());
    insta::assert_snapshot!(healed.text);
    assert_eq!(
        changes(&healed),
        [
            "api_key is new",
            "days has another default",
            "old is no longer known to the plugin; its value is kept in a comment at the end",
            "lost.a is no longer known to the plugin; its value is kept in a comment at the end",
            "lost.b.c is no longer known to the plugin; its value is kept in a comment at the end",
            "cache.dir is new",
            "gone is gone: it is no longer known to the plugin",
        ]
    );
    let again = self::healed(&healed.text, &weather());
    assert_eq!(again, Healed { text: healed.text, changes: Vec::new() });
}

#[test]
fn comments_behind_the_keys_of_a_list_of_tables_all_stay() {
    let file = "[[rooms]]\nname = \"a\" # first\n[[rooms]]\nname = \"b\" # second\n";
    let text = healed(file, &weather()).text;
    assert!(text.contains("# first\n") && text.contains("# second\n"), "{text}");
}

#[test]
fn a_file_of_an_editor_of_windows_keeps_what_it_sets_and_its_comments() {
    let file = "\u{feff}# mine\r\ndays = 5 # five\r\n\r\n# of the cache\r\n[cache]\r\nhours = 2.5\r\n";
    let text = healed(file, &weather()).text;
    assert!(text.contains("\n# mine\ndays = 5 # five\n"), "{text}");
    assert!(text.contains("\n# of the cache\n[cache]\n") && text.contains("\nhours = 2.5\n"), "{text}");
    assert_eq!(healed(&text, &weather()).text, text);
}

#[test]
fn a_value_of_the_wrong_shape_stays_for_the_check_to_tell() {
    let text = "cache = 3 # c\nheaders = { a = 'b',\n c = 'd' }\n[days]\n# x\na = 1 # y\n[[units]]\na = 1\n[[units]]\n";
    let healed = healed(text, &weather());
    assert_eq!(values(&healed.text), values(text));
    for line in ["cache = 3 # c", "# x", "# y", "days = { a = 1 }", "units = [{ a = 1 }, {}]"] {
        assert!(healed.text.lines().any(|other| other == line), "{line}\n{}", healed.text);
    }
    assert_eq!(self::healed(&healed.text, &weather()).text, healed.text);
}

#[test]
fn a_file_that_is_not_toml_is_left_alone_and_its_line_is_named() {
    let told = heal(Some("units = 'metric'\napi_key = hush hush\n"), &weather(), &head()).unwrap_err();
    assert_eq!(
        told[0].to_string(),
        "error: ~/.takopi/plugin-config/takopi-acme/weather.toml:2:11: api_key: this is no value; \
         put text in quotes: \"…\""
    );
}

#[test]
fn the_file_is_where_no_plugin_is_looked_for_and_below_its_folder_whatever_it_is_called() {
    let of = |distribution: &str, kind, id| {
        let (distribution, id) = (Distribution::parse(distribution), PluginId::parse(id).unwrap());
        path(Path::new("/c"), distribution.as_ref(), kind, &id).display().to_string()
    };
    assert_eq!(of("Takopi_Acme", Kind::Command, "weather"), "/c/plugin-config/takopi-acme/weather.toml");
    assert_eq!(of("acme", Kind::Engine, "acme"), "/c/plugin-config/acme/acme.toml");
    assert_eq!(of("acme", Kind::Transport, "acme"), "/c/plugin-config/acme/acme.transport.toml");
    assert_eq!(of("/etc/x y", Kind::Command, "w"), "/c/plugin-config/_etc_x_y/w.toml");
}

#[test]
fn the_file_is_its_owners_alone_and_read_as_it_was_written() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("plugin-config/acme/weather.toml");
    assert!(read(&path, None).unwrap().is_none());
    save(&path, "api_key = 'x'\n").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    save(&path, "api_key = 'y'\n").unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
    assert_eq!(Value::Object(read(&path, None).unwrap().unwrap().values()), json!({"api_key": "y"}));
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing is left beside it");
    fs::write(&path, b"\xff").unwrap();
    assert!(read(&path, Some(dir.path())).unwrap_err()[0].finding().starts_with("~/plugin-config/"));
    fs::write(&path, "x".repeat(2 << 20)).unwrap();
    assert!(text(&path, None).unwrap_err()[0].problem.contains("larger than"));
}

/// Returns the fenced blocks of the docs that begin with such a fence.
fn blocks(fence: &str) -> Vec<&'static str> {
    let docs = include_str!("../../../../docs/plugins/config.md");
    docs.split(fence).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

#[test]
fn the_docs_say_what_is_written_and_told() {
    let schema = Schema::parse(blocks("```json\n")[0]).unwrap();
    let [_, file, takopi] = blocks("```toml\n")[..] else { panic!("three blocks of TOML") };
    assert_eq!(heal(None, &schema, &head()).unwrap().text, file);
    let input = |path: &str, text: &str| ConfigFile {
        path: path.into(),
        named: false,
        content: Ok(text.as_bytes().to_vec()),
    };
    let home = Some(Path::new("/home/ann"));
    let own = Written::parse(&input("/home/ann/.takopi/plugin-config/takopi-acme/weather.toml", file), home)
        .unwrap();
    let takopi_toml = input("/home/ann/.takopi/takopi.toml", takopi);
    let known = Known { transports: vec![PluginId::parse("local").unwrap()], ..Known::default() };
    let settings =
        load(&Input { file: &takopi_toml, environment: &[], overrides: &[], home }, &known).unwrap().settings;
    let takopi = settings.written_plugin(&PluginId::parse("weather").unwrap());
    let told = effective(Some(&schema), Some(&own), &takopi).diagnostics;
    assert_eq!(told.iter().map(|one| format!("{one}\n")).collect::<String>(), blocks("```text\n")[0]);
}

/// Lines of a file as people leave them: some of schema keys, some of others, comments of all kinds.
fn any_file() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        Just("1".to_owned()),
        Just("'x'".to_owned()),
        Just("\"a # b\"".to_owned()),
        Just("[ 1,\n 2, # two\n]".to_owned()),
        Just("{ a = 1, b = 'x' }".to_owned()),
        Just("\"\"\"\n[c]\n#a = 1\n# x\n\"\"\"".to_owned()),
        Just("2026-01-02".to_owned()),
        Just("inf".to_owned()),
    ];
    let key = "([a-d]|z|\"e f\"|a\\.[a-c])";
    let line = prop_oneof![
        4 => (key, value.clone(), prop::option::of("# [a-z]{1,3}"))
            .prop_map(|(key, value, behind)| format!("{key} = {value} {}", behind.unwrap_or_default())),
        2 => (key, value).prop_map(|(key, value)| format!("#{key} = {value}").replace('\n', " ")),
        2 => "# ?[a-z ]{0,5}",
        1 => "#: [a-z ]{0,5}",
        1 => Just(String::new()),
        2 => "\\[([a-d]|z|\"e f\"|[a-c]\\.[a-c])\\]( # [a-z]{1,3})?",
        1 => "\\[\\[[a-d]\\]\\]",
    ];
    // Keys that are there twice and the like are taken out again, line by line.
    prop::collection::vec(line, 0..14).prop_map(|lines| {
        let mut text = String::new();
        for line in lines {
            let longer = format!("{text}{line}\n");
            if longer.parse::<toml::Table>().is_ok() {
                text = longer;
            }
        }
        text
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]
    #[test]
    fn healing_is_done_at_once_and_loses_nothing(
        file in any_file(), first in any_schema(), second in any_schema()
    ) {
        let (first, second) = (schema(&first), schema(&second));
        let mut before = file;
        for schema in [&first, &second, &first] {
            let after = healed(&before, schema);
            prop_assert_eq!(&healed(&after.text, schema), &Healed { text: after.text.clone(), changes: vec![] });
            // What is set stays set, or stands in a comment.
            let (was, is) = (values(&before), values(&after.text));
            for key in was.keys().filter(|key| schema.root.field(key).is_some()) {
                let empty = |value: &Value| value.as_object().is_some_and(|table| table.values().all(Value::is_object));
                prop_assert!(is.contains_key(key) || empty(&was[key]), "{key}\n{before}\n---\n{}", after.text);
            }
            for (key, value) in is.iter().filter(|(_, value)| !value.is_object()) {
                // Infinite numbers are null, so this compares them too.
                prop_assert_eq!(Some(value), was.get(key), "{}\n---\n{}", before, &after.text);
            }
            for comment in before.split('#').skip(1).filter_map(|rest| rest.lines().next()) {
                let mine = comment.trim();
                let letters = mine.len() > 1 && mine.chars().all(|c| c.is_ascii_lowercase());
                prop_assert!(!letters || after.text.contains(mine), "{mine}\n{before}\n---\n{}", after.text);
            }
            before = after.text;
        }
    }
}

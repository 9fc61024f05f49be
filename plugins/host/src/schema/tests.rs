//! What a schema refuses, in which words; and that no settings end in a panic.

use std::path::Path;

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use takopi_core::settings::{ConfigFile, Written, has_errors};

use super::Schema;

const WEATHER: &str = r#"{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "required": ["api_key", "place"],
  "properties": {
    "api_key": {"type": "string", "description": "Key of the service.", "minLength": 4},
    "place": {"type": "string", "examples": ["Berlin"], "maxLength": 40},
    "units": {"enum": ["metric", "imperial"], "default": "metric"},
    "days": {"type": "integer", "minimum": 1, "maximum": 7, "default": 3},
    "share": {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
    "alerts": {"type": "boolean", "default": true},
    "tags": {"type": "array", "items": {"type": "string", "pattern": "^[a-z]+$"}, "maxItems": 3},
    "pin": {"type": ["string", "null"], "x-secret": true},
    "cache": {"type": "object", "properties": {"hours": {"type": "integer", "default": 6}}},
    "headers": {"type": "object", "additionalProperties": {"type": "string"}}
  }
}"#;

fn weather() -> Schema {
    Schema::parse(WEATHER).unwrap()
}

fn written(text: &str) -> Written {
    let path = "/home/ann/weather.toml".into();
    let file = ConfigFile { path, named: false, content: Ok(text.as_bytes().to_vec()) };
    Written::parse(&file, Some(Path::new("/home/ann"))).unwrap()
}

fn told(schema: &Schema, text: &str) -> String {
    let written = written(text);
    let found = schema.check(&written.values(), &written);
    found.iter().map(|one| format!("{one}\n")).collect()
}

fn refused(schema: &Value) -> String {
    Schema::parse(&schema.to_string()).unwrap_err().message
}

#[test]
fn settings_that_are_right_are_told_nothing() {
    let text = "api_key = 'hush'\nplace = 'Ulm'\nunits = 'imperial'\ndays = 7\nshare = 1\nalerts = false\n\
                tags = ['a', 'b']\npin = '1234'\ncache = { hours = 1 }\n[headers]\nx-one = 'y'\n";
    assert_eq!(told(&weather(), text), "");
}

#[test]
fn every_mistake_is_told_with_its_place_and_a_remedy() {
    let text = "api_key = 'no'\nunits = 'metrik'\ndays = 8\nshare = 0.0\nalerts = 'maybe'\n\
                tags = ['ok', 'No', 3]\npin = 4242\nplcae = 'Ulm'\n[cache]\nhours = 1.5\nminutes = 2\n\
                [headers]\n5 = 5\n";
    insta::assert_snapshot!(told(&weather(), text));
}

#[test]
fn what_is_missing_is_told_where_it_belongs() {
    let schema = json!({"properties": {
        "login": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}},
        "place": {"type": "string"}
    }, "required": ["place"]});
    let schema = Schema::parse(&schema.to_string()).unwrap();
    insta::assert_snapshot!(told(&schema, "[login]\n"), @r#"
    error: ~/weather.toml: place: it is missing; write e.g. place = "…"
    error: ~/weather.toml:1:2: login.name: it is missing; write e.g. name = "…" in [login]
    "#);
    assert_eq!(told(&schema, "place = 'x'"), "", "a table that is not there lacks nothing");
}

#[test]
fn unknown_keys_are_warnings_errors_or_nothing_as_the_schema_has_it() {
    let told = |others: Value| {
        let schema = json!({"type": "object", "properties": {"place": {}}, "additionalProperties": others});
        told(&Schema::parse(&schema.to_string()).unwrap(), "palce = 1")
    };
    assert_eq!(told(json!(false)), "error: ~/weather.toml:1:1: palce: unknown key; did you mean place?\n");
    assert_eq!(told(json!(true)), "");
    assert_eq!(
        told(json!({"type": "string"})),
        "error: ~/weather.toml:1:1: palce: expected text, found 1; write e.g. palce = \"…\"\n"
    );
}

#[test]
fn numbers_that_json_does_not_have_and_dates_are_told_or_read() {
    let schema = json!({"properties": {"n": {"type": "number"}, "day": {"type": "string"}}});
    let schema = Schema::parse(&schema.to_string()).unwrap();
    assert_eq!(told(&schema, "day = 2026-01-02"), "");
    for number in ["inf", "-inf", "nan", "9223372036854775808"] {
        assert_eq!(
            told(&schema, &format!("n = {number}")),
            "error: ~/weather.toml:1:1: n: expected a number, found a number that is infinite or too large; \
             write e.g. n = 0.0\n"
        );
    }
}

#[test]
fn a_secret_is_in_no_message() {
    let schema = json!({"properties": {
        "pass_phrase": {"type": "string", "x-secret": true, "maxLength": 2},
        "access_token": {"type": "integer"},
        "login": {"type": "object", "writeOnly": true, "properties": {"name": {"enum": ["ann"]}}},
        "more": {"type": "object", "additionalProperties": {"type": "integer"}}
    }});
    let schema = Schema::parse(&schema.to_string()).unwrap();
    let text =
        "pass_phrase = 'hush'\naccess_token = 'hush'\nlogin = { name = 'hush' }\nmore = { api_key = 'hush' }";
    let told = told(&schema, text);
    assert_eq!(told.lines().count(), 4, "{told}");
    assert!(!told.contains("hush"), "{told}");
}

#[test]
fn an_author_says_that_a_key_is_no_secret() {
    let schema = json!({"properties": {"key_of_song": {"enum": ["C", "G"], "x-secret": false}}});
    let told = told(&Schema::parse(&schema.to_string()).unwrap(), "key_of_song = 'H'");
    assert!(told.contains("found \"H\""), "{told}");
}

#[test]
fn what_is_not_enforced_is_told_to_the_author() {
    let schema = json!({
        "type": "object",
        "oneOf": [],
        "properties": {
            "a": {"type": "string", "format": "date", "pattern": "(?=x)"},
            "b": {"type": "integer", "multipleOf": 2},
            "c": {"type": "array", "items": [{"type": "string"}]},
            "d": {"type": "object", "default": {"x": 1}}
        },
        "required": ["e"]
    });
    insta::assert_snapshot!(Schema::parse(&schema.to_string()).unwrap().notes().join("\n"));
}

#[test]
fn a_schema_that_is_none_is_told_with_its_place() {
    let of = |property: Value| json!({"properties": {"a": property}});
    let schemas = [
        json!({"type": "array"}),
        of(json!({"type": "strin"})),
        of(json!({"type": "integer", "minimum": "1"})),
        of(json!({"type": "integer", "default": "x"})),
        of(json!({"type": "integer", "default": 9_223_372_036_854_775_808_u64})),
        of(json!({"enum": ["x"], "default": "y"})),
        of(json!({"minLength": -1})),
        of(json!(3)),
        json!({"required": "a"}),
    ];
    let mut told: Vec<_> = schemas.iter().map(refused).collect();
    told.push(Schema::parse("{\"properties\": {\n 'a'").unwrap_err().message);
    told.push(Schema::parse(r#"{"properties": {"a": {}, "a": {}}}"#).unwrap_err().message);
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn a_schema_without_end_is_refused() {
    let deep = (0..40).fold(json!({"type": "string"}), |below, _| json!({"properties": {"a": below}}));
    assert!(refused(&deep).ends_with("more than 8 tables within each other"), "{}", refused(&deep));
    let large = format!("{{\"title\": \"{}\"}}", "x".repeat(300 << 10));
    assert!(Schema::parse(&large).unwrap_err().message.ends_with("larger than 262144 bytes"));
    let unclosed = "[".repeat(100_000);
    assert!(Schema::parse(&unclosed).unwrap_err().message.contains("it is not JSON"));
}

#[test]
fn the_file_of_a_schema_is_named_when_it_cannot_be_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("weather.schema.json");
    assert!(Schema::read(&path).unwrap_err().message.contains("weather.schema.json: No such file"));
    std::fs::write(&path, WEATHER).unwrap();
    assert_eq!(Schema::read(&path).unwrap().defaults(), weather().defaults());
}

#[test]
fn defaults_hold_where_nothing_is_set_and_a_table_that_lacks_something_is_left_out() {
    assert_eq!(
        Value::Object(weather().defaults()),
        json!({"units": "metric", "days": 3, "alerts": true, "cache": {"hours": 6}})
    );
    let login = json!({"required": ["name"], "properties": {"name": {}, "retries": {"default": 2}}});
    let schema = Schema::parse(&json!({"properties": {"login": login}}).to_string()).unwrap();
    assert_eq!(schema.defaults(), Map::new());
    let mut settings = json!({"login": {"name": "ann"}}).as_object().unwrap().clone();
    schema.fill(&mut settings);
    assert_eq!(Value::Object(settings), json!({"login": {"name": "ann", "retries": 2}}));
}

pub(crate) fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        "(string|integer|number|boolean|array|object|metric)".prop_map(Value::from),
    ];
    let key = "(type|enum|properties|items|default|required|minimum|pattern|x-secret|units|cache|additionalProperties|.{0,4})";
    leaf.prop_recursive(4, 40, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(key, inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Schemas as authors write them.
pub(crate) fn any_schema() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!({"type": "string", "description": "A text.\nOf two lines."})),
        ".{0,8}".prop_map(|text| json!({"type": "string", "default": text})),
        any::<i64>().prop_map(|number| json!({"type": "integer", "default": number, "title": "A number"})),
        any::<f64>().prop_map(|number| json!({"type": "number", "default": number})),
        Just(json!({"enum": ["a", "b"], "default": "a"})),
        Just(json!({"type": "boolean", "default": false, "x-secret": true})),
        prop::collection::vec(".{0,3}", 0..3)
            .prop_map(|texts| json!({"type": "array", "items": {"type": "string"}, "default": texts})),
        Just(json!({"type": "object", "additionalProperties": {"type": "integer"}})),
        Just(json!({})),
    ];
    let table = |inner: BoxedStrategy<Value>| {
        let fields = prop::collection::btree_map("[a-d]|e f", (inner, any::<bool>()), 0..5);
        fields.prop_map(|fields| {
            let required: Vec<_> = fields.iter().filter(|(_, field)| field.1).map(|(name, _)| name).collect();
            let required = json!(required);
            let properties: Map<_, _> = fields.into_iter().map(|(name, (shape, _))| (name, shape)).collect();
            json!({"type": "object", "properties": properties, "required": required})
        })
    };
    table(leaf.prop_recursive(2, 12, 4, move |inner| table(inner.boxed())).boxed())
}

proptest! {
    #[test]
    fn no_schema_and_no_settings_end_in_a_panic(schema in any_json(), settings in any_json()) {
        for schema in [Schema::parse(&schema.to_string()), Ok(weather())].into_iter().flatten() {
            if let Value::Object(table) = &settings {
                prop_assert!(schema.check(table, &"here").iter().all(|one| !one.problem.is_empty()));
            }
        }
    }

    #[test]
    fn what_holds_by_default_is_right(schema in any_schema()) {
        let schema = Schema::parse(&schema.to_string()).unwrap();
        let mut found = schema.check(&schema.defaults(), &"here");
        found.retain(|one| one.problem != "it is missing");
        prop_assert_eq!(found, []);
        let mut filled = schema.defaults();
        schema.fill(&mut filled);
        prop_assert_eq!(filled, schema.defaults());
    }

    #[test]
    fn an_example_of_a_schema_with_limits_keeps_them(least in -9_i64..9, more in 0_i64..9) {
        let shape = json!({"type": "integer", "minimum": least, "maximum": least + more});
        let schema = Schema::parse(&json!({"properties": {"n": shape}}).to_string()).unwrap();
        let example = format!("n = {}", schema.root.fields[0].shape.example());
        prop_assert_eq!(has_errors(&schema.check(&written(&example).values(), &"here")), false);
    }
}

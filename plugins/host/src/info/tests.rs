//! What `plugins info` shows, and what it never shows.

use std::collections::BTreeMap;

use serde_json::json;
use takopi_core::port::command::Access;
use takopi_core::port::engine::EngineFeatures;
use takopi_core::settings::{ConfigFile, Written};

use super::*;
use crate::layers::effective;
use crate::manifest::{CommandTable, DistributionTable, EngineTable, ProcessTable};
use crate::problem::Code;

pub(crate) fn package() -> Package {
    let needs = vec!["acme".to_owned()];
    let engine = EngineTable {
        title: "Acme Coder".to_owned(),
        install: Some("npm i -g acme".to_owned()),
        needs: needs.clone(),
        features: EngineFeatures::default(),
        shared: false,
        resume: None,
        config_schema: None,
    };
    let command = CommandTable {
        description: "forecast for a place".to_owned(),
        usage: "/weather <place>".to_owned(),
        needs: Vec::new(),
        config_schema: Some("weather.schema.json".into()),
        access: Access::default(),
    };
    Package {
        dir: "/home/ann/.takopi/plugins/acme".into(),
        manifest: Manifest {
            distribution: DistributionTable {
                name: "takopi-acme".to_owned(),
                version: "0.3.1".to_owned(),
                requires_takopi: Some(">=0.1, <0.2".to_owned()),
                description: Some("Acme agent and /weather".to_owned()),
            },
            process: ProcessTable {
                command: vec!["./acme-plugin".to_owned(), "--stdio".to_owned()],
                env: vec!["ACME_URL".to_owned(), "ACME_REGION".to_owned()],
                needs_env: vec!["ACME_API_KEY".to_owned()],
                idle_stop: None,
                permissions: vec![Permission::RunEngine, Permission::SendMessage, Permission::Background],
            },
            engines: BTreeMap::from([("acme".to_owned(), Box::new(engine))]),
            transports: BTreeMap::new(),
            commands: BTreeMap::from([("weather".to_owned(), Box::new(command))]),
        },
    }
}

fn info() -> Info {
    let shown = |path: &Path| path.display().to_string().replace("/home/ann", "~");
    let surroundings = Surroundings { on_path: &|_| false, is_set: &|_| true, shown: &shown };
    Info::of(&package(), &surroundings)
}

fn written(path: &str, text: &str) -> Written {
    let file = ConfigFile { path: path.into(), named: false, content: Ok(text.as_bytes().to_vec()) };
    Written::parse(&file, Some(Path::new("/home/ann"))).unwrap()
}

fn settings(schema: Option<&Schema>, own: &str, takopi: &str) -> SettingsInfo {
    let own = written("/home/ann/.takopi/plugin-config/takopi-acme/weather.toml", own);
    let takopi = written("/home/ann/.takopi/takopi.toml", takopi);
    let file = OwnFile {
        path: "~/.takopi/plugin-config/takopi-acme/weather.toml".to_owned(),
        there: false,
        command: "takopi plugins config weather".to_owned(),
    };
    let effective = effective(schema, Some(&own), &takopi);
    SettingsInfo::of(Kind::Command, "weather", "plugins.weather", file, schema, &effective)
}

fn schema() -> Schema {
    let schema = r#"{"required": ["place"], "oneOf": [], "properties": {
        "units": {"title": "Units", "enum": ["metric", "imperial"], "default": "metric",
            "description": "What temperatures are told in: Celsius and millimetres, or what people in the United States of America are used to.\nBoth are rounded."},
        "place": {"type": "string", "description": "Where you are."},
        "phrase": {"type": "string", "x-secret": true},
        "api_key": {"type": "string", "description": "Key of the service.", "minLength": 20},
        "days": {"type": "integer", "minimum": 1, "maximum": 7, "default": 3},
        "cache": {"type": "object", "properties": {"hours": {"type": "number", "default": 6.5}}},
        "headers": {"type": "object", "additionalProperties": {"type": "string"}},
        "logins": {"type": "array", "items": {"type": "object", "additionalProperties": true}},
        "pin": {"type": "string", "writeOnly": true}
    }}"#;
    Schema::parse(schema).unwrap()
}

const OWN: &str =
    "phrase = 'hush hush'\nunits = 'metric'\n[headers]\nX-Who = 'ann'\nX-Token = 'hush token'\n";
const TAKOPI: &str = "units = 'imperial'\napi_key = 'hush key'\nodd = \"\\u001b[31mred\"\n\
                      logins = [{ name = 'ann', password = 'hush hush' }]\n";

#[test]
fn everything_that_is_known_stands_on_one_page() {
    let mut info = info();
    info.enabled = false;
    info.problems = vec![Problem::new(Code::MissingExecutable, "acme is not on PATH; npm i -g acme")];
    info.settings = vec![settings(Some(&schema()), OWN, TAKOPI)];
    let page = render_info(&info);
    assert!(page.lines().all(|line| line.chars().count() <= 100 || !line.trim().contains(' ')), "{page}");
    insta::assert_snapshot!(page);
}

#[test]
fn a_plugin_without_a_schema_shows_what_is_set() {
    let mut info = info();
    info.settings = vec![settings(None, "", "place = 'Ulm'\napi_key = 'hush'\n[cache]\nhours = 2\n")];
    insta::assert_snapshot!(render_info(&info));
}

#[test]
fn programs_get_the_same_as_json() {
    let mut info = info();
    let mut settings = settings(Some(&schema()), "place = 'Ulm'\nphrase = 'hush hush'", "");
    settings.fields.truncate(3);
    info.settings = vec![settings];
    insta::assert_json_snapshot!(info);
}

#[test]
fn no_secret_is_on_the_page_in_the_json_or_in_debug() {
    // Without a schema secrets are known by their names only.
    for (schema, own) in [(Some(schema()), OWN), (None, "token = 'hush hush'")] {
        let mut info = info();
        info.settings = vec![settings(schema.as_ref(), own, TAKOPI)];
        let shown = format!("{} {} {info:?}", render_info(&info), json!(info));
        assert!(!shown.contains("hush"), "{shown}");
        assert!(shown.contains(SET));
    }
}

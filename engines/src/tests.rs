//! The engines together: what settings say of each, and that one mistake concerns one engine.

use std::path::Path;

use takopi_core::settings::{ConfigFile, Input, Known, Loaded, load};

use super::*;

const KEY: &str = "sk-very-secret-value";

fn settings(text: &str) -> Result<Settings, Vec<Diagnostic>> {
    let path = "/home/takopi.toml".into();
    let file = ConfigFile { path, named: true, content: Ok(text.as_bytes().to_vec()) };
    let known = Known {
        engines: known(|_| true).unwrap(),
        transports: vec![EngineId::parse("local").unwrap()],
        ..Known::default()
    };
    let input = Input { file: &file, environment: &[], overrides: &[], home: Some(Path::new("/home")) };
    load(&input, &known).map(|Loaded { settings, .. }| settings)
}

fn parts() -> EngineParts {
    EngineParts {
        environment: Environment::new("test", [], |_, _| true),
        tasks: TaskTracker::new(),
        stop: CancellationToken::new(),
        path: None,
        shell: None,
        drift: Drifts::default(),
    }
}

fn listed(settings: &Settings, id: &str) -> Listed {
    let found = list(settings, &[]).unwrap().into_iter().find(|engine| engine.spec.id.as_str() == id);
    found.unwrap()
}

#[test]
fn both_places_of_an_engines_table_are_read_and_both_at_once_are_refused() {
    for engine in AGENTS {
        let id = (engine.spec)().unwrap().id;
        for table in [format!("[engines.{id}]"), format!("[{id}]")] {
            let wrong = settings(&format!("{table}\nmodel = 7\n")).unwrap();
            let told = listed(&wrong, id.as_str()).told;
            assert_eq!(told.len(), 1, "{table}: {told:?}");
            let sound = settings(&format!("{table}\nmodel = \"m\"\n")).unwrap();
            assert_eq!(listed(&sound, id.as_str()).told, [], "{table}");
        }
        let both = settings(&format!("[{id}]\nmodel = \"a\"\n[engines.{id}]\nmodel = \"b\"\n")).unwrap_err();
        let line = both[0].to_string();
        assert!(line.contains("takopi.toml:1") && line.contains(&format!("[engines.{id}]")), "{line}");
        assert!(line.contains("takopi.toml:3"), "{line}");
    }
}

#[test]
fn an_engine_whose_table_is_wrong_stays_known_and_tells_why_it_is_not_made() {
    let settings = settings("[engines.codex]\nprofile = 7\nmode = \"app_server\"\n").unwrap();
    let codex = listed(&settings, "codex");
    assert!(!codex.is_usable());
    assert!(codex.spec.resume.is_some(), "its sessions are still its own");
    let error = build(&codex.spec, &settings, &parts()).err().unwrap().to_string();
    assert!(error.starts_with("~/takopi.toml:2:1: engines.codex.profile: "), "{error}");
    assert!(error.contains("profile = \"work\"") && !error.contains("app_server"), "{error}");
    for other in list(&settings, &[]).unwrap().iter().filter(|other| other.spec.id != codex.spec.id) {
        build(&other.spec, &settings, &parts()).map(drop).unwrap();
    }
}

#[test]
fn a_model_or_level_that_would_be_an_option_is_told_with_its_place() {
    for engine in AGENTS {
        let id = (engine.spec)().unwrap().id;
        for key in ["model", "reasoning"] {
            let told =
                listed(&settings(&format!("[engines.{id}]\n{key} = \"-x\"\n")).unwrap(), id.as_str()).told;
            let line = told.first().map(ToString::to_string).unwrap_or_default();
            assert!(line.contains("takopi.toml:2:1: ") && line.contains(&format!("{id}.{key}: ")), "{line}");
        }
    }
}

#[test]
fn what_an_engines_variables_hold_is_told_nowhere() {
    for place in ["engines.codex", "codex"] {
        let text = format!("[{place}.env]\nNAME = \"{KEY}\"\n");
        let slip = settings(&format!("[{place}.env]\n\"NAME={KEY}\" = \"\"\n")).unwrap();
        let told = format!("{:?}", listed(&slip, "codex").told);
        assert!(told.contains("NAME") && !told.contains(KEY), "{told}");
        let sound = settings(&text).unwrap();
        let codex = listed(&sound, "codex");
        let config = sound.engine::<codex::CodexConfig>(&codex.spec.id);
        assert!(codex.is_usable() && format!("{config:?}").contains("NAME"));
        assert!(!format!("{sound:?} {config:?}").contains(KEY));
        for wrong in [
            format!("\"A=B\" = \"{KEY}\""),
            format!("NAME = [\"{KEY}\"]"),
            format!("X = {{ Y = \"{KEY}\" }}"),
        ] {
            let settings = settings(&format!("[{place}.env]\n{wrong}\n")).unwrap();
            let told = listed(&settings, "codex").told;
            assert!(has_errors(&told), "{wrong}");
            assert!(!format!("{told:?}").contains(KEY), "{told:?}");
        }
    }
}

//! What a manifest says, and what its author is told.

use super::*;
use crate::problem::Code;
use proptest::prelude::*;
use takopi_core::port::transport::TextUnit;
use takopi_core::session::SessionToken;

const FULL: &str = r#"
manifest = 1
[distribution]
name = "Takopi_Acme"
version = "0.3.1"
requires_takopi = ">=0.1, <0.2"
description = "Acme agent and /weather"
[process]
command = ["./acme-plugin", "--stdio"]
protocol = "takopi/1"
env = ["ACME_URL"]
needs_env = ["ACME_API_KEY"]
idle_stop_s = 0
permissions = ["send_message", "background"]
[engine.acme]
title = "Acme Coder"
install = "npm i -g acme"
needs = ["acme"]
features = ["ask", "images"]
shared = true
config_schema = "acme.schema.json"
[engine.acme.resume]
show = "acme resume {token}"
match = ["acme resume {token}", "acme -r {token}"]
token = "[A-Za-z0-9_-]{1,128}"
[transport.matrix]
title = "Matrix"
limits = { max = 40000, unit = "utf16", min_edit_gap_ms = 900, chat = { calls = 20, per_s = 60 } }
features = ["edit", "buttons"]
[command.weather]
description = "forecast for a place"
usage = "/weather <place>"
[command.Bad-Id]
description = "who may have which id is decided elsewhere"
"#;

const LEAST: &str = r#"
manifest = 1
[distribution]
name = "a"
version = "1"
[process]
command = ["a"]
protocol = "takopi/1"
"#;

fn problem(text: &str) -> String {
    let problem = Manifest::parse(text).unwrap_err();
    format!("{}: {}", problem.code.word(), problem.message)
}

#[test]
fn a_manifest_is_read_with_all_its_groups() {
    let (manifest, notes) = Manifest::parse_with_notes(FULL).unwrap();
    assert_eq!(notes, []);
    assert_eq!(manifest.distribution.name, "Takopi_Acme");
    assert_eq!(manifest.process.idle_stop, None);
    assert_eq!(manifest.process.permissions, [Permission::SendMessage, Permission::Background]);
    assert_eq!(manifest.process.needs_env, ["ACME_API_KEY"]);
    let engine = &manifest.engines["acme"];
    assert!(engine.shared && engine.features.ask && engine.features.images && !engine.features.steer);
    let token = SessionToken::parse("x-1").unwrap();
    let resume = engine.resume.as_ref().unwrap();
    assert_eq!(resume.show(&token), "acme resume x-1");
    assert_eq!(resume.find("`acme -r x-1`"), Some(token));
    let transport = &manifest.transports["matrix"];
    assert_eq!((transport.limits.text.max, transport.limits.text.unit), (40_000, TextUnit::Utf16));
    assert_eq!(transport.limits.edit_gap, Duration::from_millis(900));
    assert_eq!(transport.limits.chat.unwrap().calls, 20);
    assert!(transport.features.edit && transport.features.buttons && !transport.features.delete);
    assert_eq!(manifest.commands.keys().collect::<Vec<_>>(), ["Bad-Id", "weather"]);
}

#[test]
fn the_manifest_in_the_reference_has_every_key() {
    let page = include_str!("../../../../docs/plugins/manifest.md");
    let example = page.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    let (manifest, notes) = Manifest::parse_with_notes(example).unwrap();
    assert_eq!(notes, []);
    assert_eq!((manifest.engines.len(), manifest.transports.len(), manifest.commands.len()), (1, 1, 1));
    // A key too many in each table makes it tell the ones it knows.
    let tables = example.lines().map(|line| match line.starts_with('[') {
        true => format!("{line}\n_ = 1\n"),
        false => format!("{line}\n"),
    });
    let (_, notes) = Manifest::parse_with_notes(&tables.collect::<String>()).unwrap();
    assert_eq!(notes.len(), 7);
    for known in notes.iter().filter_map(|note| note.message.split_once("known here: ")) {
        for key in known.1.split(", ") {
            let is_told =
                |line: &str| line.starts_with(&format!("{key} =")) || line.contains(&format!(".{key}]"));
            assert!(example.lines().any(is_told), "{key} is not in the reference");
        }
    }
}

#[test]
fn what_is_not_written_has_a_default() {
    let text = format!("{LEAST}[engine.e]\n[transport.t]\n[command.c]\ndescription = 'x'");
    let manifest = Manifest::parse(&text).unwrap();
    assert_eq!(manifest.process.idle_stop, Some(Duration::from_secs(300)));
    assert_eq!(manifest.process.permissions, []);
    assert_eq!((manifest.engines["e"].title.as_str(), &manifest.engines["e"].resume), ("e", &None));
    assert_eq!(manifest.transports["t"].limits.text.max, 4000);
    assert_eq!(manifest.commands["c"].usage, "/c");
}

#[test]
fn every_mistake_names_its_key_and_what_to_write() {
    let with = |lines: &str| format!("{LEAST}{lines}\n[command.c]\ndescription = 'x'");
    let wrong = [
        String::new(),
        "manifest = '1'".to_owned(),
        "manifest = 2\nanything = 'goes'".to_owned(),
        "manifest = 1".to_owned(),
        "manifest = 1\ndistribution = 3\nprocess = []\ncommand = 'x'".to_owned(),
        "manifest = 1\n[distribution\n".to_owned(),
        LEAST.to_owned(),
        LEAST.replace("\"a\"\nversion", "\"/etc\"\nversion"),
        LEAST.replace("\"a\"\nversion", "\"Takopi\"\nversion"),
        LEAST.replace("[\"a\"]", "[]"),
        LEAST.replace("[\"a\"]", "'a'"),
        with("").replace("takopi/1", "acp/1"),
        with("").replace("takopi/1", "takopi/2"),
        with("permissions = ['run_engines']"),
        with("env = ['KEY=secret']"),
        with("idle_stop_s = -1"),
        with("").replace("version = \"1\"", "version = \"1\"\nrequires_takopi = '~=0.1'"),
        with("[command.d]"),
        with("[command.d]\ndescripion = 'y'"),
        format!("{LEAST}[comand.c]\ndescription = 'x'"),
        with("[engine]\nacme = 1"),
        with("[engine.e]\nshared = 'yes'\nfeatures = 'ask'"),
        with("[engine.e.resume]\nmatch = ['e {token}']"),
        with("[engine.e.resume]\nshow = 'e'"),
        with("[engine.e.resume]\nshow = 'e {token}'\ntoken = '('"),
        with("[engine.e]\nconfig_schema = '../x.json'"),
        with("[transport.t]\nlimits = { max = 10, unit = 'bytes', chat = 3 }"),
        with(&format!("[engine.e]\ntitle = '{}'", "x".repeat(70_000))),
    ];
    insta::assert_snapshot!(wrong.map(|text| problem(&text)).join("\n"));
}

#[test]
fn what_means_nothing_here_is_told_and_nothing_worse() {
    let text = format!(
        "{LEAST}idle_stop = 3\n[engine.e]\nfeatures = ['asks']\ntitel = 'E'\n[tool.search]\nx = 1\n[auth]\n[zzz]\n"
    );
    let (manifest, notes) = Manifest::parse_with_notes(&text).unwrap();
    assert_eq!(manifest.engines["e"].title, "e");
    let notes: Vec<_> = notes.iter().map(|note| format!("{}: {}", note.code.word(), note.message)).collect();
    insta::assert_snapshot!(notes.join("\n"));
}

#[test]
fn the_takopi_that_is_wanted_is_compared_by_release() {
    let manifest = Manifest::parse(FULL).unwrap();
    assert_eq!(manifest.wants("0.1.0"), Ok(()));
    assert_eq!(manifest.wants("0.1.0-dev"), Ok(()));
    let problem = manifest.wants("0.2.0").unwrap_err();
    assert_eq!(problem.code, Code::UnsupportedTakopi);
    assert_eq!(
        problem.message,
        "it wants takopi >=0.1, <0.2, and this is 0.2.0; look for another version of either"
    );
}

/// Lines of manifests, right and wrong, in any order.
fn lines() -> impl Strategy<Value = String> {
    let known: Vec<String> = FULL.lines().map(str::to_owned).collect();
    let value = "[a-z_]{1,8} = (1|-3|true|'x'|\\[\\]|\\['a', 1\\]|\\{\\}|1979-05-27)";
    let line = prop_oneof![4 => prop::sample::select(known), 1 => value, 1 => "\\[{1,2}[a-z.]{0,12}\\]{1,2}"];
    prop::collection::vec(line, 0..24).prop_map(|lines| format!("manifest = 1\n{}", lines.join("\n")))
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in prop_oneof!["\\PC{0,200}", lines()]) {
        if let Err(problem) = Manifest::parse(&text) {
            prop_assert!(!problem.message.is_empty() && !problem.message.contains('\n'));
        }
    }
}

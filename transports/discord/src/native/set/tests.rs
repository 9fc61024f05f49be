//! What Discord is told of commands.

use proptest::prelude::*;
use takopi_core::id::{CommandId, EngineId};

use super::*;

fn option_of(name: &str, kind: OptionKind, required: bool) -> CommandOption {
    CommandOption { name: name.to_owned(), kind, description: format!("the {name}"), required }
}

fn command(name: &str, options: Vec<CommandOption>) -> NativeCommand {
    NativeCommand {
        name: name.to_owned(),
        description: format!("does {name}"),
        options,
        kind: NativeKind::Command(CommandId::parse("status").unwrap()),
        access: Access::Everyone,
        ephemeral: true,
    }
}

fn engine(name: &str) -> NativeCommand {
    let kind = NativeKind::Engine(EngineId::parse(name).unwrap());
    NativeCommand { kind, ephemeral: false, ..command(name, Vec::new()) }
}

fn names(set: &CommandSet) -> Vec<&str> {
    set.told.iter().map(|told| told["name"].as_str().unwrap()).collect()
}

#[test]
fn commands_engines_and_the_menu_of_a_message_are_told() {
    let model = command(
        "model",
        vec![
            option_of("engine", OptionKind::Engine, false),
            option_of("model", OptionKind::Model, true),
            option_of("note", OptionKind::Text, false),
        ],
    );
    let ctx = NativeCommand { access: Access::Manager, ..command("ctx", Vec::new()) };
    let set = CommandSet::of(vec![model, ctx, engine("codex")]);
    insta::assert_json_snapshot!(set.told);
}

#[test]
fn verbs_are_sub_commands_with_options_of_their_own() {
    let options = vec![
        option_of("put", OptionKind::Verb, false),
        option_of("force", OptionKind::Flag, false),
        option_of("file", OptionKind::File, true),
        option_of("get", OptionKind::Verb, false),
        option_of("path", OptionKind::Path, true),
    ];
    let file = command("file", options);
    let set = CommandSet::of(vec![file.clone()]);
    let [put, get] = set.told[1]["options"].as_array().unwrap().as_slice() else { panic!("{:?}", set.told) };
    let kinds = |verb: &Value| -> Vec<(String, u64, bool)> {
        let options = verb["options"].as_array().unwrap().iter();
        let kind = |option: &Value| option["type"].as_u64().unwrap();
        options.map(|one| (one["name"].to_string(), kind(one), one["autocomplete"] == true)).collect()
    };
    assert_eq!((&put["type"], &put["name"], &get["name"]), (&json!(1), &json!("put"), &json!("get")));
    let named = |name: &str, kind, completes| (format!("\"{name}\""), kind, completes);
    assert_eq!(kinds(put), [named("file", 11, false), named("force", 5, false)], "required ones first");
    assert_eq!(kinds(get), [named("path", 3, true)]);
    assert_eq!(kind_of(&file, Some("get"), "path"), Some(OptionKind::Path));
    assert_eq!((kind_of(&file, Some("put"), "path"), kind_of(&file, None, "path")), (None, None));
}

#[test]
fn of_too_many_the_first_have_a_place_and_run_gives_the_others() {
    let many = (0..120).map(|number| command(&format!("c{number}"), Vec::new()));
    let set = CommandSet::of(many.collect());
    let typed = set.told.iter().filter(|told| told["type"] == json!(CHAT_INPUT)).count();
    assert_eq!(typed, MAX_COMMANDS);
    let names = names(&set);
    assert!(names.contains(&"c97") && !names.contains(&"c98") && names.contains(&RUN));
    assert_eq!(set.offered("").first().map(String::as_str), Some("c98"));
    assert_eq!(set.offered("C119"), ["c119"]);
    assert!(set.get("c119").is_some());
}

#[test]
fn as_many_as_fit_need_no_run() {
    let fitting = (0..99).map(|number| command(&format!("c{number}"), Vec::new()));
    let set = CommandSet::of(fitting.collect());
    assert_eq!(set.told.len(), MAX_COMMANDS + 1, "with the menu of a message, which is counted apart");
    assert!(!names(&set).contains(&RUN));
}

#[test]
fn a_name_that_is_illegal_or_ours_is_given_by_run() {
    let set = CommandSet::of(["ask", "Shout", "ok", "ok", "run"].map(|name| command(name, vec![])).to_vec());
    assert_eq!(names(&set), [ASK, "ok", RUN, RUN_THIS]);
    assert_eq!(set.offered(""), ["ask", "Shout", "run", "ok"]);
}

#[test]
fn options_are_made_to_fit() {
    let mut options: Vec<CommandOption> =
        (0..30).map(|number| option_of(&format!("o{number}"), OptionKind::Text, number == 29)).collect();
    options.push(option_of("not a name", OptionKind::Text, true));
    options.push(option_of("O1", OptionKind::Text, true));
    let set = CommandSet::of(vec![command("many", options)]);
    let told = set.told[1]["options"].as_array().unwrap();
    assert_eq!(told.len(), MAX_OPTIONS);
    assert_eq!((&told[0]["name"], &told[0]["required"]), (&json!("o29"), &json!(true)), "required first");
    assert!(told.iter().all(|option| option["name"] != json!("not a name")));
}

/// What Discord counts: the names and descriptions of a command and its options, 8000 characters at most.
fn characters(told: &Value) -> usize {
    let own = |value: &Value| {
        let texts = [&value["name"], &value["description"]];
        texts.iter().filter_map(|text| text.as_str()).map(|text| text.chars().count()).sum::<usize>()
    };
    own(told) + told["options"].as_array().into_iter().flatten().map(own).sum::<usize>()
}

proptest! {
    #[test]
    fn whatever_commands_are_called_discord_takes_them(
        commands in prop::collection::vec(("\\PC{0,40}", "\\PC{0,300}", prop::collection::vec("\\PC{0,40}|[a-z]{1,3}", 0..40)), 0..8)
    ) {
        let commands = commands.into_iter().map(|(name, description, options)| NativeCommand {
            description,
            ..command(&name, options.iter().map(|name| option_of(name, OptionKind::Text, false)).collect())
        });
        let set = CommandSet::of(commands.collect());
        for told in set.told.iter().filter(|told| told["type"] == json!(CHAT_INPUT)) {
            prop_assert!(is_name(told["name"].as_str().unwrap()));
            prop_assert!((1..=100).contains(&told["description"].as_str().unwrap().chars().count()));
            prop_assert!(told["options"].as_array().unwrap().len() <= MAX_OPTIONS);
            prop_assert!(characters(told) <= 8000);
        }
    }
}

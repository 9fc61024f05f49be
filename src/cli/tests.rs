//! What can be typed, and what is said about it.

use super::*;

fn parse(words: &[&str]) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(std::iter::once("takopi").chain(words.iter().copied()))
}

fn serve(words: &[&str]) -> ServeArguments {
    parse(words).unwrap().serve
}

#[test]
fn the_command_line_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn every_help_text_is_as_it_was_read() {
    let mut cli = Cli::command().term_width(100);
    cli.build();
    let mut text = cli.render_help().to_string();
    for command in cli.get_subcommands_mut() {
        let (name, help) = (command.get_name().to_owned(), command.render_help());
        text.push_str(&["\n──── takopi ", &name, " ────\n", &help.to_string()].concat());
    }
    insta::assert_snapshot!(text);
}

#[test]
fn flags_of_the_daemon_become_settings_that_outrank_the_file() {
    let overrides = serve(&["shell", "--transport", "local", "--transport", "work"]).overrides().unwrap();
    let said: Vec<_> = overrides.iter().map(|set| (set.key.as_str(), set.value.as_str())).collect();
    assert_eq!(said, [("default_engine", "shell"), ("transport", r#"["local","work"]"#)]);
    let one = serve(&["--transport", "local"]).overrides().unwrap();
    assert_eq!(one.first().map(|set| set.value.as_str()), Some("local"));
}

#[test]
fn the_last_word_on_notification_holds() {
    assert!(!serve(&[]).no_final_notify);
    assert!(serve(&["--no-final-notify"]).no_final_notify);
    assert!(!serve(&["--no-final-notify", "--final-notify"]).no_final_notify);
    assert!(serve(&["--final-notify", "--no-final-notify"]).no_final_notify);
}

#[test]
fn a_word_that_is_nothing_is_wrong_usage_and_the_nearest_is_named() {
    for (word, tip) in [("shel", "'shell'"), ("chta", "'chat'"), ("xyzzy", "engines are: ")] {
        let Err(Failure::Usage(error)) = serve(&[word]).engine() else { panic!("{word} was taken") };
        let text = error.to_string();
        assert!(text.contains(word) && text.contains(tip), "{text}");
        assert_eq!(error.exit_code(), 2);
    }
}

#[test]
fn a_flag_without_its_dashes_is_named() {
    for (word, tip) in [("lod", "'--load'"), ("load", "'--load'"), ("jsn", "'--json'"), ("inf", "'info'")] {
        let words = ["takopi", "plugins", word].map(OsString::from);
        let Err(Failure::Usage(error)) = run(words) else { panic!("{word} was taken") };
        let text = error.to_string();
        assert!(text.contains(&format!("'{word}'")) && text.contains(tip), "{text}");
        assert_eq!((error.exit_code(), text.matches("similar").count()), (2, 1), "{text}");
    }
}

#[test]
fn a_command_behind_flags_of_the_daemon_is_told_to_go_before_them() {
    let Err(Failure::Usage(error)) = serve(&["--config", "x.toml", "doctor"]).engine() else {
        panic!("doctor was taken for an engine")
    };
    let text = error.to_string();
    assert!(text.contains("takopi doctor --config"), "{text}");
    assert!(!text.contains("similar"), "{text}");
    assert_eq!(error.exit_code(), 2);
}

#[test]
fn wrong_flags_and_names_are_wrong_usage() {
    for words in [
        &["--transport", "Nope!"][..],
        &["--transport", ""],
        &["--bogus"],
        &["chat", "a", "b"],
        &["chat", "--conversation", "x"],
        &["chat", "--new", "--conversation", "11111111-2222-4333-8444-555555555555"],
        &["plugins", "--load", "--no-load"],
        &["completions", "cmd"],
    ] {
        assert_eq!(parse(words).unwrap_err().exit_code(), 2, "{words:?}");
    }
}

#[test]
fn no_engine_has_the_name_of_a_command() {
    for command in Cli::command().get_subcommands() {
        assert!(
            command.get_name().contains('-')
                || takopi_core::id::RESERVED_ENGINE.contains(&command.get_name())
                || takopi_core::id::RESERVED_CLI.contains(&command.get_name()),
            "{}",
            command.get_name()
        );
    }
}

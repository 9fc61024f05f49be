//! What a checkup looks like, to people and to programs.

use super::*;

fn checkup() -> Checkup {
    let missing = SetupIssue::not_on_path("pi", Some("npm install -g pi"));
    let rows = vec![
        Row::new(Part::Ledger, State::Ok, "~/.takopi/takopi.db · 66 kB · format 1").fact("format", 1),
        Row::new(Part::Config, State::Ok, "~/.takopi/takopi.toml"),
        Row::new(Part::Engine, State::Ok, "codex-cli 0.169.0\u{1b}[2J · /usr/bin/codex (default)")
            .name("codex")
            .fact("version", "codex-cli 0.169.0")
            .fact("default", true),
        Row::issue(Part::Engine, State::Note, missing).name("pi").fact("default", false),
        Row::new(Part::Daemon, State::Note, "takopi is not running").fact("running", false),
        Row::new(Part::Drift, State::Warning, "brand.new ×3").name("codex"),
        Row::new(
            Part::Project,
            State::Failure,
            "cannot work in /a/directory/that/is/deep: No such file or directory",
        )
        .name("app")
        .remedy("create it, or correct path under [projects.app] in the file above"),
    ];
    Checkup { takopi: "0.0.0".to_owned(), ..Checkup::new(rows) }
}

#[test]
fn people_see_a_line_for_each_thing_and_the_remedy_below_it() {
    insta::assert_snapshot!(checkup().render(false, 80));
}

#[test]
fn colours_are_around_the_marks_alone() {
    let coloured = checkup().render(true, 80);
    assert!(coloured.contains("\u{1b}[31m✗\u{1b}[0m app"), "{coloured:?}");
    let plain =
        [2, 31, 32, 33].iter().fold(coloured, |text, number| text.replace(&format!("\u{1b}[{number}m"), ""));
    assert_eq!(plain.replace("\u{1b}[0m", ""), checkup().render(false, 80));
}

#[test]
fn programs_get_the_same_names_every_time() {
    insta::assert_json_snapshot!(checkup());
}

#[test]
fn only_a_failure_makes_it_fail() {
    assert!(!checkup().is_ok());
    let rows = checkup().rows.into_iter().filter(|row| row.state != State::Failure).collect();
    let sound = Checkup::new(rows);
    assert!(sound.is_ok() && sound.render(false, 80).ends_with("\nnothing fails"));
}

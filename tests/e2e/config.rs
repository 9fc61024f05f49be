//! `takopi config`: what a person reads and changes without an editor.

use crate::house::Home;

#[test]
fn config_is_set_read_and_checked_from_the_command_line() {
    let home = Home::with_config("# mine\nwatch_config = true # at once\n");
    let file = home.place().join("takopi.toml");
    let path = home.run(&["config", "path"]);
    assert_eq!(path.stdout.trim_end(), file.canonicalize().unwrap().to_str().unwrap());
    let set = home.run(&["config", "set", "max_parallel_runs", "8"]);
    assert_eq!((set.code, set.stdout.as_str()), (0, ""), "{}", set.stderr);
    assert_eq!(
        std::fs::read_to_string(&file).unwrap(),
        "# mine\nwatch_config = true # at once\nmax_parallel_runs = 8\n"
    );
    assert_eq!(home.run(&["config", "get", "max_parallel_runs"]).stdout, "8\n");
    assert_eq!(home.run(&["config", "get", "ledger.retention_days"]).stdout, "90\n", "a default");
    let checked = home.run(&["config", "check"]);
    assert_eq!(checked.code, 0, "{}", checked.stderr);

    let refused = home.run(&["config", "set", "max_parallel_runs", "many"]);
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("nothing was changed"), "{}", refused.stderr);
    assert_eq!(home.run(&["config", "get", "max_parallel_runs"]).stdout, "8\n");
    let nothing = home.run(&["config", "get", "transports.telegram"]);
    assert_eq!((nothing.code, nothing.stdout.as_str()), (1, ""));
}

#[test]
fn config_shows_secrets_only_when_asked_to_and_checks_the_tables_of_transports() {
    let home = Home::new();
    let set = home.run(&["config", "set", "transports.telegram.bot_token", "123:secret-part"]);
    assert_eq!(set.code, 0, "{}", set.stderr);
    assert!(set.stderr.contains("•••") && !set.stderr.contains("secret-part"), "{}", set.stderr);
    let hidden = home.run(&["config", "get", "transports.telegram"]);
    assert_eq!(hidden.stdout, "bot_token = \"•••\"\n");
    let shown = home.run(&["config", "get", "transports.telegram.bot_token", "--reveal"]);
    assert_eq!(shown.stdout, "123:secret-part\n");
    let checked = home.run(&["config", "check"]);
    assert_eq!((checked.code, checked.stdout.as_str()), (1, ""));
    assert!(checked.stderr.contains("transports.telegram.chat_id: it is missing"), "{}", checked.stderr);
}

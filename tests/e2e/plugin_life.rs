//! Plugins that come and go, are hidden, clash, and outlive a daemon that was killed.

use rustix::process::Signal;

use crate::house::{Daemon, Home};
use crate::plugin::{FORECAST, Plugin, WEATHER};
use crate::plugin_commands::is_gone;
use crate::wait::wait_for;

pub(crate) fn reload(daemon: &mut Daemon<'_>) {
    daemon.signal(Signal::HUP);
    daemon.tells("RELOADING=1");
    daemon.tells("READY=1");
}

fn forecast(home: &Home) -> String {
    home.run(&["chat", "/weather here"]).stdout
}

const FAIR: &str = "fair in here\n";

#[test]
fn plugin_that_was_just_put_there_is_used_and_one_that_is_gone_is_not() {
    let home = Home::with_config("default_engine = 'shell'\n");
    let daemon = Daemon::start(&home);
    assert_ne!(forecast(&home), FAIR);
    let plugin = Plugin::install(&home, "weather", &[WEATHER], FORECAST);
    wait_for("the new command", || (forecast(&home) == FAIR).then_some(()));
    plugin.remove();
    wait_for("the end of the command", || (forecast(&home) != FAIR).then_some(()));
    daemon.stop();
}

#[test]
fn plugin_of_a_distribution_that_is_not_enabled_is_hidden_everywhere() {
    let home = Home::with_config("[plugins]\nenabled = ['Other_One']\n");
    Plugin::install(&home, "weather", &[WEATHER], FORECAST);
    let mut daemon = Daemon::start(&home);
    assert_ne!(forecast(&home), FAIR);
    assert!(!home.run(&["chat", "/help"]).stdout.contains("/weather"));
    home.configure("[plugins]\nenabled = ['WEATHER']\n");
    reload(&mut daemon);
    assert_eq!(forecast(&home), FAIR);
    daemon.stop();
}

#[test]
fn plugin_ids_that_two_claim_are_nobodys() {
    let home = Home::new();
    Plugin::install(&home, "one", &[WEATHER], FORECAST);
    let second = Plugin::install(&home, "two", &[WEATHER], FORECAST);
    let mut daemon = Daemon::start(&home);
    assert_ne!(forecast(&home), FAIR);
    let listed = home.run(&["plugins"]);
    assert!(listed.stdout.contains("duplicate plugin id 'weather' from one, two"), "{}", listed.stdout);
    second.remove();
    reload(&mut daemon);
    assert_eq!(forecast(&home), FAIR);
    daemon.stop();
}

#[test]
fn plugin_processes_of_a_killed_daemon_are_ended_by_the_next() {
    const STUBBORN: &str = r#"
    *'"method":"command/call"'*)
      trap '' TERM
      shows staying
      while :; do sleep 1; done ;;
"#;
    let home = Home::new();
    let plugin = Plugin::install(&home, "weather", &[WEATHER], STUBBORN);
    let daemon = Daemon::start(&home);
    assert_eq!(forecast(&home), "staying\n");
    daemon.kill();
    assert!(!is_gone(&plugin), "it does not care that nobody reads it");
    let daemon = Daemon::start(&home);
    assert!(is_gone(&plugin));
    daemon.stop();
}

#[test]
fn plugin_that_crashed_too_often_is_used_again_once_it_was_mended_and_loaded() {
    // It starts well where takopi tries it alone; `broken` is what makes it crash.
    const CRASHES: &str = r#"
    *'"method":"command/call"'*)
      [ ! -e "$TAKOPI_DATA_DIR/broken" ] || exit 3
      shows mended ;;
"#;
    let home = Home::new();
    let plugin = Plugin::install(&home, "weather", &[WEATHER], CRASHES);
    let daemon = Daemon::start(&home);
    assert_eq!(forecast(&home), "mended\n");
    std::fs::write(plugin.own("broken"), "").unwrap();
    for _ in 0..6 {
        assert_ne!(forecast(&home), "mended\n");
    }
    std::fs::remove_file(plugin.own("broken")).unwrap();
    let told = home.run(&["chat", "/weather here"]);
    let told = told.stdout + &told.stderr;
    assert!(told.contains("crashed 5 times") && told.contains("takopi plugins --load"), "{told}");
    let loaded = home.run(&["plugins", "--load"]);
    assert_eq!(loaded.code, 0, "{}", loaded.stdout);
    assert!(loaded.stderr.contains("starts weather anew when it is needed"), "{}", loaded.stderr);
    assert_eq!(forecast(&home), "mended\n");
    daemon.stop();
}

#[test]
fn plugin_is_started_anew_though_another_folder_of_its_name_is_broken() {
    let home = Home::new();
    let plugin = Plugin::install(&home, "weather", &[WEATHER], FORECAST);
    let other = Plugin::install(&home, "storms", &[("command.storms", WEATHER.1)], FORECAST);
    let manifest = std::fs::read_to_string(other.dir().join("takopi-plugin.toml")).unwrap();
    other.write("takopi-plugin.toml", &manifest.replace("name = 'storms'", "name = 'weather'"));
    let daemon = Daemon::start(&home);
    assert_eq!(forecast(&home), FAIR);
    let program = std::fs::read_to_string(plugin.dir().join("run")).unwrap();
    plugin.write("run", &program.replace("fair in", "rain in"));
    other.write("run", "#!/bin/sh\nexit 3\n");
    let loaded = home.run(&["plugins", "--load"]);
    assert_eq!(loaded.code, 1, "{}", loaded.stdout);
    assert!(loaded.stderr.contains("starts weather anew when it is needed"), "{}", loaded.stderr);
    assert_eq!(forecast(&home), "rain in here\n");
    daemon.stop();
}

#[test]
fn plugin_whose_program_was_changed_is_used_as_it_is_now_once_it_was_loaded() {
    let home = Home::new();
    let plugin = Plugin::install(&home, "weather", &[WEATHER], FORECAST);
    let daemon = Daemon::start(&home);
    assert_eq!(forecast(&home), FAIR);
    let program = plugin.dir().join("run");
    let text = std::fs::read_to_string(&program).unwrap();
    std::fs::write(&program, text.replace("fair in", "rain in")).unwrap();
    assert_eq!(home.run(&["plugins", "--load"]).code, 0);
    assert_eq!(forecast(&home), "rain in here\n");
    std::fs::write(&program, "#!/bin/sh\nexit 3\n").unwrap();
    let loaded = home.run(&["plugins", "--load"]);
    assert_eq!(loaded.code, 1, "{}", loaded.stdout);
    assert!(loaded.stderr.contains("goes on with weather as it has it"), "{}", loaded.stderr);
    assert_eq!(forecast(&home), "rain in here\n");
    daemon.stop();
}

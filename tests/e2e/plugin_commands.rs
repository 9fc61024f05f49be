//! Commands of plugins: typed in a terminal and in Telegram, pressed, and at work with engines.

use serde_json::{Value, json};
use takopi_fake::telegram::Say;
use uuid::Uuid;

use crate::house::{Daemon, Home};
use crate::plugin::{FORECAST, Plugin, WEATHER};
use crate::telegram::{ADA, home as telegram, said, server};
use crate::wait::wait_for;

#[test]
fn plugin_command_answers_a_terminal_with_its_arguments_and_starts_when_it_is_first_called() {
    let home = Home::new();
    let plugin = Plugin::install(&home, "weather", &[WEATHER], FORECAST);
    let daemon = Daemon::start(&home);
    let help = home.run(&["chat", "/help"]);
    assert!(help.stdout.contains("/weather PLACE"), "{}", help.stdout);
    let listed = home.run(&["plugins"]);
    assert!(listed.stdout.contains("weather (weather)"), "{}", listed.stdout);
    assert!(daemon.page.get("/api/state").to_string().contains("forecast for a place"));
    assert!(plugin.started().is_empty(), "whoever lists starts nothing");
    for place in ["Oslo", "New York"] {
        let answer = home.run(&["chat", &format!("/weather {place}")]);
        assert_eq!((answer.code, answer.stdout), (0, format!("fair in {place}\n")), "{}", answer.stderr);
    }
    assert_eq!(plugin.started().len(), 1);
    daemon.stop();
    wait_for("the end of the plugin", || is_gone(&plugin).then_some(()));
}

#[test]
fn plugin_command_is_there_without_a_daemon_too() {
    let home = Home::new();
    let plugin = Plugin::install(&home, "weather", &[WEATHER], FORECAST);
    let answer = home.run(&["chat", "/weather here"]);
    assert_eq!((answer.code, answer.stdout.as_str()), (0, "fair in here\n"), "{}", answer.stderr);
    assert!(is_gone(&plugin));
}

#[test]
fn plugin_command_that_cannot_be_used_says_why_instead_of_being_a_prompt() {
    let home = Home::with_config("default_engine = 'shell'\n");
    let (table, keys) = WEATHER;
    let keys = format!("{keys}\nneeds = ['no-such-program']");
    let plugin = Plugin::install(&home, "weather", &[(table, &keys)], FORECAST);
    let answer = home.run(&["chat", "/weather here"]);
    let told = "Failed to load command 'weather': no-such-program";
    assert!(answer.stderr.contains(told), "{}{}", answer.stdout, answer.stderr);
    assert_eq!((answer.code, plugin.started().len()), (1, 0));
}

/// Returns whether no process of a plugin lives.
pub(crate) fn is_gone(plugin: &Plugin<'_>) -> bool {
    // Whom nobody has reaped yet is dead all the same: proc_pid_stat(5), field 3.
    let is_dead =
        |stat: String| stat.rsplit_once(')').is_none_or(|(_, rest)| rest.trim_start().starts_with('Z'));
    let stat = |pid: i32| std::fs::read_to_string(format!("/proc/{pid}/stat"));
    plugin.started().into_iter().all(|pid| stat(pid).map_or(true, is_dead))
}

#[test]
fn telegram_plugin_command_has_the_replied_text_and_its_buttons_come_back_to_it() {
    const CASES: &str = r#"
    *'"method":"command/call"'*)
      case $line in
        *'"pressed":true'*) shows "pressed $(field args_text)" ;;
        *) reply "{\"reply\":{\"body\":{\"text\":\"about $(field text)\",\"buttons\":[[{\"label\":\"more\",\"token\":\"days 3\"}]]}}}" ;;
      esac ;;
"#;
    let server = server();
    let home = telegram(&server, "");
    let _plugin = Plugin::install(&home, "weather", &[WEATHER], CASES);
    let daemon = Daemon::start(&home);
    said(&server, "takopi is ready");
    server.wait_for("the menu", |log| log.of("setMyCommands").find(|call| call.ended.is_some()).map(drop));
    assert!(server.menu().iter().any(|(name, _)| name == "weather"), "{:?}", server.menu());
    let asked = server.say(ADA, ADA, "echo what it is about");
    said(&server, "what it is about");
    server.send(Say::new(ADA, ADA, "/weather").reply_to(asked));
    let about = said(&server, "about echo what it is about");
    assert_eq!(about.labels(), ["more"]);
    server.press(ADA, about.id, ADA, "more");
    said(&server, "pressed days 3");
    daemon.stop();
}

#[test]
fn plugin_command_runs_an_engine_for_itself_and_in_the_chat() {
    const CASES: &str = r#"
    *'"method":"command/call"'*)
      call=$id; context=$(field context)
      ask host/run "{\"context\":\"$context\",\"prompt\":\"echo for me\",\"mode\":\"capture\"}"
      answer=$(field answer)
      ask host/run "{\"context\":\"$context\",\"prompt\":\"echo for all\",\"mode\":\"emit\"}"
      id=$call
      shows "captured $answer" ;;
"#;
    let server = server();
    let home = telegram(&server, "");
    let _plugin = Plugin::install(&home, "weather", &[WEATHER], CASES);
    let daemon = Daemon::start(&home);
    server.say(ADA, ADA, "/weather");
    said(&server, "captured for me");
    said(&server, "for all");
    let shows_it = |shown: &takopi_fake::telegram::Shown| shown.by_bot && shown.text.contains("for me");
    assert_eq!(server.shown(ADA).iter().filter(|shown| shows_it(shown)).count(), 1, "captured is not shown");
    daemon.stop();
}

#[test]
fn plugin_command_that_crashes_again_and_again_says_so_and_others_are_served() {
    const CASES: &str = r#"
    *'"method":"command/call"'*) echo "out of luck" >&2; exit 3 ;;
"#;
    let home = Home::new();
    let broken = ("command.broken", "description = 'crashes'\nusage = '/broken'");
    let plugin = Plugin::install(&home, "broken", &[broken], CASES);
    Plugin::install(&home, "weather", &[WEATHER], FORECAST);
    let daemon = Daemon::start(&home);
    for _ in 0..8 {
        let answer = home.run(&["chat", "/broken"]);
        assert!(answer.stderr.contains("error: "), "{} {}", answer.stdout, answer.stderr);
        let other = home.run(&["chat", "/weather here"]);
        assert_eq!(other.stdout, "fair in here\n", "{}", other.stderr);
    }
    let starts = plugin.started().len();
    assert!((1..=6).contains(&starts), "it is left alone after some crashes: {starts}");
    assert_eq!(home.status()["runs"], json!([]));
    daemon.stop();
}

#[test]
fn plugin_command_gets_the_press_of_its_button_on_the_page() {
    const CASES: &str = r#"
    *'"method":"command/call"'*)
      case $line in
        *'"pressed":true'*) shows "pressed $(field args_text)" ;;
        *) reply '{"reply":{"body":{"text":"which?","buttons":[[{"label":"more","token":"days 3"}]]}}}' ;;
      esac ;;
"#;
    let home = Home::new();
    let _plugin = Plugin::install(&home, "weather", &[WEATHER], CASES);
    let daemon = Daemon::start(&home);
    let (page, talk) = (&daemon.page, Uuid::new_v4());
    page.submit(talk, "1", "/weather", &home.work()).unwrap();
    let asked: Value = wait_for("the button", || {
        page.history(talk).into_iter().find(|item| item["buttons"][0][0]["label"] == "more")
    });
    let action = &asked["buttons"][0][0]["action"];
    let press =
        json!({"conversation": talk, "message": asked["message"], "action": action, "client_id": "2"});
    for _ in 0..2 {
        page.post("/api/press", &press).unwrap();
    }
    let pressed =
        || page.history(talk).iter().filter(|item| item.to_string().contains("pressed days 3")).count();
    wait_for("what the press brings", || (pressed() > 0).then_some(()));
    page.submit(talk, "3", "/weather", &home.work()).unwrap();
    let asked = || page.history(talk).iter().filter(|item| item["buttons"][0][0]["label"] == "more").count();
    wait_for("the next answer", || (asked() == 2).then_some(()));
    assert_eq!(pressed(), 1, "the same press twice is one");
    daemon.stop();
}

#[test]
fn telegram_plugin_command_whose_daemon_is_killed_is_called_again_and_answers_once() {
    const CASES: &str = r#"
    *'"method":"command/call"'*)
      echo call >> "$TAKOPI_DATA_DIR/calls"
      [ "$(wc -l < "$TAKOPI_DATA_DIR/calls")" = 1 ] || shows "fair again" ;;
"#;
    let server = server();
    let home = telegram(&server, "");
    let plugin = Plugin::install(&home, "weather", &[WEATHER], CASES);
    let daemon = Daemon::start(&home);
    server.say(ADA, ADA, "/weather");
    let calls = || std::fs::read_to_string(plugin.own("calls")).unwrap_or_default().lines().count();
    wait_for("the call", || (calls() == 1).then_some(()));
    daemon.kill();
    let daemon = Daemon::start(&home);
    said(&server, "fair again");
    server.say(ADA, ADA, "echo the end");
    said(&server, "the end");
    let told = server.shown(ADA).iter().filter(|shown| shown.text.contains("fair again")).count();
    assert_eq!((calls(), told), (2, 1));
    daemon.stop();
}

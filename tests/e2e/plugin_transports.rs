//! A transport of a plugin: what comes in there is answered there, and strangers meet silence.

use serde_json::{Value, json};

use crate::house::{Daemon, Home};
use crate::plugin::{Plugin, WEATHER};
use crate::plugin_life::reload;
use crate::program::Program;
use crate::wait::wait_for;

const ROOM: (&str, &str) = ("transport.room", "title = 'Room'\nfeatures = ['edit', 'delete', 'buttons']");

/// A room in which two people have just written when takopi comes in.
const CASES: &str = r#"
    *'"method":"transport/start"'*)
      reply '{}'
      for who in eve ada; do
        say "{\"jsonrpc\":\"2.0\",\"id\":\"$who\",\"method\":\"transport/inbound\",\"params\":{\"upstream_id\":\"$who\",\"kind\":\"message\",\"text\":\"echo hello $who\",\"message\":{\"address\":{\"instance\":\"team\",\"chat\":\"room\"},\"id\":\"$who\"},\"sender\":{\"id\":\"$who\",\"name\":\"$who\"}}}"
      done ;;
    *'"method":"transport/send"'*)
      n=$((n + 1))
      printf '%s\n' "$line" >> "$TAKOPI_DATA_DIR/sent"
      reply "{\"message\":{\"address\":{\"instance\":\"team\",\"chat\":\"room\"},\"id\":\"b$n\"}}" ;;
    *'"method":"transport/'*) reply '{}' ;;
"#;

#[test]
fn plugin_transport_carries_a_message_in_and_its_answer_out_and_no_strangers() {
    let home = Home::with_config(
        "transport = ['team', 'local']\ndefault_engine = 'shell'\n[engines.shell]\ntransports = ['team', 'local']\n\
         [transports.team]\nkind = 'room'\nallowed_user_ids = ['ada']\n",
    );
    let plugin = Plugin::install(&home, "room", &[ROOM], CASES);
    let daemon = Daemon::start(&home);
    let sent = || std::fs::read_to_string(plugin.own("sent")).unwrap_or_default();
    wait_for("the answer", || sent().lines().any(|line| line.contains("hello ada")).then_some(()));
    assert!(!sent().contains("eve"), "{}", sent());
    let status = home.status();
    let lines = status["transports"].as_array().unwrap();
    assert!(lines.iter().any(|line| line["instance"] == "team" && line["issue"].is_null()), "{status}");
    let doctor = home.run(&["doctor"]);
    assert!(doctor.stdout.contains("of room · ~/.takopi/plugins/room"), "{}", doctor.stdout);
    daemon.stop();
}

/// A room to which tests bring what people write: lines that lie in its folder `in`.
const LIVELY: &str = r#"
    *'"method":"transport/start"'*)
      printf '%s\n' "$line" >> "$TAKOPI_DATA_DIR/starts"
      reply '{}'
      while kill -0 $$ 2> /dev/null; do
        for said in "$TAKOPI_DATA_DIR"/in/*; do [ -e "$said" ] && cat "$said" && rm "$said"; done
        sleep 0.05
      done & ;;
    *'"method":"transport/send"'*)
      n=$((n + 1))
      printf '%s\n' "$line" >> "$TAKOPI_DATA_DIR/sent"
      reply "{\"message\":{\"address\":{\"instance\":\"team\",\"chat\":\"room\"},\"id\":\"b$n\"}}" ;;
    *'"method":"transport/'*) reply '{}' ;;
"#;

/// The table of the room, and what it needs.
fn lively(keys: &str) -> String {
    format!(
        "transport = ['team', 'local']\ndefault_engine = 'shell'\n[engines.shell]\ntransports = ['team', 'local']\n\
         [transports.team]\nkind = 'room'\n{keys}"
    )
}

/// Has something come in at the room, from `who`.
fn come_in(room: &Plugin<'_>, upstream: &str, who: &str, what: &Value) {
    let mut params = json!({
        "upstream_id": upstream, "sender": { "id": who, "name": who },
        "message": { "address": { "instance": "team", "chat": "room" }, "id": upstream },
    });
    params.as_object_mut().unwrap().extend(what.as_object().unwrap().clone());
    let line = json!({ "jsonrpc": "2.0", "id": upstream, "method": "transport/inbound", "params": params });
    // Moved into its place, so that the room never reads half of it.
    std::fs::create_dir_all(room.own("in")).unwrap();
    std::fs::write(room.own("coming"), format!("{line}\n")).unwrap();
    std::fs::rename(room.own("coming"), room.own(&format!("in/{upstream}"))).unwrap();
}

fn says(room: &Plugin<'_>, upstream: &str, who: &str, text: &str) {
    come_in(room, upstream, who, &json!({ "kind": "message", "text": text }));
}

fn lines(room: &Plugin<'_>, name: &str) -> Vec<String> {
    std::fs::read_to_string(room.own(name)).unwrap_or_default().lines().map(str::to_owned).collect()
}

/// Returns what was shown in the room with `text` in it, once it is.
fn shown(room: &Plugin<'_>, text: &str) -> Value {
    wait_for(text, || {
        let line = lines(room, "sent").into_iter().find(|line| line.contains(text))?;
        serde_json::from_str(&line).ok()
    })
}

#[test]
fn plugin_transport_lets_in_whoever_brings_a_pairing_code_and_nobody_else() {
    let home = Home::with_config(&lively(""));
    let room = Plugin::install(&home, "room", &[ROOM], LIVELY);
    let daemon = Daemon::start(&home);
    says(&room, "1", "ben", "echo too early");
    let mut pairing = Program::start(&mut home.takopi(&["pair"]));
    let code = pairing.says("    ").trim().to_owned();
    says(&room, "2", "eve", "0000-0000");
    says(&room, "3", "ben", &code);
    shown(&room, "paired");
    pairing.says("paired ben (id ben) on team");
    assert_eq!(pairing.wait().code, 0);
    says(&room, "4", "eve", "echo hello eve");
    says(&room, "5", "ben", "echo hello ben");
    shown(&room, "hello ben");
    let sent = lines(&room, "sent").concat();
    assert!(!sent.contains("too early") && !sent.contains("eve"), "{sent}");
    assert_eq!(home.run(&["pair", "revoke", "ben"]).code, 0);
    says(&room, "6", "ben", "echo once more");
    daemon.stop();
    assert!(!lines(&room, "sent").concat().contains("once more"));
}

#[test]
fn plugin_transport_whose_table_changes_goes_on_after_its_cursor_by_the_new_one() {
    let home = Home::with_config(&lively("allowed_user_ids = ['ada']\nserver = 'one'\n"));
    let room = Plugin::install(&home, "room", &[ROOM], LIVELY);
    let mut daemon = Daemon::start(&home);
    let first = json!({ "kind": "message", "text": "echo before", "cursor": "c1" });
    come_in(&room, "1", "ada", &first);
    shown(&room, "before");
    home.configure(&lively("allowed_user_ids = ['ben']\nserver = 'two'\n"));
    reload(&mut daemon);
    let starts =
        wait_for("the second start", || Some(lines(&room, "starts")).filter(|starts| starts.len() == 2));
    assert!(starts[0].contains("\"one\"") && !starts[0].contains("c1"), "{}", starts[0]);
    assert!(starts[1].contains("\"two\"") && starts[1].contains("\"cursor\":\"c1\""), "{}", starts[1]);
    // What came in before is known, and who may speak is another.
    come_in(&room, "1", "ada", &first);
    says(&room, "2", "ada", "echo ada again");
    says(&room, "3", "ben", "echo after");
    shown(&room, "after");
    let sent = lines(&room, "sent");
    let count = |text: &str| sent.iter().filter(|line| line.contains(text)).count();
    assert_eq!((count("before"), count("ada again")), (1, 0), "{sent:?}");
    daemon.stop();
}

#[test]
fn plugin_transport_brings_back_the_button_of_a_plugins_command() {
    const CASES: &str = r#"
    *'"method":"command/call"'*)
      case $line in
        *'"pressed":true'*) shows "pressed $(field args_text)" ;;
        *) reply '{"reply":{"body":{"text":"which?","buttons":[[{"label":"more","token":"days 3"}]]}}}' ;;
      esac ;;
"#;
    let home = Home::with_config(&lively("allowed_user_ids = ['ada']\n"));
    let room = Plugin::install(&home, "room", &[ROOM], LIVELY);
    let _weather = Plugin::install(&home, "weather", &[WEATHER], CASES);
    let daemon = Daemon::start(&home);
    says(&room, "1", "ada", "/weather");
    let token = shown(&room, "which?")["params"]["part"]["buttons"][0][0]["token"].clone();
    for (upstream, who) in [("2", "eve"), ("3", "ada"), ("3", "ada")] {
        come_in(&room, upstream, who, &json!({ "kind": "press", "token": token }));
    }
    shown(&room, "pressed days 3");
    says(&room, "4", "ada", "echo the end");
    shown(&room, "the end");
    let pressed = lines(&room, "sent").iter().filter(|line| line.contains("pressed days 3")).count();
    assert_eq!(pressed, 1, "once, and not for strangers");
    daemon.stop();
}

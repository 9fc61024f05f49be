//! A transport of a plugin: what comes in there is answered there, and strangers meet silence.

use crate::house::{Daemon, Home};
use crate::plugin::Plugin;
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

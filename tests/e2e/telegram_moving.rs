//! Moving to takopi from the Python takopi: its state lies beside the config file, and people's choices hold.

use takopi_fake::telegram::TOKEN;

use crate::agents::Agents;
use crate::house::Daemon;
use crate::telegram::{ADA, said, server};

/// Returns what the Python takopi wrote of a chat whose engine was chosen.
fn preferences(engine: &str) -> String {
    format!(r#"{{"version": 1, "chats": {{"{ADA}": {{"default_engine": "{engine}"}}}}}}"#)
}

#[test]
fn telegram_a_chat_keeps_the_engine_that_was_chosen_with_the_python_takopi() {
    let server = server();
    let agents = Agents::with(
        &["codex", "claude"],
        &format!(
            "transport = ['telegram', 'local']\ndefault_engine = 'codex'\n\
             [transports.telegram]\nbot_token = '{TOKEN}'\nchat_id = {ADA}\napi_url = '{}'",
            server.url()
        ),
    );
    let state = agents.home.place().join("telegram_chat_prefs_state.json");
    std::fs::write(&state, preferences("claude")).unwrap();
    let daemon = Daemon::start(&agents.home);
    server.say(ADA, ADA, "who is it");
    let answer = said(&server, "ok: who is it");
    assert!(answer.text.starts_with("done · claude · "), "{}", answer.text);
    daemon.stop();
    assert_eq!(std::fs::read_to_string(&state).unwrap(), preferences("claude"), "it stays as it is");
}

#[test]
fn telegram_state_that_cannot_be_read_is_told_and_stops_nothing() {
    let server = server();
    let home = crate::telegram::home(&server, "");
    std::fs::write(home.place().join("telegram_chat_prefs_state.json"), "{").unwrap();
    let mut daemon = Daemon::start(&home);
    daemon.remarks("the Python takopi's state is not taken over");
    server.say(ADA, ADA, "echo all the same");
    said(&server, "all the same");
    daemon.stop();
}

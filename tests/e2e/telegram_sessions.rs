//! `session_mode = "chat"` on Telegram: whose session a plain message goes on with, and where.

use std::path::Path;

use takopi_fake::telegram::{Say, Shown, TOKEN, TelegramServer};

use crate::agents::Agents;
use crate::house::Daemon;
use crate::telegram::{ADA, server};

const GROUP: i64 = -100;

/// Another member of the group.
const BEN: i64 = 8;

/// Returns a home with an agent whose bot keeps conversations.
fn agents(server: &TelegramServer, more: &str) -> Agents {
    let config = format!(
        "transport = ['telegram', 'local']\ndefault_engine = 'codex'\n\
         [transports.telegram]\nbot_token = '{TOKEN}'\nchat_id = {ADA}\napi_url = '{}'\n\
         session_mode = 'chat'\nforward_coalesce_s = 0\n{more}",
        server.url()
    );
    Agents::with(&["codex"], &config)
}

/// Returns a home whose agent works for a group of two.
fn group(server: &TelegramServer) -> Agents {
    server.supergroup(GROUP, "team");
    server.user(BEN, "Ben", "ben");
    agents(server, "[projects.team]\npath = '.'\nchat_id = -100\n")
}

fn answer(server: &TelegramServer, chat: i64, to: i64) -> Shown {
    let is_answer = |shown: &&Shown| {
        shown.by_bot && shown.deleted.is_none() && shown.reply_to == Some(to) && shown.buttons.is_empty()
    };
    server.wait_in(chat, "the answer", |shown| shown.iter().find(is_answer).cloned())
}

#[track_caller]
fn asks(server: &TelegramServer, chat: i64, person: i64, text: &str, wanted: &str) -> Shown {
    let answer = answer(server, chat, server.say(chat, person, text));
    assert!(answer.text.contains(wanted), "{text}: {}", answer.text);
    answer
}

fn daemon_in<'a>(agents: &'a Agents, dir: &Path) -> Daemon<'a> {
    let mut takopi = agents.home.takopi(&[]);
    takopi.current_dir(dir);
    Daemon::ready(&agents.home, takopi)
}

#[test]
fn telegram_everybody_in_a_group_has_a_session_of_their_own_and_clears_no_other() {
    let server = server();
    let agents = group(&server);
    let daemon = Daemon::start(&agents.home);
    asks(&server, GROUP, ADA, "one", "ok: one (turn 1)");
    asks(&server, GROUP, BEN, "two", "ok: two (turn 1)");
    daemon.stop();
    let daemon = Daemon::start(&agents.home);
    asks(&server, GROUP, ADA, "three", "ok: three (turn 2)");
    let cleared = asks(&server, GROUP, BEN, "/new", "");
    assert_eq!(cleared.text, "cleared stored sessions for you in this chat.");
    asks(&server, GROUP, BEN, "four", "ok: four (turn 1)");
    let of_ada = asks(&server, GROUP, ADA, "five", "ok: five (turn 3)");
    let reply = server.send(Say::new(GROUP, BEN, "six").reply_to(of_ada.id)).message;
    let joined = answer(&server, GROUP, reply);
    assert!(joined.text.contains("ok: six (turn 4)"), "a reply goes on with what it replies to: {joined:?}");
    asks(&server, GROUP, BEN, "seven", "ok: seven (turn 5)");
    let cleared = asks(&server, ADA, ADA, "/new", "");
    assert_eq!(cleared.text, "cleared stored sessions for this chat.");
    daemon.stop();
}

#[test]
fn telegram_people_of_a_group_do_not_wait_for_each_other() {
    let server = server();
    let agents = group(&server);
    let daemon = Daemon::start(&agents.home);
    let gate = agents.gate("door");
    let first = server.say(GROUP, ADA, "one [[wait door]]");
    let standing = gate.reached();
    let second = server.say(GROUP, ADA, "two");
    asks(&server, GROUP, BEN, "three", "ok: three (turn 1)");
    drop(standing);
    assert!(answer(&server, GROUP, first).text.contains("(turn 1)"));
    assert!(answer(&server, GROUP, second).text.contains("ok: two (turn 2)"));
    daemon.stop();
}

#[test]
fn telegram_a_daemon_that_is_started_elsewhere_goes_on_only_with_what_is_in_projects() {
    let server = server();
    let agents = agents(&server, "[projects.app]\npath = '.'\n");
    let elsewhere = agents.home.own().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    let daemon = Daemon::start(&agents.home);
    asks(&server, ADA, ADA, "one", "ok: one (turn 1)");
    daemon.stop();
    let daemon = daemon_in(&agents, &elsewhere);
    asks(&server, ADA, ADA, "two", "ok: two (turn 1)");
    asks(&server, ADA, ADA, "/app three", "ok: three (turn 1)");
    daemon.stop();
    let daemon = Daemon::start(&agents.home);
    asks(&server, ADA, ADA, "four", "ok: four (turn 2)");
    daemon.stop();
}

//! A Discord server with the built binary behind it: what people write there and see.

use takopi_fake::discord::{DiscordServer, Place, Shown, TOKEN, Thread};

use crate::agents::Agents;
use crate::house::{Daemon, Home};

/// Returns the settings of a house whose only bot is that of `server`, for alice. What is added stands in the bot's
/// table.
pub(crate) fn config(server: &DiscordServer, engine: &str, more: &str) -> String {
    format!(
        "transport = ['discord', 'local']\ndefault_engine = '{engine}'\n\
         [engines.shell]\ntransports = ['discord', 'local']\n\
         [transports.discord]\nbot_token = '{TOKEN}'\napi_url = '{}'\n{more}",
        server.url(),
    )
}

/// Returns the line that lets alice alone in.
pub(crate) fn alice_alone(server: &DiscordServer) -> String {
    format!("allowed_user_ids = ['{}']\n", server.person("alice").id)
}

/// Returns a home whose only bot is that of `server`, for alice; messages are run by the shell.
pub(crate) fn home(server: &DiscordServer, more: &str) -> Home {
    Home::with_config(&config(server, "shell", &(alice_alone(server) + more)))
}

/// Returns a home whose only bot is that of `server`, for alice; messages are run by a scripted agent.
pub(crate) fn agents(server: &DiscordServer, more: &str) -> Agents {
    Agents::with(&["codex", "claude"], &config(server, "codex", &(alice_alone(server) + more)))
}

/// Returns the message of the bot that says `text`, once it stands there.
#[track_caller]
pub(crate) fn said(server: &DiscordServer, place: impl Into<Place>, text: &str) -> Shown {
    let by_bot = |shown: &&Shown| shown.by_bot && shown.deleted.is_none() && shown.text.contains(text);
    server.wait_in(place, text, |shown| shown.iter().find(by_bot).cloned())
}

/// Returns the thread on a message, once it is open.
#[track_caller]
pub(crate) fn thread_on(server: &DiscordServer, message: u64) -> Thread {
    let place = server.message(message).unwrap().channel;
    server.wait_thread(place, "a thread on the message", |thread| thread.id == message)
}

/// Returns the message with a button of this label, once it stands there.
#[track_caller]
pub(crate) fn with_button(server: &DiscordServer, place: impl Into<Place>, label: &str) -> Shown {
    let has = |shown: &&Shown| shown.deleted.is_none() && shown.labels().contains(&label);
    server.wait_in(place, label, |shown| shown.iter().find(has).cloned())
}

/// Returns what the bot says in a place now, service messages left out.
#[track_caller]
pub(crate) fn by_bot(server: &DiscordServer, place: impl Into<Place>) -> Vec<Shown> {
    let shown = server.shown(place).into_iter();
    shown.filter(|shown| shown.by_bot && !shown.service && shown.deleted.is_none()).collect()
}

#[test]
fn discord_a_mention_opens_a_thread_in_which_it_is_answered_and_the_next_message_goes_on() {
    let server = DiscordServer::begin().unwrap();
    let home = home(&server, "");
    let daemon = Daemon::start(&home);
    server.wait_ready();
    let alice = server.person("alice");
    let asked = alice.says("general", "@takopi echo from the shell");
    let thread = server.wait_thread("general", "a thread on the message", |thread| thread.id == asked);
    said(&server, thread.id, "from the shell");
    alice.says(thread.id, "echo once more");
    said(&server, thread.id, "once more");
    let in_channel = server.shown("general");
    assert!(!in_channel.iter().any(|shown| shown.by_bot && !shown.service), "{in_channel:?}");
    daemon.stop();
}

#[test]
fn discord_strangers_run_nothing_and_open_no_thread() {
    let server = DiscordServer::begin().unwrap();
    let home = home(&server, "");
    let daemon = Daemon::start(&home);
    server.wait_ready();
    server.person("mallory").says("general", "@takopi echo stranger >> ran");
    let asked = server.person("alice").says("general", "@takopi echo mine");
    said(&server, asked, "mine");
    assert!(server.threads().iter().all(|thread| thread.id == asked));
    assert!(!home.work().join("ran").exists());
    daemon.stop();
}

#[test]
fn discord_the_start_is_told_in_the_channel_the_table_names() {
    let server = DiscordServer::begin().unwrap();
    let home = home(&server, &format!("startup_channel_id = '{}'\n", server.channel("random")));
    let daemon = Daemon::start(&home);
    let greeting = said(&server, "random", "takopi is ready");
    for line in ["shell", "1 person", "thread"] {
        assert!(greeting.text.contains(line), "{line}: {}", greeting.text);
    }
    assert!(server.pings().is_empty());
    daemon.stop();
}

#[test]
fn discord_a_token_that_is_nobodys_is_told_by_the_doctor_with_what_to_do() {
    let server = DiscordServer::begin().unwrap();
    let home = home(&server, "");
    let fine = home.run(&["doctor"]);
    assert!(fine.stdout.contains("the token is known to Discord"), "{fine:?}");
    home.configure(&format!(
        "[transports.discord]\nbot_token = 'MTIz.no.body'\napi_url = '{}'",
        server.url()
    ));
    let told = home.run(&["doctor"]);
    assert!(told.stdout.contains("Reset Token") && !told.stdout.contains("no.body"), "{told:?}");
}

//! Every way in which Discord's gateway goes away: what people say meanwhile runs once, in its order, and what is said
//! afterwards too.

use std::time::Duration;

use takopi_fake::discord::{DiscordServer, Fault, Gate, Injection, Shown, TOKEN};

use crate::discord::home;
use crate::house::{Daemon, Home};
use crate::program::Program;
use crate::wait::wait_for;

/// What alice says in a thread: it is written down when it runs, and answered.
fn say(server: &DiscordServer, thread: u64, number: usize) {
    server.person("alice").says(thread, &format!("echo {number} >> ran; echo it is {number}"));
}

/// Cuts the bot off while alice writes in a thread and opens another one, lets it come back, and looks whether all of
/// it ran once.
fn survives(server: &DiscordServer, cut: impl FnOnce(&DiscordServer), back: impl FnOnce(&DiscordServer)) {
    let home = home(server, "");
    let daemon = Daemon::start(&home);
    server.wait_ready();
    let alice = server.person("alice");
    let thread = alice.says("general", "@takopi echo 0 >> ran; echo it is 0");
    answered(server, thread, "it is 0");
    cut(server);
    (1..4).for_each(|number| say(server, thread, number));
    let other = alice.says("random", "@takopi echo x >> elsewhere; echo it is x");
    back(server);
    answered(server, thread, "it is 3");
    answered(server, other, "it is x");
    server.wait_ready();
    say(server, thread, 4);
    answered(server, thread, "it is 4");
    assert_eq!(home.lines("ran"), ["0", "1", "2", "3", "4"]);
    assert_eq!(home.lines("elsewhere"), ["x"]);
    for number in 0..5 {
        let wanted = format!("it is {number}");
        let finals = server.shown(thread).into_iter().filter(|shown| is_answer(shown, &wanted));
        assert_eq!(finals.count(), 1, "finals of {number}");
    }
    daemon.stop();
}

/// Returns the answer that says this in a thread, once both are there.
pub(crate) fn answered(server: &DiscordServer, thread: u64, text: &str) -> Shown {
    wait_for("the thread", || server.threads().iter().any(|one| one.id == thread).then_some(()));
    server.wait_in(thread, text, |shown| shown.iter().find(|one| is_answer(one, text)).cloned())
}

/// Tells whether a message is an answer that says this; what is at work shows its command, too.
pub(crate) fn is_answer(shown: &Shown, text: &str) -> bool {
    let begins = |line: &str| line.starts_with("-# done · ");
    shown.by_bot && shown.deleted.is_none() && shown.text.lines().any(begins) && shown.text.contains(text)
}

fn nothing(_: &DiscordServer) {}

#[test]
fn discord_after_a_connection_that_broke_nothing_is_lost() {
    let server = crate::discord::server();
    survives(&server, |server| assert_eq!(server.drop_gateway(), 1), nothing);
    assert_eq!(server.gated(|gate| matches!(gate, Gate::Resumed(_))), 1);
}

#[test]
fn discord_after_a_close_that_says_come_again_nothing_is_lost() {
    let server = crate::discord::server();
    survives(&server, |server| assert_eq!(server.close_gateway(4000), 1), nothing);
}

#[test]
fn discord_after_a_close_that_says_farewell_nothing_is_lost() {
    let server = crate::discord::server();
    survives(&server, |server| assert_eq!(server.close_gateway(1000), 1), nothing);
}

#[test]
fn discord_after_a_close_that_ends_the_session_nothing_is_lost() {
    let server = crate::discord::server();
    survives(&server, |server| assert_eq!(server.close_gateway(4009), 1), nothing);
    assert_eq!(server.gated(|gate| matches!(gate, Gate::Identified(_))), 2);
}

#[test]
fn discord_after_a_close_about_a_sequence_number_nothing_is_lost() {
    let server = crate::discord::server();
    survives(&server, |server| assert_eq!(server.close_gateway(4007), 1), nothing);
}

#[test]
fn discord_after_being_asked_to_come_again_nothing_is_lost() {
    let server = crate::discord::server();
    survives(&server, |server| assert_eq!(server.reconnect(), 1), nothing);
}

#[test]
fn discord_after_a_session_that_may_go_on_nothing_is_lost() {
    let server = crate::discord::server();
    survives(&server, |server| assert_eq!(server.invalid_session(true), 1), nothing);
}

#[test]
fn discord_after_a_session_that_is_over_nothing_is_lost() {
    let server = crate::discord::server();
    survives(&server, |server| assert_eq!(server.invalid_session(false), 1), nothing);
}

#[test]
fn discord_after_a_gateway_that_lets_nobody_in_for_a_while_nothing_is_lost() {
    let server = crate::discord::server();
    survives(
        &server,
        |server| {
            server.refuse(3);
            server.drop_gateway();
        },
        |server| {
            server.wait_for("refusals", |log| (log.count(|gate| *gate == Gate::Refused) == 3).then_some(()))
        },
    );
}

#[test]
fn discord_after_sessions_that_are_forgotten_nothing_is_lost() {
    let server = crate::discord::server();
    survives(&server, DiscordServer::forget_sessions, nothing);
}

#[test]
fn discord_after_a_connection_that_died_without_a_word_nothing_is_lost() {
    let server = crate::discord::server();
    server.beat_every(Duration::from_secs(1));
    survives(
        &server,
        |server| {
            server.silence(true);
            server.stall(true);
        },
        |server| {
            server.wait_for("another connection", |log| {
                (log.count(|gate| *gate == Gate::Opened) == 2).then_some(())
            });
            server.silence(false);
            server.stall(false);
        },
    );
}

#[test]
fn discord_a_message_whose_thread_discord_does_not_describe_is_read_later() {
    let server = crate::discord::server();
    let home = home(&server, "");
    let daemon = Daemon::start(&home);
    server.wait_ready();
    let alice = server.person("alice");
    server.withhold("THREAD_CREATE");
    let thread = alice.opens_thread(alice.says("general", "about the apples"), "apples");
    server.inject(Injection::of("GET /channels/:id", Fault::HangBefore).in_channel(thread).always());
    alice.says(thread, "@takopi echo it is 1 >> ran; echo it is 1");
    answered(&server, thread, "it is 1");
    assert_eq!(home.lines("ran"), ["it is 1"]);
    daemon.stop();
}

/// Returns what ends a daemon that serves this bot alone.
fn ends(server: &DiscordServer) -> String {
    let home = alone(server);
    let ended = Program::start(&mut home.takopi(&[])).wait();
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    assert!(!ended.stderr.contains(TOKEN), "the token is never shown");
    ended.stderr
}

fn alone(server: &DiscordServer) -> Home {
    let home = home(server, "");
    home.configure(&format!(
        "transport = 'discord'\ndefault_engine = 'shell'\n[engines.shell]\ntransports = ['discord']\n\
         [transports.discord]\nbot_token = '{TOKEN}'\napi_url = '{}'\nallowed_user_ids = ['{}']\n",
        server.url(),
        server.person("alice").id,
    ));
    home
}

#[test]
fn discord_without_the_message_content_intent_the_daemon_ends_and_says_which_switch_to_set() {
    let server = crate::discord::server();
    server.allow_intents(false, false);
    let told = ends(&server);
    assert!(told.contains("Message Content Intent"), "{told}");
    assert_eq!(server.gated(|gate| matches!(gate, Gate::Identified(_))), 0);
}

#[test]
fn discord_with_an_unknown_token_the_daemon_ends_and_says_where_there_is_another() {
    let server = crate::discord::server();
    let home = alone(&server);
    let path = home.place().join("takopi.toml");
    let text = std::fs::read_to_string(&path).unwrap().replace(TOKEN, "MTIz.no.body");
    home.configure(&text);
    let ended = Program::start(&mut home.takopi(&[])).wait();
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    assert!(ended.stderr.contains("Reset Token") && !ended.stderr.contains("no.body"), "{}", ended.stderr);
}

/// Closes the bot's connection for good while the local page is served too.
fn is_told_and_the_house_stands(code: u16, what_to_do: &str) {
    let server = crate::discord::server();
    let home = home(&server, "");
    let mut daemon = Daemon::start(&home);
    server.wait_ready();
    if code == 4014 {
        server.allow_intents(false, false);
    }
    assert_eq!(server.close_gateway(code), 1);
    daemon.remarks(what_to_do);
    wait_for("status to tell", || {
        let told = home.run(&["status"]);
        (told.stdout.contains(what_to_do) && told.stdout.contains("discord")).then_some(())
    });
    let opened = server.gated(|gate| *gate == Gate::Opened);
    assert_eq!(home.run(&["chat", "echo still here"]).stdout, "still here\n");
    assert_eq!(server.gated(|gate| *gate == Gate::Opened), opened, "it is not tried again");
    daemon.stop();
}

#[test]
fn discord_a_token_that_is_taken_back_ends_this_bot_alone_and_status_says_what_to_do() {
    is_told_and_the_house_stands(4004, "Reset Token");
}

#[test]
fn discord_an_intent_that_is_taken_back_ends_this_bot_alone_and_status_says_what_to_do() {
    is_told_and_the_house_stands(4014, "Message Content Intent");
}

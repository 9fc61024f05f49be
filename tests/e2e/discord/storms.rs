//! Bad weather at Discord's counter: limits, failures and answers that get lost on the way; and fifty runs at once,
//! while every click and command is answered in time.

use std::time::Duration;

use takopi_fake::discord::{DiscordServer, Fault, Injection, Options, Shown, TOKEN};

use crate::agents::Agents;
use crate::discord::{home, listed, said};
use crate::discord_outages::{answered, is_answer};
use crate::gate::Gate;
use crate::house::Daemon;
use crate::wait::wait_for;

const SEND: &str = "POST /channels/:id/messages";
const EDIT: &str = "PATCH /channels/:id/messages/:id";
const ACK: &str = "POST /interactions/:id/:token/callback";

/// How soon Discord wants an answer to what people do with a bot.
const DEADLINE: Duration = Duration::from_secs(3);

/// Returns the answers that stand in a place and contain this.
fn answers(server: &DiscordServer, place: u64, text: &str) -> Vec<Shown> {
    server.shown(place).into_iter().filter(|shown| is_answer(shown, text)).collect()
}

/// Runs something whose final meets a fault, and looks whether it stands there once.
fn final_stands_once_after(faults: &[Fault]) {
    let server = crate::discord::server();
    let home = home(&server, "");
    let daemon = Daemon::start(&home);
    server.wait_ready();
    let alice = server.person("alice");
    let asked = alice.says("general", "@takopi echo begun");
    answered(&server, asked, "begun");
    for (number, fault) in faults.iter().enumerate() {
        let answer = format!("the final {number}");
        server.inject(Injection::of(SEND, fault.clone()).containing(&answer));
        alice.says(asked, &format!("echo {number} >> ran; echo {answer}"));
        if matches!(fault, Fault::HangBefore | Fault::HangAfter) {
            server.wait_for("the call that hangs", |log| (log.holding > 0).then_some(()));
            server.release();
        }
        answered(&server, asked, &answer);
    }
    alice.says(asked, "echo afterwards");
    answered(&server, asked, "afterwards");
    for (number, fault) in faults.iter().enumerate() {
        let stands = answers(&server, asked, &format!("the final {number}"));
        assert_eq!(stands.len(), 1, "{fault:?}: {stands:?}");
    }
    let numbers: Vec<String> = (0..faults.len()).map(|number| number.to_string()).collect();
    assert_eq!(home.lines("ran"), numbers);
    daemon.stop();
}

#[test]
fn discord_a_final_gets_through_limits_and_failing_servers() {
    let soon = Duration::from_millis(300);
    final_stands_once_after(&[
        Fault::retry_after(soon),
        Fault::global_retry_after(soon),
        Fault::server(500),
        Fault::server(502),
        Fault::Garbage,
        Fault::ResetBefore,
    ]);
}

#[test]
fn discord_a_final_whose_answer_was_lost_stands_once() {
    final_stands_once_after(&[Fault::ResetAfter, Fault::HangBefore, Fault::HangAfter, Fault::ResetAfter]);
}

#[test]
fn discord_a_storm_of_refusals_delays_a_final_and_makes_no_flood_of_calls() {
    let server = crate::discord::server();
    let home = home(&server, "");
    let gate = Gate::new(&home, "gate");
    let daemon = Daemon::start(&home);
    server.wait_ready();
    let asked = server.person("alice").says("general", "@takopi cat gate; echo the final");
    let thread = server.wait_thread("general", "a thread", |thread| thread.id == asked).id;
    let standing = gate.reached();
    for route in [SEND, EDIT] {
        server.inject(Injection::of(route, Fault::retry_after(Duration::from_secs(1))).times(8));
    }
    drop(standing);
    answered(&server, thread, "the final");
    assert_eq!(answers(&server, thread, "the final").len(), 1);
    let stats = server.stats();
    assert!(stats.invalid <= 16, "{stats:?}");
    for pair in server.log().of(SEND).collect::<Vec<_>>().windows(2) {
        let refused = pair[0].status == Some(429) && pair[0].channel == pair[1].channel;
        let waited = pair[1].at - pair[0].ended.unwrap();
        assert!(
            !refused || waited >= Duration::from_millis(990),
            "too soon, after {waited:?}: {}",
            server.log()
        );
    }
    daemon.stop();
}

#[test]
fn discord_ten_threads_at_work_meet_no_limit_and_no_final_waits_behind_progress() {
    let server = crate::discord::server();
    let home = home(&server, "");
    let daemon = Daemon::start(&home);
    server.wait_ready();
    let alice = server.person("alice");
    let asked: Vec<u64> = (0..10)
        .map(|number| alice.says("general", &format!("@takopi echo begun; cat gate{number}; echo the final")))
        .collect();
    let gates: Vec<Gate> = (0..10).map(|number| Gate::new(&home, &format!("gate{number}"))).collect();
    let standing: Vec<_> = gates.iter().map(Gate::reached).collect();
    for thread in &asked {
        server.wait_thread("general", "a thread", |one| one.id == *thread);
    }
    drop(standing);
    for thread in &asked {
        answered(&server, *thread, "the final");
    }
    assert_eq!(server.stats().too_many, 0, "{:?}", server.stats());
    daemon.stop();
}

/// Runs at once, over so many channels: Discord lets ten threads be opened in a channel in half a minute.
const RUNS: usize = 50;
const CHANNELS: usize = 10;

#[test]
fn discord_while_fifty_runs_are_at_work_every_click_and_command_is_answered_in_time() {
    let server = crate::discord::server();
    let channels: Vec<u64> =
        (0..CHANNELS).map(|number| server.add_channel(&format!("room{number}"))).collect();
    let agents = Agents::with(
        &["claude"],
        &format!(
            "transport = ['discord', 'local']\ndefault_engine = 'claude'\n\
             [transports.discord]\nbot_token = '{TOKEN}'\napi_url = '{}'\nallowed_user_ids = ['{}']\n",
            server.url(),
            server.person("alice").id,
        ),
    );
    let gate = agents.gate("load");
    let daemon = Daemon::start(&agents.home);
    server.wait_ready();
    server.wait_for("the commands", |log| {
        log.of("PUT /applications/:id/guilds/:id/commands").find(|call| call.succeeded()).map(drop)
    });
    let alice = server.person("alice");
    let asked: Vec<u64> = (0..RUNS)
        .map(|run| {
            alice.says(channels[run % CHANNELS], &format!("@takopi run {run} [[tools n=3]] [[wait load]]"))
        })
        .collect();
    wait_for("fifty agents", || (agents.log("start").len() == RUNS).then_some(()));
    let progress: Vec<Shown> = asked
        .iter()
        .map(|thread| {
            let channel = server.message(*thread).unwrap().channel;
            server.wait_thread(channel, "a thread", |one| one.id == *thread);
            server.wait_in(*thread, "a cancel button", |shown| {
                shown.iter().find(|shown| shown.labels().contains(&"cancel")).cloned()
            })
        })
        .collect();
    let mut done = Vec::new();
    for channel in &channels {
        done.push(alice.asks(*channel, "status", Options::new()));
        done.push(alice.asks(*channel, "help", Options::new()));
    }
    for (number, message) in progress.iter().enumerate() {
        let button = message.buttons.concat().into_iter().find(|button| button.label == "cancel").unwrap();
        if number % 2 == 0 {
            done.push(alice.clicks_id(message.id, &button.id.unwrap()));
        }
    }
    for asked in done {
        let seen = server.wait_ack(asked);
        assert!(!seen.failed && seen.took.is_some_and(|took| took < DEADLINE), "{seen:?}");
    }
    for (number, thread) in asked.iter().enumerate() {
        if number % 2 == 0 {
            said(&server, *thread, "cancelled");
        }
    }
    wait_for("everybody to pass", || {
        gate.is_reached();
        (agents.log("result").len() >= RUNS / 2).then_some(())
    });
    for (number, thread) in asked.iter().enumerate() {
        if number % 2 == 1 {
            answered(&server, *thread, &format!("ok: run {number}"));
        }
    }
    daemon.stop();
}

#[test]
fn discord_a_first_answer_that_meets_a_failing_server_still_comes_in_time() {
    let server = crate::discord::server();
    let home = home(&server, "");
    let daemon = Daemon::start(&home);
    listed(&server);
    let alice = server.person("alice");
    for (number, fault) in
        [Fault::server(502), Fault::ResetBefore, Fault::ResetAfter, Fault::Garbage].into_iter().enumerate()
    {
        server.inject(Injection::of(ACK, fault.clone()));
        let seen = alice.uses("general", "status", Options::new());
        assert!(!seen.failed && seen.took.is_some_and(|took| took < DEADLINE), "{fault:?}: {seen:?}");
        server.inject(Injection::of(ACK, fault.clone()));
        let prompt = Options::new().with("prompt", format!("echo {number} >> ran; echo the final {number}"));
        let seen = alice.uses("general", "shell", prompt);
        assert!(!seen.failed && seen.took.is_some_and(|took| took < DEADLINE), "{fault:?}: {seen:?}");
        let starter = seen.message.unwrap().id;
        answered(&server, starter, &format!("the final {number}"));
    }
    assert_eq!(home.lines("ran"), ["0", "1", "2", "3"]);
    daemon.stop();
}

#[test]
fn discord_a_server_that_never_answers_keeps_no_other_thread_waiting() {
    let server = crate::discord::server();
    let home = home(&server, "");
    let daemon = Daemon::start(&home);
    server.wait_ready();
    let alice = server.person("alice");
    let hung = alice.says("general", "@takopi echo begun");
    answered(&server, hung, "begun");
    server.inject(Injection::of(SEND, Fault::HangAfter).in_channel(hung));
    alice.says(hung, "echo x >> ran; echo the final");
    server.wait_for("the call that hangs", |log| (log.holding > 0).then_some(()));
    let other = alice.says("random", "@takopi echo meanwhile");
    answered(&server, other, "meanwhile");
    assert!(server.log().holding > 0, "{}", server.log());
    server.wait_for("the bot to give it up", |log| (log.holding == 0).then_some(()));
    answered(&server, hung, "the final");
    assert_eq!(answers(&server, hung, "the final").len(), 1);
    assert_eq!(home.lines("ran"), ["x"]);
    daemon.stop();
}

//! What people complain about with other bots on Discord, each as a test: pings by the agent's text, storms of
//! registrations, prompts lost to limits, a typing indicator that stays, failures that look like answers, and what
//! comes twice or too late.

use std::time::Duration;

use takopi_fake::discord::{Ack, DiscordServer, Fault, Injection, Log, Options, Shown};

use crate::discord::home;
use crate::discord_outages::answered;
use crate::gate::Gate;
use crate::house::{Daemon, Home};

const TYPING: &str = "POST /channels/:id/typing";
const REGISTER: &str = "PUT /applications/:id/guilds/:id/commands";
const OPEN_THREAD: &str = "POST /channels/:id/messages/:id/threads";

fn begin() -> (DiscordServer, Home) {
    let server = crate::discord::server();
    let home = home(&server, "");
    (server, home)
}

/// Returns the thread on a message of #general, once it is there.
fn thread_on(server: &DiscordServer, message: u64) -> u64 {
    server.wait_thread("general", "a thread on the message", |thread| thread.id == message).id
}

/// Counts what the bot says in a place and contains this.
fn count(server: &DiscordServer, place: u64, text: &str) -> usize {
    let shown = server.shown(place);
    shown.iter().filter(|shown| shown.by_bot && !shown.service && shown.text.contains(text)).count()
}

/// Returns what says that a run failed, and this.
fn wait_failed(server: &DiscordServer, thread: u64, text: &str) -> Shown {
    let failed = |shown: &&Shown| {
        let told = shown.text.contains("error · ") || shown.text.contains("failed · ");
        shown.by_bot && told && shown.text.contains(text)
    };
    server.wait_in(thread, text, |shown| shown.iter().find(failed).cloned())
}

fn registered(log: &Log) -> usize {
    log.of(REGISTER).filter(|call| call.succeeded()).count()
}

fn wait_registered(server: &DiscordServer) {
    server.wait_for("the commands", |log| (registered(log) > 0).then_some(()));
}

#[test]
fn discord_nobody_is_pinged_by_what_an_agent_writes_but_whoever_asked_by_the_answer() {
    let (server, home) = begin();
    let bob = server.person("bob").id;
    let role = server.role("everybody-else", 0);
    let daemon = Daemon::start(&home);
    server.wait_ready();
    let text = format!("@everyone @here <@{bob}> <@&{role}>");
    let asked =
        server.person("alice").says("general", &format!("@takopi echo '{text}'; echo so it is; exit 0"));
    answered(&server, asked, "so it is");
    server.person("alice").says(asked, &format!("echo '{text}'; echo and failed; exit 1"));
    wait_failed(&server, asked, "and failed");
    let pings = server.pings();
    assert!(pings.iter().all(|ping| !ping.everyone && ping.roles.is_empty()), "{pings:?}");
    assert!(pings.iter().all(|ping| ping.users == ["alice"]), "{pings:?}");
    assert_eq!(pings.len(), 2, "once by each answer: {pings:?}");
    daemon.stop();
}

#[test]
fn discord_commands_are_registered_once_whatever_becomes_of_sessions_and_daemons() {
    let (server, home) = begin();
    let daemon = Daemon::start(&home);
    wait_registered(&server);
    let alice = server.person("alice");
    let asked = alice.says("general", "@takopi echo first");
    answered(&server, asked, "first");
    let first = server.log().of(REGISTER).count();
    for code in [4009, 4000] {
        server.close_gateway(code);
        alice.says(asked, &format!("echo after {code}"));
        answered(&server, asked, &format!("after {code}"));
    }
    daemon.stop();
    let daemon = Daemon::start(&home);
    server.wait_ready();
    alice.says(asked, "echo after a restart");
    answered(&server, asked, "after a restart");
    assert!(!alice.uses("general", "status", Options::new()).failed);
    assert_eq!(server.log().of(REGISTER).count(), first);
    assert_eq!(server.stats().too_many, 0);
    daemon.stop();
}

#[test]
fn discord_a_day_without_commands_left_to_register_is_told_and_messages_are_served() {
    let (server, home) = begin();
    server.command_creates(0);
    let mut daemon = Daemon::start(&home);
    server.wait_ready();
    let asked = server.person("alice").says("general", "@takopi echo served");
    answered(&server, asked, "served");
    daemon.remarks("commands");
    let tries = server.log().of(REGISTER).count();
    assert!((1..=4).contains(&tries), "{tries} tries");
    daemon.stop();
}

#[test]
fn discord_a_limit_on_registering_is_waited_out_while_messages_are_served() {
    let (server, home) = begin();
    server.inject(Injection::of(REGISTER, Fault::retry_after(Duration::from_secs(2))).times(2));
    let daemon = Daemon::start(&home);
    server.wait_ready();
    let asked = server.person("alice").says("general", "@takopi echo served");
    answered(&server, asked, "served");
    wait_registered(&server);
    let limited = server.log().of(REGISTER).filter(|call| call.status == Some(429)).count();
    assert_eq!(limited, 2, "it came no sooner than it was told");
    daemon.stop();
}

#[test]
fn discord_a_thread_that_may_not_be_opened_for_long_is_opened_once_and_nothing_is_lost() {
    let (server, home) = begin();
    let daemon = Daemon::start(&home);
    server.wait_ready();
    server.inject(Injection::of(OPEN_THREAD, Fault::retry_after(Duration::from_secs(3))).times(3));
    let asked = server.person("alice").says("general", "@takopi echo x >> ran; echo in the end");
    let answer = answered(&server, asked, "in the end");
    assert_eq!(answer.channel, asked);
    assert_eq!(home.lines("ran"), ["x"]);
    assert_eq!(count(&server, asked, "-# done · "), 1, "{:?}", server.shown(asked));
    let in_channel = server.shown("general");
    assert!(!in_channel.iter().any(|shown| shown.by_bot && !shown.service), "{in_channel:?}");
    let calls = server.log().of(OPEN_THREAD).count();
    assert_eq!(calls, 4, "no try before its time");
    daemon.stop();
}

#[test]
fn discord_typing_is_shown_while_a_run_is_at_work_through_outages_and_never_after_its_answer() {
    let (server, home) = begin();
    let (gate, other_gate) = (Gate::new(&home, "gate"), Gate::new(&home, "other"));
    let daemon = Daemon::start(&home);
    server.wait_ready();
    let alice = server.person("alice");
    let typed = |channel: u64, since: Duration, times: usize| {
        server.wait_for("typing", |log| {
            let typed = log
                .of(TYPING)
                .filter(|call| call.channel == Some(channel) && call.at >= since && call.succeeded());
            (typed.count() >= times).then_some(())
        });
    };
    let asked = alice.says("general", "@takopi cat gate; echo it is over");
    let thread = thread_on(&server, asked);
    typed(thread, Duration::ZERO, 1);
    server.inject(Injection::of(TYPING, Fault::server(502)));
    server.forget_sessions();
    typed(thread, Duration::ZERO, 2);
    assert!(server.typing(thread));
    drop(gate.reached());
    let answer = answered(&server, thread, "it is over");
    let over = answer.versions[0].at;
    let other = alice.says("general", "@takopi cat other; echo late");
    typed(thread_on(&server, other), over, 2);
    let after = server.log();
    let after = after.of(TYPING).filter(|call| call.channel == Some(thread) && call.at > over);
    assert_eq!(after.count(), 0, "{}", server.log());
    drop(other_gate.reached());
    daemon.stop();
}

#[test]
fn discord_a_mention_in_a_thread_of_others_starts_there_and_it_goes_on_without() {
    let (server, home) = begin();
    let daemon = Daemon::start(&home);
    server.wait_ready();
    let alice = server.person("alice");
    let begun = alice.says("general", "let us talk");
    let thread = alice.opens_thread(begun, "talk");
    alice.says(thread, "echo not for the bot >> ran");
    alice.says(thread, "@takopi echo here I am");
    answered(&server, thread, "here I am");
    alice.says(thread, "echo and go on");
    answered(&server, thread, "and go on");
    assert_eq!(home.lines("ran"), [""; 0]);
    assert_eq!(server.threads().len(), 1);
    daemon.stop();
}

#[test]
fn discord_a_failed_run_is_shown_as_failed_with_what_it_said_on_stderr() {
    let (server, home) = begin();
    let daemon = Daemon::start(&home);
    server.wait_ready();
    let asked =
        server.person("alice").says("general", "@takopi echo some output; echo no such thing >&2; exit 3");
    let shown = wait_failed(&server, thread_on(&server, asked), "no such thing");
    assert!(!shown.text.contains("done"), "{}", shown.text);
    daemon.stop();
}

#[test]
fn discord_a_link_that_is_unfurled_is_no_edit_of_a_message() {
    let (server, home) = begin();
    let gate = Gate::new(&home, "gate");
    let daemon = Daemon::start(&home);
    server.wait_ready();
    let alice = server.person("alice");
    let asked = alice.says("general", "@takopi cat gate; echo first");
    thread_on(&server, asked);
    let standing = gate.reached();
    let waits = alice.says(asked, "echo http://example.org >> ran; echo second");
    server.unfurl(asked, "http://example.org");
    server.unfurl(waits, "http://example.org");
    drop(standing);
    answered(&server, asked, "second");
    server.unfurl(waits, "http://example.org");
    server.unfurl(asked, "http://example.org");
    alice.says(asked, "echo third");
    answered(&server, asked, "third");
    assert_eq!(home.lines("ran"), ["http://example.org"]);
    assert_eq!(count(&server, asked, "-# done · "), 3, "{:?}", server.shown(asked));
    daemon.stop();
}

#[test]
fn discord_a_thread_is_named_by_the_words_of_a_prompt_and_not_by_its_markup() {
    let (server, home) = begin();
    let daemon = Daemon::start(&home);
    server.wait_ready();
    let alice = server.person("alice");
    let asked =
        alice.says("general", "@takopi echo **bold** ~~gone~~ `code` ||secret|| <@1> https://example.org/x");
    let thread = server.wait_thread("general", "the thread", |thread| thread.id == asked);
    for markup in ["*", "~~", "`", "||", "<@", "\n"] {
        assert!(!thread.name.contains(markup), "{markup:?} in {:?}", thread.name);
    }
    assert!(thread.name.starts_with("echo bold"), "{}", thread.name);
    let asked = alice.says("general", "@takopi ***");
    let thread = server.wait_thread("general", "the thread", |thread| thread.id == asked);
    assert!(!thread.name.trim().is_empty() && !thread.name.contains('*'), "{}", thread.name);
    daemon.stop();
}

#[test]
fn discord_what_comes_twice_runs_once_and_is_answered_once() {
    let (server, home) = begin();
    let daemon = Daemon::start(&home);
    wait_registered(&server);
    let alice = server.person("alice");
    let prompt = Options::new().with("prompt", "echo x >> ran; echo by command");
    let asked = alice.asks("general", "shell", prompt);
    assert_eq!(server.wait_ack(asked).ack, Some(Ack::Deferred));
    let starter = server.seen(asked).message.unwrap().id;
    answered(&server, starter, "by command");
    let said_once = alice.says("general", "@takopi echo y >> ran; echo by message");
    answered(&server, said_once, "by message");
    server.repeat_interaction(asked);
    server.repeat(said_once);
    server.forget_sessions();
    server.wait_for("another session", |log| {
        (log.count(|gate| matches!(gate, takopi_fake::discord::Gate::Identified(_))) == 2).then_some(())
    });
    server.repeat_interaction(asked);
    server.repeat(said_once);
    let last = alice.says("general", "@takopi echo z >> ran; echo the last");
    answered(&server, last, "the last");
    assert_eq!(home.lines("ran"), ["x", "y", "z"]);
    assert_eq!((count(&server, starter, "by command"), count(&server, said_once, "by message")), (1, 1));
    daemon.stop();
}

#[test]
fn discord_an_interaction_that_comes_too_late_is_not_done() {
    let (server, home) = begin();
    let daemon = Daemon::start(&home);
    wait_registered(&server);
    let alice = server.person("alice");
    server.stall(true);
    let prompt = Options::new().with("prompt", "echo late >> ran");
    let late = alice.asks("general", "shell", prompt);
    assert!(server.wait_ack(late).failed);
    server.stall(false);
    let prompt = Options::new().with("prompt", "echo in time >> ran; echo in time");
    let seen = alice.uses("general", "shell", prompt);
    assert!(!seen.failed);
    answered(&server, seen.message.unwrap().id, "in time");
    assert_eq!(home.lines("ran"), ["in time"]);
    daemon.stop();
}

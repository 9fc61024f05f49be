//! `kill -9` at random moments of a busy time, and what every restart must find: each accepted message has run
//! exactly once or is told as interrupted, and nothing is left over or stuck.
//!
//! Each message is a command that puts its own id into a journal when it runs. What the journal and the
//! history say must fit; how that is checked is in `kill/books.rs`.

use std::time::Duration;

use serde_json::json;
use uuid::Uuid;

use crate::house::{Daemon, Home};
use crate::program::Program;
use crate::random::Random;
use crate::wait::wait_for;

#[path = "kill/books.rs"]
mod books;
#[path = "kill/client.rs"]
mod client;

use books::{Books, Seen};
use client::{Traffic, Written};

/// Rounds unless `TAKOPI_KILL_ROUNDS` says otherwise; each is 0.3 s of traffic on average and a restart.
const ROUNDS: u64 = 12;

/// Longest time from being ready to being killed.
const BUSY_MS: u64 = 600;

/// Longest time from being started to being killed, where that comes before being ready.
const STARTING_MS: u64 = 40;

/// Rounds after which everything is let run to its end, so that nothing can hide in a queue.
const REST_EVERY: u64 = 10;

#[test]
fn kill_at_any_moment_runs_every_message_once_or_tells_it_as_interrupted() {
    let rounds = std::env::var("TAKOPI_KILL_ROUNDS").map_or(ROUNDS, |rounds| rounds.parse().unwrap());
    let mut random = Random::seeded();
    let home = Home::new();
    let mut books = Books::default();
    let mut seen = Seen::default();
    for round in 0..rounds {
        if random.below(5) == 0 {
            kill_while_it_starts(&home, &mut random);
            seen = Seen::now(&home);
        }
        let daemon = Daemon::start(&home);
        books.check_restart(&home, &daemon.page, &seen);
        if round % REST_EVERY == REST_EVERY - 1 {
            rest(&home, &daemon, &mut books);
        }
        let again = books.unacknowledged();
        let traffic = Traffic::begin(&home, &daemon.page, round, again, &mut random);
        std::thread::sleep(Duration::from_millis(random.below(BUSY_MS)));
        // Now and then it is asked to stop, which must come to the same.
        match random.below(4) {
            0 => assert_eq!(daemon.end().code, 0),
            _ => daemon.kill(),
        }
        books.write(traffic.end(&mut random));
        seen = Seen::now(&home);
    }
    let daemon = Daemon::start(&home);
    books.check_restart(&home, &daemon.page, &seen);
    // What was on its way to the daemon when it died is said again, as a client would.
    for message in books.unacknowledged() {
        books.write(vec![message.submit(&daemon.page, &home.work())]);
    }
    rest(&home, &daemon, &mut books);
    daemon.stop();
    eprintln!("{rounds} rounds: {books}");
}

fn kill_while_it_starts(home: &Home, random: &mut Random) {
    let starting = Program::start(&mut home.takopi(&[]));
    std::thread::sleep(Duration::from_millis(random.below(STARTING_MS)));
    starting.kill();
}

/// Lets everything run to its end: nothing may be stuck, and the books must balance.
fn rest(home: &Home, daemon: &Daemon<'_>, books: &mut Books) {
    wait_for("every message to be over", || {
        (home.status()["runs"] == json!([]) && books.are_closed(&daemon.page)).then_some(())
    });
    books.check_idle(home);
    wait_for("the end of what runs left behind", || home.at_work().is_empty().then_some(()));
}

#[test]
fn kill_of_a_hosting_terminal_leaves_its_message_to_the_next() {
    let home = Home::new();
    let message = Written::long();
    let chat = home.chat(&message.text);
    wait_for("the run", || (home.lines("journal") == [message.id.clone()]).then_some(()));
    chat.kill();
    assert!(!home.at_work().is_empty(), "it goes on until somebody comes");
    assert_eq!(home.run(&["chat", "echo next"]).stdout, "next\n");
    assert_eq!(home.at_work(), []);
    assert_eq!(home.lines("journal"), [message.id]);
}

#[test]
fn kill_of_the_daemon_is_told_to_a_terminal_as_an_interruption() {
    let home = Home::new();
    let message = Written::long();
    let daemon = Daemon::start(&home);
    let chat = home.chat(&message.text);
    wait_for("the run", || (home.lines("journal") == [message.id.clone()]).then_some(()));
    daemon.kill();
    // It finds nobody there, takes the house over and closes what was left.
    let ended = chat.wait();
    assert_eq!((ended.code, ended.stdout.as_str()), (1, ""), "{}", ended.stderr);
    assert!(ended.stderr.contains("interrupted"), "{}", ended.stderr);
    assert_eq!(home.at_work(), []);
    assert_eq!(home.lines("journal"), [message.id]);
}

#[test]
fn kill_leaves_stubborn_processes_to_the_next_daemon() {
    const STUBBORN: &str = "setsid sh -c 'trap \"\" TERM; echo a >> up; while :; do sleep 1; done' & wait";
    let home = Home::new();
    let daemon = Daemon::start(&home);
    let here = Uuid::new_v4();
    daemon.page.submit(here, "stubborn", STUBBORN, &home.work()).unwrap();
    daemon.page.submit(here, "next", "echo next >> up", &home.work()).unwrap();
    wait_for("the run", || (home.lines("up") == ["a"]).then_some(()));
    daemon.kill();
    assert!(home.at_work().len() >= 2);
    let daemon = Daemon::start(&home);
    wait_for("what waited", || (home.lines("up") == ["a", "next"]).then_some(()));
    wait_for("idle", || (home.status()["runs"] == json!([])).then_some(()));
    assert_eq!(home.at_work(), []);
    daemon.stop();
}

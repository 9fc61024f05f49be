//! A process that is killed while it writes: what it was told is stored, is stored.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use takopi_core::event::Outcome;
use takopi_core::message::Inbound;
use takopi_core::port::ledger::{Accepted, EndRun, Ledger, PostKind, RunState};
use takopi_core::testing::ledger::{at, message, open_run, post, run_id};

use super::{open, place};

/// Names the ledger to a child that is to write into it until it is killed.
const CHILD: &str = "TAKOPI_LEDGER_TEST_CHILD";
const ROUNDS: u64 = 6;

/// The child: accepts, opens and ends without pause, and tells on stdout what it was told is done.
#[tokio::test]
async fn child_that_writes_until_it_is_killed() {
    let Some(path) = std::env::var_os(CHILD) else { return };
    let ledger = open(Path::new(&path));
    let mut told = std::io::stderr();
    for number in 1..100_000_u32 {
        let name = number.to_string();
        let inbound = Inbound::Message(message("chat", &name, "x"));
        let (Accepted::New(id) | Accepted::Duplicate(id)) = ledger.accept(&inbound, at(1)).await.unwrap();
        writeln!(told, "\naccepted {number}").unwrap();
        ledger.open(&open_run(number, "chat", &[id])).await.unwrap();
        writeln!(told, "\nopened {number}").unwrap();
        let end = EndRun {
            id: run_id(number),
            outcome: Outcome::Answered,
            answer: name.clone(),
            usage: None,
            steps: 0,
            actions: Vec::new(),
            ended_at: at(2),
            post: vec![post("chat", PostKind::Final, Some(run_id(number)), &name)],
        };
        ledger.end(end).await.unwrap();
        writeln!(told, "\nended {number}").unwrap();
    }
}

/// Runs the child until it has told `lines` things, kills it, and returns what it told.
fn write_and_be_killed(path: &Path, lines: usize) -> Vec<(String, u32)> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "tests::killed::child_that_writes_until_it_is_killed", "--nocapture"])
        .env(CHILD, path)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut told = Vec::new();
    let mut output = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut killed = false;
    while let Some(Ok(line)) = output.next() {
        if let Some((what, number)) = line.split_once(' ')
            && let Ok(number) = number.parse()
            && ["accepted", "opened", "ended"].contains(&what)
        {
            told.push((what.to_owned(), number));
        }
        if told.len() >= lines && !killed {
            child.kill().unwrap();
            killed = true;
        }
    }
    child.wait().unwrap();
    assert!(killed, "the child ended by itself after {told:?}");
    told
}

#[tokio::test]
async fn whatever_was_answered_before_a_kill_is_stored() {
    let seed: u64 = match std::env::var("TAKOPI_TEST_SEED") {
        Ok(seed) => seed.parse().unwrap(),
        Err(_) => u64::from(std::process::id()),
    };
    println!("TAKOPI_TEST_SEED={seed}");
    let mut random = seed;
    for round in 0..ROUNDS {
        // A linear congruential step (Knuth's MMIX constants): all that is needed is variety.
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (_folder, path) = place();
        let told = write_and_be_killed(&path, usize::try_from(random >> 33).unwrap() % 90 + 1);
        let ledger = open(&path);
        let unfinished = ledger.unfinished().await.unwrap();
        for (what, number) in &told {
            let context = format!("seed {seed}, round {round}: {what} {number}");
            if what == "accepted" {
                let inbound = Inbound::Message(message("chat", &number.to_string(), "x"));
                let again = ledger.accept(&inbound, at(9)).await.unwrap();
                assert!(matches!(again, Accepted::Duplicate(_)), "{context}");
                continue;
            }
            let run = ledger.run(run_id(*number)).await.unwrap().expect(&context);
            if what == "ended" {
                assert_eq!(run.state, RunState::Ended, "{context}");
                let sent = unfinished.outbox.iter().filter(|row| row.post.run == Some(run_id(*number)));
                assert_eq!(sent.count(), 1, "{context}");
            }
        }
        for row in &unfinished.outbox {
            let run = ledger.run(row.post.run.unwrap()).await.unwrap().unwrap();
            assert_eq!(run.state, RunState::Ended, "a post without its end, seed {seed}, round {round}");
        }
        assert!(unfinished.inbox.len() + unfinished.runs.len() <= 1, "one thing at a time was begun");
    }
}

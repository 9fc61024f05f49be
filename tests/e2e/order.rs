//! Who waits for whom: messages of one conversation for each other, of two for nobody, a cancel for nothing.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::gate::Gate;
use crate::house::{Daemon, Home};
use crate::wait::wait_for;

/// Returns the runs as `takopi status` tells them: what they were asked, and how many are ahead.
fn runs(home: &Home) -> Vec<(String, Option<u64>)> {
    let status = home.status();
    let run = |run: &Value| (run["prompt"].as_str().unwrap().to_owned(), run["ahead"].as_u64());
    status["runs"].as_array().unwrap().iter().map(run).collect()
}

/// Waits until nothing runs or waits.
fn idle(home: &Home) {
    wait_for("idle", || runs(home).is_empty().then_some(()));
}

fn submit(daemon: &Daemon<'_>, home: &Home, conversation: Uuid, text: &str) {
    daemon.page.submit(conversation, &Uuid::new_v4().to_string(), text, &home.work()).unwrap();
}

#[test]
fn messages_of_one_conversation_run_one_after_the_other() {
    let home = Home::new();
    let (first, second) = (Gate::new(&home, "first"), Gate::new(&home, "second"));
    let daemon = Daemon::start(&home);
    let here = Uuid::new_v4();
    submit(&daemon, &home, here, "cat first");
    submit(&daemon, &home, here, "cat second");
    let standing = first.reached();
    wait_for("the second in the queue", || {
        (runs(&home) == [("cat first".to_owned(), None), ("cat second".to_owned(), Some(1))]).then_some(())
    });
    assert!(!second.is_reached(), "the second has not started");
    drop(standing);
    drop(second.reached());
    idle(&home);
    daemon.stop();
}

#[test]
fn messages_that_come_together_run_as_they_stand_in_the_conversation() {
    let home = Home::new();
    let daemon = Daemon::start(&home);
    let here = Uuid::new_v4();
    std::thread::scope(|scope| {
        for sender in 0..8 {
            let (daemon, home) = (&daemon, &home);
            scope.spawn(move || {
                for number in 0..5 {
                    submit(daemon, home, here, &format!("echo {sender}.{number} >> journal"));
                }
            });
        }
    });
    wait_for("all of them", || (home.lines("journal").len() == 40).then_some(()));
    let history = daemon.page.history(here);
    let asked: Vec<&str> =
        history.iter().filter_map(|item| item["text"].as_str()?.split(' ').nth(1)).collect();
    assert_eq!(home.lines("journal"), asked);
    idle(&home);
    daemon.stop();
}

#[test]
fn messages_of_two_conversations_run_at_the_same_time() {
    let home = Home::new();
    let (first, second) = (Gate::new(&home, "first"), Gate::new(&home, "second"));
    let daemon = Daemon::start(&home);
    submit(&daemon, &home, Uuid::new_v4(), "cat first");
    submit(&daemon, &home, Uuid::new_v4(), "cat second");
    let both = (first.reached(), second.reached());
    drop(both);
    idle(&home);
    daemon.stop();
}

#[test]
fn no_more_runs_than_allowed_are_under_way() {
    let home = Home::with_config("max_parallel_runs = 2\n");
    let gates: Vec<Gate> = (0..4).map(|number| Gate::new(&home, &format!("gate{number}"))).collect();
    let daemon = Daemon::start(&home);
    for number in 0..4 {
        submit(&daemon, &home, Uuid::new_v4(), &format!("cat gate{number}"));
    }
    wait_for("all of them", || (runs(&home).len() == 4).then_some(()));
    let (first, second) = (gates[0].reached(), gates[1].reached());
    let waiting: Vec<bool> = runs(&home).iter().map(|(_, ahead)| ahead.is_some()).collect();
    assert_eq!(waiting, [false, false, true, true]);
    assert!(!gates[2].is_reached() && !gates[3].is_reached());
    drop(second);
    let third = gates[2].reached();
    assert!(!gates[3].is_reached(), "the one that ended made room for one");
    drop((first, third));
    drop(gates[3].reached());
    idle(&home);
    daemon.stop();
}

#[test]
fn a_cancel_overtakes_a_busy_house() {
    const BUSY: usize = 50;
    let home = Home::with_config("max_parallel_runs = 50\n");
    let daemon = Daemon::start(&home);
    let conversations: Vec<Uuid> = (0..BUSY).map(|_| Uuid::new_v4()).collect();
    for conversation in &conversations {
        submit(&daemon, &home, *conversation, "yes & sleep 600");
    }
    wait_for("fifty runs", || {
        let started: BTreeSet<String> =
            home.at_work().into_iter().filter_map(|process| process.run).collect();
        (started.len() == BUSY).then_some(())
    });
    let waiting = Uuid::new_v4();
    submit(&daemon, &home, waiting, "echo never >> journal");
    wait_for("one that waits", || (runs(&home).len() == BUSY + 1).then_some(()));
    let status = home.status();
    let one = |place: usize| status["runs"][place]["run"].clone();

    // One that waits is over at once; of one that runs every process is gone while the others go on.
    assert_eq!(daemon.page.post("/api/cancel", &json!({"run": one(BUSY)})), Ok(json!({"found": true})));
    wait_for("the end of what waited", || (runs(&home).len() == BUSY).then_some(()));
    let run = one(7);
    assert_eq!(daemon.page.post("/api/cancel", &json!({"run": run})), Ok(json!({"found": true})));
    wait_for("the end of one", || (runs(&home).len() == BUSY - 1).then_some(()));
    assert!(!home.at_work().iter().any(|process| process.run.as_deref() == run.as_str()));
    let states: Vec<Value> =
        daemon.page.history(waiting).iter().filter_map(|item| item.get("state").cloned()).collect();
    assert_eq!(states, ["cancelled"]);
    assert_eq!(home.lines("journal"), Vec::<String>::new());
    daemon.stop();
}

//! A disk that takes nothing more: what cannot be kept is refused, and what was accepted is not lost by it.

use rustix::process::{Pid, Resource, Rlimit, prlimit};
use serde_json::json;
use uuid::Uuid;

use crate::gate::Gate;
use crate::house::{Daemon, Home};
use crate::wait::wait_for;

/// Lets the daemon write so many bytes into a file, or as many as it likes.
fn allow(daemon: &Daemon<'_>, bytes: Option<u64>) {
    let pid = i32::try_from(daemon.pid()).ok().and_then(Pid::from_raw);
    prlimit(pid, Resource::Fsize, Rlimit { current: bytes, maximum: None }).unwrap();
}

#[test]
fn a_full_disk_is_told_and_nothing_accepted_is_lost() {
    let home = Home::new();
    let gate = Gate::new(&home, "gate");
    // Where the limit's signal is ignored, a write beyond it fails as it does on a full disk.
    let mut command = home.command("/bin/sh");
    command.args(["-c", "trap '' XFSZ; exec \"$0\"", env!("CARGO_BIN_EXE_takopi")]);
    let daemon = Daemon::ready(&home, command);
    let (here, elsewhere) = (Uuid::new_v4(), Uuid::new_v4());
    let submit = |conversation, id, text| daemon.page.submit(conversation, id, text, &home.work());
    submit(here, "first", "echo first >> journal; cat gate").unwrap();
    submit(here, "second", "echo second >> journal").unwrap();
    let standing = gate.reached();

    allow(&daemon, Some(0));
    let refused = submit(elsewhere, "third", "echo third >> journal").unwrap_err();
    assert!(refused.contains("takopi.db") && refused.contains("disk"), "{refused}");
    let terminal = home.run(&["chat", "echo fourth >> journal"]);
    assert_eq!((terminal.code, terminal.stdout.as_str()), (1, ""));
    assert!(terminal.stderr.contains("takopi.db"), "{}", terminal.stderr);
    assert_eq!(home.status()["runs"].as_array().unwrap().len(), 2, "it is up and tells how it is");
    drop(standing);

    allow(&daemon, None);
    submit(elsewhere, "third", "echo third >> journal").unwrap();
    wait_for("idle", || (home.status()["runs"] == json!([])).then_some(()));
    let states = |conversation| -> Vec<String> {
        let items = daemon.page.history(conversation);
        items.iter().filter_map(|item| item["state"].as_str().map(str::to_owned)).collect()
    };
    assert_eq!((states(here), states(elsewhere)), (vec!["done".to_owned(); 2], vec!["done".to_owned()]));
    let mut journal = home.lines("journal");
    journal.sort();
    assert_eq!(journal, ["first", "second", "third"]);
    daemon.stop();
}

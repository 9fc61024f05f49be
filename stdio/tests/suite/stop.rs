//! Trees that do not want to end, and that all of them do.

use std::time::Duration;

use takopi_stdio::{
    Exit, Identity, Ladder, Orphans, Signal, Stage, become_subreaper, descendants, end_marked, find_marked,
};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::house::{line, marker, script, start};

/// For children that won't listen: nobody needs to wait long for that.
const IMPATIENT: Ladder = Ladder {
    gentle: Some((Signal::Interrupt, Duration::from_millis(50))),
    terminate: Duration::from_millis(50),
    kill: Duration::from_secs(10),
};

#[tokio::test]
async fn the_gentle_signal_is_enough_for_an_obedient_child() {
    let mut child = start(script("trap 'echo bye; exit 3' INT; echo ready; read forever"));
    line(&mut child).await;
    let report = child.process.stop(&Ladder::gently(Signal::Interrupt)).await;
    assert_eq!((report.stage, report.exit), (Stage::Gentle, Some(Exit::Code(3))));
    assert_eq!(line(&mut child).await, "bye");
}

#[tokio::test]
async fn a_tool_in_a_session_of_its_own_ends_with_its_agent() {
    let mut child = start(script("env -i setsid sh -c 'echo $$; exec sleep 1000' & wait"));
    let tool = Identity::of(line(&mut child).await.parse().unwrap());
    assert_eq!(descendants(child.process.identity()), [tool]);
    let report = child.process.stop(&Ladder::TERMINATE).await;
    assert_eq!((report.stage, report.exit), (Stage::Terminate, Some(Exit::Signal(15))));
    assert_eq!(report.survivors, []);
    assert!(!tool.is_alive());
}

#[tokio::test]
async fn a_tool_that_outlives_an_agent_that_obeys_is_ended_too() {
    let text = "trap 'exit 0' INT; env -i setsid sh -c 'echo $$; exec sleep 1000' & read forever";
    let mut child = start(script(text));
    let tool = Identity::of(line(&mut child).await.parse().unwrap());
    let report = child.process.stop(&Ladder::gently(Signal::Interrupt)).await;
    assert_eq!((report.stage, report.exit), (Stage::Terminate, Some(Exit::Code(0))));
    assert!(!tool.is_alive());
}

#[tokio::test]
async fn who_ignores_every_signal_that_can_be_ignored_is_killed() {
    let text = "trap '' INT TERM; setsid sh -c 'echo $$; read forever; sleep 1000' & wait; sleep 1000";
    let mut child = start(script(text));
    let tool = Identity::of(line(&mut child).await.parse().unwrap());
    let report = child.process.stop(&IMPATIENT).await;
    assert_eq!((report.stage, report.exit), (Stage::Kill, Some(Exit::Signal(9))));
    assert!(report.killed.contains(&child.process.identity()));
    assert_eq!(report.survivors, []);
    assert!(!tool.is_alive());
}

#[tokio::test]
async fn a_fork_storm_that_leaves_its_tree_is_ended_to_the_last() {
    let marker = marker("storm");
    // Twice forked and in new sessions: neither parent nor group leads back.
    let text = "trap '' INT TERM; i=0; while [ $i -lt 3000 ]; do (setsid sleep 1000 &); i=$((i+1)); \
                [ $i = 20 ] && echo ready; done; read forever";
    let mut child = start(script(text).marker(marker.clone()));
    line(&mut child).await;
    let report = child.process.stop(&IMPATIENT).await;
    assert_eq!((report.exit, report.survivors), (Some(Exit::Signal(9)), vec![]));
    assert!(report.killed.len() > 20);
    assert_eq!(find_marked(&marker), []);
}

#[tokio::test]
async fn stopping_twice_at_once_or_after_the_end_is_fine() {
    let mut child = start(script("trap '' INT; echo ready; read forever"));
    line(&mut child).await;
    let (one, two) = tokio::join!(child.process.stop(&IMPATIENT), child.process.stop(&IMPATIENT));
    assert_eq!((one.exit, one.survivors), (two.exit, two.survivors));
    let after = child.process.stop(&IMPATIENT).await;
    assert_eq!((after.stage, after.exit), (Stage::OnItsOwn, one.exit));
}

#[tokio::test]
async fn a_child_that_lingers_is_asked_and_what_it_left_running_stays() {
    let marker = marker("linger");
    let text = "trap 'exit 0' INT; setsid sh -c 'echo $$; exec sleep 1000' & read forever";
    let mut child = start(script(text).marker(marker.clone()));
    let server = Identity::of(line(&mut child).await.parse().unwrap());
    let report = child.process.linger(Duration::ZERO, &Ladder::gently(Signal::Interrupt)).await;
    assert_eq!((report.stage, report.exit), (Stage::Gentle, Some(Exit::Code(0))));
    assert!(server.is_alive());
    assert_eq!(end_marked(&marker, &Ladder::TERMINATE).await.stage, Stage::Terminate);
    assert!(!server.is_alive());

    let child = start(script("exit 0"));
    let report = child.process.linger(Duration::from_secs(60), &IMPATIENT).await;
    assert_eq!((report.stage, report.exit), (Stage::OnItsOwn, Some(Exit::Code(0))));
}

#[tokio::test]
async fn orphans_fall_to_us_and_are_reaped_but_no_child_is_stolen() {
    become_subreaper().unwrap();
    let mut orphans = Orphans::default();
    let mut child = start(script("(setsid sh -c 'echo $$; read forever' &); read forever"));
    let orphan: u32 = line(&mut child).await.parse().unwrap();
    assert!(std::path::Path::new(&format!("/proc/{orphan}")).exists());
    drop(child.stdin.take());
    while !orphans.sweep().reaped.contains(&orphan) {
        tokio::task::yield_now().await;
    }
    assert!(!std::path::Path::new(&format!("/proc/{orphan}")).exists());
    assert!(matches!(child.process.wait().await, Exit::Code(_)));

    for code in 0..50 {
        let child = start(script(&format!("exit {code}")));
        orphans.sweep();
        orphans.sweep();
        assert_eq!(child.process.wait().await, Exit::Code(code));
    }
}

#[tokio::test]
async fn a_stop_reaps_the_orphans_it_made() {
    become_subreaper().unwrap();
    let mut child = start(script("env -i setsid sh -c 'echo $$; exec sleep 1000' & wait"));
    let tool: u32 = line(&mut child).await.parse().unwrap();
    child.process.stop(&Ladder::TERMINATE).await;
    assert!(!std::path::Path::new(&format!("/proc/{tool}")).exists());
}

/// The clock is paused: it stands still while something happens and jumps to the next wait when nothing does.
#[tokio::test(start_paused = true)]
async fn an_orphan_that_ends_long_after_its_run_is_reaped_in_the_background() {
    become_subreaper().unwrap();
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let reaper = tasks.spawn(Orphans::default().run(stop.clone()));
    let marker = marker("background");
    let mut child = start(script("setsid sh -c 'echo $$; exec sleep 1000' & read go").marker(marker.clone()));
    let orphan: u32 = line(&mut child).await.parse().unwrap();
    drop(child.stdin.take());
    child.process.wait().await;
    let kill =
        std::process::Command::new("/bin/sh").args(["-c", &format!("kill {orphan}")]).status().unwrap();
    assert!(kill.success());
    while std::path::Path::new(&format!("/proc/{orphan}")).exists() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    stop.cancel();
    reaper.await.unwrap().unwrap();
}

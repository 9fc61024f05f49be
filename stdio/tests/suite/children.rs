//! Children as they are: chatty, deaf, silent, endless.

use std::os::unix::fs::PermissionsExt;

use takopi_stdio::{Child, Exit, Input, Ladder, Spawn, end_marked, find_marked};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::house::{line, lines, marker, script, start};

#[tokio::test]
async fn output_exit_status_and_stderr_tail_arrive_complete() {
    let mut child =
        start(script("echo one; echo; printf last; echo bad luck >&2; exit 3").stdin(Input::Closed));
    let expected = ["one", "", "last"].map(|line| Some(line.to_owned()));
    assert_eq!(lines(&mut child).await, expected);
    assert_eq!(child.process.wait().await, Exit::Code(3));
    assert_eq!(child.stderr.text(), "bad luck");
}

#[tokio::test]
async fn only_the_end_of_a_chatty_stderr_is_kept() {
    let text = "i=0; while [ $i -lt 5000 ]; do echo line $i >&2; i=$((i+1)); done";
    let child = start(script(text).stderr_tail(2, 1000));
    child.process.wait().await;
    assert_eq!(child.stderr.text(), "line 4998\nline 4999");
}

#[tokio::test]
async fn a_line_of_ten_megabytes_is_read() {
    let mut child = start(script("head -c 10000000 /dev/zero | tr '\\0' x; echo; echo next"));
    let all = lines(&mut child).await;
    let lengths: Vec<_> = all.iter().map(|line| line.as_ref().unwrap().len()).collect();
    assert_eq!(lengths, [10_000_000, 4]);
}

#[tokio::test]
async fn a_line_beyond_the_bound_is_an_error_and_the_rest_is_read() {
    let text = "head -c 300000 /dev/zero | tr '\\0' x; echo; echo next";
    let mut child = start(script(text).max_line_bytes(100_000));
    assert_eq!(lines(&mut child).await, [None, Some("next".to_owned())]);
}

#[tokio::test]
async fn megabytes_of_stdin_go_through_a_child_that_answers_at_once() {
    let input = "0123456789abcdef\n".repeat(500_000);
    let mut child = start(Spawn::new("cat").stdin(Input::Bytes(input.clone().into_bytes())));
    let all = lines(&mut child).await;
    assert_eq!(all.len(), 500_000);
    assert!(all.iter().all(|line| line.as_deref() == Some("0123456789abcdef")));
    assert!(child.process.wait().await.is_success());
}

#[tokio::test]
async fn a_child_that_never_reads_its_stdin_ends_all_the_same() {
    let tasks = TaskTracker::new();
    let spawn = Spawn::new("true").stdin(Input::Bytes(vec![b'x'; 8 << 20]));
    let child = spawn.start(&tasks, &CancellationToken::new()).unwrap();
    assert!(child.process.wait().await.is_success());
    tasks.close();
    tasks.wait().await;
}

#[tokio::test]
async fn the_environment_is_what_was_asked_for() {
    let text = "echo ${HOME:+home} ${PATH:+path} ${A-none} ${B-none}";
    let spawn = script(text).env_only(["PATH"]).env("A", "1").env("B", "2").env_remove("B");
    assert_eq!(line(&mut start(spawn)).await, "path 1 none");
}

#[tokio::test]
async fn a_program_is_looked_for_on_the_path_of_the_child() {
    let dir = tempfile::tempdir().unwrap();
    let program = dir.path().join("only-here");
    std::fs::write(&program, "#!/bin/sh\necho found\n").unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let tasks = TaskTracker::new();
    let stop = CancellationToken::new();
    let error = Spawn::new("only-here").start(&tasks, &stop).unwrap_err();
    assert_eq!(error.to_string(), "start `only-here`: no such program; install it, or give its full path");
    let mut child = start(Spawn::new("only-here").env("PATH", dir.path()));
    assert_eq!(line(&mut child).await, "found");
}

#[tokio::test]
async fn a_missing_directory_is_not_taken_for_a_missing_program() {
    let spawn = Spawn::new("/bin/sh").dir("/nowhere/at/all");
    let error = spawn.start(&TaskTracker::new(), &CancellationToken::new()).unwrap_err();
    assert_eq!(error.to_string(), "start `/bin/sh`: the directory /nowhere/at/all does not exist");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn output_ends_with_the_child_though_something_it_left_holds_the_pipes() {
    let marker = marker("holds-the-pipes");
    let mut child = start(script("sleep 1000 & echo $!; echo over >&2").marker(marker.clone()));
    let all = lines(&mut child).await;
    assert!(child.process.wait().await.is_success());
    assert_eq!(child.stderr.text(), "over");

    let mut left = find_marked(&marker);
    // Between fork and exec it still bears the shell's name.
    while left[0].command != "sleep 1000" {
        tokio::task::yield_now().await;
        left = find_marked(&marker);
    }
    let named: Vec<_> = left.iter().map(|left| Some(left.identity.pid().to_string())).collect();
    assert_eq!(named, all);
    assert_eq!(end_marked(&marker, &Ladder::TERMINATE).await.survivors, []);
    assert_eq!(find_marked(&marker), []);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_flood_from_something_left_running_does_not_keep_the_run_open() {
    let marker = marker("left-flood");
    let mut child = start(script("yes left & yes left >&2 & echo mine").marker(marker.clone()));
    let all = lines(&mut child).await;
    assert!(all.contains(&Some("mine".to_owned())));
    assert!(child.process.wait().await.is_success());
    end_marked(&marker, &Ladder::TERMINATE).await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn what_a_child_left_running_ends_no_wait_for_its_task_after_the_stop() {
    let (tasks, stop, marker) = (TaskTracker::new(), CancellationToken::new(), marker("no-wait"));
    let child = script("sleep 1000 &").marker(marker.clone()).start(&tasks, &stop).unwrap();
    child.process.wait().await;
    stop.cancel();
    tasks.close();
    tasks.wait().await;
    end_marked(&marker, &Ladder::TERMINATE).await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn dropping_a_running_child_ends_its_tree_and_releasing_lets_it_live() {
    let mut child = start(script("setsid sleep 1000 & echo $!; read forever"));
    let sleeper = takopi_stdio::Identity::of(line(&mut child).await.parse().unwrap());
    let process = child.process.clone();
    drop(child);
    assert_eq!(process.wait().await, Exit::Signal(9));
    while sleeper.is_alive() {
        tokio::task::yield_now().await;
    }

    let mut child = start(script("echo up; exec sleep 1000"));
    line(&mut child).await;
    let Child { leash, process, stdout, .. } = child;
    leash.release();
    drop(stdout);
    assert!(process.identity().is_alive());
    assert_eq!(process.stop(&Ladder::TERMINATE).await.exit, Some(Exit::Signal(15)));
}

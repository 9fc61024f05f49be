//! Stops and limits: git ends with its tree, and what it had half done is put away or finished later.

use std::time::Duration;

use super::*;

/// A git whose `worktree add` says in a file that it has begun, and never ends.
const STUCK_ADD: &str = "case \"$*\" in *'worktree add'*) $GIT \"$@\"; echo begun > ../begun; sleep 1000;; \
                         *) exec $GIT \"$@\";; esac";

async fn appears(path: &Path) {
    while !path.exists() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_stop_while_a_worktree_is_made_leaves_none_and_the_next_run_gets_one() {
    let mut machine = Machine::new();
    machine.replace_git(STUCK_ADD);
    let (workspace, asked, stop) = (machine.workspace(), on("x"), CancellationToken::new());
    let begun = machine.beside("begun");
    let halt = async {
        appears(&begun).await;
        stop.cancel();
    };
    let (result, ()) = tokio::join!(workspace.resolve(&asked, &stop), halt);
    assert_eq!(result, Err(WorkspaceError::Stopped));
    assert!(!machine.worktree("x").exists());
    assert!(!machine.git(&["worktree", "list"]).contains(".worktrees"));
    machine.path = None;
    assert_eq!(machine.open("x").await.unwrap().path, machine.worktree("x"));
}

#[tokio::test]
async fn a_run_that_waits_for_the_turn_can_be_stopped_and_the_other_goes_on() {
    let mut machine = Machine::new();
    machine.replace_git(STUCK_ADD);
    let (workspace, begun) = (machine.workspace(), machine.beside("begun"));
    let (first, second) = (CancellationToken::new(), CancellationToken::new());
    let (x, y) = (on("x"), on("y"));
    let waiting = async {
        appears(&begun).await;
        let (result, ()) = tokio::join!(workspace.resolve(&y, &second), async { second.cancel() });
        assert_eq!(result, Err(WorkspaceError::Stopped));
        first.cancel();
    };
    let (result, ()) = tokio::join!(workspace.resolve(&x, &first), waiting);
    assert_eq!(result, Err(WorkspaceError::Stopped));
}

#[tokio::test]
async fn a_git_that_does_not_answer_is_stopped_and_named() {
    let mut machine = Machine::new();
    machine.patience.question = Duration::from_millis(100);
    machine.replace_git("sleep 1000");
    let refused = machine.refusal("x").await;
    assert!(refused.starts_with("`git rev-parse` did not end within 100ms"), "{refused}");
}

#[tokio::test]
async fn a_worktree_that_was_cut_off_is_finished() {
    let machine = Machine::new();
    let path = machine.open("x").await.unwrap().path;
    // As a power cut leaves it: locked by git itself, files missing.
    machine.git(&["worktree", "lock", "--reason", "initializing", path.to_str().unwrap()]);
    std::fs::remove_file(path.join("file")).unwrap();
    std::fs::write(path.join("mine"), "keep").unwrap();
    assert_eq!(machine.open("x").await.unwrap().path, path);
    assert_eq!(std::fs::read_to_string(path.join("file")).unwrap(), "one\n");
    assert_eq!(std::fs::read_to_string(path.join("mine")).unwrap(), "keep");
    assert!(!machine.git(&["worktree", "list"]).contains("locked"));

    machine.git(&["worktree", "lock", "--reason", "initializing", path.to_str().unwrap()]);
    std::fs::write(machine.root().join(".git/worktrees/x/index.lock"), "").unwrap();
    let refused = machine.refusal("x").await;
    assert!(refused.contains("was never finished") && refused.contains("worktree remove -f -f"), "{refused}");
}

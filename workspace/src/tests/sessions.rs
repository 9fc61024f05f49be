//! Sessions in their own place.

use super::*;

async fn resume(machine: &Machine, branch: Option<&str>, dir: &Path) -> Result<RunDir, WorkspaceError> {
    let wanted = wanted(branch, Place::Session(dir.to_owned()));
    machine.workspace().resolve(&wanted, &CancellationToken::new()).await
}

#[tokio::test]
async fn a_session_stays_in_its_worktree_wherever_that_is() {
    let machine = Machine::new();
    let far = machine.beside("far");
    machine.git(&["worktree", "add", "-q", "-b", "x", far.to_str().unwrap()]);
    let dir = resume(&machine, Some("x"), &far).await.unwrap();
    assert_eq!((dir.path, dir.warning), (far.clone(), None));
    // A rebase that is under way takes the branch away for a while.
    git(&far, &["switch", "-q", "--detach"]);
    let dir = resume(&machine, Some("x"), &far).await.unwrap();
    assert!(dir.path == far && dir.warning.unwrap().contains("on no branch now"));
}

#[tokio::test]
async fn a_session_whose_worktree_is_gone_gets_it_again_and_is_told() {
    let machine = Machine::new();
    let path = machine.open("x").await.unwrap().path;
    std::fs::remove_dir_all(&path).unwrap();
    let dir = resume(&machine, Some("x"), &path).await.unwrap();
    assert_eq!(dir.path, path);
    let warning = dir.warning.unwrap();
    assert!(warning.contains("is gone and was made again"), "{warning}");
}

#[tokio::test]
async fn a_session_whose_branch_moved_elsewhere_follows_it_and_is_told() {
    let machine = Machine::new();
    let path = machine.open("x").await.unwrap().path;
    git(&path, &["switch", "-q", "-c", "y"]);
    let refused = resume(&machine, Some("x"), &path).await.unwrap_err().to_string();
    assert!(
        refused.contains("is on the branch y now, not on x") && refused.contains("switch x"),
        "{refused}"
    );
    machine.git(&["switch", "-q", "x"]);
    let dir = resume(&machine, Some("x"), &path).await.unwrap();
    assert_eq!(dir.path, machine.root());
    let warning = dir.warning.unwrap();
    assert!(warning.contains("is on the branch y now") && warning.contains("it goes on in"), "{warning}");
}

#[tokio::test]
async fn a_session_of_a_project_that_is_not_configured_any_more_stays_as_long_as_it_can() {
    let machine = Machine::new();
    let path = machine.open("x").await.unwrap().path;
    let context = Context { project: Some("removed".to_owned()), branch: Some("x".to_owned()) };
    let asked = Wanted { context, ..wanted(None, Place::Session(path.clone())) };
    let stop = CancellationToken::new();
    assert_eq!(machine.workspace().resolve(&asked, &stop).await.unwrap().path, path);
    std::fs::remove_dir_all(&path).unwrap();
    let refused = machine.workspace().resolve(&asked, &stop).await.unwrap_err().to_string();
    assert!(refused.contains("is gone; unknown project 'removed'"), "{refused}");
}

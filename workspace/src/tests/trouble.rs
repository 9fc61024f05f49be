//! What people find on their machines: each is told with what to type, or put right, and no file of theirs is lost.

use super::*;

#[tokio::test]
async fn what_stands_in_the_way_is_named_and_left_alone() {
    let machine = Machine::new();
    let target = machine.worktree("x");
    machine.git(&["worktree", "add", "-q", "-b", "y", target.to_str().unwrap()]);
    let refused = machine.refusal("x").await;
    assert!(refused.contains(&format!("{} is on the branch y, not on x", target.display())), "{refused}");
    git(&target, &["switch", "-q", "--detach"]);
    assert!(machine.refusal("x").await.contains("is on no branch (detached HEAD)"));

    std::fs::create_dir_all(machine.worktree("z")).unwrap();
    std::fs::write(machine.worktree("z").join("mine"), "keep").unwrap();
    assert!(machine.refusal("z").await.contains("exists but is no worktree of"));
    std::fs::write(machine.worktree("a-file"), "keep").unwrap();
    assert!(machine.refusal("a-file").await.contains("exists but is no worktree of"));
    assert_eq!(std::fs::read_to_string(machine.worktree("z").join("mine")).unwrap(), "keep");
    assert_eq!(machine.branches(), ["main", "y"]);
}

#[tokio::test]
async fn a_registered_worktree_that_is_gone_is_made_again_and_no_other_is_forgotten() {
    let machine = Machine::new();
    let far = machine.beside("far");
    machine.git(&["worktree", "add", "-q", "-b", "far", far.to_str().unwrap()]);
    machine.git(&["worktree", "add", "-q", "-b", "other", machine.beside("other").to_str().unwrap()]);
    machine.open("x").await.unwrap();
    for gone in [machine.worktree("x"), far, machine.beside("other")] {
        std::fs::remove_dir_all(gone).unwrap();
    }
    for branch in ["x", "far"] {
        assert_eq!(machine.open(branch).await.unwrap().path, machine.worktree(branch));
        assert_eq!(branch_of(&machine.worktree(branch)), branch);
        assert_eq!(machine.open(branch).await.unwrap().path, machine.worktree(branch));
    }
    assert!(machine.git(&["worktree", "list"]).contains("other"), "what nobody asked for stays on the list");
}

#[tokio::test]
async fn a_locked_worktree_that_is_away_is_not_replaced() {
    let machine = Machine::new();
    let stick = machine.beside("stick");
    machine.git(&["worktree", "add", "-q", "-b", "x", stick.to_str().unwrap()]);
    machine.git(&["worktree", "lock", "--reason", "on a stick", stick.to_str().unwrap()]);
    assert_eq!(machine.open("x").await.unwrap().path, stick);
    std::fs::rename(&stick, machine.beside("unplugged")).unwrap();
    assert!(machine.refusal("x").await.contains("is locked (on a stick) and not there"));
}

#[tokio::test]
async fn a_project_that_cannot_have_branches_says_why() {
    let plain = Machine::bare("plain folder");
    assert!(plain.refusal("x").await.contains("is no git repository"));
    plain.git(&["init", "-q", "-b", "main"]);
    assert_eq!(plain.open("main").await.unwrap().path, plain.root());
    assert!(plain.refusal("x").await.contains("has no commit yet"));
    std::fs::remove_dir_all(plain.root()).unwrap();
    let refused = plain.refusal("x").await;
    assert!(
        refused.starts_with("project path not found: ") && refused.contains("[projects.App]"),
        "{refused}"
    );
}

#[tokio::test]
async fn without_git_a_branch_is_refused_and_the_project_is_there() {
    let mut machine = Machine::new();
    machine.path = Some(machine.beside("nothing").into());
    assert!(machine.refusal("x").await.starts_with("git is not on PATH"));
    let found = machine.workspace().resolve(&wanted(None, Place::Open), &CancellationToken::new()).await;
    assert_eq!(found.unwrap().path, machine.root());
    let checks = machine.workspace().check(&CancellationToken::new()).await;
    assert_eq!(checks[0].branches.as_ref().unwrap().title, "git is not on PATH");
}

#[tokio::test]
async fn the_check_tells_what_is_wrong_and_what_to_do() {
    let told = async |machine: &Machine| {
        let checks = machine.workspace().check(&CancellationToken::new()).await;
        let issue = checks[0].directory.clone().or(checks[0].branches.clone());
        issue.map(|issue| (issue.title, issue.remedy.join("; ")))
    };
    let mut machine = Machine::bare("app");
    assert!(told(&machine).await.unwrap().0.contains("is no git repository"));
    machine.git(&["init", "-q", "-b", "main"]);
    assert!(told(&machine).await.unwrap().0.contains("has no commit yet"));
    machine.git(&["commit", "-q", "--allow-empty", "-m", "one"]);
    assert_eq!(told(&machine).await, None);
    machine.write("a-file", "");
    machine.project.worktrees_dir = machine.root().join("a-file/trees");
    let (title, remedy) = told(&machine).await.unwrap();
    assert!(title.contains("is no directory") && remedy.contains("[projects.App]"), "{title}; {remedy}");
    machine.project.worktree_base = Some("nowhere".to_owned());
    assert!(told(&machine).await.unwrap().0.contains("worktree_base"));
    machine.project.path = machine.beside("nowhere");
    assert!(told(&machine).await.unwrap().0.contains("it is not there"));
    assert!(!machine.beside("nowhere").exists(), "a check makes nothing");
}

#[tokio::test]
async fn a_hook_that_fails_behind_the_checkout_is_a_warning() {
    use std::os::unix::fs::PermissionsExt;
    let machine = Machine::new();
    let hook = machine.root().join(".git/hooks/post-checkout");
    std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
    std::fs::write(&hook, "#!/bin/sh\necho no such tool >&2\nexit 1\n").unwrap();
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).unwrap();
    let dir = machine.open("x").await.unwrap();
    assert_eq!(dir.path, machine.worktree("x"));
    assert!(dir.warning.unwrap().contains("no such tool"));
}

#[tokio::test]
async fn a_git_of_before_the_nul_bytes_is_understood() {
    let mut machine = Machine::new();
    let script = "for a; do [ \"$a\" = -z ] && { echo 'usage: git worktree list' >&2; exit 129; }; done; exec $GIT \"$@\"";
    machine.replace_git(script);
    assert_eq!(machine.open("x").await.unwrap().path, machine.worktree("x"));
    assert_eq!(machine.open("x").await.unwrap().path, machine.worktree("x"));
}

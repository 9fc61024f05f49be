//! What is used, and what is made.

use takopi_core::testing::workspace::{WorkspaceSubject, workspace_contract};

use super::*;

#[tokio::test]
async fn the_worktrees_keep_the_contract() {
    let machine = Machine::new();
    machine.git(&["branch", "side"]);
    let fallback = machine.beside("elsewhere");
    std::fs::create_dir(&fallback).unwrap();
    let spool = machine.beside("spool");
    // A session of the project in a folder that is no repository stays there too.
    workspace_contract(&WorkspaceSubject {
        workspace: &machine.workspace(),
        project: ("app", machine.root()),
        branch: "side",
        fallback: &fallback,
        spool: &spool,
    })
    .await;
}

#[tokio::test]
async fn a_new_branch_gets_a_worktree_that_starts_at_the_base_and_follows_nobody() {
    let mut machine = Machine::new();
    machine.git(&["switch", "-q", "-c", "develop"]);
    machine.git(&["commit", "-q", "--allow-empty", "-m", "two"]);
    machine.git(&["switch", "-q", "main"]);
    machine.project.worktree_base = Some("develop".to_owned());
    let dir = machine.open("feat/x").await.unwrap();
    assert_eq!((dir.path, dir.warning), (machine.worktree("feat/x"), None));
    assert_eq!(branch_of(&machine.worktree("feat/x")), "feat/x");
    assert_eq!(machine.git(&["rev-parse", "feat/x"]), machine.git(&["rev-parse", "develop"]));
    let config = machine.git(&["config", "--list", "--local"]);
    assert!(!config.contains("branch.feat/x.merge"), "a push would go to the base: {config}");
}

#[tokio::test]
async fn a_new_folder_of_worktrees_does_not_show_in_the_projects_status() {
    let machine = Machine::new();
    machine.open("x").await.unwrap();
    assert_eq!(machine.git(&["status", "--porcelain"]), "");
    assert_eq!(git(&machine.worktree("x"), &["status", "--porcelain"]), "");

    let theirs = Machine::new();
    std::fs::create_dir(&theirs.project.worktrees_dir).unwrap();
    theirs.open("x").await.unwrap();
    assert!(!theirs.project.worktrees_dir.join(".gitignore").exists(), "their folder is left as it is");
}

#[tokio::test]
async fn the_branch_that_the_project_is_on_is_the_project_itself() {
    let machine = Machine::new();
    assert_eq!(machine.open("main").await.unwrap().path, machine.root());
    machine.git(&["switch", "-q", "-c", "other"]);
    assert_eq!(machine.open("other").await.unwrap().path, machine.root());
    assert_eq!(machine.open("main").await.unwrap().path, machine.worktree("main"));
}

#[tokio::test]
async fn worktrees_that_are_there_already_are_found_where_they_are() {
    let machine = Machine::new();
    let (own, far) = (machine.worktree("old"), machine.beside("far away\nwith a line end"));
    machine.git(&["worktree", "add", "-q", "-b", "old", own.to_str().unwrap()]);
    machine.git(&["worktree", "add", "-q", "-b", "far", far.to_str().unwrap()]);
    assert_eq!(machine.open("old").await.unwrap().path, own);
    assert_eq!(machine.open("far").await.unwrap().path, far);
}

#[tokio::test]
async fn a_branch_of_the_remote_is_followed_and_the_remotes_default_is_the_base() {
    let machine = Machine::new();
    machine.git(&["switch", "-q", "-c", "trunk"]);
    machine.git(&["branch", "theirs"]);
    let mut clone = Machine::bare("clone");
    git(clone.dir.path(), &["clone", "-q", machine.root().to_str().unwrap(), "clone"]);
    clone.git(&["switch", "-q", "-c", "local", "--no-track"]);
    clone.git(&["commit", "-q", "--allow-empty", "-m", "two"]);
    let dir = clone.open("theirs").await.unwrap().path;
    assert_eq!(git(&dir, &["rev-parse", "--abbrev-ref", "@{upstream}"]), "origin/theirs");
    clone.git(&["branch", "-q", "-D", "trunk"]);
    clone.open("mine").await.unwrap();
    assert_eq!(clone.git(&["rev-parse", "mine"]), clone.git(&["rev-parse", "origin/trunk"]));

    let listed = clone.workspace().branches("app", &CancellationToken::new()).await.unwrap();
    assert_eq!(listed[0], "local");
    let mut rest = listed[1..].to_vec();
    rest.sort();
    assert_eq!(rest, ["main", "mine", "theirs", "trunk"]);

    clone.project.worktree_base = Some("nowhere".to_owned());
    let refused = clone.refusal("more").await;
    assert!(refused.contains("worktree_base \"nowhere\" of [projects.App]"), "{refused}");
}

#[tokio::test]
async fn two_runs_that_ask_for_a_new_branch_at_once_get_one_worktree() {
    let machine = Machine::new();
    let (workspace, wanted, stop) = (machine.workspace(), on("new"), CancellationToken::new());
    let ask = || workspace.resolve(&wanted, &stop);
    let (a, b, c) = tokio::join!(ask(), ask(), ask());
    let dirs = [a.unwrap(), b.unwrap(), c.unwrap()];
    assert!(dirs.iter().all(|dir| dir.path == machine.worktree("new") && dir.warning.is_none()), "{dirs:?}");
}

#[tokio::test]
async fn two_generations_and_two_names_of_a_project_make_one_worktree() {
    let mut machine = Machine::new();
    let (wanted, stop) = (on("new"), CancellationToken::new());
    let before = machine.workspace();
    // After a reload, by another name of the same directory.
    let link = machine.beside("link");
    std::os::unix::fs::symlink(machine.root(), &link).unwrap();
    let direct = machine.worktree("new");
    machine.project.path = link;
    let after = machine.workspace();
    let (a, b) = tokio::join!(before.resolve(&wanted, &stop), after.resolve(&wanted, &stop));
    let dirs = [a.unwrap(), b.unwrap()];
    assert!(dirs.iter().all(|dir| dir.real == direct && dir.warning.is_none()), "{dirs:?}");
}

#[tokio::test]
async fn a_directory_behind_a_link_is_known_as_the_same() {
    let mut machine = Machine::new();
    let link = machine.beside("link");
    std::os::unix::fs::symlink(machine.root(), &link).unwrap();
    let direct = machine.open("x").await.unwrap();
    machine.project.path = link.clone();
    machine.project.worktrees_dir = link.join(".worktrees");
    let linked = machine.open("x").await.unwrap();
    assert_eq!(linked.path, link.join(".worktrees/x"));
    assert_eq!(linked.real, direct.real);
}

#[tokio::test]
async fn a_bare_repository_and_a_linked_checkout_are_projects_too() {
    let machine = Machine::new();
    let mut bare = Machine::bare("app.git");
    git(bare.dir.path(), &["clone", "-q", "--bare", machine.root().to_str().unwrap(), "app.git"]);
    bare.project.worktrees_dir = bare.beside("trees");
    assert_eq!(
        bare.open("main").await.unwrap().path,
        bare.worktree("main"),
        "a bare repository has no files"
    );

    let linked = machine.beside("linked");
    machine.git(&["worktree", "add", "-q", "-b", "linked", linked.to_str().unwrap()]);
    let mut project = Machine::bare("other");
    project.project.path = linked.clone();
    assert_eq!(project.open("linked").await.unwrap().path, linked);
    assert_eq!(project.open("main").await.unwrap().path, machine.root());
    assert_eq!(project.open("new").await.unwrap().path, project.worktree("new"));
}

//! What people type after `@`.

use super::*;

#[tokio::test]
async fn a_branch_that_looks_like_an_option_is_refused_and_deletes_nothing() {
    let mut machine = Machine::new();
    machine.git(&["branch", "develop"]);
    machine.project.worktree_base = Some("develop".to_owned());
    for name in ["-D", "-d", "--force", "-B", "--detach"] {
        let refused = machine.refusal(name).await;
        assert_eq!(refused, format!("@{name} cannot be a branch: a branch name cannot start with '-'"));
    }
    assert_eq!(machine.branches(), ["develop", "main"]);
    assert!(!machine.project.worktrees_dir.exists());
}

#[tokio::test]
async fn names_that_git_reads_in_another_way_are_refused() {
    let machine = Machine::new();
    machine.git(&["switch", "-q", "-c", "other"]);
    for name in
        ["@{-1}", "@", "HEAD", "a..b", "..", "../out", "/rooted", "a//b", "a/", "a.", ".git/x", "x.lock"]
    {
        let refused = machine.refusal(name).await;
        assert!(refused.starts_with(&format!("@{name} cannot be a branch: ")), "{refused}");
    }
    assert_eq!(machine.branches(), ["main", "other"]);
}

#[tokio::test]
async fn a_slip_of_the_shift_key_makes_no_second_branch() {
    let machine = Machine::new();
    machine.git(&["branch", "fix-login"]);
    assert!(machine.refusal("Fix-login").await.contains("write @fix-login"));
    machine.git(&["branch", "Fix-login"]);
    assert_eq!(machine.open("Fix-login").await.unwrap().path, machine.worktree("Fix-login"));
}

#[tokio::test]
async fn a_branch_and_a_folder_of_one_name_are_told_apart() {
    let machine = Machine::new();
    machine.git(&["branch", "feat"]);
    assert!(machine.refusal("feat/x").await.contains("beside the branch feat"));
    machine.open("fix/a").await.unwrap();
    assert!(machine.refusal("fix").await.contains("holds the worktree"));
    machine.open("feat").await.unwrap();
    machine.git(&["-C", machine.worktree("feat").to_str().unwrap(), "switch", "-q", "-c", "moved"]);
    machine.git(&["branch", "-q", "-D", "feat"]);
    let refused = machine.refusal("feat/x").await;
    assert!(refused.contains("would lie inside the worktree"), "{refused}");
}

#[tokio::test]
async fn the_remotes_name_of_a_branch_is_not_made_a_local_one() {
    let machine = Machine::new();
    machine.git(&["branch", "fix"]);
    let clone = Machine::bare("clone");
    git(clone.dir.path(), &["clone", "-q", machine.root().to_str().unwrap(), "clone"]);
    assert!(clone.refusal("origin/fix").await.ends_with("write @fix"));
}

#[tokio::test]
async fn a_link_in_the_folder_of_worktrees_leads_nowhere() {
    let machine = Machine::new();
    let outside = machine.beside("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::create_dir(&machine.project.worktrees_dir).unwrap();
    std::os::unix::fs::symlink(&outside, machine.worktree("feat")).unwrap();
    assert!(machine.refusal("feat/x").await.contains("would be worked on outside of"));
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0);
}

#[tokio::test]
async fn a_branch_without_a_project_says_how_to_name_one() {
    let machine = Machine::new();
    let nameless = Wanted { context: Context { project: None, branch: Some("fix".to_owned()) }, ..on("fix") };
    let refused = machine.workspace().resolve(&nameless, &CancellationToken::new()).await.unwrap_err();
    assert!(refused.to_string().contains("write /PROJECT @fix"), "{refused}");
}

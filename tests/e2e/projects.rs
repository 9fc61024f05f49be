//! Projects and branches: where a message works, what is made for it, and what is refused.

use std::path::PathBuf;

use rustix::process::Signal;

use crate::gate::Gate;
use crate::house::{Daemon, Home};
use crate::program::Program;

/// Returns a home with the project `app`, a repository with the branches main and develop.
fn home() -> Home {
    let home = Home::new();
    make_project(&home);
    home.configure(&format!("[projects.App]\npath = {:?}\nworktree_base = \"develop\"\n", project(&home)));
    home
}

/// Makes a repository with the branches main and develop.
pub(crate) fn make_project(home: &Home) {
    std::fs::create_dir(project(home)).unwrap();
    git(home, &["init", "-q", "-b", "main"]);
    git(home, &["commit", "-q", "--allow-empty", "-m", "one"]);
    git(home, &["branch", "develop"]);
}

pub(crate) fn project(home: &Home) -> PathBuf {
    home.work().canonicalize().unwrap().join("app")
}

pub(crate) fn worktree(home: &Home, branch: &str) -> PathBuf {
    project(home).join(".worktrees").join(branch)
}

/// Runs git in the project, by nobody's config.
fn git(home: &Home, arguments: &[&str]) -> String {
    let mut command = home.command("git");
    command.args(["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]).args(arguments);
    command.env("GIT_CONFIG_NOSYSTEM", "1").current_dir(project(home));
    let ended = Program::start(&mut command).wait();
    assert_eq!(ended.code, 0, "git {arguments:?}: {}", ended.stderr);
    ended.stdout.trim_end().to_owned()
}

/// Makes the project's repository run `script` whenever something has been checked out.
fn after_checkout(home: &Home, script: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    let hook = project(home).join(".git/hooks/post-checkout");
    std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
    std::fs::write(&hook, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_message_works_in_its_project_and_a_branch_in_a_worktree_of_its_own() {
    let home = home();
    let daemon = Daemon::start(&home);
    for (message, place) in [
        ("/app pwd", project(&home)),
        ("/app @main pwd", project(&home)),
        ("/App @feat/x pwd", worktree(&home, "feat/x")),
        ("@feat/x /app pwd", worktree(&home, "feat/x")),
        ("pwd", home.work().canonicalize().unwrap()),
    ] {
        let ended = home.chat(message).wait();
        assert_eq!(
            (ended.code, ended.stdout.trim()),
            (0, place.to_str().unwrap()),
            "{message}: {}",
            ended.stderr
        );
    }
    let branch = home.chat("/app @feat/x git branch --show-current").wait();
    assert_eq!(branch.stdout, "feat/x\n");
    daemon.stop();
    assert_eq!(git(&home, &["status", "--porcelain"]), "");
}

#[test]
fn a_branch_that_looks_like_an_option_deletes_nothing() {
    let home = home();
    let ended = home.chat("/app @-D hi").wait();
    assert_eq!(ended.code, 1);
    assert!(ended.stderr.contains("@-D cannot be a branch"), "{}", ended.stderr);
    assert_eq!(git(&home, &["branch", "--format=%(refname:short)"]), "develop\nmain");
    assert!(!worktree(&home, "").exists());
}

#[test]
fn a_branch_without_a_project_is_refused_with_what_to_write() {
    let home = home();
    let ended = home.chat("@feat/x touch ran").wait();
    assert_eq!(ended.code, 1);
    assert!(ended.stderr.contains("write /PROJECT @feat/x"), "{}", ended.stderr);
    assert!(!home.work().join("ran").exists());
}

#[test]
fn what_git_starts_for_a_run_carries_the_runs_marks() {
    let home = home();
    let seen = home.work().join("seen");
    after_checkout(&home, &format!("env > {}", seen.display()));
    let mut chat = home.takopi(&["chat", "/app @new true"]);
    chat.env("TAKOPI__MAX_PARALLEL_RUNS", "3").env("GIT_DIR", "/nowhere");
    let ended = Program::start(&mut chat).wait();
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let seen = std::fs::read_to_string(seen).unwrap();
    for mark in ["TAKOPI_CHILD=", "TAKOPI_RUN=", "GIT_TERMINAL_PROMPT=0"] {
        assert!(seen.lines().any(|line| line.starts_with(mark)), "{mark} is missing in {seen}");
    }
    assert!(!seen.contains("TAKOPI__"), "{seen}");
}

#[test]
fn ctrl_c_while_a_worktree_is_made_leaves_neither_git_nor_half_a_worktree() {
    let home = home();
    let gate = Gate::new(&home, "gate");
    after_checkout(&home, &format!("cat {}", home.work().join("gate").display()));
    let chat = home.chat("/app @new pwd");
    let standing = gate.reached();
    chat.signal(Signal::INT);
    let ended = chat.wait();
    assert_eq!((ended.code, ended.stdout.as_str()), (130, ""), "{}", ended.stderr);
    assert_eq!(home.at_work(), []);
    drop(standing);
    assert!(!worktree(&home, "new").exists());
    assert!(!git(&home, &["worktree", "list"]).contains(".worktrees"));
    after_checkout(&home, "true");
    let again = home.chat("/app @new pwd").wait();
    assert_eq!(again.stdout.trim(), worktree(&home, "new").to_str().unwrap(), "{}", again.stderr);
}

#[test]
fn two_at_work_in_one_directory_are_told_of_each_other() {
    let home = home();
    let gate = Gate::new(&home, "gate");
    let daemon = Daemon::start(&home);
    let first = home.chat(&format!("/app cat {}", home.work().join("gate").display()));
    let standing = gate.reached();
    let second = home.chat("/app echo two").wait();
    assert_eq!(second.stdout, "two\n");
    assert!(second.stderr.contains("works in the same directory now"), "{}", second.stderr);
    drop(standing);
    assert_eq!(first.wait().code, 0);
    daemon.stop();
}

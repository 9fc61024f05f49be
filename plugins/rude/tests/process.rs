//! The rude plugin as a process: what only a process can do.

#![expect(clippy::unwrap_used, reason = "a premise that doesn't hold fails the test, and says where")]

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const RUDE: &str = env!("CARGO_BIN_EXE_takopi-plugin-rude");

const RUN: &str = r#"{"id":2,"method":"engine/run","params":{"id":"x","run":"r","prompt":"hi","cwd":"/"}}"#;

fn rude(arguments: &[&str], data: &Path, lines: &str) -> Output {
    let mut command = Command::new(RUDE);
    command.args(arguments).env("TAKOPI_DATA_DIR", data);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // Some end before they have read it.
    drop(writeln!(stdin, "{lines}"));
    drop(stdin);
    child.wait_with_output().unwrap()
}

#[test]
fn a_crash_has_a_status_and_last_words() {
    let dir = tempfile::tempdir().unwrap();
    let output = rude(&["crash"], dir.path(), RUN);
    assert_eq!(output.status.code(), Some(7));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "rude: something went terribly wrong\n");
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 2, "events, and no result");
    assert_eq!(rude(&["crash_at_start"], dir.path(), "").status.code(), Some(3));
}

#[test]
fn a_polite_one_ends_with_its_input() {
    let dir = tempfile::tempdir().unwrap();
    let output = rude(&["polite"], dir.path(), RUN);
    assert!(output.status.success());
    assert!(String::from_utf8_lossy(&output.stdout).contains("\"outcome\":\"answered\""));
}

#[test]
fn who_names_no_mode_is_told_the_usage() {
    let dir = tempfile::tempdir().unwrap();
    let output = rude(&["nice"], dir.path(), "");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--install DIR MODE"));
    let list = rude(&["--list"], dir.path(), "");
    assert!(String::from_utf8_lossy(&list.stdout).contains("\ngrandchild "));
}

#[test]
fn an_installed_folder_holds_a_program_that_starts() {
    let dir = tempfile::tempdir().unwrap();
    let output = rude(&["--install", dir.path().to_str().unwrap(), "polite"], dir.path(), "");
    let folder = String::from_utf8(output.stdout).unwrap();
    let folder = Path::new(folder.trim_end());
    let list = Command::new(folder.join("takopi-plugin-rude")).arg("--list").output().unwrap();
    assert!(list.status.success());
    assert!(folder.join("takopi-plugin.toml").is_file());
}

#[test]
fn the_grandchild_outlives_it_and_ignores_a_gentle_signal() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("grandchild.pid");
    // It keeps stdout open, so its end cannot be waited for: the file tells when it is there.
    let mut child = Command::new(RUDE)
        .arg("grandchild")
        .env("TAKOPI_DATA_DIR", dir.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    writeln!(child.stdin.take().unwrap(), "{RUN}").unwrap();
    assert!(child.wait().unwrap().success());
    let pid = (0..500)
        .find_map(|_| {
            std::thread::sleep(std::time::Duration::from_millis(10));
            std::fs::read_to_string(&file).ok().filter(|text| text.ends_with('\n'))
        })
        .unwrap();
    let status = std::fs::read_to_string(format!("/proc/{}/status", pid.trim())).unwrap();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap();
    let ignored = u64::from_str_radix(ignored.trim(), 16).unwrap();
    // Bit 14 is signal 15: proc(5).
    assert_ne!(ignored & 1 << 14, 0, "SIGTERM does not end it");
    assert!(Command::new("kill").args(["-KILL", pid.trim()]).status().unwrap().success());
}

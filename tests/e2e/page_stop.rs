//! Ends of runs on the page that nobody waited for: cancel, and the daemon's sudden death.

use serde_json::json;

use crate::page_visit::Visit;

/// Starts a process in a session of its own, and waits for it.
const TREE: &str = "setsid sh -c 'echo $$ > grandchild; echo ready; cat gate' & wait";

#[test]
fn page_cancels_the_whole_tree_by_button_and_by_key() {
    let Some(page) = Visit::begin() else { return };
    page.daemon.gate("gate");
    for (number, by_key) in [(1, false), (2, true)] {
        page.say(TREE);
        let ready =
            format!("document.querySelectorAll('.run .draft')[{number} - 1].innerText.includes('ready')");
        page.until(&ready);
        let grandchild = page.daemon.process("grandchild");
        assert!(grandchild.runs());
        if by_key {
            page.press("Escape");
        } else {
            page.click(".run .cancel");
        }
        page.until_run(number, "cancelled");
        assert!(!grandchild.runs(), "cancelled, and still there");
        assert_eq!(page.run_text(number, ".answer"), json!("ready"));
    }
}

#[test]
fn page_cancels_the_run_that_is_chosen_among_several() {
    let Some(page) = Visit::begin() else { return };
    page.daemon.gate("gate");
    page.say("cat gate");
    page.until_run(1, "working");
    page.say("echo second");
    page.until_run(2, "queued");
    page.say("/cancel");
    page.until("document.querySelectorAll('.note .buttons button').length === 2");
    page.click(".note .buttons:last-of-type button");
    page.until_run(2, "cancelled");
    page.daemon.open("gate");
    page.until_run(1, "done");
}

#[test]
fn page_comes_back_after_the_daemon_was_killed() {
    let Some(mut page) = Visit::begin() else { return };
    page.daemon.gate("gate");
    page.say(TREE);
    page.until("document.querySelector('.run .draft').innerText.includes('ready')");
    let grandchild = page.daemon.process("grandchild");
    page.cut_power();
    // What is said meanwhile arrives later, once.
    page.say("echo meanwhile");

    page.daemon.restart();
    page.until("document.querySelector('#banner').hidden");
    page.until_run(1, "interrupted");
    assert!(!grandchild.runs(), "interrupted, and still there");
    // The page tries for some seconds by itself; where the start took longer, the person does.
    page.until("document.querySelector('.said.failed button') ?? document.querySelectorAll('.run')[1]");
    if page.has(".said.failed button") {
        page.click(".said.failed button");
    }
    page.until_run(2, "done");
    assert_eq!(page.run_text(2, ".answer"), json!("meanwhile"));
    page.say("echo again");
    page.until_run(3, "done");
    assert_eq!(page.run_text(3, ".answer"), json!("again"));

    let log = page.console_log();
    let only_lost = log.iter().all(|line| line.contains("net::ERR_"));
    assert!(!log.is_empty() && only_lost, "{log:?}");
}

//! Talking on the page: messages, answers, progress, the queue, several conversations, the terminal beside it.

use std::io::Read as _;
use std::process::Stdio;

use serde_json::json;

use crate::page_visit::Visit;

#[test]
fn page_takes_a_command_and_shows_its_answer() {
    let Some(page) = Visit::begin() else { return };
    let address = page.execute("return location.href", &[]);
    assert!(!address.as_str().unwrap().contains("token"), "{address}");
    assert_eq!(page.execute("return document.cookie", &[]), json!(""), "no script can read the cookie");
    assert!(page.text("#empty").contains(page.daemon.path("").to_str().unwrap().trim_end_matches('/')));
    let engines =
        "return [...document.querySelectorAll('#engine option')].map((one) => [one.value, one.disabled])";
    let engines = page.execute(engines, &[]);
    assert!(engines.as_array().unwrap().contains(&json!(["shell", false])), "{engines}");

    page.say("echo hello");
    page.until_run(1, "done");
    assert_eq!(page.text(".said .bubble"), "echo hello");
    assert_eq!(page.run_text(1, ".answer"), json!("hello"));
    assert!(page.text(".run .headline").contains("done · shell"));
    assert_eq!(page.text("#heading"), "echo hello");
    assert_eq!(page.execute("return document.activeElement.id", &[]), json!("text"));
}

#[test]
fn page_shows_lines_while_the_command_goes_on() {
    let Some(page) = Visit::begin() else { return };
    page.daemon.gate("gate");
    page.say("echo first; read word < gate; echo second");
    page.until("document.querySelector('.run .draft').innerText.includes('first')");
    page.until_run(1, "working");
    assert_eq!(page.text("#hint"), "Esc cancels the run");
    assert!(!page.has(".run .answer"), "it has not ended");

    page.daemon.open("gate");
    page.until_run(1, "done");
    assert_eq!(page.run_text(1, ".answer"), json!("first\nsecond"));
}

#[test]
fn page_shows_colours_and_redrawn_lines_as_plain_text() {
    let Some(page) = Visit::begin() else { return };
    page.daemon.gate("gate");
    page.say(r"printf '\033[31mred\033[0m\n10%%\r20%%\n'; read word < gate; printf '\033]0;title\007end\n'");
    page.until("document.querySelector('.run .draft').innerText.trim() === 'red\\n20%'");
    page.daemon.open("gate");
    page.until_run(1, "done");
    assert_eq!(page.run_text(1, ".answer"), json!("red\n20%\nend"));
}

#[test]
fn page_shows_output_and_exit_status_of_a_failed_command() {
    let Some(page) = Visit::begin() else { return };
    page.say("echo before; exit 7");
    page.until_run(1, "error");
    assert_eq!(page.run_text(1, ".answer"), json!("before"));
    assert_eq!(page.run_text(1, ".error"), json!("exit status 7"));
}

#[test]
fn page_answers_slash_commands_and_completes_them() {
    let Some(page) = Visit::begin() else { return };
    page.type_into("#text", "/he");
    page.wait_for("#suggestions li[aria-selected=true]");
    assert!(page.text("#suggestions").starts_with("/help"));
    page.press("Tab");
    page.until("document.querySelector('#text').value === '/help '");
    page.press("Enter");
    page.wait_for(".note");
    let help = page.text(".note");
    assert!(help.contains("/status") && help.contains("/cancel"), "{help}");

    page.say("/status");
    page.until("document.querySelectorAll('.note').length === 2");
    assert!(!page.has(".run"), "a command starts nothing");
}

#[test]
fn page_completes_a_command_that_was_begun_before_any_was_known() {
    let Some(page) = Visit::begin() else { return };
    page.reload_and_hold("/api/state");
    page.type_into("#text", "/he");
    assert_eq!(page.text("#suggestions"), "");
    page.release();
    page.wait_for("#suggestions li[aria-selected=true]");
    assert!(page.text("#suggestions").starts_with("/help"));
}

#[test]
fn page_says_what_typing_does_as_soon_as_it_shows_an_empty_conversation() {
    let Some(page) = Visit::begin() else { return };
    page.reload_and_hold("/api/state");
    let hidden = "return document.querySelector('#empty').hidden";
    assert_eq!(page.execute(hidden, &[]), json!(true), "there is nothing to say yet");
    page.release();
    page.until("!document.querySelector('#empty').hidden");
    assert!(page.text("#empty").contains("Type a command line"));
}

#[test]
fn page_gives_back_a_message_that_is_refused() {
    let Some(page) = Visit::begin() else { return };
    let fill = "const text = document.querySelector('#text');
                text.value = 'x'.repeat(300000); text.dispatchEvent(new Event('input')); text.focus();";
    page.execute(fill, &[]);
    page.press("Enter");
    page.wait_for(".said.failed button");
    assert!(page.text(".said .status").contains("at most 256 KiB"));
    page.click(".said .status button");
    page.until("document.querySelector('#text').value.length === 300000");
    assert!(!page.has(".said"));
    let log = page.console_log();
    assert!(log.len() == 1 && log[0].contains("400"), "{log:?}");
}

#[test]
fn page_keeps_history_and_draft_over_a_reload() {
    let Some(page) = Visit::begin() else { return };
    page.say("echo kept; exit 3");
    page.until_run(1, "error");
    page.say("exit 4");
    page.until_run(2, "error");
    page.say("/status");
    page.wait_for(".note");
    page.type_into("#text", "half a thou");
    page.reload();

    page.until_run(1, "error");
    assert_eq!(page.run_text(1, ".answer"), json!("kept"));
    assert_eq!(page.run_text(1, ".error"), json!("exit status 3"));
    let order = "return [...document.querySelectorAll('#thread > *')].map((one) => one.className)";
    assert_eq!(page.execute(order, &[]), json!(["said", "run", "said", "run", "said", "note"]));
    assert_eq!(page.execute("return document.querySelector('#text').value", &[]), json!("half a thou"));

    // The steps were not sent again: they come when somebody asks for them.
    page.click(".run:nth-of-type(4) .toggle");
    page.until(
        "document.querySelectorAll('.run')[1].querySelector('.steps li').innerText.includes('exit 4')",
    );
}

#[test]
fn page_loads_what_was_said_long_ago() {
    let Some(page) = Visit::begin() else { return };
    // As the page itself sends them, without waiting for the keys.
    let send = "return (async () => {
        const [conversation, headers] = [location.hash.slice(1), { 'content-type': 'application/json' }];
        for (let number = 1; number <= 60; number += 1) {
            const body = JSON.stringify({ conversation, text: `echo ${number}` });
            await fetch('/api/messages', { method: 'POST', body, headers });
        } })()";
    page.execute(send, &[]);
    page.until_run(60, "done");
    page.reload();
    page.until("!document.querySelector('#earlier').hidden");
    let first = "return document.querySelector('.bubble').innerText";
    assert_ne!(page.execute(first, &[]), json!("echo 1"));
    for shown in [50, 60] {
        page.click("#earlier");
        page.until(&format!("document.querySelectorAll('.run[data-state=done]').length === {shown}"));
    }
    assert_eq!(page.execute("return document.querySelector('#earlier').hidden", &[]), json!(true));
    assert_eq!(page.execute(first, &[]), json!("echo 1"));
    let told = "return [...document.querySelectorAll('.bubble')]
                  .every((one, at) => one.innerText === `echo ${at + 1}`)";
    assert_eq!(page.execute(told, &[]), json!(true), "in order, each once");
    assert!(page.execute("return document.querySelector('#scroll').scrollTop", &[]).as_f64().unwrap() > 0.0);
}

#[test]
fn page_runs_two_conversations_at_once() {
    let Some(page) = Visit::begin() else { return };
    page.daemon.gate("one");
    page.daemon.gate("two");
    page.say("cat one");
    page.until_run(1, "working");
    page.click("#new");
    page.until("document.querySelectorAll('.run').length === 0");
    page.say("cat two");
    page.until_run(1, "working");
    page.until("document.querySelectorAll('#conversations .dot').length === 2");

    page.daemon.open("two");
    page.until_run(1, "done");
    page.until("document.querySelectorAll('#conversations .dot').length === 1");
    page.click("#conversations li:nth-child(2) a");
    page.until("document.querySelector('#heading').innerText === 'cat one'");
    page.until_run(1, "working");
    page.daemon.open("one");
    page.until_run(1, "done");
    page.until("document.querySelectorAll('#conversations .dot').length === 0");
}

#[test]
fn page_shows_the_place_in_the_queue() {
    let Some(page) = Visit::begin() else { return };
    page.daemon.gate("gate");
    page.say("cat gate");
    page.until_run(1, "working");
    page.say("echo two");
    page.say("echo three");
    page.until("document.querySelectorAll('.run').length === 3");
    page.until("document.querySelectorAll('.headline')[1].innerText.startsWith('queued, 1 ahead')");
    page.until("document.querySelectorAll('.headline')[2].innerText.startsWith('queued, 2 ahead')");

    // One that waits is taken out of the line; those behind it move up.
    page.click(".run:nth-of-type(4) .cancel");
    page.until_run(2, "cancelled");
    page.until("document.querySelectorAll('.headline')[2].innerText.startsWith('queued, 1 ahead')");
    page.daemon.open("gate");
    page.until_run(3, "done");
    assert_eq!(page.run_text(3, ".answer"), json!("three"));
    assert_eq!(page.run_text(2, ".answer"), json!(null), "it never ran");
}

#[test]
fn page_shows_a_run_of_the_terminal_while_it_works() {
    let Some(page) = Visit::begin() else { return };
    page.daemon.gate("gate");
    let mut chat = page.daemon.takopi();
    chat.args(["chat", "echo from the terminal; cat gate"]).stdout(Stdio::piped());
    let mut chat = chat.spawn().unwrap();
    page.wait_for("#conversations .dot");
    page.click("#conversations a");
    page.until("document.querySelector('.run .draft').innerText.includes('from the terminal')");
    page.until_run(1, "working");

    page.daemon.open("gate");
    page.until_run(1, "done");
    assert_eq!(page.run_text(1, ".answer"), json!("from the terminal\ngo"));
    let mut answer = String::new();
    chat.stdout.take().unwrap().read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "from the terminal\ngo\n");
    assert!(chat.wait().unwrap().success());
}

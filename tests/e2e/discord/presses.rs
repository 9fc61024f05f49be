//! Buttons on Discord: the click is for the run whose message carries it.

use crate::discord::{agents, by_bot, home, listed, said, server, thread_on, with_button};
use crate::house::Daemon;
use crate::plugin::Plugin;

#[test]
fn discord_cancel_stops_the_clicked_run_alone_and_a_stale_button_says_so() {
    let server = server();
    let agents = agents(&server, "");
    let gates = [agents.gate("one"), agents.gate("two")];
    let daemon = Daemon::start(&agents.home);
    server.wait_ready();
    let alice = server.person("alice");
    let [one, two] = ["one", "two"].map(|name| {
        let asked = alice.says("general", &format!("@takopi [[wait {name}]] {name}"));
        with_button(&server, thread_on(&server, asked).id, "cancel")
    });
    let first = gates[0].reached();
    let second = gates[1].reached();
    let button = two.buttons.concat().into_iter().find(|button| button.label == "cancel").unwrap();
    let seen = alice.clicks(two.id, "cancel");
    assert!(!seen.failed && seen.ack.is_some(), "{seen:?}");
    let told = said(&server, two.channel, "cancelled");
    drop(first);
    said(&server, one.channel, "ok: one (turn 1)");
    drop(second);
    let late = alice.clicks_id(told.id, &button.id.unwrap());
    let told = server.wait_seen(late.id, "that it is over", |seen| {
        seen.answers.iter().any(|shown| shown.only_for.is_some())
    });
    let mine = told.answers.iter().find(|shown| shown.only_for.as_deref() == Some("alice"));
    assert!(mine.is_some(), "{told:?}");
    assert!(by_bot(&server, two.channel).iter().all(|shown| shown.buttons.is_empty()));
    daemon.stop();
}

#[test]
fn discord_a_button_outlives_a_restart_and_tells_that_its_run_is_over() {
    let server = server();
    let agents = agents(&server, "");
    let gate = agents.gate("hold");
    let daemon = Daemon::start(&agents.home);
    server.wait_ready();
    let alice = server.person("alice");
    let asked = alice.says("general", "@takopi [[wait hold]] one");
    let progress = with_button(&server, thread_on(&server, asked).id, "cancel");
    let id = progress.buttons.concat()[0].id.clone().unwrap();
    drop(gate.reached());
    said(&server, asked, "ok: one (turn 1)");
    daemon.stop();
    let daemon = Daemon::start(&agents.home);
    let other = alice.says("general", "@takopi two");
    let other = said(&server, thread_on(&server, other).id, "ok: two (turn 1)");
    let late = alice.clicks_id(other.id, &id);
    let told = server.wait_seen(late.id, "that it is over", |seen| {
        seen.answers.iter().any(|shown| shown.only_for.as_deref() == Some("alice"))
    });
    assert!(!told.failed, "{told:?}");
    daemon.stop();
}

/// An engine that asks for a word and answers with it.
const ASKING: &str = r#"
    *'"method":"engine/run"'*)
      run=$(field run); was=$id
      ask engine/ask "{\"run\":\"$run\",\"key\":\"q\",\"title\":\"which colour?\"}"
      colour=$(field text); id=$was
      reply "{\"outcome\":\"answered\",\"answer\":\"painted $colour\"}" ;;
"#;

#[test]
fn discord_a_question_that_wants_words_is_answered_by_a_form() {
    let server = server();
    let home = home(&server, "");
    let engine = ("engine.acme", "title = 'Acme Coder'\nfeatures = ['plain', 'ask']\nshared = true");
    let _plugin = Plugin::install(&home, "acme", &[engine], ASKING);
    let daemon = Daemon::start(&home);
    listed(&server);
    let alice = server.person("alice");
    let asked = alice.says("general", "@takopi /acme paint it");
    let question = with_button(&server, thread_on(&server, asked).id, "answer…");
    assert!(question.text.contains("which colour?"), "{}", question.text);
    let seen = alice.clicks(question.id, "answer…");
    let field = seen.modal.as_ref().unwrap().fields[0].clone();
    assert!(field.paragraph, "{field:?}");
    alice.submits(&seen, &[(field.id.as_str(), "green")]);
    said(&server, asked, "painted green");
    daemon.stop();
}

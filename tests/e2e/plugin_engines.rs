//! Engines of plugins: what a built-in one has, they have.

use takopi_fake::telegram::{Say, Shown, TelegramServer};

use crate::house::{Daemon, Home};
use crate::plugin::{ACME, CODER, Plugin};
use crate::telegram::{ADA, home as telegram, said, server};

fn answer(server: &TelegramServer, to: i64) -> Shown {
    let is_answer = |shown: &&Shown| {
        shown.by_bot && shown.deleted.is_none() && shown.reply_to == Some(to) && shown.buttons.is_empty()
    };
    server.wait_in(ADA, "the answer", |shown| shown.iter().find(is_answer).cloned())
}

#[test]
fn telegram_plugin_engine_shows_progress_is_cancelled_and_goes_on_by_its_resume_line() {
    let server = server();
    let home = telegram(&server, "");
    let plugin = Plugin::install(&home, "acme", &ACME, CODER);
    let daemon = Daemon::start(&home);
    said(&server, "takopi is ready");
    assert!(plugin.started().is_empty(), "nothing is started before it is wanted");
    let first = answer(&server, server.say(ADA, ADA, "/acme one"));
    assert!(
        first.text.contains("ok: one (turn 1)") && first.text.contains("acme resume s"),
        "{}",
        first.text
    );
    let reply = server.send(Say::new(ADA, ADA, "two").reply_to(first.id)).message;
    let second = answer(&server, reply);
    assert!(second.text.contains("ok: two (turn 2)"), "{}", second.text);

    server.say(ADA, ADA, "/acme stay");
    let progress = server.wait_in(ADA, "a step", |shown| {
        let at_work = |shown: &&Shown| shown.labels().contains(&"cancel") && shown.text.contains("make all");
        shown.iter().find(at_work).cloned()
    });
    assert!(progress.text.contains("acme"), "{}", progress.text);
    server.press(ADA, progress.id, ADA, "cancel");
    said(&server, "cancelled");
    let third = answer(&server, server.say(ADA, ADA, "/acme three"));
    assert!(third.text.contains("ok: three"), "{}", third.text);
    daemon.stop();
}

#[test]
fn telegram_plugin_engine_is_chosen_by_agent_and_takes_a_model() {
    let server = server();
    let home = telegram(&server, "");
    let _plugin = Plugin::install(&home, "acme", &ACME, CODER);
    let daemon = Daemon::start(&home);
    answer(&server, server.say(ADA, ADA, "/agent set acme"));
    let chosen = answer(&server, server.say(ADA, ADA, "/agent"));
    assert!(chosen.text.contains("acme"), "{}", chosen.text);
    // It never says what it offers: that is told soon, and nothing else of the chat waits for it.
    let asked = server.say(ADA, ADA, "/model acme");
    let other = answer(&server, server.say(ADA, ADA, "/agent"));
    let told = answer(&server, asked);
    assert!(told.text.contains("did not answer within 2 s"), "{}", told.text);
    assert!(other.id < told.id, "what came later was answered first");
    answer(&server, server.say(ADA, ADA, "/model set acme big"));
    let answered = answer(&server, server.say(ADA, ADA, "plain"));
    assert!(answered.text.contains("ok: plain (turn 1big)"), "{}", answered.text);
    daemon.stop();
}

#[test]
fn plugin_engine_is_a_default_and_where_it_is_missing_the_start_says_why() {
    let home = Home::with_config("default_engine = 'acme'\n");
    let refused = home.run(&[]);
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("there is no engine \"acme\""), "{}", refused.stderr);
    let plugin = Plugin::install(&home, "takopi-acme", &ACME, CODER);
    let daemon = Daemon::start(&home);
    let answer = home.run(&["chat", "hello"]);
    assert!(answer.stdout.contains("ok: hello (turn 1)"), "{} {}", answer.stdout, answer.stderr);
    let doctor = home.run(&["doctor"]);
    assert!(
        doctor.stdout.contains("of takopi-acme · ~/.takopi/plugins/takopi-acme (default)"),
        "{}",
        doctor.stdout
    );
    daemon.stop();

    std::fs::remove_file(plugin.dir().join("run")).unwrap();
    let refused = home.run(&[]);
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("the engine acme cannot be used: "), "{}", refused.stderr);
    home.configure("default_engine = 'acme'\n[plugins]\nenabled = ['other']\n");
    let refused = home.run(&[]);
    assert!(refused.stderr.contains("which is not in plugins.enabled"), "{}", refused.stderr);
}

#[test]
fn plugin_engine_that_cannot_be_used_says_why_and_no_other_runs_instead() {
    let home = Home::with_config("default_engine = 'shell'\n");
    let (table, keys) = ACME[0];
    let keys = format!("{keys}\nneeds = ['no-such-program']\ninstall = 'apt install acme'");
    let plugin = Plugin::install(&home, "acme", &[(table, &keys)], CODER);
    let daemon = Daemon::start(&home);
    let told = "Failed to load engine 'acme': no-such-program is not on PATH; type: apt install acme";
    let refused = home.run(&["chat", "/acme echo spent"]);
    assert!(refused.stderr.contains(told), "{}{}", refused.stdout, refused.stderr);
    assert!(!refused.stdout.contains("spent"), "{}", refused.stdout);
    assert_eq!((refused.code, plugin.started().len()), (1, 0));
    let listed = home.run(&["chat", "/agent"]);
    assert!(
        listed.stdout.contains("acme cannot run yet: ") || listed.stdout.contains("`acme` cannot run yet: ")
    );
    let choices = home.run(&["chat", "/model acme"]);
    assert!(choices.stderr.contains(told), "{}{}", choices.stdout, choices.stderr);
    let answer = home.run(&["chat", "echo well"]);
    assert!(answer.stdout.contains("well"), "others go on: {}{}", answer.stdout, answer.stderr);
    daemon.stop();
}

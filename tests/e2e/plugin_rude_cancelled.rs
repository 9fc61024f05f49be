//! Plugins that do not listen to a cancel, and what Telegram shows of those that break down at work.

use insta::assert_snapshot;
use takopi_fake::telegram::{Shown, TelegramServer};

use crate::house::Daemon;
use crate::plugin_rude::{install, processes};
use crate::telegram::{ADA, home as telegram, said, server};

fn answer(server: &TelegramServer, to: i64) -> Shown {
    let is_answer = |shown: &&Shown| {
        shown.by_bot && shown.deleted.is_none() && shown.reply_to == Some(to) && shown.buttons.is_empty()
    };
    server.wait_in(ADA, "the answer", |shown| shown.iter().find(is_answer).cloned())
}

/// Returns what a message says without how long the run took.
fn timeless(shown: &Shown) -> String {
    let (head, rest) = shown.text.split_once('\n').unwrap();
    let is_time = |word: &&str| word.ends_with('s') && word.starts_with(|digit: char| digit.is_ascii_digit());
    let head: Vec<&str> = head.split(" · ").filter(|word| !is_time(word)).collect();
    format!("{}\n{rest}", head.join(" · "))
}

#[test]
fn telegram_plugin_rude_is_cancelled_whether_it_listens_or_not() {
    let server = server();
    let home = telegram(&server, "");
    for mode in ["ignores_cancel", "crash"] {
        install(&home, mode);
    }
    let daemon = Daemon::start(&home);
    let asked = server.say(ADA, ADA, "/rude_ignores_cancel hi");
    let progress = server.wait_in(ADA, "a step", |shown| {
        let at_work = |shown: &&Shown| shown.labels().contains(&"cancel") && shown.text.contains("misbehave");
        shown.iter().find(at_work).cloned()
    });
    server.press(ADA, progress.id, ADA, "cancel");
    // Somebody else is answered while the deaf one is waited for.
    let crashed = answer(&server, server.say(ADA, ADA, "/rude_crash hi"));
    let told = answer(&server, server.say(ADA, ADA, "/do_crash hi"));
    server.say(ADA, ADA, "echo still here");
    said(&server, "still here");
    assert_snapshot!(timeless(&crashed), @r"
    error · rude_crash · step 1

    takopi-rude-crash ended unexpectedly (exit status 7): rude: something went terribly wrong

    rude_crash resume rude-1
    ");
    assert_snapshot!(told.text, @"error: the plugin takopi-rude-crash ended unexpectedly (exit status 7): rude: something went terribly wrong");
    assert_snapshot!(timeless(&answer(&server, asked)), @r"
    cancelled · rude_ignores_cancel · step 1

    ✓ tool: misbehave

    rude_ignores_cancel resume rude-1
    ");
    daemon.stop();
    assert_eq!(processes(&home), [""; 0]);
}

//! What is said to a bot in several messages, and whether its conversations show their resume lines.

use takopi_fake::telegram::{Say, Shown, TOKEN, TelegramServer};

use crate::agents::Agents;
use crate::house::Daemon;
use crate::telegram::{ADA, said, server};

/// Returns a home with an agent whose bot has these settings.
fn agents(server: &TelegramServer, more: &str) -> Agents {
    let config = format!(
        "transport = ['telegram', 'local']\ndefault_engine = 'codex'\n\
         [transports.telegram]\nbot_token = '{TOKEN}'\nchat_id = {ADA}\napi_url = '{}'\n{more}",
        server.url()
    );
    Agents::with(&["codex"], &config)
}

/// Says things in one go: they arrive together.
fn say_at_once(server: &TelegramServer, things: impl IntoIterator<Item = Say>) {
    server.hold_updates(true);
    for thing in things {
        server.send(thing);
    }
    server.hold_updates(false);
}

fn plain(text: &str) -> Say {
    Say::new(ADA, ADA, text)
}

/// Waits for so many answers and returns them in the order of what they answer.
fn answers(server: &TelegramServer, count: usize) -> Vec<Shown> {
    let mut found = server.wait_in(ADA, "the answers", |shown| {
        let is_answer =
            |shown: &&Shown| shown.by_bot && shown.deleted.is_none() && shown.text.contains("ok: ");
        let found: Vec<Shown> = shown.iter().filter(is_answer).cloned().collect();
        (found.len() == count).then_some(found)
    });
    found.sort_by_key(|shown| shown.reply_to);
    found
}

#[test]
fn telegram_forwarded_messages_are_part_of_the_prompt_they_come_with() {
    let server = server();
    let agents = agents(&server, "forward_coalesce_s = 1");
    let daemon = Daemon::start(&agents.home);
    let forwarded = || [plain("first of all").forwarded(), plain("and then").forwarded()];
    say_at_once(&server, forwarded().into_iter().chain([plain("sum up"), plain("go on")]).chain(forwarded()));
    let answers = answers(&server, 2);
    for (answer, prompt) in answers.iter().zip(["sum up", "go on"]) {
        let wanted = format!("ok: {prompt}\n\nfirst of all\n\nand then (turn 1)");
        assert!(answer.text.contains(&wanted), "{}", answer.text);
    }
    daemon.stop();
}

#[test]
fn telegram_messages_in_quick_succession_all_run_and_none_waits_where_joining_is_off() {
    let server = server();
    let agents = agents(&server, "forward_coalesce_s = 0");
    let daemon = Daemon::start(&agents.home);
    say_at_once(&server, [plain("one"), plain("two").forwarded(), plain("three")]);
    let texts: Vec<String> = answers(&server, 3).into_iter().map(|shown| shown.text).collect();
    for (text, wanted) in texts.iter().zip(["ok: one (turn 1)", "ok: two (turn 1)", "ok: three (turn 1)"]) {
        assert!(text.contains(wanted), "{text}");
    }
    daemon.stop();
}

#[test]
fn telegram_a_conversation_hides_its_resume_lines_when_told_to() {
    for (more, is_shown) in [
        ("session_mode = 'chat'\nshow_resume_line = false", false),
        ("session_mode = 'chat'", true),
        ("show_resume_line = false", true),
    ] {
        let server = server();
        let agents = agents(&server, more);
        let daemon = Daemon::start(&agents.home);
        server.say(ADA, ADA, "hello");
        let answer = said(&server, "ok: hello");
        assert_eq!(answer.text.contains("codex resume"), is_shown, "{more}: {}", answer.text);
        daemon.stop();
    }
}

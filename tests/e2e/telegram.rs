//! A Telegram chat with the built binary behind it: what a person writes there and sees.

use std::time::Duration;

use rustix::process::Signal;
use takopi_fake::telegram::{Fault, Injection, Say, Shown, TOKEN, TelegramServer};

use crate::house::{Daemon, Home};
use crate::program::Program;

/// The person, and their private chat.
pub(crate) const ADA: i64 = 7;

/// Returns a home whose only bot talks to `server`; messages are run by the shell.
pub(crate) fn home(server: &TelegramServer, more: &str) -> Home {
    Home::with_config(&format!(
        "transport = ['telegram', 'local']\ndefault_engine = 'shell'\n\
         [engines.shell]\ntransports = ['telegram', 'local']\n\
         [transports.telegram]\nbot_token = '{TOKEN}'\nchat_id = {ADA}\napi_url = '{}'\n{more}",
        server.url()
    ))
}

pub(crate) fn server() -> TelegramServer {
    let server = TelegramServer::start().unwrap();
    server.private(ADA);
    server
}

/// Returns the message that says `text`, once it stands.
pub(crate) fn said(server: &TelegramServer, text: &str) -> Shown {
    let by_bot = |shown: &&Shown| shown.by_bot && shown.deleted.is_none() && shown.text.contains(text);
    server.wait_in(ADA, text, |shown| shown.iter().find(by_bot).cloned())
}

#[test]
fn telegram_a_message_is_answered_below_it_and_the_progress_message_is_gone() {
    let server = server();
    let home = home(&server, "");
    let daemon = Daemon::start(&home);
    let asked = server.say(ADA, ADA, "echo from the shell");
    let answer = said(&server, "from the shell");
    assert_eq!((answer.reply_to, answer.silent, answer.preview), (Some(asked), false, false));
    assert!(answer.text.starts_with("done · shell · "), "{}", answer.text);
    server.wait_in(ADA, "one answer alone", |shown| {
        let replies = shown.iter().filter(|shown| shown.reply_to == Some(asked)).count();
        (replies == 1).then_some(())
    });
    daemon.stop();
}

#[test]
fn telegram_the_start_is_told_in_the_main_chat_with_a_menu_of_what_there_is() {
    let server = server();
    let home = home(&server, "");
    let daemon = Daemon::start(&home);
    let greeting = said(&server, "takopi is ready");
    for line in
        ["default: shell", "projects: none", "mode: stateless", "topics: disabled", "resume lines: shown"]
    {
        assert!(greeting.text.contains(line), "{line}: {}", greeting.text);
    }
    assert!(!greeting.silent && !greeting.text.contains("everybody"));
    server.wait_for("the menu", |log| log.of("setMyCommands").find(|call| call.ended.is_some()).map(drop));
    let names: Vec<String> = server.menu().into_iter().map(|(name, _)| name).collect();
    assert!(names.contains(&"help".to_owned()) && names.last() == Some(&"cancel".to_owned()), "{names:?}");
    daemon.stop();
}

#[test]
fn telegram_of_greetings_nobody_got_only_the_last_one_is_sent() {
    let server = server();
    let home = home(&server, "");
    server.inject(Injection::of("sendMessage", Fault::server(502)).always());
    for _ in 0..2 {
        Daemon::start(&home).kill();
    }
    server.heal();
    let daemon = Daemon::start(&home);
    said(&server, "takopi is ready");
    server.say(ADA, ADA, "echo afterwards");
    said(&server, "afterwards");
    let greetings = server.shown(ADA).into_iter().filter(|shown| shown.text.contains("takopi is ready"));
    assert_eq!(greetings.count(), 1);
    daemon.stop();
}

#[test]
fn telegram_a_press_of_cancel_ends_the_run_and_is_answered() {
    let server = server();
    let home = home(&server, "");
    let daemon = Daemon::start(&home);
    server.say(ADA, ADA, "sleep 1000");
    let progress = server.wait_in(ADA, "a cancel button", |shown| {
        shown.iter().find(|shown| shown.labels().contains(&"cancel")).cloned()
    });
    assert!(progress.silent);
    let pressed = server.press(ADA, progress.id, ADA, "cancel");
    let closed = said(&server, "cancelled");
    assert_eq!((closed.id, closed.buttons.len()), (progress.id, 0));
    server.wait_for("the answer to the press", |log| {
        log.of("answerCallbackQuery").find(|call| call.ended.is_some()).map(drop)
    });
    assert_eq!(server.answers(&pressed)[0].text, "cancelling...");
    let late = [
        ("takopi:cancel", "nothing is currently running for that message."),
        ("takopi:steer", "this message is not queued."),
    ];
    for (count, (data, toast)) in (2..).zip(late) {
        let pressed = server.press_data(ADA, progress.id, ADA, data);
        server.wait_for("the toast", |log| {
            let answered = log.of("answerCallbackQuery").filter(|call| call.ended.is_some());
            (answered.count() == count).then_some(())
        });
        assert_eq!(server.answers(&pressed)[0].text, toast);
    }
    assert_eq!(server.shown(ADA).iter().filter(|shown| shown.by_bot && shown.deleted.is_none()).count(), 2);
    daemon.stop();
}

#[test]
fn telegram_strangers_meet_silence_and_so_do_commands_for_other_bots() {
    let server = server();
    server.private(8);
    server.supergroup(-100, "team");
    let home = home(&server, "allowed_user_ids = [7]\n");
    let daemon = Daemon::start(&home);
    server.say(8, 8, "echo stranger");
    server.say(-100, ADA, "echo elsewhere");
    server.say(ADA, ADA, "/help@another_bot");
    server.say(ADA, ADA, "echo mine");
    said(&server, "mine");
    let answered = |chat: i64| server.shown(chat).iter().filter(|shown| shown.by_bot).count();
    assert_eq!((answered(8), answered(-100)), (0, 0));
    assert!(!server.shown(ADA).iter().any(|shown| shown.by_bot && shown.text.contains("/cancel")));
    daemon.stop();
}

#[test]
fn telegram_what_comes_twice_runs_once_and_what_nobody_can_read_is_stepped_over() {
    let server = server();
    let home = home(&server, "");
    let mut daemon = Daemon::start(&home);
    let once = server.send(Say::new(ADA, ADA, "echo x >> ran; echo once"));
    said(&server, "once");
    server.redeliver(once.update);
    server.repeat(once.update);
    server.mumble(ADA);
    server.say(ADA, ADA, "echo after");
    said(&server, "after");
    assert_eq!(home.lines("ran"), ["x"]);
    daemon.remarks("cannot be read and is stepped over");
    daemon.stop();
}

#[test]
fn telegram_what_was_said_meanwhile_runs_after_a_power_cut_and_only_once() {
    let server = server();
    let home = home(&server, "");
    let daemon = Daemon::start(&home);
    server.say(ADA, ADA, "echo x >> ran; echo first");
    said(&server, "first");
    daemon.kill();
    server.say(ADA, ADA, "echo y >> ran; echo second");
    let daemon = Daemon::start(&home);
    said(&server, "second");
    assert_eq!(home.lines("ran"), ["x", "y"]);
    daemon.stop();
}

#[test]
fn telegram_an_unknown_token_ends_the_daemon_with_one_sentence() {
    let server = server();
    server.inject(Injection::of("*", Fault::Refuse(401, "Unauthorized".to_owned())).always());
    let home = home(&server, "");
    home.configure(&format!(
        "transport = 'telegram'\ndefault_engine = 'shell'\n\
         [transports.telegram]\nbot_token = '{TOKEN}'\nchat_id = {ADA}\napi_url = '{}'",
        server.url()
    ));
    let ended = Program::start(&mut home.takopi(&[])).wait();
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    assert!(ended.stderr.contains("does not know this bot token"), "{}", ended.stderr);
    assert!(!ended.stderr.contains(TOKEN), "the token is never shown");
}

#[test]
fn telegram_another_poller_is_told_once_and_waited_out() {
    let server = server();
    server.inject(Injection::of("getUpdates", Fault::conflict()).times(2));
    let home = home(&server, "");
    let mut daemon = Daemon::start(&home);
    let told = daemon.remarks("receives this bot's messages");
    assert_eq!(told.matches("receives this bot's messages").count(), 1, "{told}");
    server.say(ADA, ADA, "echo in the end");
    said(&server, "in the end");
    daemon.signal(Signal::TERM);
    let ended = daemon.wait();
    assert_eq!(ended.stderr.matches("receives this bot's messages").count(), 1, "{}", ended.stderr);
}

#[test]
fn telegram_a_final_gets_through_whatever_goes_wrong_on_its_way() {
    for fault in [Fault::TooMany(1), Fault::server(502), Fault::ResetBefore, Fault::Garbage] {
        let server = server();
        let home = home(&server, "");
        let daemon = Daemon::start(&home);
        server.inject(Injection::of("sendMessage", fault.clone()).containing("the final"));
        server.say(ADA, ADA, "echo the final");
        let answer = said(&server, "the final");
        assert!(answer.text.starts_with("done"), "{fault:?}: {}", answer.text);
        daemon.stop();
    }
}

#[test]
fn telegram_a_group_that_anybody_may_command_is_warned_of_with_the_line_to_write() {
    let server = server();
    server.supergroup(-100, "team");
    let home = home(&server, "");
    home.configure(&format!(
        "default_engine = 'shell'\n[transports.local]\n[engines.shell]\ntransports = ['telegram', 'local']\n\
         [transports.telegram]\nbot_token = '{TOKEN}'\nchat_id = -100\napi_url = '{}'",
        server.url()
    ));
    let daemon = Daemon::start(&home);
    let line = "allowed_user_ids = [123456789]";
    server
        .wait_in(-100, "the warning", |shown| shown.iter().find(|shown| shown.text.contains(line)).map(drop));
    let doctor = home.run(&["doctor"]);
    assert!(
        doctor.stdout.contains(line) && doctor.stdout.contains("the token is known"),
        "{}",
        doctor.stdout
    );
    daemon.stop();
}

#[test]
fn telegram_what_came_too_long_ago_waits_for_a_button_and_then_runs_once() {
    let server = server();
    let home = home(&server, "");
    let late = server.send(Say::new(ADA, ADA, "echo x >> ran; echo late").aged(Duration::from_secs(7200)));
    let daemon = Daemon::start(&home);
    let told = said(&server, "came while takopi was away (2h 00m ago)");
    assert_eq!((told.reply_to, told.labels()), (Some(late.message), vec!["run it"]));
    assert!(home.lines("ran").is_empty());
    server.press(ADA, told.id, ADA, "run it");
    said(&server, "done · shell");
    server.press(ADA, told.id, ADA, "run it");
    server.say(ADA, ADA, "echo afterwards");
    said(&server, "afterwards");
    assert_eq!(home.lines("ran"), ["x"]);
    daemon.stop();
}

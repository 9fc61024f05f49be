//! New settings while the daemon runs: transports come, change and go, and what is under way goes on.

use rustix::process::Signal;
use takopi_fake::telegram::{Say, TOKEN, TelegramServer};

use crate::gate::Gate;
use crate::house::{Daemon, Home};
use crate::telegram::{ADA, said, server};

/// Writes settings whose bots are those of these tables, and has them read. Returns when that is over.
fn reload(daemon: &mut Daemon<'_>, home: &Home, transports: &str) {
    home.configure(&settings(transports));
    read_again(daemon);
}

fn read_again(daemon: &mut Daemon<'_>) {
    daemon.signal(Signal::HUP);
    daemon.tells("RELOADING=1");
    daemon.tells("READY=1");
}

fn settings(transports: &str) -> String {
    format!(
        "default_engine = 'shell'\n[transports.local]\n\
         [engines.shell]\ntransports = ['telegram', 'second', 'local']\n{transports}"
    )
}

fn table(instance: &str, server: &TelegramServer, more: &str) -> String {
    format!(
        "[transports.{instance}]\nkind = 'telegram'\nbot_token = '{TOKEN}'\nchat_id = {ADA}\napi_url = '{}'\n{more}\n",
        server.url()
    )
}

fn answers(server: &TelegramServer, text: &str) -> usize {
    server.shown(ADA).iter().filter(|shown| shown.by_bot && shown.text.contains(text)).count()
}

#[test]
fn telegram_reload_changes_who_may_speak() {
    let server = server();
    let home = Home::with_config(&settings(&table("telegram", &server, "allowed_user_ids = [8]")));
    let mut daemon = Daemon::start(&home);
    let stranger = server.send(Say::new(ADA, ADA, "echo stranger"));
    server.wait_for("the next poll", |log| {
        log.of("getUpdates").find(|call| call.params["offset"] == stranger.update + 1).map(drop)
    });
    reload(&mut daemon, &home, &table("telegram", &server, "allowed_user_ids = [7]"));
    server.say(ADA, ADA, "echo friend");
    said(&server, "friend");
    assert_eq!(answers(&server, "stranger"), 0);
    reload(&mut daemon, &home, &table("telegram", &server, "allowed_user_ids = [8]"));
    server.say(ADA, ADA, "echo gone");
    server.say(ADA, ADA, "echo again");
    reload(&mut daemon, &home, &table("telegram", &server, "allowed_user_ids = [7, 8]"));
    server.say(ADA, ADA, "echo back");
    said(&server, "back");
    daemon.stop();
}

#[test]
fn telegram_reload_lets_runs_go_on_and_neither_loses_nor_doubles_anything() {
    let server = server();
    let home = Home::with_config(&settings(&table("telegram", &server, "")));
    let gate = Gate::new(&home, "gate");
    let mut daemon = Daemon::start(&home);
    let asked = server.say(ADA, ADA, "cat gate; echo x >> ran; echo the answer");
    let standing = gate.reached();
    let progress = server.wait_in(ADA, "progress", |shown| {
        shown.iter().find(|shown| shown.by_bot && shown.labels().contains(&"cancel")).map(|shown| shown.id)
    });
    for (number, table_says) in
        ["show_resume_line = false", "message_overflow = 'split'", ""].iter().enumerate()
    {
        server.say(ADA, ADA, &format!("echo {number} >> ran"));
        reload(&mut daemon, &home, &table("telegram", &server, table_says));
    }
    drop(standing);
    let answer = said(&server, "the answer");
    assert_eq!(answer.reply_to, Some(asked));
    server.wait_in(ADA, "one answer to each", |shown| {
        let done = |of: &&takopi_fake::telegram::Shown| of.by_bot && of.text.starts_with("done");
        let gone = !shown.iter().any(|shown| shown.id == progress && shown.deleted.is_none());
        (gone && shown.iter().filter(done).count() == 4).then_some(())
    });
    let mut ran = home.lines("ran");
    ran.sort();
    assert_eq!(ran, ["0", "1", "2", "x"]);
    assert_eq!(answers(&server, "takopi is ready"), 1, "a reload says nothing");
    daemon.stop();
}

#[test]
fn telegram_reload_of_what_cannot_be_used_keeps_the_old_and_says_so_once() {
    let server = server();
    let good = table("telegram", &server, "");
    let home = Home::with_config(&settings(&good));
    let mut daemon = Daemon::start(&home);
    said(&server, "takopi is ready");
    home.configure(&format!("{}\nnonsense = ", settings(&good)));
    read_again(&mut daemon);
    let told = daemon.remarks("the settings stay as they were");
    assert!(told.contains("takopi.toml"), "{told}");
    read_again(&mut daemon);
    let shown = said(&server, "the settings stay as they were: ");
    assert!(shown.text.contains("takopi.toml:") && !shown.text.contains('\n'), "{}", shown.text);
    server.say(ADA, ADA, "echo as before");
    said(&server, "as before");
    assert_eq!(answers(&server, "the settings stay as they were"), 1);

    for (table, why) in [
        (table("telegram", &server, "session_mode = 'sometimes'"), "session_mode"),
        (good.replace(TOKEN, "999:not-the-token-of-any-bot"), "does not know this bot token"),
        (
            good.replace(&format!("bot_token = '{TOKEN}'"), "bot_token_file = '/nowhere/token'"),
            "/nowhere/token",
        ),
        (
            format!("{good}[transports.telegram.topics]\nenabled = true"),
            "topics enabled but chat is not a supergroup",
        ),
    ] {
        reload(&mut daemon, &home, &table);
        let shown = said(&server, why);
        assert!(shown.text.starts_with("the settings stay as they were: "), "{}", shown.text);
        assert!(!shown.text.contains("not-the-token"), "{}", shown.text);
    }
    std::fs::remove_file(home.place().join("takopi.toml")).unwrap();
    read_again(&mut daemon);
    said(&server, "the config file is gone");
    server.say(ADA, ADA, "echo still served");
    said(&server, "still served");
    reload(&mut daemon, &home, &good);
    server.say(ADA, ADA, "echo mended");
    said(&server, "mended");
    daemon.signal(Signal::TERM);
    let ended = daemon.wait();
    assert!(!ended.stderr.contains("not-the-token"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("after a restart"), "{}", ended.stderr);
}

#[test]
fn telegram_reload_serves_a_second_bot_and_leaves_it_again() {
    let (first, second) = (server(), server());
    let one = table("telegram", &first, "");
    let home = Home::with_config(&settings(&one));
    let mut daemon = Daemon::start(&home);
    reload(&mut daemon, &home, &format!("{one}{}", table("second", &second, "")));
    second.say(ADA, ADA, "echo at the second");
    said(&second, "at the second");
    second.wait_for("the menu", |log| log.of("setMyCommands").find(|call| call.ended.is_some()).map(drop));
    assert!(daemon_serves(&home, "second"));
    said(&second, "takopi is ready");
    assert_eq!(answers(&first, "takopi is ready"), 1, "who was there before is not greeted again");
    let polls = first.log().of("getMe").count();

    for gone in [String::new(), table("second", &second, "enabled = false")] {
        reload(&mut daemon, &home, &format!("{one}{gone}"));
        assert!(!daemon_serves(&home, "second"));
        second.say(ADA, ADA, "echo y >> ran; echo late");
        first.say(ADA, ADA, "echo at the first");
        said(&first, "at the first");
        assert_eq!((answers(&second, "late"), home.lines("ran").len()), (0, 0));
    }
    assert_eq!(first.log().of("getMe").count(), polls, "a table that stays is left alone");

    reload(&mut daemon, &home, &format!("{one}{}", table("second", &second, "")));
    second.wait_in(ADA, "what waited", |shown| {
        (shown.iter().filter(|shown| shown.by_bot && shown.text.contains("late")).count() == 2).then_some(())
    });
    assert_eq!(home.lines("ran"), ["y", "y"]);
    daemon.stop();
}

#[test]
fn telegram_reload_does_not_serve_one_bot_by_two_tables() {
    let server = server();
    let one = table("telegram", &server, "");
    let home = Home::with_config(&settings(&one));
    let mut daemon = Daemon::start(&home);
    let both = format!("{one}{}", table("second", &server, ""));
    reload(&mut daemon, &home, &both);
    assert!(daemon_serves(&home, "telegram") && !daemon_serves(&home, "second"));
    server.say(ADA, ADA, "echo y >> ran; echo once");
    said(&server, "once");
    assert_eq!((home.lines("ran").len(), answers(&server, "takopi is ready")), (1, 1));
    let told = "its bot is that of [transports.telegram], which alone is served";
    let checked = home.run(&["config", "check"]);
    assert!(format!("{}{}", checked.stdout, checked.stderr).contains(told), "{checked:?}");
    let doctor = home.run(&["doctor"]);
    assert!(doctor.stdout.contains(told), "{doctor:?}");
    let ended = daemon.end();
    assert!(ended.stderr.contains(&format!("transports.second: {told}")), "{}", ended.stderr);
}

fn daemon_serves(home: &Home, instance: &str) -> bool {
    let status = home.status();
    status["transports"].as_array().unwrap().iter().any(|one| one["instance"] == instance)
}

#[test]
fn telegram_reload_needs_no_signal_when_the_file_is_watched() {
    let server = server();
    let watched =
        |more: &str| format!("watch_config = true\n{}", settings(&table("telegram", &server, more)));
    let home = Home::with_config(&watched("allowed_user_ids = [8]"));
    let mut daemon = Daemon::start(&home);
    home.configure(&watched("allowed_user_ids = [7]"));
    daemon.tells("RELOADING=1");
    daemon.tells("READY=1");
    server.say(ADA, ADA, "echo seen");
    said(&server, "seen");
    daemon.stop();
}

//! People who are let in by a code that `takopi pair` shows on the machine.

use rustix::process::Signal;
use serde_json::Value;
use takopi_fake::telegram::{Shown, TelegramServer};

use crate::house::{Daemon, Home};
use crate::program::Program;
use crate::telegram::{ADA, home, said, server};

/// Whom the settings don't name.
const BEN: i64 = 8;

const EVE: i64 = 9;

const GROUP: i64 = -100;

/// Waits until the bot says `text` in a chat.
fn hears(server: &TelegramServer, chat: i64, text: &str) -> Shown {
    let by_bot = |shown: &&Shown| shown.by_bot && shown.deleted.is_none() && shown.text.contains(text);
    server.wait_in(chat, text, |shown| shown.iter().find(by_bot).cloned())
}

fn is_met_with_silence(server: &TelegramServer, chat: i64) -> bool {
    !server.shown(chat).iter().any(|shown| shown.by_bot)
}

/// Starts `takopi pair` and returns the code it shows.
fn pair(home: &Home) -> (Program, String) {
    let mut program = Program::start(&mut home.takopi(&["pair"]));
    let code = program.says("    ").trim().to_owned();
    assert_eq!(code.len(), 9, "{code}");
    program.says("Waiting");
    (program, code)
}

fn listed(home: &Home) -> Vec<String> {
    let listed: Value = serde_json::from_str(&home.run(&["pair", "list", "--json"]).stdout).unwrap();
    let ids =
        listed["paired"].as_array().unwrap().iter().map(|person| person["id"].as_str().unwrap().to_owned());
    ids.collect()
}

#[test]
fn telegram_whoever_sends_the_code_is_served_until_it_is_revoked_and_others_meet_silence() {
    let server = server();
    server.private(BEN);
    server.private(EVE);
    server.user(BEN, "Ben", "ben");
    let home = home(&server, "allowed_user_ids = [7]\n");
    let daemon = Daemon::start(&home);
    server.say(BEN, BEN, "echo too early");
    let (mut program, code) = pair(&home);
    server.say(EVE, EVE, "let me in");
    server.say(EVE, EVE, "0000-0000");
    server.say(BEN, BEN, &format!("/start {}", code.replace('-', "").to_lowercase()));
    hears(&server, BEN, "paired: what you write to this bot runs on its machine");
    program.says("paired Ben (id 8) on telegram; they are served in their private chat and in the groups");
    assert_eq!(program.wait().code, 0);
    server.say(EVE, EVE, &code);
    server.say(BEN, BEN, "echo from ben");
    hears(&server, BEN, "from ben");
    assert!(is_met_with_silence(&server, EVE), "the code was good once");

    let told = home.run(&["status"]);
    assert!(told.stdout.contains("Ben (telegram, id 8)"), "{}", told.stdout);
    let doctor = home.run(&["doctor"]);
    assert!(doctor.stdout.contains("1 person is paired: Ben (id 8)"), "{}", doctor.stdout);
    daemon.kill();
    let daemon = Daemon::start(&home);
    server.say(BEN, BEN, "echo after a restart");
    hears(&server, BEN, "after a restart");
    assert_eq!(listed(&home), ["8"]);

    let revoked = home.run(&["pair", "revoke", "8"]);
    assert_eq!(
        (revoked.code, revoked.stdout.as_str()),
        (0, "Ben (id 8) is not paired on telegram any more\n")
    );
    server.say(BEN, BEN, "echo too late");
    server.say(ADA, ADA, "echo from ada");
    said(&server, "from ada");
    assert_eq!(listed(&home), [""; 0]);
    for text in ["too early", "too late"] {
        assert!(!server.shown(BEN).iter().any(|shown| shown.by_bot && shown.text.contains(text)), "{text}");
    }
    let ended = daemon.end();
    let short = code.replace('-', "");
    assert!(!ended.stderr.contains(&code) && !ended.stderr.contains(&short), "the code is not in the log");
}

#[test]
fn telegram_a_code_opens_a_group_only_where_people_are_served_by_name() {
    let server = server();
    server.private(BEN);
    server.supergroup(GROUP, "team");
    server.user(BEN, "Ben", "ben");
    let project = "[projects.team]\npath = '.'\nchat_id = -100\n";
    let by_name = home(&server, &format!("allowed_user_ids = [7]\n{project}"));
    let daemon = Daemon::start(&by_name);
    let (mut program, code) = pair(&by_name);
    server.say(GROUP, BEN, "echo stranger");
    server.say(GROUP, BEN, &code);
    program.says("paired Ben");
    server.say(GROUP, BEN, "echo known by name");
    hears(&server, GROUP, "known by name");
    daemon.stop();

    let open = home(&server, project);
    let daemon = Daemon::start(&open);
    let (program, code) = pair(&open);
    server.say(GROUP, BEN, &code);
    hears(&server, GROUP, "that is a pairing code");
    server.say(BEN, BEN, "echo not yet");
    server.say(BEN, BEN, &code);
    hears(&server, BEN, "paired: ");
    let ended = program.wait();
    assert!(ended.stdout.ends_with("they are served in their private chat\n"), "{}", ended.stdout);
    assert!(!server.shown(BEN).iter().any(|shown| shown.by_bot && shown.text.contains("not yet")));
    daemon.stop();
}

#[test]
fn telegram_a_code_is_given_back_with_ctrl_c_and_there_is_none_without_a_daemon() {
    let server = server();
    server.private(BEN);
    let home = home(&server, "");
    let alone = home.run(&["pair"]);
    assert_eq!(alone.code, 1);
    assert!(
        alone.stderr.contains("takopi is not running") && alone.stderr.contains("start it with `takopi`")
    );
    let daemon = Daemon::start(&home);
    let (program, code) = pair(&home);
    program.signal(Signal::INT);
    let left = program.wait();
    assert_eq!((left.code, left.stderr.as_str()), (130, "the code is taken back\n"));
    // Three at most are open: a fourth is let in only once the first is given back.
    let others: Vec<_> = (0..3).map(|_| pair(&home)).collect();
    let many = home.run(&["pair"]);
    assert!(many.code == 1 && many.stderr.contains("3 codes are open already"), "{}", many.stderr);
    server.say(BEN, BEN, &code);
    server.say(ADA, ADA, "echo from ada");
    said(&server, "from ada");
    assert!(is_met_with_silence(&server, BEN));
    let nobody = home.run(&["pair", "revoke", "8"]);
    assert!(nobody.code == 1 && nobody.stderr.contains("`takopi pair list`"), "{}", nobody.stderr);
    let elsewhere = home.run(&["pair", "--instance", "local"]);
    assert!(elsewhere.stderr.contains("bots that are served: telegram"), "{}", elsewhere.stderr);
    for (program, _) in others {
        program.kill();
    }
    daemon.stop();
}

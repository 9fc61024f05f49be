//! Files that come into a Telegram chat: asked for by their path, or by a button below an answer that names them.

use std::os::unix::fs::symlink;

use takopi_fake::telegram::{Fault, Injection, Role, Shown, TOKEN, TelegramServer};

use crate::agents::Agents;
use crate::house::{Daemon, Home};
use crate::projects::{make_project, project};
use crate::telegram::{ADA, said, server};
use crate::wait::wait_for;

const GROUP: i64 = -100;

/// A member of the group who is no administrator.
const BEN: i64 = 8;

/// Returns a home with a project full of files, in a chat where they may be had.
fn with_files(server: &TelegramServer, files: &str) -> Agents {
    let agents = Agents::with(&["codex"], "");
    make_project(&agents.home);
    let root = project(&agents.home);
    agents.home.configure(&format!(
        "transport = ['telegram', 'local']\ndefault_engine = 'codex'\ndefault_project = 'app'\n\
         [transports.telegram]\nbot_token = '{TOKEN}'\nchat_id = {ADA}\napi_url = '{}'\n\
         [transports.telegram.files]\n{files}\n[projects.app]\npath = {root:?}\n",
        server.url()
    ));
    std::fs::create_dir(root.join("docs")).unwrap();
    for (name, text) in [("docs/notes.txt", "notes"), ("docs/.env", "SECRET"), (".env", "SECRET")] {
        std::fs::write(root.join(name), text).unwrap();
    }
    std::fs::write(agents.home.place().join("outside.txt"), "outside").unwrap();
    symlink(agents.home.place().join("outside.txt"), root.join("way_out")).unwrap();
    agents
}

fn is_file(shown: &&Shown) -> bool {
    shown.by_bot && shown.file.is_some()
}

/// Waits for that many files in a chat, and returns the last.
fn file(server: &TelegramServer, chat: i64, count: usize) -> Shown {
    server.wait_in(chat, "a file", |shown| {
        let files: Vec<_> = shown.iter().filter(is_file).collect();
        (files.len() == count).then(|| files.last().map(|shown| (*shown).clone())).flatten()
    })
}

/// Says something and returns what the bot answers below it.
fn told(server: &TelegramServer, chat: i64, person: i64, text: &str) -> String {
    let asked = server.say(chat, person, text);
    let answer = |shown: &&Shown| shown.by_bot && shown.reply_to == Some(asked);
    server.wait_in(chat, text, |shown| shown.iter().find(answer).map(|shown| shown.text.clone()))
}

/// Returns what lies in the ledger's spool.
fn spooled(home: &Home) -> usize {
    let place = home.place();
    let spools = std::fs::read_dir(&place).unwrap().map(|entry| entry.unwrap().path());
    let spools = spools.filter(|path| path.extension().is_some_and(|ending| ending == "spool"));
    spools.map(|spool| std::fs::read_dir(spool).unwrap().count()).sum()
}

#[test]
fn telegram_a_file_or_folder_of_the_project_is_sent_to_who_asks_for_it() {
    let server = server();
    let agents = with_files(&server, "enabled = true");
    let daemon = Daemon::start(&agents.home);
    server.say(ADA, ADA, "/file get docs/notes.txt");
    let sent = file(&server, ADA, 1);
    let document = sent.file.unwrap();
    assert_eq!((document.name.as_str(), &*document.bytes), ("notes.txt", &b"notes"[..]));
    assert_eq!((sent.text.as_str(), sent.reply_to, sent.silent), ("", None, false));
    server.say(ADA, ADA, "/file get /app docs");
    let document = file(&server, ADA, 2).file.unwrap();
    let archived = String::from_utf8_lossy(&document.bytes).into_owned();
    assert_eq!((document.name.as_str(), &document.bytes[..2]), ("docs.zip", &b"PK"[..]));
    assert!(archived.contains("docs/notes.txt") && !archived.contains(".env"), "{archived}");
    for (text, answer) in [
        ("/file get", "usage: /file get <path>"),
        ("/file get nobody/made/this", "file does not exist."),
        ("/file get docs/.ENV", "path denied by rule: .env"),
        ("/file get way_out", "download path escapes the repo root."),
        ("/file get ../outside.txt", "invalid download path."),
        ("/file get .git/config", "invalid download path."),
    ] {
        let told = told(&server, ADA, ADA, text);
        assert!(told.starts_with(answer), "{text}: {told}");
    }
    assert_eq!(server.shown(ADA).iter().filter(is_file).count(), 2);
    wait_for("an empty spool", || (spooled(&agents.home) == 0).then_some(()));
    daemon.stop();
}

#[test]
fn telegram_files_are_sent_only_where_they_are_switched_on_and_to_those_who_may_have_them() {
    let server = server();
    server.supergroup(GROUP, "team");
    server.user(BEN, "Ben", "ben");
    server.role(GROUP, ADA, Role::Owner);
    server.role(GROUP, BEN, Role::Member);
    let agents = with_files(&server, "enabled = true");
    let config = std::fs::read_to_string(agents.home.place().join("takopi.toml")).unwrap();
    let in_group = |text: &str| text.replace(&format!("chat_id = {ADA}"), &format!("chat_id = {GROUP}"));
    let ask = |person: i64| told(&server, GROUP, person, "/file get nothing");
    let cases = [
        ("enabled = true", BEN, "file transfer is restricted to group admins."),
        ("enabled = true", ADA, "file does not exist."),
        ("enabled = true\nallowed_user_ids = [8]", ADA, "file transfer is not allowed for this user."),
        ("enabled = true\nallowed_user_ids = [8]", BEN, "file does not exist."),
        ("enabled = false", ADA, "file transfer disabled; enable [transports.telegram.files]."),
    ];
    for (files, person, answer) in cases {
        agents.home.configure(&in_group(&config.replace("enabled = true", files)));
        let daemon = Daemon::start(&agents.home);
        let told = ask(person);
        assert!(told.starts_with(answer), "{files}, {person}: {told}");
        daemon.stop();
    }
}

#[test]
fn telegram_files_that_an_answer_names_are_sent_by_buttons_also_after_a_restart() {
    let server = server();
    let agents = with_files(&server, "enabled = true");
    let daemon = Daemon::start(&agents.home);
    let names = "[n](docs/notes.txt), ![p](none.png), [e](.env), [w](way_out), [d](docs)";
    server.say(ADA, ADA, &format!("[[say see {names}]]"));
    let answer = said(&server, "see n");
    assert_eq!(answer.labels(), ["📎 notes.txt"]);
    assert_eq!(server.shown(ADA).iter().filter(is_file).count(), 0, "nothing is sent unasked");
    let pressed = server.press(ADA, answer.id, ADA, "📎 notes.txt");
    let sent = file(&server, ADA, 1);
    assert_eq!((&*sent.file.unwrap().bytes, sent.reply_to), (&b"notes"[..], Some(answer.id)));
    server.wait_for("the answer to the press", |log| {
        log.of("answerCallbackQuery").find(|call| call.ended.is_some()).map(drop)
    });
    assert_eq!(server.answers(&pressed)[0].text, "looking for the file");
    // What is not yet on record as sent would be sent once more by the next daemon.
    wait_for("an empty spool", || (spooled(&agents.home) == 0).then_some(()));
    daemon.kill();

    std::fs::write(project(&agents.home).join("docs/notes.txt"), "later").unwrap();
    let daemon = Daemon::start(&agents.home);
    server.press(ADA, answer.id, ADA, "📎 notes.txt");
    assert_eq!(&*file(&server, ADA, 2).file.unwrap().bytes, b"later");
    std::fs::remove_file(project(&agents.home).join("docs/notes.txt")).unwrap();
    server.press(ADA, answer.id, ADA, "📎 notes.txt");
    assert_eq!(said(&server, "file does not exist.").reply_to, Some(answer.id));
    daemon.stop();
}

#[test]
fn telegram_a_file_whose_fate_is_unknown_is_sent_again_and_one_that_is_refused_is_told() {
    let server = server();
    let agents = with_files(&server, "enabled = true");
    let daemon = Daemon::start(&agents.home);
    server.inject(Injection::of("sendDocument", Fault::ResetBefore));
    server.say(ADA, ADA, "/file get docs/notes.txt");
    assert_eq!(&*file(&server, ADA, 1).file.unwrap().bytes, b"notes");
    server.inject(Injection::of("sendDocument", Fault::Refuse(413, "Request Entity Too Large".to_owned())));
    server.say(ADA, ADA, "/file get docs/notes.txt");
    let told = said(&server, "failed to send file. notes.txt");
    assert!(told.text.contains("Request Entity Too Large"), "{}", told.text);
    daemon.stop();
}

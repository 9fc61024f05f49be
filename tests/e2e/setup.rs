//! Setting a bot up from the command line: the ids of a chat, and everything at once.

use std::os::unix::fs::PermissionsExt as _;

use rustix::process::Signal;
use takopi_fake::telegram::{Fault, Injection, TOKEN, TelegramServer};

use crate::house::{Daemon, Home};
use crate::program::Program;
use crate::telegram::{ADA, home, said, server};

/// Returns a home with the token in a file, and a `codex` that is installed but never started.
fn bare() -> Home {
    let home = Home::new();
    std::fs::write(home.work().join("token"), format!("{TOKEN}\n")).unwrap();
    let codex = home.programs().join("codex");
    std::fs::write(&codex, "#!/bin/sh\n").unwrap();
    std::fs::set_permissions(&codex, std::fs::Permissions::from_mode(0o755)).unwrap();
    home
}

fn onboard(home: &Home, server: &TelegramServer) -> Program {
    let url = server.url();
    let arguments = ["onboard", "--bot-token-file", "token", "--api-url", &url, "--yes"];
    Program::start(&mut home.takopi(&arguments))
}

/// Returns the code that is to be sent.
fn code(program: &mut Program) -> String {
    program.says("    /start ").trim().to_owned()
}

#[test]
fn setup_onboard_takes_the_chat_and_the_person_that_send_the_code_and_the_daemon_then_answers_them() {
    let server = server();
    server.private(8);
    let home = bare();
    let mut program = onboard(&home, &server);
    let code = code(&mut program);
    server.say(8, 8, "let me in");
    server.say(8, 8, "/start 123456789012");
    server.say(ADA, ADA, &code);
    let ended = program.wait();
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stdout.contains("engines found: codex"), "{}", ended.stdout);
    assert!(!ended.stdout.contains(TOKEN) && !ended.stderr.contains(TOKEN));
    said(&server, "takopi can write here");

    let file = home.place().join("takopi.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    for line in ["default_engine = \"codex\"", "chat_id = 7", "allowed_user_ids = [7]", "[transports.local]"]
    {
        assert!(text.lines().any(|written| written == line), "{line}: {text}");
    }
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(home.run(&["config", "check"]).code, 0);
    let daemon = Daemon::start(&home);
    said(&server, "takopi is ready");
    server.say(ADA, ADA, "/help");
    said(&server, "/cancel");
    let shown = server.shown(ADA);
    assert!(!shown.iter().any(|shown| shown.by_bot && shown.text.contains("12345")), "the code is no prompt");
    daemon.stop();
}

#[test]
fn setup_onboard_that_is_left_or_fails_writes_nothing() {
    let server = server();
    let home = bare();
    let mut program = onboard(&home, &server);
    code(&mut program);
    program.signal(Signal::INT);
    let left = program.wait();
    assert_eq!(left.code, 130, "{}", left.stderr);

    let url = server.url();
    let unasked = home.run(&["onboard", "--bot-token-file", "token", "--api-url", &url]);
    assert_eq!(unasked.code, 1);
    assert!(unasked.stderr.contains("--yes"), "{}", unasked.stderr);

    let mut program = onboard(&home, &server);
    let code = code(&mut program);
    server.inject(Injection::of("sendMessage", Fault::Refuse(403, "Forbidden: bot was blocked".to_owned())));
    server.say(ADA, ADA, &code);
    let silenced = program.wait();
    assert_eq!(silenced.code, 1);
    assert!(silenced.stderr.contains("bot was blocked"), "{}", silenced.stderr);

    server.inject(Injection::of("getMe", Fault::Refuse(401, "Unauthorized".to_owned())));
    let unknown = onboard(&home, &server).wait();
    assert_eq!(unknown.code, 1);
    assert!(unknown.stderr.contains("does not know this bot token"), "{}", unknown.stderr);
    assert!(!home.place().exists(), "nothing is written");
}

#[test]
fn setup_chat_id_prints_where_a_message_comes_from_and_leaves_the_message() {
    let server = server();
    server.supergroup(-100, "team");
    let home = home(&server, "");
    let mut program = Program::start(&mut home.takopi(&["chat-id"]));
    program.remarks("write something to @takopi_test_bot");
    server.say(-100, ADA, "echo hello");
    let ended = program.wait();
    assert_eq!(
        (ended.code, ended.stdout.as_str()),
        (0, "chat_id = -100\ntype = supergroup\ntitle = team\nuser_id = 7\n"),
        "{}",
        ended.stderr
    );
    let again = home.run(&["chat-id"]);
    assert_eq!(again.stdout, ended.stdout, "the message is still there");
}

#[test]
fn setup_chat_id_is_refused_while_somebody_receives_and_ends_with_ctrl_c() {
    let server = server();
    let home = home(&server, "");
    let daemon = Daemon::start(&home);
    let refused = home.run(&["chat-id"]);
    assert_eq!((refused.code, refused.stdout.as_str()), (1, ""));
    assert!(refused.stderr.contains(&format!("`kill {}`", daemon.pid())), "{}", refused.stderr);
    daemon.stop();
    let mut program = Program::start(&mut home.takopi(&["chat-id"]));
    program.remarks("write something");
    program.signal(Signal::INT);
    let ended = program.wait();
    assert_eq!((ended.code, ended.stdout.as_str()), (130, ""));
}

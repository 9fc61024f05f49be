//! A Telegram with two private chats, to try the daemon against by hand: `cargo run -p takopi-fake --example telegram`.
//!
//! A line that begins with `say` is said to the bot, `stranger TEXT` by somebody else in their own chat with it, `press LABEL`
//! presses a button of the newest message that has it, and every change of the chats is printed. The end of input ends it.

#![expect(clippy::print_stdout, reason = "a console program talks on the console")]

use std::io;
use std::thread;

use takopi_fake::telegram::{Shown, TOKEN, TelegramServer};

const PERSON: i64 = 1001;

const STRANGER: i64 = 1002;

fn main() -> io::Result<()> {
    let server = TelegramServer::start()?.patient_for(std::time::Duration::MAX);
    server.private(PERSON);
    server.private(STRANGER);
    println!("[transports.telegram]\napi_url = \"{}\"\nbot_token = \"{TOKEN}\"", server.url());
    println!(
        "chat_id = {PERSON}\n\nType `say TEXT`, `stranger TEXT` or `press LABEL`; the end of input ends it."
    );
    thread::scope(|scope| {
        scope.spawn(|| watch(&server, PERSON));
        scope.spawn(|| watch(&server, STRANGER));
        for line in io::stdin().lines() {
            let line = line?;
            match line.split_once(' ') {
                Some(("say", text)) => drop(server.say(PERSON, PERSON, text)),
                Some(("stranger", text)) => drop(server.say(STRANGER, STRANGER, text)),
                Some(("press", label)) => press(&server, label),
                _ => println!("type `say TEXT`, `stranger TEXT` or `press LABEL`"),
            }
        }
        std::process::exit(0)
    })
}

fn press(server: &TelegramServer, label: &str) {
    let shown = server.shown(PERSON);
    match shown.iter().rev().find(|shown| shown.labels().contains(&label)) {
        Some(shown) => drop(server.press(PERSON, shown.id, PERSON, label)),
        None => println!("there is no such button"),
    }
}

/// Prints each message of the bot whenever it says something new.
fn watch(server: &TelegramServer, chat: i64) {
    let mut printed: Vec<String> = Vec::new();
    loop {
        let lines = server.wait_in(chat, "news", |shown| {
            let lines: Vec<_> = shown.iter().filter(|shown| shown.by_bot).map(line).collect();
            (lines != printed).then_some(lines)
        });
        for line in lines.iter().filter(|line| !printed.contains(line)) {
            println!("{chat} {line}");
        }
        printed = lines;
    }
}

fn line(shown: &Shown) -> String {
    let buttons: String = shown.labels().into_iter().map(|label| format!(" [{label}]")).collect();
    format!("#{} (edit {}) {}{buttons}", shown.id, shown.edits, shown.text)
}

//! A Discord with one server, to try the daemon against by hand: `cargo run -p takopi-fake --example discord`.
//!
//! Alice says `say TEXT` in #general (`@takopi` mentions the bot), `in NAME TEXT` in another channel or thread, uses a
//! command by `run NAME [OPTION=VALUE …]` and clicks by `click LABEL` on the newest message that has such a button. Every
//! change is printed. The end of input ends it.

#![expect(clippy::print_stdout, reason = "a console program talks on the console")]

use std::io;
use std::thread;
use std::time::Duration;

use takopi_fake::discord::{DiscordServer, Options, Person, Shown};

const HELP: &str = "type `say TEXT`, `in NAME TEXT`, `run NAME [OPTION=VALUE …]` or `click LABEL`";

fn main() -> io::Result<()> {
    let server = DiscordServer::begin()?.patient_for(Duration::MAX);
    let (url, token) = (server.url(), server.token());
    println!(
        "[transports.discord]\napi_url = \"{url}\"\nbot_token = \"{token}\"\n\n{HELP}; the end of input ends it."
    );
    thread::scope(|scope| {
        scope.spawn(|| watch(&server));
        for line in io::stdin().lines() {
            let line = line?;
            let alice = server.person("alice");
            match line.split_once(' ') {
                Some(("say", text)) => drop(alice.says("general", text)),
                Some(("in", rest)) => say_in(&server, alice, rest),
                Some(("run", rest)) => run(&server, alice, rest),
                Some(("click", label)) => click(&server, alice, label),
                _ => println!("{HELP}"),
            }
        }
        std::process::exit(0)
    })
}

fn say_in(server: &DiscordServer, alice: Person<'_>, rest: &str) {
    let place =
        rest.split_once(' ').filter(|(name, _)| places(server).iter().any(|(_, known)| known == name));
    match place {
        Some((name, text)) => drop(alice.says(name, text)),
        None => println!("there is no such channel; the name is one word"),
    }
}

fn run(server: &DiscordServer, alice: Person<'_>, rest: &str) {
    let mut words = rest.split(' ');
    let name = words.next().unwrap_or_default();
    let known = server.commands(Some(server.guild("Takopi Test")));
    if !known.iter().any(|command| command["name"] == name) {
        println!("there is no such command");
        return;
    }
    let pairs = words.filter_map(|word| word.split_once('='));
    let options = pairs.fold(Options::new(), |options, (name, value)| options.with(name, value));
    let seen = alice.uses("general", name, options);
    println!("{:?} after {:?}: {}", seen.ack, seen.took, seen.text());
}

fn click(server: &DiscordServer, alice: Person<'_>, label: &str) {
    let all = places(server).into_iter().flat_map(|(id, _)| server.shown(id));
    let newest = all.filter(|shown| shown.labels().contains(&label)).max_by_key(|shown| shown.id);
    match newest {
        Some(shown) => println!("{:?}", alice.clicks(shown.id, label).ack),
        None => println!("there is no such button"),
    }
}

/// Returns the places where the bot may speak: their ids and names.
fn places(server: &DiscordServer) -> Vec<(u64, String)> {
    let channels = ["general", "random", "z80"].map(|name| (server.channel(name), name.to_owned()));
    let threads = server.threads().into_iter().map(|thread| (thread.id, thread.name));
    channels.into_iter().chain(threads).collect()
}

/// Prints each message of the bot whenever it says something new.
fn watch(server: &DiscordServer) {
    let mut printed: Vec<String> = Vec::new();
    let mut calls = 0;
    loop {
        let lines: Vec<String> = places(server)
            .into_iter()
            .flat_map(|(id, name)| server.shown(id).into_iter().map(move |shown| (name.clone(), shown)))
            .filter(|(_, shown)| shown.by_bot && !shown.service)
            .map(|(name, shown)| line(&name, &shown))
            .collect();
        for line in lines.iter().filter(|line| !printed.contains(line)) {
            println!("{line}");
        }
        printed = lines;
        calls = server.wait_for("a call", |log| {
            let ended = log.calls.iter().filter(|call| call.ended.is_some()).count();
            (ended > calls).then_some(ended)
        });
    }
}

fn line(place: &str, shown: &Shown) -> String {
    let buttons: String = shown.labels().into_iter().map(|label| format!(" [{label}]")).collect();
    let only = shown.only_for.as_ref().map(|name| format!(" (only {name} sees it)")).unwrap_or_default();
    format!("#{place} (edit {}){only} {}{buttons}", shown.edits, shown.text)
}

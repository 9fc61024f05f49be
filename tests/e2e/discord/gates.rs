//! Who is served on Discord, by what they do: messages, commands and buttons.

use takopi_fake::discord::{DiscordServer, Options, permission};

use crate::agents::Agents;
use crate::discord::{agents, by_bot, config, home, listed, said, server, thread_on, with_button};
use crate::house::{Daemon, Home};

#[test]
fn discord_strangers_are_refused_for_their_eyes_alone_whatever_they_try() {
    let server = server();
    let agents = agents(&server, "");
    let gate = agents.gate("hold");
    let daemon = Daemon::start(&agents.home);
    listed(&server);
    let (alice, mallory) = (server.person("alice"), server.person("mallory"));
    let asked = alice.says("general", "@takopi [[wait hold]] mine");
    let progress = with_button(&server, thread_on(&server, asked).id, "cancel");
    let standing = gate.reached();
    mallory.says(asked, "go on");
    let seen = [
        mallory.clicks(progress.id, "cancel"),
        mallory.uses("general", "status", Options::new()),
        mallory.uses("general", "codex", Options::new().with("prompt", "stranger")),
        mallory.uses("general", "ask", Options::new()),
        mallory.uses_on(asked, "Run this message"),
    ];
    for seen in seen {
        let told = server.wait_seen(seen.id, "a refusal", |seen| {
            seen.answers.iter().any(|shown| shown.only_for.as_deref() == Some("mallory"))
        });
        assert!(told.text().contains("serve") && told.modal.is_none(), "{told:?}");
    }
    drop(standing);
    said(&server, asked, "ok: mine (turn 1)");
    assert_eq!((agents.log("turn").len(), server.threads().len()), (1, 1));
    daemon.stop();
}

#[test]
fn discord_without_a_rule_only_who_manages_the_server_is_served_and_others_are_told_once() {
    let server = server();
    let home = Home::with_config(&config(&server, "shell", ""));
    let daemon = Daemon::start(&home);
    server.wait_ready();
    server.person("bob").says("general", "@takopi echo bobs >> ran");
    said(&server, "general", "members who may manage this server");
    server.person("bob").says("general", "@takopi echo again >> ran");
    let asked = server.person("alice").says("general", "@takopi echo mine");
    said(&server, thread_on(&server, asked).id, "mine");
    server.grant("bob", "admin", true);
    let asked = server.person("bob").says("general", "@takopi echo promoted");
    said(&server, thread_on(&server, asked).id, "promoted");
    assert!(home.lines("ran").is_empty());
    assert_eq!((by_bot(&server, "general").len(), server.threads().len()), (1, 2));
    daemon.stop();
}

#[test]
fn discord_a_role_lets_in_and_only_managers_change_what_holds_for_everybody() {
    let server = server();
    let role = server.role("crew", 0);
    let config = config(&server, "codex", &format!("allowed_role_ids = ['{role}']\n"));
    let agents = Agents::with(&["codex"], &format!("{config}[projects.app]\npath = '.'\n"));
    let daemon = Daemon::start(&agents.home);
    listed(&server);
    server.grant("bob", "crew", true);
    let bob = server.person("bob");
    let asked = bob.says("general", "@takopi one");
    said(&server, thread_on(&server, asked).id, "ok: one (turn 1)");
    bob.says("general", "/bind app");
    said(&server, "general", "project of a chat");
    bob.says("general", "/trigger all");
    said(&server, "general", "trigger mode");
    server.grant("alice", "crew", true);
    server.person("alice").says("general", "/bind app");
    said(&server, "general", "chat bound to `app`");
    server.grant("bob", "crew", false);
    bob.says(asked, "two");
    let alice = server.person("alice").says("general", "@takopi three");
    said(&server, thread_on(&server, alice).id, "ok: three (turn 1)");
    assert_eq!(agents.log("turn").len(), 2);
    // One whom Discord itself would let use it is refused here all the same.
    server.role("helper", permission::MANAGE_GUILD);
    server.grant("mallory", "helper", true);
    let seen = server.person("mallory").uses("general", "bind", Options::new().with("project", "app"));
    let told = server.wait_seen(seen.id, "a refusal", |seen| !seen.text().is_empty());
    assert!(told.ephemeral && told.text().contains("serve"), "{told:?}");
    daemon.stop();
}

#[test]
fn discord_direct_messages_are_closed_until_the_table_opens_them() {
    let server = server();
    let closed = home(&server, "");
    let dm = server.dm("alice");
    let daemon = Daemon::start(&closed);
    server.wait_ready();
    let alice = server.person("alice");
    alice.says(dm, "echo secretly >> ran");
    let asked = alice.says("general", "@takopi echo openly");
    said(&server, thread_on(&server, asked).id, "openly");
    assert!(closed.lines("ran").is_empty());
    assert!(by_bot(&server, dm).is_empty());
    daemon.stop();
    let open = home(&server, "allow_dm = true\n");
    let daemon = Daemon::start(&open);
    server.wait_ready();
    let asked = alice.says(dm, "echo by direct message");
    let answer = server.wait_in(dm, "an answer", |shown| {
        shown.iter().find(|one| one.by_bot && one.text.contains("done") && one.deleted.is_none()).cloned()
    });
    assert_eq!(answer.reply_to, Some(asked));
    let mallorys = server.dm("mallory");
    server.person("mallory").says(mallorys, "echo mallory >> ran");
    alice.says(dm, "echo after");
    said(&server, dm, "after");
    assert!(open.lines("ran").is_empty() && by_bot(&server, mallorys).is_empty());
    daemon.stop();
}

#[test]
fn discord_what_was_for_nobody_stays_so_when_its_author_is_let_in_by_the_next_start() {
    let server = server();
    let home = home(&server, "");
    let daemon = Daemon::start(&home);
    server.wait_ready();
    server.person("mallory").says("general", "@takopi echo before >> ran");
    let asked = server.person("alice").says("general", "@takopi echo mine");
    said(&server, thread_on(&server, asked).id, "mine");
    server.person("mallory").says("general", "@takopi echo after >> ran");
    alice_is_heard(&server, asked, "echo still here");
    daemon.stop();
    home.configure(&config(&server, "shell", "allow_everyone = true\n"));
    let daemon = Daemon::start(&home);
    server.wait_ready();
    let asked = server.person("mallory").says("general", "@takopi echo let in >> ran; echo let in");
    said(&server, thread_on(&server, asked).id, "let in");
    assert_eq!(home.lines("ran"), ["let in"]);
    daemon.stop();
}

fn alice_is_heard(server: &DiscordServer, thread: u64, text: &str) {
    server.person("alice").says(thread, text);
    said(server, thread, text.trim_start_matches("echo "));
}

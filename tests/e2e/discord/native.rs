//! Discord's own controls: commands, forms, the menu of a message, and what is offered while somebody types.

use takopi_fake::discord::{Ack, Asked, DiscordServer, Options, Seen};

use crate::discord::{agents, by_bot, home, listed, said, server, thread_on};
use crate::house::Daemon;
use crate::projects::{make_project, project};

/// Waits until an interaction is answered with this.
#[track_caller]
fn answered(server: &DiscordServer, seen: &Seen, text: &str) -> Seen {
    server.wait_seen(seen.id, text, |seen| seen.text().contains(text))
}

/// Returns what is offered for an option of a command in which this much is typed.
#[track_caller]
fn offered(server: &DiscordServer, command: &str, option: &str, typed: Options) -> Vec<String> {
    let seen = server.person("alice").types("general", command, typed, option);
    assert_eq!(seen.ack, Some(Ack::Choices), "{seen:?}");
    seen.choices.into_iter().map(|(name, _)| name).collect()
}

#[test]
fn discord_a_command_is_answered_where_it_was_given_and_opens_no_thread() {
    let server = server();
    let home = home(&server, "");
    let daemon = Daemon::start(&home);
    listed(&server);
    let alice = server.person("alice");
    alice.says("general", "/status");
    said(&server, "general", "nothing is running here");
    let seen = alice.uses("random", "status", Options::new());
    let seen = answered(&server, &seen, "nothing is running here");
    assert!(seen.ephemeral && !seen.failed, "{seen:?}");
    assert!(by_bot(&server, "random").iter().all(|shown| shown.only_for.as_deref() == Some("alice")));
    assert_eq!(server.threads(), []);
    daemon.stop();
}

#[test]
fn discord_an_engine_is_a_command_whose_prompt_is_quoted_above_its_thread() {
    let server = server();
    let agents = agents(&server, "");
    let daemon = Daemon::start(&agents.home);
    listed(&server);
    let alice = server.person("alice");
    let long = format!("tell @everyone {}", "words ".repeat(900));
    let seen = alice.uses("general", "claude", Options::new().with("prompt", long.trim()));
    assert_eq!((seen.ack, seen.ephemeral), (Some(Ack::Deferred), false));
    let filled = answered(&server, &seen, "> tell @everyone words").message.unwrap();
    assert!(filled.text.starts_with("**alice** asks:\n> tell @everyone words"), "{}", filled.text);
    assert!(filled.text.chars().count() <= 2000);
    let thread = thread_on(&server, filled.id);
    let answer = said(&server, thread.id, "(turn 1)");
    assert!(answer.text.contains("claude"), "{}", answer.text);
    let pings: Vec<u64> = server.pings().iter().map(|ping| ping.channel).collect();
    assert_eq!(pings, [thread.id], "a long answer pings, too");
    alice.says(thread.id, "/claude more");
    let more = said(&server, thread.id, "ok: more (turn 2)");
    assert!(more.text.contains("claude"), "{}", more.text);
    assert!(
        server.pings().iter().all(|ping| !ping.everyone && ping.users == ["alice"]),
        "{:?}",
        server.pings()
    );
    daemon.stop();
}

#[test]
fn discord_inside_a_thread_an_engine_command_goes_on_there() {
    let server = server();
    let agents = agents(&server, "");
    let daemon = Daemon::start(&agents.home);
    listed(&server);
    let alice = server.person("alice");
    let thread = alice.says("general", "@takopi one");
    said(&server, thread_on(&server, thread).id, "ok: one (turn 1)");
    let seen = alice.uses(thread, "codex", Options::new().with("prompt", "two"));
    answered(&server, &seen, "> two");
    said(&server, thread, "ok: two (turn 2)");
    assert_eq!(server.threads().len(), 1);
    daemon.stop();
}

#[test]
fn discord_ask_without_a_text_opens_a_form_whose_text_runs() {
    let server = server();
    let agents = agents(&server, "");
    let daemon = Daemon::start(&agents.home);
    listed(&server);
    let alice = server.person("alice");
    let seen = alice.uses("general", "ask", Options::new().with("engine", "claude"));
    assert_eq!(seen.ack, Some(Ack::Modal), "{seen:?}");
    let field = seen.modal.as_ref().unwrap().fields[0].clone();
    assert!(field.paragraph && field.required, "{field:?}");
    let sent = alice.submits(&seen, &[(field.id.as_str(), "first line\nsecond line")]);
    let filled = answered(&server, &sent, "> second line").message.unwrap();
    let answer = said(&server, thread_on(&server, filled.id).id, "second line (turn 1)");
    assert!(answer.text.contains("claude"), "{}", answer.text);
    daemon.stop();
}

#[test]
fn discord_what_somebody_else_wrote_runs_by_the_menu_of_its_message() {
    let server = server();
    let agents = agents(&server, "");
    let daemon = Daemon::start(&agents.home);
    listed(&server);
    let written = server.person("bob").says("general", "@takopi count the apples");
    let seen = server.person("alice").uses_on(written, "Run this message");
    let filled = answered(&server, &seen, "> count the apples").message.unwrap();
    said(&server, thread_on(&server, filled.id).id, "ok: count the apples (turn 1)");
    assert!(server.pings().iter().all(|ping| ping.users == ["alice"]), "{:?}", server.pings());
    daemon.stop();
}

#[test]
fn discord_projects_engines_and_branches_are_offered_while_somebody_types() {
    let server = server();
    let agents = agents(&server, "");
    make_project(&agents.home);
    let added = format!("\n[projects.app]\npath = {:?}\n", project(&agents.home));
    let config = std::fs::read_to_string(agents.home.place().join("takopi.toml")).unwrap();
    agents.home.configure(&(config + &added));
    let daemon = Daemon::start(&agents.home);
    listed(&server);
    let typed = |option: &str, text: &str| Options::new().with(option, text);
    assert_eq!(offered(&server, "ask", "project", typed("project", "a")), ["app"]);
    assert_eq!(offered(&server, "bind", "project", typed("project", "")), ["app"]);
    assert_eq!(offered(&server, "ask", "engine", typed("engine", "cl")), ["claude"]);
    let branch = typed("project", "app").with("branch", "dev");
    assert_eq!(offered(&server, "ask", "branch", branch), ["develop"]);
    let stranger = server.person("mallory").types("general", "ask", typed("project", "a"), "project");
    assert_eq!((stranger.ack, stranger.choices.len()), (Some(Ack::Choices), 0));
    daemon.stop();
}

#[test]
fn discord_commands_are_registered_once_and_not_again_by_the_next_start() {
    let server = server();
    let home = home(&server, "");
    let writes = |server: &DiscordServer| -> Vec<String> {
        let calls = server.calls().into_iter();
        let writes = calls.filter(|call| call.method != "GET" && call.template.ends_with("/commands"));
        writes.map(|call| call.path).collect()
    };
    let daemon = Daemon::start(&home);
    listed(&server);
    server.person("alice").says("general", "@takopi echo one");
    said(&server, thread_on(&server, server.shown("general")[0].id).id, "one");
    daemon.stop();
    let first = writes(&server);
    let at_home = first.iter().filter(|path| path.contains(&server.guild("Takopi Test").to_string()));
    assert_eq!(at_home.count(), 1, "{first:?}");
    let daemon = Daemon::start(&home);
    let asked = server.person("alice").says("general", "@takopi echo two");
    said(&server, thread_on(&server, asked).id, "two");
    let seen = server.person("alice").uses("general", "status", Options::new());
    answered(&server, &seen, "nothing is running here");
    assert_eq!(writes(&server), first);
    daemon.stop();
}

#[test]
fn discord_an_interaction_that_comes_twice_is_done_once() {
    let server = server();
    let home = home(&server, "");
    let daemon = Daemon::start(&home);
    listed(&server);
    let alice = server.person("alice");
    let seen = alice.uses("general", "shell", Options::new().with("prompt", "echo x >> ran; echo once"));
    let filled = answered(&server, &seen, "> echo x").message.unwrap();
    said(&server, thread_on(&server, filled.id).id, "once");
    server.repeat_interaction(Asked { id: seen.id });
    alice.says(filled.id, "echo after");
    said(&server, filled.id, "after");
    assert_eq!(home.lines("ran"), ["x"]);
    daemon.stop();
}

#[test]
fn discord_a_session_of_the_channel_is_offered_and_goes_on_in_another_thread() {
    let server = server();
    let agents = agents(&server, "");
    let daemon = Daemon::start(&agents.home);
    listed(&server);
    let alice = server.person("alice");
    let asked = alice.says("general", "@takopi count the apples");
    said(&server, thread_on(&server, asked).id, "(turn 1)");
    let elsewhere = alice.says("random", "@takopi count the pears");
    said(&server, thread_on(&server, elsewhere).id, "(turn 1)");
    let seen = alice.types("general", "ask", Options::new().with("session", ""), "session");
    let [(shown, session)] = seen.choices.as_slice() else { panic!("{:?}", seen.choices) };
    assert!(shown.starts_with("codex · count the apples · "), "{shown}");
    let options = Options::new().with("session", session.as_str()).with("prompt", "and the plums");
    let filled =
        answered(&server, &alice.uses("general", "ask", options), "> and the plums").message.unwrap();
    assert_ne!(filled.id, asked);
    said(&server, thread_on(&server, filled.id).id, "and the plums (turn 2)");
    let odd =
        alice.uses("general", "ask", Options::new().with("session", "nobody's one").with("prompt", "x"));
    answered(&server, &odd, "that is no session");
    daemon.stop();
}

//! Channels, threads and forums on Discord: what is set for them, and where their runs work.

use takopi_fake::discord::{Attachment, DiscordServer, Options};

use crate::agents::Agents;
use crate::discord::{agents, by_bot, listed, said, server, thread_on};
use crate::house::Daemon;
use crate::projects::{make_project, project};

/// Returns a home with the project app, a repository.
fn with_project(server: &DiscordServer, more: &str) -> Agents {
    let agents = agents(server, more);
    make_project(&agents.home);
    let config = std::fs::read_to_string(agents.home.place().join("takopi.toml")).unwrap();
    agents.home.configure(&format!("{config}\n[projects.app]\npath = {:?}\n", project(&agents.home)));
    agents
}

#[test]
fn discord_bind_gives_a_channel_its_project_and_unbind_takes_it() {
    let server = server();
    let agents = with_project(&server, "");
    let daemon = Daemon::start(&agents.home);
    listed(&server);
    let alice = server.person("alice");
    let seen = alice.uses("general", "bind", Options::new().with("project", "app").with("engine", "claude"));
    server.wait_seen(seen.id, "that it is bound", |seen| seen.text().contains("chat bound to `app`"));
    let asked = alice.says("general", "@takopi [[where]]");
    let answer = said(&server, thread_on(&server, asked).id, project(&agents.home).to_str().unwrap());
    assert!(answer.text.contains("claude"), "{}", answer.text);
    let seen = alice.uses("general", "unbind", Options::new());
    server.wait_seen(seen.id, "that it is unbound", |seen| seen.text().contains("chat unbound"));
    let asked = alice.says("general", "@takopi [[where]]");
    let answer = said(&server, thread_on(&server, asked).id, agents.home.work().to_str().unwrap());
    assert!(!answer.text.contains("/app") && answer.text.contains("codex"), "{}", answer.text);
    daemon.stop();
}

#[test]
fn discord_a_trigger_holds_for_its_channel_or_for_its_thread() {
    let server = server();
    let agents = agents(&server, "");
    let daemon = Daemon::start(&agents.home);
    server.wait_ready();
    let alice = server.person("alice");
    alice.says("random", "not for the bot");
    alice.says("random", "/trigger all");
    said(&server, "random", "trigger mode set to `all`");
    let plain = alice.says("random", "for the bot");
    let thread = thread_on(&server, plain).id;
    said(&server, thread, "ok: for the bot (turn 1)");
    alice.says(thread, "/trigger mentions");
    said(&server, thread, "trigger mode set to `mentions`");
    alice.says(thread, "among people");
    alice.says(thread, "@takopi meant");
    said(&server, thread, "ok: meant (turn 2)");
    alice.says("random", "/trigger clear");
    said(&server, "random", "trigger mode reset");
    alice.says("random", "not for the bot again");
    let last = alice.says("random", "@takopi last");
    said(&server, thread_on(&server, last).id, "ok: last (turn 1)");
    let mut on: Vec<u64> = server.threads().iter().map(|thread| thread.id).collect();
    on.sort_unstable();
    assert_eq!((on, agents.log("turn").len()), (vec![plain, last], 3));
    daemon.stop();
}

#[test]
fn discord_a_post_in_a_forum_is_a_session() {
    let server = server();
    let agents = agents(&server, "");
    let daemon = Daemon::start(&agents.home);
    server.wait_ready();
    let alice = server.person("alice");
    let post = alice.posts("forum", "a bug", "@takopi what is wrong?");
    said(&server, post, "ok: what is wrong? (turn 1)");
    alice.says(post, "@takopi and now?");
    said(&server, post, "ok: and now? (turn 2)");
    assert_eq!(server.threads().len(), 1);
    daemon.stop();
}

#[test]
fn discord_every_thread_of_a_project_has_a_worktree_of_its_own_where_that_is_wished() {
    let server = server();
    let agents = with_project(&server, "auto_worktree = true\n");
    let daemon = Daemon::start(&agents.home);
    server.wait_ready();
    let alice = server.person("alice");
    alice.says("general", "/bind app");
    said(&server, "general", "chat bound to `app`");
    let root = project(&agents.home).join(".worktrees");
    let places = ["fix the login", "paint the door"].map(|what| {
        let asked = alice.says("general", &format!("@takopi {what} [[where]]"));
        let thread = thread_on(&server, asked).id;
        let first = said(&server, thread, root.to_str().unwrap());
        let place =
            first.text.lines().find(|line| line.starts_with(root.to_str().unwrap())).unwrap().to_owned();
        let again = alice.says(thread, "once more [[where]]");
        let is_answer =
            |one: &&takopi_fake::discord::Shown| one.reply_to == Some(again) && one.text.contains("done");
        let second =
            server.wait_in(thread, "the second answer", |shown| shown.iter().find(is_answer).cloned());
        assert!(second.text.contains(&place), "{place}: {}", second.text);
        place
    });
    assert_ne!(places[0], places[1]);
    assert!(places[0].contains("fix-the-login"), "{places:?}");
    daemon.stop();
}

#[test]
fn discord_files_come_in_with_a_prompt_and_go_out_by_their_path() {
    let server = server();
    let agents = with_project(&server, "[transports.discord.files]\nenabled = true\n");
    let daemon = Daemon::start(&agents.home);
    listed(&server);
    let alice = server.person("alice");
    alice.says("general", "/bind app");
    said(&server, "general", "chat bound to `app`");
    let file = Attachment::new("notes.txt", b"what is to be done");
    let asked = alice.sends("general", "@takopi read it", None, &[file]);
    let answer = said(&server, thread_on(&server, asked).id, "(turn 1)");
    assert!(answer.text.contains("notes.txt") && answer.text.contains("read it"), "{}", answer.text);
    assert_eq!(
        std::fs::read(project(&agents.home).join("incoming/notes.txt")).unwrap(),
        b"what is to be done"
    );
    alice.says(asked, "/file get incoming/notes.txt");
    let sent = server.wait_in(asked, "the file", |shown| {
        shown.iter().find(|one| one.by_bot && !one.files.is_empty()).cloned()
    });
    assert_eq!(
        (sent.files[0].name.as_str(), &*sent.files[0].bytes),
        ("notes.txt", &b"what is to be done"[..])
    );
    assert!(by_bot(&server, "general").iter().all(|shown| shown.files.is_empty()));
    daemon.stop();
}

#[test]
fn discord_a_file_comes_in_and_goes_out_by_commands_whose_paths_are_offered() {
    let server = server();
    let agents =
        with_project(&server, "[transports.discord.files]\nenabled = true\nmax_download_bytes = 20000000\n");
    let daemon = Daemon::start(&agents.home);
    listed(&server);
    let (root, alice) = (project(&agents.home), server.person("alice"));
    std::fs::create_dir_all(root.join("docs")).unwrap();
    std::fs::write(root.join(".env"), "SECRET=1").unwrap();
    alice.says("general", "/bind app");
    said(&server, "general", "chat bound to `app`");
    let put = |text: &[u8]| Options::new().file("put file", Attachment::new("notes.txt", text));
    alice.uses("general", "file", put(b"first").with("put path", "docs/"));
    said(&server, "general", "saved `docs/notes.txt`");
    assert_eq!(std::fs::read(root.join("docs/notes.txt")).unwrap(), b"first");
    alice.uses("general", "file", put(b"second").with("put path", "docs/"));
    said(&server, "general", "file already exists");
    alice.uses("general", "file", put(b"the third").with("put path", "docs/").with("put force", true));
    said(&server, "general", "(9 b)");
    let offered = |typed: &str| -> Vec<String> {
        let typed = Options::new().with("get path", typed);
        let seen = alice.types("general", "file", typed, "get path");
        seen.choices.into_iter().map(|(name, _)| name).collect()
    };
    assert_eq!(offered("docs/no"), ["docs/notes.txt"]);
    assert!(offered("do").contains(&"docs/".to_owned()));
    for denied in [".e", ".git/", "../", "/etc/"] {
        assert_eq!(offered(denied), [""; 0], "{denied}");
    }
    let stranger =
        server.person("mallory").types("general", "file", Options::new().with("get path", ""), "get path");
    assert_eq!(stranger.choices, []);
    let seen = alice.uses("general", "file", Options::new().with("get path", "docs/notes.txt"));
    let sent = server.wait_seen(seen.id, "the file", |seen| {
        seen.message.as_ref().is_some_and(|shown| !shown.files.is_empty())
    });
    let sent = sent.message.unwrap();
    assert_eq!((sent.files[0].name.as_str(), &*sent.files[0].bytes), ("notes.txt", &b"the third"[..]));
    std::fs::File::create(root.join("large.bin")).unwrap().set_len(11 << 20).unwrap();
    alice.uses("general", "file", Options::new().with("get path", "large.bin"));
    said(&server, "general", "larger than the 10 mb");
    daemon.stop();
}

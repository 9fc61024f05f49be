//! Which agent works where: projects with an engine of their own, branches, and sessions that stay where they began.

use crate::agents::{Agents, ENGINES, resume_line};
use crate::house::Daemon;
use crate::projects::{make_project, project, worktree};

/// Returns a home with all agents, the project `app`, and these further settings before its table.
fn with_a_project(settings: &str, of_the_project: &str) -> Agents {
    let agents = Agents::all();
    make_project(&agents.home);
    let path = project(&agents.home);
    agents.home.configure(&format!("{settings}\n[projects.app]\npath = {path:?}\n{of_the_project}\n"));
    agents
}

/// Asks something, and returns which agent did it and where.
fn asked(agents: &Agents, message: &str) -> (String, String) {
    let heard = agents.ask(message);
    assert_eq!(heard.code, 0, "{message}: {heard:?}");
    let start = agents.last_start();
    (start["cli"].as_str().unwrap().to_owned(), start["cwd"].as_str().unwrap().to_owned())
}

#[test]
fn a_projects_own_engine_is_taken_in_it_unless_another_is_named() {
    let agents = with_a_project("default_engine = \"claude\"", "default_engine = \"opencode\"");
    let daemon = Daemon::start(&agents.home);
    let app = project(&agents.home).to_str().unwrap().to_owned();
    let here = agents.home.work().canonicalize().unwrap().to_str().unwrap().to_owned();
    for (message, engine, place) in [
        ("x", "claude", &here),
        ("/app x", "opencode", &app),
        ("/app /pi x", "pi", &app),
        ("/codex /app x", "codex", &app),
    ] {
        assert_eq!(asked(&agents, message), (engine.to_owned(), place.clone()), "{message}");
    }
    daemon.stop();
}

#[test]
fn a_session_of_a_branch_goes_on_in_its_worktree_whatever_the_message_says() {
    let agents = with_a_project("", "");
    let daemon = Daemon::start(&agents.home);
    let place = worktree(&agents.home, "feat/x");
    let place = place.to_str().unwrap();
    for engine in ENGINES {
        let first = agents.ask(&format!("/{engine} /app @feat/x [[where]]"));
        first.answered(place);
        let line = resume_line(engine, first.session());
        for message in [format!("again [[where]]\n{line}"), format!("/app @main again [[where]]\n{line}")] {
            agents.ask(&message).answered(place);
        }
        assert_eq!(agents.log("turn").pop().unwrap()["turn"], 3, "{engine}");
    }
    daemon.stop();
}

#[test]
fn a_branch_that_cannot_be_or_whose_place_is_taken_is_refused_and_nothing_runs() {
    let agents = with_a_project("", "");
    let taken = worktree(&agents.home, "taken");
    std::fs::create_dir_all(&taken).unwrap();
    std::fs::write(taken.join("notes.txt"), "mine").unwrap();
    std::fs::create_dir(worktree(&agents.home, "emptied")).unwrap();
    let daemon = Daemon::start(&agents.home);
    for branch in ["../evil", "/abs", "taken", "emptied", "bad..name"] {
        let refused = agents.home.run(&["chat", &format!("/codex /app @{branch} x")]);
        assert_eq!((refused.code, refused.stdout.as_str()), (1, ""), "{branch}");
        assert!(refused.stderr.contains(branch), "{branch}: {}", refused.stderr);
    }
    assert!(agents.log("start").is_empty());
    assert!(!agents.home.work().join("evil").exists());
    daemon.stop();
}

#[test]
fn a_projects_path_is_seen_from_the_settings_or_from_home_and_a_missing_one_is_told() {
    let agents = Agents::all();
    let settings = "[projects.rel]\npath = \"rel\"\n[projects.tilde]\npath = \"~/x\"\n\
        [projects.gone]\npath = \"/nowhere/at-all\"\n";
    agents.home.configure(settings);
    let places = [("rel", agents.home.place().join("rel")), ("tilde", agents.home.own().join("x"))];
    places.iter().for_each(|(_, place)| std::fs::create_dir(place).unwrap());
    let daemon = Daemon::start(&agents.home);
    for (name, place) in places {
        let place = place.canonicalize().unwrap();
        assert_eq!(asked(&agents, &format!("/codex /{name} x")).1, place.to_str().unwrap());
    }
    let refused = agents.home.run(&["chat", "/codex /gone x"]);
    assert_eq!((refused.code, refused.stdout.as_str()), (1, ""));
    assert!(refused.stderr.contains("/nowhere/at-all"), "{}", refused.stderr);
    daemon.stop();
}

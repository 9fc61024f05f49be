//! Forum topics on Telegram: what each keeps for itself, how it is bound and named, and what is checked at the
//! start.

use takopi_fake::telegram::{Fault, Injection, Role, Say, Shown, TOKEN, TelegramServer};

use crate::agents::Agents;
use crate::house::Daemon;
use crate::program::Program;
use crate::telegram::{ADA, server};

const FORUM: i64 = -1001;

/// Makes a forum unfit for topics.
type Spoil = fn(&TelegramServer);

/// Returns a server with a forum whose topics the bot may manage.
fn forum() -> TelegramServer {
    let server = server();
    server.forum(FORUM, "team");
    server.role(FORUM, ADA, Role::Owner);
    server.bot_role(FORUM, Role::Admin { manages_topics: true });
    server
}

/// Returns a home with agents and two projects, whose bot has these settings and the forum as its main chat.
fn agents(server: &TelegramServer, topics: &str, more: &str) -> Agents {
    with_transports("['telegram', 'local']", server, topics, more)
}

fn with_transports(transports: &str, server: &TelegramServer, topics: &str, more: &str) -> Agents {
    let config = format!(
        "transport = {transports}\ndefault_engine = 'codex'\n\
         [transports.telegram]\nbot_token = '{TOKEN}'\nchat_id = {FORUM}\napi_url = '{}'\n\
         allowed_user_ids = [{ADA}]\nforward_coalesce_s = 0\n[transports.telegram.topics]\n{topics}\n\
         [projects.Alpha]\npath = 'alpha'\n[projects.beta]\npath = 'beta'\n{more}",
        server.url()
    );
    let agents = Agents::with(&["codex", "claude"], &config);
    for project in ["alpha", "beta"] {
        std::fs::create_dir_all(agents.home.place().join(project)).unwrap();
    }
    agents
}

fn say_in(server: &TelegramServer, topic: i64, text: &str) -> i64 {
    server.send(Say::new(FORUM, ADA, text).thread(topic)).message
}

/// Waits for the answer to a message: of a run, its final.
fn answer(server: &TelegramServer, to: i64) -> Shown {
    let is_answer = |shown: &&Shown| {
        shown.by_bot && shown.reply_to == Some(to) && shown.deleted.is_none() && shown.buttons.is_empty()
    };
    server.wait_in(FORUM, "the answer", |shown| shown.iter().find(is_answer).cloned())
}

fn ask_in(server: &TelegramServer, topic: i64, text: &str) -> String {
    answer(server, say_in(server, topic, text)).text
}

fn ask(server: &TelegramServer, text: &str) -> String {
    answer(server, server.say(FORUM, ADA, text)).text
}

fn named(server: &TelegramServer, title: &str) {
    server.wait_for(title, |log| {
        log.of("editForumTopic").find(|call| call.ended.is_some() && call.params["name"] == title).map(drop)
    });
}

#[test]
fn telegram_a_topic_is_bound_by_a_directive_and_goes_on_in_its_own_session() {
    let server = forum();
    let agents = agents(&server, "enabled = true", "");
    let daemon = Daemon::start(&agents.home);
    let (one, two) = (server.open_topic(FORUM, ADA, "one"), server.open_topic(FORUM, ADA, "two"));
    let refused = ask_in(&server, one, "hello");
    assert!(refused.starts_with("this topic isn't bound to a project yet."), "{refused}");
    assert!(refused.contains("/ctx set <project> [@branch]") && refused.contains("/topic <project> @branch"));
    assert!(agents.log("start").is_empty());

    let first = answer(&server, say_in(&server, one, "/alpha first"));
    assert!(first.text.contains("ok: first (turn 1)") && first.text.contains("ctx: Alpha"), "{}", first.text);
    assert_eq!(first.thread, Some(one));
    named(&server, "Alpha");
    assert_eq!(server.topic(FORUM, one).as_deref(), Some("Alpha"));
    assert!(ask_in(&server, two, "/beta elsewhere").contains("ok: elsewhere (turn 1)"));
    assert!(ask_in(&server, one, "second").contains("ok: second (turn 2)"));
    let on = ask_in(&server, two, "again");
    assert!(on.contains("ok: again (turn 2)") && on.contains("ctx: beta"), "{on}");
    assert!(
        ask_in(&server, one, "/claude other").contains("ok: other (turn 1)"),
        "an engine has its own session"
    );
    let told = ask_in(&server, one, "/ctx");
    assert!(told.starts_with("topics: enabled (scope=auto (main))\nbound ctx: Alpha\n"), "{told}");
    assert!(told.ends_with("sessions: claude, codex"), "{told}");
    assert!(ask(&server, "outside").contains("ok: outside (turn 1)"));
    assert!(ask(&server, "outside").contains("(turn 1)"), "and the chat is stateless");
    daemon.stop();
}

#[test]
fn telegram_a_directive_of_a_command_about_files_binds_its_topic_too() {
    let server = forum();
    let agents = agents(&server, "enabled = true", "[transports.telegram.files]\nenabled = true\n");
    let daemon = Daemon::start(&agents.home);
    let topic = server.open_topic(FORUM, ADA, "talk");
    let told = ask_in(&server, topic, "/file get a.txt");
    assert!(told.starts_with("no project context available for file download."), "{told}");
    let told = ask_in(&server, topic, "/file get /beta a.txt");
    assert!(told.starts_with("file does not exist."), "{told}");
    named(&server, "beta");
    assert!(ask_in(&server, topic, "go").contains("ctx: beta"));
    daemon.stop();
}

#[test]
fn telegram_ctx_binds_and_names_a_topic_and_a_refused_name_changes_nothing_else() {
    let server = forum();
    let agents = agents(&server, "enabled = true\nscope = 'main'", "");
    let mut daemon = Daemon::start(&agents.home);
    let topic = server.open_topic(FORUM, ADA, "talk");
    assert_eq!(ask_in(&server, topic, "/ctx set alpha @fix"), "topic bound to Alpha @fix");
    named(&server, "Alpha @fix");
    assert_eq!(ask_in(&server, topic, "/ctx clear"), "topic binding cleared.");
    let told = ask_in(&server, topic, "/ctx");
    assert!(told.contains("note: unbound topic — bind with /topic <project> @branch"), "{told}");
    assert!(told.starts_with("topics: enabled (scope=main)") && told.ends_with("sessions: none"), "{told}");

    let refusal = Fault::Refuse(400, "Bad Request: not enough rights".to_owned());
    server.inject(Injection::of("editForumTopic", refusal).always());
    assert!(ask_in(&server, topic, "/beta go").contains("ok: go (turn 1)"));
    daemon.remarks("a topic keeps its old name");
    assert_eq!(server.topic(FORUM, topic).as_deref(), Some("Alpha @fix"));
    assert!(ask_in(&server, topic, "on").contains("ctx: beta"));
    daemon.stop();
}

#[test]
fn telegram_what_is_chosen_in_a_topic_holds_there_alone() {
    let server = forum();
    let agents = agents(&server, "enabled = true", "");
    let daemon = Daemon::start(&agents.home);
    let topic = server.open_topic(FORUM, ADA, "talk");
    ask_in(&server, topic, "/ctx set alpha");
    assert_eq!(ask_in(&server, topic, "/agent set claude"), "topic default engine set to claude");
    assert!(ask_in(&server, topic, "x").starts_with("done · claude"));
    assert!(ask(&server, "x").starts_with("done · codex"));
    assert_eq!(ask(&server, "/trigger mentions"), "chat trigger mode set to mentions");
    assert_eq!(ask_in(&server, topic, "/trigger all"), "topic trigger mode set to all");
    let overheard = server.say(FORUM, ADA, "not for the bot");
    assert!(ask_in(&server, topic, "y").contains("ok: y"), "the topic answers everybody");
    assert!(!server.shown(FORUM).iter().any(|shown| shown.reply_to == Some(overheard)));
    assert_eq!(ask_in(&server, topic, "/trigger clear"), "topic trigger mode cleared (using chat default).");
    assert_eq!(ask_in(&server, topic, "/agent clear"), "topic default engine cleared.");
    daemon.stop();
}

#[test]
fn telegram_topic_opens_one_topic_for_a_branch_and_another_when_that_is_gone() {
    let server = forum();
    let agents = agents(&server, "enabled = true", "");
    let daemon = Daemon::start(&agents.home);
    assert_eq!(ask(&server, "/topic alpha @fix"), "created topic Alpha @fix.");
    let bound = |nth: usize| {
        server.wait_in(FORUM, "the topic", |shown| {
            let told = shown.iter().filter(|shown| shown.text == "topic bound to Alpha @fix");
            told.filter_map(|shown| shown.thread).nth(nth)
        })
    };
    let first = bound(0);
    assert_eq!(server.topic(FORUM, first).as_deref(), Some("Alpha @fix"));
    assert_eq!(ask(&server, "/topic Alpha @fix"), "topic already exists for Alpha @fix in this chat.");
    server.delete_topic(FORUM, first);
    assert_eq!(ask(&server, "/topic alpha @fix"), "created topic Alpha @fix.");
    let second = bound(1);
    assert_ne!(first, second);
    assert!(ask_in(&server, second, "/ctx").contains("bound ctx: Alpha @fix"));
    assert!(ask(&server, "/topic").contains("usage: /topic <project> @branch"));
    assert!(server.menu().iter().any(|(name, _)| name == "topic"));
    daemon.stop();
}

#[test]
fn telegram_topics_of_project_chats_need_no_project() {
    const PROJECT: i64 = -1002;
    let server = forum();
    server.forum(PROJECT, "alpha");
    server.bot_role(PROJECT, Role::Admin { manages_topics: true });
    let agents = agents(&server, "enabled = true", "[projects.gamma]\npath = 'alpha'\nchat_id = -1002\n");
    let daemon = Daemon::start(&agents.home);
    let outside = ask(&server, "/topic alpha @fix");
    assert!(
        outside.starts_with("topics commands are only available in project chats (auto scope)."),
        "{outside}"
    );
    let talk = server.open_topic(FORUM, ADA, "no topic of ours");
    assert!(ask_in(&server, talk, "one").contains("ok: one (turn 1)"), "nothing is asked of it");
    assert!(ask_in(&server, talk, "two").contains("ok: two (turn 1)"), "and it keeps nothing");

    let topic = server.open_topic(PROJECT, ADA, "talk");
    let ask_there = |say: Say| {
        let asked = server.send(say).message;
        server.wait_in(PROJECT, "the answer", |shown| {
            let is_answer = |shown: &&Shown| shown.reply_to == Some(asked) && shown.buttons.is_empty();
            shown.iter().filter(|shown| shown.by_bot).find(is_answer).map(|shown| shown.text.clone())
        })
    };
    let in_topic = |text: &str| ask_there(Say::new(PROJECT, ADA, text).thread(topic));
    assert!(in_topic("one").contains("ctx: gamma"));
    assert!(in_topic("two").contains("ok: two (turn 2)"));
    assert_eq!(in_topic("/ctx set @fix"), "topic bound to gamma @fix");
    assert!(in_topic("/ctx set beta").contains("project mismatch for this chat; expected 'gamma'."));
    assert_eq!(ask_there(Say::new(PROJECT, ADA, "/topic @main")), "created topic gamma @main.");
    daemon.stop();
}

#[test]
fn telegram_without_topics_a_thread_keeps_nothing_and_topic_says_how_to_switch_them_on() {
    let server = forum();
    let agents = agents(&server, "enabled = false", "");
    let daemon = Daemon::start(&agents.home);
    let thread = server.open_topic(FORUM, ADA, "talk");
    let told = ask_in(&server, thread, "/topic alpha @fix");
    assert!(told.contains("[transports.telegram.topics]") && told.contains("enabled = true"), "{told}");
    assert_eq!(ask_in(&server, thread, "/ctx set alpha"), "chat bound to Alpha");
    assert!(ask(&server, "x").contains("ctx: Alpha"), "it holds for the whole chat");
    assert!(!server.menu().iter().any(|(name, _)| name == "topic"));
    assert_eq!(server.log().of("createForumTopic").count(), 0);
    daemon.stop();
}

#[test]
fn telegram_topics_that_cannot_work_end_the_start_with_one_sentence() {
    let cases: [(&str, Spoil, &str); 5] = [
        ("enabled = true", |server| server.group(FORUM, "team"), "is not a supergroup (chat_id=-1001)"),
        ("enabled = true", |server| server.supergroup(FORUM, "team"), "does not have topics enabled"),
        ("enabled = true", |server| server.bot_role(FORUM, Role::Member), "bot is not an admin"),
        (
            "enabled = true",
            |server| server.bot_role(FORUM, Role::Admin { manages_topics: false }),
            "bot lacks manage topics permission",
        ),
        ("enabled = true\nscope = 'projects'", |_| {}, "no project chats are configured"),
    ];
    for (topics, spoil, told) in cases {
        let server = forum();
        spoil(&server);
        let agents = with_transports("'telegram'", &server, topics, "");
        let doctor = agents.home.run(&["doctor"]);
        assert!(doctor.stdout.contains(told), "{told}: {}", doctor.stdout);
        let ended = Program::start(&mut agents.home.takopi(&[])).wait();
        assert_eq!(ended.code, 1, "{told}: {}", ended.stderr);
        assert!(
            ended.stderr.contains("error: topics enabled but ") && ended.stderr.contains(told),
            "{}",
            ended.stderr
        );
        assert!(!server.shown(FORUM).iter().any(|shown| shown.text.contains("ready")), "{told}");
    }
}

#[test]
fn telegram_topics_are_asked_about_again_until_the_server_tells() {
    let server = forum();
    server.supergroup(FORUM, "team");
    // The start message asks too.
    server.inject(Injection::of("getChat", Fault::server(502)).times(2));
    let agents = with_transports("'telegram'", &server, "enabled = true", "");
    let ended = Program::start(&mut agents.home.takopi(&[])).wait();
    assert!(ended.stderr.contains("whether topics work is not known yet"), "{}", ended.stderr);
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    assert!(ended.stderr.contains("error: topics enabled but chat does not have topics"), "{}", ended.stderr);
}

#[test]
fn telegram_two_calls_for_one_topic_at_once_open_one() {
    let server = forum();
    let agents = agents(&server, "enabled = true", "");
    let daemon = Daemon::start(&agents.home);
    server.inject(Injection::of("createForumTopic", Fault::HangBefore).times(1));
    let first = server.say(FORUM, ADA, "/topic alpha @fix");
    server.wait_for("the first call", |log| log.of("createForumTopic").next().map(drop));
    let second = server.say(FORUM, ADA, "/topic alpha @fix");
    // What comes after the second is answered: that one has had its chance too.
    ask(&server, "/ctx");
    server.release();
    assert_eq!(answer(&server, first).text, "created topic Alpha @fix.");
    assert_eq!(answer(&server, second).text, "topic already exists for Alpha @fix in this chat.");
    assert_eq!(server.look(|log| log.of("createForumTopic").count()), 1);
    daemon.stop();
}

#[test]
fn telegram_a_server_that_does_not_tell_of_topics_is_no_reason_not_to_start() {
    let server = forum();
    server.inject(Injection::of("getChat", Fault::server(502)).times(2));
    let agents = agents(&server, "enabled = true", "");
    let mut daemon = Daemon::start(&agents.home);
    daemon.remarks("whether topics work is not known yet");
    let topic = server.open_topic(FORUM, ADA, "talk");
    assert!(ask_in(&server, topic, "/alpha x").contains("ok: x (turn 1)"));
    let doctor = agents.home.run(&["doctor"]);
    assert!(doctor.stdout.contains("topics: scope=auto (main)"), "{}", doctor.stdout);
    daemon.stop();
}

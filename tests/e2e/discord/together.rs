//! Telegram, Discord and the page in one daemon: one set of projects and sessions, and nobody waits for another one's
//! trouble.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use takopi_fake::discord::{self, DiscordServer};
use takopi_fake::telegram::{self, TelegramServer};
use uuid::Uuid;

use crate::agents::{Agents, Heard};
use crate::discord::{said as said_on_discord, thread_on};
use crate::gate::Gate;
use crate::house::{Daemon, Home};
use crate::telegram::{ADA, said as said_on_telegram, server as telegram_server};

/// Shorter than a test may take, so that it is said what was waited for.
const PATIENCE: Duration = Duration::from_secs(40);

/// One server of each kind.
struct Services {
    discord: DiscordServer,
    telegram: TelegramServer,
}

impl Services {
    fn start() -> Self {
        Self { discord: DiscordServer::begin().unwrap().patient_for(PATIENCE), telegram: telegram_server() }
    }

    /// Returns settings that serve both and the page. Whatever begins with `echo` is a line for the shell.
    fn settings(&self, more: &str) -> String {
        self.settings_with(discord::TOKEN, "", telegram::TOKEN, more)
    }

    fn settings_with(&self, discord_token: &str, discord: &str, telegram_token: &str, more: &str) -> String {
        let allowed = match discord.contains("allowed_user_ids") {
            true => String::new(),
            false => format!("allowed_user_ids = ['{}']", self.discord.person("alice").id),
        };
        format!(
            "transport = ['telegram', 'discord', 'local']\ndefault_engine = 'shell'\n\
             [engines.shell]\ntransports = ['telegram', 'discord', 'local']\n\
             [transports.telegram]\nbot_token = '{telegram_token}'\nchat_id = {ADA}\napi_url = '{}'\n\
             forward_coalesce_s = 0\n\
             [transports.discord]\nbot_token = '{discord_token}'\napi_url = '{}'\n{allowed}\n{discord}\n{more}",
            self.telegram.url(),
            self.discord.url(),
        )
    }

    /// Has alice ask something in a channel, and returns the thread of it.
    fn ask(&self, text: &str) -> u64 {
        let asked = self.discord.person("alice").says("general", &format!("@takopi {text}"));
        thread_on(&self.discord, asked).id
    }

    /// Waits until Discord has the bot, with its commands.
    fn wait_ready(&self) {
        self.discord.wait_ready();
        self.discord.wait_for("the commands", |log| {
            log.of("PUT /applications/:id/guilds/:id/commands").find(|call| call.succeeded()).map(drop)
        });
    }

    /// Writes settings with another table of Discord and has them read. Returns once the bot is served by them.
    fn reload(&self, daemon: &mut Daemon<'_>, home: &Home, settings: &str) {
        let sessions = |log: &discord::Log| log.count(|gate| matches!(gate, discord::Gate::Identified(_)));
        let before = sessions(&self.discord.log());
        home.configure(settings);
        daemon.signal(rustix::process::Signal::HUP);
        daemon.tells("RELOADING=1");
        daemon.tells("READY=1");
        self.discord.wait_for("another session", |log| (sessions(log) > before).then_some(()));
        self.wait_ready();
    }

    /// Checks that people on Discord are served: in two threads and by a command.
    #[track_caller]
    fn check_discord(&self, word: &str) {
        let threads = [1, 2].map(|number| self.ask(&format!("echo {word} {number}")));
        for (thread, number) in threads.into_iter().zip(1..) {
            said_on_discord(&self.discord, thread, &format!("{word} {number}"));
        }
        let told = self.discord.person("alice").uses("general", "status", discord::Options::new());
        assert!(!told.failed, "{told:?}");
    }

    /// Checks that the person on Telegram is served.
    fn check_telegram(&self, word: &str) {
        for number in 1..=2 {
            self.telegram.say(ADA, ADA, &format!("echo {word} {number}"));
            said_on_telegram(&self.telegram, &format!("{word} {number}"));
        }
    }
}

/// Returns what `takopi status` says about one of the transports.
fn transport(home: &Home, instance: &str) -> Value {
    let status = home.status();
    let all = status["transports"].as_array().unwrap();
    all.iter().find(|one| one["instance"] == instance).cloned().unwrap_or(Value::Null)
}

/// Returns the line as it is read on the screen, without the mark that makes it small.
fn resume_line(text: &str) -> String {
    let line = text.lines().find(|line| line.contains("codex resume"));
    line.unwrap_or_else(|| panic!("no resume line: {text}")).trim_start_matches("-# ").to_owned()
}

/// Returns the directory that the last agent was started in.
fn last_dir(agents: &Agents) -> String {
    agents.last_start()["cwd"].as_str().unwrap().to_owned()
}

fn with_project(services: &Services, agents: &Agents) -> std::path::PathBuf {
    let app = agents.home.work().join("app").join("inside");
    std::fs::create_dir_all(&app).unwrap();
    let project = format!("[projects.app]\npath = '{}'\n", app.display());
    let settings =
        services.settings(&project).replace("default_engine = 'shell'", "default_engine = 'codex'");
    agents.home.configure(&settings);
    real(&app)
}

fn real(path: &Path) -> std::path::PathBuf {
    path.canonicalize().unwrap()
}

#[test]
fn discord_together_a_session_of_a_thread_goes_on_from_telegram_and_the_terminal_in_its_own_project() {
    let services = Services::start();
    let agents = Agents::with(&["codex"], "");
    let app = with_project(&services, &agents);
    let daemon = Daemon::start(&agents.home);
    services.wait_ready();
    let thread = services.ask("/app one");
    let line = resume_line(&said_on_discord(&services.discord, thread, "ok: one (turn 1)").text);
    services.telegram.say(ADA, ADA, &format!("two\n\n{line}"));
    let answer = said_on_telegram(&services.telegram, "ok: two (turn 2)");
    assert!(
        answer.text.contains("ctx: app") && resume_line(&answer.text).contains("codex resume"),
        "{answer:?}"
    );
    assert_eq!(Path::new(&last_dir(&agents)), app);
    services.discord.person("alice").says(thread, "three");
    said_on_discord(&services.discord, thread, "ok: three (turn 3)");
    let heard = Heard::of(agents.say_in(Uuid::new_v4(), &format!("four\n\n{line}")).wait());
    heard.answered("ok: four (turn 4)");
    assert_eq!(Path::new(&last_dir(&agents)), app);
    // The other way round, by a reply to what Telegram's bot said and by its line on Discord.
    services.telegram.say(ADA, ADA, "/app five");
    let begun = said_on_telegram(&services.telegram, "ok: five (turn 1)");
    let thread = services.ask(&format!("six\n{}", resume_line(&begun.text)));
    let joined = said_on_discord(&services.discord, thread, "ok: six (turn 2)");
    assert!(joined.text.contains("app"), "{joined:?}");
    assert_eq!(Path::new(&last_dir(&agents)), app);
    daemon.stop();
}

#[test]
fn discord_together_one_session_has_one_run_at_a_time_wherever_it_is_asked_from() {
    let services = Services::start();
    let agents = Agents::with(&["codex"], "");
    with_project(&services, &agents);
    let daemon = Daemon::start(&agents.home);
    services.wait_ready();
    let thread = services.ask("/app one");
    let line = resume_line(&said_on_discord(&services.discord, thread, "ok: one (turn 1)").text);
    let gate = agents.gate("door");
    services.discord.person("alice").says(thread, "two [[wait door]]");
    let standing = gate.reached();
    services.telegram.say(ADA, ADA, &format!("three\n{line}"));
    said_on_telegram(&services.telegram, "queued");
    let status = agents.home.status();
    let runs: Vec<_> = status["runs"].as_array().unwrap().iter().collect();
    let of: Vec<_> = runs.iter().map(|run| run["address"]["instance"].as_str().unwrap()).collect();
    assert_eq!((of, runs[1]["ahead"].as_u64()), (vec!["discord", "telegram"], Some(1)), "{status}");
    drop(standing);
    said_on_discord(&services.discord, thread, "(turn 2)");
    said_on_telegram(&services.telegram, "ok: three (turn 3)");
    daemon.stop();
}

#[test]
fn discord_together_a_telegram_that_hangs_or_refuses_does_not_hold_discord_up() {
    for fault in [telegram::Fault::HangBefore, telegram::Fault::TooMany(2), telegram::Fault::server(502)] {
        let services = Services::start();
        let home = Home::with_config(&services.settings(""));
        let gate = Gate::new(&home, "gate");
        let daemon = Daemon::start(&home);
        services.wait_ready();
        services.check_telegram("before");
        services.telegram.say(ADA, ADA, "cat gate; echo the answer");
        let standing = gate.reached();
        services.telegram.inject(telegram::Injection::of("*", fault.clone()).always());
        drop(standing);
        for round in 0..3 {
            services.check_discord(&format!("round {round}"));
        }
        let is_out = services
            .telegram
            .shown(ADA)
            .iter()
            .any(|shown| shown.text.contains("the answer") && shown.by_bot);
        assert!(!is_out, "{fault:?}: nothing gets through to Telegram");
        services.telegram.heal();
        services.telegram.release();
        said_on_telegram(&services.telegram, "the answer");
        daemon.stop();
    }
}

/// Checks that Telegram is served while Discord fails so, and that Discord hears everything in the end.
#[track_caller]
fn telegram_is_served_beside(fault: &discord::Fault) {
    let services = Services::start();
    let home = Home::with_config(&services.settings(""));
    let gate = Gate::new(&home, "gate");
    let daemon = Daemon::start(&home);
    services.wait_ready();
    services.check_discord("before");
    let thread = services.ask("cat gate; echo the answer");
    let standing = gate.reached();
    services.discord.inject(discord::Injection::of("*", fault.clone()).always());
    drop(standing);
    for round in 0..3 {
        services.check_telegram(&format!("round {round}"));
    }
    let shown = services.discord.shown(thread);
    let is_out = shown.iter().any(|shown| shown.text.contains("done") && shown.by_bot);
    assert!(!is_out, "nothing gets through to Discord: {shown:?}");
    services.discord.heal();
    services.discord.release();
    said_on_discord(&services.discord, thread, "the answer");
    services.check_discord("afterwards");
    daemon.stop();
}

#[test]
fn discord_together_a_discord_that_hangs_does_not_hold_telegram_up() {
    telegram_is_served_beside(&discord::Fault::HangBefore);
}

#[test]
fn discord_together_a_discord_that_refuses_one_route_does_not_hold_telegram_up() {
    telegram_is_served_beside(&discord::Fault::retry_after(Duration::from_secs(1)));
}

#[test]
fn discord_together_a_discord_that_refuses_everything_does_not_hold_telegram_up() {
    telegram_is_served_beside(&discord::Fault::global_retry_after(Duration::from_secs(1)));
}

#[test]
fn discord_together_a_discord_that_fails_does_not_hold_telegram_up() {
    telegram_is_served_beside(&discord::Fault::server(502));
}

#[test]
fn discord_together_a_service_that_hangs_from_the_start_holds_up_no_other() {
    let services = Services::start();
    services.telegram.inject(telegram::Injection::of("*", telegram::Fault::HangBefore).always());
    let home = Home::with_config(&services.settings(""));
    let daemon = Daemon::start(&home);
    services.wait_ready();
    services.check_discord("alone");
    daemon.stop();
    services.telegram.heal();
    services.telegram.release();
    services.discord.inject(discord::Injection::of("*", discord::Fault::HangBefore).always());
    let daemon = Daemon::start(&home);
    services.check_telegram("the other one");
    daemon.stop();
    services.discord.heal();
    services.discord.release();
}

#[test]
fn discord_together_a_wrong_token_ends_its_own_transport_alone() {
    const WRONG: &str = "MTIz.nobody.knows-it";
    let services = Services::start();
    let home = Home::with_config(&services.settings_with(WRONG, "", telegram::TOKEN, ""));
    let mut daemon = Daemon::start(&home);
    let told = daemon.remarks("Reset Token");
    assert!(!told.contains(WRONG), "{told}");
    services.check_telegram("without Discord");
    let trouble = transport(&home, "discord")["issue"].as_str().unwrap_or_default().to_owned();
    assert!(trouble.contains("Reset Token"), "{trouble}");
    assert_eq!(transport(&home, "telegram")["issue"], Value::Null);
    // Mended without a restart.
    services.reload(&mut daemon, &home, &services.settings(""));
    services.check_discord("mended");
    daemon.stop();

    let wrong = "999:not-the-token-of-any-bot";
    home.configure(&services.settings_with(discord::TOKEN, "", wrong, ""));
    let mut daemon = Daemon::start(&home);
    daemon.remarks("does not know this bot token");
    services.wait_ready();
    services.check_discord("without Telegram");
    daemon.stop();
}

#[test]
fn discord_reload_lets_a_run_go_on_whatever_changes_in_its_table() {
    let services = Services::start();
    let home = Home::with_config(&services.settings(""));
    let gate = Gate::new(&home, "gate");
    let mut daemon = Daemon::start(&home);
    services.wait_ready();
    let (alice, bob) = (services.discord.person("alice"), services.discord.person("bob"));
    let earlier = services.ask("echo earlier");
    said_on_discord(&services.discord, earlier, "earlier");
    let asked = services.ask("cat gate; echo x >> ran; echo the answer");
    let standing = gate.reached();
    let progress = services.discord.wait_in(asked, "progress", |shown| {
        shown.iter().find(|shown| shown.by_bot && shown.labels().contains(&"cancel")).map(|shown| shown.id)
    });

    let table = |table: &str| services.settings_with(discord::TOKEN, table, telegram::TOKEN, "");
    services.reload(&mut daemon, &home, &table("trigger_mode_default = 'mentions'"));
    alice.says(earlier, "echo without a mention");
    alice.says(earlier, "@takopi echo with a mention");
    said_on_discord(&services.discord, earlier, "with a mention");

    services.reload(&mut daemon, &home, &table(&format!("allowed_user_ids = ['{}']", bob.id)));
    alice.says("general", "@takopi echo no longer");
    let of_bob = bob.says("general", "@takopi echo of bob");
    thread_on(&services.discord, of_bob);
    said_on_discord(&services.discord, of_bob, "of bob");

    let renewed = "MTIz.fake.renewed";
    services.discord.reset_token(renewed);
    daemon.remarks("Reset Token");
    services.reload(&mut daemon, &home, &services.settings_with(renewed, "", telegram::TOKEN, ""));
    drop(standing);
    said_on_discord(&services.discord, asked, "the answer");
    services.discord.wait_in(asked, "one answer, no progress", |shown| {
        let answers = shown.iter().filter(|one| one.by_bot && one.text.contains("the answer"));
        let gone = !shown.iter().any(|one| one.id == progress && one.deleted.is_none());
        (gone && answers.count() == 1).then_some(())
    });
    services.check_discord("by the new token");
    assert_eq!(home.lines("ran").iter().filter(|line| *line == "x").count(), 1);
    let ended = daemon.end();
    assert!(!ended.stderr.contains(renewed) && !ended.stderr.contains(discord::TOKEN), "{}", ended.stderr);
}

//! A second opinion: the built binary behind a Discord that others have written, npm's `discord-digital-twin`, whose
//! reading of Discord's API is not ours. It knows no limits, no deadlines and no resumed sessions: those are for our own.
//!
//! Its people are led by tests/twin/twin.mjs. Where it isn't installed these tests say so and pass, in CI they fail;
//! `cargo xtask test twin` installs it.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::gate::Gate;
use crate::house::{Daemon, Home};
use crate::wait::wait_for;

/// The twin, ended when it is let go.
struct Twin {
    process: Child,
    /// What it says of itself.
    facts: Value,
    agent: ureq::Agent,
}

impl Twin {
    /// Starts it. `None`, with a line that says why, where it isn't installed; in CI that is a failure.
    fn start() -> Option<Self> {
        let named = |name: &str| std::env::var_os(name);
        let (Some(folder), Some(node)) = (named("TAKOPI_TEST_TWIN"), named("TAKOPI_TEST_NODE")) else {
            let why = "no TAKOPI_TEST_TWIN; `cargo xtask test twin` installs the twin and names it";
            assert!(named("CI").is_none(), "{why}");
            eprintln!("SKIPPED: {why}");
            return None;
        };
        let driver = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/twin/twin.mjs");
        // Its stdin ends with this process, and it does too.
        let mut process = Command::new(node)
            .arg(driver)
            .arg(folder)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let facts = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line}: {error}"));
        let agent = ureq::Agent::config_builder().http_status_as_error(false).proxy(None).build().into();
        Some(Self { process, facts, agent })
    }

    fn fact(&self, name: &str) -> &str {
        self.facts[name].as_str().unwrap()
    }

    /// Returns a home whose only bot is the twin's, for its one person; messages are run by the shell.
    fn home(&self) -> Home {
        let [token, url, person] = ["token", "url", "person"].map(|name| self.fact(name));
        Home::with_config(&format!(
            "transport = ['discord', 'local']\ndefault_engine = 'shell'\n\
             [engines.shell]\ntransports = ['discord', 'local']\n\
             [transports.discord]\nbot_token = '{token}'\napi_url = '{url}'\nallowed_user_ids = ['{person}']\n"
        ))
    }

    /// Lets its people do something.
    fn does(&self, deed: &str, arguments: &Value) -> Value {
        let mut answer = self
            .agent
            .post(format!("{}/{deed}", self.fact("control")))
            .send(arguments.to_string())
            .unwrap_or_else(|error| panic!("{deed}: {error}"));
        let done = serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap();
        assert!(answer.status().is_success(), "{deed} {arguments}: {done}");
        done
    }

    /// Says something and returns the message's id. `@takopi` mentions the bot.
    fn says(&self, channel: &str, text: &str) -> String {
        let text = text.replace("@takopi", &format!("<@{}>", self.fact("bot")));
        let said = self.does("say", &json!({"channel": channel, "text": text}));
        said["id"].as_str().unwrap().to_owned()
    }

    /// Waits until the bot is there, which is when its server knows its commands.
    fn awaits_commands(&self) {
        let named = |known: &[Value], name: &str| {
            known.iter().any(|command| command["guildId"].is_string() && command["name"] == name)
        };
        wait_for("the commands", || {
            let known = self.list("commands", "");
            ["status", "shell"].iter().all(|name| named(&known, name)).then_some(())
        });
    }

    fn list(&self, deed: &str, channel: &str) -> Vec<Value> {
        self.does(deed, &json!({"channel": channel})).as_array().unwrap().clone()
    }

    /// Waits for a message of the bot that fits.
    fn shown(&self, channel: &str, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        wait_for(what, || {
            let shown = self.list("messages", channel);
            shown.into_iter().find(|message| message["author"]["bot"] == true && fits(message))
        })
    }

    /// Waits for a message of the bot that contains `text`.
    fn said(&self, channel: &str, text: &str) -> Value {
        self.shown(channel, text, |message| message["content"].as_str().unwrap().contains(text))
    }

    /// Returns what threads of the channel are called, by their ids.
    fn threads(&self) -> Vec<(String, String)> {
        let text = |thread: &Value, name: &str| thread[name].as_str().unwrap().to_owned();
        let threads = self.list("threads", self.fact("general"));
        threads.iter().map(|thread| (text(thread, "id"), text(thread, "name"))).collect()
    }
}

impl Drop for Twin {
    fn drop(&mut self) {
        if let Err(error) = self.process.kill().and_then(|()| self.process.wait()) {
            eprintln!("the twin could not be ended: {error}");
        }
    }
}

#[test]
fn a_mention_is_answered_in_a_thread_of_its_own_and_the_next_message_goes_on_there() {
    let Some(twin) = Twin::start() else { return };
    let home = twin.home();
    let daemon = Daemon::start(&home);
    twin.awaits_commands();
    let asked = twin.says(twin.fact("general"), "@takopi echo from the shell");
    let answer = twin.said(&asked, "from the shell");
    assert_eq!(twin.threads(), [(asked.clone(), "echo from the shell".to_owned())]);
    assert!(
        answer["content"].as_str().unwrap().contains(twin.fact("person")),
        "its author is told: {answer}"
    );
    twin.says(&asked, "echo once more");
    twin.said(&asked, "once more");
    twin.says(twin.fact("general"), "echo to nobody > ran");
    twin.says(&asked, "echo last");
    twin.said(&asked, "last");
    assert!(!home.work().join("ran").exists());
    daemon.stop();
}

#[test]
fn commands_are_answered_and_one_with_a_prompt_opens_a_thread() {
    let Some(twin) = Twin::start() else { return };
    let home = twin.home();
    let daemon = Daemon::start(&home);
    twin.awaits_commands();
    let general = twin.fact("general");
    twin.does("use", &json!({"channel": general, "name": "status"}));
    twin.said(general, "nothing is running here");
    let options = json!([{"name": "prompt", "type": 3, "value": "echo by command"}]);
    twin.does("use", &json!({"channel": general, "name": "shell", "options": options}));
    let starter = twin.said(general, "> echo by command");
    let thread = starter["id"].as_str().unwrap();
    twin.shown(thread, "the answer", |message| {
        message["id"] != starter["id"] && message["content"].as_str().unwrap().contains("by command")
    });
    assert_eq!(twin.threads().len(), 1);
    daemon.stop();
}

#[test]
fn progress_is_edited_and_its_button_cancels_the_run() {
    let Some(twin) = Twin::start() else { return };
    let home = twin.home();
    let gate = Gate::new(&home, "gate");
    let daemon = Daemon::start(&home);
    twin.awaits_commands();
    let asked = twin.says(twin.fact("general"), "@takopi cat gate");
    let standing = gate.reached();
    let buttons = |message: &Value| -> Vec<Value> {
        let rows = message["components"].as_array().into_iter().flatten();
        rows.flat_map(|row| row["components"].as_array().unwrap().clone()).collect()
    };
    let progress = twin.shown(&asked, "the cancel button", |message| !buttons(message).is_empty());
    let button = &buttons(&progress)[0];
    assert_eq!(button["label"], "cancel", "{progress}");
    let press = json!({"channel": asked, "message": progress["id"], "id": button["custom_id"]});
    twin.does("press", &press);
    let over = twin.said(&asked, "cancelled");
    assert!(over["id"] != progress["id"] || over["edited_timestamp"].is_string(), "{over}");
    wait_for("the buttons to be gone", || {
        twin.list("messages", &asked).iter().all(|message| buttons(message).is_empty()).then_some(())
    });
    drop(standing);
    daemon.stop();
}

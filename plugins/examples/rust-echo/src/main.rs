//! An example plugin: the engine `echo` says again what it is told, word by word, and the command `/shout` says it loudly.
//!
//! takopi-plugin.toml beside it says the same to takopi while nothing runs.

use std::process::ExitCode;
use std::time::Duration;

use takopi_plugin::{
    Action, ActionKind, Answer, Call, Command, Config, Ended, Engine, Events, Host, Issue, Job, Plugin,
    Result, async_trait,
};

/// `[engines.echo]`.
#[derive(serde::Deserialize)]
struct Settings {
    /// Milliseconds before each word.
    #[serde(default)]
    pause_ms: u64,
}

#[derive(Default)]
struct Echo {
    pause: std::sync::OnceLock<Duration>,
}

#[async_trait]
impl Engine for Echo {
    async fn configure(&self, config: &Config) -> Result<()> {
        let settings: Settings = config.read()?;
        self.pause.get_or_init(|| Duration::from_millis(settings.pause_ms));
        Ok(())
    }

    async fn validate(&self, config: &Config) -> Vec<Issue> {
        config.check::<Settings>()
    }

    async fn run(&self, job: Job, events: Events) -> Result<Ended> {
        // A real agent names its session; the name of the first run does as well.
        events.session(job.session.as_ref().unwrap_or(&job.run)).await?;
        let step = Action::started("echo", ActionKind::Tool, "say it again");
        events.action(step.clone()).await?;
        for word in job.prompt.split_inclusive(' ') {
            tokio::select! {
                () = tokio::time::sleep(self.pause.get().copied().unwrap_or_default()) => {}
                () = events.cancelled() => return Ok(Ended::cancelled()),
            }
            events.text(word).await?;
        }
        events.action(step.completed(true)).await?;
        Ok(Ended::answered(job.prompt))
    }
}

struct Shout;

#[async_trait]
impl Command for Shout {
    #[expect(clippy::print_stdout, reason = "it goes to takopi's log, as does what goes to stderr")]
    async fn call(&self, call: Call, _host: Host) -> Result<Answer> {
        println!("{} shouts", call.sender.name);
        if call.args_text.is_empty() {
            return Ok(Answer::markdown("usage: `/shout <text>`"));
        }
        Ok(Answer::plain(call.args_text.to_uppercase()))
    }
}

fn main() -> ExitCode {
    Plugin::new("takopi-example-echo", env!("CARGO_PKG_VERSION"))
        .engine("echo", Echo::default())
        .command("shout", Shout)
        .serve()
}

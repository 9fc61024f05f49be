//! `takopi status`: asks whoever holds the ledger how the house is. Starts nothing.

use std::fmt::Write as _;
use std::io::{self, IsTerminal};
use std::time::Duration;

use serde::Serialize;
use takopi_core::text::visible;
use tokio_util::task::TaskTracker;

use super::{StatusArguments, runtime};
use crate::control::client::Client;
use crate::control::wire::pair::Person;
use crate::control::wire::{RunLine, Status};
use crate::lock::{self, Host};
use crate::place::Place;
use crate::report::{Exit, Failure, remark, say};

/// How long to wait for an answer in all.
const PATIENCE: Duration = Duration::from_secs(10);

/// What `--json` prints: `running` alone when nothing runs.
#[derive(Serialize)]
struct Report<'a> {
    running: bool,
    #[serde(flatten)]
    status: Option<&'a Status>,
}

pub(super) fn run(arguments: &StatusArguments) -> Result<Exit, Failure> {
    let place = arguments.config.place()?;
    let status = match lock::holder(&place.lock()).and_then(|holder| holder.socket) {
        Some(socket) => Some(runtime()?.block_on(async {
            let ask = async { Client::connect(&socket, &TaskTracker::new()).await?.status().await };
            let answer = tokio::time::timeout(PATIENCE, ask).await;
            answer.map_err(|_| Failure::told("takopi does not answer"))?.map_err(Failure::told)
        })?),
        None => None,
    };
    if arguments.json {
        say(serde_json::json!(Report { running: status.is_some(), status: status.as_ref() }))?;
    } else if let Some(status) = &status {
        say(render(status, &place, io::stdout().is_terminal()))?;
    } else {
        remark(format_args!("takopi is not running for {}", place.shown(&place.config)));
        remark("hint: start it with `takopi`");
    }
    Ok(if status.is_some() { Exit::Done } else { Exit::Failed })
}

/// Draws the status. The page's address holds its token, so only a terminal gets to see it whole.
fn render(status: &Status, place: &Place, terminal: bool) -> String {
    let what = match status.host {
        Host::Daemon => "is running",
        Host::Chat => "is hosted by a `takopi chat`",
    };
    let mut text =
        format!("takopi {} {what} (pid {}, for {})\n", status.version, status.pid, elapsed(status.uptime_s));
    let mut row = |name: &str, value: &str| {
        if writeln!(text, "  {name:<11}{value}").is_err() {
            tracing::debug!("a line of the status was not drawn");
        }
    };
    row("config", &place.shown(&status.config));
    row("ledger", &place.shown(&status.ledger));
    if let Some(page) = &status.page {
        row("page", if terminal { page } else { page.split('?').next().unwrap_or_default() });
    }
    for (index, transport) in status.transports.iter().enumerate() {
        let issue = transport.issue.as_deref().map_or_else(String::new, |issue| format!(": {issue}"));
        row(if index == 0 { "transports" } else { "" }, &format!("{}{issue}", transport.instance));
    }
    let paired: Vec<_> = status.transports.iter().flat_map(|transport| &transport.paired).collect();
    for (index, person) in paired.into_iter().enumerate() {
        let Person { instance, id, name, .. } = person;
        row(
            if index == 0 { "paired" } else { "" },
            &format!("{} ({instance}, id {})", visible(name), visible(id)),
        );
    }
    for (index, engine) in status.engines.iter().enumerate() {
        let default = if engine.id == status.default_engine { " (default)" } else { "" };
        let issue = engine.issue.as_deref().map_or_else(String::new, |issue| format!(": {issue}"));
        row(if index == 0 { "engines" } else { "" }, &format!("{}{default}{issue}", engine.id));
    }
    if status.runs.is_empty() {
        row("runs", "none");
    }
    for (index, run) in status.runs.iter().enumerate() {
        row(if index == 0 { "runs" } else { "" }, &run_line(run));
    }
    text.trim_end().to_owned()
}

/// Returns a run in one line.
fn run_line(run: &RunLine) -> String {
    let state = run.ahead.map_or_else(|| "running".to_owned(), |ahead| format!("waiting behind {ahead}"));
    let prompt: String = run.prompt.lines().next().unwrap_or_default().chars().take(60).collect();
    let prompt = visible(&prompt);
    format!("{} · {} · {state} · {} · {prompt}", run.engine, run.address.instance, elapsed(run.elapsed_s))
}

/// Returns a duration as people say it: `42 s`, `3 m 20 s`, `5 h 3 m`, `2 d 4 h`.
pub(crate) fn elapsed(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{minutes} m {} s", seconds % 60),
        3600..86_400 => format!("{hours} h {} m", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn status() -> Status {
        serde_json::from_value(json!({
            "version": "0.1.0", "pid": 7, "host": "daemon", "uptime_s": 3720,
            "config": "/h/.takopi/takopi.toml", "ledger": "/h/.takopi/takopi.db",
            "page": "http://127.0.0.1:8787/?token=t0ken", "default_engine": "shell",
            "engines": [{"id": "codex", "issue": "codex not found on PATH"}, {"id": "shell"}],
            "transports": [{"instance": "local", "title": "This machine"},
                {"instance": "work", "title": "Telegram", "issue": "the token is not valid",
                    "paired": [{"instance": "work", "id": "8", "name": "Be\u{1b}[2Jn", "since": 0}]}],
            "runs": [
                {"run": "01920000-0000-7000-8000-000000000001", "engine": "shell", "prompt": "make\nall",
                    "address": {"instance": "local", "chat": "c"}, "elapsed_s": 100000},
                {"run": "01920000-0000-7000-8000-000000000002", "engine": "shell", "prompt": "\u{1b}[2Jx",
                    "address": {"instance": "work", "chat": "1"}, "ahead": 1, "elapsed_s": 3}
            ],
        }))
        .unwrap()
    }

    fn place() -> Place {
        Place { config: "/h/.takopi/takopi.toml".into(), named: false, home: Some("/h".into()) }
    }

    #[test]
    fn the_status_reads_at_a_glance() {
        insta::assert_snapshot!(render(&status(), &place(), true));
    }

    #[test]
    fn a_pipe_does_not_get_the_token() {
        assert!(!render(&status(), &place(), false).contains("t0ken"));
    }

    #[test]
    fn json_says_whether_anything_runs() {
        let none = Report { running: false, status: None };
        assert_eq!(json!(none), json!({"running": false}));
        let status = status();
        let some = json!(Report { running: true, status: Some(&status) });
        assert_eq!((&some["running"], &some["pid"]), (&json!(true), &json!(7)));
    }
}

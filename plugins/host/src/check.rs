//! The conformance suite for authors of plugins: what a plugin must do, tried on the plugin itself.
//!
//! It speaks with the plugin's process as takopi does and, unlike takopi, writes down everything it hears. No chat and no
//! engine of the house is touched: what the plugin asks for is made up (`check/heard.rs`). Next stops: `check/engine.rs`,
//! `check/command.rs` and `check/transport.rs` have the contract of each kind, `check/manners.rs` what holds for all.

mod command;
mod engine;
mod heard;
mod manners;
mod order;
mod probe;
mod transport;

use std::fmt::Display;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value};
use takopi_plugin_protocol::life;
use takopi_stdio::rpc::{CallError, Patience};

use crate::manifest::Package;
use crate::parts::HostParts;
use crate::process::{Failure, named};
use probe::Probe;

/// How long a plugin may take for what it has to answer at once.
const SOON: Duration = Duration::from_secs(10);

/// From then on an answer that needs nobody else counts as slow.
const SLOW: Duration = Duration::from_secs(1);

/// How long a cancelled call may go on: as long as takopi waits before it shows the call as cancelled.
const CANCELLED_WITHIN: Duration = Duration::from_secs(5);

/// How long an engine may take for one word.
const RUN: Duration = Duration::from_secs(120);

/// Whether something holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It does.
    Ok,
    /// It holds, and still there is something to know.
    Note,
    /// It was not tried; the row says why.
    Skipped,
    /// It does not.
    Failed,
}

/// One thing that was tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Of what: `plugin`, or kind and id: `engine acme`.
    pub about: String,
    /// What should hold, as a sentence without a stop.
    pub check: String,
    /// Whether it does.
    pub state: State,
    /// What was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub told: Option<String>,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl Row {
    fn new(about: &str, check: &str, state: State) -> Self {
        Self { about: about.to_owned(), check: check.to_owned(), state, told: None, remedy: None }
    }

    /// Returns that `check` holds.
    #[must_use]
    pub fn ok(about: &str, check: &str) -> Self {
        Self::new(about, check, State::Ok)
    }

    /// Returns that `check` holds, with something to know.
    #[must_use]
    pub fn note(about: &str, check: &str, told: impl Display) -> Self {
        Self::new(about, check, State::Note).told(told)
    }

    /// Returns that `check` was not tried, and why.
    #[must_use]
    pub fn skipped(about: &str, check: &str, why: impl Display) -> Self {
        Self::new(about, check, State::Skipped).told(why)
    }

    /// Returns that `check` does not hold, and what was seen.
    #[must_use]
    pub fn failed(about: &str, check: &str, told: impl Display) -> Self {
        Self::new(about, check, State::Failed).told(told)
    }

    /// Adds what to do.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Display) -> Self {
        self.remedy = Some(remedy.to_string());
        self
    }

    fn told(mut self, told: impl Display) -> Self {
        self.told = Some(told.to_string());
        self
    }
}

/// The settings a plugin is tried with.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tables {
    /// Of engines and commands.
    pub settings: life::Settings,
    /// Of transports, by their ids.
    pub transport: Map<String, Value>,
}

impl Tables {
    fn of(&self, kind: life::Kind, id: &str) -> Map<String, Value> {
        let tables = match kind {
            life::Kind::Engine => &self.settings.engine,
            life::Kind::Command => &self.settings.command,
            life::Kind::Transport => &self.transport,
        };
        tables.get(id).and_then(Value::as_object).cloned().unwrap_or_default()
    }
}

/// A plugin that is to be tried.
pub struct Subject {
    /// The plugin.
    pub package: Arc<Package>,
    /// What it is configured with.
    pub tables: Tables,
    /// What its processes are made of.
    pub parts: Arc<HostParts>,
    /// An empty folder for its engines to work in.
    pub dir: PathBuf,
}

impl Subject {
    /// Starts a process of the plugin.
    async fn start(&self) -> Result<Probe, Failure> {
        Probe::start(self).await
    }

    /// Returns a patience that ends with the suite.
    fn patience(&self, timeout: Duration) -> Patience {
        Patience::of(timeout).until(self.parts.stop.clone())
    }
}

/// What has been found so far. Each row is told when it is known: a plugin that lets every call wait keeps a suite busy
/// for minutes.
struct Rows<'a> {
    all: Vec<Row>,
    tell: &'a mut dyn FnMut(&Row),
}

impl Rows<'_> {
    fn push(&mut self, row: Row) {
        (self.tell)(&row);
        self.all.push(row);
    }

    fn extend(&mut self, rows: Vec<Row>) {
        rows.into_iter().for_each(|row| self.push(row));
    }
}

/// Tries all there is to try: the handshake, the contract of each kind, and manners; calls `tell` with each row as soon
/// as it is known, and returns all. Bounded in time; ends early when the parts' `stop` fires. Leaves no process.
pub async fn check(subject: &Subject, tell: &mut dyn FnMut(&Row)) -> Vec<Row> {
    let mut rows = Rows { all: Vec::new(), tell };
    let begun = tokio::time::Instant::now();
    let probe = match subject.start().await {
        Ok(probe) => probe,
        Err(failure) => {
            let remedy = remedy_of(&failure, subject);
            rows.push(Row::failed("plugin", STARTS, failure).remedy(remedy));
            return rows.all;
        }
    };
    let took = begun.elapsed();
    rows.push(match took > SLOW {
        true => Row::note("plugin", STARTS, format_args!("that took {} ms", took.as_millis())),
        false => Row::ok("plugin", STARTS),
    });
    manners::answers(subject, &probe, &mut rows).await;
    rows.push(provides(subject, &probe));
    let usable = manners::settings(subject, &probe, &mut rows).await;
    let mut farewells = vec![probe.farewell().await];
    // Each in processes of its own, so that one that breaks spoils no other's row.
    for life::Provided { kind, id } in &usable {
        if subject.parts.stop.is_cancelled() {
            break;
        }
        let manifest = &subject.package.manifest;
        let went = match kind {
            life::Kind::Engine => match manifest.engines.get(id) {
                Some(table) => engine::check(subject, id, table, &mut rows).await,
                None => continue,
            },
            life::Kind::Transport => match manifest.transports.get(id) {
                Some(table) => transport::check(subject, id, table, &mut rows).await,
                None => continue,
            },
            life::Kind::Command => command::check(subject, id, &mut rows).await,
        };
        farewells.extend(went);
    }
    rows.extend(manners::farewell(&farewells));
    rows.all
}

const STARTS: &str = "it starts and shakes hands";

/// Returns what to do about a plugin that did not shake hands.
fn remedy_of(failure: &Failure, subject: &Subject) -> String {
    match failure {
        // Its last words are in the row; what it reads and writes was not the trouble.
        Failure::Gone(_) | Failure::Call(CallError::Closed(_) | CallError::Unsent(_)) => {
            let command = subject.package.manifest.process.command.join(" ");
            format!(
                "it ended before it answered; try it by hand in {}: {command} </dev/null",
                subject.package.dir.display()
            )
        }
        _ => {
            "read stdin line by line, answer `initialize` first, and write nothing else to stdout".to_owned()
        }
    }
}

/// Tells whether the plugin brings what its manifest promises.
fn provides(subject: &Subject, probe: &Probe) -> Row {
    const CHECK: &str = "it provides what its manifest names, and nothing else";
    let promised = subject.package.manifest.provides();
    let brought = &probe.provides;
    let names = |all: &[life::Provided], but: &[life::Provided]| {
        let missing: Vec<String> = all.iter().filter(|one| !but.contains(one)).map(name).collect();
        missing.join(", ")
    };
    let (missing, extra) = (names(&promised, brought), names(brought, &promised));
    if missing.is_empty() && extra.is_empty() {
        return Row::ok("plugin", CHECK);
    }
    let told = match (missing.as_str(), extra.as_str()) {
        (missing, "") => format!("its answer to initialize lacks {missing}"),
        ("", extra) => format!("its answer to initialize has {extra}, which the manifest does not name"),
        (missing, extra) => format!("its answer to initialize lacks {missing} and has {extra} instead"),
    };
    Row::failed("plugin", CHECK, told).remedy(
        "register what the manifest has tables for, by the same ids: `provides` of the answer lists it",
    )
}

fn name(one: &life::Provided) -> String {
    named(one.kind, &one.id)
}

#[cfg(test)]
mod tests;

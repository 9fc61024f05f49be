//! What holds for plugins of every kind: they answer, refuse what they do not know, keep stdout clean, and go when told.

use std::collections::BTreeSet;

use takopi_plugin_protocol::life::{CheckConfig, Issue, Level, Ping, Provided};
use takopi_stdio::rpc::{CallError, RpcError};
use tokio::time::Instant;

use super::probe::{Farewell, Probe};
use super::{Row, Rows, SLOW, SOON, Subject, name};

/// Bytes on stderr above which a word is said.
const LOUD: usize = 64 << 10;

/// KiB of memory above which a word is said.
const HEAVY_KIB: u64 = 256 << 10;

const PLUGIN: &str = "plugin";
const PINGS: &str = "it answers a ping";
const UNKNOWN: &str = "it refuses what it does not know, and goes on";
const SETTINGS: &str = "its settings can be used";
const WIRE: &str = "stdout has messages and nothing else";
const ALLOWED: &str = "it says only what it may";
const GOES: &str = "it ends when it is told to";
const LEAVES: &str = "it leaves nothing running";
const QUIET: &str = "it is quiet on stderr";
const LIGHT: &str = "it needs little memory";

/// Tries what is answered at once.
pub(super) async fn answers(subject: &Subject, probe: &Probe, rows: &mut Rows<'_>) {
    let begun = Instant::now();
    let ping = probe.call(&Ping {}, &subject.patience(SOON)).await;
    rows.push(match ping {
        Ok(_) if begun.elapsed() > SLOW => {
            Row::note(PLUGIN, PINGS, format_args!("that took {} ms", begun.elapsed().as_millis()))
        }
        Ok(_) => Row::ok(PLUGIN, PINGS),
        Err(failure) => Row::failed(PLUGIN, PINGS, failure).remedy("answer `ping` with {} at any time"),
    });
    if let Err(error) = probe.tell_nonsense().await {
        tracing::debug!(%error, "nothing can be told");
    }
    rows.push(match probe.call_nonsense(&subject.patience(SOON)).await {
        Err(CallError::Refused(error)) if error.code == RpcError::UNKNOWN_METHOD => Row::ok(PLUGIN, UNKNOWN),
        Err(CallError::Refused(error)) => {
            Row::failed(PLUGIN, UNKNOWN, format_args!("it answered an unknown method with {error}"))
                .remedy("answer unknown methods with error -32601")
        }
        Ok(_) => Row::failed(PLUGIN, UNKNOWN, "it answered an unknown method with a result")
            .remedy("answer unknown methods with error -32601"),
        Err(failure) => Row::failed(PLUGIN, UNKNOWN, failure)
            .remedy("answer unknown methods with error -32601, and ignore unknown notifications"),
    });
}

/// Has every registered thing look at its settings; returns those that can be used, adding rows for the others.
pub(super) async fn settings(subject: &Subject, probe: &Probe, rows: &mut Rows<'_>) -> Vec<Provided> {
    let mut usable = Vec::new();
    for one in subject.package.manifest.provides() {
        let (about, config) = (name(&one), subject.tables.of(one.kind, &one.id));
        let is_set = !config.is_empty();
        let check = CheckConfig { kind: one.kind, id: one.id.clone(), config };
        let issues = match probe.call(&check, &subject.patience(SOON)).await {
            Ok(told) => told.issues,
            Err(failure) => {
                let remedy = "answer `config/check` with {\"issues\": []}";
                rows.push(Row::failed(&about, SETTINGS, failure).remedy(remedy));
                continue;
            }
        };
        let wrong: Vec<String> =
            issues.iter().filter(|issue| issue.level == Level::Error).map(told).collect();
        rows.push(match (wrong.is_empty(), is_set) {
            (true, _) => Row::ok(&about, SETTINGS),
            (false, true) => Row::failed(&about, SETTINGS, wrong.join("; ")),
            (false, false) => {
                let table = table(&one);
                Row::skipped(&about, SETTINGS, format_args!("without settings: {}", wrong.join("; ")))
                    .remedy(format_args!("try it with a config file that has {table}: --config PATH"))
            }
        });
        if wrong.is_empty() {
            usable.push(one);
        }
    }
    usable
}

fn told(issue: &Issue) -> String {
    let lines = issue.lines.iter().map(String::as_str);
    std::iter::once(issue.title.as_str()).chain(lines).collect::<Vec<_>>().join(", ")
}

fn table(one: &Provided) -> String {
    use takopi_plugin_protocol::life::Kind;
    match one.kind {
        Kind::Engine => format!("[engines.{}]", one.id),
        Kind::Command => format!("[plugins.{}]", one.id),
        Kind::Transport => format!("[transports.{}]", one.id),
    }
}

/// Tells how all its processes went.
pub(super) fn farewell(farewells: &[Farewell]) -> Vec<Row> {
    vec![
        wire(farewells),
        allowed(farewells),
        goes(farewells),
        leaves(farewells),
        quiet(farewells),
        light(farewells),
    ]
}

fn wire(farewells: &[Farewell]) -> Row {
    let lines: u64 = farewells.iter().map(|farewell| farewell.garbage.0).sum();
    let Some(noisy) = farewells.iter().find(|farewell| farewell.garbage.0 > 0) else {
        return Row::ok(PLUGIN, WIRE);
    };
    let noun = if lines == 1 { "line was no message" } else { "lines were no messages" };
    Row::failed(PLUGIN, WIRE, format_args!("{lines} {noun}: {}", noisy.garbage.1))
        .remedy("print to stderr; stdout is for the protocol")
}

fn allowed(farewells: &[Farewell]) -> Row {
    let faults: BTreeSet<&str> =
        farewells.iter().flat_map(|farewell| &farewell.faults).map(String::as_str).collect();
    let faults: Vec<&str> = faults.into_iter().collect();
    match faults.is_empty() {
        true => Row::ok(PLUGIN, ALLOWED),
        false => Row::failed(PLUGIN, ALLOWED, faults.join("; ")),
    }
}

fn goes(farewells: &[Farewell]) -> Row {
    if farewells.iter().any(|farewell| farewell.exit.is_none()) {
        return Row::failed(PLUGIN, GOES, "it was still there 5 s after `exit` and the end of its stdin")
            .remedy("end at `exit`, and when stdin ends");
    }
    let refusal = farewells.iter().find_map(|farewell| farewell.refusal.as_ref());
    match refusal {
        Some(failure) => {
            Row::failed(PLUGIN, GOES, failure).remedy("answer `shutdown` with {}, and end at `exit`")
        }
        None => Row::ok(PLUGIN, GOES),
    }
}

fn leaves(farewells: &[Farewell]) -> Row {
    let left: BTreeSet<&str> = farewells
        .iter()
        .flat_map(|farewell| &farewell.left)
        .map(|process| process.command.as_str())
        .collect();
    let left: Vec<&str> = left.into_iter().collect();
    match left.is_empty() {
        true => Row::ok(PLUGIN, LEAVES),
        false => {
            Row::failed(PLUGIN, LEAVES, left.join("; ")).remedy("end what you have started before you end")
        }
    }
}

fn quiet(farewells: &[Farewell]) -> Row {
    let most = farewells.iter().map(|farewell| farewell.stderr_bytes).max().unwrap_or_default();
    match most > LOUD {
        true => Row::note(PLUGIN, QUIET, format_args!("a process wrote {} KiB there", most >> 10)),
        false => Row::ok(PLUGIN, QUIET),
    }
}

fn light(farewells: &[Farewell]) -> Row {
    let most = farewells.iter().filter_map(|farewell| farewell.memory_kib).max();
    match most {
        None => Row::skipped(PLUGIN, LIGHT, "this system does not tell"),
        Some(kib) if kib > HEAVY_KIB => {
            Row::note(PLUGIN, LIGHT, format_args!("a process had {} MiB", kib >> 10))
        }
        Some(_) => Row::ok(PLUGIN, LIGHT),
    }
}

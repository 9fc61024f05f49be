//! The engines: each program asked for its version, all at once; what is wrong with a table; what they printed that
//! nobody knows; and which one answers where nobody says otherwise.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use takopi_core::catalog::Claim;
use takopi_core::id::EngineId;
use takopi_core::port::Engine;
use takopi_core::port::engine::{EngineSpec, Program};
use takopi_core::settings::{KnownEngine, Severity, Standing, default_engine};
use takopi_engines::{Listed, UnknownKinds};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::look::Scene;
use super::{Part, Row, State};
use crate::drift::{NAMESPACE, Noted};
use crate::house;
use crate::report::Failure;

/// How long an engine may take to tell of its program: more than any gives that.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long programs that were asked get to be gone.
const FAREWELL: Duration = Duration::from_secs(2);

/// Looks at the engines.
pub(super) async fn look(scene: &Scene<'_>) -> Result<Vec<Row>, Failure> {
    let known = &scene.read.known.engines;
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let made = house::engines(scene.settings, &scene.mark(), &tasks, &stop)?;
    let (default, trouble) = match default_engine(scene.settings, known) {
        Ok(id) => (Some(id), None),
        Err(mistake) => (None, Some(Row::mistake(Part::Engine, State::Failure, &mistake).name("default"))),
    };
    let mut asked: Vec<(Listed, Option<JoinHandle<_>>)> = Vec::new();
    for (listed, engine) in made {
        // Each has its own time limit, and they run beside each other.
        let asks = engine.map(|engine: Arc<dyn Engine>| tasks.spawn(async move { engine.program().await }));
        asked.push((listed, asks));
    }
    let mut rows = Vec::new();
    for (listed, asks) in asked {
        let Some(known) = known.iter().find(|known| known.id == listed.spec.id) else { continue };
        let is_default = default.as_ref() == Some(&known.id);
        let found = match answer(asks).await {
            Ok(program) => engine_rows(scene, known, &listed, program, is_default),
            Err(problem) => {
                let program = known.executable.as_deref().unwrap_or(known.id.as_str());
                let row = Row::new(Part::Engine, State::Warning, problem);
                vec![row.remedy(format!("try it by hand: {program} --version"))]
            }
        };
        rows.extend(found.into_iter().map(|row| row.name(&known.id)));
        rows.extend(drift_row(scene, &known.id));
    }
    let of_plugins = known.iter().filter(|engine| engine.standing == Standing::ThirdParty);
    rows.extend(of_plugins.filter_map(|engine| plugin_row(scene, engine, default.as_ref())));
    rows.extend(trouble);
    rows.extend(other_default(scene, default.as_ref()));
    // A program that did not answer in time is being ended.
    stop.cancel();
    tasks.close();
    if timeout(FAREWELL, tasks.wait()).await.is_err() {
        tracing::debug!("a program that was asked for its version has not gone yet");
    }
    Ok(rows)
}

/// Says how an engine of a plugin is; nothing of the plugin is started. One that is not enabled has no row.
fn plugin_row(scene: &Scene<'_>, engine: &KnownEngine, default: Option<&EngineId>) -> Option<Row> {
    let enabled = &scene.settings.plugins.enabled;
    let is_it =
        |claim: &&Claim<EngineSpec>| claim.id == engine.id.as_str() && claim.origin.is_enabled(enabled);
    let claim = scene.read.plugins.engines.iter().find(is_it)?;
    let is_default = default == Some(&engine.id);
    let row = match &engine.refused {
        Some(why) => Row::new(Part::Engine, State::Warning, why),
        None if !engine.installed => Row::issue(Part::Engine, State::Note, engine.missing()),
        None => {
            let mark = if is_default { " (default)" } else { "" };
            Row::new(
                Part::Engine,
                State::Ok,
                format!("{}{mark}", super::plugins::whose(scene, &claim.origin)),
            )
        }
    };
    Some(row.name(&engine.id).fact("default", is_default))
}

/// Waits for what an engine tells of its program; one that isn't made has none.
async fn answer(asks: Option<JoinHandle<Option<Program>>>) -> Result<Option<Program>, String> {
    let Some(asks) = asks else { return Ok(None) };
    match timeout(PATIENCE, asks).await {
        Ok(Ok(program)) => Ok(program),
        Ok(Err(panic)) => Err(format!("it could not be asked: {panic}")),
        Err(_) => Err(format!("no answer within {} s", PATIENCE.as_secs())),
    }
}

fn engine_rows(
    scene: &Scene<'_>,
    known: &KnownEngine,
    listed: &Listed,
    program: Option<Program>,
    is_default: bool,
) -> Vec<Row> {
    if scene.settings.yielding.contains(&known.id) {
        let text = "yields to the project of that name";
        return vec![Row::new(Part::Engine, State::Note, text).remedy("rename the project to have both")];
    }
    let mut rows: Vec<Row> = listed
        .told
        .iter()
        .map(|mistake| {
            let state = match mistake.severity {
                Severity::Error => State::Failure,
                Severity::Warning => State::Warning,
            };
            Row::mistake(Part::Engine, state, mistake)
        })
        .collect();
    let mark = if is_default { " (default)" } else { "" };
    let row = match program {
        _ if !known.installed => Row::issue(Part::Engine, State::Note, known.missing()),
        Some(program) => {
            let path = scene.place.shown(&program.path);
            let row = match &program.version {
                Ok(version) => Row::new(Part::Engine, State::Ok, format!("{version} · {path}{mark}"))
                    .fact("version", version.as_str()),
                Err(problem) => {
                    let text = format!("{path} does not tell its version: {problem}{mark}");
                    Row::new(Part::Engine, State::Warning, text)
                        .remedy(format!("try it by hand: {path} --version"))
                }
            };
            row.fact("path", json!(program.path))
        }
        None if known.executable.is_none() && listed.is_usable() => {
            Row::new(Part::Engine, State::Ok, format!("needs no program{mark}"))
        }
        // Its table is wrong, which is told already.
        None => return rows,
    };
    rows.push(row.fact("default", is_default));
    rows
}

/// Says what an engine printed that nobody knows here.
fn drift_row(scene: &Scene<'_>, engine: &EngineId) -> Option<Row> {
    let stored = match scene.ledger?.value(NAMESPACE, engine.as_str()) {
        Ok(stored) => stored?,
        Err(error) => return Some(Row::new(Part::Drift, State::Warning, error.to_string()).name(engine)),
    };
    let noted = Noted::read(&stored)?;
    let UnknownKinds { kinds, more, last, undecodable } = &noted.unknown;
    let mut told: Vec<String> = kinds.iter().map(|(kind, times)| format!("{kind} ×{times}")).collect();
    told.extend((*more > 0).then(|| format!("others ×{more} (the last: {})", last.join(", "))));
    told.extend((*undecodable > 0).then(|| format!("lines that are no JSON ×{undecodable}")));
    let row = Row::new(Part::Drift, State::Note, told.join(", ")).name(engine);
    let row =
        row.remedy(format!("{engine} may be newer than this takopi knows; its runs go on without them"));
    Some(
        row.fact("unknown", json!(noted.unknown))
            .fact("since", json!(noted.since))
            .fact("last", json!(noted.last)),
    )
}

/// The daemon keeps the default it started with: nothing is switched behind anybody's back.
fn other_default(scene: &Scene<'_>, now: Option<&EngineId>) -> Option<Row> {
    let (running, now) = (&scene.status?.default_engine, now?);
    (running != now).then(|| {
        let text = format!("messages that name no engine go to {running} until takopi is started again");
        let row = Row::new(Part::Engine, State::Note, text).name("default");
        row.remedy(format!("for a chat: /agent {now}; for all: default_engine = \"{now}\" and a new start"))
    })
}

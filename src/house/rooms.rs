//! What the rooms bring, put together by the settings: engines, commands, projects, transports.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use takopi_core::catalog::{Catalog, Claim, Holder, Listing, Loader, Origin, Rules, survey};
use takopi_core::desk::Generation;
use takopi_core::id::{CommandId, InstanceId, PluginId, PluginKind, TransportKind};
use takopi_core::port::command::{Command, CommandSettings, CommandSpec};
use takopi_core::port::engine::{Engine, EngineSpec};
use takopi_core::port::transport::TransportSpec;
use takopi_core::route::KnownProject;
use takopi_core::settings::{Diagnostic, Instance, Known, KnownEngine, Settings, Standing};
use takopi_engines::{Drifts, EngineParts, Environment, Listed};
use takopi_local::{Local, LocalConfig};
use takopi_telegram::{Telegram, TelegramConfig};
use takopi_workspace::{Patience, Turns, Worktrees, WorktreesParts};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Opening;
use super::doubles::Doubles;
use super::telegram::is_telegram;

/// Built-in commands the Python takopi did not have: they yield to a project of their name.
const LATE_COMMANDS: [&str; 3] = ["forget", "help", "status"];

/// Returns what settings may name in this build.
pub(crate) fn known() -> anyhow::Result<Known> {
    let mut late_commands = Vec::new();
    for word in LATE_COMMANDS {
        late_commands.push(CommandId::parse(word)?);
    }
    Ok(Known {
        engines: takopi_engines::known(is_on_path)?,
        transports: vec![Local::spec().kind, Telegram::spec().kind],
        late_commands,
    })
}

/// Returns whether an executable of that name is on PATH.
fn is_on_path(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|dir| takopi_stdio::is_executable(&dir.join(name)))
}

/// Returns the instance of the local transport: the first configured one, else `local`.
pub(super) fn local_instance(settings: &Settings) -> anyhow::Result<InstanceId> {
    let configured = settings.transports.iter().find(|instance| is_local(&instance.kind));
    Ok(match configured {
        Some(instance) => instance.id.clone(),
        None => InstanceId::parse("local")?,
    })
}

/// Returns whether the page is to be served.
pub(super) fn serves_local(settings: &Settings) -> bool {
    settings.served().any(|instance| is_local(&instance.kind))
}

fn is_local(kind: &TransportKind) -> bool {
    *kind == Local::spec().kind
}

/// Returns what takes a restart: the page's port, which is bound once, and the ledger.
pub(super) fn needs_restart(old: &Settings, new: &Settings) -> Vec<String> {
    let mut changed = Vec::new();
    let page = |settings: &Settings| -> anyhow::Result<_> {
        let instance = local_instance(settings)?;
        let table = settings.raw(&format!("transports.{instance}"));
        Ok((instance, serves_local(settings), table))
    };
    if let (Ok(before), Ok(now)) = (page(old), page(new))
        && before != now
    {
        changed.push(format!("[transports.{}]", now.0));
    }
    if old.ledger != new.ledger {
        changed.push("[ledger]".to_owned());
    }
    changed
}

/// What outlives a generation: the next one goes on with it.
#[derive(Clone, Default)]
pub(super) struct Lasting {
    /// What agents printed that nobody knows here.
    pub(super) drift: Drifts,
    /// The turns at making worktrees.
    turns: Turns,
}

/// Builds a generation.
///
/// # Errors
/// When the default engine's table cannot be used; other engines' mistakes disable only them, with a warning.
pub(super) fn generation(
    opening: &Opening,
    ledger: &str,
    tasks: &TaskTracker,
    stop: &CancellationToken,
    lasting: &Lasting,
) -> anyhow::Result<Generation> {
    let settings = &opening.settings;
    let listed = takopi_engines::list(settings, &[local_instance(settings)?])?;
    match listed.iter().find(|engine| engine.spec.id == opening.default_engine) {
        Some(engine) if engine.is_usable() => {}
        Some(engine) => {
            anyhow::bail!("the engine {} cannot be used:\n{}", opening.default_engine, told(&engine.told));
        }
        None => anyhow::bail!("there is no engine {}", opening.default_engine),
    }
    listed.iter().flat_map(|engine| &engine.told).for_each(super::warn);
    let parts = parts(settings, ledger, tasks, stop, &lasting.drift);
    let workspace = worktrees(settings, &opening.dir, &parts, &lasting.turns);
    let specs = listed.into_iter().map(|engine| engine.spec).collect();
    let (engines, commands) = surveys(settings, specs, &settings.plugins.enabled)?;
    let command_settings = commands.found.iter().filter_map(|found| table_of(settings, &found.id)).collect();
    Ok(Generation {
        engines: Catalog::new(engines, BuiltInEngines { parts, settings: settings.clone() }),
        commands: Catalog::new(commands, BuiltInCommands(takopi_commands::all()?)),
        command_settings,
        workspace: Arc::new(workspace),
        default_engine: opening.default_engine.clone(),
        projects: settings.projects.iter().map(known_project).collect(),
        default_project: settings.default_project.as_ref().map(|alias| alias.to_lowercase()),
        max_parallel_runs: settings.max_parallel_runs,
        serialize: settings.serialize,
        final_notify: opening.final_notify,
    })
}

/// Returns `[plugins.<id>]` of a command, where there is such a table.
fn table_of(settings: &Settings, id: &CommandId) -> Option<(CommandId, CommandSettings)> {
    match settings.raw(&format!("plugins.{id}"))? {
        serde_json::Value::Object(table) => Some((id.clone(), CommandSettings(table))),
        _ => None,
    }
}

/// Returns what engines are made of; `ledger` marks their children.
fn parts(
    settings: &Settings,
    ledger: &str,
    tasks: &TaskTracker,
    stop: &CancellationToken,
    drift: &Drifts,
) -> EngineParts {
    let environment =
        Environment::new(ledger, super::inherited(), |name, value| settings.environment.passes(name, value));
    EngineParts {
        environment,
        tasks: tasks.clone(),
        stop: stop.clone(),
        path: std::env::var_os("PATH"),
        shell: std::env::var_os("SHELL"),
        drift: drift.clone(),
    }
}

/// Returns where runs work; git gets the environment that engines get.
fn worktrees(settings: &Settings, default: &Path, parts: &EngineParts, turns: &Turns) -> Worktrees {
    let dressing = parts.environment.clone();
    Worktrees::new(WorktreesParts {
        projects: settings.projects.clone(),
        default: default.to_owned(),
        dress: Arc::new(move |spawn, run| match run {
            Some(run) => dressing.apply(spawn, run),
            None => dressing.apply_outside_runs(spawn),
        }),
        tasks: parts.tasks.clone(),
        stop: parts.stop.clone(),
        patience: Patience::default(),
        turns: turns.clone(),
    })
}

fn known_project(project: &takopi_core::settings::Project) -> KnownProject {
    KnownProject {
        key: project.key(),
        alias: project.alias.clone(),
        default_engine: project.default_engine.clone(),
        chat: project.chat_id.map(|id| id.to_string()),
    }
}

type Surveys = (takopi_core::catalog::Survey<EngineSpec>, takopi_core::catalog::Survey<CommandSpec>);

/// Decides who has which name: engines first, then commands, which may not take an engine's.
fn surveys(
    settings: &Settings,
    specs: Vec<EngineSpec>,
    enabled: &[takopi_core::id::Distribution],
) -> anyhow::Result<Surveys> {
    let commands = takopi_commands::all()?;
    let mut taken: BTreeMap<String, Holder> =
        settings.projects.iter().map(|project| (project.key(), Holder::Project)).collect();
    let late_engines: Vec<PluginId> = late(&takopi_engines::known(|_| true)?);
    let claims = specs.into_iter().map(|spec| {
        let late = late_engines.contains(&spec.id);
        Claim::built_in(&spec.id.clone(), spec, late)
    });
    let mut rules = Rules { enabled: enabled.to_vec(), taken: taken.clone() };
    rules.taken.extend(commands.iter().map(|(spec, _)| (spec.id.to_string(), Holder::Command)));
    let engines = survey(PluginKind::Engine, claims.collect(), &rules);
    taken.extend(engines.found.iter().map(|found| (found.id.to_string(), Holder::Engine)));
    let claims = commands.into_iter().map(|(spec, _)| {
        let late = LATE_COMMANDS.contains(&spec.id.as_str());
        Claim::built_in(&spec.id.clone(), spec, late)
    });
    let rules = Rules { enabled: enabled.to_vec(), taken };
    Ok((engines, survey(PluginKind::Command, claims.collect(), &rules)))
}

fn late(engines: &[KnownEngine]) -> Vec<PluginId> {
    engines
        .iter()
        .filter(|engine| engine.standing == Standing::Late)
        .map(|engine| engine.id.clone())
        .collect()
}

/// An engine by the settings, and what it is made into if its table lets it.
pub(crate) type Made = (Listed, Option<Arc<dyn Engine>>);

/// Returns the engines by the settings, each made if its table lets it, outside any house; `ledger` marks the
/// children they start.
pub(crate) fn engines(
    settings: &Settings,
    ledger: &str,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) -> anyhow::Result<Vec<Made>> {
    let parts = parts(settings, ledger, tasks, stop, &Drifts::default());
    let listed = takopi_engines::list(settings, &[local_instance(settings)?])?;
    let made = |engine: Listed| {
        // What is wrong with its table is in the list as well.
        let made = takopi_engines::build(&engine.spec, settings, &parts).ok();
        (engine, made)
    };
    Ok(listed.into_iter().map(made).collect())
}

/// Returns the projects by the settings, outside any house; `ledger` marks the git that looks at them.
pub(crate) fn workspace(
    settings: &Settings,
    ledger: &str,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) -> Worktrees {
    let Lasting { drift, turns } = Lasting::default();
    worktrees(settings, Path::new("."), &parts(settings, ledger, tasks, stop, &drift), &turns)
}

/// Returns the listing of `takopi plugins`. Nothing is loaded.
pub(crate) fn listing(settings: &Settings) -> anyhow::Result<Listing> {
    let listed = takopi_engines::list(settings, &[local_instance(settings)?])?;
    let specs = listed.into_iter().map(|engine| engine.spec).collect();
    let (engines, commands) = surveys(settings, specs, &[])?;
    let claim = |spec: TransportSpec| Claim::built_in(&spec.kind.clone(), spec, false);
    let claims = vec![claim(Local::spec()), claim(Telegram::spec())];
    let transports = survey(PluginKind::Transport, claims, &Rules::default());
    let mut listing = Listing::new(&settings.plugins.enabled);
    listing.add(&engines);
    listing.add(&transports);
    listing.add(&commands);
    Ok(listing)
}

/// Returns what is wrong with the engines' tables: each disables its engine.
pub(crate) fn mistakes(settings: &Settings) -> anyhow::Result<Vec<Diagnostic>> {
    let listed = takopi_engines::list(settings, &[local_instance(settings)?])?;
    Ok(listed.into_iter().flat_map(|engine| engine.told).collect())
}

/// Returns what is wrong with the transports' tables: each keeps takopi from starting.
pub(crate) fn transport_mistakes(settings: &Settings) -> Vec<Diagnostic> {
    let told = |instance: &Instance| {
        if is_local(&instance.kind) {
            return settings.transport::<LocalConfig>(&instance.id).diagnostics;
        }
        if is_telegram(instance) {
            return settings.transport::<TelegramConfig>(&instance.id).diagnostics;
        }
        Vec::new()
    };
    settings.served().flat_map(told).chain(Doubles::among(settings).told()).collect()
}

/// Returns diagnostics as lines.
pub(super) fn told(mistakes: &[Diagnostic]) -> String {
    mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

struct BuiltInEngines {
    parts: EngineParts,
    settings: Settings,
}

#[async_trait]
impl Loader<EngineSpec, dyn Engine> for BuiltInEngines {
    async fn load(
        &self,
        _id: &PluginId,
        spec: &EngineSpec,
        _origin: &Origin,
    ) -> Result<Arc<dyn Engine>, String> {
        takopi_engines::build(spec, &self.settings, &self.parts).map_err(|error| error.to_string())
    }
}

struct BuiltInCommands(Vec<takopi_commands::BuiltIn>);

#[async_trait]
impl Loader<CommandSpec, dyn Command> for BuiltInCommands {
    async fn load(
        &self,
        id: &PluginId,
        _spec: &CommandSpec,
        _origin: &Origin,
    ) -> Result<Arc<dyn Command>, String> {
        let found = self.0.iter().find(|(spec, _)| spec.id == *id);
        found.map(|(_, command)| command.clone()).ok_or_else(|| format!("{id} is no built-in command"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use takopi_core::settings::{ConfigFile, Input, load};

    const EXAMPLE: &str = include_str!("../../takopi.toml.example");

    fn loaded(text: &str) -> Settings {
        let content = Ok(text.as_bytes().to_vec());
        let file = ConfigFile { path: "/home/takopi.toml".into(), named: true, content };
        let input = Input { file: &file, environment: &[], overrides: &[], home: Some(Path::new("/home")) };
        let loaded = load(&input, &known().unwrap()).unwrap();
        assert_eq!(loaded.warnings, []);
        loaded.settings
    }

    /// Returns the tables of engines in the example, which are comments there, each as a person would have it.
    fn engine_tables() -> Vec<String> {
        let is_engine = |table: &&str| table.starts_with("# [engines.");
        let uncommented = |table: &str| table.lines().map(|line| &line[2..]).collect::<Vec<_>>().join("\n");
        EXAMPLE.split("\n\n").filter(is_engine).map(uncommented).collect()
    }

    /// Core's own keys are compared with their defaults in core; these are the rooms'.
    #[test]
    fn the_example_shows_the_settings_of_the_rooms_as_they_read_them() {
        let engines = engine_tables().join("\n");
        let settings = loaded(&format!("{}\n{engines}", EXAMPLE.replace("# port = ", "port = ")));
        let local = local_instance(&settings).unwrap();
        let (config, warnings) = settings.transport::<LocalConfig>(&local).usable().unwrap();
        assert_eq!((config.port, warnings.len()), (Some(8787), 0));
        let listed = takopi_engines::list(&settings, &[]).unwrap();
        let shell = listed.iter().find(|engine| engine.spec.id.as_str() == "shell").unwrap();
        assert_eq!(shell.spec.only_on.as_deref(), Some(&[local][..]));
        assert!(listed.iter().all(|engine| engine.told.is_empty()), "{listed:?}");
    }

    #[test]
    fn the_example_names_every_setting_of_every_engine() {
        for engine in known().unwrap().engines {
            let header = format!("[engines.{}]", engine.id);
            let tables = engine_tables();
            let table = tables.iter().find(|table| table.starts_with(&header));
            let table = table.unwrap_or_else(|| panic!("the example doesn't tell of {header}"));
            let settings = loaded(&format!("{header}\nzz = 1"));
            let mistakes = mistakes(&settings).unwrap();
            let keys = mistakes[0].remedy.split_once("known here: ").unwrap().1.to_owned();
            for key in keys.split(", ").filter(|key| !KNOWN_TO_PYTHON.contains(key)) {
                let is_told = table.lines().any(|line| line.starts_with(&format!("{key} = ")));
                assert!(is_told, "the example doesn't tell of {key} in {header}");
            }
        }
    }

    /// Keys that are read only so that an older file loads.
    const KNOWN_TO_PYTHON: [&str; 1] = ["mode"];
}

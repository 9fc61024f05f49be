//! What the rooms bring, put together by the settings: engines, commands, projects, transports.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use takopi_core::catalog::{Catalog, Claim, Holder, Listing, PluginError, Rules, Survey, survey};
use takopi_core::desk::Generation;
use takopi_core::id::{CommandId, Distribution, EngineId, InstanceId, PluginId, PluginKind, TransportKind};
use takopi_core::port::command::CommandSpec;
use takopi_core::port::engine::{Engine, EngineSpec};
use takopi_core::port::transport::TransportSpec;
use takopi_core::route::KnownProject;
use takopi_core::settings::{Diagnostic, Instance, Known, KnownEngine, PluginSettings, Settings, Standing};
use takopi_discord::Discord;
use takopi_engines::{Drifts, EngineParts, Environment, Listed};
use takopi_local::{Local, LocalConfig};
use takopi_plugin_host::discover::Discovery;
use takopi_plugin_host::{PluginTransportConfig, Plugins};
use takopi_telegram::Telegram;
use takopi_workspace::{Patience, Turns, Worktrees, WorktreesParts};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Opening;
use super::accounts::BotTable;
use super::doubles::Doubles;
use super::loaders::{Commands, Engines};
use super::plugins;

/// Built-in commands the Python takopi did not have: they yield to a project of their name.
const LATE_COMMANDS: [&str; 3] = ["forget", "help", "status"];

/// Returns what settings may name: what this build brings, and the plugins that were found, by the rules for them.
pub(crate) fn known(found: &Discovery, rules: &PluginSettings) -> anyhow::Result<Known> {
    let mut known = built_in()?;
    plugins::make_known(&mut known, found, rules);
    Ok(known)
}

/// Returns what settings may name without any plugin.
pub(super) fn built_in() -> anyhow::Result<Known> {
    let mut late_commands = Vec::new();
    for word in LATE_COMMANDS {
        late_commands.push(CommandId::parse(word)?);
    }
    Ok(Known {
        engines: takopi_engines::known(is_on_path)?,
        transports: built_in_transports().into_iter().map(|spec| spec.kind).collect(),
        late_commands,
        plugins: Vec::new(),
    })
}

/// Returns the transports of this program.
fn built_in_transports() -> Vec<TransportSpec> {
    vec![Local::spec(), Telegram::spec(), Discord::spec()]
}

/// Decides who has which name among the transports.
pub(crate) fn transports(found: &Discovery, enabled: &[Distribution]) -> Survey<TransportSpec> {
    let built_in =
        built_in_transports().into_iter().map(|spec| Claim::built_in(&spec.kind.clone(), spec, false));
    let claims = built_in.chain(found.transports.iter().cloned()).collect();
    survey(PluginKind::Transport, claims, &Rules { enabled: enabled.to_vec(), ..Rules::default() })
}

/// Returns whether an executable of that name is on PATH.
pub(crate) fn is_on_path(name: &str) -> bool {
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
    live: &Arc<Plugins>,
) -> anyhow::Result<Generation> {
    let settings = &opening.settings;
    let listed = takopi_engines::list(settings, &[local_instance(settings)?])?;
    listed.iter().flat_map(|engine| &engine.told).for_each(super::warn);
    let shelf = opening.shelf(live);
    let (claims, warnings) = shelf.claims();
    warnings.iter().for_each(super::warn);
    let (engines, commands) = surveys(settings, &listed, claims, &settings.plugins.enabled)?;
    check_default(&opening.default_engine, &listed, &engines)?;
    engines.errors.iter().chain(&commands.errors).for_each(warn_of_plugin);
    let parts = parts(settings, ledger, tasks, stop, &lasting.drift);
    let workspace = worktrees(settings, &opening.dir, &parts, &lasting.turns);
    let command_settings = commands.found.iter().filter_map(|found| shelf.command_settings(found)).collect();
    let built_in = takopi_commands::all()?;
    Ok(Generation {
        engines: Catalog::new(engines, Engines { parts, shelf: shelf.clone() }),
        commands: Catalog::new(commands, Commands { built_in, shelf }),
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

/// Checks that the engine for messages that name none can be used.
fn check_default(id: &EngineId, listed: &[Listed], engines: &Survey<EngineSpec>) -> anyhow::Result<()> {
    if let Some(engine) = listed.iter().find(|engine| engine.spec.id == *id) {
        anyhow::ensure!(engine.is_usable(), "the engine {id} cannot be used:\n{}", told(&engine.told));
        return Ok(());
    }
    match engines.found.iter().find(|found| found.id == *id).map(|found| &found.spec) {
        Some(Ok(_)) => Ok(()),
        Some(Err(problem)) => anyhow::bail!("the engine {id} cannot be used: {problem}"),
        None => match engines.errors.iter().find(|error| error.id == id.as_str()) {
            Some(error) => anyhow::bail!("the engine {id} cannot be used: {}", error.message),
            None => anyhow::bail!("there is no engine {id}"),
        },
    }
}

fn warn_of_plugin(error: &PluginError) {
    let distribution = error.distribution.as_deref().unwrap_or("unknown");
    tracing::warn!(id = error.id, distribution, "a plugin is not used: {}", error.message);
}

/// Returns what engines are made of; `ledger` marks their children.
pub(super) fn parts(
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

/// What plugins want to be: engines and commands.
pub(super) type Claims = (Vec<Claim<EngineSpec>>, Vec<Claim<CommandSpec>>);

type Surveys = (Survey<EngineSpec>, Survey<CommandSpec>);

/// Decides who has which name: engines first, then commands, which may not take an engine's.
fn surveys(
    settings: &Settings,
    listed: &[Listed],
    theirs: Claims,
    enabled: &[Distribution],
) -> anyhow::Result<Surveys> {
    let commands = takopi_commands::all()?;
    let mut taken: BTreeMap<String, Holder> =
        settings.projects.iter().map(|project| (project.key(), Holder::Project)).collect();
    let late_engines: Vec<PluginId> = late(&takopi_engines::known(|_| true)?);
    let claims = listed.iter().map(|Listed { spec, .. }| {
        let late = late_engines.contains(&spec.id);
        Claim::built_in(&spec.id.clone(), spec.clone(), late)
    });
    let mut rules = Rules { enabled: enabled.to_vec(), taken: taken.clone() };
    rules.taken.extend(commands.iter().map(|(spec, _)| (spec.id.to_string(), Holder::Command)));
    let claims = claims.chain(theirs.0);
    let engines = survey(PluginKind::Engine, claims.collect(), &rules);
    taken.extend(engines.usable().map(|id| (id.to_string(), Holder::Engine)));
    let claims = commands.into_iter().map(|(spec, _)| {
        let late = LATE_COMMANDS.contains(&spec.id.as_str());
        Claim::built_in(&spec.id.clone(), spec, late)
    });
    let rules = Rules { enabled: enabled.to_vec(), taken };
    let claims = claims.chain(theirs.1);
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
pub(crate) fn listing(settings: &Settings, found: &Discovery) -> anyhow::Result<Listing> {
    let listed = takopi_engines::list(settings, &[local_instance(settings)?])?;
    let (engines, commands) =
        surveys(settings, &listed, (found.engines.clone(), found.commands.clone()), &[])?;
    let mut listing = Listing::new(&settings.plugins.enabled);
    listing.add(&engines);
    listing.add(&transports(found, &[]));
    listing.add(&commands);
    listing.add_errors(&found.broken);
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
        if let Some(bot) = BotTable::read(settings, instance) {
            return bot.diagnostics;
        }
        settings.transport::<PluginTransportConfig>(&instance.id).diagnostics
    };
    settings.served().flat_map(told).chain(Doubles::among(settings).told()).collect()
}

/// Returns diagnostics as lines.
pub(super) fn told(mistakes: &[Diagnostic]) -> String {
    mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
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
        let loaded = load(&input, &built_in().unwrap()).unwrap();
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
        for engine in built_in().unwrap().engines {
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

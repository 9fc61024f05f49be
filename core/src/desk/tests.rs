//! The desk with a scripted engine, a chat service in memory and a ledger in memory, on a clock that only
//! moves when nothing else can happen.

mod anew;
mod calling;
mod completing;
mod delivering;
mod ending;
mod files;
mod following;
mod hearing;
mod native;
mod outgoing;
mod pairing;
mod people;
mod places;
mod queueing;
mod recovering;
mod serving;
mod simulation;
mod threads;
mod topics;
mod typing;

use std::sync::atomic::{AtomicU8, Ordering};

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::catalog::{Catalog, Claim, Loader, Origin, Rules, survey};
use crate::event::Outcome;
use crate::files::FilePath;
use crate::id::{EngineId, PluginId, PluginKind};
use crate::message::{Inbound, Message};
use crate::port::Workspace;
use crate::port::command::{
    Call, Command, CommandError, CommandHost, CommandOption, CommandReply, CommandSpec, OptionKind, RunMode,
    RunRequest,
};
use crate::port::engine::{Engine, EngineSpec};
use crate::port::ledger::PreferenceKey;
use crate::port::workspace::{
    FileError, FileRules, Get, Got, List, Place, ProjectCheck, Put, RunDir, Saved, Wanted, WorkspaceError,
};
use crate::route::KnownProject;
use crate::session::SessionToken;
use crate::settings::SerializeBy;
use crate::testing::clock::TestClock;
use crate::testing::engine::ScriptEngine;
use crate::testing::memory_ledger::MemoryLedger;
use crate::testing::transport::{FakeTransport, Seen};
use crate::testing::workspace::FakeWorkspace;

/// Run ids of two desks of one test must differ, as those of two processes do.
static SALT: AtomicU8 = AtomicU8::new(0);

/// Everything a test sees of an open desk.
struct Stage {
    desk: Desk,
    ledger: Arc<MemoryLedger>,
    engine: ScriptEngine,
    service: FakeTransport,
    ended: Arc<Mutex<Vec<RunId>>>,
    workspace: FakeWorkspace,
}

impl Stage {
    /// Opens a desk on an empty ledger, in a chat of conversations.
    async fn open() -> Self {
        let service = FakeTransport::new().with_spec(|spec| spec.features.conversations = true);
        Self::open_with(service, Arc::new(MemoryLedger::new())).await
    }

    async fn open_with(service: FakeTransport, ledger: Arc<MemoryLedger>) -> Self {
        let stage = Self::unserved(service, ledger);
        stage.serve().await;
        stage.desk.recover().await.unwrap();
        stage
    }

    /// Opens a desk that serves nobody yet.
    fn unserved(service: FakeTransport, ledger: Arc<MemoryLedger>) -> Self {
        service.disconnect();
        Self::placed(service, ledger, FakeWorkspace::at("/"), SerializeBy::Session)
    }

    /// Opens a desk on a machine with directories of its own.
    fn placed(
        service: FakeTransport,
        ledger: Arc<MemoryLedger>,
        workspace: FakeWorkspace,
        serialize: SerializeBy,
    ) -> Self {
        let engine = ScriptEngine::default();
        let ended = Arc::new(Mutex::new(Vec::new()));
        let desk = Desk::open(DeskParts {
            ledger: ledger.clone(),
            clock: Arc::new(TestClock::new()),
            leftovers: Arc::new(NoProcesses(ended.clone())),
            generation: Generation { serialize, ..in_projects(&engine, &workspace) },
            salt: [SALT.fetch_add(1, Ordering::Relaxed); 6],
        });
        Self { desk, ledger, engine, service, ended, workspace }
    }

    async fn serve(&self) {
        let service = &self.service;
        self.desk.serve(service.instance(), service.spec(), Arc::new(service.clone())).await;
    }

    /// Hands in a plain message and returns once it is accepted.
    async fn say(&self, chat: &str, upstream: &str, text: &str) {
        self.hand_in(self.service.message(chat, upstream, text)).await;
    }

    async fn hand_in(&self, message: Message) {
        assert_eq!(self.service.hand_in(Inbound::Message(message)).await.unwrap(), FirstResponse::Ack);
    }

    /// Waits until exactly these texts stand in a chat.
    async fn texts(&self, chat: &str, wanted: &[&str]) -> Vec<Seen> {
        self.service.wait_for(chat, |seen| texts(seen) == wanted).await
    }
}

fn texts(seen: &[Seen]) -> Vec<&str> {
    seen.iter().map(|seen| seen.body.text.as_str()).collect()
}

/// Returns the message that answers `upstream`.
fn answering<'a>(seen: &'a [Seen], upstream: &str) -> &'a Seen {
    seen.iter().find(|seen| seen.reply_to.as_deref() == Some(upstream)).unwrap()
}

fn generation(engine: &ScriptEngine) -> Generation {
    in_projects(engine, &FakeWorkspace::at("/"))
}

fn in_projects(engine: &ScriptEngine, workspace: &FakeWorkspace) -> Generation {
    let project = |key: &str| KnownProject {
        key: key.to_owned(),
        alias: key.to_uppercase(),
        default_engine: None,
        chat: None,
    };
    let specs = ["alpha", "beta"].map(ScriptEngine::spec);
    let claims = specs.into_iter().map(|spec| Claim::built_in(&spec.id.clone(), spec, false)).collect();
    let commands = ["cancel", "file", "probe", "quiet"].map(command);
    let commands = commands.into_iter().map(|spec| Claim::built_in(&spec.id.clone(), spec, false)).collect();
    Generation {
        engines: Catalog::new(
            survey(PluginKind::Engine, claims, &Rules::default()),
            Scripted(engine.clone()),
        ),
        commands: Catalog::new(survey(PluginKind::Command, commands, &Rules::default()), Commands),
        command_settings: std::collections::BTreeMap::new(),
        workspace: Arc::new(Directories(workspace.clone())),
        default_engine: EngineId::parse("alpha").unwrap(),
        projects: workspace.keys().map(project).collect(),
        default_project: None,
        max_parallel_runs: 8,
        serialize: SerializeBy::Session,
        final_notify: true,
    }
}

fn command(id: &str) -> CommandSpec {
    CommandSpec {
        id: PluginId::parse(id).unwrap(),
        description: id.to_owned(),
        usage: format!("/{id}"),
        options: ["zeta", "alpha"].into_iter().filter(|_| id == "quiet").map(option).collect(),
        ephemeral: id == "quiet",
        access: crate::port::command::Access::Everyone,
    }
}

fn option(name: &str) -> CommandOption {
    CommandOption {
        name: name.to_owned(),
        kind: OptionKind::Text,
        description: name.to_owned(),
        required: false,
    }
}

struct Scripted(ScriptEngine);

#[async_trait]
impl Loader<EngineSpec, dyn Engine> for Scripted {
    async fn load(&self, _: &PluginId, _: &EngineSpec, _: &Origin) -> Result<Arc<dyn Engine>, String> {
        Ok(Arc::new(self.0.clone()))
    }
}

struct Commands;

#[async_trait]
impl Loader<CommandSpec, dyn Command> for Commands {
    async fn load(&self, _: &PluginId, _: &CommandSpec, _: &Origin) -> Result<Arc<dyn Command>, String> {
        Ok(Arc::new(Self))
    }
}

/// `/cancel` says how many runs the short way has stopped; `/cancel panic` panics, `/probe new` begins a new
/// conversation, `/probe settle PROJECT` binds the chat and involves the bot, `/quiet` says its words, `/probe renew` also says how many runs of the old one go on, `/probe capture SESSION PROMPT` says how such a run ended.
#[async_trait]
impl Command for Commands {
    async fn call(
        &self,
        call: Call,
        host: Arc<dyn CommandHost>,
        stop: CancellationToken,
    ) -> Result<Option<CommandReply>, CommandError> {
        if let Some(answer) = calling::play(&call, &*host, &stop).await {
            return answer;
        }
        if call.command.as_str() == "quiet" {
            return Ok(Some(CommandReply::markdown(format!("{:?}", call.words))));
        }
        if let Some(project) = call.text.strip_prefix("settle ") {
            host.prefer(PreferenceKey::Trigger, None, Some("involved")).await?;
            host.prefer_in_chat(PreferenceKey::Context, None, Some(project)).await?;
            return Ok(None);
        }
        assert_ne!(call.text, "panic", "as the test says");
        if call.text == "new" {
            host.renew().await?;
        }
        if call.text == "renew" {
            let going_on = host.renew().await?.map_or(0, |renewed| renewed.under_way);
            return Ok(Some(CommandReply::markdown(format!("{going_on} go on"))));
        }
        if let Some((session, prompt)) = call.text.strip_prefix("capture ").and_then(|it| it.split_once(' '))
        {
            let session = SessionToken::parse(session);
            let request = RunRequest { prompt: prompt.to_owned(), engine: None, context: None, session };
            let result = host.run(request, RunMode::Capture).await?;
            return Ok(Some(CommandReply::markdown(format!("captured {}", result.answer))));
        }
        Ok(Some(CommandReply::markdown(format!("stopped {}", call.stopped.len()))))
    }
}

/// Panics where a test wants it to.
struct Directories(FakeWorkspace);

#[async_trait]
impl Workspace for Directories {
    async fn resolve(&self, wanted: &Wanted, stop: &CancellationToken) -> Result<RunDir, WorkspaceError> {
        assert_ne!(wanted.place, Place::Caller("/panic".into()), "as the test says");
        self.0.resolve(wanted, stop).await
    }

    async fn branches(&self, project: &str, stop: &CancellationToken) -> Result<Vec<String>, WorkspaceError> {
        self.0.branches(project, stop).await
    }

    async fn check(&self, stop: &CancellationToken) -> Vec<ProjectCheck> {
        self.0.check(stop).await
    }

    async fn put(&self, put: &Put, stop: &CancellationToken) -> Result<Saved, FileError> {
        self.0.put(put, stop).await
    }

    async fn get(&self, get: &Get, stop: &CancellationToken) -> Result<Got, FileError> {
        self.0.get(get, stop).await
    }

    async fn list(&self, list: &List, stop: &CancellationToken) -> Result<Vec<String>, FileError> {
        self.0.list(list, stop).await
    }

    async fn sendable(&self, dir: &RunDir, files: &[FilePath], rules: &FileRules) -> Vec<FilePath> {
        self.0.sendable(dir, files, rules).await
    }
}

/// Writes down whose processes were to be ended.
struct NoProcesses(Arc<Mutex<Vec<RunId>>>);

#[async_trait]
impl Leftovers for NoProcesses {
    async fn end(&self, run: RunId) -> usize {
        self.0.lock().unwrap().push(run);
        0
    }
}

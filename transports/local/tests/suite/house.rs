//! A house with one transport, `local`, engines that do as their prompts say, two projects and one command.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use takopi_core::catalog::{Catalog, Claim, Loader, Origin, Rules, survey};
use takopi_core::desk::{Desk, DeskParts, Generation};
use takopi_core::id::{EngineId, InstanceId, PluginId, PluginKind, RunId};
use takopi_core::message::Format;
use takopi_core::port::command::{Access, Call, CommandError, CommandReply, EngineStatus, ProjectStatus};
use takopi_core::port::workspace::WorkspaceError;
use takopi_core::port::{Command, CommandHost, CommandSpec, Engine, EngineSpec, Leftovers, Transport};
use takopi_core::route::KnownProject;
use takopi_core::session::SessionToken;
use takopi_core::settings::SerializeBy;
use takopi_core::testing::clock::TestClock;
use takopi_core::testing::engine::ScriptEngine;
use takopi_core::testing::memory_ledger::MemoryLedger;
use takopi_core::testing::workspace::FakeWorkspace;
use takopi_local::{Catalogue, CommandItem, Door, DoorParts, Local, LocalConfig, Menu, Page, Token};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Everything a test needs to hold.
pub(crate) struct House {
    pub(crate) door: Door,
    pub(crate) engine: ScriptEngine,
    pub(crate) ledger: Arc<MemoryLedger>,
    pub(crate) desk: Desk,
}

impl House {
    pub(crate) async fn open() -> Self {
        let house = Self::opening(Arc::new(MemoryLedger::new())).await;
        house.desk.recover().await.unwrap();
        house
    }

    /// Returns a house that has not taken up yet what the last one left in `ledger`.
    pub(crate) async fn opening(ledger: Arc<MemoryLedger>) -> Self {
        let engine = ScriptEngine::default();
        let clock = Arc::new(TestClock::new());
        let desk = Desk::open(DeskParts {
            ledger: ledger.clone(),
            clock: clock.clone(),
            leftovers: Arc::new(Nothing),
            generation: generation(&engine),
            salt: [7; 6],
        });
        let instance = InstanceId::parse("local").unwrap();
        let local = Arc::new(Local::new(instance.clone(), clock.clone()));
        let parts =
            DoorParts { desk: desk.clone(), ledger: ledger.clone(), clock, catalogue: Arc::new(Nothing) };
        let door = Door::new(&local, parts);
        let transport: Arc<dyn Transport> = local;
        desk.serve(instance, Local::spec(), transport).await;
        Self { door, engine, ledger, desk }
    }

    /// Serves the page of this house.
    pub(crate) async fn page(&self) -> Served {
        let token = Token::mint();
        let page = Page::bind(&LocalConfig { port: Some(0) }, token.clone()).await.unwrap();
        let (port, stop) = (page.port(), CancellationToken::new());
        let serving = page.serve(self.door.clone(), stop.clone());
        #[expect(clippy::disallowed_methods, reason = "a test holds the handle itself")]
        let task = tokio::spawn(async move { serving.await.unwrap() });
        Served { port, token, stop, task }
    }

    pub(crate) async fn close(self) {
        assert!(self.desk.close(Duration::from_secs(5)).await, "the desk closes in time");
    }
}

/// A page that is served.
pub(crate) struct Served {
    pub(crate) port: u16,
    pub(crate) token: Token,
    pub(crate) stop: CancellationToken,
    pub(crate) task: JoinHandle<()>,
}

pub(crate) fn engine_id() -> EngineId {
    EngineId::parse("script").unwrap()
}

fn engine_status(title: &str) -> EngineStatus {
    let issue = (title == "Absent").then(|| "npm install -g absent".to_owned());
    EngineStatus {
        id: EngineId::parse(&title.to_lowercase()).unwrap(),
        title: title.to_owned(),
        issue,
        options: false,
    }
}

fn greet() -> CommandSpec {
    CommandSpec {
        id: PluginId::parse("greet").unwrap(),
        description: "Greets".to_owned(),
        usage: "/greet [NAME]".to_owned(),
        options: Vec::new(),
        ephemeral: false,
        access: Access::Everyone,
    }
}

fn generation(engine: &ScriptEngine) -> Generation {
    let engines = ["script", "other", "absent"].map(ScriptEngine::spec);
    let engines = engines.into_iter().map(|spec| Claim::built_in(&spec.id.clone(), spec, false)).collect();
    let commands = vec![Claim::built_in(&greet().id, greet(), false)];
    Generation {
        engines: Catalog::new(survey(PluginKind::Engine, engines, &Rules::default()), Loaded(engine.clone())),
        commands: Catalog::new(survey(PluginKind::Command, commands, &Rules::default()), Greets),
        command_settings: std::collections::BTreeMap::new(),
        workspace: Arc::new(FakeWorkspace::at("/work").with("app", "/app").with("broken", "/broken")),
        default_engine: engine_id(),
        projects: [APP, BROKEN].map(project).into(),
        default_project: None,
        max_parallel_runs: 8,
        serialize: SerializeBy::Session,
        final_notify: true,
    }
}

/// A project with branches.
pub(crate) const APP: &str = "App";
/// A project whose branches cannot be told.
pub(crate) const BROKEN: &str = "broken";

fn project(alias: &str) -> KnownProject {
    KnownProject { key: alias.to_lowercase(), alias: alias.to_owned(), default_engine: None, chat: None }
}

struct Loaded(ScriptEngine);

#[async_trait]
impl Loader<EngineSpec, dyn Engine> for Loaded {
    async fn load(&self, _: &PluginId, _: &EngineSpec, _: &Origin) -> Result<Arc<dyn Engine>, String> {
        Ok(Arc::new(self.0.clone()))
    }
}

struct Greets;

#[async_trait]
impl Loader<CommandSpec, dyn Command> for Greets {
    async fn load(&self, _: &PluginId, _: &CommandSpec, _: &Origin) -> Result<Arc<dyn Command>, String> {
        Ok(Arc::new(Self))
    }
}

#[async_trait]
impl Command for Greets {
    async fn call(
        &self,
        call: Call,
        _: Arc<dyn CommandHost>,
        _: CancellationToken,
    ) -> Result<Option<CommandReply>, CommandError> {
        Ok(Some(CommandReply::markdown(format!("**Hello** {}", call.text.trim()))))
    }
}

/// Ports that nothing here depends on.
pub(crate) struct Nothing;

#[async_trait]
impl Leftovers for Nothing {
    async fn end(&self, _: RunId) -> usize {
        0
    }
}

#[async_trait]
impl Catalogue for Nothing {
    async fn menu(&self) -> Menu {
        let greet = greet();
        Menu {
            engines: ["Script", "Other", "Absent"].map(engine_status).into(),
            default_engine: Some(engine_id()),
            commands: vec![CommandItem { id: greet.id, usage: greet.usage, description: greet.description }],
            projects: [APP, BROKEN]
                .map(|alias| ProjectStatus { alias: alias.to_owned(), default_engine: None })
                .into(),
            dir: PathBuf::from("/work"),
        }
    }

    async fn branches(&self, project: &str, _: &CancellationToken) -> Result<Vec<String>, WorkspaceError> {
        match project {
            APP => Ok(vec!["main".to_owned(), "fix-login".to_owned()]),
            BROKEN => Err(WorkspaceError::Refused("it is no git repository".to_owned())),
            _ => std::future::pending().await,
        }
    }

    fn resume_line(&self, engine: &EngineId, token: &SessionToken) -> Option<String> {
        Some(format!("{engine} resume {token}"))
    }

    fn answer_format(&self, _: &EngineId) -> Format {
        Format::Markdown
    }
}

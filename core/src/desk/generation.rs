//! One reading of the config: what the desk runs by until the next. A reload makes a new one; work that
//! is under way keeps the old, whose engines are closed once nothing uses them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::task::TaskTracker;

use crate::catalog::Catalog;
use crate::id::{CommandId, EngineId, InstanceId};
use crate::port::command::{Command, CommandSettings, CommandSpec, EngineStatus};
use crate::port::engine::{Engine, EngineSpec};
use crate::port::transport::{TransportSpec, Trigger};
use crate::port::{SetupIssue, Workspace};
use crate::resume::ResumePatterns;
use crate::route::{Known, KnownProject, THREADED};
use crate::settings::SerializeBy;

/// How long an engine's shared processes get to end.
const CLOSE_GRACE: Duration = Duration::from_secs(5);

/// What the desk runs by.
pub struct Generation {
    /// The engines.
    pub engines: Catalog<EngineSpec, dyn Engine>,
    /// The commands.
    pub commands: Catalog<CommandSpec, dyn Command>,
    /// `[plugins.<id>]` of the commands that have such a table.
    pub command_settings: BTreeMap<CommandId, CommandSettings>,
    /// The directories.
    pub workspace: Arc<dyn Workspace>,
    /// The engine when nothing else says so.
    pub default_engine: EngineId,
    /// The projects.
    pub projects: Vec<KnownProject>,
    /// The project when nothing else says so, by key.
    pub default_project: Option<String>,
    /// How many runs may be under way at once.
    pub max_parallel_runs: usize,
    /// When two sessions meet in one directory.
    pub serialize: SerializeBy,
    /// Whether a final is a new message with notification, or an edit of the progress message.
    pub final_notify: bool,
}

/// A generation in force, with the work that is under way by it.
pub(super) struct InForce {
    pub(super) by: Generation,
    /// Every run and call holds a token of this tracker while it needs the generation's engines.
    pub(super) work: TaskTracker,
}

impl InForce {
    pub(super) fn new(by: Generation) -> Arc<Self> {
        Arc::new(Self { by, work: TaskTracker::new() })
    }

    /// Closes the engines once no work needs them.
    pub(super) async fn retire(self: Arc<Self>) {
        self.work.close();
        self.work.wait().await;
        for engine in self.by.engines.loaded() {
            engine.close(CLOSE_GRACE).await;
        }
    }
}

impl Generation {
    /// Returns the commands that answer at a transport.
    pub fn commands_at(&self, transport: &TransportSpec) -> impl Iterator<Item = &CommandSpec> {
        let threads = transport.features.threads;
        self.commands.specs().filter(move |spec| threads || !THREADED.contains(&spec.id.as_str()))
    }

    /// Returns what routing may know at an instance.
    #[must_use]
    pub fn known(&self, instance: &InstanceId, transport: &TransportSpec) -> Known {
        let served: Vec<&EngineSpec> = self.engines.specs().filter(|spec| serves(spec, instance)).collect();
        let engines: Vec<EngineId> = served.iter().map(|spec| spec.id.clone()).collect();
        let pattern = |spec: &EngineSpec| spec.resume.clone().map(|pattern| (spec.id.clone(), pattern));
        let resume: ResumePatterns = served.into_iter().filter_map(pattern).collect();
        let default_engine = engines.contains(&self.default_engine).then(|| self.default_engine.clone());
        let unusable = self.unusable();
        let commands: Vec<CommandId> = self.commands_at(transport).map(|spec| spec.id.clone()).collect();
        let is_free = |id: &CommandId| self.engines.spec(id).is_none();
        let broken = self.commands.broken().into_keys().filter(is_free);
        let commands = broken.chain(commands).collect();
        Known {
            engines,
            unusable,
            commands,
            projects: self.projects.clone(),
            resume,
            default_engine,
            default_project: self.default_project.clone(),
            conversations: transport.features.conversations,
            shared: false,
            topic: false,
            caller_dir: transport.features.caller_dir,
            files: None,
            bot: None,
            threads: transport.features.threads,
            trigger: Trigger::All,
            own_branch: None,
            options: Vec::new(),
        }
    }
}

impl Generation {
    /// Returns the engines that somebody wants to be and that cannot be used, with the reason for people.
    fn unusable(&self) -> BTreeMap<EngineId, String> {
        let is_free = |id: &EngineId| {
            self.commands.spec(id).is_none() && self.projects.iter().all(|project| project.key != id.as_str())
        };
        let broken = self.engines.broken().into_iter().filter(|(id, _)| is_free(id));
        broken.map(|(id, why)| (id, why.to_string())).collect()
    }

    /// Returns the engines that serve an instance, and why some cannot be used now.
    pub(super) async fn engine_statuses(&self, instance: &InstanceId) -> Vec<EngineStatus> {
        let mut list = Vec::new();
        for spec in self.engines.specs().filter(|spec| serves(spec, instance)) {
            let issue = match self.engines.load(&spec.id).await {
                Ok(engine) => engine.check().await.into_iter().next(),
                Err(error) => Some(SetupIssue { title: error.to_string(), remedy: Vec::new() }),
            };
            let (id, title, options) = (spec.id.clone(), spec.title.clone(), spec.features.options);
            list.push(EngineStatus { id, title, issue: issue.map(|issue| issue.to_string()), options });
        }
        // What may be chosen for them is not known: whoever asks is told why.
        let broken = self.unusable().into_iter();
        list.extend(broken.map(|(id, why)| EngineStatus {
            title: id.to_string(),
            id,
            issue: Some(why),
            options: true,
        }));
        list
    }
}

/// Returns whether an engine may be used at an instance.
#[must_use]
pub fn serves(engine: &EngineSpec, instance: &InstanceId) -> bool {
    engine.only_on.as_ref().is_none_or(|instances| instances.contains(instance))
}

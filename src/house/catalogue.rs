//! The house's lists as the door of this machine's own people needs them, read from the generation in force.

use std::path::PathBuf;

use async_trait::async_trait;
use takopi_core::desk::Desk;
use takopi_core::id::{EngineId, InstanceId};
use takopi_core::message::Format;
use takopi_core::port::command::ProjectStatus;
use takopi_core::port::workspace::WorkspaceError;
use takopi_core::route::{FILE, THREADED, TOPIC};
use takopi_core::session::SessionToken;
use takopi_local::{Catalogue, CommandItem, Menu};
use tokio_util::sync::CancellationToken;

/// The lists of the generation in force.
pub(super) struct HouseCatalogue {
    desk: Desk,
    instance: InstanceId,
    dir: PathBuf,
}

impl HouseCatalogue {
    pub(super) fn new(desk: Desk, instance: InstanceId, dir: PathBuf) -> Self {
        Self { desk, instance, dir }
    }
}

#[async_trait]
impl Catalogue for HouseCatalogue {
    async fn menu(&self) -> Menu {
        let engines = self.desk.engines(&self.instance).await;
        self.desk.with_generation(|generation| Menu {
            default_engine: engines
                .iter()
                .map(|engine| &engine.id)
                .find(|id| **id == generation.default_engine)
                .cloned(),
            commands: generation
                .commands
                .specs()
                // People of this machine have its files, and the page has no topics.
                .filter(|spec| {
                    ![FILE, TOPIC].contains(&spec.id.as_str()) && !THREADED.contains(&spec.id.as_str())
                })
                .map(|spec| CommandItem {
                    id: spec.id.clone(),
                    usage: spec.usage.clone(),
                    description: spec.description.clone(),
                })
                .collect(),
            projects: generation
                .projects
                .iter()
                .map(|project| ProjectStatus {
                    alias: project.alias.clone(),
                    default_engine: project.default_engine.clone(),
                })
                .collect(),
            dir: self.dir.clone(),
            engines: engines.clone(),
        })
    }

    async fn branches(&self, project: &str, stop: &CancellationToken) -> Result<Vec<String>, WorkspaceError> {
        let workspace = self.desk.with_generation(|generation| generation.workspace.clone());
        workspace.branches(&project.to_lowercase(), stop).await
    }

    fn resume_line(&self, engine: &EngineId, token: &SessionToken) -> Option<String> {
        self.desk.with_generation(|generation| {
            let pattern = generation.engines.spec(engine)?.resume.as_ref()?;
            Some(pattern.show(token))
        })
    }

    fn answer_format(&self, engine: &EngineId) -> Format {
        let plain = self.desk.with_generation(|generation| {
            generation.engines.spec(engine).is_some_and(|spec| spec.features.plain)
        });
        if plain { Format::Plain } else { Format::Markdown }
    }
}

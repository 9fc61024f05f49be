//! The projects: whether runs can work in them, and whether branches can.

use std::time::Duration;

use serde_json::json;
use takopi_core::port::workspace::{ProjectCheck, Workspace};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::look::Scene;
use super::{Part, Row, State};
use crate::house;

/// How long git may take over all projects. Each of its commands has its own limit; this is for a disk that hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a stopped git gets to be gone.
const FAREWELL: Duration = Duration::from_secs(2);

/// Looks at the projects.
pub(super) async fn look(scene: &Scene<'_>) -> Vec<Row> {
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let workspace = house::workspace(scene.settings, &scene.mark(), &tasks, &stop);
    let checking = workspace.check(&stop);
    tokio::pin!(checking);
    let checks = tokio::select! {
        checks = &mut checking => checks,
        () = tokio::time::sleep(PATIENCE) => {
            stop.cancel();
            // Those that were looked at are told.
            tokio::time::timeout(FAREWELL, checking).await.unwrap_or_default()
        }
    };
    stop.cancel();
    tasks.close();
    if tokio::time::timeout(FAREWELL, tasks.wait()).await.is_err() {
        tracing::debug!("git has not gone yet");
    }
    let mut rows: Vec<Row> = checks.iter().map(|check| row(scene, check)).collect();
    for project in &scene.settings.projects {
        if !checks.iter().any(|check| check.alias == project.alias) {
            let text = format!("no answer about it within {} s", PATIENCE.as_secs());
            rows.push(Row::new(Part::Project, State::Warning, text).name(&project.alias));
        }
    }
    rows
}

fn row(scene: &Scene<'_>, check: &ProjectCheck) -> Row {
    let ProjectCheck { alias, path, worktrees, directory, branches } = check;
    let row = match (directory, branches) {
        (Some(issue), _) => Row::issue(Part::Project, State::Failure, issue.clone()),
        (None, Some(issue)) => Row::issue(Part::Project, State::Note, issue.clone()),
        (None, None) => {
            let (path, worktrees) = (scene.place.shown(path), scene.place.shown(worktrees));
            Row::new(Part::Project, State::Ok, format!("{path} · worktrees in {worktrees}"))
        }
    };
    row.name(alias).fact("path", json!(path)).fact("worktrees", json!(worktrees))
}

//! Questions of the page and what it asks for, as JSON. Everything is passed on to the door.

use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use takopi_core::id::RunId;
use takopi_core::port::ledger::{InboxId, Said};
use takopi_core::time::Timestamp;

use super::Served;
use crate::catalogue::Menu;
use crate::conversation::ConversationId;
use crate::door::{Door, Press, Submit, Submitted};
use crate::error::LocalError;
use crate::paint::show_end;
use crate::view::{Item, Outlook, State as RunState, Steps};

/// Conversations listed; the older ones are found by their address.
const LISTED: usize = 100;

/// Things of a conversation that are read at once.
const HISTORY_PAGE: usize = 50;

/// Characters of output shown per step of a finished run.
const OUTPUT_CHARS: usize = 4_000;

/// An error as the page shows it.
pub(super) struct Failure(StatusCode, String);

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        (self.0, Json(serde_json::json!({ "error": self.1 }))).into_response()
    }
}

impl From<LocalError> for Failure {
    fn from(error: LocalError) -> Self {
        let status = match error {
            LocalError::Refused(_) => StatusCode::BAD_REQUEST,
            LocalError::NotReceiving | LocalError::Branches(_) => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self(status, error.to_string())
    }
}

impl From<JsonRejection> for Failure {
    fn from(rejection: JsonRejection) -> Self {
        Self(rejection.status(), rejection.body_text())
    }
}

impl From<QueryRejection> for Failure {
    fn from(rejection: QueryRejection) -> Self {
        Self(rejection.status(), rejection.body_text())
    }
}

#[derive(Serialize)]
pub(super) struct Listed {
    id: ConversationId,
    title: String,
    last_at: Timestamp,
    running: usize,
}

#[derive(Serialize)]
pub(super) struct Overview {
    conversations: Vec<Listed>,
    menu: Menu,
    version: &'static str,
}

pub(super) async fn state(State(served): State<Served>) -> Result<Json<Overview>, Failure> {
    let door = &served.door;
    let running = running(door);
    let count = |id| running.iter().filter(|other| **other == id).count();
    let conversations = door.conversations(LISTED).await?.into_iter();
    let conversations = conversations
        .map(|(id, row)| Listed { id, title: row.title, last_at: row.last_at, running: count(id) })
        .collect();
    Ok(Json(Overview { conversations, menu: door.menu().await, version: env!("CARGO_PKG_VERSION") }))
}

/// Returns the conversation of every run that waits or runs.
fn running(door: &Door) -> Vec<ConversationId> {
    door.runs().iter().filter_map(|run| door.conversation_of(run)).collect()
}

#[derive(Deserialize)]
pub(super) struct HistoryQuery {
    conversation: ConversationId,
    before: Option<InboxId>,
}

/// A piece of a conversation, oldest first.
#[derive(Debug, Serialize)]
pub(super) struct Piece {
    pub(super) items: Vec<Item>,
    /// Where the piece before this one ends; `None` when this is the beginning.
    pub(super) before: Option<InboxId>,
}

pub(super) async fn history(
    State(served): State<Served>,
    query: Result<Query<HistoryQuery>, QueryRejection>,
) -> Result<Json<Piece>, Failure> {
    let Query(query) = query?;
    Ok(Json(piece(&served.door, query.conversation, query.before).await?))
}

/// Reads a piece of a conversation.
pub(super) async fn piece(
    door: &Door,
    conversation: ConversationId,
    before: Option<InboxId>,
) -> Result<Piece, LocalError> {
    let said = door.history(conversation, before, HISTORY_PAGE).await?;
    let oldest = said.iter().find_map(|said| match said {
        Said::Inbound { id, .. } => Some(*id),
        Said::Run(_) | Said::Post(_) => None,
    });
    let before = match oldest {
        Some(oldest) if !door.history(conversation, Some(oldest), 1).await?.is_empty() => Some(oldest),
        _ => None,
    };
    let mut items: Vec<Item> = said.iter().flat_map(|said| Item::said(said, door.catalogue())).collect();
    for item in &mut items {
        if let Item::Run(view) = item
            && view.state == RunState::Starting
            && door.is_lost(view.run)
        {
            view.give_up();
        }
    }
    Ok(Piece { items, before })
}

#[derive(Deserialize)]
pub(super) struct RunQuery {
    run: RunId,
}

pub(super) async fn run(
    State(served): State<Served>,
    query: Result<Query<RunQuery>, QueryRejection>,
) -> Result<Json<Steps>, Failure> {
    let Query(query) = query?;
    let unknown = || Failure(StatusCode::NOT_FOUND, "this run is not known any more".to_owned());
    let mut row = served.door.run(query.run).await?.ok_or_else(unknown)?;
    for output in row.actions.iter_mut().filter_map(|action| action.detail.output.as_mut()) {
        show_end(output, OUTPUT_CHARS);
    }
    let shown = u64::try_from(row.actions.len()).unwrap_or(u64::MAX);
    Ok(Json(Steps { left_out: row.steps.saturating_sub(shown), actions: row.actions }))
}

pub(super) async fn submit(
    State(served): State<Served>,
    submit: Result<Json<Submit>, JsonRejection>,
) -> Result<Json<Submitted>, Failure> {
    let Json(submit) = submit?;
    Ok(Json(served.door.submit(submit).await?))
}

/// Tells what would become of a message, before it is sent.
pub(super) async fn foresee(
    State(served): State<Served>,
    submit: Result<Json<Submit>, JsonRejection>,
) -> Result<Json<Outlook>, Failure> {
    let Json(submit) = submit?;
    Ok(Json(Outlook::of(served.door.foresee(submit).await?)))
}

#[derive(Deserialize)]
pub(super) struct BranchesQuery {
    project: String,
}

#[derive(Serialize)]
pub(super) struct Branches {
    branches: Vec<String>,
}

pub(super) async fn branches(
    State(served): State<Served>,
    query: Result<Query<BranchesQuery>, QueryRejection>,
) -> Result<Json<Branches>, Failure> {
    let Query(query) = query?;
    // Fires too when the browser has lost interest and this is dropped.
    let stop = served.stop.child_token();
    let _stopped = stop.clone().drop_guard();
    Ok(Json(Branches { branches: served.door.branches(&query.project, &stop).await? }))
}

#[derive(Deserialize)]
pub(super) struct CancelBody {
    run: RunId,
}

#[derive(Serialize)]
pub(super) struct Cancelled {
    found: bool,
}

pub(super) async fn cancel(
    State(served): State<Served>,
    body: Result<Json<CancelBody>, JsonRejection>,
) -> Result<Json<Cancelled>, Failure> {
    let Json(body) = body?;
    Ok(Json(Cancelled { found: served.door.cancel(body.run) }))
}

pub(super) async fn press(
    State(served): State<Served>,
    press: Result<Json<Press>, JsonRejection>,
) -> Result<Json<Submitted>, Failure> {
    let Json(press) = press?;
    Ok(Json(served.door.press(press).await?))
}

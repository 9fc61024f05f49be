//! What the last daemon left undone, taken up at start: processes are ended, runs are closed and told,
//! posts go on, and messages that never became a run become one, in the order they came.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::clerk::{Arrival, Memo};
use super::door::paint::forget_queued;
use super::door::{Knock, QUEUED};
use super::{DeskEvent, Shared, script};
use crate::event::Outcome;
use crate::gather::Gatherer;
use crate::id::InstanceId;
use crate::message::{Inbound, MessageRef};
use crate::port::ledger::{
    EndRun, InboxId, LedgerError, PendingInbound, Post, PostKind, ProgressUse, RunNote, RunRow, Unfinished,
};
use crate::port::transport::TransportFeatures;
use crate::speech;
use crate::time::{Moment, Timestamp};

/// Takes up what was left. Nothing is lost when it fails half-way: the next start finds the rest.
pub(super) async fn recover(desk: &Arc<Shared>) -> Result<(), LedgerError> {
    let Unfinished { inbox, runs, outbox } = desk.ledger.unfinished().await?;
    let (messages, posts) = (inbox.len(), outbox.len());
    if messages + runs.len() + posts > 0 {
        tracing::info!(messages, runs = runs.len(), posts, "taking up what was left");
    }
    end_processes(desk, &runs).await;
    let now = desk.clock.now();
    for mut run in runs {
        adopt_progress(desk, &mut run).await?;
        let address = run.opened.address.clone();
        let end = closing(desk, run, now);
        let (run, outcome) = (end.id, end.outcome.clone());
        let posts = desk.ledger.end(end).await?;
        // Who looked before this saw it at work, and has no reader that tells its end.
        desk.tell(DeskEvent::Ended { run, address: address.clone(), outcome });
        desk.knock_posts(&address.instance, posts).await;
    }
    for row in outbox {
        desk.knock(&row.post.to.instance, Knock::Post(row.id)).await;
    }
    for arrival in gathered(desk, inbox) {
        let progress = match arrival.inbox.first() {
            Some(first) => inherited(desk, *first).await?,
            None => None,
        };
        let memo = Memo::Found { arrival: Box::new(arrival), progress };
        if desk.mailbox.send(memo).await.is_err() {
            tracing::debug!("closing time came before recovery was over");
            return Ok(());
        }
    }
    Ok(())
}

/// Lets go on what waits for an instance that is served again.
pub(super) async fn resume(desk: &Arc<Shared>, instance: &InstanceId) {
    match desk.ledger.unfinished().await {
        Ok(Unfinished { outbox, .. }) => {
            let here = outbox.into_iter().filter(|row| row.post.to.instance == *instance);
            desk.knock_posts(instance, here.map(|row| row.id).collect()).await;
        }
        Err(error) => tracing::error!(%instance, %error, "what is posted waits for the next start"),
    }
    desk.live_of(instance).iter().for_each(|run| desk.paint(run));
    if desk.mailbox.send(Memo::Served(instance.clone())).await.is_err() {
        tracing::debug!(%instance, "served after closing time");
    }
}

/// Ends what runs of the last daemon left behind, before anything new of the same sessions may start.
async fn end_processes(desk: &Arc<Shared>, runs: &[RunRow]) {
    let mut ending = JoinSet::new();
    for run in runs {
        let (desk, run) = (desk.clone(), run.opened.id);
        ending.spawn(async move {
            let ended = desk.leftovers.end(run).await;
            if ended > 0 {
                tracing::warn!(%run, ended, "ended processes of an interrupted run");
            }
        });
    }
    ending.join_all().await;
}

/// Joins what belongs together as it came, not as it is found: all at once.
fn gathered(desk: &Shared, inbox: Vec<PendingInbound>) -> Vec<Arrival> {
    let Some(first) = inbox.first().map(|pending| pending.accepted_at) else { return Vec::new() };
    let mut gatherer = Gatherer::default();
    let mut arrivals = Vec::with_capacity(inbox.len());
    for PendingInbound { id, accepted_at, inbound } in inbox {
        let now = Moment::after_start(accepted_at.since(first));
        arrivals.extend(gatherer.due(now).into_iter().map(Arrival::from));
        match inbound {
            // It has its turn with the clerk, once it is heard.
            Inbound::Message(message) if speech::unheard(&message).is_none() => {
                let windows = desk.windows(&message);
                arrivals.extend(gatherer.push(id, message, windows, now).into_iter().map(Arrival::from));
            }
            inbound => {
                arrivals.push(Arrival { inbox: vec![id], inbound, follows: None, stopped: Vec::new() });
            }
        }
    }
    arrivals.extend(gatherer.flush().into_iter().map(Arrival::from));
    arrivals.sort_by_key(|arrival| arrival.inbox.first().copied());
    arrivals
}

/// Gives a run the progress message its message had while it waited, should the daemon have died before the
/// run knew of it.
async fn adopt_progress(desk: &Shared, run: &mut RunRow) -> Result<(), LedgerError> {
    let Some(first) = run.opened.inbox.first().copied() else { return Ok(()) };
    let Some(progress) = inherited(desk, first).await? else { return Ok(()) };
    if run.progress.is_none() {
        let note = RunNote { progress: Some(progress.clone()), ..RunNote::default() };
        desk.ledger.note(run.opened.id, &note).await?;
        run.progress = Some(progress);
    }
    forget_queued(&*desk.ledger, first).await;
    Ok(())
}

/// Returns how a run of the last daemon ends: with its stored answer, or interrupted.
fn closing(desk: &Shared, run: RunRow, now: Timestamp) -> EndRun {
    let (outcome, answer) = match run.answer.clone() {
        Some(answer) => (Outcome::Answered, answer),
        None => (Outcome::Interrupted, String::new()),
    };
    // A stored answer was posted in the same transaction that stored it.
    let post = if outcome == Outcome::Answered { Vec::new() } else { told(desk, &run, now) };
    EndRun {
        id: run.opened.id,
        outcome,
        answer,
        usage: run.usage,
        steps: run.steps,
        actions: run.actions,
        ended_at: now,
        post,
    }
}

fn told(desk: &Shared, run: &RunRow, now: Timestamp) -> Vec<Post> {
    let opened = &run.opened;
    if opened.reply_to.is_none() {
        // Only a command got to see it.
        return Vec::new();
    }
    let elapsed = now.since(opened.opened_at);
    let Some(instance) = desk.instance(&opened.address.instance) else {
        // Its transport is not served now: stored all the same, sent when it is served again.
        let features = TransportFeatures::default();
        return vec![interrupted(
            run,
            vec![script::interrupted(&desk.in_force().by, run, &features, elapsed)],
        )];
    };
    if instance.spec.features.follows {
        return Vec::new();
    }
    let body =
        script::interrupted(&desk.in_force().by, run, &instance.features_at(&run.opened.address), elapsed);
    vec![interrupted(run, instance.transport.lay_out(&body))]
}

fn interrupted(run: &RunRow, parts: Vec<crate::message::Body>) -> Post {
    Post {
        to: run.opened.address.clone(),
        kind: PostKind::Final,
        run: Some(run.opened.id),
        reply_to: run.opened.reply_to.clone(),
        notify: false,
        progress: ProgressUse::Become,
        revises: None,
        parts,
    }
}

/// Returns the progress message a waiting message already had.
async fn inherited(desk: &Shared, inbox: InboxId) -> Result<Option<MessageRef>, LedgerError> {
    let key = inbox.0.to_string();
    let Some(json) = desk.ledger.get(QUEUED, &key).await? else { return Ok(None) };
    let message = serde_json::from_str(&json).ok();
    if message.is_none() {
        tracing::warn!(inbox = inbox.0, "a remembered progress message could not be read");
    }
    Ok(message)
}

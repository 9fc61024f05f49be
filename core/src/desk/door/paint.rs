//! Painting running runs: one message per run, rendered only when it may go, from the newest state, and
//! forgotten when a final supersedes it.

use std::sync::Arc;
use std::time::Duration;

use super::{After, Door, Made, QUEUED, What, in_time};
use crate::desk::live::LiveRun;
use crate::desk::script;
use crate::id::RunId;
use crate::message::{Body, MessageRef};
use crate::pacing::{Item, Key};
use crate::port::Ledger;
use crate::port::ledger::{InboxId, LedgerError, RunNote};
use crate::port::transport::{RetryScope, SendError, SendOptions, Sent};
use crate::render::trim;

/// A run whose progress is shown here.
pub(super) struct Painting {
    run: Arc<LiveRun>,
    shown: Option<Body>,
    /// A call for it is under way, and whether the run has changed since.
    under_way: bool,
    changed: bool,
    /// The service would not have it, or nobody knows whether it does.
    given_up: bool,
}

impl Painting {
    pub(super) fn is_under_way(&self) -> bool {
        self.under_way
    }
}

impl Door {
    /// Offers a run's painting, if it is not under way already.
    pub(super) fn repaint(&mut self, run: &Arc<LiveRun>) {
        if run.ended() || run.has_answer() {
            return;
        }
        let painting = self.paintings.entry(run.id).or_insert_with(|| Painting {
            run: run.clone(),
            shown: None,
            under_way: false,
            changed: false,
            given_up: false,
        });
        if painting.under_way {
            painting.changed = true;
        } else if !painting.given_up {
            let key = run.progress().map_or(Key::FirstProgress(run.id), Key::Edit);
            self.offer(key, &run.address.clone(), true, What::Paint(run.id));
        }
    }

    pub(super) fn beat(&mut self) {
        self.paintings.retain(|_, painting| painting.under_way || !painting.run.ended());
        let runs: Vec<_> = self.paintings.values().map(|painting| painting.run.clone()).collect();
        runs.iter().for_each(|run| self.repaint(run));
    }

    /// Paints a run no more. Its final waits while the first painting is on its way: only then is known
    /// which message it may take the place of.
    pub(super) fn stop_painting(&mut self, run: RunId) -> Option<After> {
        let painting = self.paintings.get(&run)?;
        let message = painting.run.progress();
        self.pacer.forget(&Key::FirstProgress(run));
        if let Some(message) = &message {
            self.pacer.forget(&Key::Edit(message.clone()));
        }
        if painting.under_way && message.is_none() {
            return Some(After::Painting(run));
        }
        self.paintings.remove(&run);
        None
    }

    /// Paints a run as it is now, unless it looks as it did.
    pub(super) fn paint(&mut self, run: RunId, item: Item<What>) {
        let now = self.desk.now();
        let body = self.paintings.get(&run).filter(|painting| !painting.run.ended()).map(|painting| {
            // It is one message, which must not lose its buttons to a second one.
            let body = trim(&script::progress(&painting.run, now), self.limit);
            (body, painting)
        });
        let Some((body, painting)) = body.filter(|(body, painting)| painting.shown.as_ref() != Some(body))
        else {
            self.pacer.done(&item.key);
            return;
        };
        let live = painting.run.clone();
        let (transport, ledger, clock) =
            (self.transport.clone(), self.desk.ledger.clone(), self.desk.clock.clone());
        if let Some(painting) = self.paintings.get_mut(&run) {
            painting.under_way = true;
            painting.changed = false;
        }
        let body = self.transport.lay_out(&body).into_iter().next().unwrap_or_default();
        self.calls.spawn(async move {
            let Some(message) = live.progress() else {
                let options = SendOptions {
                    reply_to: live.asked_by.clone(),
                    notify: false,
                    nonce: Some(run.to_string()),
                    asked_by: None,
                };
                let outcome = in_time(&*clock, transport.send(&live.address, &body, &options)).await;
                if let Ok(sent) = &outcome {
                    live.set_progress(sent.message.clone());
                    remember(&*ledger, &live, &sent.message).await;
                }
                return (item, Made::Painted { run, body, first: true, outcome });
            };
            let outcome = in_time(&*clock, transport.edit(&message, &body)).await;
            (item, Made::Painted { run, body, first: false, outcome })
        });
    }

    pub(super) async fn painted(
        &mut self,
        run: RunId,
        body: Body,
        first: bool,
        outcome: Result<Sent, SendError>,
        item: &Item<What>,
    ) {
        self.hint(item, &outcome);
        let now = self.desk.now();
        let Some(painting) = self.paintings.get_mut(&run) else { return };
        painting.under_way = false;
        match outcome {
            Ok(_) => painting.shown = Some(body),
            Err(SendError::RetryAfter { after, scope }) => {
                self.pacer.retry_after(scope, &item.chat, after, now);
                painting.changed = true;
            }
            Err(SendError::Broken(_)) => {
                self.pacer.retry_after(RetryScope::Chat, &item.chat, Duration::from_secs(1), now);
                painting.changed = true;
            }
            // One more try could leave two progress messages, and only one would ever be closed.
            Err(error) => {
                tracing::info!(%run, %error, first, "progress is not painted");
                painting.given_up = first || !matches!(error, SendError::Unknown(_));
            }
        }
        let live = painting.run.clone();
        let changed = std::mem::take(&mut painting.changed);
        let finals = self.waiting_for(After::Painting(run));
        if finals.is_empty() {
            if changed {
                self.repaint(&live);
            }
            return;
        }
        self.paintings.remove(&run);
        for id in finals {
            if let Some(delivery) = self.deliveries.get_mut(&id) {
                delivery.set_progress(live.progress());
            }
            self.go_on(id).await;
        }
    }
}

/// Remembers a progress message: with the run once it is open, until then with the message that waits.
async fn remember(ledger: &dyn Ledger, live: &LiveRun, message: &MessageRef) {
    if let Some(inbox) = live.inbox.filter(|_| !live.is_opened()) {
        let noted = match serde_json::to_string(message) {
            Ok(json) => ledger.put(QUEUED, &inbox.0.to_string(), Some(&json)).await,
            Err(error) => Err(LedgerError::new("remember a progress message", error.to_string())),
        };
        if let Err(error) = noted {
            tracing::error!(run = %live.id, %error, "after a crash this progress message would stay open");
        }
    }
    // It may have been opened meanwhile.
    if live.is_opened() {
        note_progress(ledger, live, message).await;
    }
}

/// Notes the progress message of an open run, and forgets that it waited.
pub(in crate::desk) async fn note_progress(ledger: &dyn Ledger, live: &LiveRun, message: &MessageRef) {
    let note = RunNote { progress: Some(message.clone()), ..RunNote::default() };
    if let Err(error) = ledger.note(live.id, &note).await {
        tracing::error!(run = %live.id, %error, "after a crash this progress message would stay open");
        return;
    }
    if let Some(inbox) = live.inbox {
        forget_queued(ledger, inbox).await;
    }
}

/// Forgets the progress message of a message that waited.
pub(in crate::desk) async fn forget_queued(ledger: &dyn Ledger, inbox: InboxId) {
    if let Err(error) = ledger.put(QUEUED, &inbox.0.to_string(), None).await {
        tracing::warn!(inbox = inbox.0, %error, "a progress message is remembered though it is not needed");
    }
}

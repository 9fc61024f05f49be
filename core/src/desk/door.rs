//! The door of one transport: everything that goes out passes here, at the pace the service allows.
//!
//! Posts are durable and delivered by `delivery.rs`'s rules; paintings of running runs are rendered only
//! when they may go, from the newest state, and dropped when nobody needs them. The door never decides
//! what is said. Painting is `door/paint.rs`.

pub(super) mod paint;

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::delivery::{Call, Delivery, Verdict};
use super::live::LiveRun;
use super::{Instance, Shared, serve};
use paint::Painting;

use crate::id::RunId;
use crate::message::{Address, Body, Inbound, MessageRef};
use crate::pacing::{Item, Key, Pacer};
use crate::port::ledger::{LedgerError, OutboxId, PartState, Post, PostKind};
use crate::port::transport::{SendError, SendOptions, Sent, TextLimit};
use crate::port::{Clock, Transport};
use crate::time::Moment;

/// How long a service may take over one call. Longer than any service's own timeout.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);

/// How long a service may take over a call that carries a file: 50 MiB over a line of half a megabit a second.
const FILE_TIMEOUT: Duration = Duration::from_secs(900);

/// How often a run that tells nothing is painted again, so that its elapsed time moves.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// The namespace that remembers progress messages of runs that wait, by their first inbox number.
pub(super) const QUEUED: &str = "queued";

/// What a door is told.
pub(super) enum Knock {
    /// Something was posted.
    Post(OutboxId),
    /// A run looks different.
    Paint(Arc<LiveRun>),
}

#[derive(Debug, Clone, Copy)]
enum What {
    Deliver(OutboxId),
    Paint(RunId),
}

enum Made {
    Sent { id: OutboxId, part: usize, outcome: Result<Sent, SendError> },
    Edited { id: OutboxId, part: usize, message: MessageRef, outcome: Result<Sent, SendError> },
    Deleted { id: OutboxId, outcome: Result<(), SendError> },
    Painted { run: RunId, body: Body, first: bool, outcome: Result<Sent, SendError> },
}

pub(super) struct Door {
    desk: Arc<Shared>,
    transport: Arc<dyn Transport>,
    /// The most one message may hold.
    limit: TextLimit,
    pacer: Pacer<What>,
    deliveries: HashMap<OutboxId, Delivery>,
    paintings: HashMap<RunId, Painting>,
    /// Posts that wait for the call of another to come back: the post they revise, or the first painting
    /// of their run.
    after: HashMap<OutboxId, After>,
    calls: JoinSet<(Item<What>, Made)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    Post(OutboxId),
    Painting(RunId),
}

impl Door {
    pub(super) fn new(desk: Arc<Shared>, instance: &Instance) -> Self {
        Self {
            desk,
            transport: instance.transport.clone(),
            limit: instance.spec.limits.text,
            pacer: Pacer::new(&instance.spec.limits),
            deliveries: HashMap::new(),
            paintings: HashMap::new(),
            after: HashMap::new(),
            calls: JoinSet::new(),
        }
    }

    /// Keeps the door until `leaving` fires, and a little longer for what is on its way.
    pub(super) async fn keep(mut self, mut knocks: mpsc::Receiver<Knock>, leaving: CancellationToken) {
        let mut heartbeat = self.desk.now() + HEARTBEAT;
        let mut farewell: Option<Moment> = None;
        loop {
            self.make_calls();
            if farewell.is_some() && self.deliveries.is_empty() && self.calls.is_empty() {
                return;
            }
            let clock = self.desk.clock.clone();
            let wake = self.pacer.next_wake(clock.moment()).map_or(heartbeat, |due| due.min(heartbeat));
            tokio::select! {
                biased;
                () = until(&*clock, farewell) => return,
                () = leaving.cancelled(), if farewell.is_none() => {
                    farewell = Some(clock.moment() + serve::FAREWELL);
                    // Finals may wait for those on their way.
                    self.paintings.retain(|_, painting| painting.is_under_way());
                }
                Some(knock) = knocks.recv() => self.answer(knock).await,
                Some(made) = self.calls.join_next() => match made {
                    Ok((item, made)) => self.settle(item, made).await,
                    Err(error) => tracing::error!(%error, "a call to a transport was lost"),
                },
                () = clock.sleep_until(wake) => {
                    if clock.moment() >= heartbeat {
                        heartbeat = clock.moment() + HEARTBEAT;
                        self.beat();
                    }
                }
            }
        }
    }

    async fn answer(&mut self, knock: Knock) {
        match knock {
            Knock::Post(id) => {
                if let Err(error) = self.take_up(id).await {
                    tracing::error!(%error, "a post waits for the next start");
                }
            }
            Knock::Paint(run) => self.repaint(&run),
        }
    }

    fn offer(&mut self, key: Key, to: &Address, counts: bool, what: What) {
        let rate = self.transport.chat_rate(to);
        self.pacer.offer(Item { key, chat: self.transport.budget(to), rate, counts, what });
    }

    /// Takes up a post: what it revises is stopped, the painting of its run too.
    async fn take_up(&mut self, id: OutboxId) -> Result<(), LedgerError> {
        let ledger = self.desk.ledger.clone();
        let Some(row) = ledger.outbox(id).await?.filter(|row| !row.closed) else { return Ok(()) };
        if self.deliveries.contains_key(&id) {
            return Ok(());
        }
        let mut after = None;
        let mut progress = None;
        if let Some(run) = row.post.run {
            if row.post.kind == PostKind::Final {
                after = self.stop_painting(run);
            }
            progress = match self.desk.live_run(run) {
                Some(live) => live.progress(),
                None => ledger.run(run).await?.and_then(|row| row.progress),
            };
        }
        let mut revised = Vec::new();
        if let Some(old) = row.post.revises {
            if let Some(delivery) = self.deliveries.get(&old) {
                revised = delivery.legacy();
                if delivery.under_way {
                    after = Some(After::Post(old));
                } else {
                    after = self.after.remove(&old).or(after);
                    self.drop_delivery(old).await;
                }
            } else if let Some(row) = ledger.outbox(old).await? {
                if !row.closed {
                    self.close(old).await;
                }
                revised = Delivery::new(row, None, Vec::new()).legacy();
            }
        }
        let asked_by = self.asked_by(&row.post).await;
        let mut delivery = Delivery::new(row, progress, revised);
        delivery.asked_by = asked_by;
        self.deliveries.insert(id, delivery);
        match after {
            Some(after) => drop(self.after.insert(id, after)),
            None => self.go_on(id).await,
        }
        Ok(())
    }

    /// Returns who waits for a final.
    async fn asked_by(&self, post: &Post) -> Option<String> {
        let run = post.run.filter(|_| post.kind == PostKind::Final && post.notify)?;
        let asked = async {
            let first = self.desk.ledger.run(run).await?.and_then(|row| row.opened.inbox.first().copied());
            match first {
                Some(first) => self.desk.ledger.inbound(first).await,
                None => Ok(None),
            }
        };
        let asked: Result<Option<Inbound>, LedgerError> = asked.await;
        match asked {
            Ok(inbound) => inbound?.sender().map(|sender| sender.id.clone()),
            Err(error) => {
                tracing::debug!(%run, %error, "nobody in particular is told of an answer");
                None
            }
        }
    }

    async fn drop_delivery(&mut self, id: OutboxId) {
        if let Some(delivery) = self.deliveries.remove(&id) {
            self.pacer.forget(&delivery.key());
            self.close(id).await;
        }
    }

    async fn close(&mut self, id: OutboxId) {
        if let Err(error) = self.desk.ledger.close_post(id).await {
            tracing::error!(%error, "a finished post is looked at again at the next start");
        }
    }

    /// Offers the next call of a post, or closes it.
    async fn go_on(&mut self, id: OutboxId) {
        let Some(delivery) = self.deliveries.get_mut(&id) else { return };
        if let Some(call) = delivery.next() {
            let (key, to) = (delivery.key(), delivery.to().clone());
            self.offer(key, &to, !matches!(call, Call::Delete { .. }), What::Deliver(id));
            return;
        }
        let copies = delivery.copies();
        if copies > 0 {
            tracing::warn!(post = id.0, copies, "a post may stand more than once: the service did not say");
        }
        self.deliveries.remove(&id);
        self.close(id).await;
    }

    /// Makes every call that may be made now.
    fn make_calls(&mut self) {
        while let Some(item) = self.pacer.take(self.desk.now()) {
            match item.what {
                What::Deliver(id) => self.deliver(id, item),
                What::Paint(run) => self.paint(run, item),
            }
        }
    }

    fn deliver(&mut self, id: OutboxId, item: Item<What>) {
        let Some((delivery, call)) =
            self.deliveries.get_mut(&id).and_then(|delivery| delivery.next().map(|call| (delivery, call)))
        else {
            self.pacer.done(&item.key);
            return;
        };
        delivery.under_way = true;
        let transport = self.transport.clone();
        let clock = self.desk.clock.clone();
        match call {
            Call::Send { part } => {
                let body = delivery.body(part).unwrap_or_default();
                let trying = delivery.trying(part);
                let to = delivery.to().clone();
                let options = SendOptions {
                    reply_to: delivery.post.reply_to.clone(),
                    notify: delivery.post.notify && part == 0,
                    nonce: Some(format!("{}-{part}", id.0)),
                    asked_by: delivery.asked_by.clone().filter(|_| part == 0),
                };
                let ledger = self.desk.ledger.clone();
                self.calls.spawn(async move {
                    if let Err(error) = ledger.mark(id, part, &trying).await {
                        tracing::warn!(%error, "a crash during this send would not be noticed");
                    }
                    let patience = if body.files.is_empty() { CALL_TIMEOUT } else { FILE_TIMEOUT };
                    let outcome = within(patience, &*clock, transport.send(&to, &body, &options)).await;
                    (item, Made::Sent { id, part, outcome })
                });
            }
            Call::Edit { part, message } => {
                let body = delivery.body(part).unwrap_or_default();
                self.calls.spawn(async move {
                    let outcome = in_time(&*clock, transport.edit(&message, &body)).await;
                    (item, Made::Edited { id, part, message, outcome })
                });
            }
            Call::Delete { message } => {
                self.calls.spawn(async move {
                    let outcome = in_time(&*clock, transport.delete(&message)).await;
                    (item, Made::Deleted { id, outcome })
                });
            }
        }
    }

    async fn settle(&mut self, item: Item<What>, made: Made) {
        self.pacer.done(&item.key);
        match made {
            Made::Painted { run, body, first, outcome } => {
                self.painted(run, body, first, outcome, &item).await
            }
            Made::Sent { id, part, outcome } => {
                self.hint(&item, &outcome);
                let verdict = self.deliveries.get_mut(&id).map(|delivery| delivery.sent(part, outcome));
                self.follow_up(id, verdict, &item).await;
            }
            Made::Edited { id, part, message, outcome } => {
                self.hint(&item, &outcome);
                let verdict =
                    self.deliveries.get_mut(&id).map(|delivery| delivery.edited(part, &message, outcome));
                self.follow_up(id, verdict, &item).await;
            }
            Made::Deleted { id, outcome } => {
                let verdict = self.deliveries.get_mut(&id).map(|delivery| delivery.deleted(outcome));
                self.follow_up(id, verdict, &item).await;
            }
        }
    }

    fn hint(&mut self, item: &Item<What>, outcome: &Result<Sent, SendError>) {
        if let Ok(Sent { hint: Some((left, reset_in)), .. }) = outcome {
            self.pacer.hint(&item.chat, *left, *reset_in, self.desk.now());
        }
    }

    async fn follow_up(&mut self, id: OutboxId, verdict: Option<Verdict>, item: &Item<What>) {
        let Some(Verdict { mark, pause }) = verdict else { return };
        if let Some((part, state)) = mark {
            if let PartState::Refused { reason } = &state {
                tracing::error!(post = id.0, part, reason, "the service will not take this");
            }
            if let Err(error) = self.desk.ledger.mark(id, part, &state).await {
                tracing::error!(%error, "a part may be sent once more at the next start");
            }
        }
        if let Some((after, scope)) = pause {
            self.pacer.retry_after(scope, &item.chat, after, self.desk.now());
        }
        if let Some(delivery) = self.deliveries.get_mut(&id) {
            delivery.under_way = false;
        }
        let revisers = self.waiting_for(After::Post(id));
        if revisers.is_empty() {
            self.go_on(id).await;
            return;
        }
        let stands = self.deliveries.get(&id).map(Delivery::legacy).unwrap_or_default();
        self.drop_delivery(id).await;
        for reviser in revisers {
            if let Some(delivery) = self.deliveries.get_mut(&reviser) {
                delivery.revise(stands.clone());
            }
            self.go_on(reviser).await;
        }
    }

    fn waiting_for(&mut self, what: After) -> Vec<OutboxId> {
        let mut ready: Vec<_> =
            self.after.iter().filter(|(_, after)| **after == what).map(|(id, _)| *id).collect();
        ready.sort_unstable();
        self.after.retain(|_, after| *after != what);
        ready
    }
}

async fn until(clock: &dyn Clock, moment: Option<Moment>) {
    match moment {
        Some(moment) => clock.sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

/// Gives a call its time; past it, or after a panic, nobody knows what became of it.
pub(super) async fn in_time<T>(
    clock: &dyn Clock,
    call: impl Future<Output = Result<T, SendError>>,
) -> Result<T, SendError> {
    within(CALL_TIMEOUT, clock, call).await
}

async fn within<T>(
    patience: Duration,
    clock: &dyn Clock,
    call: impl Future<Output = Result<T, SendError>>,
) -> Result<T, SendError> {
    let mut call = std::pin::pin!(call);
    let call = std::future::poll_fn(|context| {
        // A call that panicked is not polled again.
        catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(context)))
            .unwrap_or_else(|_| Poll::Ready(Err(SendError::Unknown("the transport crashed".to_owned()))))
    });
    tokio::select! {
        outcome = call => outcome,
        () = clock.sleep_until(clock.moment() + patience) => Err(SendError::Unknown("no answer in time".to_owned())),
    }
}

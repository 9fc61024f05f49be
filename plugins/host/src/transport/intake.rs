//! What comes in, in its order: written down as a whole, answered when it is on disk, and the cursor moved no further
//! than that.

use std::collections::BTreeSet;

use takopi_core::desk::{AcceptError, FirstResponse, Inbox};
use takopi_core::id::InstanceId;
use takopi_core::message::Inbound;
use takopi_core::port::Clock;
use takopi_core::port::transport::{Admission, TransportError};
use takopi_plugin_protocol::transport::Accepted;
use takopi_stdio::rpc::RpcError;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::doors::{Arrival, LINE_BOUND};
use super::gate::Gate;
use super::inbound::{Read, read};
use super::refusal::later;

/// Most bytes of a cursor.
const MAX_CURSOR_BYTES: usize = 4096;

/// Inbounds that were not taken and have not come again. More than that is no bad moment of a disk.
pub(super) const MAX_MISSING: usize = 1024;

/// What somebody is told who presses a button that nobody knows.
const FORGOTTEN: &str = "this button is too old; type what you want";

/// What comes in through one door.
pub(super) struct Intake<'a> {
    pub(super) inbox: &'a Inbox,
    pub(super) instance: &'a InstanceId,
    pub(super) gate: &'a Gate,
    pub(super) clock: &'a dyn Clock,
    pub(super) stop: &'a CancellationToken,
    /// Whose the cursor is: stands before it in the ledger, so that no other plugin gets it.
    pub(super) owner: String,
    /// What was not taken and has not come again: no cursor counts while there is any.
    pub(super) missing: BTreeSet<String>,
}

/// Something to be written down.
struct Work {
    inbound: Inbound,
    cursor: Option<String>,
    answer: oneshot::Sender<Result<Accepted, RpcError>>,
}

impl Intake<'_> {
    /// Returns the last cursor of this plugin that counts.
    ///
    /// # Errors
    /// [`AcceptError::Ledger`].
    pub(super) async fn cursor(inbox: &Inbox, owner: &str) -> Result<Option<String>, AcceptError> {
        let stored = inbox.cursor().await?;
        Ok(stored.and_then(|stored| stored.strip_prefix(owner).map(str::to_owned)))
    }

    /// Takes in what comes until the house will have no more of it, and returns why.
    pub(super) async fn run(mut self, mut arrivals: mpsc::Receiver<Arrival>) -> TransportError {
        let mut batch = Vec::with_capacity(LINE_BOUND);
        while arrivals.recv_many(&mut batch, LINE_BOUND).await > 0 {
            self.missing.extend(batch.iter_mut().flat_map(|arrival| std::mem::take(&mut arrival.refused)));
            if self.missing.len() > MAX_MISSING {
                return TransportError::Broken("it hands in more at once than is taken".to_owned());
            }
            let work = batch.drain(..).filter_map(|arrival| self.read(arrival)).collect();
            if let Err(error) = self.take(work).await {
                return error;
            }
        }
        TransportError::Broken("its door was closed".to_owned())
    }

    /// Reads what came in, and answers at once what is not to be written down.
    fn read(&self, arrival: Arrival) -> Option<Work> {
        let Arrival { mut inbound, answer, .. } = arrival;
        let cursor = inbound.cursor.take();
        if cursor.as_ref().is_some_and(|cursor| cursor.len() > MAX_CURSOR_BYTES) {
            let problem = format!("cursor: it is longer than {MAX_CURSOR_BYTES} bytes");
            tell(answer, Err(RpcError::invalid_params(problem)));
            return None;
        }
        match read(inbound, self.instance, self.clock.now()) {
            Ok(Read::Inbound(inbound)) => return Some(Work { inbound, cursor, answer }),
            Ok(Read::Deleted(inbound, sender)) => {
                if sender.is_none_or(|sender| self.gate.admits(&sender) == Admission::Served) {
                    return Some(Work { inbound, cursor, answer });
                }
                tell(answer, Ok(Accepted::default()));
            }
            Ok(Read::Forgotten(sender)) => {
                let is_served = self.gate.admits(&sender) == Admission::Served;
                tell(answer, Ok(Accepted { toast: is_served.then(|| FORGOTTEN.to_owned()) }));
            }
            Err(problem) => tell(answer, Err(RpcError::invalid_params(problem))),
        }
        None
    }

    /// Writes all of it down at once, and only where that fails one by one, as far as it goes.
    async fn take(&mut self, work: Vec<Work>) -> Result<(), TransportError> {
        if work.is_empty() {
            return Ok(());
        }
        let inbounds = work.iter().map(|work| work.inbound.clone()).collect();
        match self.inbox.accept_all(inbounds).await {
            Ok(first) => {
                self.taken(work, first).await;
                Ok(())
            }
            Err(error) if work.len() == 1 => self.refuse(work, &error),
            Err(_) => self.take_singly(work).await,
        }
    }

    async fn take_singly(&mut self, work: Vec<Work>) -> Result<(), TransportError> {
        let mut rest = work.into_iter();
        while let Some(one) = rest.next() {
            match self.inbox.accept(one.inbound.clone()).await {
                Ok(first) => self.taken(vec![one], vec![first]).await,
                // What comes after it would overtake it.
                Err(error) => return self.refuse(std::iter::once(one).chain(rest).collect(), &error),
            }
        }
        Ok(())
    }

    async fn taken(&mut self, work: Vec<Work>, first: Vec<FirstResponse>) {
        let mut reached = None;
        let mut answers = Vec::with_capacity(work.len());
        for (Work { inbound, cursor, answer }, first) in work.into_iter().zip(first) {
            self.missing.remove(inbound.upstream());
            reached = cursor.filter(|_| self.missing.is_empty()).or(reached);
            answers.push((answer, toast(first)));
        }
        if let Some(cursor) = reached
            && let Err(error) = self.inbox.set_cursor(&format!("{}{cursor}", self.owner)).await
        {
            // What comes after the old one comes again, and is known.
            tracing::warn!(instance = %self.instance, %error, "a plugin's cursor is not kept");
        }
        for (answer, toast) in answers {
            tell(answer, Ok(Accepted { toast }));
        }
    }

    fn refuse(&mut self, work: Vec<Work>, error: &AcceptError) -> Result<(), TransportError> {
        for Work { inbound, answer, .. } in work {
            self.missing.insert(inbound.upstream().to_owned());
            tell(answer, Err(later(error)));
        }
        match error {
            AcceptError::Closing => Ok(()),
            AcceptError::NotServed(_) if self.stop.is_cancelled() => Ok(()),
            AcceptError::NotServed(_) => Err(TransportError::Broken(error.to_string())),
            AcceptError::Ledger(_) if self.missing.len() > MAX_MISSING => {
                Err(TransportError::Broken(error.to_string()))
            }
            AcceptError::Ledger(_) => {
                tracing::error!(instance = %self.instance, %error, "a plugin's message is not taken yet");
                Ok(())
            }
        }
    }
}

fn toast(first: FirstResponse) -> Option<String> {
    match first {
        FirstResponse::Toast(text) => Some(text),
        FirstResponse::Ack | FirstResponse::Defer { .. } => None,
    }
}

fn tell(answer: oneshot::Sender<Result<Accepted, RpcError>>, outcome: Result<Accepted, RpcError>) {
    if answer.send(outcome).is_err() {
        tracing::debug!("a plugin was gone before it was answered");
    }
}

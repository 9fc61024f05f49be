//! Which transports a process has been told to start, and the lines in which what comes in through them waits.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use takopi_core::id::InstanceId;
use takopi_plugin_protocol::transport::{Accepted, Inbound};
use takopi_stdio::rpc::{Answering, RpcError};
use tokio::sync::{OwnedMutexGuard, mpsc, oneshot};

use super::intake::MAX_MISSING;
use super::refusal;
use crate::switchboard::{read, write};

/// What may wait in one line: as many requests of a plugin as are served at a time.
pub(super) const LINE_BOUND: usize = 64;

/// Something that came in, and where its answer goes.
#[derive(Debug)]
pub(super) struct Arrival {
    pub(super) inbound: Inbound,
    /// What was refused before it, by its name upstream, since the last one that got into the line.
    pub(super) refused: Vec<String>,
    pub(super) answer: oneshot::Sender<Result<Accepted, RpcError>>,
}

/// The doors of one process.
#[derive(Debug, Default)]
pub(crate) struct Doors(Mutex<HashMap<InstanceId, Door>>);

#[derive(Debug, Default)]
struct Door {
    turn: Arc<tokio::sync::Mutex<()>>,
    line: Option<mpsc::Sender<Arrival>>,
    refused: Vec<String>,
}

/// An open door; closed when it is dropped.
#[derive(Debug)]
pub(super) struct Open<'a> {
    doors: &'a Doors,
    instance: InstanceId,
    #[expect(dead_code, reason = "held until the door is closed")]
    turn: OwnedMutexGuard<()>,
}

impl Doors {
    fn doors(&self) -> MutexGuard<'_, HashMap<InstanceId, Door>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens the door of an instance, once whoever had it before has closed it: a transport that gives way to another
    /// one of its name tells the plugin to stop before that one tells it to start.
    pub(super) async fn open(&self, instance: &InstanceId) -> (Open<'_>, mpsc::Receiver<Arrival>) {
        let turn = self.doors().entry(instance.clone()).or_default().turn.clone();
        let turn = turn.lock_owned().await;
        let (line, arrivals) = mpsc::channel(LINE_BOUND);
        let mut doors = self.doors();
        let door = doors.entry(instance.clone()).or_default();
        // All that comes after the cursor of its start is wanted anew.
        door.refused.clear();
        door.line = Some(line);
        drop(doors);
        (Open { doors: self, instance: instance.clone(), turn }, arrivals)
    }

    /// Puts what came in into its line, at once, and returns its answer.
    pub(crate) fn take(&self, params: Value) -> Answering {
        match self.put(params) {
            Ok(answered) => Box::pin(async move {
                let gone = |_| refusal::later("the transport is being stopped");
                write::<Inbound>(&answered.await.unwrap_or_else(|error| Err(gone(error)))?)
            }),
            Err(refusal) => Box::pin(std::future::ready(Err(refusal))),
        }
    }

    fn put(&self, params: Value) -> Result<oneshot::Receiver<Result<Accepted, RpcError>>, RpcError> {
        let inbound: Inbound = read(params)?;
        let instance = inbound.message.address.instance.as_str();
        let mut doors = self.doors();
        let Some((line, refused)) = doors.get_mut(instance).and_then(Door::parts) else {
            return Err(RpcError::invalid_params(
                "message.address.instance: no transport of that name was started here",
            ));
        };
        let (answer, answered) = oneshot::channel();
        match line.try_send(Arrival { inbound, refused: std::mem::take(refused), answer }) {
            Ok(()) => Ok(answered),
            Err(mpsc::error::TrySendError::Full(back) | mpsc::error::TrySendError::Closed(back)) => {
                *refused = back.refused;
                note(refused, back.inbound.upstream_id);
                Err(refusal::busy())
            }
        }
    }

    /// Notes something that was refused because too much is under way: no cursor behind it may count before it has come
    /// again.
    pub(crate) fn turned_away(&self, params: Value) {
        // One that cannot be read would not have been taken either.
        let Ok(inbound) = read::<Inbound>(params) else { return };
        if let Some(door) = self.doors().get_mut(inbound.message.address.instance.as_str()) {
            note(&mut door.refused, inbound.upstream_id);
        }
    }
}

impl Door {
    /// Returns its line, where it is open, and what was refused.
    fn parts(&mut self) -> Option<(&mpsc::Sender<Arrival>, &mut Vec<String>)> {
        Some((self.line.as_ref()?, &mut self.refused))
    }
}

/// Notes something refused. Of too many one more than the intake bears is enough.
fn note(refused: &mut Vec<String>, upstream: String) {
    if refused.len() <= MAX_MISSING {
        refused.push(upstream);
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        if let Some(door) = self.doors.doors().get_mut(&self.instance) {
            door.line = None;
        }
    }
}

//! One transport, served: its door is kept and its receiving is started again after it broke.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;

use super::door::Door;
use super::inbox::Inbox;
use super::{Desk, DeskEvent, Instance, Shared, TransportStatus, places, recovery};
use crate::id::InstanceId;
use crate::port::transport::{TransportError, TransportSpec};
use crate::port::{Transcriber, Transport};

/// Knocks a door may be behind by. Paints beyond it are dropped, posts wait; both are few per run.
const DOOR_BOUND: usize = 256;

/// Pause before a broken transport is started again: doubles from the first to the last.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LAST_PAUSE: Duration = Duration::from_secs(64);

/// How long doors may still send after everything else has ended.
pub(super) const FAREWELL: Duration = Duration::from_secs(3);

pub(super) fn serve(desk: &Arc<Shared>, id: InstanceId, spec: TransportSpec, transport: Arc<dyn Transport>) {
    let (door, knocks) = mpsc::channel(DOOR_BOUND);
    let instance = Arc::new(Instance {
        transport,
        spec,
        door,
        receiving: desk.closing.child_token(),
        sending: desk.closed.child_token(),
        trouble: Mutex::new(None),
    });
    let kept = Door::new(desk.clone(), &instance);
    desk.staff.spawn(kept.keep(knocks, instance.sending.clone()));
    desk.staff.spawn(receive(desk.clone(), id.clone(), instance.clone()));
    desk.instances.write().unwrap_or_else(PoisonError::into_inner).insert(id, instance);
}

/// Receives until the instance is retired, the house closes, or the transport says it cannot go on.
async fn receive(desk: Arc<Shared>, id: InstanceId, instance: Arc<Instance>) {
    let stop = instance.receiving.clone();
    tokio::select! {
        () = stop.cancelled() => return,
        () = desk.recovered.cancelled() => {}
    }
    let mut pause = FIRST_PAUSE;
    while !stop.is_cancelled() {
        let begun = desk.now();
        // From here on it says itself what is in its way.
        instance.set_trouble(None);
        let (transport, inbox) = (instance.transport.clone(), Inbox::new(desk.clone(), id.clone()));
        let until = stop.clone();
        // In a task of its own, so that its panic is one way of breaking.
        let receiving = desk.staff.spawn(async move { transport.receive(inbox, until).await });
        let ended = receiving.await.unwrap_or_else(|panic| Err(TransportError::Broken(panic.to_string())));
        let reason = match ended {
            _ if stop.is_cancelled() => return,
            Err(TransportError::Fatal(reason)) => {
                tracing::error!(instance = %id, reason, "transport ended");
                instance.set_trouble(Some(reason.clone()));
                desk.tell(DeskEvent::TransportEnded { instance: id, reason });
                return;
            }
            Err(TransportError::Broken(reason)) => reason,
            Ok(()) => "it stopped receiving by itself".to_owned(),
        };
        if desk.now().since(begun) > LAST_PAUSE {
            pause = FIRST_PAUSE;
        }
        tracing::warn!(instance = %id, reason, pause_s = pause.as_secs(), "transport broke and is started again");
        instance.set_trouble(Some(reason));
        tokio::select! {
            () = stop.cancelled() => return,
            () = desk.clock.sleep_until(desk.now() + pause) => {}
        }
        pause = (pause * 2).min(LAST_PAUSE);
    }
}

impl Desk {
    /// Returns the served transports, by instance.
    #[must_use]
    pub fn transports(&self) -> Vec<TransportStatus> {
        let instances = self.0.instances.read().unwrap_or_else(PoisonError::into_inner);
        let mut list: Vec<_> = instances
            .iter()
            .map(|(id, instance)| TransportStatus {
                instance: id.clone(),
                title: instance.spec.title.clone(),
                trouble: instance.trouble(),
            })
            .collect();
        list.sort_by(|a, b| a.instance.cmp(&b.instance));
        list
    }

    /// Serves a transport from now on: opens its door and, once recovery is over, receives from it, again
    /// after it broke. A transport of the same instance is retired first; what waits for it goes on, and runs
    /// under way are painted by the new one, into new messages if it is another account.
    pub async fn serve(&self, instance: InstanceId, spec: TransportSpec, transport: Arc<dyn Transport>) {
        let before = self.0.instance(&instance).map(|old| old.transport.account());
        self.retire(&instance).await;
        if before.is_some_and(|account| account != transport.account()) {
            self.0.live_of(&instance).iter().for_each(|run| run.forget_progress());
        }
        self.0.pairing.introduce(&*self.0.ledger, &instance, &*transport).await;
        places::tell(&self.0, &instance, &*transport).await;
        serve(&self.0, instance.clone(), spec, transport);
        if self.0.recovered.is_cancelled() {
            recovery::resume(&self.0, &instance).await;
        }
    }

    /// Has the voice notes of an instance transcribed from now on; without a transcriber their senders are told
    /// how to switch it on. Call before [`Desk::recover`] for those that wait.
    pub fn set_transcriber(&self, instance: &InstanceId, transcriber: Option<Arc<dyn Transcriber>>) {
        self.0.ears.set(instance, transcriber);
    }

    /// Stops serving an instance. What is posted for it waits for the day it is served again.
    pub async fn retire(&self, instance: &InstanceId) {
        let gone = self.0.instances.write().unwrap_or_else(PoisonError::into_inner).remove(instance);
        if let Some(gone) = gone {
            gone.leave().await;
        }
    }
}

impl Instance {
    fn set_trouble(&self, reason: Option<String>) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = reason;
    }

    pub(super) fn trouble(&self) -> Option<String> {
        let ended = self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone();
        ended.or_else(|| self.transport.trouble())
    }

    /// Stops receiving, lets the door finish its call, and returns once the door is closed.
    pub(super) async fn leave(&self) {
        self.receiving.cancel();
        self.sending.cancel();
        self.door.closed().await;
    }
}

//! Pairing at work: codes are opened for whoever stands at the machine, strangers' messages are held against
//! them, and who was let in is kept in the ledger and made known to the transport. What counts as right, and how
//! much may be tried, is `core/pairing.rs`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::{Desk, Instance, Shared};
use crate::id::InstanceId;
use crate::message::{Body, Inbound, Message};
use crate::pairing::{Book, Code, MAX_OPEN, OpenCode, Paired, Ticket};
use crate::port::ledger::{LedgerError, Post};
use crate::port::transport::Admission;
use crate::port::{Ledger, Transport};
use crate::time::Moment;

/// The ledger's namespace of who was let in: a JSON list of [`Paired`] per instance.
pub const PAIRED: &str = "paired";

/// What the person is answered whose code was right.
const WELCOME: &str = "paired: what you write to this bot runs on its machine from now on";

/// What somebody is answered who is served already.
const NOT_YOURS: &str = "that is a pairing code, for somebody who is not served yet: they send it to this bot \
                         themselves, in their private chat with it";

/// Why no code was opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PairingError {
    /// That instance is not served, or nobody can be let in there.
    #[error("nobody can be paired on '{0}'")]
    Nowhere(InstanceId),
    /// Too many are open.
    #[error("{MAX_OPEN} codes are open already; use one of them, or end a `takopi pair` that waits")]
    TooMany,
}

/// What the desk knows of pairing, by instance.
#[derive(Default)]
pub(super) struct Pairing {
    circles: Mutex<HashMap<InstanceId, Circle>>,
    /// Held while the ledger's list is read and written, so that no change undoes another.
    writing: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Circle {
    book: Book,
    waiting: HashMap<Ticket, oneshot::Sender<Paired>>,
    people: Vec<Paired>,
}

impl Pairing {
    fn circles(&self) -> MutexGuard<'_, HashMap<InstanceId, Circle>> {
        self.circles.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells a transport who is served beside those that its settings name.
    pub(super) async fn introduce(&self, ledger: &dyn Ledger, id: &InstanceId, transport: &dyn Transport) {
        let _turn = self.writing.lock().await;
        match stored(ledger, id).await {
            Ok(people) => self.put(id, people, transport),
            Err(error) => {
                tracing::error!(instance = %id, %error, "people who were paired are not served until the next start");
            }
        }
    }

    /// Returns whether a code is open, and whether somebody was let in by this very message.
    fn knows(&self, id: &InstanceId, code: Code, message: &Message, now: Moment) -> (bool, bool) {
        let mut circles = self.circles();
        let Some(circle) = circles.get_mut(id) else { return (false, false) };
        let again = circle.people.iter().any(|person| person.message == message.upstream);
        (circle.book.is_open(code, now), again)
    }

    fn put(&self, id: &InstanceId, people: Vec<Paired>, transport: &dyn Transport) {
        let ids: Vec<String> = people.iter().map(|person| person.id.clone()).collect();
        self.circles().entry(id.clone()).or_default().people = people;
        transport.serve_also(&ids);
    }
}

async fn stored(ledger: &dyn Ledger, id: &InstanceId) -> Result<Vec<Paired>, LedgerError> {
    let Some(text) = ledger.get(PAIRED, id.as_str()).await? else { return Ok(Vec::new()) };
    Ok(serde_json::from_str(&text).unwrap_or_else(|error| {
        // Whoever is paired next must not fail for it, again and again.
        tracing::error!(instance = %id, %error, "who is paired cannot be read; they have to be paired again");
        Vec::new()
    }))
}

impl Shared {
    /// Deals with what came in if it is a pairing code; returns whether it was one, and so is no prompt.
    pub(super) async fn hears_code(
        self: &Arc<Self>,
        instance: &Arc<Instance>,
        inbound: &Inbound,
        admission: &Admission,
    ) -> Result<bool, LedgerError> {
        let Inbound::Message(message) = inbound else { return Ok(false) };
        let Some(code) = Code::read(&message.text) else { return Ok(false) };
        let id = &message.message.address.instance;
        if *admission != Admission::Stranger {
            let (open, again) = self.pairing.knows(id, code, message, self.now());
            if open {
                self.say(instance, message, NOT_YOURS).await;
            }
            return Ok(open || again);
        }
        let redeemed = self
            .pairing
            .circles()
            .get_mut(id)
            .and_then(|circle| circle.book.redeem(&message.sender.id, code, self.now()));
        let Some(redeemed) = redeemed else { return Ok(false) };
        // In a task of its own: a bearer that leaves meanwhile must not leave half of it behind.
        let (desk, instance, message) = (self.clone(), instance.clone(), message.clone());
        let let_in = self.work.spawn(async move { desk.let_in(&instance, &message, redeemed).await });
        let failed = |_| LedgerError::new("keep who is paired", "takopi is closing");
        let_in.await.map_err(failed)?.map(|()| true)
    }

    async fn let_in(
        self: &Arc<Self>,
        instance: &Arc<Instance>,
        message: &Message,
        redeemed: OpenCode,
    ) -> Result<(), LedgerError> {
        let id = &message.message.address.instance;
        let person = Paired {
            id: message.sender.id.clone(),
            name: message.sender.name.clone(),
            at: self.clock.now(),
            message: message.upstream.clone(),
        };
        let added = person.clone();
        let change = move |people: &mut Vec<Paired>| {
            people.retain(|known| known.id != added.id);
            people.push(added);
        };
        if let Err(error) = self.change_people(id, change).await {
            self.restore(id, redeemed);
            return Err(error);
        }
        tracing::info!(instance = %id, person = person.id, "a person was paired");
        self.say(instance, message, WELCOME).await;
        let waiting = self.pairing.circles().get_mut(id).and_then(|it| it.waiting.remove(&redeemed.ticket));
        if waiting.is_some_and(|waiting| waiting.send(person).is_err()) {
            tracing::debug!(instance = %id, "nobody waits to hear who was paired");
        }
        Ok(())
    }

    fn restore(&self, id: &InstanceId, redeemed: OpenCode) {
        if let Some(circle) = self.pairing.circles().get_mut(id)
            // Not when whoever showed it has gone meanwhile.
            && circle.waiting.contains_key(&redeemed.ticket)
        {
            circle.book.restore(redeemed);
        }
    }

    /// Changes who is paired: on record first, then at the transport.
    async fn change_people(
        &self,
        id: &InstanceId,
        change: impl FnOnce(&mut Vec<Paired>),
    ) -> Result<(), LedgerError> {
        let _turn = self.pairing.writing.lock().await;
        let mut people = stored(&*self.ledger, id).await?;
        change(&mut people);
        let text = serde_json::to_string(&people)
            .map_err(|error| LedgerError::new("keep who is paired", error.to_string()))?;
        self.ledger.put(PAIRED, id.as_str(), (!people.is_empty()).then_some(&text)).await?;
        if let Some(instance) = self.instance(id) {
            self.pairing.put(id, people, &*instance.transport);
        }
        Ok(())
    }

    /// Answers a message with one line.
    async fn say(&self, instance: &Instance, message: &Message, text: &str) {
        let parts = instance.transport.lay_out(&Body::plain(text));
        if let Err(error) = self.post(Post::reply(&message.message, parts)).await {
            tracing::error!(%error, "the answer to a pairing code could not be stored");
        }
    }
}

impl Desk {
    /// Returns the served instances where people can be let in by a code, each with where they are served then.
    #[must_use]
    pub fn pairing(&self) -> Vec<(InstanceId, String)> {
        let instances = self.0.instances.read().unwrap_or_else(PoisonError::into_inner);
        let mut list: Vec<_> = instances
            .iter()
            .filter_map(|(id, instance)| Some((id.clone(), instance.transport.pairing()?)))
            .collect();
        list.sort();
        list
    }

    /// Opens `code`: the first stranger to send it to the bot of `instance` is served from then on.
    ///
    /// # Errors
    /// [`PairingError`].
    pub fn open_code(&self, instance: &InstanceId, code: Code) -> Result<CodeInHand, PairingError> {
        if !self.pairing().iter().any(|(id, _)| id == instance) {
            return Err(PairingError::Nowhere(instance.clone()));
        }
        let mut circles = self.0.pairing.circles();
        let circle = circles.entry(instance.clone()).or_default();
        let open = circle.book.issue(code, self.0.now()).ok_or(PairingError::TooMany)?;
        let (told, paired) = oneshot::channel();
        circle.waiting.insert(open.ticket, told);
        Ok(CodeInHand { desk: self.0.clone(), instance: instance.clone(), open, paired })
    }

    /// Returns who is paired on a served instance, in the order of their pairing.
    #[must_use]
    pub fn paired(&self, instance: &InstanceId) -> Vec<Paired> {
        self.0.pairing.circles().get(instance).map(|circle| circle.people.clone()).unwrap_or_default()
    }

    /// Stops serving somebody who was paired; returns who it was, if there is one of that id.
    ///
    /// # Errors
    /// [`LedgerError`]; then they are served as before.
    pub async fn unpair(&self, instance: &InstanceId, id: &str) -> Result<Option<Paired>, LedgerError> {
        let mut gone = None;
        let change = |people: &mut Vec<Paired>| {
            let place = people.iter().position(|person| person.id == id);
            gone = place.map(|place| people.remove(place));
        };
        self.0.change_people(instance, change).await?;
        if gone.is_some() {
            tracing::info!(%instance, person = id, "a person is not paired any more");
        }
        Ok(gone)
    }
}

/// A code somebody has in hand. Dropping it closes the code.
pub struct CodeInHand {
    desk: Arc<Shared>,
    instance: InstanceId,
    open: OpenCode,
    paired: oneshot::Receiver<Paired>,
}

impl CodeInHand {
    /// Waits until somebody was let in by it, and says who; `None` when its time is over.
    pub async fn taken(mut self) -> Option<Paired> {
        let (desk, until) = (self.desk.clone(), self.open.until);
        tokio::select! {
            biased;
            paired = &mut self.paired => paired.ok(),
            () = desk.clock.sleep_until(until) => None,
        }
    }
}

impl Drop for CodeInHand {
    fn drop(&mut self) {
        if let Some(circle) = self.desk.pairing.circles().get_mut(&self.instance) {
            circle.book.withdraw(self.open.ticket);
            circle.waiting.remove(&self.open.ticket);
        }
    }
}

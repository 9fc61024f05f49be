//! A chat service that lives in memory, whose faults a test writes down beforehand.

mod contract;
mod faults;
mod places;
mod setup;
mod threads;

pub use contract::{ServiceView, Shown, TransportSubject, transport_contract};
pub use faults::Fault;
use faults::{known, meet};
pub use places::Habits;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::desk::{AcceptError, FirstResponse, Inbox};
use crate::gather::Windows;
use crate::id::{InstanceId, TransportKind};
use crate::message::{Address, Attachment, Body, Chosen, Inbound, Message, MessageRef, Reply, Sender};
use crate::port::SetupIssue;
use crate::port::transport::{
    Admission, FetchError, FilePolicy, Limits, PlaceSetting, Rate, SendError, SendOptions, Sent, TextLimit,
    TextUnit, Topics, Transport, TransportError, TransportFeatures, TransportSpec, Trigger,
};
use crate::time::Timestamp;

/// A message as a person would see it.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// The service's id.
    pub id: u64,
    /// Where it stands.
    pub address: Address,
    /// What it says now.
    pub body: Body,
    /// The id of the message it answers.
    pub reply_to: Option<String>,
    /// Whether it made a sound.
    pub notified: bool,
    /// Whom it was for, as far as that was said.
    pub asked_by: Option<String>,
    /// How often it was edited.
    pub edits: u32,
}

#[derive(Debug, Default)]
struct Service {
    next: u64,
    messages: BTreeMap<u64, Seen>,
    send_faults: VecDeque<Option<Fault>>,
    edit_faults: VecDeque<Option<Fault>>,
    name_faults: VecDeque<Option<Fault>>,
    calls: Vec<String>,
    files: BTreeMap<String, Vec<u8>>,
    /// The titles of threads that are there.
    titles: BTreeMap<Address, String>,
    /// What it was told is set for its places.
    places: Vec<PlaceSetting>,
}

/// The fake, and the test's view of it. Clones are the same service.
#[derive(Clone)]
pub struct FakeTransport {
    service: Arc<Mutex<Service>>,
    changes: Arc<watch::Sender<u64>>,
    inbox: Arc<watch::Sender<Option<Inbox>>>,
    spec: TransportSpec,
    instance: InstanceId,
    admission: Admission,
    windows: Windows,
    shared: bool,
    people: Arc<Mutex<Vec<String>>>,
    files: Option<FilePolicy>,
    is_member: bool,
    has_topics: bool,
    account: Option<String>,
    habits: Habits,
    breaks: Arc<Notify>,
}

impl FakeTransport {
    /// Returns a service with messages of at most 200 characters and no rate limits.
    ///
    /// # Panics
    /// Never: the names are legal.
    #[must_use]
    #[expect(clippy::unwrap_used, reason = "the names are legal")]
    pub fn new() -> Self {
        let limits = Limits {
            text: TextLimit { max: 200, unit: TextUnit::Chars },
            bot: None,
            chat: None,
            edit_gap: Duration::ZERO,
        };
        let features =
            TransportFeatures { edit: true, delete: true, buttons: true, ..TransportFeatures::default() };
        Self {
            service: Arc::default(),
            changes: Arc::new(watch::Sender::new(0)),
            inbox: Arc::new(watch::Sender::new(None)),
            spec: TransportSpec {
                kind: TransportKind::parse("fake").unwrap(),
                title: "Fake".to_owned(),
                limits,
                features,
            },
            instance: InstanceId::parse("fake").unwrap(),
            admission: Admission::Served,
            windows: Windows::NONE,
            shared: false,
            people: Arc::default(),
            files: None,
            is_member: false,
            has_topics: false,
            account: None,
            habits: Habits::default(),
            breaks: Arc::default(),
        }
    }

    /// The content of a file that never arrives.
    pub const ENDLESS: &[u8] = b"endless";

    /// Returns what is known of it.
    #[must_use]
    pub fn spec(&self) -> TransportSpec {
        self.spec.clone()
    }

    /// Returns its instance.
    #[must_use]
    pub fn instance(&self) -> InstanceId {
        self.instance.clone()
    }

    /// Returns an address in it.
    #[must_use]
    pub fn address(&self, chat: &str) -> Address {
        Address { instance: self.instance.clone(), chat: chat.to_owned(), thread: None }
    }

    /// Returns a message from its only person; `upstream` is its identity and its id.
    #[must_use]
    pub fn message(&self, chat: &str, upstream: &str, text: &str) -> Message {
        Message {
            upstream: upstream.to_owned(),
            message: MessageRef { address: self.address(chat), id: upstream.to_owned() },
            sender: Sender { id: "1".to_owned(), name: "Ada".to_owned(), is_bot: false },
            text: text.to_owned(),
            reply_to: None,
            attachments: Vec::new(),
            album: None,
            forwarded: false,
            sent_at: Timestamp::default(),
            chosen: Chosen::default(),
        }
    }

    /// Returns a message that replies to another.
    #[must_use]
    pub fn reply(&self, chat: &str, upstream: &str, text: &str, to: &str) -> Message {
        let message = MessageRef { address: self.address(chat), id: to.to_owned() };
        let seen = to.parse().ok().and_then(|id: u64| self.service().messages.get(&id).cloned());
        let text_of = |seen: Seen| {
            let lines = seen.body.header.into_iter().chain([seen.body.text]).chain(seen.body.footer);
            lines.collect::<Vec<_>>().join("\n")
        };
        let reply = Reply { message, text: seen.map(text_of), of_bot: false };
        Message { reply_to: Some(reply), ..self.message(chat, upstream, text) }
    }

    /// Hands something in, as the service would, and returns what it is told first.
    ///
    /// # Errors
    /// [`AcceptError`], as the desk gives it.
    pub async fn hand_in(&self, inbound: Inbound) -> Result<FirstResponse, AcceptError> {
        self.inbox().await.accept(inbound).await
    }

    /// Waits until it is served, and returns the way in it was given.
    ///
    /// # Panics
    /// Never: its sender lives as long as this service.
    #[expect(clippy::unwrap_used, reason = "the sender is here")]
    pub async fn inbox(&self) -> Inbox {
        self.inbox.subscribe().wait_for(Option::is_some).await.unwrap().clone().unwrap()
    }

    /// Makes the next sends fail so; `None` is a send that works.
    pub fn fail_sends(&self, faults: impl IntoIterator<Item = Option<Fault>>) {
        self.service().send_faults.extend(faults);
    }

    /// Makes the next edits fail so.
    pub fn fail_edits(&self, faults: impl IntoIterator<Item = Option<Fault>>) {
        self.service().edit_faults.extend(faults);
    }

    /// Returns the messages that stand in a chat, oldest first.
    #[must_use]
    pub fn seen(&self, chat: &str) -> Vec<Seen> {
        self.service().messages.values().filter(|seen| seen.address.chat == chat).cloned().collect()
    }

    /// Returns the calls made so far: `send`, `edit ID`, `delete ID`.
    #[must_use]
    pub fn calls(&self) -> Vec<String> {
        self.service().calls.clone()
    }

    /// Waits until what stands in a chat looks as `wanted`, and returns it.
    ///
    /// # Panics
    /// When it doesn't within an hour, which on a paused clock is when nothing more will happen.
    pub async fn wait_for(&self, chat: &str, wanted: impl Fn(&[Seen]) -> bool) -> Vec<Seen> {
        let mut changes = self.changes.subscribe();
        let look = async { while !wanted(&self.seen(chat)) && changes.changed().await.is_ok() {} };
        let in_time = tokio::time::timeout(Duration::from_secs(3600), look).await;
        let seen = self.seen(chat);
        let shown = || seen.iter().map(|seen| crate::render::flatten(&seen.body)).collect::<Vec<_>>();
        assert!(in_time.is_ok() && wanted(&seen), "it never came to that: {:#?}", shown());
        seen
    }

    /// Waits until a call is made.
    ///
    /// # Panics
    /// When it isn't within an hour, which on a paused clock is when nothing more will happen.
    pub async fn wait_for_call(&self, wanted: &str) {
        let mut changes = self.changes.subscribe();
        let is_made = || self.calls().iter().any(|call| call == wanted);
        let look = async { while !is_made() && changes.changed().await.is_ok() {} };
        let in_time = tokio::time::timeout(Duration::from_secs(3600), look).await;
        assert!(in_time.is_ok() && is_made(), "it never came to {wanted:?}: {:?}", self.calls());
    }

    /// Keeps a file for the desk to fetch.
    pub fn keep_file(&self, handle: &str, bytes: &[u8]) {
        self.service().files.insert(handle.to_owned(), bytes.to_vec());
    }

    /// Ends its receiving, once, as a broken connection does.
    pub fn break_connection(&self) {
        self.breaks.notify_one();
    }

    /// Forgets the desk it was served by, as its connection would break.
    pub fn disconnect(&self) {
        self.inbox.send_replace(None);
    }

    fn service(&self) -> MutexGuard<'_, Service> {
        self.service.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Refuses what was not laid out, as services do.
    fn measure(&self, part: &Body) -> Result<(), SendError> {
        let TextLimit { max, unit } = self.spec.limits.text;
        if unit.count(&crate::render::flatten(part)) > max { Err(SendError::TooLong) } else { Ok(()) }
    }

    fn changed(&self) {
        self.changes.send_modify(|count| *count += 1);
    }
}

impl Default for FakeTransport {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Transport for FakeTransport {
    async fn receive(&self, inbox: Inbox, stop: CancellationToken) -> Result<(), TransportError> {
        self.inbox.send_replace(Some(inbox));
        tokio::select! {
            () = stop.cancelled() => Ok(()),
            () = self.breaks.notified() => Err(TransportError::Broken("its connection broke".to_owned())),
        }
    }

    /// Answers as it was told to, and serves whoever was paired.
    fn admits(&self, inbound: &Inbound) -> Admission {
        let people = self.people.lock().unwrap_or_else(PoisonError::into_inner);
        match inbound.sender() {
            Some(sender) if people.contains(&sender.id) => Admission::Served,
            _ => self.admission.clone(),
        }
    }

    fn pairing(&self) -> Option<String> {
        (self.admission == Admission::Stranger).then(|| "in their private chat".to_owned())
    }

    fn serve_also(&self, people: &[String]) {
        people.clone_into(&mut self.people.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn shares(&self, _chat: &Address) -> bool {
        self.shared
    }

    fn lay_out(&self, body: &Body) -> Vec<Body> {
        crate::render::split(body, self.spec.limits.text)
    }

    fn windows(&self) -> Windows {
        self.windows
    }

    fn files(&self) -> Option<FilePolicy> {
        self.files.clone()
    }

    async fn is_manager(&self, _chat: &Address, _sender: &Sender) -> Result<bool, SendError> {
        Ok(!self.is_member)
    }

    fn chat_rate(&self, _to: &Address) -> Option<Rate> {
        self.spec.limits.chat
    }

    fn budget(&self, to: &Address) -> Address {
        if self.habits.counts_threads { to.clone() } else { to.whole_chat() }
    }

    async fn send(&self, to: &Address, part: &Body, options: &SendOptions) -> Result<Sent, SendError> {
        let fault = self.service().send_faults.pop_front().flatten();
        self.service().calls.push("send".to_owned());
        self.changed();
        let unknown = meet(fault).await?;
        self.measure(part)?;
        let id = {
            let mut service = self.service();
            service.next += 1;
            let id = service.next;
            let seen = Seen {
                id,
                address: to.clone(),
                body: part.clone(),
                reply_to: options.reply_to.as_ref().map(|message| message.id.clone()),
                notified: options.notify,
                asked_by: options.asked_by.clone(),
                edits: 0,
            };
            service.messages.insert(id, seen);
            id
        };
        self.changed();
        let message = MessageRef { address: to.clone(), id: id.to_string() };
        known(unknown, Sent { message, hint: None })
    }

    async fn edit(&self, message: &MessageRef, part: &Body) -> Result<Sent, SendError> {
        let fault = self.service().edit_faults.pop_front().flatten();
        self.service().calls.push(format!("edit {}", message.id));
        self.changed();
        let unknown = meet(fault).await?;
        self.measure(part)?;
        {
            let mut service = self.service();
            let seen = message.id.parse().ok().and_then(|id: u64| service.messages.get_mut(&id));
            let seen = seen.ok_or(SendError::Gone)?;
            seen.body = part.clone();
            seen.edits += 1;
        }
        self.changed();
        known(unknown, Sent { message: message.clone(), hint: None })
    }

    async fn delete(&self, message: &MessageRef) -> Result<(), SendError> {
        self.service().calls.push(format!("delete {}", message.id));
        if let Ok(id) = message.id.parse() {
            self.service().messages.remove(&id);
        }
        self.changed();
        Ok(())
    }

    async fn fetch(
        &self,
        file: &Attachment,
        max_bytes: u64,
        into: &mut (dyn AsyncWrite + Send + Unpin),
    ) -> Result<Option<String>, FetchError> {
        self.service().calls.push(format!("fetch {}", file.handle));
        self.changed();
        let kept = self.service().files.get(&file.handle).cloned();
        let bytes = kept.ok_or_else(|| FetchError::Denied("there is no such file".to_owned()))?;
        if bytes.len() as u64 > max_bytes {
            return Err(FetchError::TooLarge);
        }
        if bytes == Self::ENDLESS {
            return std::future::pending().await;
        }
        into.write_all(&bytes).await.map_err(|error| FetchError::Broken(error.to_string()))?;
        into.flush().await.map_err(|error| FetchError::Broken(error.to_string()))?;
        Ok(Some(format!("folder/{}", file.handle)))
    }

    fn topics(&self, _chat: &Address) -> Topics {
        self.what_threads_are()
    }

    fn usual_trigger(&self) -> Trigger {
        self.habits.usual
    }

    fn takes_part(&self, message: &Message) -> bool {
        self.is_ours(&message.message.address)
    }

    fn branches_threads(&self, _chat: &Address) -> bool {
        self.habits.branches
    }

    fn learn_places(&self, places: &[PlaceSetting]) {
        self.note_places(places);
    }

    fn typing_every(&self) -> Option<Duration> {
        self.habits.typing
    }

    async fn show_typing(&self, to: &Address) -> Result<(), SendError> {
        self.note_typing(to)
    }

    async fn create_thread(&self, chat: &Address, title: &str) -> Result<Address, SendError> {
        Ok(self.open_thread(chat, title))
    }

    async fn rename_thread(&self, thread: &Address, title: &str) -> Result<(), SendError> {
        self.name_thread(thread, title).await
    }

    fn account(&self) -> Option<String> {
        self.account.clone()
    }

    async fn check(&self) -> Vec<SetupIssue> {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::clock::TestClock;
    use crate::testing::memory_ledger::MemoryLedger;

    #[async_trait]
    impl ServiceView for FakeTransport {
        fn address(&self) -> Address {
            Self::address(self, "contract")
        }

        async fn say(&self, upstream: &str, text: &str) -> bool {
            self.hand_in(Inbound::Message(self.message("contract", upstream, text))).await.is_ok()
        }

        async fn shown(&self) -> Vec<Shown> {
            let shown = |seen: Seen| Shown {
                message: MessageRef { address: seen.address, id: seen.id.to_string() },
                text: seen.body.text,
            };
            self.seen("contract").into_iter().map(shown).collect()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_service_in_memory_keeps_the_contract() {
        let service = FakeTransport::new();
        transport_contract(&TransportSubject {
            transport: Arc::new(service.clone()),
            spec: service.spec(),
            view: Arc::new(service),
            ledger: Arc::new(MemoryLedger::new()),
            clock: Arc::new(TestClock::new()),
        })
        .await;
    }
}

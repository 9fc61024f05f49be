//! The transport keeps the contract of its port, seen through the door as its people see it.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use takopi_core::id::InstanceId;
use takopi_core::message::{Address, MessageRef};
use takopi_core::testing::clock::TestClock;
use takopi_core::testing::desk::bare_desk;
use takopi_core::testing::memory_ledger::MemoryLedger;
use takopi_core::testing::transport::{ServiceView, Shown, TransportSubject, transport_contract};
use takopi_local::{ConversationId, Door, DoorParts, Listener, Local, LocalEvent, Submit};

use crate::house::Nothing;

/// A person in one conversation, who remembers what was said.
struct Person {
    door: Door,
    conversation: ConversationId,
    address: Address,
    heard: Mutex<(Listener, Vec<Shown>)>,
}

/// Returns what can be heard by now.
fn take(listener: &mut Listener) -> Option<LocalEvent> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(listener.next()).poll(&mut context) {
        std::task::Poll::Ready(event) => event,
        std::task::Poll::Pending => None,
    }
}

#[async_trait]
impl ServiceView for Person {
    fn address(&self) -> Address {
        self.address.clone()
    }

    async fn say(&self, upstream: &str, text: &str) -> bool {
        let submit = Submit {
            conversation: Some(self.conversation),
            text: text.to_owned(),
            client_id: Some(upstream.to_owned()),
            ..Submit::default()
        };
        self.door.submit(submit).await.is_ok()
    }

    async fn shown(&self) -> Vec<Shown> {
        let mut heard = self.heard.lock().unwrap();
        let (listener, shown) = &mut *heard;
        while let Some(event) = take(listener) {
            match event {
                LocalEvent::Sent { message, body, .. } => {
                    let message = MessageRef { address: self.address.clone(), id: message };
                    // The nonce is the identity: a second try is the same message.
                    shown.retain(|shown| shown.message != message);
                    shown.push(Shown { message, text: body.text });
                }
                LocalEvent::Edited { message, body, .. } => {
                    let edited = shown.iter_mut().find(|shown| shown.message.id == message);
                    edited.into_iter().for_each(|shown| shown.text.clone_from(&body.text));
                }
                LocalEvent::Deleted { message, .. } => shown.retain(|shown| shown.message.id != message),
                LocalEvent::Missed => panic!("the listener was too slow"),
                LocalEvent::Said { .. } | LocalEvent::Desk { .. } => {}
            }
        }
        shown.clone()
    }

    /// Which messages stand is in the outbox; the transport keeps nothing.
    fn remembers(&self) -> bool {
        false
    }
}

#[tokio::test]
async fn local_keeps_the_contract_of_transports() {
    let (ledger, clock) = (Arc::new(MemoryLedger::new()), Arc::new(TestClock::new()));
    let instance = InstanceId::parse("local").unwrap();
    let local = Arc::new(Local::new(instance.clone(), clock.clone()));
    // Not the desk its messages go to: this one is only asked what can be followed.
    let desk = bare_desk(Arc::new(MemoryLedger::new()), clock.clone());
    let parts =
        DoorParts { desk, ledger: ledger.clone(), clock: clock.clone(), catalogue: Arc::new(Nothing) };
    let door = Door::new(&local, parts);
    let conversation = ConversationId::mint();
    let listener = door.listen(Some(conversation));
    let address = Address { instance, chat: conversation.to_string(), thread: None };
    let person = Person { door, conversation, address, heard: Mutex::new((listener, Vec::new())) };
    let view = Arc::new(person);
    transport_contract(&TransportSubject { transport: local, spec: Local::spec(), view, ledger, clock })
        .await;
}

//! The transport itself: hands the inbox to the door, and tells listeners what the house says.
//!
//! A message stands as soon as it is told: what it says lies in the outbox, and listeners that come later
//! read it there. So nothing here can fail, and nothing is asked of a network.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use takopi_core::desk::Inbox;
use takopi_core::id::{InstanceId, TransportKind};
use takopi_core::message::{Address, Body, Inbound, MessageRef};
use takopi_core::port::SetupIssue;
use takopi_core::port::clock::Clock;
use takopi_core::port::transport::{
    Admission, Limits, Rate, SendError, SendOptions, Sent, TextLimit, TextUnit, Transport, TransportError,
    TransportFeatures, TransportSpec,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::conversation::ConversationId;
use crate::hub::{Hub, LocalEvent};

/// The transport of the people on this machine.
pub struct Local {
    pub(crate) hub: Arc<Hub>,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Local {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Local").field("instance", &self.hub.instance).finish_non_exhaustive()
    }
}

impl Local {
    /// Returns the transport configured as `instance`. Nothing listens until a door or a page is opened.
    #[must_use]
    pub fn new(instance: InstanceId, clock: Arc<dyn Clock>) -> Self {
        Self { hub: Arc::new(Hub::new(instance)), clock }
    }

    /// Returns what is known of this kind of transport.
    #[must_use]
    #[expect(clippy::expect_used, reason = "`local` obeys the id rule")]
    pub fn spec() -> TransportSpec {
        TransportSpec {
            kind: TransportKind::parse("local").expect("`local` obeys the id rule"),
            title: "This machine".to_owned(),
            limits: Limits {
                text: TextLimit { max: usize::MAX, unit: TextUnit::Chars },
                bot: None,
                chat: None,
                edit_gap: Duration::ZERO,
            },
            features: TransportFeatures {
                edit: true,
                delete: true,
                buttons: true,
                forms: false,
                follows: true,
                caller_dir: true,
                conversations: true,
                hides_resume_lines: false,
                threads: false,
            },
        }
    }

    fn conversation(&self, address: &Address) -> Result<ConversationId, SendError> {
        ConversationId::of(address, &self.hub.instance).ok_or(SendError::Gone)
    }
}

#[async_trait]
impl Transport for Local {
    async fn receive(&self, inbox: Inbox, stop: CancellationToken) -> Result<(), TransportError> {
        self.hub.open(inbox);
        stop.cancelled().await;
        self.hub.close();
        Ok(())
    }

    /// Everyone who got through the door: the page asks for its token, the control socket is its owner's.
    fn admits(&self, _inbound: &Inbound) -> Admission {
        Admission::Served
    }

    fn lay_out(&self, body: &Body) -> Vec<Body> {
        vec![body.clone()]
    }

    fn chat_rate(&self, _to: &Address) -> Option<Rate> {
        None
    }

    async fn send(&self, to: &Address, part: &Body, options: &SendOptions) -> Result<Sent, SendError> {
        let conversation = self.conversation(to)?;
        // The nonce as id makes a second try the same message.
        let id = options.nonce.clone().unwrap_or_else(|| Uuid::new_v4().to_string());
        self.hub.tell(LocalEvent::Sent {
            conversation,
            message: id.clone(),
            body: part.clone(),
            reply_to: options.reply_to.as_ref().map(|message| message.id.clone()),
            at: self.clock.now(),
        });
        Ok(Sent { message: MessageRef { address: to.clone(), id }, hint: None })
    }

    async fn edit(&self, message: &MessageRef, part: &Body) -> Result<Sent, SendError> {
        let conversation = self.conversation(&message.address)?;
        self.hub.tell(LocalEvent::Edited { conversation, message: message.id.clone(), body: part.clone() });
        Ok(Sent { message: message.clone(), hint: None })
    }

    async fn delete(&self, message: &MessageRef) -> Result<(), SendError> {
        let conversation = self.conversation(&message.address)?;
        self.hub.tell(LocalEvent::Deleted { conversation, message: message.id.clone() });
        Ok(())
    }

    async fn check(&self) -> Vec<SetupIssue> {
        Vec::new()
    }
}

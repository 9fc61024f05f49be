//! What the tests of native commands share: a Discord that writes down what it is asked, and interactions as it sends
//! them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use reqwest::Method;
use serde_json::{Value, json};
use serenity::model::application::Interaction;
use serenity::model::channel;
use takopi_core::desk::{Desk, Inbox};
use takopi_core::id::InstanceId;
use takopi_core::message::{ButtonAction, Inbound, MessageRef, Sender};
use takopi_core::port::clock::Clock;
use takopi_core::port::transport::Admission;
use takopi_core::testing::clock::TestClock;
use takopi_core::testing::desk::bare_desk;
use takopi_core::testing::memory_ledger::MemoryLedger;
use takopi_core::testing::transport::FakeTransport;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::rest::{Ask, Rest, To};
use super::{Native, NativeCommand, NativeParts, Surroundings};
use crate::api::CallError;

/// Discord's own epoch, and where its clock stands when the tests' clock starts.
const EPOCH_MS: i64 = 1_420_070_400_000;

/// A Discord that does as it is told.
pub(crate) struct FakeRest {
    asked: watch::Sender<Vec<Ask>>,
    faults: Mutex<VecDeque<CallError>>,
    /// Whether first responses arrive and their answers get lost.
    pub(crate) loses_answers: Mutex<bool>,
    /// The interactions that were answered.
    answered: Mutex<Vec<To>>,
}

impl FakeRest {
    fn new() -> Self {
        Self {
            asked: watch::Sender::default(),
            faults: Mutex::default(),
            loses_answers: Mutex::new(false),
            answered: Mutex::default(),
        }
    }

    /// Makes the next calls fail so.
    pub(crate) fn fail(&self, faults: impl IntoIterator<Item = CallError>) {
        self.faults.lock().unwrap().extend(faults);
    }

    /// Returns what was asked so far.
    pub(crate) fn asked(&self) -> Vec<Ask> {
        self.asked.borrow().clone()
    }

    /// Returns the bodies of first responses.
    pub(crate) fn responses(&self) -> Vec<Value> {
        let is_first = |ask: &Ask| matches!(ask.to, To::Callback(_));
        self.asked().into_iter().filter(is_first).map(|ask| ask.body.unwrap()).collect()
    }

    /// Waits until so many calls were made, an hour of the tests' clock at most, and returns them.
    pub(crate) async fn wait_for(&self, calls: usize) -> Vec<Ask> {
        let mut asked = self.asked.subscribe();
        let wait = asked.wait_for(|asked| asked.len() >= calls);
        let came = tokio::time::timeout(Duration::from_secs(3600 * 3), wait).await.is_ok();
        assert!(came, "only these were made: {:#?}", self.asked());
        self.asked()
    }
}

#[async_trait]
impl Rest for FakeRest {
    async fn ask(&self, ask: Ask) -> Result<Value, CallError> {
        self.asked.send_modify(|asked| asked.push(ask.clone()));
        if let Some(fault) = self.faults.lock().unwrap().pop_front() {
            return Err(fault);
        }
        if *self.loses_answers.lock().unwrap() && matches!(ask.to, To::Callback(_)) {
            let mut answered = self.answered.lock().unwrap();
            if answered.contains(&ask.to) {
                return Err(CallError::Refused { status: 400, code: 40_060, message: "twice".to_owned() });
            }
            answered.push(ask.to);
            return Err(CallError::Unknown("the answer got lost".to_owned()));
        }
        Ok(match (&ask.method, &ask.to) {
            (&Method::POST, To::Callback(_)) => json!({"resource": {"message": {"id": "700"}}}),
            _ => json!({"id": "701"}),
        })
    }
}

/// What stands around.
pub(crate) struct Around {
    pub(crate) admission: Mutex<Admission>,
    pub(crate) began: Mutex<Vec<(MessageRef, String)>>,
}

impl Surroundings for Around {
    fn admits(&self, _: &Inbound) -> Admission {
        self.admission.lock().unwrap().clone()
    }

    fn action_of(&self, custom_id: &str) -> Option<ButtonAction> {
        ButtonAction::of_token(custom_id.strip_prefix("tk:")?)
    }

    fn text_of(&self, message: &channel::Message) -> String {
        message.content.clone()
    }

    fn began(&self, starter: &MessageRef, prompt: &str, _: &Sender) {
        self.began.lock().unwrap().push((starter.clone(), prompt.to_owned()));
    }
}

/// Everything a test sees.
pub(crate) struct Stage {
    pub(crate) native: Arc<Native>,
    pub(crate) rest: Arc<FakeRest>,
    pub(crate) around: Arc<Around>,
    pub(crate) ledger: Arc<MemoryLedger>,
    pub(crate) inbox: Inbox,
    pub(crate) clock: Arc<TestClock>,
    desk: Desk,
    next: Mutex<i64>,
}

impl Stage {
    /// Opens a desk with these commands.
    pub(crate) async fn open(commands: Vec<NativeCommand>) -> Self {
        let (clock, ledger) = (Arc::new(TestClock::new()), Arc::new(MemoryLedger::new()));
        let desk = bare_desk(ledger.clone(), clock.clone());
        let service = FakeTransport::new();
        desk.serve(service.instance(), service.spec(), Arc::new(service.clone())).await;
        desk.recover().await.unwrap();
        let inbox = service.inbox().await;
        let rest = Arc::new(FakeRest::new());
        let around = Arc::new(Around { admission: Mutex::new(Admission::Served), began: Mutex::default() });
        let parts = NativeParts {
            instance: service.instance(),
            rest: rest.clone(),
            around: around.clone(),
            clock: clock.clone(),
        };
        let native = Native::new(parts);
        native.set_commands(commands);
        Self { native, rest, around, ledger, inbox, clock, desk, next: Mutex::new(0) }
    }

    /// Returns an interaction as Discord sends it, made now.
    pub(crate) fn interaction(&self, kind: u8, more: Value) -> Value {
        let mut count = self.next();
        *count += 1;
        let id = ((self.clock.now().unix_ms() - EPOCH_MS) << 22) + *count;
        let mut interaction = sample(&id.to_string(), kind);
        for (key, value) in more.as_object().unwrap() {
            interaction[key] = value.clone();
        }
        interaction
    }

    fn next(&self) -> MutexGuard<'_, i64> {
        self.next.lock().unwrap()
    }

    /// Hears an interaction, and returns once nothing is under way.
    pub(crate) async fn hear(&self, interaction: &Value) {
        self.begin(interaction);
        self.native.finish().await;
    }

    /// Hears an interaction.
    pub(crate) fn begin(&self, interaction: &Value) {
        let interaction: Interaction = serde_json::from_value(interaction.clone()).unwrap();
        self.native.hear(interaction, &self.inbox, &CancellationToken::new());
    }

    /// Returns what was accepted.
    pub(crate) fn accepted(&self) -> Vec<Inbound> {
        self.ledger.accepted()
    }

    /// Returns the seconds that have passed.
    pub(crate) fn clock_s(&self) -> u64 {
        self.clock.moment().since_start().as_secs()
    }

    /// Closes the desk.
    pub(crate) async fn close(self) {
        self.desk.close(Duration::from_secs(1)).await;
    }
}

/// Returns an interaction's frame: somebody in a text channel of a server (Discord, "Interaction Object").
pub(crate) fn sample(id: &str, kind: u8) -> Value {
    json!({
        "id": id, "application_id": "9", "type": kind, "token": "hush-hush", "version": 1, "guild_id": "2",
        "channel_id": "3", "channel": {"id": "3", "name": "general", "type": 0, "permissions": "0"},
        "member": {
            "user": user(), "nick": "Ada", "roles": ["4"], "joined_at": "2025-01-01T00:00:00+00:00", "deaf": false,
            "mute": false, "flags": 0, "permissions": "0", "avatar": null, "premium_since": null,
        },
        "app_permissions": "0", "locale": "en-US", "guild_locale": "en-US", "entitlements": [],
        "authorizing_integration_owners": {"0": "2"}, "context": 0, "attachment_size_limit": 10_485_760,
    })
}

/// Returns somebody.
pub(crate) fn user() -> Value {
    json!({"id": "5", "username": "ada", "discriminator": "0", "global_name": "Ada L", "avatar": null})
}

/// Returns a message of the bot.
pub(crate) fn message(id: &str) -> Value {
    json!({
        "id": id, "channel_id": "3", "author": {"id": "9", "username": "takopi", "discriminator": "0", "avatar": null,
        "bot": true}, "content": "look at this", "timestamp": "2026-01-01T00:00:00+00:00", "edited_timestamp": null,
        "tts": false, "mention_everyone": false, "mentions": [], "mention_roles": [], "attachments": [], "embeds": [],
        "pinned": false, "type": 0, "components": [],
    })
}

/// Returns the instance of the tests.
pub(crate) fn instance() -> InstanceId {
    FakeTransport::new().instance()
}

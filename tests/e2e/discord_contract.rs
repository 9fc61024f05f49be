//! The Discord transport keeps the contract of its port, seen from a thread of a server.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use takopi_core::id::{InstanceId, TransportKind};
use takopi_core::message::{Address, Inbound, MessageRef};
use takopi_core::port::{Clock, Ledger as _};
use takopi_core::settings::{ConfigFile, Input, Known, load};
use takopi_core::testing::clock::TestClock;
use takopi_core::testing::memory_ledger::MemoryLedger;
use takopi_core::testing::transport::{ServiceView, Shown, TransportSubject, transport_contract};
use takopi_discord::{Discord, DiscordConfig, DiscordParts};
use takopi_fake::discord::{DiscordServer, TOKEN};

use crate::discord::alice_alone;

/// How often the ledger is asked what it has.
const ASK_EVERY: Duration = Duration::from_millis(5);

/// Alice in a thread.
struct Person {
    server: DiscordServer,
    ledger: Arc<MemoryLedger>,
    address: Address,
    thread: u64,
    said: Mutex<HashMap<String, u64>>,
}

impl Person {
    fn has(&self, message: u64) -> bool {
        let upstream = format!("m{message}");
        let is_it = |inbound: &Inbound| matches!(inbound, Inbound::Message(it) if it.upstream == upstream);
        self.ledger.accepted().iter().any(is_it)
    }
}

#[async_trait]
impl ServiceView for Person {
    fn address(&self) -> Address {
        self.address.clone()
    }

    /// Discord is told of nothing that was received: what is asked for again begins at the transport's cursor.
    async fn say(&self, upstream: &str, text: &str) -> bool {
        let failed = self.ledger.failed_writes();
        let known = self.said.lock().unwrap().get(upstream).copied();
        let message = match known {
            Some(message) => {
                self.server.repeat(message);
                message
            }
            None => self.server.person("alice").says(self.thread, &format!("@takopi {text}")),
        };
        self.said.lock().unwrap().insert(upstream.to_owned(), message);
        loop {
            if self.has(message) {
                return true;
            }
            let cursor = self.ledger.cursor(&self.address.instance).await.unwrap();
            let cursor = cursor.map_or(0, |cursor| cursor.parse().unwrap());
            assert!(cursor < message, "what was not stored is never asked for again");
            if self.ledger.failed_writes() > failed {
                return false;
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
    }

    async fn shown(&self) -> Vec<Shown> {
        let shown = self.server.shown(self.thread).into_iter();
        let by_bot = shown.filter(|shown| shown.by_bot && !shown.service && shown.deleted.is_none());
        let shown = |shown: takopi_fake::discord::Shown| Shown {
            message: MessageRef { address: self.address.clone(), id: shown.id.to_string() },
            text: shown.text,
        };
        by_bot.map(shown).collect()
    }
}

/// Returns the table of a bot whose answers may be long.
fn table(server: &DiscordServer) -> DiscordConfig {
    let text = format!(
        "transport = 'discord'\n[transports.discord]\nbot_token = '{TOKEN}'\napi_url = '{}'\nmax_parts = 20\n{}",
        server.url(),
        alice_alone(server),
    );
    let file = ConfigFile { path: "/takopi.toml".into(), named: true, content: Ok(text.into_bytes()) };
    let input = Input { file: &file, environment: &[], overrides: &[], home: None };
    let transports = vec![TransportKind::parse("discord").unwrap()];
    let known = Known { transports, ..Known::default() };
    let settings = load(&input, &known).unwrap().settings;
    settings.transport(&InstanceId::parse("discord").unwrap()).usable().unwrap().0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn discord_keeps_the_contract_of_transports() {
    let server = DiscordServer::start().await.unwrap();
    // Whoever paces calls is the door, and there is none here.
    server.limits(false);
    let alice = server.person("alice");
    let thread = alice.opens_thread(alice.says("general", "we have a plan"), "plan");
    let (ledger, clock) = (Arc::new(MemoryLedger::new()), Arc::new(TestClock::new()));
    let instance = InstanceId::parse("discord").unwrap();
    let config = table(&server);
    let parts = DiscordParts {
        instance: instance.clone(),
        token: config.token().unwrap(),
        config,
        clock: Arc::<TestClock>::clone(&clock) as Arc<dyn Clock>,
        spool: "/nowhere".into(),
    };
    let chat = server.channel("general").to_string();
    let address = Address { instance, chat, thread: Some(thread.to_string()) };
    let view = Person { server, ledger: ledger.clone(), address, thread, said: Mutex::default() };
    let subject = TransportSubject {
        transport: Arc::new(Discord::new(parts).unwrap()),
        spec: Discord::spec(),
        view: Arc::new(view),
        ledger,
        clock,
    };
    transport_contract(&subject).await;
}

//! The Telegram transport keeps the contract of its port, seen from a chat of the service.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use takopi_core::id::{InstanceId, TransportKind};
use takopi_core::message::{Address, MessageRef};
use takopi_core::port::Clock;
use takopi_core::settings::{ConfigFile, Input, Known, load};
use takopi_core::testing::clock::TestClock;
use takopi_core::testing::memory_ledger::MemoryLedger;
use takopi_core::testing::transport::{ServiceView, Shown, TransportSubject, transport_contract};
use takopi_fake::telegram::{Said, Say, TOKEN, TelegramServer};
use takopi_telegram::{Telegram, TelegramConfig, TelegramParts};

use crate::telegram::{ADA, server};

/// How often the service is asked whether it was told.
const ASK_EVERY: Duration = Duration::from_millis(5);

/// A person in their private chat.
struct Person {
    server: TelegramServer,
    address: Address,
    said: Mutex<HashMap<String, Said>>,
}

impl Person {
    /// Returns how often an update was handed out, and whether a poll has told since that we have it.
    fn fate(&self, update: i64) -> (usize, bool) {
        let log = self.server.log();
        let handed = log.delivered.iter().filter(|delivered| delivered.update == update).count();
        (handed, log.confirmed > update)
    }
}

#[async_trait]
impl ServiceView for Person {
    fn address(&self) -> Address {
        self.address.clone()
    }

    async fn say(&self, upstream: &str, text: &str) -> bool {
        let known = self.said.lock().unwrap().get(upstream).copied();
        let said = known.unwrap_or_else(|| self.server.send(Say::new(ADA, ADA, text)));
        self.said.lock().unwrap().insert(upstream.to_owned(), said);
        let (before, had) = self.fate(said.update);
        if had {
            self.server.redeliver(said.update);
        }
        loop {
            let (handed, told) = self.fate(said.update);
            if told && (handed > before || !had) {
                return true;
            }
            // Handed out once more because nobody said that we have it.
            if known.is_none() && handed > 1 {
                return false;
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
    }

    async fn shown(&self) -> Vec<Shown> {
        let by_bot =
            self.server.shown(ADA).into_iter().filter(|shown| shown.by_bot && shown.deleted.is_none());
        let shown = |shown: takopi_fake::telegram::Shown| Shown {
            message: MessageRef { address: self.address.clone(), id: shown.id.to_string() },
            text: shown.text,
        };
        by_bot.map(shown).collect()
    }
}

fn config(server: &TelegramServer) -> TelegramConfig {
    let text = format!(
        "[transports.telegram]\nbot_token = '{TOKEN}'\nchat_id = {ADA}\napi_url = '{}'\nmessage_overflow = 'split'",
        server.url()
    );
    let file = ConfigFile { path: "/takopi.toml".into(), named: true, content: Ok(text.into_bytes()) };
    let input = Input { file: &file, environment: &[], overrides: &[], home: None };
    let transports = vec![TransportKind::parse("telegram").unwrap()];
    let known = Known { transports, ..Known::default() };
    let settings = load(&input, &known).unwrap().settings;
    settings.transport(&InstanceId::parse("telegram").unwrap()).usable().unwrap().0
}

/// Returns the transport alone, without a house around it.
pub(crate) fn transport(server: &TelegramServer, clock: Arc<dyn Clock>) -> Telegram {
    let config = config(server);
    let token = config.token().unwrap();
    let parts = TelegramParts {
        instance: InstanceId::parse("telegram").unwrap(),
        config,
        token,
        project_chats: Vec::new(),
        clock,
        spool: "/nowhere".into(),
        rival: Arc::new(|_| None),
    };
    Telegram::new(parts).unwrap()
}

#[tokio::test]
async fn telegram_keeps_the_contract_of_transports() {
    // The fake brings its own runtime, which may not end inside of this one.
    let server = tokio::task::spawn_blocking(server).await.unwrap();
    let (ledger, clock) = (Arc::new(MemoryLedger::new()), Arc::new(TestClock::new()));
    let instance = InstanceId::parse("telegram").unwrap();
    let transport = transport(&server, clock.clone());
    let address = Address { instance, chat: ADA.to_string(), thread: None };
    let view = Arc::new(Person { server, address, said: Mutex::default() });
    let subject = TransportSubject {
        transport: Arc::new(transport),
        spec: Telegram::spec(),
        view: view.clone(),
        ledger,
        clock,
    };
    transport_contract(&subject).await;
    drop(subject);
    tokio::task::spawn_blocking(move || drop(view)).await.unwrap();
}

//! It keeps the contract of all transports.

use async_trait::async_trait;
use serde_json::Value;
use takopi_core::message::{Address, MessageRef};
use takopi_core::testing::transport::{ServiceView, Shown, TransportSubject, transport_contract};

use super::stage::{Player, Stage, address, said};

/// A person who writes in a room.
struct Person(std::sync::Arc<Player>);

#[async_trait]
impl ServiceView for Person {
    fn address(&self) -> Address {
        address()
    }

    async fn say(&self, upstream: &str, text: &str) -> bool {
        // Before it was told to start, a plugin has nobody to hand it to.
        self.0.asked("transport/start", 2).await;
        self.0
            .hand_in(said(upstream, text))
            .await
            .is_ok_and(|accepted| accepted == Value::Object(Default::default()))
    }

    async fn shown(&self) -> Vec<Shown> {
        let shown = |(id, text): (&u64, &String)| Shown {
            message: MessageRef { address: address(), id: id.to_string() },
            text: text.clone(),
        };
        self.0.service().messages.iter().map(shown).collect()
    }

    fn needs_receiving(&self) -> bool {
        true
    }
}

#[tokio::test]
async fn a_plugin_keeps_the_contract_of_transports() {
    let stage = Stage::new();
    transport_contract(&TransportSubject {
        transport: stage.transport.clone(),
        spec: stage.transport.own_spec(),
        view: std::sync::Arc::new(Person(stage.player.clone())),
        ledger: stage.ledger.clone(),
        clock: stage.clock.clone(),
    })
    .await;
}

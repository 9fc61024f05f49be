//! The commands there are, for services that show them: told to the plugin when it has started and whenever they change.

use std::time::Duration;

use takopi_core::id::InstanceId;
use takopi_core::render::shorten;
use takopi_plugin_protocol::transport::{self, MenuItem};
use takopi_stdio::rpc::{CallError, Patience, RpcError};
use tokio::sync::watch;

use crate::process::{Failure, Running};

/// Most commands of a menu: nobody reads more.
const MAX_ITEMS: usize = 200;

/// Most characters of a description.
const MAX_DESCRIPTION: usize = 256;

/// The menu as it should be; nothing until somebody has said so.
#[derive(Debug)]
pub(super) struct Menu(watch::Sender<Option<Vec<MenuItem>>>);

impl Default for Menu {
    fn default() -> Self {
        Self(watch::Sender::new(None))
    }
}

impl Menu {
    /// Changes the menu: names and descriptions.
    pub(super) fn set(&self, entries: impl IntoIterator<Item = (String, String)>) {
        let item = |(id, description): (String, String)| MenuItem {
            id,
            description: shorten(description.trim(), MAX_DESCRIPTION),
        };
        let items = Some(entries.into_iter().take(MAX_ITEMS).map(item).collect::<Vec<_>>());
        self.0.send_if_modified(|menu| {
            let is_new = *menu != items;
            *menu = items;
            is_new
        });
    }

    /// Keeps the plugin's menu as it should be. Never returns; dropping it is how it is stopped.
    pub(super) async fn keep(&self, instance: &InstanceId, running: &Running, patience: Duration) {
        let mut menu = self.0.subscribe();
        loop {
            let commands = menu.borrow_and_update().clone();
            if let Some(commands) = commands {
                let told = transport::Menu { instance: instance.to_string(), commands };
                match running.call(&told, &Patience::of(patience)).await {
                    Ok(_) => {}
                    Err(Failure::Call(CallError::Refused(error)))
                        if error.code == RpcError::UNKNOWN_METHOD => {}
                    Err(failure) => tracing::warn!(%instance, %failure, "the menu stays as it was"),
                }
            }
            if menu.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }
}

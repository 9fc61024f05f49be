//! Where what plugins' processes say goes: to the run, the door or the call that it names.

use std::sync::Arc;

use async_trait::async_trait;
use serde::de::DeserializeOwned;
use serde_json::Value;
use takopi_plugin_protocol::{Method, Notification, life};
use takopi_stdio::rpc::{RpcError, Service};
use tokio_util::sync::CancellationToken;

use crate::command::{self, Contexts};
use crate::manifest::Package;

/// One process's line into the house.
pub(crate) struct Switchboard {
    pub(crate) package: Arc<Package>,
    /// Calls of commands that may ask for something.
    pub(crate) contexts: Contexts,
}

/// Reads the parameters of a method.
pub(crate) fn read<T: DeserializeOwned>(params: Value) -> Result<T, RpcError> {
    serde_json::from_value(params).map_err(RpcError::invalid_params)
}

/// Writes a result.
pub(crate) fn write<M: Method>(result: &M::Result) -> Result<Value, RpcError> {
    serde_json::to_value(result).map_err(|error| RpcError::new(-32603, error.to_string()))
}

#[async_trait]
impl Service for Switchboard {
    async fn request(
        &self,
        method: &str,
        params: Value,
        cancel: CancellationToken,
    ) -> Result<Value, RpcError> {
        // Groups are connected here: engine/ask, transport/inbound.
        if let Some(answer) = command::answer(&self.contexts, method, params, &cancel).await {
            return answer;
        }
        Err(RpcError::unknown_method(method))
    }

    async fn notify(&self, method: &str, params: Value) {
        // Groups are connected here: engine/event.
        let Some(params) = command::release(&self.contexts, method, params) else { return };
        if method == life::Log::NAME {
            match read::<life::Log>(params) {
                Ok(log) => self.log(&log),
                Err(error) => tracing::debug!(%error, "a plugin's line for the log cannot be read"),
            }
        }
    }
}

impl Switchboard {
    fn log(&self, log: &life::Log) {
        let plugin = &self.package.manifest.distribution.name;
        let fields = Value::Object(log.fields.clone());
        match log.level {
            life::Level::Debug => tracing::debug!(plugin, %fields, "{}", log.message),
            life::Level::Info => tracing::info!(plugin, %fields, "{}", log.message),
            life::Level::Warning => tracing::warn!(plugin, %fields, "{}", log.message),
            life::Level::Error => tracing::error!(plugin, %fields, "{}", log.message),
        }
    }
}

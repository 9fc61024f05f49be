//! Where what plugins' processes say goes: to the run, the door or the call that it names.

use std::sync::Arc;

use async_trait::async_trait;
use serde::de::DeserializeOwned;
use serde_json::Value;
use takopi_core::text::{clip, visible};
use takopi_plugin_protocol::{Method, Notification, engine, life, transport};
use takopi_stdio::rpc::{Answering, RpcError, Service};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::command::{self, Contexts};
use crate::engine::Runs;
use crate::manifest::Package;
use crate::transport::doors::Doors;

/// Bytes of a plugin's line for the log that are kept, and of its fields.
const LOGGED_BYTES: usize = 4 << 10;

/// One process's line into the house.
pub(crate) struct Switchboard {
    pub(crate) package: Arc<Package>,
    /// Calls of commands that may ask for something.
    pub(crate) contexts: Contexts,
    /// Where what comes in from transports goes.
    pub(crate) doors: Doors,
    /// Lines that were too long, counted.
    pub(crate) overlong: watch::Sender<u64>,
    /// The runs of its engines.
    pub(crate) runs: Runs,
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
    fn begin(self: Arc<Self>, method: String, params: Value, cancel: CancellationToken) -> Answering {
        // What comes in keeps its order, so it is put in line here.
        if method == transport::Inbound::NAME {
            return self.doors.take(params);
        }
        Box::pin(async move { self.request(&method, params, cancel).await })
    }

    fn turned_away(&self, method: &str, params: Value) {
        if method == transport::Inbound::NAME {
            self.doors.turned_away(params);
        }
    }

    async fn request(
        &self,
        method: &str,
        params: Value,
        cancel: CancellationToken,
    ) -> Result<Value, RpcError> {
        if method == engine::Ask::NAME {
            return write::<engine::Ask>(&self.runs.ask(read(params)?, &cancel).await?);
        }
        match command::answer(&self.contexts, method, params, &cancel).await {
            Some(answer) => answer,
            None => Err(RpcError::unknown_method(method)),
        }
    }

    async fn notify(&self, method: &str, params: Value) {
        let Some(params) = command::release(&self.contexts, method, params) else { return };
        match method {
            engine::Event::NAME => self.runs.told(params).await,
            life::Log::NAME => match read::<life::Log>(params) {
                Ok(log) => self.log(&log),
                Err(error) => tracing::debug!(%error, "a plugin's line for the log cannot be read"),
            },
            _ => {}
        }
    }

    async fn overlong(&self, _: usize) {
        self.overlong.send_modify(|count| *count += 1);
    }
}

impl Switchboard {
    /// Returns that of a process of `package`, where nothing is under way.
    pub(crate) fn new(package: Arc<Package>) -> Self {
        let contexts = Contexts::new(package.clone());
        Self {
            package,
            contexts,
            doors: Doors::default(),
            overlong: watch::Sender::new(0),
            runs: Runs::default(),
        }
    }

    fn log(&self, log: &life::Log) {
        let plugin = &self.package.manifest.distribution.name;
        let fields = Value::Object(log.fields.clone()).to_string();
        let (fields, message) = (clip(&fields, LOGGED_BYTES), visible(&log.message));
        let message = clip(&message, LOGGED_BYTES);
        match log.level {
            life::Level::Debug => tracing::debug!(plugin, %fields, "{message}"),
            life::Level::Info => tracing::info!(plugin, %fields, "{message}"),
            life::Level::Warning => tracing::warn!(plugin, %fields, "{message}"),
            life::Level::Error => tracing::error!(plugin, %fields, "{message}"),
        }
    }
}

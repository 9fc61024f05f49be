//! What agents printed that this takopi doesn't know, kept in the ledger for `takopi doctor`.
//!
//! Counts are of one version of takopi: another one knows other kinds, so it begins anew. Bounded by what
//! `UnknownKinds` keeps, one value per engine.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use takopi_core::desk::DeskEvent;
use takopi_core::id::EngineId;
use takopi_core::port::ledger::LedgerError;
use takopi_core::port::{Clock, Ledger};
use takopi_core::time::Timestamp;
use takopi_engines::{Drifts, UnknownKinds};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

/// Where the ledger keeps it, one key per engine.
pub(crate) const NAMESPACE: &str = "drift";

/// What is kept for one engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Noted {
    /// The version of takopi that did not know it.
    pub(crate) takopi: String,
    /// When the first of it came.
    pub(crate) since: Timestamp,
    /// When the last of it came.
    pub(crate) last: Timestamp,
    /// What it was.
    pub(crate) unknown: UnknownKinds,
}

impl Noted {
    /// Reads what is kept; `None` when another version of takopi wrote it, or something else did.
    pub(crate) fn read(stored: &str) -> Option<Self> {
        let noted: Self = serde_json::from_str(stored).ok()?;
        (noted.takopi == env!("CARGO_PKG_VERSION")).then_some(noted)
    }

    /// Returns what is to be kept once `unknown` has come as well.
    fn with(stored: Option<&str>, unknown: UnknownKinds, now: Timestamp) -> Self {
        let takopi = env!("CARGO_PKG_VERSION").to_owned();
        match stored.and_then(Self::read) {
            Some(mut noted) => {
                noted.unknown.merge(&unknown);
                Self { last: now, ..noted }
            }
            None => Self { takopi, since: now, last: now, unknown },
        }
    }
}

/// Keeps what runs noted, after each end of a run and once more when `stop` fires.
pub(crate) async fn keep(
    drifts: Drifts,
    ledger: Arc<dyn Ledger>,
    clock: Arc<dyn Clock>,
    mut events: Receiver<DeskEvent>,
    stop: CancellationToken,
) {
    loop {
        let over = tokio::select! {
            biased;
            event = events.recv() => match event {
                Ok(DeskEvent::Ended { .. }) | Err(RecvError::Lagged(_)) => false,
                Ok(_) => continue,
                Err(RecvError::Closed) => true,
            },
            () = stop.cancelled() => true,
        };
        for (engine, unknown) in drifts.take() {
            if let Err(error) = add(&*ledger, &engine, unknown, clock.now()).await {
                tracing::warn!(%engine, %error, "what an engine printed and nobody knows was not noted");
            }
        }
        if over {
            return;
        }
    }
}

async fn add(
    ledger: &dyn Ledger,
    engine: &EngineId,
    unknown: UnknownKinds,
    now: Timestamp,
) -> Result<(), LedgerError> {
    let stored = ledger.get(NAMESPACE, engine.as_str()).await?;
    let noted = serde_json::json!(Noted::with(stored.as_deref(), unknown, now)).to_string();
    ledger.put(NAMESPACE, engine.as_str(), Some(&noted)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unknown(kind: &str) -> UnknownKinds {
        let mut unknown = UnknownKinds::default();
        unknown.count(kind);
        unknown
    }

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_unix_ms(ms)
    }

    #[test]
    fn counts_add_up_and_outlive_being_stored() {
        let first = Noted::with(None, unknown("a"), at(1));
        let stored = serde_json::json!(first).to_string();
        let second = Noted::with(Some(&stored), unknown("a"), at(2));
        assert_eq!((second.since, second.last, second.unknown.kinds["a"]), (at(1), at(2), 2));
    }

    #[test]
    fn another_version_and_what_cannot_be_read_begin_anew() {
        let other = Noted { takopi: "0.0.0".to_owned(), ..Noted::with(None, unknown("a"), at(1)) };
        for stored in [serde_json::json!(other).to_string(), "{".to_owned()] {
            let noted = Noted::with(Some(&stored), unknown("b"), at(2));
            assert_eq!((noted.since, noted.unknown), (at(2), unknown("b")));
        }
    }
}

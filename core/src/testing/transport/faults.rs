//! The faults of the service in memory, as a test writes them down.

use std::time::Duration;

use crate::port::transport::SendError;

/// What one call will do instead of succeeding.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// It fails so, and does nothing.
    Fails(SendError),
    /// It does its work, and then nobody knows.
    ArrivesUnknown,
    /// It never returns.
    Hangs,
    /// It does its work after so long.
    Late(Duration),
    /// It panics.
    Panics,
}

pub(super) async fn meet(fault: Option<Fault>) -> Result<bool, SendError> {
    match fault {
        None => Ok(false),
        Some(Fault::ArrivesUnknown) => Ok(true),
        Some(Fault::Fails(error)) => Err(error),
        Some(Fault::Hangs) => std::future::pending().await,
        Some(Fault::Late(after)) => {
            tokio::time::sleep(after).await;
            Ok(false)
        }
        Some(Fault::Panics) => panic!("as the test says"),
    }
}

pub(super) fn known<T>(unknown: bool, value: T) -> Result<T, SendError> {
    if unknown { Err(SendError::Unknown("the connection broke".to_owned())) } else { Ok(value) }
}

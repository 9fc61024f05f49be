//! What is set for places, as transports learn it: when one is served, and after every change.

use super::Shared;
use crate::id::InstanceId;
use crate::port::Transport;
use crate::port::transport::PlaceSetting;

/// Tells a transport what is set for its places.
pub(super) async fn tell(desk: &Shared, instance: &InstanceId, transport: &dyn Transport) {
    // Read and told in one turn, so that what is told last is what was set last.
    let _turn = desk.telling.lock().await;
    match desk.ledger.preferences_of(instance).await {
        Ok(preferences) => transport.learn_places(&PlaceSetting::of(&preferences)),
        Err(error) => {
            tracing::warn!(%instance, %error, "a transport does not learn what is set for its places")
        }
    }
}

//! The sign that work goes on: shown while a run works and has not answered, tied to its life. Nothing depends on it.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::Performance;
use crate::desk::{Shared, door};
use crate::message::Address;

/// The sign, shown again and again until this is dropped.
pub(super) struct Typing {
    shows: JoinHandle<()>,
    _until: DropGuard,
}

impl Typing {
    /// Shows it no more; returns once the last call for it is over.
    async fn end(self) {
        let Self { shows, _until } = self;
        drop(_until);
        if let Err(error) = shows.await {
            tracing::debug!(%error, "showing that work goes on crashed");
        }
    }
}

impl Performance {
    /// Shows from now on that it works, where the chat gets to see it and its service has a sign for it.
    pub(super) fn type_on(&mut self) {
        if self.typing.is_some() || self.live.has_answer() || !self.live.is_shown() {
            return;
        }
        let Some(every) = self.instance.transport.typing_every() else { return };
        let until = CancellationToken::new();
        let showing = show(self.desk.clone(), self.live.address.clone(), every, until.clone());
        let shows = self.desk.work.spawn(showing);
        self.typing = Some(Typing { shows, _until: until.drop_guard() });
    }

    /// Shows it no more: what comes next is an answer, or a wait.
    pub(super) async fn type_off(&mut self) {
        if let Some(typing) = self.typing.take() {
            typing.end().await;
        }
    }
}

async fn show(desk: Arc<Shared>, to: Address, every: Duration, until: CancellationToken) {
    let showing = async {
        loop {
            // Whoever serves there now: a reload may have put another in its place.
            let Some(instance) = desk.instance(&to.instance) else { return };
            if let Err(error) = door::in_time(&*desk.clock, instance.transport.show_typing(&to)).await {
                tracing::debug!(chat = to.chat, %error, "nobody is shown that work goes on");
            }
            desk.clock.sleep_until(desk.now() + every).await;
        }
    };
    tokio::select! {
        biased;
        () = until.cancelled() => {}
        () = showing => {}
    }
}

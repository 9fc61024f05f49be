//! The one task of a plugin's process: carries its messages, says goodbye, and ends what is left of it.
//!
//! Whoever speaks with the process may come and go; its end is seen to here, whatever it was.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use takopi_core::port::Clock;
use takopi_plugin_protocol::{Method, Notification, life::Exit, life::Shutdown};
use takopi_stdio::rpc::{Closed, Patience, Peer, Service, Wire};
use takopi_stdio::{Leash, Lines, Output};
use tokio::process::{ChildStdin, ChildStdout};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::life::Life;
use crate::bounds::Bounds;
use crate::health::Health;

/// What is to become of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    /// It goes on.
    Stay,
    /// It is asked to finish within this time, then ended with everything it has started.
    Close(Duration),
    /// Its run is over: it is let go, and what it left running on purpose stays. One that does not go by itself is ended
    /// with everything.
    LetGo,
    /// It is ended with everything it has started.
    Kill,
}

/// What the task has.
pub(super) struct Keeper {
    pub(super) life: Arc<Life>,
    pub(super) peer: Peer,
    pub(super) leash: Leash,
    pub(super) word: watch::Receiver<Word>,
    /// Where a crash is noted; not for the process of a single run, which nobody starts again.
    pub(super) health: Option<Arc<Mutex<Health>>>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) bounds: Bounds,
    pub(super) tasks: TaskTracker,
    pub(super) stop: CancellationToken,
}

impl Keeper {
    /// Sees the process to its end.
    pub(super) async fn keep(
        mut self,
        wire: Wire,
        stdout: Lines<Output<ChildStdout>>,
        stdin: ChildStdin,
        service: Arc<dyn Service>,
    ) {
        let (life, stop, tasks) = (self.life.clone(), self.stop.clone(), self.tasks.clone());
        let explain = {
            let (life, peer) = (life.clone(), self.peer.clone());
            async move {
                let is_wanted = peer.waiting() + life.holds.load(Ordering::Relaxed) > 0;
                life.was_wanted.store(is_wanted, Ordering::Relaxed);
                life.obituary().await
            }
        };
        let word = {
            let carried = wire.run(stdout, stdin, service, &tasks, &stop, explain);
            tokio::pin!(carried);
            tokio::select! {
                closed = &mut carried => self.ended(&closed).await,
                word = told(&mut self.word) => {
                    // Dropping what carries the messages closes stdin, and fails every call.
                    if word != Word::Kill {
                        tokio::join!(self.say_goodbye(word), carried);
                    }
                    word
                }
            }
        };
        let (stray_lines, _) = self.peer.garbage();
        if stray_lines > 0 {
            // Not the lines themselves: nobody meant them for the log.
            tracing::warn!(
                plugin = life.plugin,
                stray_lines,
                "a plugin printed what is no message; stderr is for that"
            );
        }
        let went = word != Word::Kill && timeout(self.bounds.exit, life.process.wait()).await.is_ok();
        if word == Word::LetGo && went {
            self.leash.release();
        } else {
            let report = life.process.stop(&self.bounds.ladder).await;
            for survivor in report.survivors {
                tracing::warn!(plugin = life.plugin, ?survivor, "a process could not be ended");
            }
        }
        life.over.cancel();
    }

    async fn say_goodbye(&self, word: Word) {
        if let Word::Close(grace) = word {
            let patience = Patience::of(grace);
            if let Err(error) = self.peer.call(Shutdown::NAME, json!({}), &patience).await {
                tracing::debug!(plugin = self.life.plugin, %error, "a plugin did not answer that it is to end");
            }
        }
        let exit = timeout(self.bounds.exit, self.peer.notify(Exit::NAME, json!({})));
        if !matches!(exit.await, Ok(Ok(()))) {
            tracing::debug!(plugin = self.life.plugin, "a plugin was gone before it was told to go");
        }
        self.peer.close();
    }

    /// Its connection ended before anybody wanted that.
    async fn ended(&mut self, closed: &Closed) -> Word {
        if self.stop.is_cancelled() {
            return Word::Kill;
        }
        let Some(health) = &self.health else {
            // Whether its run had come to an end is known where the run is.
            return told(&mut self.word).await;
        };
        let exit = timeout(self.bounds.exit, self.life.process.wait()).await;
        // Who has nothing to do may go.
        let is_well =
            matches!(exit, Ok(exit) if exit.is_success()) && !self.life.was_wanted.load(Ordering::Relaxed);
        let is_crash = self.life.doom.get().is_some() || !is_well;
        let words = self.life.obituary().await;
        if is_crash {
            let now = self.clock.moment();
            let is_too_many = self.life.crashed(health, now);
            tracing::warn!(plugin = self.life.plugin, %closed, words, is_too_many, "a plugin crashed");
        } else {
            tracing::debug!(plugin = self.life.plugin, %closed, words, "a plugin ended by itself");
        }
        Word::Kill
    }
}

/// Waits for the word that is not to stay; to be forgotten by all is the word to be ended.
async fn told(word: &mut watch::Receiver<Word>) -> Word {
    let word = word.wait_for(|word| *word != Word::Stay).await;
    word.map_or(Word::Kill, |word| *word)
}

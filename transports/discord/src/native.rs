//! Commands, buttons, menus and forms, as Discord offers them: told to Discord, heard, and answered in time.
//!
//! `native/set.rs` makes commands fit, `native/registration.rs` tells Discord of them, `native/read.rs` reads what comes,
//! `native/interactions.rs` decides what it means, `answers.rs` is how replies go out. Who may do what is asked of
//! [`Surroundings`]; what becomes of it is the desk's.

mod arrival;
mod choices;
mod interactions;
mod press;
mod prompt;
mod read;
mod registration;
mod response;
pub(crate) mod rest;
mod set;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::Method;
use serenity::model::application::Interaction;
use serenity::model::channel;
use takopi_core::desk::{AcceptError, Inbox};
use takopi_core::id::{CommandId, EngineId, InstanceId};
use takopi_core::message::{ButtonAction, Inbound, Message, MessageRef, Sender};
use takopi_core::port::clock::Clock;
use takopi_core::port::command::{Access, CommandOption};
use takopi_core::port::transport::Admission;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::answers::Answers;
use arrival::Arrivals;
use interactions::PATIENCE;
use registration::{Registrar, Teller};
use rest::{Ask, Rest, To};
use set::CommandSet;

/// Most interactions that are under way at once: far more than people give in the three seconds that each takes. One
/// beyond them is not answered, and Discord tells its sender so.
const MAX_UNDER_WAY: usize = 1024;

/// How long what is under way may still take when receiving ends.
const FAREWELL: Duration = Duration::from_secs(1);

/// What stands before the identity of what came as an interaction; see [`is_asked`].
const IDENTITY: &str = "interaction:";

/// A command as Discord's own, in the order of importance: when there are too many, the last ones are given by `/run`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NativeCommand {
    /// What is typed after the slash.
    pub name: String,
    /// What it does, in a few words.
    pub description: String,
    /// Its options; those of an engine are always the same and made here.
    pub options: Vec<CommandOption>,
    /// What it does.
    pub kind: NativeKind,
    /// Who may give it.
    pub access: Access,
    /// Whether its reply is for the caller's eyes only.
    pub ephemeral: bool,
}

/// What a native command does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NativeKind {
    /// Runs a prompt with this engine.
    Engine(EngineId),
    /// Calls this command.
    Command(CommandId),
}

/// What interactions need of the parts beside them. All from memory.
pub(crate) trait Surroundings: Send + Sync {
    /// Returns whether its sender may do that, as [`takopi_core::port::Transport::admits`] says.
    fn admits(&self, inbound: &Inbound) -> Admission;

    /// Returns what a button carries; `None` when nobody knows any more.
    fn action_of(&self, custom_id: &str) -> Option<ButtonAction>;

    /// Returns what a message says to the bot.
    fn text_of(&self, message: &channel::Message) -> String;

    /// Learns what a message of ours asks, and for whom: a thread that opens on it is called so.
    fn began(&self, starter: &MessageRef, prompt: &str, sender: &Sender);
}

/// What it is made of.
pub(crate) struct NativeParts {
    /// Whose commands.
    pub(crate) instance: InstanceId,
    /// How calls are made.
    pub(crate) rest: Arc<dyn Rest>,
    /// The parts beside it.
    pub(crate) around: Arc<dyn Surroundings>,
    /// The time.
    pub(crate) clock: Arc<dyn Clock>,
}

/// Discord's own controls, of one bot.
pub(crate) struct Native {
    instance: InstanceId,
    rest: Arc<dyn Rest>,
    around: Arc<dyn Surroundings>,
    clock: Arc<dyn Clock>,
    answers: Answers,
    arrivals: Arrivals,
    registrar: Registrar,
    set: Mutex<Arc<CommandSet>>,
    under_way: TaskTracker,
}

impl std::fmt::Debug for Native {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Native").field("instance", &self.instance).finish_non_exhaustive()
    }
}

impl Native {
    /// Returns the controls, with no commands yet.
    pub(crate) fn new(parts: NativeParts) -> Arc<Self> {
        let NativeParts { instance, rest, around, clock } = parts;
        Arc::new(Self {
            instance,
            rest,
            around,
            clock,
            answers: Answers::default(),
            arrivals: Arrivals::default(),
            registrar: Registrar::default(),
            set: Mutex::default(),
            under_way: TaskTracker::new(),
        })
    }

    /// Offers these commands from now on. Discord learns of them while [`Native::keep`] runs.
    pub(crate) fn set_commands(&self, commands: Vec<NativeCommand>) {
        let set = Arc::new(CommandSet::of(commands));
        *self.set.lock().unwrap_or_else(PoisonError::into_inner) = set.clone();
        self.registrar.set_commands(set);
    }

    /// Learns, with every connection, which application it is, which servers it serves, and whether it serves direct
    /// messages.
    pub(crate) fn connected(&self, application: &str, guilds: BTreeSet<String>, direct: bool) {
        self.registrar.connected(application, guilds, direct);
    }

    /// Learns that it serves one more server.
    pub(crate) fn joined(&self, guild: &str) {
        self.registrar.joined(guild);
    }

    /// Learns that a server has thrown it out.
    ///
    /// # Errors
    /// [`AcceptError::Ledger`] when that is not remembered: a server that takes it back has no commands then.
    pub(crate) async fn left(&self, guild: &str, inbox: &Inbox) -> Result<(), AcceptError> {
        self.registrar.left(guild, inbox).await
    }

    /// Keeps Discord's lists of commands as they should be, and takes away answers that stay empty. Never returns;
    /// dropping it is how it is stopped.
    pub(crate) async fn keep(&self, inbox: &Inbox) {
        let (instance, clock) = (&self.instance, &*self.clock);
        let teller = Teller { instance, inbox, rest: &*self.rest, clock };
        tokio::join!(self.registrar.keep(&teller), self.tidy());
    }

    async fn tidy(&self) {
        loop {
            for key in self.answers.left_open(&*self.clock).await {
                let ask =
                    Ask { method: Method::DELETE, to: To::Original(key), body: None, patience: PATIENCE };
                if let Err(error) = self.rest.ask(ask).await {
                    tracing::warn!(instance = %self.instance, %error, "an answer that nobody gave still stands");
                }
            }
        }
    }

    /// Returns what is in the way of its commands.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.registrar.trouble()
    }

    /// Returns how replies to commands go out.
    pub(crate) fn answers(&self) -> &Answers {
        &self.answers
    }

    /// Takes what somebody did, and answers it beside whatever comes next.
    pub(crate) fn hear(self: &Arc<Self>, interaction: Interaction, inbox: &Inbox, stop: &CancellationToken) {
        let say = |message: &channel::Message| self.around.text_of(message);
        let Some((origin, wish)) = read::read(&self.instance, interaction, say) else { return };
        let arrival = self.arrivals.look(origin.id, origin.made, self.clock.now());
        if self.under_way.len() >= MAX_UNDER_WAY {
            tracing::error!(instance = %self.instance, "too much at once: an interaction is not answered");
            return;
        }
        let (native, inbox, stop) = (self.clone(), inbox.clone(), stop.clone());
        self.under_way.spawn(async move {
            let farewell = async {
                stop.cancelled().await;
                native.clock.sleep_until(native.clock.moment() + FAREWELL).await;
            };
            tokio::select! {
                () = native.do_it(arrival, origin, wish, &inbox) => {}
                () = farewell => {}
            }
        });
    }

    /// Waits until nothing is under way any more. Fire the stops given to [`Native::hear`] first.
    pub(crate) async fn finish(&self) {
        self.under_way.close();
        self.under_way.wait().await;
        self.under_way.reopen();
    }

    fn commands(&self) -> Arc<CommandSet> {
        self.set.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Returns whether a message came as a command or a form: then it is for the bot, whatever it says and wherever.
#[must_use]
pub(crate) fn is_asked(message: &Message) -> bool {
    message.upstream.starts_with(IDENTITY)
}

#[cfg(test)]
mod stage;
#[cfg(test)]
mod tests;

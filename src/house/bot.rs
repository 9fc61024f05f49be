//! A bot that is served, of whatever service: its table, and what it has of its own; greeting when the house opens.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use takopi_core::desk::Desk;
use takopi_core::id::InstanceId;
use takopi_core::message::{Address, Body};
use takopi_core::port::ledger::{LedgerError, OutboxId};
use takopi_core::port::transport::TransportSpec;
use takopi_core::port::{Clock, Ledger as _, Transcriber, Transport};
use takopi_core::settings::{Secret, Settings};
use takopi_ledger::SqliteLedger;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Opening;
use super::accounts::BotTable;
use super::discord::DiscordBot;
use super::greeting::Greeting;
use super::telegram::{Surroundings, TelegramBot};
use super::voice::ears;

/// The namespace that remembers each bot's greeting, by the number of its post.
const GREETING: &str = "greeting";

/// A bot that is served.
pub(super) struct Bot {
    pub(super) instance: InstanceId,
    service: Service,
    token: Secret,
    clock: Arc<dyn Clock>,
}

/// Which service's bot it is.
enum Service {
    Telegram(TelegramBot),
    Discord(DiscordBot),
}

/// Who takes over what a Python takopi knew: at once, or by a task of the house.
pub(super) struct Heir<'a> {
    pub(super) desk: &'a Desk,
    pub(super) ledger: &'a Arc<SqliteLedger>,
    pub(super) opening: &'a Opening,
    pub(super) tasks: &'a TaskTracker,
    pub(super) stop: &'a CancellationToken,
}

/// What the bots of a service have of their own.
#[async_trait]
pub(super) trait Own: Send + Sync {
    /// Returns its table.
    fn table(&self) -> BotTable;

    /// Returns the transport, for the desk.
    fn transport(&self) -> Arc<dyn Transport>;

    /// Returns what is known of the transport, by its table.
    fn spec(&self) -> TransportSpec;

    /// Returns why it cannot be served, as far as its server says; a stranger is one whose token nobody has tried. A
    /// server that doesn't answer may allow it.
    async fn refusal(&self, is_stranger: bool) -> Option<String>;

    /// Takes over what a Python takopi knew of this bot's chats.
    ///
    /// # Errors
    /// [`LedgerError`]; the next start tries again.
    async fn inherit(&self, heir: &Heir<'_>) -> Result<(), LedgerError>;

    /// Tells the bot what the house can do now.
    async fn learn(&self, desk: &Desk, settings: &Settings);

    /// Returns what the main chat and the log should know: what is dangerous.
    fn warnings(&self, settings: &Settings) -> Vec<String>;

    /// Returns whether it could greet: one that does not receive says why itself.
    async fn can_greet(&self) -> bool {
        true
    }

    /// Returns what the greeting says of how it serves.
    fn ways(&self) -> Ways;

    /// Returns the main chat, which is told when takopi is ready.
    async fn main_chat(&self, ledger: &SqliteLedger) -> Option<Address>;
}

/// How a bot serves, in a greeting's words.
pub(super) struct Ways {
    /// Where conversations go on by themselves: `stateless`, `chat` or `thread`.
    pub(super) mode: &'static str,
    /// One more line, with what stands before it.
    pub(super) more: (&'static str, String),
    /// Whether messages show how to continue them.
    pub(super) resume_lines: bool,
}

impl Bot {
    /// Makes a bot of its table and its token, in the place of another one of the same instance, if there was one.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub(super) fn new(
        settings: &Settings,
        instance: &InstanceId,
        (table, token): (BotTable, Secret),
        around: &Surroundings,
        old: Option<&Self>,
    ) -> anyhow::Result<Self> {
        let named = (instance, token.clone());
        let service = match table {
            BotTable::Telegram(config) => {
                let old = old.and_then(|old| match &old.service {
                    Service::Telegram(old) => Some(old),
                    Service::Discord(_) => None,
                });
                Service::Telegram(TelegramBot::new(settings, named, config, around, old)?)
            }
            BotTable::Discord(config) => {
                let old = old.and_then(|old| match &old.service {
                    Service::Discord(old) => Some(old),
                    Service::Telegram(_) => None,
                });
                Service::Discord(DiscordBot::new(named, config, around, old)?)
            }
        };
        Ok(Self { instance: instance.clone(), service, token, clock: around.clock.clone() })
    }

    /// Returns what it has of its own.
    pub(super) fn own(&self) -> &dyn Own {
        match &self.service {
            Service::Telegram(own) => own,
            Service::Discord(own) => own,
        }
    }

    /// Returns what logs must not show.
    pub(super) fn secret(&self) -> Secret {
        self.token.clone()
    }

    /// Returns whether it is what this table and this token make.
    pub(super) fn is_by(&self, table: &BotTable, token: &Secret) -> bool {
        self.own().table() == *table && self.token == *token
    }

    /// Returns whether another one is the same bot of the same server.
    pub(super) fn is_same_account(&self, other: &Self) -> bool {
        self.token == other.token && self.own().table().is_at_server_of(&other.own().table())
    }

    /// Takes over what a Python takopi knew of this bot's chats. Without it everything works but what people
    /// had chosen, so a failure is told and no more.
    pub(super) async fn inherit(&self, heir: &Heir<'_>) {
        if let Err(error) = self.own().inherit(heir).await {
            tracing::error!(%error, "the Python takopi's state is not taken over; the next start tries again");
        }
    }

    /// Ends conversations that took place in the directory of a daemon started elsewhere: a plain message means the
    /// directory of this one. What works in a project goes on. Without it they go on where they were, so that a
    /// failure is told and no more.
    pub(super) async fn move_to(&self, dir: &Path, ledger: &SqliteLedger) {
        match ledger.end_conversations_outside(&self.instance, dir).await {
            Ok(0) => {}
            Ok(ended) => {
                tracing::info!(instance = %self.instance, ended, "conversations of another directory do not go on");
            }
            Err(error) => tracing::error!(%error, "conversations of another directory go on there"),
        }
    }

    /// Returns who hears the bot's voice notes; `None` when nobody does.
    ///
    /// # Errors
    /// When the service's address cannot be used.
    pub(super) fn hearing(&self) -> anyhow::Result<Option<Arc<dyn Transcriber>>> {
        let Some(ears) = ears(&self.instance, &self.own().table(), self.clock.clone())? else {
            return Ok(None);
        };
        if let Some(issue) = ears.check() {
            tracing::warn!(instance = %self.instance, "{issue}");
        }
        Ok(Some(Arc::new(ears)))
    }

    /// Warns in the log of what is dangerous, and returns what the main chat should know of it.
    pub(super) fn warn(&self, settings: &Settings) -> Vec<String> {
        let warnings = self.own().warnings(settings);
        for warning in &warnings {
            tracing::warn!(instance = %self.instance, "{warning}");
        }
        warnings
    }

    /// Says in the main chat that takopi is ready, and warns there and in the log of what is dangerous.
    pub(super) async fn greet(&self, desk: &Desk, ledger: &SqliteLedger, opening: &Opening) {
        let warnings = self.warn(&opening.settings);
        if !self.own().can_greet().await {
            return;
        }
        let greeting = Greeting {
            default_engine: opening.default_engine.as_str(),
            engines: &desk.engines(&self.instance).await,
            projects: opening.settings.projects.iter().map(|project| project.alias.as_str()).collect(),
            ways: &self.own().ways(),
            dir: &opening.dir,
            warnings: &warnings,
        };
        let Some(post) = self.say(desk, ledger, &greeting.body()).await else { return };
        if let Err(error) = ledger.put(GREETING, self.instance.as_str(), Some(&post.0.to_string())).await {
            tracing::warn!(instance = %self.instance, %error, "this greeting may come beside the next one");
        }
    }

    /// Takes back the last daemon's greeting, should it still wait: a new one is on its way. Call before posts
    /// go on.
    pub(super) async fn withdraw_greeting(&self, ledger: &SqliteLedger) {
        let withdraw = async {
            let number = ledger.get(GREETING, self.instance.as_str()).await?;
            let Some(post) = number.and_then(|number| number.parse().ok()).map(OutboxId) else {
                return Ok(());
            };
            match ledger.outbox(post).await?.filter(|row| !row.closed) {
                Some(_) => ledger.close_post(post).await,
                None => Ok(()),
            }
        };
        let withdrawn: Result<(), LedgerError> = withdraw.await;
        if let Err(error) = withdrawn {
            tracing::warn!(instance = %self.instance, %error, "an old greeting may come beside the new one");
        }
    }

    /// Says something in the main chat, if there is one. Returns the post's number.
    pub(super) async fn say(&self, desk: &Desk, ledger: &SqliteLedger, body: &Body) -> Option<OutboxId> {
        let chat = self.own().main_chat(ledger).await?;
        match desk.tell(&chat, body).await {
            Ok(post) => post,
            Err(error) => {
                tracing::warn!(instance = %self.instance, %error, "the main chat is not told");
                None
            }
        }
    }
}

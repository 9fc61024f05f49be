//! Tells Discord of the commands, in each server anew only when they have changed: 200 new commands a day and a server
//! are allowed, and every one that is told anew counts.
//!
//! What was told is remembered over restarts by its fingerprint. Nothing waits for this: without it texts work.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::Method;
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};
use takopi_core::desk::{AcceptError, Inbox};
use takopi_core::id::InstanceId;
use takopi_core::port::clock::Clock;
use takopi_core::render::format_elapsed;
use takopi_core::time::Moment;
use tokio::sync::watch;

use super::rest::{Ask, CallError, Rest, Scope, To};
use super::set::CommandSet;

/// How long Discord may take to take a hundred commands.
const PATIENCE: Duration = Duration::from_secs(30);

/// Pause before a call that did not arrive is made again: doubles from the first to the last.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LAST_PAUSE: Duration = Duration::from_secs(300);

/// Pause where somebody has to do something first.
const REMEDY_PAUSE: Duration = Duration::from_secs(15 * 60);

/// Pause after a refusal that trying again soon does not change, and after the day's commands are used up.
const LONG_PAUSE: Duration = Duration::from_secs(3600);

/// From when on a limit is worth telling people of.
const WORTH_TELLING: Duration = Duration::from_secs(60);

/// Discord's codes ("JSON Error Codes"): no access to that, and too many new commands today.
const MISSING_ACCESS: u32 = 50_001;
const DAILY_LIMIT: u32 = 30_034;

/// The context in which commands of the global set are shown: direct messages with the bot (Discord, "Interaction
/// Context Types"). Servers have their own, and would show them twice.
const BOT_DM: u8 = 1;

/// What is to be told, and to whom.
#[derive(Debug, Clone, Default)]
struct Wanted {
    application: Option<String>,
    guilds: BTreeSet<String>,
    direct: bool,
    set: Option<Arc<CommandSet>>,
    /// Counts connections: with each, what was refused is tried again.
    round: u64,
}

/// Keeps Discord's lists as they should be.
#[derive(Debug, Default)]
pub(crate) struct Registrar {
    wanted: watch::Sender<Wanted>,
    troubles: Mutex<BTreeMap<Scope, String>>,
}

/// When a scope is tried again.
#[derive(Debug, Clone, Copy, Default)]
struct Later {
    at: Moment,
    pause: Duration,
}

/// Whoever tells.
pub(crate) struct Teller<'a> {
    pub(crate) instance: &'a InstanceId,
    pub(crate) inbox: &'a Inbox,
    pub(crate) rest: &'a dyn Rest,
    pub(crate) clock: &'a dyn Clock,
}

impl Registrar {
    /// Tells of these commands from now on.
    pub(crate) fn set_commands(&self, set: Arc<CommandSet>) {
        self.wanted.send_if_modified(|wanted| {
            let is_new = wanted.set.as_ref() != Some(&set);
            wanted.set = Some(set);
            is_new
        });
    }

    /// Learns, with every connection, which application it is, which servers it serves, and whether it serves direct
    /// messages.
    pub(crate) fn connected(&self, application: &str, guilds: BTreeSet<String>, direct: bool) {
        self.wanted.send_modify(|wanted| {
            wanted.application = Some(application.to_owned());
            (wanted.guilds, wanted.direct) = (guilds, direct);
            wanted.round += 1;
        });
    }

    /// Learns that it serves one more server.
    pub(crate) fn joined(&self, guild: &str) {
        self.wanted.send_if_modified(|wanted| wanted.guilds.insert(guild.to_owned()));
    }

    /// Learns that a server has thrown it out: Discord has forgotten its commands there.
    pub(crate) async fn left(&self, guild: &str, inbox: &Inbox) -> Result<(), AcceptError> {
        let scope = Scope::Guild(guild.to_owned());
        self.wanted.send_if_modified(|wanted| wanted.guilds.remove(guild));
        self.settle(&scope, None);
        inbox.remember(&drawer(&scope), None).await
    }

    /// Returns what is in the way.
    pub(crate) fn trouble(&self) -> Option<String> {
        let troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        let all: Vec<&str> = troubles.values().map(String::as_str).collect();
        (!all.is_empty()).then(|| all.join("; "))
    }

    /// Keeps the lists as they should be. Never returns; dropping it is how it is stopped.
    pub(crate) async fn keep(&self, teller: &Teller<'_>) {
        let mut wanted = self.wanted.subscribe();
        let mut later: BTreeMap<Scope, Later> = BTreeMap::new();
        let mut round = 0;
        loop {
            let now = wanted.borrow_and_update().clone();
            if now.round != round {
                round = now.round;
                later.clear();
            }
            let next = self.bring(&now, teller, &mut later).await;
            let waiting = async {
                match next {
                    Some(at) => teller.clock.sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = waiting => {}
                changed = wanted.changed() => if changed.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        }
    }

    /// Tells everybody who is due, and returns when the next one is.
    async fn bring(
        &self,
        wanted: &Wanted,
        teller: &Teller<'_>,
        later: &mut BTreeMap<Scope, Later>,
    ) -> Option<Moment> {
        let (Some(application), Some(set)) = (&wanted.application, &wanted.set) else { return None };
        let guilds = wanted.guilds.iter().cloned().map(Scope::Guild);
        let scopes: Vec<Scope> = [Scope::Global].into_iter().chain(guilds).collect();
        later.retain(|scope, _| scopes.contains(scope));
        for scope in scopes {
            let before = later.get(&scope).copied().unwrap_or_default();
            if before.at > teller.clock.moment() {
                continue;
            }
            let commands = commands_of(&scope, set, wanted.direct);
            match self.tell(application, &scope, commands, teller, before.pause).await {
                None => later.remove(&scope),
                Some(pause) => later.insert(scope, Later { at: teller.clock.moment() + pause, pause }),
            };
        }
        later.values().map(|later| later.at).min()
    }

    /// Tells Discord of the commands of one scope, unless it knows them. Returns after which time to try again.
    async fn tell(
        &self,
        application: &str,
        scope: &Scope,
        commands: Value,
        teller: &Teller<'_>,
        before: Duration,
    ) -> Option<Duration> {
        let Teller { instance, inbox, rest, .. } = teller;
        let fingerprint = fingerprint(application, scope, &commands);
        let drawer = drawer(scope);
        match inbox.recall(&drawer).await {
            Ok(known) if known.as_ref() == Some(&fingerprint) => return None,
            Ok(_) => {}
            Err(error) => tracing::warn!(%instance, %error, "what Discord knows of commands is not known"),
        }
        let to = To::Commands { application: application.to_owned(), scope: scope.clone() };
        let ask = Ask { method: Method::PUT, to, body: Some(commands), patience: PATIENCE };
        if let Err(error) = rest.ask(ask).await {
            return Some(self.refused(application, scope, &error, teller, before));
        }
        tracing::info!(%instance, ?scope, "Discord knows the commands");
        self.settle(scope, None);
        if let Err(error) = inbox.remember(&drawer, Some(&fingerprint)).await {
            tracing::warn!(%instance, %error, "Discord will be told of the commands again");
        }
        None
    }

    /// Tells people what is in the way, and returns how long to wait.
    fn refused(
        &self,
        application: &str,
        scope: &Scope,
        error: &CallError,
        teller: &Teller<'_>,
        before: Duration,
    ) -> Duration {
        let instance = teller.instance;
        let (pause, trouble) = match (error, scope) {
            (CallError::Refused { code: MISSING_ACCESS, .. }, Scope::Guild(guild)) => {
                let url = invitation(application, guild);
                let trouble =
                    format!("the server {guild} has not allowed slash commands; open {url} to allow them");
                (REMEDY_PAUSE, Some(trouble))
            }
            (CallError::Refused { code: DAILY_LIMIT, .. }, _) => {
                let again = format_elapsed(LONG_PAUSE);
                let place = place(scope);
                let trouble = format!(
                    "Discord takes no more new slash commands {place} today; they are tried again in {again}"
                );
                (LONG_PAUSE, Some(trouble))
            }
            (CallError::Refused { .. }, _) => {
                let place = place(scope);
                (LONG_PAUSE, Some(format!("slash commands {place} stay as they were: {error}")))
            }
            (CallError::Limited { after, .. }, _) => {
                let again = format_elapsed(*after);
                let place = place(scope);
                let trouble = format!("Discord takes slash commands {place} only in {again}");
                (*after, (*after >= WORTH_TELLING).then_some(trouble))
            }
            (CallError::Unknown(_) | CallError::Unreachable(_), _) => {
                ((before * 2).clamp(FIRST_PAUSE, LAST_PAUSE), None)
            }
        };
        match &trouble {
            Some(trouble) => tracing::warn!(%instance, ?scope, "{trouble}"),
            None => tracing::debug!(%instance, ?scope, %error, ?pause, "commands are told later"),
        }
        self.settle(scope, trouble);
        pause
    }

    fn settle(&self, scope: &Scope, trouble: Option<String>) {
        let mut troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        match trouble {
            Some(trouble) => troubles.insert(scope.clone(), trouble),
            None => troubles.remove(scope),
        };
    }
}

fn place(scope: &Scope) -> String {
    match scope {
        Scope::Global => "of direct messages".to_owned(),
        Scope::Guild(guild) => format!("in the server {guild}"),
    }
}

/// Returns what is told in a scope. The global set is empty where direct messages are not served: what another program
/// has left there would stand beside ours.
fn commands_of(scope: &Scope, set: &CommandSet, direct: bool) -> Value {
    match scope {
        Scope::Guild(_) => json!(set.told),
        Scope::Global if !direct => json!([]),
        Scope::Global => {
            let mut told = set.told.clone();
            told.iter_mut().for_each(|command| command["contexts"] = json!([BOT_DM]));
            json!(told)
        }
    }
}

/// Returns the key under which the fingerprint of what was told lies.
fn drawer(scope: &Scope) -> String {
    match scope {
        Scope::Global => "commands.global".to_owned(),
        Scope::Guild(guild) => format!("commands.{guild}"),
    }
}

/// Returns the fingerprint of commands in a scope of an application.
fn fingerprint(application: &str, scope: &Scope, commands: &Value) -> String {
    let scope = drawer(scope);
    let written = json!({"application": application, "scope": scope, "commands": commands}).to_string();
    digest(&SHA256, written.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns where a server's managers allow slash commands.
fn invitation(application: &str, guild: &str) -> String {
    format!(
        "https://discord.com/oauth2/authorize?client_id={application}&scope=applications.commands\
         &guild_id={guild}&disable_guild_select=true"
    )
}

#[cfg(test)]
mod tests;

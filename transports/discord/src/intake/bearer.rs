//! One batch on its way into the inbox: what it lacks is asked for, what is for nobody is left out, and the rest is
//! durable before the cursor moves.

use std::time::Duration;

use serde_json::Value;
use takopi_core::desk::{AcceptError, Inbox};
use takopi_core::message::{Inbound, Message};
use takopi_core::port::transport::{Admission, Transport as _, TransportError};
use tokio_util::sync::CancellationToken;

use super::{Work, paste};
use crate::api::{Call, CallError};
use crate::config::Id;
use crate::inbound::{Heard, Reader, Said};
use crate::places::ChannelFacts;
use crate::route::Route;
use crate::transport::Discord;

/// How long Discord may take to tell what a message lacks.
const PATIENCE: Duration = Duration::from_secs(10);

/// Pause before the ledger is tried again: doubles from the first to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LAST_PAUSE: Duration = Duration::from_secs(32);

/// How far the cursor may lag behind where nothing is for us: less than a minute, in milliseconds of ids.
const LAG: Id = 60_000 << 22;

/// How far a batch has got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Borne {
    /// Its youngest message.
    pub(super) reached: Id,
    /// What the ledger knows of that.
    pub(super) written: Id,
}

/// A message of which Discord does not say where it stands. It is asked for again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stray {
    pub(super) guild: Id,
    pub(super) channel: Id,
    pub(super) message: Id,
}

/// What became of a batch.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Taken {
    pub(super) borne: Borne,
    /// What of it was not taken.
    pub(super) strays: Vec<Stray>,
}

/// Bears batches.
#[derive(Clone, Copy)]
pub(super) struct Bearer<'a> {
    pub(super) bot: &'a Discord,
    pub(super) inbox: &'a Inbox,
    pub(super) stop: &'a CancellationToken,
}

impl Bearer<'_> {
    /// Takes a batch in; `None` when it was not taken, because the transport stops. `before` is how far it has got
    /// until now; the ledger is told only when no `hole` is before it.
    ///
    /// # Errors
    /// [`TransportError::Broken`] when the house will not have it.
    pub(super) async fn bear(
        self,
        batch: Vec<Work>,
        before: Borne,
        hole: bool,
    ) -> Result<Option<Taken>, TransportError> {
        let mut inbounds = Vec::with_capacity(batch.len());
        let mut reached = before.reached;
        let (mut decided, mut strays) = (Vec::new(), Vec::new());
        for work in batch {
            let said = if let Work::Said(message) = &work { Some(message.id.get()) } else { None };
            reached = reached.max(said.unwrap_or_default());
            match self.read(work).await {
                Ok(inbound) => {
                    decided.extend(said);
                    inbounds.extend(inbound);
                }
                Err(stray) => strays.push(stray),
            }
        }
        let any = inbounds.iter().any(|inbound| self.bot.admits(inbound) != Admission::Stranger);
        if !inbounds.is_empty() && !self.accept(inbounds).await? {
            return Ok(None);
        }
        self.bot.decided(decided);
        let due = reached > before.written && (any || reached - before.written > LAG);
        let borne = Borne { reached, ..before };
        if hole || !due || !strays.is_empty() {
            return Ok(Some(Taken { borne, strays }));
        }
        let written = match self.inbox.set_cursor(&reached.to_string()).await {
            Ok(()) => reached,
            Err(error) => {
                tracing::warn!(instance = %self.bot.instance, %error, "some messages will be read twice");
                before.written
            }
        };
        Ok(Some(Taken { borne: Borne { written, ..borne }, strays }))
    }

    /// Returns what is to be accepted of something that came.
    ///
    /// # Errors
    /// [`Stray`] for a message that cannot be read before Discord says where it stands.
    async fn read(&self, work: Work) -> Result<Option<Inbound>, Stray> {
        match work {
            Work::Said(message) => {
                let said = Said::of(&message);
                self.complete(&said).await?;
                if !self.bot.turns.hears(said.channel, said.author.is_bot) {
                    return Ok(None);
                }
                let Some(heard) = self.reader().message(&said) else { return Ok(None) };
                Ok(self.for_us(heard).await)
            }
            other => Ok(self.read_news(other).await),
        }
    }

    /// Returns what is to be accepted of what became of messages, and of servers.
    async fn read_news(&self, work: Work) -> Option<Inbound> {
        match work {
            Work::Said(_) => None,
            Work::Edited(event) => {
                let said = Said::of_edit(&event)?;
                // Reading it costs nothing, asking for what it lacks may.
                said.edited_us?;
                // An edit of what was never heard changes nothing.
                self.complete(&said).await.ok()?;
                let heard = self.reader().edit(&said)?;
                self.for_us(heard).await
            }
            Work::Left { guild } => {
                if let Err(error) = self.bot.native.left(&guild.to_string(), self.inbox).await {
                    let instance = &self.bot.instance;
                    tracing::warn!(%instance, guild, %error, "a server that takes the bot back has no commands");
                }
                None
            }
            Work::Deleted { channel, message } => {
                let inbound = self.reader().deleted(channel, message)?;
                self.bot.starters.starter_gone(&message.to_string());
                // Most deletions are of messages that were never ours.
                self.inbox.run_at(inbound.message()).map(|_| inbound)
            }
        }
    }

    fn reader(&self) -> Reader<'_> {
        let threshold = &self.bot.threshold;
        let listens = self.bot.config.voice.enabled;
        Reader { places: &threshold.places, words: &threshold.words, listens }
    }

    /// Returns what is not for nobody, and where it is answered.
    async fn for_us(&self, heard: Heard) -> Option<Inbound> {
        self.bot.threshold.audience.heard(heard.inbound.message(), heard.named);
        let mut inbound = heard.inbound;
        let admission = self.bot.admits(&inbound);
        if admission == Admission::Silence {
            return None;
        }
        let is_new = matches!(inbound, Inbound::Message(_));
        let (Inbound::Message(message) | Inbound::Edited(message)) = &mut inbound else {
            return Some(inbound);
        };
        let is_served = matches!(admission, Admission::Served | Admission::Late(_));
        if is_served && is_new {
            paste::unfold(self.bot, message, self.stop).await;
        }
        if message.message.address.thread.as_ref() != Some(&message.message.id) {
            if is_served && is_new {
                message.album = self.bot.bursts.of(message, self.bot.config.media_group_debounce);
            }
            return Some(inbound);
        }
        let Message { message, text, sender, .. } = message;
        if message.id.parse().is_ok_and(|id| self.bot.threshold.places.channel(id).is_some()) {
            self.bot.starters.opened(&message.id);
        } else if !is_served {
            // Whoever is not served is told so in the channel.
            message.address = message.address.whole_chat();
        } else if is_new {
            self.bot.starters.expect(&message.id, text, &sender.id);
        }
        Some(inbound)
    }

    /// Learns where a message stands and what its author may, where the gateway has not told.
    ///
    /// # Errors
    /// [`Stray`] when Discord does not answer where it stands.
    async fn complete(&self, said: &Said<'_>) -> Result<(), Stray> {
        let places = &self.bot.threshold.places;
        let Some(guild) = said.guild else {
            if !said.author.is_bot {
                places.saw_direct(said.channel, said.author.id);
            }
            return Ok(());
        };
        if !self.bot.threshold.gate.serves(guild) {
            return Ok(());
        }
        if places.channel(said.channel).is_none() {
            let (channel, message) = (said.channel, said.id);
            let found = self.ask(Call::get(Route::channel(&channel.to_string()))).await;
            let found = found.map_err(|_| Stray { guild, channel, message })?;
            if let Some(channel) =
                found.as_ref().and_then(|channel| ChannelFacts::of_json(channel, Some(guild)))
            {
                places.learn_channel(channel);
            }
        }
        match &said.roles {
            Some(roles) => places.saw_member(guild, said.author.id, roles.clone()),
            None if said.author.is_bot || places.roles_of(guild, said.author.id).is_some() => {}
            None => {
                let route = Route::member(&guild.to_string(), &said.author.id.to_string());
                let found = self.ask(Call::get(route)).await.ok().flatten();
                if let Some(roles) = found.as_ref().and_then(roles_of) {
                    places.saw_member(guild, said.author.id, roles);
                }
            }
        }
        Ok(())
    }

    /// Asks Discord; `None` is its refusal.
    ///
    /// # Errors
    /// [`CallError`] when it does not answer.
    async fn ask(&self, call: Call) -> Result<Option<Value>, CallError> {
        let template = call.route.template();
        let asked = tokio::select! {
            answer = self.bot.api.patiently(call, self.stop) => answer,
            () = self.bot.sleep(PATIENCE) => Err(CallError::Unknown("Discord takes too long".to_owned())),
        };
        let answer = asked.map(|answer| answer.body).inspect_err(
            |error| tracing::warn!(instance = %self.bot.instance, template, %error, "a message lacks something"),
        );
        match answer {
            Ok(found) => Ok(Some(found)),
            Err(CallError::Refused { status, .. }) if status < 500 => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes messages durable, however long the ledger is away. Returns whether they are; they are not when the
    /// transport stops.
    async fn accept(&self, inbounds: Vec<Inbound>) -> Result<bool, TransportError> {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.inbox.accept_all(inbounds.clone()).await {
                Ok(_) => return Ok(true),
                Err(AcceptError::Closing) if self.stop.is_cancelled() => return Ok(false),
                Err(error @ (AcceptError::Closing | AcceptError::NotServed(_))) => {
                    return Err(TransportError::Broken(error.to_string()));
                }
                Err(error @ AcceptError::Ledger(_)) => {
                    tracing::error!(%error, pause_ms = pause.as_millis(), "messages are not taken yet");
                }
            }
            tokio::select! {
                () = self.stop.cancelled() => return Ok(false),
                () = self.bot.sleep(pause) => {}
            }
            pause = (pause * 2).min(LAST_PAUSE);
        }
    }
}

/// Returns the roles of a member as REST tells of one.
pub(crate) fn roles_of(member: &Value) -> Option<Vec<Id>> {
    let roles = member.get("roles")?.as_array()?;
    Some(roles.iter().filter_map(|role| role.as_str()?.parse().ok()).collect())
}

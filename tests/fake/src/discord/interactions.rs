//! Interactions: what a person does with commands, buttons and windows, and the bot's answers in time or too late.
//!
//! Rules: Discord developer documentation, "Receiving and responding to interactions".

use std::time::Duration;

use serde_json::{Value, json};

use super::check::{self, list};
use super::commands::suggestions;
use super::files::Upload;
use super::objects::{Message, flag, said};
use super::refusal::{Refusal, form, unknown_message};
use super::world::World;

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Command = 2,
    Component = 3,
    Autocomplete = 4,
    Modal = 5,
}

/// An interaction, and what became of it.
#[derive(Debug, Clone)]
pub(super) struct Interaction {
    pub(super) id: u64,
    pub(super) token: String,
    pub(super) kind: Kind,
    pub(super) created: Duration,
    /// When it was answered, and with which type.
    pub(super) acked: Option<(Duration, u64)>,
    pub(super) channel: u64,
    pub(super) user: u64,
    pub(super) name: Option<String>,
    /// The message under which it was done.
    pub(super) message: Option<u64>,
    /// The message that `@original` means.
    pub(super) original: Option<u64>,
    pub(super) responses: Vec<u64>,
    pub(super) ephemeral: bool,
    pub(super) choices: Vec<Value>,
    pub(super) modal: Option<Value>,
    /// What the bot was told, to tell it again.
    pub(super) told: Value,
}

impl Interaction {
    /// Tells whether nobody answered in time.
    pub(super) fn failed(&self, world: &World) -> bool {
        self.acked.is_none() && world.now.saturating_sub(self.created) > world.settings.ack
    }
}

/// What a person does.
#[derive(Debug)]
pub(super) struct Deed {
    pub(super) kind: Kind,
    pub(super) channel: u64,
    pub(super) user: u64,
    pub(super) data: Value,
    pub(super) message: Option<u64>,
}

impl World {
    /// Tells the bot what a person does; returns the interaction's id.
    pub(super) fn fire(&mut self, deed: Deed) -> Option<u64> {
        let Deed { kind, channel, user, data, message } = deed;
        let id = self.id();
        let token = format!("aW{:x}", id.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let place = self.channels.get(&channel)?;
        let permissions = self.may(user, place).to_string();
        let mut described = place.describe(self.bot);
        described["permissions"] = permissions.clone().into();
        let mut told = json!({
            "id": id.to_string(), "application_id": self.bot.to_string(), "type": kind as u8, "token": token,
            "version": 1, "channel_id": channel.to_string(), "channel": described, "data": data,
            "locale": "en-US", "entitlements": [], "attachment_size_limit": self.settings.max_upload,
            "app_permissions": self.may(self.bot, place).to_string()
        });
        match place.guild {
            Some(guild) => {
                let guild_id = guild.to_string();
                let mut member = self.describe_member(guild, user)?;
                member["permissions"] = permissions.into();
                told["member"] = member;
                told["guild_locale"] = "en-US".into();
                told["context"] = 0.into();
                told["authorizing_integration_owners"] = json!({"0": guild_id});
                told["guild"] = json!({"id": guild_id, "features": [], "locale": "en-US"});
                told["guild_id"] = guild_id.into();
            }
            None => {
                told["user"] = self.describe_user(user);
                told["context"] = 1.into();
                told["authorizing_integration_owners"] = json!({"0": "0"});
            }
        }
        if let Some(message) = message {
            told["message"] = self.describe(self.any_message(channel, message)?);
        }
        let interaction = Interaction {
            id,
            token,
            kind,
            created: self.now,
            acked: None,
            channel,
            user,
            name: data["name"].as_str().map(str::to_owned),
            message,
            original: None,
            responses: Vec::new(),
            ephemeral: false,
            choices: Vec::new(),
            modal: None,
            told: told.clone(),
        };
        self.interactions.insert(id, interaction);
        self.tell_interaction(&told);
        Some(id)
    }

    /// Takes the bot's first answer.
    pub(super) fn acknowledge(
        &mut self,
        id: u64,
        token: &str,
        body: &Value,
        files: &[Upload],
    ) -> Result<Value, Refusal> {
        let known = self.interactions.get(&id).filter(|known| known.token == token && !known.failed(self));
        let Some(interaction) = known.cloned() else {
            return Err(Refusal::new(404, 10062, "Unknown interaction"));
        };
        if interaction.acked.is_some() {
            return Err(Refusal::new(400, 40060, "Interaction has already been acknowledged."));
        }
        let kind = body["type"].as_u64().unwrap_or_default();
        let legal: &[u64] = match interaction.kind {
            Kind::Command => &[4, 5, 9],
            Kind::Component => &[4, 5, 6, 7, 9],
            Kind::Autocomplete => &[8],
            Kind::Modal if interaction.message.is_some() => &[4, 5, 6, 7],
            Kind::Modal => &[4, 5],
        };
        if !legal.contains(&kind) {
            let words = format!("response type {kind} is not valid for this interaction");
            return Err(form("type", "INTERACTION_RESPONSE_TYPE_INVALID", &words));
        }
        let data = &body["data"];
        let hidden = data["flags"].as_u64().unwrap_or_default() & flag::EPHEMERAL != 0;
        let mut answered = interaction.clone();
        match kind {
            4 => {
                let message = self.compose(interaction.channel, self.bot, data, files)?;
                answered.original = Some(self.respond(&mut answered, message, hidden, true));
            }
            5 => {
                let mut message = Message::new(self.id(), interaction.channel, self.bot, self.stamp());
                message.flags = flag::LOADING;
                answered.original = Some(self.respond(&mut answered, message, hidden, true));
            }
            6 => answered.original = interaction.message,
            7 => {
                let message = interaction.message.ok_or_else(unknown_message)?;
                self.revise(interaction.channel, message, data, files)?;
                answered.original = Some(message);
            }
            8 => {
                suggestions(list(&data["choices"]), "data.choices")?;
                answered.choices = list(&data["choices"]).to_vec();
            }
            _ => {
                check::modal(data)?;
                answered.modal = Some(data.clone());
            }
        }
        answered.acked = Some((self.now, kind));
        answered.ephemeral = hidden && kind <= 5;
        let original = answered.original;
        let (channel, ephemeral) = (answered.channel, answered.ephemeral);
        self.interactions.insert(id, answered);
        let message = original.and_then(|original| self.any_message(channel, original));
        let resource = match (message, kind) {
            (Some(message), 4 | 5 | 7) => json!({"type": kind, "message": self.describe(message)}),
            _ => json!({"type": kind}),
        };
        Ok(json!({
            "interaction": {
                "id": id.to_string(), "type": interaction.kind as u8,
                "response_message_id": original.map(|original| original.to_string()),
                "response_message_loading": kind == 5, "response_message_ephemeral": ephemeral
            },
            "resource": resource
        }))
    }

    /// Puts an answer into the channel, for everybody or for the one who asked.
    fn respond(
        &mut self,
        interaction: &mut Interaction,
        mut message: Message,
        hidden: bool,
        first: bool,
    ) -> u64 {
        message.webhook = Some(self.bot);
        let mut about = json!({
            "id": interaction.id.to_string(), "type": interaction.kind as u8,
            "user": self.describe_user(interaction.user), "authorizing_integration_owners": {}
        });
        if let Some(name) = &interaction.name {
            about["name"] = name.clone().into();
        }
        message.interaction = Some(about);
        match (first, interaction.kind, interaction.message) {
            (true, Kind::Command, _) => message.kind = said::COMMAND,
            (true, Kind::Component, Some(under)) => {
                message.kind = said::REPLY;
                message.reply_to = Some(under);
            }
            _ => {}
        }
        if hidden {
            message.flags |= flag::EPHEMERAL;
            message.only_for = Some(interaction.user);
        } else {
            message.flags &= !flag::EPHEMERAL;
        }
        interaction.responses.push(message.id);
        self.wake(interaction.channel);
        self.keep(message)
    }

    /// Returns the interaction that a token speaks for.
    fn hooked(&self, application: u64, token: &str) -> Result<Interaction, Refusal> {
        let known = self.interactions.values().find(|known| known.token == token);
        let known = known.filter(|known| application == self.bot && known.acked.is_some());
        let Some(interaction) = known else { return Err(Refusal::new(404, 10015, "Unknown Webhook")) };
        match self.now.saturating_sub(interaction.created) > self.settings.token {
            true => Err(Refusal::new(401, 50027, "Invalid Webhook Token")),
            false => Ok(interaction.clone()),
        }
    }

    /// Returns a message of an interaction, by its id or as `@original`.
    pub(super) fn hooked_message(
        &self,
        application: u64,
        token: &str,
        which: &str,
    ) -> Result<(u64, u64), Refusal> {
        let interaction = self.hooked(application, token)?;
        let id = match which {
            "@original" => interaction.original,
            id => id.parse().ok(),
        };
        let own = |id: &u64| interaction.responses.contains(id) || interaction.message == Some(*id);
        let id = id.filter(own).ok_or_else(unknown_message)?;
        self.any_message(interaction.channel, id).ok_or_else(unknown_message)?;
        Ok((interaction.channel, id))
    }

    /// Sends a further answer; the first one after a defer fills what was deferred, and stays as hidden as that.
    pub(super) fn follow_up(
        &mut self,
        application: u64,
        token: &str,
        body: &Value,
        files: &[Upload],
    ) -> Result<(u64, u64), Refusal> {
        let mut interaction = self.hooked(application, token)?;
        let channel = interaction.channel;
        let original = interaction.original.and_then(|id| self.any_message(channel, id));
        if let Some(loading) = original.filter(|message| message.flags & flag::LOADING != 0) {
            let id = loading.id;
            self.revise(channel, id, body, files)?;
            return Ok((channel, id));
        }
        let hidden = body["flags"].as_u64().unwrap_or_default() & flag::EPHEMERAL != 0;
        let message = self.compose(channel, self.bot, body, files)?;
        let id = self.respond(&mut interaction, message, hidden, false);
        self.interactions.insert(interaction.id, interaction);
        Ok((channel, id))
    }
}

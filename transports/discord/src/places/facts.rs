//! What is known of one server, channel or role, from whatever form of it an event carries.

use std::collections::HashMap;

use serde_json::Value;
use serenity::all::{ChannelType, Guild, GuildChannel, PartialGuild, Permissions, Role};

use crate::config::Id;

/// Who the bot is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Me {
    pub(crate) id: Id,
    pub(crate) name: String,
    /// The id of its application.
    pub(crate) application: Id,
}

/// What kind of channel it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Messages can open threads there.
    Text,
    /// It is a thread.
    Thread,
    /// Every post is a thread.
    Forum,
    /// Something with messages but without threads: the chat of a voice channel.
    Voice,
    /// Nobody writes there.
    Silent,
}

impl Kind {
    /// Returns whether people write there.
    pub(crate) fn holds_messages(self) -> bool {
        matches!(self, Self::Text | Self::Thread | Self::Voice)
    }

    /// Reads Discord's number of it ("Channel Types").
    fn of(number: u8) -> Self {
        match ChannelType::from(number) {
            ChannelType::Text | ChannelType::News => Self::Text,
            ChannelType::NewsThread | ChannelType::PublicThread | ChannelType::PrivateThread => Self::Thread,
            // 16: a media channel, which is a forum of pictures.
            ChannelType::Forum | ChannelType::Unknown(16) => Self::Forum,
            ChannelType::Voice | ChannelType::Stage => Self::Voice,
            _ => Self::Silent,
        }
    }
}

/// A channel or thread of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChannelFacts {
    pub(crate) id: Id,
    pub(crate) guild: Id,
    pub(crate) parent: Option<Id>,
    pub(crate) kind: Kind,
    pub(crate) name: String,
    /// Who made it, of a thread.
    pub(crate) owner: Option<Id>,
    pub(crate) last_message: Option<Id>,
    /// Whether the bot is in it, of a thread.
    pub(crate) joined: bool,
}

impl ChannelFacts {
    pub(crate) fn of(channel: &GuildChannel) -> Self {
        Self {
            id: channel.id.get(),
            guild: channel.guild_id.get(),
            parent: channel.parent_id.map(serenity::all::ChannelId::get),
            kind: Kind::of(channel.kind.into()),
            name: channel.name.clone(),
            owner: channel.owner_id.map(serenity::all::UserId::get),
            last_message: channel.last_message_id.map(serenity::all::MessageId::get),
            joined: channel.member.is_some(),
        }
    }

    /// Reads a channel as JSON; `guild` is where it lies if it does not say so.
    pub(crate) fn of_json(channel: &Value, guild: Option<Id>) -> Option<Self> {
        Some(Self {
            id: id(channel.get("id"))?,
            guild: id(channel.get("guild_id")).or(guild)?,
            parent: id(channel.get("parent_id")),
            kind: Kind::of(u8::try_from(channel.get("type")?.as_u64()?).ok()?),
            name: channel.get("name").and_then(Value::as_str).unwrap_or_default().to_owned(),
            owner: id(channel.get("owner_id")),
            last_message: id(channel.get("last_message_id")),
            joined: channel.get("member").is_some(),
        })
    }
}

/// A role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RoleFacts {
    pub(crate) permissions: Permissions,
    /// The bot whose own role it is.
    pub(crate) bot: Option<Id>,
}

impl RoleFacts {
    pub(crate) fn of(role: &Role) -> Self {
        Self { permissions: role.permissions, bot: role.tags.bot_id.map(serenity::all::UserId::get) }
    }

    fn of_json(role: &Value) -> Option<Self> {
        let bits = role.get("permissions")?.as_str()?.parse().ok()?;
        let bot = id(role.get("tags").and_then(|tags| tags.get("bot_id")));
        Some(Self { permissions: Permissions::from_bits_truncate(bits), bot })
    }
}

/// A server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GuildFacts {
    pub(crate) id: Id,
    pub(crate) name: String,
    pub(crate) owner: Id,
    pub(crate) roles: HashMap<Id, RoleFacts>,
}

impl GuildFacts {
    /// Returns a server with its channels and the threads that are not archived.
    pub(crate) fn of(guild: &Guild) -> (Self, Vec<ChannelFacts>) {
        let roles = guild.roles.iter().map(|(id, role)| (id.get(), RoleFacts::of(role))).collect();
        let facts = Self { id: guild.id.get(), name: guild.name.clone(), owner: guild.owner_id.get(), roles };
        let channels = guild.channels.values().chain(&guild.threads).map(ChannelFacts::of);
        // Inside a server's own description its channels do not repeat where they are.
        let at_home = |channel: ChannelFacts| ChannelFacts { guild: facts.id, ..channel };
        let channels = channels.map(at_home).collect();
        (facts, channels)
    }

    pub(crate) fn of_partial(guild: &PartialGuild) -> Self {
        let roles = guild.roles.iter().map(|(id, role)| (id.get(), RoleFacts::of(role))).collect();
        Self { id: guild.id.get(), name: guild.name.clone(), owner: guild.owner_id.get(), roles }
    }

    /// Reads a server as JSON: for one with something in it that the library does not know.
    pub(crate) fn of_json(guild: &Value) -> Option<(Self, Vec<ChannelFacts>)> {
        let own = id(guild.get("id"))?;
        let list = |key: &str| guild.get(key).and_then(Value::as_array).into_iter().flatten();
        let role = |role: &Value| Some((id(role.get("id"))?, RoleFacts::of_json(role)?));
        let facts = Self {
            id: own,
            name: guild.get("name").and_then(Value::as_str).unwrap_or_default().to_owned(),
            owner: id(guild.get("owner_id"))?,
            roles: list("roles").filter_map(role).collect(),
        };
        let channels = list("channels").chain(list("threads"));
        Some((facts, channels.filter_map(|channel| ChannelFacts::of_json(channel, Some(own))).collect()))
    }

    /// Returns whether somebody with these roles may manage the server; the role everybody has bears its id.
    pub(super) fn may_manage(&self, person: Id, roles: &[Id]) -> bool {
        let manage = Permissions::ADMINISTRATOR | Permissions::MANAGE_GUILD;
        let held = roles.iter().chain([&self.id]).filter_map(|role| self.roles.get(role));
        self.owner == person || held.into_iter().any(|role| role.permissions.intersects(manage))
    }
}

/// Reads an id as Discord writes it: digits in a text.
pub(crate) fn id(value: Option<&Value>) -> Option<Id> {
    value?.as_str()?.parse().ok()
}

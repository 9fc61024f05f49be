//! What the gateway's events say about servers, channels, threads and roles.

use serenity::all::{Event, GuildChannel};

use super::{ChannelFacts, GuildFacts, Places, RoleFacts};
use crate::config::Id;

impl Places {
    /// Learns what an event says about places; returns whether it was about any.
    pub(crate) fn learn(&self, event: &Event) -> bool {
        match event {
            Event::GuildCreate(event) => {
                let (guild, channels) = GuildFacts::of(&event.guild);
                self.learn_guild(guild, channels);
            }
            Event::GuildUpdate(event) => self.change_guild(GuildFacts::of_partial(&event.guild)),
            // Without that word the bot was not removed: the server has an outage, and comes back.
            Event::GuildDelete(event) if event.guild.unavailable => self.guild_is_away(event.guild.id.get()),
            Event::GuildDelete(event) => self.drop_guild(event.guild.id.get()),
            Event::GuildRoleCreate(event) => {
                let role = &event.role;
                self.learn_role(role.guild_id.get(), role.id.get(), RoleFacts::of(role));
            }
            Event::GuildRoleUpdate(event) => {
                let role = &event.role;
                self.learn_role(role.guild_id.get(), role.id.get(), RoleFacts::of(role));
            }
            Event::GuildRoleDelete(event) => self.drop_role(event.guild_id.get(), event.role_id.get()),
            Event::ChannelCreate(event) => self.learn_one(&event.channel),
            Event::ChannelUpdate(event) => self.learn_one(&event.channel),
            Event::ChannelDelete(event) => self.drop_channel(event.channel.id.get()),
            Event::ThreadCreate(event) => self.learn_one(&event.thread),
            Event::ThreadUpdate(event) => self.learn_one(&event.thread),
            Event::ThreadDelete(event) => self.drop_channel(event.thread.id.get()),
            Event::ThreadListSync(event) => event.threads.iter().for_each(|thread| self.learn_one(thread)),
            Event::ThreadMemberUpdate(event) => self.joined(event.member.id.get()),
            Event::Unknown(event) => return self.learn_raw(&event.kind, &event.value),
            _ => return false,
        }
        true
    }

    /// Learns from an event with something in it that the library does not know.
    fn learn_raw(&self, kind: &str, value: &serde_json::Value) -> bool {
        match kind {
            "GUILD_CREATE" => match GuildFacts::of_json(value) {
                Some((guild, channels)) => self.learn_guild(guild, channels),
                None => tracing::warn!(kind, "nobody can read an event; what it describes is not known"),
            },
            "CHANNEL_CREATE" | "CHANNEL_UPDATE" | "THREAD_CREATE" | "THREAD_UPDATE" => {
                match ChannelFacts::of_json(value, None) {
                    Some(channel) => self.learn_channel(channel),
                    None => tracing::warn!(kind, "nobody can read an event; what it describes is not known"),
                }
            }
            "CHANNEL_DELETE" | "THREAD_DELETE" => {
                if let Some(channel) = super::facts::id(value.get("id")) {
                    self.drop_channel(channel);
                }
            }
            _ => return false,
        }
        true
    }

    fn learn_one(&self, channel: &GuildChannel) {
        self.learn_channel(ChannelFacts::of(channel));
    }

    /// Returns the server an event describes, if it describes one.
    pub(crate) fn described(event: &Event) -> Option<Id> {
        match event {
            Event::GuildCreate(event) => Some(event.guild.id.get()),
            Event::Unknown(event) if event.kind == "GUILD_CREATE" => super::facts::id(event.value.get("id")),
            _ => None,
        }
    }
}

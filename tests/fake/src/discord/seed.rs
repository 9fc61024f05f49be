//! The world that is there from the start, and what is added to it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::objects::{Channel, Guild, Member, Role, User, kind};
use super::permissions::{EVERYBODY, bits};
use super::world::World;

impl World {
    /// Fills a world: the guild "Takopi Test" with #general, #random and a category PROJECTS (#z80, a forum, a voice
    /// channel); alice owns it, bob, mallory and another bot, helperbot, are members. And a guild of mallory's.
    pub(super) fn seed(&mut self) {
        let [alice, bob, mallory] = ["alice", "bob", "mallory"].map(|name| self.add_user(name, false));
        let helper = self.add_user("helperbot", true);
        let guild = self.add_guild("Takopi Test", alice);
        for user in [bob, mallory, helper] {
            self.add_member(guild, user);
        }
        let projects = self.add_channel(Some(guild), "PROJECTS", kind::CATEGORY, None);
        self.add_channel(Some(guild), "general", kind::TEXT, None);
        self.add_channel(Some(guild), "random", kind::TEXT, None);
        self.add_channel(Some(guild), "z80", kind::TEXT, Some(projects));
        self.add_channel(Some(guild), "forum", kind::FORUM, Some(projects));
        self.add_channel(Some(guild), "Voice", kind::VOICE, Some(projects));
        let other = self.add_guild("Other Guild", mallory);
        self.add_member(other, alice);
        self.add_channel(Some(other), "other-general", kind::TEXT, None);
    }

    pub(super) fn add_user(&mut self, name: &str, bot: bool) -> u64 {
        let id = self.id();
        self.users.insert(id, User { id, name: name.to_owned(), bot });
        id
    }

    /// Adds a guild with its owner and the bot in it.
    pub(super) fn add_guild(&mut self, name: &str, owner: u64) -> u64 {
        let (id, joined) = (self.id(), self.stamp());
        let (roles, members) = (BTreeMap::new(), BTreeMap::new());
        self.guilds.insert(id, Guild { id, name: name.to_owned(), owner, roles, members, joined });
        self.put_role(id, Role { id, name: "@everyone".to_owned(), permissions: EVERYBODY, bot: None });
        let admin = bits::ADMINISTRATOR;
        self.add_role(id, "admin", admin);
        let more = bits::MANAGE_THREADS | bits::MENTION_EVERYONE | bits::CREATE_PRIVATE_THREADS;
        let own = Role {
            id: self.id(),
            name: "takopi".to_owned(),
            permissions: EVERYBODY | more,
            bot: Some(self.bot),
        };
        let role = own.id;
        self.put_role(id, own);
        for user in [owner, self.bot] {
            self.add_member(id, user);
        }
        self.give_role(id, self.bot, role, true);
        id
    }

    pub(super) fn add_role(&mut self, guild: u64, name: &str, permissions: u64) -> u64 {
        let id = self.id();
        self.put_role(guild, Role { id, name: name.to_owned(), permissions, bot: None });
        id
    }

    fn put_role(&mut self, guild: u64, role: Role) {
        if let Some(guild) = self.guilds.get_mut(&guild) {
            guild.roles.insert(role.id, role);
        }
    }

    pub(super) fn add_member(&mut self, guild: u64, user: u64) {
        if let Some(guild) = self.guilds.get_mut(&guild) {
            guild.members.insert(user, Member::default());
        }
    }

    /// Gives a role to a member, or takes it.
    pub(super) fn give_role(&mut self, guild: u64, user: u64, role: u64, on: bool) -> Option<()> {
        let member = self.guilds.get_mut(&guild)?.members.get_mut(&user)?;
        member.roles.retain(|&other| other != role);
        if on {
            member.roles.push(role);
        }
        let mut told = self.describe_member(guild, user)?;
        told["guild_id"] = guild.to_string().into();
        self.tell("GUILD_MEMBER_UPDATE", told, super::gateway::intent::MEMBERS, None);
        Some(())
    }

    pub(super) fn add_channel(
        &mut self,
        guild: Option<u64>,
        name: &str,
        kind: u8,
        parent: Option<u64>,
    ) -> u64 {
        let id = self.id();
        let channel = Channel {
            id,
            kind,
            name: name.to_owned(),
            guild,
            parent,
            topic: None,
            overwrites: Vec::new(),
            recipient: None,
            newest: None,
            thread: None,
        };
        self.channels.insert(id, channel);
        id
    }

    /// Returns the private channel of the bot with somebody.
    pub(super) fn private(&mut self, user: u64) -> u64 {
        let recipient = self.describe_user(user);
        let of_user = |channel: &&Channel| channel.recipient.as_ref() == Some(&recipient);
        if let Some(channel) = self.channels.values().find(of_user) {
            return channel.id;
        }
        let id = self.add_channel(None, "", kind::DM, None);
        if let Some(channel) = self.channels.get_mut(&id) {
            channel.recipient = Some(recipient);
        }
        id
    }

    /// Returns the first guild, where everything happens unless said otherwise.
    pub(super) fn home(&self) -> Option<u64> {
        self.guilds.keys().next().copied()
    }

    pub(super) fn user_named(&self, name: &str) -> Option<u64> {
        self.users.values().find(|user| user.name == name).map(|user| user.id)
    }

    /// Finds a channel by its name, a thread only if no channel has it, the newest of several.
    pub(super) fn channel_named(&self, name: &str) -> Option<u64> {
        let name = name.trim_start_matches('#');
        let named = self.channels.values().filter(|channel| channel.name == name);
        named
            .min_by_key(|channel| (channel.thread.is_some(), std::cmp::Reverse(channel.id)))
            .map(|one| one.id)
    }

    pub(super) fn role_named(&self, guild: u64, name: &str) -> Option<u64> {
        let roles = &self.guilds.get(&guild)?.roles;
        roles.values().find(|role| role.name == name).map(|role| role.id)
    }

    /// Tells of a guild as it is now.
    pub(super) fn tell_guild(&mut self, guild: u64) {
        let described = self.guilds.get(&guild).map_or(Value::Null, |guild| self.describe_guild(guild, true));
        self.tell("GUILD_CREATE", described, super::gateway::intent::GUILDS, None);
    }
}

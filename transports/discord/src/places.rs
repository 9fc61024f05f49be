//! What is known of the bot's servers: their channels, threads, roles, and the members who were seen. All of it
//! comes from the gateway and is in memory alone; what is deleted there is forgotten here.

mod facts;
mod learn;
mod recent;

use std::collections::{HashMap, HashSet};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use takopi_core::id::InstanceId;
use takopi_core::message::Address;

pub(crate) use facts::{ChannelFacts, GuildFacts, Kind, Me, RoleFacts, id};
pub(crate) use recent::{Recent, RecentMap};

use crate::config::Id;

/// Most members whose roles are remembered: those who spoke last. About 100 bytes each.
const MOST_MEMBERS: usize = 8192;

/// Most channels of direct messages that are remembered: the last ones. Some ten bytes each.
const MOST_DIRECT: usize = 4096;

/// A member's roles in a server, by server and person.
type Members = RecentMap<(Id, Id), Vec<Id>>;

/// What is known of the bot's servers.
#[derive(Debug)]
pub(crate) struct Places {
    instance: InstanceId,
    known: RwLock<Known>,
}

#[derive(Debug)]
struct Known {
    me: Option<Me>,
    guilds: HashMap<Id, GuildFacts>,
    channels: HashMap<Id, ChannelFacts>,
    /// The person at the other end of a channel of direct messages.
    direct: RecentMap<Id, Id>,
    members: Members,
    /// Servers that the gateway has announced and not described yet.
    awaited: HashSet<Id>,
}

impl Places {
    pub(crate) fn new(instance: InstanceId) -> Self {
        let known = Known {
            me: None,
            guilds: HashMap::new(),
            channels: HashMap::new(),
            direct: RecentMap::new(MOST_DIRECT),
            members: RecentMap::new(MOST_MEMBERS),
            awaited: HashSet::new(),
        };
        Self { instance, known: RwLock::new(known) }
    }

    fn read(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Known> {
        self.known.write().unwrap_or_else(PoisonError::into_inner)
    }

    // ── what the gateway tells ──

    /// Learns who the bot is and which servers will be described; the others are gone.
    pub(crate) fn begin(&self, me: Me, guilds: &[Id]) {
        let mut known = self.write();
        known.me = Some(me);
        known.awaited = guilds.iter().copied().collect();
        let kept: HashSet<Id> = known.awaited.clone();
        known.guilds.retain(|id, _| kept.contains(id));
        known.channels.retain(|_, channel| kept.contains(&channel.guild));
    }

    /// Learns all of a server but its threads that rest: those are not described, and whoever writes in one expects
    /// that the bot still knows it. They stay known as long as their channel is there.
    pub(crate) fn learn_guild(&self, guild: GuildFacts, channels: Vec<ChannelFacts>) {
        let mut known = self.write();
        known.awaited.remove(&guild.id);
        let described: HashSet<Id> = channels.iter().map(|channel| channel.id).collect();
        let rests = |thread: &ChannelFacts| {
            thread.kind == Kind::Thread && thread.parent.is_some_and(|parent| described.contains(&parent))
        };
        known.channels.retain(|_, channel| channel.guild != guild.id || rests(channel));
        known.channels.extend(channels.into_iter().map(|channel| (channel.id, channel)));
        known.guilds.insert(guild.id, guild);
    }

    /// Returns whether a server is still to be described.
    pub(crate) fn awaits(&self, guild: Id) -> bool {
        self.read().awaited.contains(&guild)
    }

    /// Returns whether every server that was announced has been described.
    pub(crate) fn is_complete(&self) -> bool {
        self.read().awaited.is_empty()
    }

    /// Learns that a server will not be described for now: it has an outage.
    pub(crate) fn guild_is_away(&self, guild: Id) {
        self.write().awaited.remove(&guild);
    }

    /// Learns a server's name, owner and roles, which may have changed.
    pub(crate) fn change_guild(&self, guild: GuildFacts) {
        self.write().guilds.insert(guild.id, guild);
    }

    pub(crate) fn drop_guild(&self, guild: Id) {
        let mut known = self.write();
        known.awaited.remove(&guild);
        known.guilds.remove(&guild);
        known.channels.retain(|_, channel| channel.guild != guild);
        known.members.retain(|(of, _)| *of != guild);
    }

    pub(crate) fn learn_channel(&self, channel: ChannelFacts) {
        let mut known = self.write();
        let before = known.channels.get(&channel.id);
        // Only some events say that the bot is in a thread, and none that it is not any more.
        let joined = channel.joined || before.is_some_and(|before| before.joined);
        known.channels.insert(channel.id, ChannelFacts { joined, ..channel });
    }

    /// Forgets a channel with its threads, or a thread.
    pub(crate) fn drop_channel(&self, channel: Id) {
        self.write().channels.retain(|id, facts| *id != channel && facts.parent != Some(channel));
    }

    pub(crate) fn learn_role(&self, guild: Id, role: Id, facts: RoleFacts) {
        if let Some(guild) = self.write().guilds.get_mut(&guild) {
            guild.roles.insert(role, facts);
        }
    }

    pub(crate) fn drop_role(&self, guild: Id, role: Id) {
        if let Some(guild) = self.write().guilds.get_mut(&guild) {
            guild.roles.remove(&role);
        }
    }

    /// Learns a member's roles, which come with whatever they do.
    pub(crate) fn saw_member(&self, guild: Id, person: Id, roles: Vec<Id>) {
        self.write().members.insert((guild, person), roles);
    }

    /// Learns with whom a channel of direct messages is.
    pub(crate) fn saw_direct(&self, channel: Id, person: Id) {
        self.write().direct.insert(channel, person);
    }

    /// Learns that the bot takes part in a thread.
    pub(crate) fn joined(&self, thread: Id) {
        if let Some(facts) = self.write().channels.get_mut(&thread) {
            facts.joined = true;
        }
    }

    // ── what is asked ──

    /// Returns who the bot is, once the gateway has said so.
    pub(crate) fn me(&self) -> Option<Me> {
        self.read().me.clone()
    }

    /// Returns what is known of a channel or thread.
    pub(crate) fn channel(&self, id: Id) -> Option<ChannelFacts> {
        self.read().channels.get(&id).cloned()
    }

    /// Returns whether a channel is known to be one of direct messages.
    pub(crate) fn is_direct(&self, channel: Id) -> bool {
        self.read().direct.contains(&channel)
    }

    /// Returns the server of a channel.
    pub(crate) fn guild_of(&self, channel: Id) -> Option<Id> {
        self.read().channels.get(&channel).map(|facts| facts.guild)
    }

    /// Returns the server of an address.
    pub(crate) fn guild_at(&self, address: &Address) -> Option<Id> {
        self.guild_of(address.chat.parse().ok()?)
    }

    /// Returns the address of a channel or thread: threads lie in their channel, direct messages in themselves.
    pub(crate) fn address_of(&self, channel: Id) -> Option<Address> {
        let known = self.read();
        let at = |chat: Id, thread: Option<Id>| Address {
            instance: self.instance.clone(),
            chat: chat.to_string(),
            thread: thread.map(|id| id.to_string()),
        };
        match known.channels.get(&channel) {
            Some(facts) if facts.kind == Kind::Thread => Some(at(facts.parent?, Some(channel))),
            Some(_) => Some(at(channel, None)),
            None => known.direct.contains(&channel).then(|| at(channel, None)),
        }
    }

    /// Returns whether the bot takes part in a thread: it made it, was added to it or has written there.
    pub(crate) fn takes_part_in(&self, thread: Id) -> bool {
        let known = self.read();
        let me = known.me.as_ref().map(|me| me.id);
        known.channels.get(&thread).is_some_and(|facts| facts.joined || (me.is_some() && facts.owner == me))
    }

    /// Returns a person's roles in a server, if they were seen.
    pub(crate) fn roles_of(&self, guild: Id, person: Id) -> Option<Vec<Id>> {
        self.read().members.get(&(guild, person)).cloned()
    }

    /// Returns whether a server lets somebody with these roles manage it; its owner may.
    pub(crate) fn may_manage(&self, guild: Id, person: Id, roles: &[Id]) -> bool {
        self.read().guilds.get(&guild).is_some_and(|facts| facts.may_manage(person, roles))
    }

    /// Returns whether a role stands for the bot itself: people often pick it where they mean the bot.
    pub(crate) fn is_own_role(&self, guild: Id, role: Id) -> bool {
        let known = self.read();
        let me = known.me.as_ref().map(|me| me.id);
        let of = known.guilds.get(&guild).and_then(|facts| facts.roles.get(&role)).and_then(|role| role.bot);
        of.is_some() && of == me
    }

    /// Returns the servers that are known.
    pub(crate) fn guilds(&self) -> Vec<Id> {
        let mut guilds: Vec<Id> = self.read().guilds.keys().copied().collect();
        guilds.sort_unstable();
        guilds
    }

    /// Returns the channels and threads that people write in and whose last message is younger than `after`,
    /// with their servers.
    pub(crate) fn changed_since(&self, after: Id) -> Vec<(Id, Id)> {
        let known = self.read();
        let is_changed = |facts: &&ChannelFacts| {
            facts.kind.holds_messages() && facts.last_message.is_some_and(|id| id > after)
        };
        let mut changed: Vec<(Id, Id)> =
            known.channels.values().filter(is_changed).map(|facts| (facts.guild, facts.id)).collect();
        changed.sort_unstable();
        changed
    }
}

#[cfg(test)]
mod tests;

//! Who may do what where: roles, overwrites of channels, and the bot's own rights.

use super::objects::Channel;
use super::refusal::Refusal;
use super::world::World;

/// Permission bits: Discord developer documentation, "Permissions".
pub mod bits {
    /// Everything.
    pub const ADMINISTRATOR: u64 = 1 << 3;
    /// Channels may be made and changed.
    pub const MANAGE_CHANNELS: u64 = 1 << 4;
    /// The server may be changed.
    pub const MANAGE_GUILD: u64 = 1 << 5;
    /// Reactions may be added.
    pub const ADD_REACTIONS: u64 = 1 << 6;
    /// A channel is seen at all.
    pub const VIEW_CHANNEL: u64 = 1 << 10;
    /// Messages may be sent.
    pub const SEND_MESSAGES: u64 = 1 << 11;
    /// Messages of others may be deleted.
    pub const MANAGE_MESSAGES: u64 = 1 << 13;
    /// Links show a preview.
    pub const EMBED_LINKS: u64 = 1 << 14;
    /// Files may be sent.
    pub const ATTACH_FILES: u64 = 1 << 15;
    /// Older messages may be read.
    pub const READ_MESSAGE_HISTORY: u64 = 1 << 16;
    /// `@everyone` and every role may be mentioned.
    pub const MENTION_EVERYONE: u64 = 1 << 17;
    /// Commands of applications may be used.
    pub const USE_APPLICATION_COMMANDS: u64 = 1 << 31;
    /// Threads of others may be changed.
    pub const MANAGE_THREADS: u64 = 1 << 34;
    /// Public threads may be made.
    pub const CREATE_PUBLIC_THREADS: u64 = 1 << 35;
    /// Private threads may be made.
    pub const CREATE_PRIVATE_THREADS: u64 = 1 << 36;
    /// Messages may be sent in threads.
    pub const SEND_MESSAGES_IN_THREADS: u64 = 1 << 38;
}

/// What everybody may.
pub(super) const EVERYBODY: u64 = bits::VIEW_CHANNEL
    | bits::SEND_MESSAGES
    | bits::READ_MESSAGE_HISTORY
    | bits::ADD_REACTIONS
    | bits::ATTACH_FILES
    | bits::EMBED_LINKS
    | bits::USE_APPLICATION_COMMANDS
    | bits::SEND_MESSAGES_IN_THREADS
    | bits::CREATE_PUBLIC_THREADS;

/// Every bit there is: Discord's permissions go up to bit 52.
pub(super) const ALL: u64 = (1 << 53) - 1;

impl World {
    /// Returns what somebody may do in a channel; nothing, when they don't see it.
    pub(super) fn may(&self, user: u64, channel: &Channel) -> u64 {
        let Some(guild) = channel.guild.and_then(|id| self.guilds.get(&id)) else {
            return if channel.guild.is_none() { ALL } else { 0 };
        };
        let Some(member) = guild.members.get(&user) else { return 0 };
        if guild.owner == user {
            return ALL;
        }
        let of_role = |id: &u64| guild.roles.get(id).map_or(0, |role| role.permissions);
        let base = member.roles.iter().map(of_role).fold(of_role(&guild.id), |all, more| all | more);
        if base & bits::ADMINISTRATOR != 0 {
            return ALL;
        }
        let ruled = match &channel.thread {
            Some(_) => channel.parent.and_then(|id| self.channels.get(&id)).unwrap_or(channel),
            None => channel,
        };
        let matching = |ids: &[u64]| {
            let fitting = ruled.overwrites.iter().filter(|overwrite| ids.contains(&overwrite.target));
            fitting.fold((0, 0), |(allow, deny), one| (allow | one.allow, deny | one.deny))
        };
        let apply = |may: u64, (allow, deny): (u64, u64)| may & !deny | allow;
        let may = apply(base, matching(&[guild.id]));
        let may = apply(apply(may, matching(&member.roles)), matching(&[user]));
        if may & bits::VIEW_CHANNEL == 0 { 0 } else { may }
    }

    /// Tells whether the bot sees a channel.
    pub(super) fn sees(&self, channel: &Channel) -> bool {
        let may = self.may(self.bot, channel);
        let inside = channel.thread.as_ref().is_none_or(|thread| {
            !thread.private || thread.members.contains(&self.bot) || may & bits::MANAGE_THREADS != 0
        });
        may & bits::VIEW_CHANNEL != 0 && inside
    }

    /// Refuses what the bot has no right to.
    pub(super) fn need(&self, channel: &Channel, permissions: u64) -> Result<(), Refusal> {
        if !self.sees(channel) {
            return Err(Refusal::new(403, 50001, "Missing Access"));
        }
        match self.may(self.bot, channel) & permissions == permissions {
            true => Ok(()),
            false => Err(Refusal::new(403, 50013, "Missing Permissions")),
        }
    }
}

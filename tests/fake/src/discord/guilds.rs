//! Guilds as clients get them.

use serde_json::{Value, json};

use super::objects::Guild;
use super::permissions::bits;
use super::world::World;

impl World {
    /// Describes a guild; in full with its members, channels and threads, as `GUILD_CREATE` does.
    pub(super) fn describe_guild(&self, guild: &Guild, full: bool) -> Value {
        let roles = guild.roles.values().enumerate().map(|(position, role)| role.describe(position));
        let mut described = json!({
            "id": guild.id.to_string(), "name": guild.name, "icon": null, "splash": null,
            "discovery_splash": null, "owner_id": guild.owner.to_string(), "afk_channel_id": null,
            "afk_timeout": 300, "verification_level": 0, "default_message_notifications": 0,
            "explicit_content_filter": 0, "roles": roles.collect::<Vec<_>>(), "emojis": [], "features": [],
            "mfa_level": 0, "application_id": null, "system_channel_id": null, "system_channel_flags": 0,
            "rules_channel_id": null, "max_presences": null, "max_members": 500_000,
            "vanity_url_code": null, "description": null, "banner": null, "premium_tier": 0,
            "premium_subscription_count": 0, "preferred_locale": "en-US", "public_updates_channel_id": null,
            "nsfw_level": 0, "nsfw": false, "stickers": [], "premium_progress_bar_enabled": false,
            "safety_alerts_channel_id": null, "region": "deprecated"
        });
        if !full {
            return described;
        }
        let of_guild = self.channels.values().filter(|one| one.guild == Some(guild.id));
        let (threads, channels): (Vec<_>, Vec<_>) =
            of_guild.filter(|one| self.sees(one)).partition(|one| one.thread.is_some());
        let awake =
            threads.into_iter().filter(|one| one.thread.as_ref().is_some_and(|state| !state.archived));
        described["channels"] = channels.into_iter().map(|one| one.describe(self.bot)).collect();
        described["threads"] = awake.map(|one| one.describe(self.bot)).collect();
        described["members"] =
            guild.members.keys().filter_map(|&user| self.describe_member(guild.id, user)).collect();
        described["member_count"] = guild.members.len().into();
        described["joined_at"] = guild.joined.clone().into();
        for (name, value) in [("large", json!(false)), ("unavailable", json!(false))] {
            described[name] = value;
        }
        for name in ["voice_states", "presences", "stage_instances", "guild_scheduled_events"] {
            described[name] = json!([]);
        }
        described
    }

    /// Describes a member with their user.
    pub(super) fn describe_member(&self, guild: u64, user: u64) -> Option<Value> {
        let guild = self.guilds.get(&guild)?;
        let member = guild.members.get(&user)?;
        let roles = member.roles.iter().map(u64::to_string).collect::<Vec<_>>();
        Some(json!({
            "user": self.describe_user(user), "nick": member.nick, "avatar": null, "banner": null,
            "roles": roles, "joined_at": guild.joined, "premium_since": null, "deaf": false, "mute": false,
            "flags": 0, "pending": false, "communication_disabled_until": null
        }))
    }

    /// Describes the bot's own account.
    pub(super) fn describe_bot(&self) -> Value {
        let mut described = self.describe_user(self.bot);
        for (name, value) in [
            ("email", json!(null)),
            ("verified", json!(true)),
            ("locale", json!("en-US")),
            ("mfa_enabled", json!(false)),
        ] {
            described[name] = value;
        }
        described
    }

    /// Returns what the application may have: flags of a bot in fewer than a hundred guilds.
    pub(super) fn application_flags(&self) -> u64 {
        use super::gateway::intent;
        let flags = [(intent::PRESENCES, 1 << 13), (intent::MEMBERS, 1 << 15), (intent::CONTENT, 1 << 19)];
        let granted = flags.into_iter().filter(|(intent, _)| self.settings.intents & intent != 0);
        granted.fold(0, |all, (_, flag)| all | flag)
    }

    /// Returns what the bot may do in a guild by its roles.
    pub(super) fn bot_permissions(&self, guild: &Guild) -> u64 {
        let member = guild.members.get(&self.bot);
        let roles = member.into_iter().flat_map(|member| &member.roles);
        let own = roles.chain([&guild.id]).filter_map(|role| guild.roles.get(role));
        let all = own.fold(0, |all, role| all | role.permissions);
        if all & bits::ADMINISTRATOR == 0 { all } else { super::permissions::ALL }
    }
}

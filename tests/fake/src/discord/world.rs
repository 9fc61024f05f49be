//! All that exists behind the server: guilds, channels, people, messages, what waits and what happened.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::faults::Injection;
use super::files::Files;
use super::gateway::Gateway;
use super::interactions::Interaction;
use super::limits::Limits;
use super::log::Log;
use super::objects::{Channel, Guild, Message, User, flag, said};
use super::refusal::{Refusal, unknown_channel, unknown_message};
use super::view::{Ping, Stats};

/// Milliseconds from 1970 to the first moment of Discord's ids: Discord developer documentation, "Snowflakes".
const EPOCH_MS: u64 = 1_420_070_400_000;

/// What a test may set.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    /// What the bot shows to be let in.
    pub(super) bot_token: String,
    /// How long an interaction may stay without an answer: 3 s at Discord.
    pub(super) ack: Duration,
    /// How long its token is good: 15 minutes at Discord.
    pub(super) token: Duration,
    pub(super) heartbeat: Duration,
    /// Privileged intents that the portal allows.
    pub(super) intents: u64,
    /// How long must lie between two `IDENTIFY`; 5 s at Discord, nothing here unless a test wants it.
    pub(super) identify_gap: Duration,
    /// Bytes of the files of one message at most.
    pub(super) max_upload: usize,
    /// Commands that may be made in a day.
    pub(super) command_creates: usize,
    /// `IDENTIFY`s left today.
    pub(super) session_starts: usize,
    /// Events that a session keeps for `RESUME`.
    pub(super) replay: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            bot_token: super::TOKEN.to_owned(),
            ack: Duration::from_secs(3),
            token: Duration::from_secs(15 * 60),
            heartbeat: Duration::from_millis(41_250),
            intents: super::gateway::intent::CONTENT,
            identify_gap: Duration::ZERO,
            max_upload: 10 << 20,
            command_creates: 200,
            session_starts: 1000,
            replay: 500,
        }
    }
}

/// The state of the server. It does nothing by itself and is told the time.
#[derive(Debug)]
pub(super) struct World {
    pub(super) url: String,
    /// The time of the fake, which tests may put forward.
    pub(super) now: Duration,
    /// Milliseconds since 1970 at that time.
    pub(super) calendar_ms: u64,
    /// How far tests have put it forward.
    pub(super) ahead: Duration,
    pub(super) settings: Settings,
    /// The bot's user, which is also the application.
    pub(super) bot: u64,
    pub(super) users: BTreeMap<u64, User>,
    pub(super) guilds: BTreeMap<u64, Guild>,
    pub(super) channels: BTreeMap<u64, Channel>,
    /// By channel and id.
    pub(super) messages: BTreeMap<u64, BTreeMap<u64, Message>>,
    pub(super) deleted: Vec<Message>,
    pub(super) files: Files,
    /// Commands by their guild; none for those of all guilds.
    pub(super) commands: BTreeMap<Option<u64>, Vec<Value>>,
    pub(super) command_creates: usize,
    pub(super) interactions: BTreeMap<u64, Interaction>,
    /// When which message was sent, by channel and nonce.
    pub(super) nonces: BTreeMap<(u64, String), (Duration, u64)>,
    /// Until when somebody types, by channel and user.
    pub(super) typing: BTreeMap<(u64, u64), Duration>,
    pub(super) pings: Vec<Ping>,
    pub(super) stats: Stats,
    pub(super) gateway: Gateway,
    pub(super) limits: Limits,
    pub(super) injections: Vec<Injection>,
    pub(super) log: Log,
    newest_id: u64,
}

impl World {
    /// Returns a world with nobody in it but the bot.
    pub(super) fn new(bot: u64) -> Self {
        let account = User { id: bot, name: "takopi".to_owned(), bot: true };
        Self {
            url: String::new(),
            now: Duration::ZERO,
            calendar_ms: EPOCH_MS,
            ahead: Duration::ZERO,
            settings: Settings::default(),
            bot,
            users: BTreeMap::from([(bot, account)]),
            guilds: BTreeMap::new(),
            channels: BTreeMap::new(),
            messages: BTreeMap::new(),
            deleted: Vec::new(),
            files: Files::default(),
            commands: BTreeMap::new(),
            command_creates: 0,
            interactions: BTreeMap::new(),
            nonces: BTreeMap::new(),
            typing: BTreeMap::new(),
            pings: Vec::new(),
            stats: Stats::default(),
            gateway: Gateway::default(),
            limits: Limits::default(),
            injections: Vec::new(),
            log: Log::default(),
            newest_id: 0,
        }
    }

    /// Returns an id that is newer than every other.
    pub(super) fn id(&mut self) -> u64 {
        let of_now = self.calendar_ms.saturating_sub(EPOCH_MS) << 22;
        self.newest_id = of_now.max(self.newest_id + 1);
        self.newest_id
    }

    /// Returns the time as Discord writes it: ISO 8601 in UTC.
    pub(super) fn stamp(&self) -> String {
        stamp(self.calendar_ms)
    }

    pub(super) fn name_of(&self, user: u64) -> String {
        self.users.get(&user).map(|user| user.name.clone()).unwrap_or_default()
    }

    pub(super) fn describe_user(&self, user: u64) -> Value {
        self.users.get(&user).map_or(Value::Null, User::describe)
    }

    pub(super) fn channel(&self, id: u64) -> Result<&Channel, Refusal> {
        self.channels.get(&id).ok_or_else(unknown_channel)
    }

    /// Returns a message that everybody sees.
    pub(super) fn message(&self, channel: u64, id: u64) -> Result<&Message, Refusal> {
        let found = self.messages.get(&channel).and_then(|messages| messages.get(&id));
        found.filter(|message| message.only_for.is_none()).ok_or_else(unknown_message)
    }

    pub(super) fn any_message(&self, channel: u64, id: u64) -> Option<&Message> {
        self.messages.get(&channel)?.get(&id)
    }

    pub(super) fn describe_channel(&self, channel: u64) -> Value {
        self.channels.get(&channel).map_or(Value::Null, |channel| channel.describe(self.bot))
    }

    /// Describes a message, with the one it answers and the thread that hangs on it.
    pub(super) fn describe(&self, message: &Message) -> Value {
        let mut described = self.describe_alone(message);
        if let Some(reply_to) = message.reply_to {
            let answered = self.any_message(message.channel, reply_to);
            described["referenced_message"] = answered.map_or(Value::Null, |one| self.describe_alone(one));
        }
        if message.id != message.channel && message.flags & flag::HAS_THREAD != 0 {
            described["thread"] = self.describe_channel(message.id);
        }
        described
    }

    fn describe_alone(&self, message: &Message) -> Value {
        let users = message.mentions.iter().map(|&user| self.describe_user(user));
        let roles = message.mention_roles.iter().map(u64::to_string);
        let mut described = json!({
            "id": message.id.to_string(), "channel_id": message.channel.to_string(),
            "author": self.describe_user(message.author), "content": message.content,
            "timestamp": message.timestamp, "edited_timestamp": message.edited, "tts": false,
            "mention_everyone": message.everyone, "mentions": users.collect::<Vec<_>>(),
            "mention_roles": roles.collect::<Vec<_>>(), "attachments": message.attachments,
            "embeds": message.embeds, "pinned": false, "type": message.kind, "flags": message.flags,
            "components": message.components
        });
        let guild = self.channels.get(&message.channel).and_then(|channel| channel.guild);
        if let Some(reply_to) = message.reply_to {
            described["message_reference"] = json!({
                "type": 0, "message_id": reply_to.to_string(), "channel_id": message.channel.to_string()
            });
            if let Some(guild) = guild {
                described["message_reference"]["guild_id"] = guild.to_string().into();
            }
        }
        if let Some(reference) = &message.reference {
            described["message_reference"] = reference.clone();
        }
        if let Some(nonce) = &message.nonce {
            described["nonce"] = nonce.clone();
        }
        if let Some(interaction) = &message.interaction {
            described["interaction_metadata"] = interaction.clone();
            described["application_id"] = self.bot.to_string().into();
        }
        if let Some(webhook) = message.webhook {
            described["webhook_id"] = webhook.to_string().into();
        }
        if !message.reactions.is_empty() {
            let reaction = |(emoji, users): &(String, Vec<u64>)| {
                json!({
                    "emoji": {"id": null, "name": emoji}, "count": users.len(),
                    "me": users.contains(&self.bot), "me_burst": false, "burst_colors": [],
                    "count_details": {"burst": 0, "normal": users.len()}
                })
            };
            described["reactions"] = message.reactions.iter().map(reaction).collect();
        }
        described
    }

    /// Describes a message as the bot may read it: without the right to, its content is blank unless it concerns the bot.
    pub(super) fn describe_for_bot(&self, message: &Message, content: bool) -> Value {
        let mut described = self.describe(message);
        let private = self.channels.get(&message.channel).is_none_or(|channel| channel.guild.is_none());
        if !content && !private && message.author != self.bot && !message.mentions.contains(&self.bot) {
            described["content"] = "".into();
            for list in ["embeds", "attachments", "components"] {
                described[list] = json!([]);
            }
        }
        described
    }

    /// Tells whether a message may be answered: those of people and bots, not what the service says.
    pub(super) fn may_be_answered(message: &Message) -> bool {
        !message.is_system() || message.kind == said::COMMAND
    }
}

/// Writes milliseconds since 1970 as ISO 8601 in UTC.
pub(super) fn stamp(ms: u64) -> String {
    let (seconds, ms) = (ms / 1000, ms % 1000);
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // From days to a date by the proleptic Gregorian calendar: eras of 400 years that begin on the first of March.
    let shifted = days + 719_468;
    let (era, day) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}000+00:00")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_in_utc() {
        assert_eq!(stamp(0), "1970-01-01T00:00:00.000000+00:00");
        assert_eq!(stamp(951_782_400_000), "2000-02-29T00:00:00.000000+00:00");
        assert_eq!(stamp(1_795_305_661_042), "2026-11-22T00:01:01.042000+00:00");
    }

    #[test]
    fn ids_grow_however_the_clock_stands() {
        let mut world = World::new(1);
        world.calendar_ms = 1_795_305_661_042;
        let first = world.id();
        world.calendar_ms -= 1000;
        assert!(world.id() > first);
    }
}

//! The things Discord knows, and their descriptions as clients get them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};

use super::view::Version;

/// Types of channels: Discord developer documentation, "Channel types".
pub(super) mod kind {
    pub(in super::super) const TEXT: u8 = 0;
    pub(in super::super) const DM: u8 = 1;
    pub(in super::super) const VOICE: u8 = 2;
    pub(in super::super) const CATEGORY: u8 = 4;
    pub(in super::super) const PUBLIC_THREAD: u8 = 11;
    pub(in super::super) const PRIVATE_THREAD: u8 = 12;
    pub(in super::super) const FORUM: u8 = 15;
}

/// Flags of messages: Discord developer documentation, "Message flags".
pub(super) mod flag {
    pub(in super::super) const SUPPRESS_EMBEDS: u64 = 1 << 2;
    pub(in super::super) const HAS_THREAD: u64 = 1 << 5;
    pub(in super::super) const EPHEMERAL: u64 = 1 << 6;
    pub(in super::super) const LOADING: u64 = 1 << 7;
    pub(in super::super) const SILENT: u64 = 1 << 12;
    pub(in super::super) const VOICE: u64 = 1 << 13;
    pub(in super::super) const COMPONENTS_V2: u64 = 1 << 15;
}

/// Types of messages: Discord developer documentation, "Message types".
pub(super) mod said {
    pub(in super::super) const PLAIN: u8 = 0;
    pub(in super::super) const THREAD_CREATED: u8 = 18;
    pub(in super::super) const REPLY: u8 = 19;
    pub(in super::super) const COMMAND: u8 = 20;
    pub(in super::super) const THREAD_STARTER: u8 = 21;
    pub(in super::super) const MENU: u8 = 23;
}

/// Somebody with an account, people and bots.
#[derive(Debug, Clone)]
pub(super) struct User {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) bot: bool,
}

impl User {
    pub(super) fn describe(&self) -> Value {
        let mut described = json!({
            "id": self.id.to_string(), "username": self.name, "discriminator": if self.bot { "0001" } else { "0" },
            "global_name": null, "avatar": null, "public_flags": 0, "flags": 0
        });
        if self.bot {
            described["bot"] = true.into();
        }
        described
    }
}

#[derive(Debug, Clone)]
pub(super) struct Role {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) permissions: u64,
    /// The bot that it was made for.
    pub(super) bot: Option<u64>,
}

impl Role {
    pub(super) fn describe(&self, position: usize) -> Value {
        let mut described = json!({
            "id": self.id.to_string(), "name": self.name, "color": 0, "hoist": false, "icon": null,
            "colors": {"primary_color": 0, "secondary_color": null, "tertiary_color": null},
            "unicode_emoji": null, "position": position, "permissions": self.permissions.to_string(),
            "managed": self.bot.is_some(), "mentionable": self.name != "@everyone", "flags": 0
        });
        if let Some(bot) = self.bot {
            described["tags"] = json!({"bot_id": bot.to_string()});
        }
        described
    }
}

#[derive(Debug, Clone, Default)]
pub(super) struct Member {
    pub(super) roles: Vec<u64>,
    pub(super) nick: Option<String>,
}

/// A server, as its people call it.
#[derive(Debug, Clone)]
pub(super) struct Guild {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) owner: u64,
    pub(super) roles: BTreeMap<u64, Role>,
    pub(super) members: BTreeMap<u64, Member>,
    pub(super) joined: String,
}

/// An exception of a channel for a role or a member.
#[derive(Debug, Clone)]
pub(super) struct Overwrite {
    pub(super) target: u64,
    pub(super) role: bool,
    pub(super) allow: u64,
    pub(super) deny: u64,
}

/// What only threads have.
#[derive(Debug, Clone)]
pub(super) struct ThreadState {
    pub(super) owner: u64,
    pub(super) private: bool,
    pub(super) archived: bool,
    pub(super) locked: bool,
    /// Minutes: 60, 1440, 4320 or 10080.
    pub(super) auto_archive: u64,
    pub(super) members: BTreeSet<u64>,
    pub(super) messages: u64,
    pub(super) created: String,
}

#[derive(Debug, Clone)]
pub(super) struct Channel {
    pub(super) id: u64,
    pub(super) kind: u8,
    pub(super) name: String,
    pub(super) guild: Option<u64>,
    pub(super) parent: Option<u64>,
    pub(super) topic: Option<String>,
    pub(super) overwrites: Vec<Overwrite>,
    /// The person of a private channel.
    pub(super) recipient: Option<Value>,
    pub(super) newest: Option<u64>,
    pub(super) thread: Option<ThreadState>,
}

impl Channel {
    pub(super) fn describe(&self, bot: u64) -> Value {
        let id = |id: Option<u64>| id.map(|id| id.to_string());
        let mut described = json!({
            "id": self.id.to_string(), "type": self.kind, "name": self.name, "flags": 0,
            "last_message_id": id(self.newest)
        });
        if let Some(recipient) = &self.recipient {
            described["recipients"] = json!([recipient]);
        }
        let Some(guild) = self.guild else { return described };
        described["guild_id"] = guild.to_string().into();
        described["parent_id"] = id(self.parent).into();
        described["rate_limit_per_user"] = 0.into();
        described["last_pin_timestamp"] = Value::Null;
        let Some(thread) = &self.thread else {
            let overwrite = |one: &Overwrite| {
                json!({
                    "id": one.target.to_string(), "type": u8::from(!one.role),
                    "allow": one.allow.to_string(), "deny": one.deny.to_string()
                })
            };
            described["permission_overwrites"] = self.overwrites.iter().map(overwrite).collect();
            described["position"] = 0.into();
            described["nsfw"] = false.into();
            described["topic"] = self.topic.clone().into();
            if self.kind == kind::VOICE {
                described["bitrate"] = 64000.into();
                described["user_limit"] = 0.into();
                described["rtc_region"] = Value::Null;
            }
            if self.kind == kind::FORUM {
                described["available_tags"] = json!([]);
                described["default_reaction_emoji"] = Value::Null;
                described["default_sort_order"] = Value::Null;
                described["default_forum_layout"] = 0.into();
            }
            return described;
        };
        described["owner_id"] = thread.owner.to_string().into();
        described["message_count"] = thread.messages.into();
        described["total_message_sent"] = thread.messages.into();
        described["member_count"] = thread.members.len().into();
        described["thread_metadata"] = json!({
            "archived": thread.archived, "auto_archive_duration": thread.auto_archive,
            "archive_timestamp": thread.created, "locked": thread.locked, "create_timestamp": thread.created
        });
        if thread.members.contains(&bot) {
            described["member"] = json!({
                "id": self.id.to_string(), "user_id": bot.to_string(), "join_timestamp": thread.created, "flags": 1
            });
        }
        described
    }
}

#[derive(Debug, Clone)]
pub(super) struct Message {
    pub(super) id: u64,
    pub(super) channel: u64,
    pub(super) author: u64,
    pub(super) content: String,
    pub(super) timestamp: String,
    pub(super) edited: Option<String>,
    pub(super) kind: u8,
    pub(super) flags: u64,
    pub(super) components: Value,
    pub(super) embeds: Value,
    /// Described files; their bytes are among the files of the world.
    pub(super) attachments: Vec<Value>,
    pub(super) mentions: Vec<u64>,
    pub(super) mention_roles: Vec<u64>,
    pub(super) everyone: bool,
    pub(super) reply_to: Option<u64>,
    pub(super) nonce: Option<Value>,
    /// Emoji, and who reacted with it.
    pub(super) reactions: Vec<(String, Vec<u64>)>,
    /// The only one who sees it.
    pub(super) only_for: Option<u64>,
    /// The interaction that it answers, described.
    pub(super) interaction: Option<Value>,
    /// A reference that is not a reply.
    pub(super) reference: Option<Value>,
    /// Who else it comes from: a webhook.
    pub(super) webhook: Option<u64>,
    pub(super) versions: Vec<Version>,
    pub(super) deleted: Option<Duration>,
}

impl Message {
    /// Returns an empty message.
    pub(super) fn new(id: u64, channel: u64, author: u64, timestamp: String) -> Self {
        Self {
            id,
            channel,
            author,
            content: String::new(),
            timestamp,
            edited: None,
            kind: said::PLAIN,
            flags: 0,
            components: json!([]),
            embeds: json!([]),
            attachments: Vec::new(),
            mentions: Vec::new(),
            mention_roles: Vec::new(),
            everyone: false,
            reply_to: None,
            nonce: None,
            reactions: Vec::new(),
            only_for: None,
            interaction: None,
            reference: None,
            webhook: None,
            versions: Vec::new(),
            deleted: None,
        }
    }

    /// Tells whether it only says that something happened.
    pub(super) fn is_system(&self) -> bool {
        ![said::PLAIN, said::REPLY, said::COMMAND, said::MENU].contains(&self.kind)
    }
}

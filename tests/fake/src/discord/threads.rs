//! Threads and channels: made, changed, archived, deleted.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::gateway::intent;
use super::objects::{Channel, Message, ThreadState, flag, kind, said};
use super::refusal::{Refusal, archived, bad_length, no_choice, unknown_channel};
use super::world::World;

/// A thread that is to be.
#[derive(Debug)]
pub(super) struct Wanted<'a> {
    pub(super) parent: u64,
    pub(super) name: &'a str,
    pub(super) owner: u64,
    pub(super) private: bool,
    /// The message it hangs on, whose id it takes.
    pub(super) starter: Option<u64>,
    /// Minutes.
    pub(super) auto_archive: Option<u64>,
}

/// Returns a name without the space around it, if it has 1 to 100 characters.
pub(super) fn fitting_name(name: &str) -> Result<String, Refusal> {
    let name = name.trim();
    match (1..=100).contains(&name.chars().count()) {
        true => Ok(name.to_owned()),
        false => Err(bad_length("name", 1, 100)),
    }
}

fn fitting_archive(minutes: u64) -> Result<u64, Refusal> {
    match [60, 1440, 4320, 10080].contains(&minutes) {
        true => Ok(minutes),
        false => Err(no_choice("auto_archive_duration", "60, 1440, 4320, 10080")),
    }
}

impl World {
    /// Makes a thread and tells of it.
    pub(super) fn open_thread(&mut self, wanted: &Wanted<'_>) -> Result<u64, Refusal> {
        let name = fitting_name(wanted.name)?;
        let auto_archive = fitting_archive(wanted.auto_archive.unwrap_or(1440))?;
        let guild = self.channel(wanted.parent)?.guild;
        if let Some(starter) = wanted.starter {
            self.message(wanted.parent, starter)?;
            if self.channels.contains_key(&starter) {
                let words = "A thread has already been created for this message";
                return Err(Refusal::new(400, 160_004, words));
            }
        }
        let id = wanted.starter.unwrap_or_else(|| self.id());
        let state = ThreadState {
            owner: wanted.owner,
            private: wanted.private,
            archived: false,
            locked: false,
            auto_archive,
            members: BTreeSet::from([wanted.owner]),
            messages: 0,
            created: self.stamp(),
        };
        let thread = Channel {
            id,
            kind: if wanted.private { kind::PRIVATE_THREAD } else { kind::PUBLIC_THREAD },
            name,
            guild,
            parent: Some(wanted.parent),
            topic: None,
            overwrites: Vec::new(),
            recipient: None,
            newest: None,
            thread: Some(state),
        };
        self.channels.insert(id, thread);
        let mut described = self.describe_channel(id);
        described["newly_created"] = true.into();
        self.tell("THREAD_CREATE", described, intent::GUILDS, Some(id));
        if let Some(starter) = wanted.starter {
            self.mark_starter(wanted.parent, starter, wanted.owner, guild);
        }
        Ok(id)
    }

    fn mark_starter(&mut self, parent: u64, starter: u64, owner: u64, guild: Option<u64>) {
        let message = self.messages.get_mut(&parent).and_then(|messages| messages.get_mut(&starter));
        if let Some(message) = message {
            message.flags |= flag::HAS_THREAD;
        }
        let mut first = Message::new(self.id(), starter, owner, self.stamp());
        first.kind = said::THREAD_STARTER;
        first.reference = Some(json!({
            "type": 0, "channel_id": parent.to_string(), "message_id": starter.to_string(),
            "guild_id": guild.map(|guild| guild.to_string())
        }));
        self.messages.entry(starter).or_default().insert(first.id, first);
        self.tell_message("MESSAGE_UPDATE", parent, starter);
    }

    /// Says in a channel that a thread was made that hangs on no message.
    pub(super) fn announce(&mut self, parent: u64, thread: u64, name: &str) {
        let mut said_so = Message::new(self.id(), parent, self.bot, self.stamp());
        said_so.kind = said::THREAD_CREATED;
        said_so.content = name.to_owned();
        said_so.reference = Some(json!({"type": 0, "channel_id": thread.to_string()}));
        self.keep(said_so);
    }

    /// Puts the first message into a post of a forum; it has the id of the post.
    pub(super) fn keep_first(&mut self, thread: u64, message: Message) {
        self.keep(Message { id: thread, channel: thread, ..message });
    }

    /// Takes a thread out of the archive, as speaking in it does.
    pub(super) fn wake(&mut self, channel: u64) {
        let thread = self.channels.get_mut(&channel).and_then(|channel| channel.thread.as_mut());
        if let Some(thread) = thread.filter(|thread| thread.archived) {
            thread.archived = false;
            self.tell_channel("THREAD_UPDATE", channel);
        }
    }

    /// Changes a channel or thread as a body says. In the archive a thread takes nothing but being taken out of it.
    pub(super) fn change_channel(&mut self, id: u64, body: &Value) -> Result<(), Refusal> {
        let name = body["name"].as_str().map(fitting_name).transpose()?;
        let auto_archive = body["auto_archive_duration"].as_u64().map(fitting_archive).transpose()?;
        let channel = self.channels.get_mut(&id).ok_or_else(unknown_channel)?;
        let asleep = channel.thread.as_ref().is_some_and(|thread| thread.archived);
        let named = body.as_object().into_iter().flatten().map(|(field, _)| field.as_str());
        let only_state = named.into_iter().all(|field| ["archived", "locked"].contains(&field));
        if asleep && !only_state && body["archived"] != false {
            return Err(archived());
        }
        if let Some(name) = name {
            let keeps_form =
                channel.thread.is_some() || [kind::VOICE, kind::CATEGORY].contains(&channel.kind);
            channel.name = if keeps_form { name } else { name.to_lowercase().replace(' ', "-") };
        }
        if let Some(topic) = body["topic"].as_str() {
            channel.topic = Some(topic.to_owned());
        }
        let event = match channel.thread.as_mut() {
            Some(thread) => {
                thread.archived = body["archived"].as_bool().unwrap_or(thread.archived);
                thread.locked = body["locked"].as_bool().unwrap_or(thread.locked);
                thread.auto_archive = auto_archive.unwrap_or(thread.auto_archive);
                "THREAD_UPDATE"
            }
            None => "CHANNEL_UPDATE",
        };
        self.tell_channel(event, id);
        Ok(())
    }

    /// Deletes a channel and its threads.
    pub(super) fn delete_channel(&mut self, id: u64) -> Option<Value> {
        let inside = self.channels.values().filter(|one| one.thread.is_some() && one.parent == Some(id));
        for thread in inside.map(|thread| thread.id).collect::<Vec<_>>() {
            self.delete_channel(thread)?;
        }
        let described = self.describe_channel(id);
        let gone = self.channels.remove(&id)?;
        self.messages.remove(&id);
        if gone.thread.is_some() {
            let told = json!({
                "id": id.to_string(), "guild_id": described["guild_id"], "parent_id": described["parent_id"],
                "type": gone.kind
            });
            self.tell("THREAD_DELETE", told, intent::GUILDS, None);
        } else {
            self.tell("CHANNEL_DELETE", described.clone(), intent::GUILDS, None);
        }
        Some(described)
    }

    /// Tells of a channel as it is now.
    pub(super) fn tell_channel(&mut self, event: &str, id: u64) {
        let described = self.describe_channel(id);
        self.tell(event, described, intent::GUILDS, Some(id));
    }

    /// Lets somebody into a thread or out of it.
    pub(super) fn join_thread(&mut self, id: u64, user: u64, on: bool) -> Result<(), Refusal> {
        let channel = self.channels.get_mut(&id).ok_or_else(unknown_channel)?;
        let guild = channel.guild;
        let Some(thread) = channel.thread.as_mut() else {
            return Err(Refusal::new(400, 50024, "Cannot execute action on this channel type"));
        };
        if on && thread.archived {
            return Err(archived());
        }
        let changed = if on { thread.members.insert(user) } else { thread.members.remove(&user) };
        let mut told = json!({
            "id": id.to_string(), "guild_id": guild.map(|guild| guild.to_string()),
            "member_count": thread.members.len()
        });
        if on {
            told["added_members"] = json!([{
                "id": id.to_string(), "user_id": user.to_string(), "join_timestamp": self.stamp(), "flags": 1
            }]);
        } else {
            told["removed_member_ids"] = json!([user.to_string()]);
        }
        if changed {
            self.tell("THREAD_MEMBERS_UPDATE", told, intent::GUILDS, Some(id));
        }
        Ok(())
    }
}

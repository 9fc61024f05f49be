//! The life of messages: written, changed, deleted; who is mentioned and who is really pinged.

use std::time::Duration;

use serde_json::{Value, json};

use super::check::{self, list};
use super::files::{Attachment, Upload};
use super::gateway::intent;
use super::objects::{Message, flag, kind, said};
use super::permissions::bits;
use super::refusal::{Refusal, archived, form, too_long};
use super::view::{Ping, Version};
use super::world::World;

/// How long a nonce is remembered: "a few minutes", Discord developer documentation, "Create message".
const NONCE: Duration = Duration::from_secs(300);

impl World {
    /// Returns the message that was sent with a nonce lately, if the sender wants it to be looked for.
    pub(super) fn with_nonce(&mut self, channel: u64, body: &Value) -> Result<Option<u64>, Refusal> {
        let Some(nonce) = nonce(body) else { return Ok(None) };
        if nonce.chars().count() > 25 {
            return Err(too_long("nonce", 25));
        }
        if body["enforce_nonce"] != true {
            return Ok(None);
        }
        let known = self.nonces.get(&(channel, nonce)).filter(|(at, _)| self.now - *at < NONCE);
        let known = known.map(|(_, id)| *id).filter(|&id| self.any_message(channel, id).is_some());
        if known.is_some() {
            self.stats.nonces_met += 1;
        }
        Ok(known)
    }

    /// Makes a message of a body, without putting it anywhere.
    pub(super) fn compose(
        &mut self,
        channel: u64,
        author: u64,
        body: &Value,
        files: &[Upload],
    ) -> Result<Message, Refusal> {
        check::message(body, files, 0, self.settings.max_upload)?;
        let mut message = Message::new(self.id(), channel, author, self.stamp());
        message.content = body["content"].as_str().unwrap_or_default().trim().to_owned();
        let kept = flag::SUPPRESS_EMBEDS | flag::SILENT | flag::EPHEMERAL | flag::COMPONENTS_V2 | flag::VOICE;
        message.flags = body["flags"].as_u64().unwrap_or_default() & kept;
        message.embeds = list(&body["embeds"]).into();
        message.components = numbered(&body["components"]);
        message.nonce = Some(body["nonce"].clone()).filter(|nonce| !nonce.is_null());
        message.attachments = self.uploaded(files, body);
        refuse_empty(&message)?;
        self.answer(&mut message, &body["message_reference"])?;
        self.mention(&mut message, &body["allowed_mentions"], true);
        Ok(message)
    }

    /// Keeps uploads; the body may name them otherwise than the form does.
    fn uploaded(&mut self, files: &[Upload], body: &Value) -> Vec<Value> {
        let attachment = |file: &Upload| {
            let about = list(&body["attachments"]).iter().find(|one| written(&one["id"]) == file.place);
            let name = about.and_then(|about| about["filename"].as_str()).unwrap_or(&file.name);
            Attachment::new(name, &file.bytes).typed(&file.content_type)
        };
        files.iter().map(|file| self.attach(&attachment(file))).collect()
    }

    fn answer(&self, message: &mut Message, reference: &Value) -> Result<(), Refusal> {
        if !reference.is_object() {
            return Ok(());
        }
        let named = number(&reference["message_id"]);
        let here = number(&reference["channel_id"]).is_none_or(|channel| channel == message.channel);
        let found = named.filter(|_| here).and_then(|id| self.message(message.channel, id).ok());
        let Some(answered) = found else {
            return match reference["fail_if_not_exists"] == false {
                true => Ok(()),
                false => Err(form("message_reference", "REPLIES_UNKNOWN_MESSAGE", "Unknown message")),
            };
        };
        if !Self::may_be_answered(answered) {
            let words = "Cannot reply to a system message";
            return Err(form("message_reference", "REPLIES_CANNOT_REPLY_TO_SYSTEM_MESSAGE", words));
        }
        message.kind = said::REPLY;
        message.reply_to = Some(answered.id);
        Ok(())
    }

    /// Finds who is mentioned, and notes who is pinged by a new message.
    fn mention(&mut self, message: &mut Message, allowed: &Value, new: bool) {
        let displayed = check::all(&message.components).into_iter().filter(|one| one["type"] == 10);
        let displayed = displayed.filter_map(|one| one["content"].as_str());
        let text = std::iter::once(message.content.as_str()).chain(displayed).collect::<Vec<_>>().join("\n");
        let (users, roles) = named(&text);
        let guild = self.channels.get(&message.channel).and_then(|channel| channel.guild);
        let guild = guild.and_then(|id| self.guilds.get(&id));
        message.mentions = users.into_iter().filter(|user| self.users.contains_key(user)).collect();
        let known = |role: &u64| guild.is_some_and(|guild| guild.roles.contains_key(role));
        message.mention_roles = roles.into_iter().filter(known).collect();
        // Without the field everything pings.
        let parse =
            |kind: &str| !allowed.is_object() || list(&allowed["parse"]).iter().any(|one| one == kind);
        let listed = |kind: &str, id: u64| list(&allowed[kind]).iter().any(|one| number(one) == Some(id));
        let mut pinged: Vec<u64> = message.mentions.clone();
        pinged.retain(|&user| parse("users") || listed("users", user));
        let roles = message.mention_roles.iter().filter(|&&role| parse("roles") || listed("roles", role));
        let roles: Vec<String> =
            roles.filter_map(|role| Some(guild?.roles.get(role)?.name.clone())).collect();
        let may = self
            .channels
            .get(&message.channel)
            .is_some_and(|channel| self.may(message.author, channel) & bits::MENTION_EVERYONE != 0);
        let everyone = text.contains("@everyone") || text.contains("@here");
        message.everyone = everyone && may && parse("everyone");
        let answered = message.reply_to.and_then(|id| self.any_message(message.channel, id));
        if let Some(author) = answered.map(|answered| answered.author)
            && (!allowed.is_object() || allowed["replied_user"] == true)
        {
            for list in [&mut message.mentions, &mut pinged] {
                if !list.contains(&author) {
                    list.push(author);
                }
            }
        }
        let loud = new && message.flags & flag::SILENT == 0 && message.author == self.bot;
        if loud && (!pinged.is_empty() || !roles.is_empty() || message.everyone) {
            let users = pinged.iter().map(|&user| self.name_of(user)).collect();
            let (message, channel, everyone) = (message.id, message.channel, message.everyone);
            self.pings.push(Ping { message, channel, users, roles, everyone });
        }
    }

    /// Puts a message into its channel and tells the bot of it, if it is for everybody.
    pub(super) fn keep(&mut self, mut message: Message) -> u64 {
        let (id, channel) = (message.id, message.channel);
        message.versions.push(Version { at: self.now, text: message.content.clone() });
        if let Some(nonce) = message.nonce.as_ref().map(written) {
            self.nonces.insert((channel, nonce), (self.now, id));
        }
        self.typing.remove(&(channel, message.author));
        let public = message.only_for.is_none();
        self.messages.entry(channel).or_default().insert(id, message);
        if let Some(place) = self.channels.get_mut(&channel) {
            place.newest = Some(id);
            if let Some(thread) = place.thread.as_mut() {
                thread.messages += 1;
            }
        }
        if public {
            self.tell_message("MESSAGE_CREATE", channel, id);
        }
        id
    }

    /// Changes a message as a body says.
    pub(super) fn revise(
        &mut self,
        channel: u64,
        id: u64,
        body: &Value,
        files: &[Upload],
    ) -> Result<(), Refusal> {
        let Some(mut message) = self.any_message(channel, id).cloned() else {
            return Err(super::refusal::unknown_message());
        };
        check::message(body, files, message.flags, self.settings.max_upload)?;
        if body.get("content").is_some() {
            message.content = body["content"].as_str().unwrap_or_default().trim().to_owned();
        }
        if body.get("embeds").is_some() {
            message.embeds = list(&body["embeds"]).into();
        }
        if body.get("components").is_some() {
            message.components = numbered(&body["components"]);
        }
        if let Some(flags) = body["flags"].as_u64() {
            let changing = flag::SUPPRESS_EMBEDS;
            message.flags = message.flags & !changing | flags & (changing | flag::COMPONENTS_V2);
        }
        if body["attachments"].is_array() {
            let kept: Vec<_> = list(&body["attachments"]).iter().map(|one| &one["id"]).collect();
            message.attachments.retain(|one| kept.contains(&&one["id"]));
        }
        let uploaded = self.uploaded(files, body);
        message.attachments.extend(uploaded);
        refuse_empty(&message)?;
        message.flags &= !flag::LOADING;
        message.edited = Some(self.stamp());
        self.mention(&mut message, &body["allowed_mentions"], false);
        if message.versions.last().is_none_or(|newest| newest.text != message.content) {
            message.versions.push(Version { at: self.now, text: message.content.clone() });
        }
        let public = message.only_for.is_none();
        self.messages.entry(channel).or_default().insert(id, message);
        if public {
            self.tell_message("MESSAGE_UPDATE", channel, id);
        }
        Ok(())
    }

    /// Deletes a message and tells the bot, if it was for everybody.
    pub(super) fn remove(&mut self, channel: u64, id: u64) -> Option<()> {
        let mut message = self.messages.get_mut(&channel)?.remove(&id)?;
        message.deleted = Some(self.now);
        let public = message.only_for.is_none();
        self.deleted.push(message);
        if public {
            let guild = self.channels.get(&channel).and_then(|channel| channel.guild);
            let mut gone = json!({"id": id.to_string(), "channel_id": channel.to_string()});
            if let Some(guild) = guild {
                gone["guild_id"] = guild.to_string().into();
            }
            let wanted = if guild.is_some() { intent::MESSAGES } else { intent::DIRECT };
            self.tell("MESSAGE_DELETE", gone, wanted, Some(channel));
        }
        Some(())
    }

    /// Adds or takes back a reaction and tells the bot.
    pub(super) fn react(&mut self, channel: u64, id: u64, user: u64, emoji: &str, on: bool) -> Option<()> {
        let message = self.messages.get_mut(&channel)?.get_mut(&id)?;
        if on && !message.reactions.iter().any(|(known, _)| known == emoji) {
            message.reactions.push((emoji.to_owned(), Vec::new()));
        }
        let (_, users) = message.reactions.iter_mut().find(|(known, _)| known == emoji)?;
        users.retain(|&other| other != user);
        if on {
            users.push(user);
        }
        message.reactions.retain(|(_, users)| !users.is_empty());
        let author = message.author;
        let guild = self.channels.get(&channel)?.guild;
        let mut told = json!({
            "user_id": user.to_string(), "channel_id": channel.to_string(), "message_id": id.to_string(),
            "emoji": {"id": null, "name": emoji}, "burst": false, "type": 0,
            "message_author_id": author.to_string()
        });
        if let Some(guild) = guild {
            told["guild_id"] = guild.to_string().into();
        }
        let name = if on { "MESSAGE_REACTION_ADD" } else { "MESSAGE_REACTION_REMOVE" };
        let wanted = if guild.is_some() { intent::REACTIONS } else { intent::DIRECT_REACTIONS };
        self.tell(name, told, wanted, Some(channel));
        Some(())
    }

    /// Sends a message of the bot to a channel, if it may.
    pub(super) fn send(&mut self, channel: u64, body: &Value, files: &[Upload]) -> Result<u64, Refusal> {
        let place = self.channel(channel)?;
        let rights = match place.thread {
            Some(_) => bits::SEND_MESSAGES_IN_THREADS,
            None => bits::SEND_MESSAGES,
        };
        self.need(place, rights)?;
        if [kind::CATEGORY, kind::FORUM].contains(&place.kind) {
            return Err(Refusal::new(400, 50008, "Cannot send messages in a non-text channel"));
        }
        if !files.is_empty() {
            self.need(place, bits::ATTACH_FILES)?;
        }
        if let Some(thread) = place.thread.as_ref().filter(|thread| thread.archived) {
            let manages = self.may(self.bot, place) & bits::MANAGE_THREADS != 0;
            if thread.locked && !manages {
                return Err(archived());
            }
        }
        if let Some(known) = self.with_nonce(channel, body)? {
            return Ok(known);
        }
        let message = self.compose(channel, self.bot, body, files)?;
        self.wake(channel);
        Ok(self.keep(message))
    }
}

/// Returns a snowflake, however it is written.
pub(super) fn number(value: &Value) -> Option<u64> {
    value.as_str().map_or_else(|| value.as_u64(), |text| text.parse().ok())
}

fn nonce(body: &Value) -> Option<String> {
    Some(&body["nonce"]).filter(|nonce| !nonce.is_null()).map(written)
}

fn written(nonce: &Value) -> String {
    nonce.as_str().map_or_else(|| nonce.to_string(), str::to_owned)
}

fn refuse_empty(message: &Message) -> Result<(), Refusal> {
    let drawn = message.flags & flag::COMPONENTS_V2 != 0 && !list(&message.components).is_empty();
    let embeds = list(&message.embeds);
    match message.content.is_empty() && embeds.is_empty() && message.attachments.is_empty() && !drawn {
        true => Err(Refusal::new(400, 50006, "Cannot send an empty message")),
        false => Ok(()),
    }
}

/// Gives each component the number that Discord gives it.
pub(super) fn numbered(components: &Value) -> Value {
    fn give(component: &mut Value, next: &mut u64) {
        if component.is_object() && component["id"].is_null() {
            component["id"] = (*next).into();
        }
        *next += 1;
        let inner = component.get_mut("components").and_then(Value::as_array_mut);
        for inside in inner.into_iter().flatten() {
            give(inside, next);
        }
    }
    let mut all: Vec<Value> = list(components).to_vec();
    let mut next = 1;
    for component in &mut all {
        give(component, &mut next);
    }
    all.into()
}

/// Returns the users and roles that a text names, `<@7>`, `<@!7>` and `<@&7>`, each once.
fn named(text: &str) -> (Vec<u64>, Vec<u64>) {
    let (mut users, mut roles) = (Vec::new(), Vec::new());
    for after in text.split("<@").skip(1) {
        let Some((inside, _)) = after.split_once('>') else { continue };
        let list = if inside.starts_with('&') { &mut roles } else { &mut users };
        let Ok(id) = inside.trim_start_matches(['!', '&']).parse() else { continue };
        if !list.contains(&id) {
            list.push(id);
        }
    }
    (users, roles)
}

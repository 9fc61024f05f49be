//! What was said while nobody listened: after every session that is no continuation of the last, channels whose last
//! message is younger than what was accepted are read from there on, oldest first.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use serenity::model::channel::Message;
use serenity::model::id::{ChannelId, GuildId};
use tokio_util::sync::CancellationToken;

use crate::api::{Answer, Call, CallError};
use crate::config::Id;
use crate::inbound::lean;
use crate::places::{ChannelFacts, id};
use crate::route::Route;
use crate::transport::Discord;

/// Messages one request returns at most (Discord, "Get Channel Messages").
const PAGE: usize = 100;

/// Messages that are fetched at most, of one channel and of all: more than anybody wants to have run by surprise.
const MOST_OF_ONE: usize = 300;
const MOST: usize = 1000;

/// Channels that are read at most.
const MOST_CHANNELS: usize = 200;

/// People whose direct messages are looked at, at most.
const MOST_DIRECT: usize = 20;

/// What was fetched.
#[derive(Debug, Default)]
pub(crate) struct Caught {
    /// In the order they were written.
    pub(crate) messages: Vec<Message>,
    /// Whether Discord has answered everything.
    pub(crate) complete: bool,
}

/// Fetches what was said after `from`. With `afresh`, Discord is asked first which channels there are: what the
/// gateway told of them is old. `strays` are further channels, each with its server, that may not be in its lists.
pub(crate) async fn fetch(
    bot: &Discord,
    from: Id,
    afresh: bool,
    strays: &BTreeSet<(Id, Id)>,
    stop: &CancellationToken,
) -> Caught {
    let mut caught = Caught { complete: true, ..Caught::default() };
    if afresh && let Err(error) = refresh(bot, stop).await {
        tracing::warn!(instance = %bot.instance, %error, "it is not known where something was said meanwhile");
        caught.complete = false;
    }
    let mut channels: Vec<(Option<Id>, Id)> = bot
        .threshold
        .places
        .changed_since(from)
        .into_iter()
        .filter(|(guild, _)| bot.threshold.gate.serves(*guild))
        .map(|(guild, channel)| (Some(guild), channel))
        .collect();
    for &(guild, channel) in strays {
        match known(bot, guild, channel, stop).await {
            Ok(true) if channels.contains(&(Some(guild), channel)) => {}
            Ok(true) => channels.push((Some(guild), channel)),
            Ok(false) => {}
            Err(error) => {
                tracing::warn!(instance = %bot.instance, channel, %error, "it is not known what a channel is");
                caught.complete = false;
            }
        }
    }
    channels.extend(direct(bot, from, stop).await.into_iter().map(|channel| (None, channel)));
    if channels.len() > MOST_CHANNELS {
        tracing::warn!(
            channels = channels.len(),
            "only {MOST_CHANNELS} channels are read for what was missed"
        );
        channels.truncate(MOST_CHANNELS);
    }
    for (guild, channel) in channels {
        let room = MOST.saturating_sub(caught.messages.len()).min(MOST_OF_ONE);
        match channel_since(bot, channel, from, room, stop).await {
            Ok(messages) => {
                let whole = messages.into_iter().filter_map(|message| read(message, guild, channel));
                caught.messages.extend(whole);
            }
            Err(CallError::Refused { code, .. }) => {
                tracing::debug!(channel, code, "a channel cannot be read for what was missed");
            }
            Err(error) => {
                tracing::warn!(channel, %error, "it is not known what was said in a channel meanwhile");
                caught.complete = false;
            }
        }
    }
    caught.messages.sort_by_key(|message| message.id);
    caught
}

/// Returns whether a channel is known, after it was asked about where it was not.
async fn known(bot: &Discord, guild: Id, channel: Id, stop: &CancellationToken) -> Result<bool, CallError> {
    let places = &bot.threshold.places;
    if places.channel(channel).is_some() {
        return Ok(true);
    }
    match bot.api.patiently(Call::get(Route::channel(&channel.to_string())), stop).await {
        Ok(answer) => {
            let facts = ChannelFacts::of_json(&answer.body, Some(guild));
            Ok(facts.map(|facts| places.learn_channel(facts)).is_some())
        }
        Err(CallError::Refused { status, .. }) if status < 500 => Ok(false),
        Err(error) => Err(error),
    }
}

/// Learns which channels and threads there are now, and how far they have got.
async fn refresh(bot: &Discord, stop: &CancellationToken) -> Result<(), CallError> {
    for guild in bot.threshold.places.guilds().into_iter().filter(|guild| bot.threshold.gate.serves(*guild)) {
        let name = guild.to_string();
        let channels = bot.api.patiently(Call::get(Route::guild_channels(&name)), stop).await?;
        let threads = bot.api.patiently(Call::get(Route::active_threads(&name)), stop).await?;
        let threads = threads.body.get("threads").and_then(Value::as_array).cloned().unwrap_or_default();
        let channels = channels.body.as_array().cloned().unwrap_or_default();
        for channel in channels.iter().chain(&threads) {
            if let Some(channel) = ChannelFacts::of_json(channel, Some(guild)) {
                bot.threshold.places.learn_channel(channel);
            }
        }
    }
    Ok(())
}

/// Returns the channels of direct messages in which something was said after `from`. The gateway does not tell of
/// them before somebody writes.
async fn direct(bot: &Discord, from: Id, stop: &CancellationToken) -> Vec<Id> {
    let mut channels = Vec::new();
    for person in bot.threshold.gate.direct_people().into_iter().take(MOST_DIRECT) {
        let body = json!({"recipient_id": person.to_string()});
        let opened = bot.api.patiently(Call::post(Route::direct_messages(), body), stop).await;
        let Ok(Answer { body, .. }) = opened else { continue };
        let Some(channel) = id(body.get("id")) else { continue };
        bot.threshold.places.saw_direct(channel, person);
        if id(body.get("last_message_id")).is_some_and(|last| last > from) {
            channels.push(channel);
        }
    }
    channels
}

/// Returns what was said in a channel after `from`, `room` messages at most.
async fn channel_since(
    bot: &Discord,
    channel: Id,
    from: Id,
    room: usize,
    stop: &CancellationToken,
) -> Result<Vec<Value>, CallError> {
    let (mut found, mut after): (Vec<Value>, Id) = (Vec::new(), from);
    while found.len() < room {
        let mut call = Call::get(Route::messages(&channel.to_string()));
        call.query = vec![("after", after.to_string()), ("limit", PAGE.to_string())];
        let page = match bot.api.patiently(call, stop).await?.body {
            Value::Array(page) => page,
            _ => Vec::new(),
        };
        let (count, last) = (page.len(), page.iter().filter_map(|message| id(message.get("id"))).max());
        found.extend(page);
        match last {
            Some(last) if count >= PAGE && last > after => after = last,
            _ => return Ok(found),
        }
    }
    tracing::warn!(channel, "more was said in a channel meanwhile than is read");
    Ok(found)
}

/// Reads a message; what REST tells of one does not repeat where it stands.
fn read(message: Value, guild: Option<Id>, channel: Id) -> Option<Message> {
    let whole = serde_json::from_value(message.clone()).ok().or_else(|| lean(&message));
    let Some(mut whole): Option<Message> = whole else {
        tracing::warn!(channel, "nobody can read a message; it is stepped over");
        return None;
    };
    whole.guild_id = guild.map(GuildId::new);
    whole.channel_id = ChannelId::new(channel);
    Some(whole)
}

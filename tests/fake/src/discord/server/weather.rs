//! What goes wrong on purpose, at the counter and at the gateway, and the rules a test may set.

use std::time::Duration;

use serde_json::{Value, json};

use super::DiscordServer;
use crate::discord::faults::Injection;
use crate::discord::gateway::{End, intent};
use crate::discord::log::Gate;
use crate::discord::people::Asked;
use crate::discord::world::Settings;

/// What goes wrong.
impl DiscordServer {
    /// Makes calls fail. Of several injections the one that came first meets a call.
    pub fn inject(&self, injection: Injection) {
        self.shared.change(|world| world.injections.push(injection));
    }

    /// Takes back what was injected and has not met its calls; returns how many injections that are.
    pub fn heal(&self) -> usize {
        self.shared.change(|world| std::mem::take(&mut world.injections).len())
    }

    /// Lets every call that hangs now go on.
    pub fn release(&self) {
        self.shared.release();
    }

    /// Switches limits on or off; they are on at first.
    pub fn limits(&self, on: bool) {
        self.shared.change(|world| world.limits.on = on);
    }

    /// Sets the limit of a route such as `POST /channels/:id/messages`, or of `RENAME`.
    pub fn limit(&self, route: &str, calls: u32, window: Duration) {
        self.shared.change(|world| world.limits.set(route, calls, window));
    }

    /// Puts the fake's own clock forward: deadlines, limits, ages of messages.
    pub fn advance(&self, by: Duration) {
        self.shared.change(|world| world.ahead += by);
        // Once more, as what waits must see the new time.
        self.shared.change(|_| ());
    }

    fn set(&self, change: impl FnOnce(&mut Settings)) {
        self.shared.change(|world| change(&mut world.settings));
    }

    /// Sets how long an interaction may stay without an answer; 3 s at first.
    pub fn ack_within(&self, deadline: Duration) {
        self.set(|settings| settings.ack = deadline);
    }

    /// Sets how often a bot has to beat; takes effect with the next connection.
    pub fn beat_every(&self, interval: Duration) {
        self.set(|settings| settings.heartbeat = interval);
    }

    /// Switches privileged intents on in the portal; at first it is that for the content of messages alone.
    pub fn allow_intents(&self, content: bool, members: bool) {
        let granted = if content { intent::CONTENT } else { 0 } | if members { intent::MEMBERS } else { 0 };
        self.set(|settings| settings.intents = granted);
    }

    /// Lets a bot identify only once in this time; 5 s at Discord, nothing here at first.
    pub fn identify_gap(&self, gap: Duration) {
        self.set(|settings| settings.identify_gap = gap);
    }

    /// Lets a bot make this many more commands today.
    pub fn command_creates(&self, left: usize) {
        self.shared.change(|world| world.settings.command_creates = world.command_creates + left);
    }

    /// Keeps this many events of a session for `RESUME`.
    pub fn replay(&self, events: usize) {
        self.set(|settings| settings.replay = events);
    }

    /// Tells the bot nothing of events of this kind, but for those about messages and interactions.
    pub fn withhold(&self, event: &str) {
        self.shared.change(|world| world.gateway.withheld.insert(event.to_owned()));
    }

    /// Closes the bot's connection with a code; tells how many there were.
    pub fn close_gateway(&self, code: u16) -> usize {
        self.shared.change(|world| world.end_lines(End::Close(code)))
    }

    /// Breaks the bot's connection without a word; tells how many there were.
    pub fn drop_gateway(&self) -> usize {
        self.shared.change(|world| world.end_lines(End::Drop))
    }

    /// Gives the bot another token, as its owner does by **Reset Token**: the old one is refused from now on.
    pub fn reset_token(&self, token: &str) {
        self.shared.change(|world| {
            token.clone_into(&mut world.settings.bot_token);
            world.end_lines(End::Close(4004));
        });
    }

    /// Asks the bot to come back on another connection (opcode 7).
    pub fn reconnect(&self) -> usize {
        self.shared.change(|world| world.send_op(7, &Value::Null))
    }

    /// Tells the bot that its session is over (opcode 9), or that it may go on with it.
    pub fn invalid_session(&self, resumable: bool) -> usize {
        self.shared.change(|world| {
            let told = world.send_op(9, &resumable.into());
            if !resumable {
                world.gateway.sessions.clear();
                for line in world.gateway.lines.values_mut() {
                    line.session = None;
                }
            }
            told
        })
    }

    /// Forgets every session, so that none can go on, and breaks the connections.
    pub fn forget_sessions(&self) {
        self.shared.change(|world| {
            world.end_lines(End::Drop);
            world.gateway.sessions.clear();
        });
    }

    /// Answers no beats, or answers them again.
    pub fn silence(&self, on: bool) {
        self.shared.change(|world| world.gateway.silent = on);
    }

    /// Sends nothing on the gateway, or everything again that waited.
    pub fn stall(&self, on: bool) {
        self.shared.change(|world| world.gateway.stalled = on);
    }

    /// Refuses the next connections of the gateway.
    pub fn refuse(&self, connections: usize) {
        self.shared.change(|world| world.gateway.refusals = connections);
    }

    /// Tells the bot of a message once more, as flapping connections do.
    ///
    /// # Panics
    /// When there is no such message.
    #[track_caller]
    pub fn repeat(&self, message: u64) {
        self.must("there is no such message", |world| {
            let channel = world.place_of(message)?;
            world.tell_message("MESSAGE_CREATE", channel, message);
            Some(())
        });
    }

    /// Tells the bot of an interaction once more, however old it is.
    ///
    /// # Panics
    /// When there was no such interaction.
    #[track_caller]
    pub fn repeat_interaction(&self, asked: Asked) {
        self.must("there was no such interaction", |world| {
            let told = world.interactions.get(&asked.id)?.told.clone();
            world.tell_interaction(&told);
            Some(())
        });
    }

    /// Adds the preview of a link to a message, which tells the bot of a change that nobody made.
    ///
    /// # Panics
    /// When there is no such message.
    #[track_caller]
    pub fn unfurl(&self, message: u64, url: &str) {
        self.must("there is no such message", |world| {
            let channel = world.place_of(message)?;
            let found = world.messages.get_mut(&channel)?.get_mut(&message)?;
            found.embeds = json!([{"type": "link", "url": url, "title": "A page"}]);
            world.tell_message("MESSAGE_UPDATE", channel, message);
            Some(())
        });
    }

    /// Counts how often something happened at the gateway.
    #[must_use]
    pub fn gated(&self, gate: impl Fn(&Gate) -> bool) -> usize {
        self.shared.read().log.count(gate)
    }
}

//! Sessions and connections of the gateway: who hears what, what is replayed, why a connection is closed.
//!
//! Opcodes, close codes and intents: Discord developer documentation, "Gateway". The sockets stand in `socket.rs`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use serde_json::{Value, json};

use super::log::Gate;
use super::objects::Message;
use super::world::World;

/// What a bot may want to hear of.
pub(super) mod intent {
    pub(in super::super) const GUILDS: u64 = 1;
    pub(in super::super) const MEMBERS: u64 = 1 << 1;
    pub(in super::super) const PRESENCES: u64 = 1 << 8;
    pub(in super::super) const MESSAGES: u64 = 1 << 9;
    pub(in super::super) const REACTIONS: u64 = 1 << 10;
    pub(in super::super) const TYPING: u64 = 1 << 11;
    pub(in super::super) const DIRECT: u64 = 1 << 12;
    pub(in super::super) const DIRECT_REACTIONS: u64 = 1 << 13;
    pub(in super::super) const CONTENT: u64 = 1 << 15;
    /// Those that have to be switched on in the portal.
    pub(in super::super) const PRIVILEGED: u64 = MEMBERS | PRESENCES | CONTENT;
    pub(in super::super) const ALL: u64 = (1 << 26) - 1;
}

/// Bytes of a payload of the bot at most.
const MAX_PAYLOAD: usize = 4096;

/// Payloads of the bot in a minute at most.
const MAX_SENDS: usize = 120;

/// Close codes of Discord that end the session, too.
const LAST_WORDS: [u16; 8] = [4004, 4007, 4009, 4010, 4011, 4012, 4013, 4014];

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// With a close code.
    Close(u16),
    /// Without a word.
    Drop,
}

/// A connection.
#[derive(Debug, Default)]
pub(super) struct Line {
    pub(super) session: Option<String>,
    /// What is to be sent.
    pub(super) outbox: VecDeque<Value>,
    pub(super) end: Option<End>,
    /// When it beat last, or was opened.
    pub(super) beat: Duration,
    heard: VecDeque<Duration>,
}

/// A session, which outlives its connections.
#[derive(Debug)]
pub(super) struct Session {
    seq: u64,
    pub(super) intents: u64,
    /// The newest events, for those that come back.
    events: VecDeque<(u64, Value)>,
    line: Option<u64>,
}

/// All of the gateway.
#[derive(Debug, Default)]
pub(super) struct Gateway {
    pub(super) lines: BTreeMap<u64, Line>,
    pub(super) sessions: BTreeMap<String, Session>,
    /// Beats are not answered.
    pub(super) silent: bool,
    /// Nothing is sent at all.
    pub(super) stalled: bool,
    /// How many connections are refused from now on.
    pub(super) refusals: usize,
    /// Events that the bot is not told of.
    pub(super) withheld: BTreeSet<String>,
    identified: Option<Duration>,
    made: u64,
}

impl World {
    /// Begins a connection; none, if it is refused on purpose.
    pub(super) fn open_line(&mut self) -> Option<u64> {
        if self.gateway.refusals > 0 {
            self.gateway.refusals -= 1;
            self.note(Gate::Refused);
            return None;
        }
        self.note(Gate::Opened);
        self.gateway.made += 1;
        let hello = json!({
            "op": 10, "s": null, "t": null,
            "d": {"heartbeat_interval": self.settings.heartbeat.as_millis(), "_trace": ["fake"]}
        });
        let line = Line { outbox: [hello].into(), beat: self.now, ..Line::default() };
        self.gateway.lines.insert(self.gateway.made, line);
        Some(self.gateway.made)
    }

    /// Takes what is to be sent on a connection, and how it is to end after that.
    pub(super) fn take(&mut self, line: u64) -> (Vec<Value>, Option<End>) {
        let stalled = self.gateway.stalled;
        let Some(line) = self.gateway.lines.get_mut(&line) else { return (Vec::new(), Some(End::Drop)) };
        let waiting = if stalled { Vec::new() } else { line.outbox.drain(..).collect() };
        (waiting, line.end)
    }

    /// Ends the session of a connection that is about to be closed with a code, if the code does.
    pub(super) fn part(&mut self, line: u64, code: u16) {
        if LAST_WORDS.contains(&code)
            && let Some(line) = self.gateway.lines.get_mut(&line)
            && let Some(session) = line.session.take()
        {
            self.gateway.sessions.remove(&session);
        }
    }

    /// Ends a connection. Its session ends with it where the bot has left for good.
    pub(super) fn drop_line(&mut self, line: u64, how: Gate) {
        let session = self.gateway.lines.remove(&line).and_then(|line| line.session);
        let over = matches!(how, Gate::Left(Some(1000 | 1001)));
        self.note(how);
        let Some(id) = session else { return };
        if over {
            self.gateway.sessions.remove(&id);
        } else if let Some(session) = self.gateway.sessions.get_mut(&id)
            && session.line == Some(line)
        {
            session.line = None;
        }
    }

    pub(super) fn note(&mut self, gate: Gate) {
        let at = self.now;
        self.log.gateway.push((at, gate));
    }

    fn reply(&mut self, line: u64, op: u8, data: Value) {
        if let Some(line) = self.gateway.lines.get_mut(&line) {
            line.outbox.push_back(json!({"op": op, "d": data, "s": null, "t": null}));
        }
    }

    fn close(&mut self, line: u64, code: u16) {
        if let Some(line) = self.gateway.lines.get_mut(&line) {
            line.end = Some(End::Close(code));
        }
    }

    /// Takes what the bot said on a connection.
    pub(super) fn hear(&mut self, line: u64, text: &str) {
        let now = self.now;
        let Some(of_line) = self.gateway.lines.get_mut(&line) else { return };
        of_line.heard.push_back(now);
        while of_line.heard.front().is_some_and(|at| now - *at > Duration::from_secs(60)) {
            of_line.heard.pop_front();
        }
        if of_line.heard.len() > MAX_SENDS {
            return self.close(line, 4008);
        }
        let has_session = of_line.session.is_some();
        let payload = serde_json::from_str::<Value>(text).ok().filter(|_| text.len() <= MAX_PAYLOAD);
        let Some(payload) = payload else { return self.close(line, 4002) };
        let data = &payload["d"];
        match (payload["op"].as_u64(), has_session) {
            (Some(1), _) => {
                of_line.beat = now;
                self.note(Gate::Beat);
                if !self.gateway.silent {
                    self.reply(line, 11, Value::Null);
                }
            }
            (Some(2), true) => self.close(line, 4005),
            (Some(2), false) => self.identify(line, data),
            (Some(6), _) => self.resume(line, data),
            (Some(3 | 4 | 8 | 31), true) => {}
            (Some(3 | 4 | 8 | 31), false) => self.close(line, 4003),
            (Some(_), _) => self.close(line, 4001),
            (None, _) => self.close(line, 4002),
        }
    }

    fn knows(&self, data: &Value) -> bool {
        let token = data["token"].as_str().unwrap_or_default();
        token.strip_prefix("Bot ").unwrap_or(token) == self.settings.bot_token
    }

    fn identify(&mut self, line: u64, data: &Value) {
        if !self.knows(data) {
            return self.close(line, 4004);
        }
        let intents = data["intents"].as_u64().unwrap_or_default();
        if intents & !intent::ALL != 0 {
            return self.close(line, 4013);
        }
        if intents & intent::PRIVILEGED & !self.settings.intents != 0 {
            return self.close(line, 4014);
        }
        if ["os", "browser", "device"].iter().any(|name| data["properties"][name].is_null()) {
            return self.close(line, 4002);
        }
        if data["shard"].is_array() && data["shard"] != json!([0, 1]) {
            return self.close(line, 4010);
        }
        let too_soon = self.gateway.identified.is_some_and(|at| self.now - at < self.settings.identify_gap);
        if too_soon || self.settings.session_starts == 0 {
            return self.reply(line, 9, false.into());
        }
        self.gateway.identified = Some(self.now);
        self.settings.session_starts -= 1;
        self.note(Gate::Identified(intents));
        let id = format!("session-{}", self.id());
        let session = Session { seq: 0, intents, events: VecDeque::new(), line: Some(line) };
        self.gateway.sessions.retain(|_, other| other.line.is_some());
        self.gateway.sessions.insert(id.clone(), session);
        if let Some(line) = self.gateway.lines.get_mut(&line) {
            line.session = Some(id.clone());
        }
        let absent = |guild: &u64| json!({"id": guild.to_string(), "unavailable": true});
        let guilds: Vec<Value> = self.guilds.keys().map(absent).collect();
        let ready = json!({
            "v": 10, "user": self.describe_bot(), "guilds": guilds, "session_id": id, "shard": [0, 1],
            "resume_gateway_url": self.url.replacen("http", "ws", 1), "private_channels": [],
            "application": {"id": self.bot.to_string(), "flags": self.application_flags()},
            "session_type": "normal", "user_settings": {}, "presences": [], "relationships": [],
            "_trace": ["fake"]
        });
        self.push(&id, "READY", ready);
        if intents & intent::GUILDS != 0 {
            let guilds: Vec<Value> =
                self.guilds.values().map(|guild| self.describe_guild(guild, true)).collect();
            for guild in guilds {
                self.push(&id, "GUILD_CREATE", guild);
            }
        }
    }

    fn resume(&mut self, line: u64, data: &Value) {
        if !self.knows(data) {
            return self.close(line, 4004);
        }
        let id = data["session_id"].as_str().unwrap_or_default().to_owned();
        let seen = data["seq"].as_u64().unwrap_or_default();
        let Some(session) = self.gateway.sessions.get_mut(&id) else {
            self.note(Gate::Forgotten);
            return self.reply(line, 9, false.into());
        };
        if seen > session.seq {
            self.gateway.sessions.remove(&id);
            return self.close(line, 4007);
        }
        if session.events.front().is_some_and(|(oldest, _)| seen + 1 < *oldest) {
            self.gateway.sessions.remove(&id);
            self.note(Gate::Forgotten);
            return self.reply(line, 9, false.into());
        }
        let missed: Vec<Value> =
            session.events.iter().filter(|(seq, _)| *seq > seen).map(|(_, event)| event.clone()).collect();
        let former = session.line.replace(line).filter(|former| *former != line);
        if let Some(former) = former.and_then(|former| self.gateway.lines.get_mut(&former)) {
            former.end = Some(End::Drop);
            former.session = None;
        }
        self.note(Gate::Resumed(missed.len()));
        if let Some(line) = self.gateway.lines.get_mut(&line) {
            line.session = Some(id.clone());
            line.outbox.extend(missed);
        }
        self.push(&id, "RESUMED", json!({"_trace": ["fake"]}));
    }

    /// Adds an event to a session, and sends it if it has a connection.
    fn push(&mut self, session: &str, name: &str, data: Value) {
        let Some(session) = self.gateway.sessions.get_mut(session) else { return };
        session.seq += 1;
        let event = json!({"op": 0, "s": session.seq, "t": name, "d": data});
        session.events.push_back((session.seq, event.clone()));
        while session.events.len() > self.settings.replay {
            session.events.pop_front();
        }
        if let Some(line) = session.line.and_then(|line| self.gateway.lines.get_mut(&line)) {
            line.outbox.push_back(event);
        }
    }

    /// Tells every session of something, if it asked for it and the bot sees where it happened.
    pub(super) fn tell(&mut self, name: &str, data: Value, wanted: u64, channel: Option<u64>) {
        let place = channel.and_then(|channel| self.channels.get(&channel));
        if place.is_some_and(|place| !self.sees(place)) || self.gateway.withheld.contains(name) {
            return;
        }
        for (id, _) in self.hearing(wanted) {
            self.push(&id, name, data.clone());
        }
    }

    fn hearing(&self, wanted: u64) -> Vec<(String, u64)> {
        let hearing =
            self.gateway.sessions.iter().filter(|(_, session)| session.intents & wanted != 0 || wanted == 0);
        hearing.map(|(id, session)| (id.clone(), session.intents)).collect()
    }

    /// Tells of a message. Without the right intent its content is blank.
    pub(super) fn tell_message(&mut self, name: &str, channel: u64, id: u64) {
        let Some(message) = self.any_message(channel, id).cloned() else { return };
        let Some(place) = self.channels.get(&channel).filter(|place| self.sees(place)) else { return };
        let (guild, kind) = (place.guild, place.kind);
        let wanted = if guild.is_some() { intent::MESSAGES } else { intent::DIRECT };
        for (session, intents) in self.hearing(wanted) {
            let mut described = self.describe_for_bot(&message, intents & intent::CONTENT != 0);
            described["channel_type"] = kind.into();
            if let Some(guild) = guild {
                described["guild_id"] = guild.to_string().into();
                described["member"] = self.member_alone(guild, &message);
            }
            self.push(&session, name, described);
        }
    }

    fn member_alone(&self, guild: u64, message: &Message) -> Value {
        let mut member = self.describe_member(guild, message.author).unwrap_or_default();
        if let Some(fields) = member.as_object_mut() {
            fields.remove("user");
        }
        member
    }

    /// Sends every session an interaction, which needs no intent.
    pub(super) fn tell_interaction(&mut self, data: &Value) {
        for (id, _) in self.hearing(0) {
            self.push(&id, "INTERACTION_CREATE", data.clone());
        }
    }

    /// Ends every connection that has a session; tells how many.
    pub(super) fn end_lines(&mut self, end: End) -> usize {
        let live = self.gateway.lines.values_mut().filter(|line| line.session.is_some());
        live.map(|line| line.end = Some(end)).count()
    }

    /// Sends an opcode on every connection that has a session; tells how many.
    pub(super) fn send_op(&mut self, op: u8, data: &Value) -> usize {
        let live = self.gateway.lines.iter().filter(|(_, line)| line.session.is_some());
        let live: Vec<u64> = live.map(|(&id, _)| id).collect();
        for &line in &live {
            self.reply(line, op, data.clone());
        }
        live.len()
    }
}

//! From the gateway to the inbox: every event in its order, each message durable before the next one is looked at,
//! and what was said while nobody listened before what is said now. Nothing here waits for Discord while a signal of
//! the gateway waits: that goes on beside it, in [`Intake::work`].

mod bearer;
mod bursts;
mod early;
mod paste;

use std::collections::{BTreeSet, VecDeque};
use std::pin::Pin;
use std::time::Duration;

use serenity::all::{Event, Interaction, MessageUpdateEvent, ReadyEvent, UnknownEvent};
use serenity::model::channel::Message;
use takopi_core::desk::{AcceptError, Inbox};
use takopi_core::port::transport::TransportError;
use tokio_util::sync::CancellationToken;

pub(crate) use self::bearer::roles_of;
use self::bearer::{Bearer, Borne, Stray, Taken};
pub(crate) use self::bursts::Bursts;
use self::early::Early;
use crate::catch_up::{self, Caught};
use crate::config::{Id, LONGEST_BACKLOG};
use crate::gateway::Signal;
use crate::inbound::{id_at, lean};
use crate::places::{Me, Places, Recent};
use crate::transport::Discord;

/// Messages that may wait to be accepted; what does not fit is fetched later.
const MOST_WAITING: usize = 4096;

/// Messages that are accepted together, with one write.
const BATCH: usize = 64;

/// Messages that are known to have come: one that comes again is dropped.
const MOST_RECENT: usize = 8192;

/// Channels that are asked about again, at most: each is one question. Those that a server lists are found without.
const MOST_STRAYS: usize = 64;

/// How long servers may take to describe themselves before it is looked what was missed in the others.
const DESCRIPTIONS: Duration = Duration::from_secs(10);

/// How often it is looked whether they have.
const LOOK: Duration = Duration::from_millis(20);

/// Pause before it is asked again what was missed.
const AGAIN: Duration = Duration::from_secs(30);

/// How far before the last message that was accepted is read again: channels are not ordered among each other.
const MARGIN: Duration = Duration::from_secs(10);

/// The key of the messages of that time that were decided about, and most of them: one write of some kilobytes.
const DECIDED: &str = "decided";
const MOST_DECIDED: usize = 1000;

/// How long the last messages may take to be accepted when receiving ends.
const FAREWELL: Duration = Duration::from_secs(2);

type Task<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What waits to be accepted.
#[derive(Debug)]
enum Work {
    Said(Box<Message>),
    Edited(Box<MessageUpdateEvent>),
    Deleted { channel: Id, message: Id },
    Left { guild: Id },
}

/// From the gateway to the inbox.
pub(crate) struct Intake<'a> {
    bot: &'a Discord,
    inbox: &'a Inbox,
    stop: &'a CancellationToken,
    /// Descriptions of servers that nobody awaited when they came.
    early: Early<Event>,
    waiting: VecDeque<Work>,
    accepting: Option<Task<'a, Result<Option<Taken>, TransportError>>>,
    catching: Option<Task<'a, Caught>>,
    /// Whether what is said now waits for what was missed.
    holds: bool,
    /// Whether something was missed since it was last asked for.
    behind: bool,
    /// From where on something may still be missing.
    hole: Option<Id>,
    /// From where on something was lost since it was last asked what is missing, and where it stands: a channel of a
    /// server of which Discord did not say what it is.
    lost: Option<Id>,
    strays: BTreeSet<(Id, Id)>,
    /// How far messages were accepted.
    borne: Borne,
    recent: Recent<Id>,
}

impl<'a> Intake<'a> {
    pub(crate) fn new(bot: &'a Discord, inbox: &'a Inbox, stop: &'a CancellationToken) -> Self {
        Self {
            bot,
            inbox,
            stop,
            early: Early::default(),
            waiting: VecDeque::new(),
            accepting: None,
            catching: None,
            holds: false,
            behind: false,
            hole: None,
            lost: None,
            strays: BTreeSet::new(),
            borne: Borne { reached: 0, written: 0 },
            recent: Recent::new(MOST_RECENT),
        }
    }

    /// Remembers up to where messages were accepted before. What came before the very first start is nobody's.
    ///
    /// # Errors
    /// [`TransportError::Broken`] when the ledger does not tell.
    pub(crate) async fn begin(&mut self) -> Result<(), TransportError> {
        let broken = |error: AcceptError| TransportError::Broken(error.to_string());
        let known = self.inbox.cursor().await.map_err(broken)?;
        let known = known.and_then(|cursor| cursor.parse().ok()).filter(|_| self.bot.config.catch_up);
        let reached = known.unwrap_or_else(|| id_at(self.bot.now()));
        if known.is_none() {
            // Written at once: of a daemon that ends before anything was said to it, the next one goes on from here.
            self.inbox.set_cursor(&reached.to_string()).await.map_err(broken)?;
        }
        self.borne = Borne { reached, written: reached };
        let decided = self.inbox.recall(DECIDED).await.map_err(broken)?.unwrap_or_default();
        self.bot.decided(decided.split(' ').filter_map(|id| id.parse().ok()));
        // Before the very first start there is no margin either.
        self.hole = known.is_none().then_some(reached);
        Ok(())
    }

    /// Takes a signal in; it never waits.
    pub(crate) fn take(&mut self, signal: Signal) {
        match signal {
            Signal::Ready(ready) => self.ready(&ready),
            Signal::Event(event) => self.event(*event),
            // The server may have described itself, and changed, by now; or it has overtaken READY.
            Signal::Early(event) if self.is_unasked(&event) => self.early.keep(*event, self.bot.moment()),
            Signal::Early(event) => self.event(*event),
        }
    }

    /// Returns whether this describes a server that nobody waits for.
    fn is_unasked(&self, event: &Event) -> bool {
        Places::described(event).is_some_and(|guild| !self.bot.threshold.places.awaits(guild))
    }

    /// Some signals were lost.
    pub(crate) fn missed_something(&mut self) {
        self.behind = true;
        self.look_back(None);
    }

    fn ready(&mut self, ready: &ReadyEvent) {
        let ready = &ready.ready;
        let me = Me {
            id: ready.user.id.get(),
            name: ready.user.name.clone(),
            application: ready.application.id.get(),
        };
        tracing::info!(instance = %self.bot.instance, bot = me.name, guilds = ready.guilds.len(), "Discord knows the bot");
        let guilds: Vec<Id> = ready.guilds.iter().map(|guild| guild.id.get()).collect();
        let served = guilds.iter().filter(|guild| self.bot.threshold.gate.serves(**guild));
        let served = served.map(ToString::to_string).collect();
        let direct = self.bot.threshold.gate.serves_direct();
        self.bot.native.connected(&me.application.to_string(), served, direct);
        self.bot.threshold.places.begin(me, &guilds);
        for event in self.early.take(self.bot.moment()) {
            if !self.is_unasked(&event) {
                self.event(event);
            }
        }
        self.bot.set_trouble(None);
        self.holds = true;
        self.behind = true;
        self.look_back(Some(DESCRIPTIONS));
    }

    fn event(&mut self, event: Event) {
        match &event {
            Event::ThreadCreate(event) => self.bot.starters.opened(&event.thread.id.to_string()),
            Event::ThreadDelete(event) => self.bot.starters.gone(&event.thread.id.to_string()),
            Event::GuildCreate(event) if self.bot.threshold.gate.serves(event.guild.id.get()) => {
                self.bot.native.joined(&event.guild.id.to_string());
            }
            Event::GuildDelete(event) if !event.guild.unavailable => {
                self.put(Work::Left { guild: event.guild.id.get() });
            }
            _ => {}
        }
        if self.bot.threshold.places.learn(&event) {
            return;
        }
        match event {
            Event::MessageCreate(event) => self.said(event.message),
            Event::MessageUpdate(event) => self.put(Work::Edited(Box::new(event))),
            Event::MessageDelete(event) => self.deleted(event.channel_id.get(), event.message_id.get()),
            Event::MessageDeleteBulk(event) => {
                event.ids.iter().for_each(|id| self.deleted(event.channel_id.get(), id.get()));
            }
            Event::InteractionCreate(event) => self.interaction(event.interaction),
            Event::Resumed(_) => self.bot.set_trouble(None),
            Event::Unknown(event) => self.unknown(event),
            _ => {}
        }
    }

    /// Reads an event with something in it that the library does not know, as far as it concerns us.
    fn unknown(&mut self, event: UnknownEvent) {
        match event.kind.as_str() {
            "MESSAGE_CREATE" => match lean(&event.value) {
                Some(message) => self.said(message),
                None => {
                    tracing::warn!(instance = %self.bot.instance, "nobody can read a message; it is asked for again");
                    self.missed_something();
                }
            },
            "MESSAGE_UPDATE" | "MESSAGE_DELETE" | "MESSAGE_DELETE_BULK" | "INTERACTION_CREATE" => {
                tracing::warn!(instance = %self.bot.instance, kind = event.kind, "nobody can read an event");
            }
            _ => {}
        }
    }

    fn said(&mut self, message: Message) {
        let (id, channel) = (message.id.get(), message.channel_id.get());
        let own = self.bot.threshold.places.me().is_some_and(|me| me.id == message.author.id.get());
        if own {
            // Where the bot has spoken it takes part.
            self.bot.threshold.places.joined(channel);
        }
        if !own && self.waiting.len() < MOST_WAITING && self.is_new(id) {
            self.waiting.push_back(Work::Said(Box::new(message)));
        } else if self.waiting.len() >= MOST_WAITING {
            self.missed_something();
        }
    }

    /// Returns whether a message has not come before, to this transport or the one in whose place it is.
    fn is_new(&mut self, message: Id) -> bool {
        self.recent.insert(message) && !self.bot.has_decided(message)
    }

    fn deleted(&mut self, channel: Id, message: Id) {
        self.put(Work::Deleted { channel, message });
    }

    fn put(&mut self, work: Work) {
        if self.waiting.len() < MOST_WAITING {
            self.waiting.push_back(work);
        }
    }

    fn interaction(&self, interaction: Interaction) {
        let places = &self.bot.threshold.places;
        match sender_of(&interaction) {
            Some(Caller::Member { guild, person, roles }) => places.saw_member(guild, person, roles),
            Some(Caller::Direct { channel, person }) => places.saw_direct(channel, person),
            None => {}
        }
        self.bot.native.hear(interaction, self.inbox, self.stop);
    }

    // ── beside it ──

    /// Goes on with what takes time, a step; ends when one is done, and can be dropped at any time.
    ///
    /// # Errors
    /// [`TransportError::Broken`] when the house will not have what comes.
    pub(crate) async fn work(&mut self) -> Result<(), TransportError> {
        if self.accepting.is_none() && !self.holds && !self.waiting.is_empty() {
            let batch = self.waiting.drain(..self.waiting.len().min(BATCH)).collect();
            let bearer = Bearer { bot: self.bot, inbox: self.inbox, stop: self.stop };
            self.accepting = Some(Box::pin(bearer.bear(batch, self.borne, self.hole.is_some())));
        }
        tokio::select! {
            accepted = step(&mut self.accepting) => {
                self.accepting = None;
                match accepted? {
                    Some(Taken { borne, strays }) => {
                        self.borne = borne;
                        self.strayed(&strays);
                    }
                    // The cursor stays before what was not taken.
                    None => self.hole = self.hole.or(Some(self.borne.reached)),
                }
            }
            caught = step(&mut self.catching) => {
                self.catching = None;
                self.caught(caught);
            }
        }
        Ok(())
    }

    /// Keeps messages that could not be read for later: they are fetched with whatever else is missing.
    fn strayed(&mut self, strays: &[Stray]) {
        for stray in strays {
            self.recent.forget(&stray.message);
            if self.strays.len() < MOST_STRAYS {
                self.strays.insert((stray.guild, stray.channel));
            }
            let before = stray.message.saturating_sub(1);
            self.lost = Some(self.lost.map_or(before, |lost| lost.min(before)));
        }
        if let Some(lost) = self.lost.filter(|_| !strays.is_empty()) {
            self.hole = Some(self.hole.map_or(lost, |hole| hole.min(lost)));
            self.missed_something();
        }
    }

    /// Lets what has come be accepted, when receiving ends.
    pub(crate) async fn finish(&mut self) {
        // What is still being asked for is asked for at the next start: the cursor stays before it.
        self.catching = None;
        self.holds = false;
        let bot = self.bot;
        let last = async {
            while self.accepting.is_some() || !self.waiting.is_empty() {
                if let Err(error) = self.work().await {
                    tracing::warn!(%error, "what came last is asked for at the next start");
                    return;
                }
            }
        };
        tokio::select! {
            () = last => {}
            () = bot.sleep(FAREWELL) => {}
        }
        tokio::select! {
            () = self.keep_decided() => {}
            () = bot.sleep(FAREWELL) => {}
        }
    }

    /// Writes down what was decided about: by other settings the next start might decide otherwise about what was for
    /// nobody, and it reads the last seconds again.
    async fn keep_decided(&mut self) {
        let Borne { reached, written } = self.borne;
        if self.hole.is_some() || self.accepting.is_some() || !self.waiting.is_empty() {
            return;
        }
        let decided = self.bot.decided_since(reached.saturating_sub(span(MARGIN)));
        let skipped = decided.len().saturating_sub(MOST_DECIDED);
        let decided: Vec<String> = decided.iter().skip(skipped).map(Id::to_string).collect();
        let kept = async {
            self.inbox.remember(DECIDED, Some(&decided.join(" "))).await?;
            if reached > written { self.inbox.set_cursor(&reached.to_string()).await } else { Ok(()) }
        };
        if let Err(error) = kept.await {
            tracing::warn!(instance = %self.bot.instance, %error, "the last messages will be read twice");
        }
    }

    /// Asks what was missed, unless it is being asked already.
    fn look_back(&mut self, descriptions: Option<Duration>) {
        if self.catching.is_some() || !self.behind {
            return;
        }
        self.behind = false;
        let oldest = id_at(self.bot.now()).saturating_sub(span(LONGEST_BACKLOG));
        let from = self.hole.unwrap_or_else(|| self.borne.reached.saturating_sub(span(MARGIN)));
        let from = from.max(oldest);
        (self.hole, self.lost) = (Some(from), None);
        let (bot, stop, strays) = (self.bot, self.stop, self.strays.clone());
        self.catching = Some(Box::pin(async move {
            match descriptions {
                Some(patience) => described(bot, patience).await,
                None => bot.sleep(LOOK).await,
            }
            catch_up::fetch(bot, from, descriptions.is_none(), &strays, stop).await
        }));
    }

    /// Puts what was missed before what is said now.
    fn caught(&mut self, caught: Caught) {
        let mut missed = Vec::new();
        let me = self.bot.threshold.places.me().map(|me| me.id);
        for message in caught.messages {
            if me != Some(message.author.id.get()) && self.is_new(message.id.get()) {
                missed.push(Work::Said(Box::new(message)));
            }
        }
        if !missed.is_empty() {
            tracing::info!(instance = %self.bot.instance, messages = missed.len(), "messages were read that were missed");
        }
        for work in missed.into_iter().rev() {
            self.waiting.push_front(work);
        }
        self.holds = false;
        if caught.complete {
            // What was lost meanwhile may not be in it.
            self.hole = self.lost;
            if self.lost.is_none() {
                self.strays.clear();
            }
            self.look_back(None);
            return;
        }
        let (bot, stop, from) = (self.bot, self.stop, self.hole.unwrap_or(self.borne.reached));
        let strays = self.strays.clone();
        (self.behind, self.lost) = (false, None);
        self.catching = Some(Box::pin(async move {
            bot.sleep(AGAIN).await;
            catch_up::fetch(bot, from, true, &strays, stop).await
        }));
    }
}

/// Who did something with what only the bot shows.
enum Caller {
    Member { guild: Id, person: Id, roles: Vec<Id> },
    Direct { channel: Id, person: Id },
}

/// Reads who that was; an interaction tells what they may.
fn sender_of(interaction: &Interaction) -> Option<Caller> {
    let (member, person, channel) = match interaction {
        Interaction::Command(it) | Interaction::Autocomplete(it) => {
            (it.member.as_deref(), it.user.id, it.channel_id)
        }
        Interaction::Component(it) => (it.member.as_ref(), it.user.id, it.channel_id),
        Interaction::Modal(it) => (it.member.as_ref(), it.user.id, it.channel_id),
        _ => return None,
    };
    let person = person.get();
    Some(match member {
        Some(member) => Caller::Member {
            guild: member.guild_id.get(),
            person,
            roles: member.roles.iter().map(|role| role.get()).collect(),
        },
        None => Caller::Direct { channel: channel.get(), person },
    })
}

/// Waits until every server has described itself, as long as that does not take too long.
async fn described(bot: &Discord, patience: Duration) {
    let until = bot.moment() + patience;
    while !bot.threshold.places.is_complete() && bot.moment() < until {
        bot.sleep(LOOK).await;
    }
}

/// Returns how far apart the ids of two things are that came to be so long after each other.
fn span(time: Duration) -> Id {
    Id::try_from(time.as_millis()).unwrap_or(Id::MAX >> 22) << 22
}

/// Goes on with a task where there is one.
async fn step<T>(task: &mut Option<Task<'_, T>>) -> T {
    match task {
        Some(task) => task.await,
        None => std::future::pending().await,
    }
}

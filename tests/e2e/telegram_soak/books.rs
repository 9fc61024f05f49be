//! The books: every message that was said, what stands in its chat because of it, and what must fit at the end.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use serde_json::Value;
use takopi_fake::telegram::{Call, Fault, Log, Said, Say, Shown, TelegramServer, now};

use crate::gate::Gate;

/// After so long a person whose run goes on for ever says `/cancel` below the question.
const BORED_AFTER: Duration = Duration::from_secs(5);

/// How long before a kill a call may have ended whose outcome was not yet written down.
const UNWRITTEN: Duration = Duration::from_secs(1);

/// How a message's run comes to its end.
pub(super) enum Way {
    Plain,
    /// When its gate is opened.
    Gated(Gate),
    /// When it is cancelled.
    Endless,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    Answered,
    Cancelled,
    Interrupted,
}

/// A message that a person said.
pub(super) struct Asked {
    id: String,
    chat: i64,
    user: i64,
    said: Said,
    way: Way,
    /// When it was last asked to stop.
    pressed: Option<Duration>,
    /// What became of it, and since when that was to be seen.
    fate: Option<(Fate, Duration)>,
    /// The message that says so.
    tells: i64,
}

impl Asked {
    pub(super) fn new(id: String, chat: i64, user: i64, said: Said, way: Way) -> Self {
        Self { id, chat, user, said, way, pressed: None, fate: None, tells: 0 }
    }

    /// Returns what `shown` says became of it; `None` for anything else.
    fn fate_in(&self, shown: &Shown) -> Option<Fate> {
        if !shown.by_bot || shown.reply_to != Some(self.said.message) || is_progress(shown) {
            return None;
        }
        if shown.text.contains(&format!("ok: {} (turn", self.id)) {
            return Some(Fate::Answered);
        }
        if shown.text.starts_with("interrupted") {
            return Some(Fate::Interrupted);
        }
        shown.text.starts_with("cancelled").then_some(Fate::Cancelled)
    }
}

fn is_progress(shown: &Shown) -> bool {
    let begins = |word: &&str| shown.text.starts_with(*word);
    shown.labels().contains(&"cancel") || ["working", "starting", "queued"].iter().any(begins)
}

/// Every message, and every kill.
#[derive(Default)]
pub(super) struct Books {
    asked: Vec<Asked>,
    /// The times right before and after each.
    kills: Vec<(Duration, Duration)>,
}

impl Books {
    pub(super) fn len(&self) -> usize {
        self.asked.len()
    }

    pub(super) fn enter(&mut self, asked: Asked) {
        self.asked.push(asked);
    }

    pub(super) fn killed(&mut self, before: Duration, after: Duration) {
        self.kills.push((before, after));
    }

    pub(super) fn open(&self) -> usize {
        self.asked.iter().filter(|asked| asked.fate.is_none()).count()
    }

    /// Returns the open messages by name, each with its chat.
    pub(super) fn tell_open(&self) -> String {
        let open = self.asked.iter().filter(|asked| asked.fate.is_none());
        open.map(|asked| format!("{} in {}", asked.id, asked.chat)).collect::<Vec<_>>().join(", ")
    }

    pub(super) fn open_in(&self, chat: i64) -> usize {
        self.asked.iter().filter(|asked| asked.chat == chat && asked.fate.is_none()).count()
    }

    /// Returns the answers that stand in a chat.
    pub(super) fn finals(&self, chat: i64) -> Vec<i64> {
        let answered = |asked: &&Asked| asked.fate.is_some_and(|(fate, _)| fate == Fate::Answered);
        self.asked
            .iter()
            .filter(|asked| asked.chat == chat)
            .filter(answered)
            .map(|asked| asked.tells)
            .collect()
    }

    /// Returns the updates by which the messages came.
    pub(super) fn updates(&self) -> Vec<i64> {
        self.asked.iter().map(|asked| asked.said.update).collect()
    }

    /// Lets through who stands at a gate.
    pub(super) fn let_through(&self) {
        for asked in self.asked.iter().filter(|asked| asked.fate.is_none()) {
            if let Way::Gated(gate) = &asked.way {
                gate.is_reached();
            }
        }
    }

    /// Takes down what became of the open messages of a chat, and stops what would go on for ever.
    pub(super) fn read(&mut self, server: &TelegramServer, chat: i64, shown: &[Shown]) {
        self.let_through();
        for asked in self.asked.iter_mut().filter(|asked| asked.chat == chat && asked.fate.is_none()) {
            let told = shown.iter().find_map(|shown| Some((asked.fate_in(shown)?, shown.id)));
            if let Some((fate, message)) = told {
                (asked.fate, asked.tells) = (Some((fate, now())), message);
            } else if matches!(asked.way, Way::Endless) {
                asked.stop(server, shown);
            }
        }
    }

    /// Returns the progress messages that still stand and are nobody's fault but the daemon's.
    pub(super) fn unexplained(&self, server: &TelegramServer) -> Vec<String> {
        let log = server.log();
        self.standing(server, is_progress)
            .into_iter()
            .filter(|(place, count)| *count > self.ambiguous(&log, &self.asked[*place]))
            .map(|(place, count)| format!("{count} of {}", self.asked[place].id))
            .collect()
    }

    /// Counts the bot's messages below each message that look like this.
    fn standing(&self, server: &TelegramServer, like: impl Fn(&Shown) -> bool) -> BTreeMap<usize, usize> {
        let places: BTreeMap<(i64, i64), usize> = (self.asked.iter().enumerate())
            .map(|(place, asked)| ((asked.chat, asked.said.message), place))
            .collect();
        let chats: BTreeSet<i64> = self.asked.iter().map(|asked| asked.chat).collect();
        let mut counts = BTreeMap::new();
        for chat in chats {
            for shown in server.shown(chat).iter().filter(|shown| shown.by_bot && like(shown)) {
                let place = shown.reply_to.and_then(|message| places.get(&(chat, message)));
                *counts
                    .entry(*place.unwrap_or_else(|| panic!("a reply to nobody: {shown:?}")))
                    .or_default() += 1;
            }
        }
        counts
    }

    /// Counts the sends below a message that took effect, or may have, without the daemon's knowing it.
    fn ambiguous(&self, log: &Log, asked: &Asked) -> usize {
        let below = |call: &&Call| {
            call.chat == Some(asked.chat)
                && call.params["reply_parameters"]["message_id"] == asked.said.message
        };
        log.of("sendMessage").filter(below).filter(|call| self.is_ambiguous(call)).count()
    }

    /// Tells every call that was about a message.
    fn tell_calls(&self, log: &Log, asked: &Asked) -> String {
        let about = |call: &&Call| {
            call.params["reply_parameters"]["message_id"] == asked.said.message
                || call.text().contains(&format!("ok: {} (turn", asked.id))
                || call.params["message_id"] == asked.tells
        };
        let calls = log.calls.iter().filter(|call| call.chat == Some(asked.chat)).filter(about);
        calls.map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }

    fn is_ambiguous(&self, call: &Call) -> bool {
        // Those that are broken off before anything has happened leave nothing behind.
        let void = match call.fault {
            Some(Fault::ResetBefore | Fault::Garbage) => true,
            Some(Fault::HangBefore) => call.status.is_none(),
            _ => false,
        };
        let ended = call.ended.unwrap_or(Duration::MAX);
        let killed = self
            .kills
            .iter()
            .any(|(before, after)| call.at <= *after && ended.saturating_add(UNWRITTEN) >= *before);
        !void && (call.status.is_none() || (call.succeeded() && killed))
    }

    /// Checks that everything fits, and tells what there was.
    pub(super) fn balance(&self, server: &TelegramServer, starts: &[Value], results: &[Value]) -> Balance {
        let log = server.log();
        let begun = by_message(starts);
        let mut balance =
            Balance { messages: self.asked.len(), kills: self.kills.len(), ..Balance::default() };
        for asked in &self.asked {
            let runs = begun.get(&asked.id).map_or(&[][..], Vec::as_slice);
            self.check(asked, runs, results, &mut balance);
        }
        for (id, runs) in &begun {
            let asked = self.asked.iter().any(|asked| asked.id == *id);
            let mute = id.is_empty() && runs.iter().all(|run| self.is_mute(run));
            assert!(asked || mute, "{id:?} ran without being asked");
        }
        let is_told = |shown: &Shown| self.asked.iter().any(|asked| asked.fate_in(shown).is_some());
        for (place, count) in self.standing(server, is_told) {
            let asked = &self.asked[place];
            let ambiguous = self.ambiguous(&log, asked);
            assert!(
                count - 1 <= ambiguous,
                "{} stands {count} times, with {ambiguous} ambiguous sends:\n{}\nkills: {:?}",
                asked.id,
                self.tell_calls(&log, asked),
                self.kills,
            );
            balance.copies += count - 1;
        }
        assert_eq!(self.unexplained(server), [""; 0], "progress messages that are left");
        balance.orphans = self.standing(server, is_progress).values().sum();
        balance.ambiguous = self.asked.iter().map(|asked| self.ambiguous(&log, asked)).sum();
        let too_fast = |call: &&Call| call.status == Some(429) && call.fault.is_none();
        balance.limited = log.calls.iter().filter(too_fast).count();
        balance.calls = log.calls.len();
        balance
    }

    /// Tells whether the daemon died before it had told an agent what to do.
    fn is_mute(&self, run: &Run) -> bool {
        self.kills.iter().any(|(before, after)| *before <= run.at && run.at <= *after + UNWRITTEN)
    }

    fn check(&self, asked: &Asked, begun: &[Run], results: &[Value], balance: &mut Balance) {
        let id = &asked.id;
        assert!(begun.len() <= 1, "{id} ran {} times", begun.len());
        let (fate, at) = asked.fate.unwrap_or_else(|| panic!("nothing was told of {id}"));
        *balance.fates.entry(fate).or_default() += 1;
        match fate {
            Fate::Answered => assert_eq!(begun.len(), 1, "{id} is answered and never ran"),
            Fate::Cancelled => assert!(matches!(asked.way, Way::Endless), "{id} was cancelled by nobody"),
            Fate::Interrupted => {
                let run = begun.first();
                let since = run.map_or(asked.said.at, |run| run.at);
                let until =
                    run.and_then(|run| run.result(results)).map_or(at, |done| at.min(done + UNWRITTEN));
                let hit = self.kills.iter().any(|(before, after)| since <= *after && *before <= until);
                assert!(hit, "{id} is told as interrupted and ran at no kill: {since:?} to {until:?}");
            }
        }
    }
}

impl Asked {
    /// Presses the button that stops it; where that hasn't come, or hasn't helped, says it in words.
    fn stop(&mut self, server: &TelegramServer, shown: &[Shown]) {
        let button = shown.iter().find(|shown| {
            shown.by_bot && shown.reply_to == Some(self.said.message) && shown.labels().contains(&"cancel")
        });
        match (button, self.pressed) {
            (Some(progress), None) => {
                server.press(self.chat, progress.id, self.user, "cancel");
                self.pressed = Some(now());
            }
            (_, last) if now() - last.unwrap_or(self.said.at) > BORED_AFTER => {
                server.send(Say::new(self.chat, self.user, "/cancel").reply_to(self.said.message));
                self.pressed = Some(now());
            }
            _ => {}
        }
    }
}

/// A start of the agent.
struct Run {
    pid: u64,
    at: Duration,
}

impl Run {
    fn of(line: &Value) -> Self {
        Self { pid: line["pid"].as_u64().unwrap(), at: Duration::from_secs_f64(line["at"].as_f64().unwrap()) }
    }

    /// Returns when it gave its answer, if it has.
    fn result(&self, results: &[Value]) -> Option<Duration> {
        let results = results.iter().map(Self::of);
        results.filter(|result| result.pid == self.pid && result.at >= self.at).map(|result| result.at).next()
    }
}

/// Returns the starts of the agent by the message that they are about.
fn by_message(starts: &[Value]) -> BTreeMap<String, Vec<Run>> {
    let mut found: BTreeMap<String, Vec<Run>> = BTreeMap::new();
    for start in starts {
        let id = start["prompt"].as_str().unwrap().split_whitespace().next().unwrap_or_default();
        found.entry(id.to_owned()).or_default().push(Run::of(start));
    }
    found
}

/// What there was.
#[derive(Default)]
pub(super) struct Balance {
    messages: usize,
    fates: BTreeMap<Fate, usize>,
    kills: usize,
    calls: usize,
    /// Messages about an end beyond the first.
    copies: usize,
    /// Progress messages whose sending nobody confirmed.
    orphans: usize,
    ambiguous: usize,
    /// Calls that came too fast for Telegram's limits.
    limited: usize,
}

impl fmt::Display for Balance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { messages, fates, kills, calls, copies, orphans, ambiguous, limited } = self;
        write!(
            f,
            "{messages} messages: {fates:?}; {kills} kills, {calls} calls, {ambiguous} ambiguous sends, \
             {copies} extra copies, {orphans} progress messages nobody knows of, {limited} times too fast"
        )
    }
}

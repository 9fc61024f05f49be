//! `kill -9` while people write on Discord: every message has run exactly once or is told as interrupted, and its
//! answer stands once, or once more for each send whose outcome the dead daemon can't have known.
//!
//! People write into several threads and open new ones, and write on while nobody is there. The moments of death are
//! chosen by what the daemon has called, so that they come anywhere on the way of a message; `TAKOPI_TEST_SEED`
//! repeats one row of them.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde_json::json;
use takopi_fake::discord::{DiscordServer, Gate, Log, Shown};

use crate::discord::home;
use crate::discord_outages::is_answer;
use crate::house::{Daemon, Home};
use crate::random::Random;
use crate::wait::wait_for;

/// Kills unless `TAKOPI_KILL_ROUNDS` says otherwise.
const ROUNDS: u64 = 6;

/// Messages of one round.
const MESSAGES: u64 = 6;

/// The most calls of a daemon before it is killed.
const MOST_CALLS: u64 = 40;

/// Channels; Discord lets ten threads be opened in one in half a minute.
const CHANNELS: u64 = 6;

/// How long before a kill a call may have ended whose outcome was not yet written down.
const UNWRITTEN: Duration = Duration::from_secs(1);

/// Something that was said.
struct Asked {
    thread: u64,
    message: u64,
    id: String,
}

impl Asked {
    /// Tells whether a message says what became of this: its answer, or that it was interrupted.
    fn is_told_by(&self, shown: &Shown) -> bool {
        // The first message of a thread stands outside of it and can't be answered from inside.
        let below = (self.message != self.thread).then_some(self.message);
        let interrupted = shown.text.contains("interrupted") && shown.reply_to == below;
        let stands = shown.by_bot && shown.deleted.is_none();
        is_answer(shown, &format!("it was {}.", self.id)) || (stands && interrupted)
    }
}

/// What people said.
#[derive(Default)]
struct Books {
    asked: Vec<Asked>,
    threads: Vec<u64>,
    /// The times right before and after each kill, by the fake's clock.
    kills: Vec<Duration>,
}

impl Books {
    /// Says the next thing: in a thread that is there, or in a channel, which opens one.
    fn say(&mut self, server: &DiscordServer, channels: &[u64], random: &mut Random) {
        let alice = server.person("alice");
        let id = format!("m{}", self.asked.len());
        let command = format!("echo {id} >> ran; echo it was {id}.");
        let there: Vec<u64> =
            server.threads().iter().map(|thread| thread.id).filter(|id| self.threads.contains(id)).collect();
        let (thread, message) = match random.below(3) {
            0 | 1 if !there.is_empty() => {
                let thread = there[usize::try_from(random.below(there.len() as u64)).unwrap()];
                (thread, alice.says(thread, &command))
            }
            _ => {
                let channel = channels[usize::try_from(random.below(channels.len() as u64)).unwrap()];
                let thread = alice.says(channel, &format!("@takopi {command}"));
                self.threads.push(thread);
                (thread, thread)
            }
        };
        self.asked.push(Asked { thread, message, id });
    }

    /// Returns what stands in the threads about each message: it was answered, or interrupted.
    fn told(&self, server: &DiscordServer) -> BTreeMap<String, usize> {
        let open: Vec<u64> = server.threads().iter().map(|thread| thread.id).collect();
        let mut told = BTreeMap::new();
        for thread in self.threads.iter().filter(|thread| open.contains(thread)) {
            let shown = server.shown(*thread);
            for asked in self.asked.iter().filter(|asked| asked.thread == *thread) {
                let about = shown.iter().filter(|one| asked.is_told_by(one)).count();
                told.insert(asked.id.clone(), about);
            }
        }
        told
    }

    /// Counts sends whose outcome a daemon that was killed can't have known.
    fn ambiguous(&self, log: &Log) -> usize {
        let sends = log.of("POST /channels/:id/messages");
        let at_death = |at: Duration, ended: Duration| {
            self.kills.iter().any(|kill| at <= *kill && ended.saturating_add(UNWRITTEN) >= *kill)
        };
        sends.filter(|call| at_death(call.at, call.ended.unwrap_or(Duration::MAX))).count()
    }
}

/// The messages of which nothing is told yet, with what stands in their threads.
struct Missing<'a>(&'a Books, &'a DiscordServer);

impl fmt::Display for Missing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(books, server) = self;
        let told = books.told(server);
        let is_open = |asked: &&Asked| told.get(&asked.id).is_none_or(|count| *count == 0);
        for Asked { thread, id, .. } in books.asked.iter().filter(is_open) {
            writeln!(f, "the end of {id} in {thread}, where there stands:")?;
            if server.threads().iter().any(|one| one.id == *thread) {
                for shown in server.shown(*thread) {
                    writeln!(f, "  {} to {:?}: {:?}", shown.author, shown.reply_to, shown.text)?;
                }
            }
        }
        Ok(())
    }
}

/// Returns the latest time that the server knows of.
fn latest(log: &Log) -> Duration {
    let calls = log.calls.iter().map(|call| call.ended.unwrap_or(call.at));
    calls.chain(log.gateway.iter().map(|(at, _)| *at)).max().unwrap_or_default()
}

#[test]
fn kill_of_a_daemon_on_discord_loses_nothing_and_doubles_nothing() {
    let rounds = std::env::var("TAKOPI_KILL_ROUNDS").map_or(ROUNDS, |rounds| rounds.parse().unwrap());
    let mut random = Random::seeded();
    let server = crate::discord::server();
    let channels: Vec<u64> =
        (0..CHANNELS).map(|number| server.add_channel(&format!("room{number}"))).collect();
    let home = home(&server, "");
    let mut books = Books::default();
    // The first start is where messages begin to count.
    let daemon = Daemon::start(&home);
    server.wait_ready();
    daemon.stop();
    for _ in 0..rounds {
        let daemon = Daemon::start(&home);
        let enough = server.calls().len() as u64 + random.below(MOST_CALLS);
        for _ in 0..MESSAGES {
            books.say(&server, &channels, &mut random);
        }
        wait_for("the moment of death", || {
            (server.calls().len() as u64 >= enough || idle(&home)).then_some(())
        });
        daemon.kill();
        let gone = server.wait_for("the end of its connection", |log| {
            let opened = log.count(|gate| *gate == Gate::Opened);
            let over = log.count(|gate| matches!(gate, Gate::Lost | Gate::Left(_) | Gate::Closed(_)));
            (over >= opened).then(|| latest(log))
        });
        books.kills.push(gone);
        // And one that comes while nobody is there.
        books.say(&server, &channels, &mut random);
    }
    let daemon = Daemon::start(&home);
    wait_for(Missing(&books, &server), || {
        let told = books.told(&server);
        books.asked.iter().all(|asked| told.get(&asked.id).is_some_and(|count| *count > 0)).then_some(())
    });
    wait_for("nothing to be at work", || idle(&home).then_some(()));
    let ran = home.lines("ran");
    let told = books.told(&server);
    let ambiguous = books.ambiguous(&server.log());
    let copies: usize = told.values().map(|count| count - 1).sum();
    assert!(copies <= ambiguous, "{copies} copies for {ambiguous} sends of unknown outcome: {told:?}");
    for Asked { thread, id, .. } in &books.asked {
        let times = ran.iter().filter(|one| *one == id).count();
        let answered = server.shown(*thread).iter().any(|one| is_answer(one, &format!("it was {id}.")));
        assert!(times <= 1 && (times == 1 || !answered), "{id} ran {times} times; answered: {answered}");
    }
    for thread in &books.threads {
        let in_order: Vec<&String> =
            books.asked.iter().filter(|asked| asked.thread == *thread).map(|asked| &asked.id).collect();
        let ran: Vec<&String> = ran.iter().filter(|id| in_order.contains(id)).collect();
        assert!(ran.is_sorted_by_key(|id| in_order.iter().position(|one| one == id)), "{ran:?}");
    }
    eprintln!(
        "{} messages, {rounds} kills, {ambiguous} sends of unknown outcome, {copies} copies",
        books.asked.len()
    );
    daemon.stop();
}

fn idle(home: &Home) -> bool {
    home.status()["runs"] == json!([])
}

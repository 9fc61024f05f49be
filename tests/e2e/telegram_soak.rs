//! A busy time with Telegram in bad weather: refusals, broken and hanging connections, updates that come twice or that
//! nobody can read, and `kill -9` in between. What must hold at the end is in `telegram_soak/books.rs`: every message
//! ran exactly once or is told as interrupted, every final stands, and no progress message is left.
//!
//! People write as the answers come: nothing here waits for time. What the service does to the daemon is in
//! `telegram_soak/weather.rs`. Both come from one seed. The long one: `TAKOPI_SOAK_MINUTES=30`.

use std::time::Duration;

use serde_json::json;
use takopi_fake::telegram::{Say, TOKEN, TelegramServer, now};

use crate::agents::Agents;
use crate::house::Daemon;
use crate::random::Random;
use crate::telegram::{ADA, server};
use crate::wait::wait_for;

#[path = "telegram_soak/books.rs"]
mod books;
#[path = "telegram_soak/weather.rs"]
mod weather;

use books::{Asked, Books, Way};
use weather::Weather;

/// Kills, and messages from one to the next, unless `TAKOPI_SOAK_MINUTES` says how long it takes.
const KILLS: u32 = 3;
const MESSAGES: usize = 14;

/// Kills of the long one.
const KILLS_OF_LONG: u32 = 10;

/// Private chats besides the main one, and groups, which take far fewer messages a minute.
const PEOPLE: [i64; 5] = [21, 22, 23, 24, 25];
const GROUPS: [i64; 2] = [-1001, -1002];

/// Messages of a chat that may be open at a time.
const OPEN: usize = 3;

#[test]
fn telegram_soak_every_message_runs_once_and_every_final_stands_whatever_the_weather() {
    let minutes = std::env::var("TAKOPI_SOAK_MINUTES").ok().map(|minutes| minutes.parse::<f64>().unwrap());
    let kills = if minutes.is_some() { KILLS_OF_LONG } else { KILLS };
    let span = minutes.map(|minutes| Duration::from_secs_f64(minutes * 60.0 / f64::from(kills + 1)));
    let server = server().patient_for(Duration::from_secs(120));
    let agents = town(&server);
    server.limit(true);
    let mut soak = Soak {
        server: &server,
        agents: &agents,
        random: Random::seeded(),
        books: Books::default(),
        weather: Weather::new(span.is_some()),
        memory: Vec::new(),
    };
    for segment in 0..=kills {
        let daemon = Daemon::start(&agents.home);
        let (begun, said) = (now(), soak.books.len());
        let enough = |books: &Books| match span {
            Some(span) => now() - begun >= span,
            None => books.len() - said >= MESSAGES,
        };
        while !enough(&soak.books) {
            soak.step();
        }
        soak.memory.push(resident(daemon.pid()));
        if segment < kills {
            let before = now();
            daemon.kill();
            soak.books.killed(before, now());
        } else {
            soak.rest();
            soak.memory.push(resident(daemon.pid()));
            daemon.stop();
        }
    }
    let told = soak.books.balance(&server, &agents.log("start"), &agents.log("result"));
    eprintln!("{told}\n{}\nresident at the end of each time, in KiB: {:?}", soak.weather, soak.memory);
}

/// Returns a home whose bot serves all the chats there are.
fn town(server: &TelegramServer) -> Agents {
    PEOPLE.iter().for_each(|person| server.private(*person));
    GROUPS.iter().for_each(|group| server.supergroup(*group, "team"));
    let projects: String = PEOPLE
        .iter()
        .chain(&GROUPS)
        .map(|chat| format!("[projects.of{}]\npath = '.'\nchat_id = {chat}\n", chat.unsigned_abs()))
        .collect();
    Agents::with(
        &["claude"],
        &format!(
            "transport = ['telegram', 'local']\ndefault_engine = 'claude'\n{projects}\
             [transports.telegram]\nbot_token = '{TOKEN}'\nchat_id = {ADA}\napi_url = '{}'\n\
             allowed_user_ids = [{ADA}, 21, 22, 23, 24, 25]\n",
            server.url()
        ),
    )
}

/// Returns the resident memory of a process in KiB.
fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

struct Soak<'a> {
    server: &'a TelegramServer,
    agents: &'a Agents,
    random: Random,
    books: Books,
    weather: Weather,
    memory: Vec<u64>,
}

impl Soak<'_> {
    /// Lets one thing happen, or waits for news when everybody waits for answers.
    fn step(&mut self) {
        self.look();
        self.weather.change(self.server, &mut self.random);
        let Some(chat) = self.any_chat() else { return self.await_news() };
        let asked = match self.random.below(20) {
            0 => {
                self.server.mumble(chat);
                return;
            }
            1 | 2 => return self.say_again(),
            3..6 => self.reply(chat),
            6 => self.ask(chat, Way::Endless, "[[child]]", None),
            7..11 => self.ask_at_gate(chat),
            11..13 => self.ask(chat, Way::Plain, "[[tools n=3]]", None),
            _ => self.ask(chat, Way::Plain, "", None),
        };
        self.books.enter(asked);
    }

    /// Returns a chat where somebody may write; groups come up seldom, as they take twenty messages a minute.
    fn any_chat(&mut self) -> Option<i64> {
        let mut chats = [ADA].into_iter().chain(PEOPLE).collect::<Vec<_>>();
        if self.random.below(8) == 0 {
            chats.extend(GROUPS);
        }
        chats.retain(|chat| self.books.open_in(*chat) < OPEN);
        (!chats.is_empty()).then(|| self.pick(&chats))
    }

    fn pick<T: Copy>(&mut self, among: &[T]) -> T {
        let place = self.random.below(among.len() as u64);
        among[usize::try_from(place).unwrap()]
    }

    fn ask(&self, chat: i64, way: Way, directives: &str, reply_to: Option<i64>) -> Asked {
        let id = format!("m{}", self.books.len());
        let user = if chat < 0 { ADA } else { chat };
        let say = Say::new(chat, user, format!("{id} {directives}").trim());
        let said = self.server.send(match reply_to {
            Some(message) => say.reply_to(message),
            None => say,
        });
        Asked::new(id, chat, user, said, way)
    }

    /// Asks for something that goes on until it is let through a gate.
    fn ask_at_gate(&self, chat: i64) -> Asked {
        let name = format!("g{}", self.books.len());
        let gate = self.agents.gate(&name);
        self.ask(chat, Way::Gated(gate), &format!("[[note on my way]] [[wait {name}]]"), None)
    }

    /// Goes on with a conversation that has an answer already.
    fn reply(&mut self, chat: i64) -> Asked {
        let finals = self.books.finals(chat);
        let reply_to = (!finals.is_empty()).then(|| self.pick(&finals));
        self.ask(chat, Way::Plain, "", reply_to)
    }

    /// Sends something that was said before once more, as the same update or as a new one.
    fn say_again(&mut self) {
        let updates = self.books.updates();
        if updates.is_empty() {
            return;
        }
        let update = self.pick(&updates);
        match self.random.below(2) {
            0 => self.server.redeliver(update),
            _ => drop(self.server.repeat(update)),
        }
    }

    /// Takes down what has come, and does what people do then: open gates, press buttons.
    fn look(&mut self) {
        self.weather.pass(self.server);
        for chat in [ADA].into_iter().chain(PEOPLE).chain(GROUPS) {
            if self.books.open_in(chat) > 0 {
                self.books.read(self.server, chat, &self.server.shown(chat));
            }
        }
    }

    /// Waits until the daemon has called once more.
    fn await_news(&mut self) {
        let calls = || self.server.look(|log| log.calls.iter().filter(|call| call.ended.is_some()).count());
        let seen = calls();
        let open = self.books.tell_open();
        wait_for(format!("the next call of the daemon, while these are open: {open}"), || {
            self.weather.pass(self.server);
            self.books.let_through();
            (calls() > seen).then_some(())
        });
    }

    /// Lets everything come to its end in fine weather.
    fn rest(&mut self) {
        self.weather.clear(self.server);
        while self.books.open() > 0 {
            self.look();
            if self.books.open() > 0 {
                self.await_news();
            }
        }
        wait_for("the end of all runs", || (self.agents.home.status()["runs"] == json!([])).then_some(()));
        wait_for("the end of what runs left behind", || self.agents.home.at_work().is_empty().then_some(()));
        wait_for("the last progress messages to go", || {
            self.books.unexplained(self.server).is_empty().then_some(())
        });
    }
}

//! How long people wait in Telegram: from a message, a reply or a press as the server hands it out to the engine that
//! it starts or ends, and from the engine's last line to the answer that is to be seen. And fifty messages at once.
//!
//! The built bot with its default settings, the project's own Telegram and scripted agent; where they are put up
//! is `telegram/town.rs`. `--peer PYTHON` measures the Python takopi beside it, in the same way.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;
use takopi_fake::telegram::{Say, Shown};

use super::table::{Amount, Row, Target};
use super::{Wishes, binary};

mod town;

use town::{Bot, Town, gone};

/// Rounds, each in two chats of its own; the Python bot takes some six seconds for one.
const ROUNDS: usize = 50;
const ROUNDS_OF_PEER: usize = 5;

/// Between two rounds, so that the bot's thirty messages a second are never used up.
const PAUSE: Duration = Duration::from_millis(200);

/// Messages at once.
const AT_ONCE: usize = 50;

pub(super) fn rows(root: &Path, wishes: Wishes<'_>) -> anyhow::Result<Vec<Row>> {
    let program = binary::built(root, "takopi", "release", wishes)?;
    let agent = binary::built(root, "scripted-agent", "release", wishes)?;
    let ours = measure(Bot::Ours { program: &program }, &agent, ROUNDS)?;
    let Some(python) = wishes.peer else { return Ok(ours.rows()) };
    let name = format!("Python takopi {}", version(python)?);
    eprintln!("measuring {name}");
    let peer = measure(Bot::Peer { python }, &agent, ROUNDS_OF_PEER)?;
    Ok(ours.rows().into_iter().zip(peer.rows()).map(|(row, beside)| row.beside(&name, beside)).collect())
}

fn version(python: &Path) -> anyhow::Result<String> {
    let script = "import importlib.metadata as m; print(m.version('takopi'))";
    let output = Command::new(python).args(["-c", script]).output();
    let output = output.with_context(|| format!("failed to run {}", python.display()))?;
    anyhow::ensure!(output.status.success(), "{} has no takopi to import", python.display());
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// What one bot showed.
#[derive(Debug, Default)]
struct Measured {
    started: Vec<Amount>,
    painted: Vec<Amount>,
    visible: Vec<Amount>,
    continued: Vec<Amount>,
    ended: Vec<Amount>,
    one_chat: Option<Burst>,
    many_chats: Option<Burst>,
}

/// How long the last of many messages at once waited.
#[derive(Debug, Clone, Copy)]
struct Burst {
    started: Duration,
    visible: Duration,
}

impl Measured {
    fn rows(self) -> Vec<Row> {
        let all = Target::Reference;
        let second = Target::AtMost(Amount::Millis(1000.0));
        let quick = Target::AtMost(Amount::Millis(5.0));
        let mut rows = vec![
            Row::new("Telegram: update handed out until its engine runs", all, self.started),
            Row::new("Telegram: reply to an answer handed out until its engine runs", all, self.continued),
            Row::new("Telegram: update handed out until its progress message arrives", all, self.painted),
            Row::new("Telegram: engine's last line until the answer is to be seen", quick, self.visible),
            Row::new("Telegram: press of cancel handed out until the engine is gone", all, self.ended),
        ];
        let bursts = [("one chat", self.one_chat), (&*format!("{AT_ONCE} chats"), self.many_chats)];
        for (place, burst) in bursts.into_iter().filter_map(|(place, burst)| Some((place, burst?))) {
            let what = |event: &str| format!("Telegram: {AT_ONCE} messages at once in {place}, last {event}");
            rows.push(Row::new(what("engine runs"), second, vec![burst.started.into()]));
            rows.push(Row::new(what("answer to be seen"), all, vec![burst.visible.into()]));
        }
        rows
    }
}

fn measure(bot: Bot<'_>, agent: &Path, rounds: usize) -> anyhow::Result<Measured> {
    let mut measured = Measured::default();
    let town = Town::open(bot, agent, 2 * rounds)?;
    let chats: Vec<i64> = Town::chats(2 * rounds).collect();
    for pair in chats.chunks_exact(2) {
        if let [first, second] = *pair {
            answered(&town, first, &mut measured).with_context(|| format!("an answer in chat {first}"))?;
            cancelled(&town, second, &mut measured).with_context(|| format!("a cancel in chat {second}"))?;
        }
        std::thread::sleep(PAUSE);
    }
    drop(town);
    let one = || -> anyhow::Result<Burst> {
        burst(&Town::open(bot, agent, 1)?, &Town::chats(1).cycle().take(AT_ONCE).collect::<Vec<_>>())
    };
    let many = || -> anyhow::Result<Burst> {
        burst(&Town::open(bot, agent, AT_ONCE)?, &Town::chats(AT_ONCE).collect::<Vec<_>>())
    };
    let (one, many) = match bot {
        Bot::Ours { .. } => (one()?, many()?),
        // It says one thing a second, whatever else happens: that needs no machine of its own.
        Bot::Peer { .. } => std::thread::scope(|scope| {
            let many = scope.spawn(many);
            let one = one()?;
            let many =
                many.join().map_err(|_| anyhow::anyhow!("the measurement of many chats crashed"))??;
            anyhow::Ok((one, many))
        })?,
    };
    (measured.one_chat, measured.many_chats) = (Some(one), Some(many));
    Ok(measured)
}

/// A question, its answer, and a reply to that.
fn answered(town: &Town, chat: i64, measured: &mut Measured) -> anyhow::Result<()> {
    let (first, second) = (format!("ask{chat}"), format!("reply{chat}"));
    let gate = town.gate(&first)?;
    let said = town.server.send(Say::new(chat, chat, &format!("{first} [[wait {first}]]")));
    let begun = town.noted(&first, "start")?;
    let painted = town.server.wait_for("the progress message", |log| {
        log.of("sendMessage").find(|call| call.chat == Some(chat)).map(|call| call.at)
    });
    progress(town, chat, said.message);
    drop(town.standing(&gate)?);
    let last_line = town.noted(&first, "result")?;
    let (message, visible) = answer(town, chat, &first);
    let delivered = town.delivered(said.update);
    measured.started.push(begun.saturating_sub(delivered).into());
    measured.painted.push(painted.saturating_sub(delivered).into());
    measured.visible.push(visible.saturating_sub(last_line).into());

    let reply = town.server.send(Say::new(chat, chat, &second).reply_to(message));
    let begun = town.noted(&second, "start")?;
    measured.continued.push(begun.saturating_sub(town.delivered(reply.update)).into());
    Ok(())
}

/// A question, and a press of its cancel button.
fn cancelled(town: &Town, chat: i64, measured: &mut Measured) -> anyhow::Result<()> {
    let word = format!("cancel{chat}");
    let gate = town.gate(&word)?;
    let said = town.server.send(Say::new(chat, chat, &format!("{word} [[wait {word}]]")));
    let progress = progress(town, chat, said.message);
    let standing = town.standing(&gate)?;
    let pressed = town.server.press(chat, progress, chat, "cancel");
    let ended = gone(&standing)?;
    measured.ended.push(ended.saturating_sub(town.delivered(pressed.update)).into());
    Ok(())
}

/// Waits for the progress message below a message.
fn progress(town: &Town, chat: i64, message: i64) -> i64 {
    let is_it = |shown: &&Shown| {
        shown.by_bot && shown.reply_to == Some(message) && shown.labels().contains(&"cancel")
    };
    town.server.wait_in(chat, "the cancel button", |shown| shown.iter().find(is_it).map(|shown| shown.id))
}

/// Waits for an answer; returns its message and when it said so first.
fn answer(town: &Town, chat: i64, word: &str) -> (i64, Duration) {
    let words = format!("ok: {word} (turn");
    town.server.wait_in(chat, &words, |shown| {
        let by_bot = shown.iter().filter(|shown| shown.by_bot);
        let mut said = by_bot.flat_map(|shown| shown.versions.iter().map(|version| (shown.id, version)));
        said.find(|(_, version)| version.text.contains(&words)).map(|(id, version)| (id, version.at))
    })
}

/// Says something in each of these chats, all of which is handed out at once. Everything is said by somebody else:
/// of what one person says within a second the Python bot runs only the last.
fn burst(town: &Town, chats: &[i64]) -> anyhow::Result<Burst> {
    town.server.hold_updates(true);
    let said: Vec<_> = (chats.iter().zip(Town::chats(chats.len())).enumerate())
        .map(|(place, (chat, person))| town.server.send(Say::new(*chat, person, &format!("burst{place}"))))
        .collect();
    town.server.hold_updates(false);
    let delivered = said.iter().map(|said| town.delivered(said.update)).min().unwrap_or_default();
    let (mut started, mut visible) = (Duration::ZERO, Duration::ZERO);
    for (place, chat) in chats.iter().enumerate() {
        let word = format!("burst{place}");
        started = started.max(town.noted(&word, "start")?);
        visible = visible.max(answer(town, *chat, &word).1);
    }
    let refused = town.server.look(|log| log.calls.iter().filter(|call| call.status == Some(429)).count());
    eprintln!("{} messages at once: {refused} calls came too fast for Telegram", chats.len());
    Ok(Burst { started: started.saturating_sub(delivered), visible: visible.saturating_sub(delivered) })
}

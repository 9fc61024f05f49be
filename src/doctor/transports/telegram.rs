//! A Telegram bot: whether its table and its token can be used, and whether strangers could command this machine.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use takopi_core::desk::PAIRED;
use takopi_core::pairing::Paired;
use takopi_core::port::Transport;
use takopi_core::settings::{Instance, Severity};
use takopi_telegram::{Telegram, TelegramConfig, TopicsCheck};

use super::super::look::Scene;
use super::super::{Part, Row, State};
use crate::house::{self, MachineClock, Surroundings};

/// How long the Bot API server may take.
const PATIENCE: Duration = Duration::from_secs(12);

/// Looks at what is to hear voice notes, if they are to be heard. It is not asked: that costs money.
fn ears(instance: &Instance, config: &TelegramConfig) -> Option<Row> {
    let row = |state, text: String| Row::new(Part::Transport, state, text);
    let ears = match house::ears(&instance.id, &config.voice, Arc::new(MachineClock::start())) {
        Ok(ears) => ears?,
        Err(error) => return Some(row(State::Failure, format!("{error:#}"))),
    };
    let model = &config.voice.model;
    Some(match ears.check() {
        None => row(State::Ok, format!("voice notes are transcribed by {model}")),
        Some(issue) => {
            let failed = row(State::Failure, issue.title);
            issue.remedy.iter().fold(failed, |row, line| row.remedy(line))
        }
    })
}

/// Names who was let in by a code: they are served beside those of the settings.
fn paired(scene: &Scene<'_>, instance: &Instance) -> Option<Row> {
    let kept = match scene.ledger?.value(PAIRED, instance.id.as_str()) {
        Ok(kept) => kept?,
        // The ledger has a row of its own.
        Err(_) => return None,
    };
    let Ok(people) = serde_json::from_str::<Vec<Paired>>(&kept) else {
        let text = "who is paired is on record and cannot be read: nobody of them is served";
        return Some(
            Row::new(Part::Transport, State::Failure, text).remedy("pair them again: `takopi pair`"),
        );
    };
    let names = people.iter().map(|person| format!("{} (id {})", person.name, person.id));
    let names = names.collect::<Vec<_>>().join(", ");
    let text = match people.len() {
        1 => format!("1 person is paired: {names}"),
        count => format!("{count} people are paired: {names}"),
    };
    let ids: Vec<_> = people.iter().map(|person| person.id.as_str()).collect();
    let row = Row::new(Part::Transport, State::Note, text).fact("paired", json!(ids));
    Some(row.remedy("`takopi pair revoke ID` stops serving somebody"))
}

/// Asks whether topics can work, if they are switched on.
async fn topics(bot: &Telegram) -> Option<Row> {
    if !bot.has_topics() {
        return None;
    }
    let row = |state, text: String| Row::new(Part::Transport, state, text);
    Some(match bot.check_topics().await {
        TopicsCheck::Fine => row(State::Ok, format!("topics: scope={}", bot.topics_label())),
        TopicsCheck::Missing(missing) => row(State::Failure, missing),
        TopicsCheck::Unknown(why) => row(
            State::Warning,
            format!("topics: scope={}; whether they work is not known: {why}", bot.topics_label()),
        ),
    })
}

/// Looks at a bot.
pub(super) async fn look(scene: &Scene<'_>, instance: &Instance) -> Vec<Row> {
    let row = |state, text: String| Row::new(Part::Transport, state, text);
    let reading = scene.settings.transport::<TelegramConfig>(&instance.id);
    let mistakes = reading.diagnostics.iter().filter(|mistake| mistake.severity == Severity::Error);
    let mut rows: Vec<Row> =
        mistakes.map(|mistake| Row::mistake(Part::Transport, State::Failure, mistake)).collect();
    if !rows.is_empty() {
        return rows;
    }
    let config = reading.value;
    if let Some(warning) = house::open_group_warning(scene.settings, &instance.id, &config) {
        rows.push(row(State::Warning, warning));
    }
    rows.extend(ears(instance, &config));
    rows.extend(paired(scene, instance));
    let token = match config.token() {
        Ok(token) => token,
        Err(error) => {
            rows.push(row(State::Failure, error.to_string()));
            return rows;
        }
    };
    // Nothing is sent and nobody else is looked for: it only asks who the bot is.
    let around = Surroundings {
        clock: Arc::new(MachineClock::start()),
        spool: scene.place.dir().into(),
        python_lock: None,
    };
    let bot = match house::telegram_bot(scene.settings, &instance.id, config, token, &around) {
        Ok(bot) => bot,
        Err(error) => {
            rows.push(row(State::Failure, format!("{error:#}")));
            return rows;
        }
    };
    rows.extend(topics(&bot).await);
    rows.push(match tokio::time::timeout(PATIENCE, bot.check()).await {
        Ok(issues) => match issues.first() {
            None => row(State::Ok, "the token is known to Telegram".to_owned()),
            Some(issue) => issue
                .remedy
                .iter()
                .fold(row(State::Failure, issue.title.clone()), |row, line| row.remedy(line)),
        },
        Err(_) => row(State::Failure, format!("no answer within {} s", PATIENCE.as_secs())),
    });
    rows
}

//! A Telegram bot: whether its table and its token can be used, and whether strangers could command this machine.

use std::sync::Arc;

use takopi_core::settings::{Instance, Severity};
use takopi_telegram::{Telegram, TelegramConfig, TopicsCheck};

use super::super::look::Scene;
use super::super::{Part, Row, State};
use super::bot;
use crate::house::{self, BotTable, MachineClock, Surroundings};

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
    rows.extend(bot::ears(instance, &BotTable::Telegram(config.clone())));
    rows.extend(bot::paired(scene, instance));
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
    let transport = match house::telegram_bot(scene.settings, &instance.id, config, token, &around) {
        Ok(transport) => transport,
        Err(error) => {
            rows.push(row(State::Failure, format!("{error:#}")));
            return rows;
        }
    };
    rows.extend(topics(&transport).await);
    rows.push(bot::token(&transport, "Telegram").await);
    rows
}

//! A Discord bot: whether its table and its token can be used, and whether strangers could command this machine.

use std::sync::Arc;

use takopi_core::settings::{Instance, Severity};
use takopi_discord::DiscordConfig;

use super::super::look::Scene;
use super::super::{Part, Row, State};
use super::bot;
use crate::house::{self, BotTable, MachineClock, Surroundings};

/// Looks at a bot. It is not connected, so that one that is served goes on.
pub(super) async fn look(scene: &Scene<'_>, instance: &Instance) -> Vec<Row> {
    let row = |state, text: String| Row::new(Part::Transport, state, text);
    let reading = scene.settings.transport::<DiscordConfig>(&instance.id);
    let mistakes = reading.diagnostics.iter().filter(|mistake| mistake.severity == Severity::Error);
    let mut rows: Vec<Row> =
        mistakes.map(|mistake| Row::mistake(Part::Transport, State::Failure, mistake)).collect();
    if !rows.is_empty() {
        return rows;
    }
    let config = reading.value;
    if let Some(warning) = house::open_server_warning(&instance.id, &config) {
        rows.push(row(State::Warning, warning));
    }
    rows.extend(bot::ears(instance, &BotTable::Discord(config.clone())));
    rows.extend(bot::paired(scene, instance));
    let around = Surroundings {
        clock: Arc::new(MachineClock::start()),
        spool: scene.place.dir().into(),
        python_lock: None,
    };
    let token = match config.token() {
        Ok(token) => token,
        Err(error) => {
            rows.push(row(State::Failure, error.to_string()));
            return rows;
        }
    };
    rows.push(match house::discord_bot(&instance.id, config, token, &around) {
        Ok(transport) => bot::token(&transport, "Discord").await,
        Err(error) => row(State::Failure, format!("{error:#}")),
    });
    rows
}

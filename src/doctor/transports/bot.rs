//! What is looked at of the bots of every service: who hears their voice notes, who was let in, whether their token
//! holds.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use takopi_core::desk::PAIRED;
use takopi_core::pairing::Paired;
use takopi_core::port::Transport;
use takopi_core::settings::Instance;

use super::super::look::Scene;
use super::super::{Part, Row, State};
use crate::house::{self, BotTable, MachineClock};

/// How long the service may take.
const PATIENCE: Duration = Duration::from_secs(12);

/// Looks at what is to hear voice notes, if they are to be heard. It is not asked: that costs money.
pub(super) fn ears(instance: &Instance, table: &BotTable) -> Option<Row> {
    let row = |state, text: String| Row::new(Part::Transport, state, text);
    let ears = match house::ears(&instance.id, table, Arc::new(MachineClock::start())) {
        Ok(ears) => ears?,
        Err(error) => return Some(row(State::Failure, format!("{error:#}"))),
    };
    let model = house::voice_of(table)?.model;
    Some(match ears.check() {
        None => row(State::Ok, format!("voice notes are transcribed by {model}")),
        Some(issue) => {
            let failed = row(State::Failure, issue.title);
            issue.remedy.iter().fold(failed, |row, line| row.remedy(line))
        }
    })
}

/// Names who was let in by a code: they are served beside those of the settings.
pub(super) fn paired(scene: &Scene<'_>, instance: &Instance) -> Option<Row> {
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

/// Asks whether the service knows the bot's token.
pub(super) async fn token(transport: &dyn Transport, service: &str) -> Row {
    let row = |state, text: String| Row::new(Part::Transport, state, text);
    match tokio::time::timeout(PATIENCE, transport.check()).await {
        Ok(issues) => match issues.first() {
            None => row(State::Ok, format!("the token is known to {service}")),
            Some(issue) => issue
                .remedy
                .iter()
                .fold(row(State::Failure, issue.title.clone()), |row, line| row.remedy(line)),
        },
        Err(_) => row(State::Failure, format!("no answer within {} s", PATIENCE.as_secs())),
    }
}

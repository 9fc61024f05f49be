//! A Discord bot: whether its table and its token can be used, what it may do in the channels it is used in, and whether
//! strangers could command this machine.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::json;
use takopi_core::port::ledger::PreferenceKey;
use takopi_core::settings::{Instance, Secret, Severity};
use takopi_core::text::visible;
use takopi_discord::{DiscordConfig, Guild, Setup, SetupError, Who};

use super::super::look::Scene;
use super::super::{Part, Row, State};
use super::bot;
use crate::house::{self, BotTable, MachineClock, Surroundings};

/// Channels that are looked at: each takes three questions.
const MOST_CHANNELS: usize = 20;

/// Session starts below which it is warned: Discord takes a token away that has none left (1000 a day).
const FEW_STARTS: u64 = 50;

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
    rows.extend(house::open_server_warning(&instance.id, &config).map(|text| row(State::Warning, text)));
    rows.extend(house::managers_only(&instance.id, &config).map(|text| row(State::Note, text)));
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
    let known = match house::discord_bot(&instance.id, config.clone(), token.clone(), &around) {
        Ok(transport) => bot::token(&transport, "Discord").await,
        Err(error) => row(State::Failure, format!("{error:#}")),
    };
    let is_known = known.state == State::Ok;
    rows.push(known);
    if is_known {
        match asked(scene, instance, &config, &token).await {
            Ok(more) => rows.extend(more),
            Err(error) => rows.push(row(State::Warning, format!("not everything could be asked: {error}"))),
        }
    }
    rows
}

/// Asks Discord about the bot.
async fn asked(
    scene: &Scene<'_>,
    instance: &Instance,
    config: &DiscordConfig,
    token: &Secret,
) -> Result<Vec<Row>, SetupError> {
    let row = |state, text: String| Row::new(Part::Transport, state, text);
    let setup =
        Setup::new(Some(&config.api_url), token).map_err(|error| SetupError::Failed(error.to_string()))?;
    let who = setup.who().await?;
    let guilds = setup.guilds().await?;
    let is_served = |guild: &&Guild| {
        config.access.guilds.is_empty() || guild.id.parse().is_ok_and(|id| config.access.guilds.contains(&id))
    };
    let served: Vec<&Guild> = guilds.iter().filter(is_served).collect();
    let mut rows = vec![bot_row(&who, &guilds, &served)];
    rows.push(match who.missing_switch() {
        Some(missing) => row(State::Failure, missing),
        None => row(State::Ok, "it may read what people write (Message Content Intent)".to_owned()),
    });
    for channel in channels(scene, instance, config) {
        rows.extend(lacking(&setup, &who, &channel, instance).await?);
    }
    for guild in served {
        let name = visible(&guild.name);
        let count = setup.commands(&who, guild).await;
        rows.push(match count {
            Ok(0) => row(State::Note, format!("no commands in {name} yet: a start makes them")),
            Ok(count) => row(State::Ok, format!("{count} of 100 commands in {name}")).fact("commands", count),
            Err(SetupError::Hidden) => row(State::Warning, format!("it may not have commands in {name}"))
                .remedy(format!("invite it once more: {}", who.invite_url())),
            Err(error) => return Err(error),
        });
    }
    if let Some(starts) = setup.starts().await? {
        let text = format!("{} of {} session starts are left today", starts.left, starts.of);
        let few = starts.left < FEW_STARTS;
        let told = row(if few { State::Warning } else { State::Ok }, text).fact("starts_left", starts.left);
        rows.push(if few { told.remedy("stop other programs that use its token") } else { told });
    }
    Ok(rows)
}

/// Says who the bot is and where.
fn bot_row(who: &Who, guilds: &[Guild], served: &[&Guild]) -> Row {
    let name = visible(&who.name);
    let names = |guilds: &mut dyn Iterator<Item = &Guild>| {
        guilds.map(|guild| visible(&guild.name).into_owned()).collect::<Vec<_>>().join(", ")
    };
    let url = who.invite_url();
    let row = |state, text: String| Row::new(Part::Transport, state, text).fact("invite_url", json!(url));
    match (guilds, served) {
        ([], _) => {
            row(State::Warning, format!("the bot {name} is in no server")).remedy(format!("invite it: {url}"))
        }
        (_, []) => row(
            State::Warning,
            format!("the bot {name} is in none of guild_ids, only in {}", names(&mut guilds.iter())),
        )
        .remedy(format!("correct guild_ids, or invite it: {url}")),
        _ => row(State::Ok, format!("the bot {name} serves {}", names(&mut served.iter().copied())))
            .remedy(format!("this invites it elsewhere: {url}")),
    }
}

/// Returns the channels that the bot is used in, as far as is known: the one that is told of starts, and those that
/// have a project.
fn channels(scene: &Scene<'_>, instance: &Instance, config: &DiscordConfig) -> BTreeSet<String> {
    // The ledger has a row of its own.
    let set = scene.ledger.and_then(|ledger| ledger.preferences_of(&instance.id).ok()).unwrap_or_default();
    let bound = set.into_iter().filter(|row| row.key == PreferenceKey::Context).map(|row| row.scope.chat);
    let startup = config.startup_channel.map(|channel| channel.to_string());
    startup.into_iter().chain(bound).take(MOST_CHANNELS).collect()
}

/// Says what the bot lacks in a channel, if anything.
async fn lacking(
    setup: &Setup,
    who: &Who,
    channel: &str,
    instance: &Instance,
) -> Result<Option<Row>, SetupError> {
    let row = |text: String| Row::new(Part::Transport, State::Warning, text).fact("channel", channel);
    Ok(match setup.missing_in(who, channel).await {
        Ok(lacking) if lacking.is_empty() => None,
        Ok(lacking) => Some(
            row(format!("in channel {channel} the bot lacks {}", lacking.join(", ")))
                .fact("lacks", json!(lacking))
                .remedy(
                    "give them to its role in that channel's settings (Permissions), or invite it once more",
                ),
        ),
        Err(SetupError::Hidden) => {
            Some(row(format!("channel {channel} is gone, or the bot may not see it")).remedy(format!(
                "give the bot View Channels there; a startup_channel_id is in [transports.{}]",
                instance.id
            )))
        }
        Err(error) => return Err(error),
    })
}

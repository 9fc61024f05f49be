//! What onboarding asks and learns of a Discord bot: that it may read and is in a server, and who sends it the code.

use std::time::Duration;

use takopi_core::settings::Secret;
use takopi_core::text::visible;
use takopi_discord::{Guild, Heard, Setup, SetupError, Who};
use toml_edit::Array;

use super::super::bot::{PATIENCE, Stop};
use super::{Key, Service, code};
use crate::report::{Failure, remark, say};
use crate::signals::Signals;

pub(super) const SERVICE: Service = Service {
    name: "Discord",
    table: "transports.discord",
    variable: "TAKOPI__TRANSPORTS__DISCORD__BOT_TOKEN",
    where_from: "at https://discord.com/developers/applications press New Application, then Reset Token on its Bot page",
    comments: [
        "From the application's Bot page. Whoever has it has the bot.",
        "A file that holds the token of the application's Bot page.",
        "The server, in the place of Discord's own.",
    ],
};

/// How long to wait before Discord is asked again what somebody may have changed.
const PAUSE: Duration = Duration::from_secs(3);

/// The bot, and who it serves where.
pub(super) struct Met {
    setup: Setup,
    person: String,
    guilds: Vec<String>,
    /// Where the code was sent.
    from: Option<From>,
}

/// Where a code was sent.
struct From {
    /// The channel or thread.
    place: String,
    /// The channel, unless it is a direct message.
    channel: Option<String>,
}

impl std::convert::From<SetupError> for Stop {
    fn from(error: SetupError) -> Self {
        let failure = Failure::told(&error);
        Self::Failed(match error {
            SetupError::Token(_) => failure.hint("copy it from the application's Bot page, with Reset Token"),
            _ => failure,
        })
    }
}

impl Met {
    pub(super) fn keys(&self) -> Vec<Key> {
        let ids = |ids: &[String]| ids.iter().map(String::as_str).collect::<Array>();
        let people = ids(std::slice::from_ref(&self.person));
        let mut keys: Vec<Key> =
            vec![("allowed_user_ids", people.into(), "Who may speak to the bot; nobody else is served.")];
        if !self.guilds.is_empty() {
            keys.push(("guild_ids", ids(&self.guilds).into(), "The servers that are served."));
        }
        match &self.from {
            Some(From { channel: Some(channel), .. }) => {
                let why = "The channel that is told when takopi is ready.";
                keys.push(("startup_channel_id", channel.as_str().into(), why));
            }
            Some(From { channel: None, .. }) => {
                keys.push(("allow_dm", true.into(), "Whether they may also write to the bot directly."));
            }
            None => {}
        }
        keys
    }

    pub(super) async fn say(&self, text: &str) -> Result<(), Stop> {
        match &self.from {
            Some(from) => match self.setup.say(&from.place, text).await {
                Err(SetupError::Hidden) => {
                    Err(Failure::told("the bot may not write where the code was sent")
                        .hint("give it Send Messages there, or send the code elsewhere")
                        .into())
                }
                said => Ok(said?),
            },
            None => Ok(()),
        }
    }
}

/// Checks the token, waits until the bot can serve, and learns the person from whoever sends the code, unless it is said
/// who they are.
pub(super) async fn meet(
    (url, token): (Option<&str>, &Secret),
    person: Option<u64>,
    signals: &mut Signals,
) -> Result<Met, Stop> {
    let setup = Setup::new(url, token).map_err(Failure::told)?;
    let who = tokio::select! {
        who = setup.who() => who?,
        _ = signals.stop() => return Err(Stop::Left),
    };
    say(format_args!("the bot is {}", visible(&who.name)))?;
    reading(&setup, &who, signals).await?;
    let guilds = invited(&setup, &who, signals).await?;
    let ids = || guilds.iter().map(|guild| guild.id.clone()).collect();
    let Some(person) = person else {
        let heard = hear(&setup, signals).await?;
        let from = place(&setup, &who, &heard).await?;
        let guilds = heard.guild.clone().map_or_else(ids, |guild| vec![guild]);
        return Ok(Met { setup, person: heard.person, guilds, from: Some(from) });
    };
    Ok(Met { guilds: ids(), setup, person: person.to_string(), from: None })
}

/// Waits until the bot may read what people write.
async fn reading(setup: &Setup, who: &Who, signals: &mut Signals) -> Result<(), Stop> {
    let Some(missing) = who.missing_switch() else { return Ok(()) };
    remark(missing);
    say("Waiting until it is switched on and saved … (Ctrl-C ends this)")?;
    until(signals, async || Ok(setup.who().await?.reads_messages.then_some(()))).await?;
    say("it can read messages now")?;
    Ok(())
}

/// Waits until the bot is in a server.
async fn invited(setup: &Setup, who: &Who, signals: &mut Signals) -> Result<Vec<Guild>, Stop> {
    let there = async || Ok(Some(setup.guilds().await?).filter(|guilds| !guilds.is_empty()));
    say(format_args!("this invites it to a server of yours:\n\n    {}\n", who.invite_url()))?;
    let now = tokio::select! {
        now = there() => now?,
        _ = signals.stop() => return Err(Stop::Left),
    };
    let guilds = match now {
        Some(guilds) => guilds,
        None => {
            say("Waiting until it is in one … (Ctrl-C ends this)")?;
            until(signals, there).await?
        }
    };
    let names: Vec<_> = guilds.iter().map(|guild| visible(&guild.name)).collect();
    say(format_args!("it is in {}", names.join(", ")))?;
    Ok(guilds)
}

/// Asks again and again until there is an answer, ten minutes long.
async fn until<T>(
    signals: &mut Signals,
    ask: impl AsyncFn() -> Result<Option<T>, SetupError>,
) -> Result<T, Stop> {
    let asking = async {
        let mut told = false;
        loop {
            match ask().await {
                Ok(Some(found)) => return Ok(found),
                Ok(None) => {}
                Err(error @ SetupError::Failed(_)) => {
                    if !std::mem::replace(&mut told, true) {
                        remark(format_args!("{error}; trying again"));
                    }
                }
                Err(error) => return Err(Stop::from(error)),
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    in_time(signals, asking).await
}

async fn in_time<T>(
    signals: &mut Signals,
    waiting: impl Future<Output = Result<T, Stop>>,
) -> Result<T, Stop> {
    tokio::select! {
        _ = signals.stop() => Err(Stop::Left),
        found = tokio::time::timeout(PATIENCE, waiting) => found.unwrap_or_else(|_| {
            let minutes = PATIENCE.as_secs() / 60;
            Err(Failure::told(format_args!("nothing happened in {minutes} min")).into())
        }),
    }
}

/// Waits for the code.
async fn hear(setup: &Setup, signals: &mut Signals) -> Result<Heard, Stop> {
    let code = code();
    say(format_args!(
        "write this in a channel of the server, or to the bot directly:\n\n    takopi {code}\n"
    ))?;
    say("Waiting … (Ctrl-C ends this; with --user-id it is not needed)")?;
    let wanted = |heard: &Heard| heard.text.split_whitespace().any(|word| word == code);
    let heard = in_time(signals, async { Ok(setup.hear(wanted).await?) }).await?;
    say(format_args!("heard {} (id {})", visible(&heard.name), heard.person))?;
    Ok(heard)
}

/// Looks at where the code was sent: whether the bot can work there.
async fn place(setup: &Setup, who: &Who, heard: &Heard) -> Result<From, Stop> {
    let place = heard.channel.clone();
    if heard.guild.is_none() {
        return Ok(From { place, channel: None });
    }
    let channel = setup.parent(&place).await?.unwrap_or_else(|| place.clone());
    let lacking = setup.missing_in(who, &channel).await?;
    if !lacking.is_empty() {
        remark(format_args!(
            "in that channel the bot lacks {}; give them to its role, or invite it once more",
            lacking.join(", ")
        ));
    }
    Ok(From { place, channel: Some(channel) })
}

#[cfg(test)]
mod tests {
    use super::super::{Answers, Kept};
    use super::*;
    use crate::draft::Draft;
    use crate::place::Place;

    #[test]
    fn a_new_file_says_what_its_keys_are_for() {
        let token = Secret::new("MT.a.b");
        let setup = Setup::new(Some("http://127.0.0.1:9"), &token).unwrap();
        let from = Some(From { place: "4".to_owned(), channel: Some("3".to_owned()) });
        let met = Met { setup, person: "7".to_owned(), guilds: vec!["1".to_owned()], from };
        let answers =
            Answers { service: &SERVICE, kept: Kept::Here(token), url: None, keys: met.keys(), engine: None };
        let place = Place { config: "/nowhere/takopi.toml".into(), named: false, home: None };
        let before = Draft::parse(&place, "").unwrap();
        let written = answers.written(&place, &before).map(|draft| draft.text());
        insta::assert_snapshot!(written.map_err(|failure| failure.to_string()).unwrap());
    }
}

//! A bot that no house serves yet, at the command line: whose token it is, who receives its messages already, and
//! waiting for a message that Ctrl-C can end. For `chat_id.rs` and `onboard.rs`.

use std::path::Path;
use std::time::Duration;

use takopi_core::settings::{Secret, Settings};
use takopi_telegram::{Heard, Setup, SetupError, TelegramConfig};

use crate::house;
use crate::lock::{self, Host};
use crate::place::Place;
use crate::report::{Failure, remark};
use crate::signals::Signals;

/// How long a message is waited for.
pub(super) const PATIENCE: Duration = Duration::from_secs(600);

/// How long to wait after the server could not be reached.
const PAUSE: Duration = Duration::from_secs(2);

/// Why a command does not go on.
pub(super) enum Stop {
    /// The person left.
    Left,
    /// It failed.
    Failed(Failure),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<SetupError> for Stop {
    fn from(error: SetupError) -> Self {
        let failure = Failure::told(&error);
        Self::Failed(match error {
            SetupError::Token(_) => failure.hint("ask @BotFather for the bot's token: /mybots, API Token"),
            SetupError::Rival => failure.hint("stop it, then type this again"),
            _ => failure,
        })
    }
}

/// Returns the first Telegram table of the settings, if there is one.
pub(super) fn configured(settings: &Settings) -> Option<TelegramConfig> {
    let instance = settings.transports.iter().find(|instance| house::is_telegram(instance))?;
    Some(settings.transport::<TelegramConfig>(&instance.id).value)
}

/// Returns the token in a file that holds nothing else.
pub(super) fn token_in(path: &Path) -> Result<Secret, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Failure::told(format_args!("the bot token's file {} cannot be read: {error}", path.display()))
    })?;
    Ok(Secret::new(text.trim()))
}

/// Returns the bot, if nobody on this machine receives its messages.
///
/// # Errors
/// With who does, and how to stop it.
pub(super) fn free(
    place: &Place,
    settings: &Settings,
    url: Option<&str>,
    token: &Secret,
) -> Result<Setup, Failure> {
    let setup = Setup::new(url, token).map_err(Failure::told)?;
    let is_it = |config: TelegramConfig| config.token().is_ok_and(|other| other == *token);
    let mut bots = settings.served().filter(|instance| house::is_telegram(instance));
    let ours = bots.any(|bot| is_it(settings.transport::<TelegramConfig>(&bot.id).value));
    let daemon = lock::holder(&place.lock()).filter(|holder| ours && holder.host == Some(Host::Daemon));
    let python = || {
        let home = place.home.as_ref()?;
        lock::live_python_with(&home.join(".takopi/takopi.lock"), &setup.fingerprint())
    };
    let rival = daemon.map(|holder| ("takopi", holder.pid));
    match rival.or_else(|| python().map(|pid| ("the Python takopi", pid))) {
        None => Ok(setup),
        Some((who, pid)) => {
            let text = format!("{who} (pid {pid}) receives this bot's messages, which only one program can");
            Err(Failure::told(text).hint(format_args!("stop it with `kill {pid}`, then type this again")))
        }
    }
}

/// What becomes of messages that are heard.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    /// They wait on, for takopi to run them.
    Waiting,
    /// They are gone, up to the one that was waited for.
    Nothing,
}

/// Waits for the newest message that is `wanted`.
///
/// # Errors
/// When the person leaves, nothing comes in ten minutes, or the server says that nothing will.
pub(super) async fn wait_for(
    setup: &mut Setup,
    keep: Keep,
    signals: &mut Signals,
    wanted: impl Fn(&Heard) -> bool,
) -> Result<Heard, Stop> {
    let waiting = async {
        let mut told = false;
        loop {
            let heard = match keep {
                Keep::Waiting => setup.hear().await,
                Keep::Nothing => setup.hear_next().await,
            };
            let pause = match heard {
                Ok(heard) => match heard.into_iter().rfind(&wanted) {
                    Some(found) => return Ok(found),
                    // What waits on is returned at once: it must not keep us busy.
                    None if keep == Keep::Waiting => PAUSE,
                    None => continue,
                },
                Err(error @ (SetupError::Token(_) | SetupError::Rival)) => return Err(Stop::from(error)),
                Err(SetupError::Wait(after)) => after,
                Err(error) => {
                    if !std::mem::replace(&mut told, true) {
                        remark(format_args!("{error}; trying again"));
                    }
                    PAUSE
                }
            };
            tokio::time::sleep(pause).await;
        }
    };
    tokio::select! {
        _ = signals.stop() => Err(Stop::Left),
        found = tokio::time::timeout(PATIENCE, waiting) => match found {
            Ok(found) => found,
            Err(_) => Err(Failure::told(format_args!("no message came in {} min", PATIENCE.as_secs() / 60)).into()),
        },
    }
}

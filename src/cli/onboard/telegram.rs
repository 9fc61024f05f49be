//! What onboarding asks and learns of a Telegram bot: who sends it the code, and from which chat.

use takopi_core::text::visible;
use takopi_telegram::{Heard, Setup};
use toml_edit::Array;

use super::super::bot::{self, Keep, Stop};
use super::{Key, Service, code};
use crate::report::say;
use crate::signals::Signals;

pub(super) const SERVICE: Service = Service {
    name: "Telegram",
    table: "transports.telegram",
    variable: "TAKOPI__TRANSPORTS__TELEGRAM__BOT_TOKEN",
    where_from: "write /newbot to @BotFather in Telegram to get a bot; it answers with a token",
    comments: [
        "From @BotFather. Whoever has it has the bot.",
        "A file that holds the token from @BotFather.",
        "The Bot API server, in the place of Telegram's own.",
    ],
};

/// The bot, and who sent the code.
pub(super) struct Met {
    setup: Setup,
    heard: Heard,
}

impl Met {
    pub(super) fn keys(&self) -> Vec<Key> {
        keys(self.heard.chat, self.heard.user)
    }

    pub(super) async fn say(&self, text: &str) -> Result<(), Stop> {
        Ok(self.setup.say(self.heard.chat, text).await?)
    }
}

pub(super) fn keys(chat: i64, user: Option<i64>) -> Vec<Key> {
    let people: Array = user.into_iter().collect();
    vec![
        ("chat_id", chat.into(), "The chat that is told when takopi is ready."),
        ("allowed_user_ids", people.into(), "Who may speak to the bot; everybody else meets silence."),
    ]
}

/// Checks the token, and learns the chat and the person from whoever sends the code.
pub(super) async fn meet(mut setup: Setup, signals: &mut Signals) -> Result<Met, Stop> {
    let name = tokio::select! {
        name = setup.name() => name?,
        _ = signals.stop() => return Err(Stop::Left),
    };
    let name = visible(&name).into_owned();
    let code = code();
    say(format_args!("the bot is @{name}; from the chat you will use, send it\n\n    /start {code}\n"))?;
    say(format_args!(
        "or open https://t.me/{name}?start={code} and press Start. Waiting … (Ctrl-C ends this)"
    ))?;
    let wanted =
        |heard: &Heard| heard.user.is_some() && heard.text.split_whitespace().any(|word| word == code);
    let heard = bot::wait_for(&mut setup, Keep::Nothing, signals, wanted).await?;
    // Nobody runs the code as a prompt.
    setup.dismiss().await?;
    say(format_args!("heard you in {}", visible(&heard.to_string())))?;
    Ok(Met { setup, heard })
}

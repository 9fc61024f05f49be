//! The tables of bots: which service's each is, and which bot of which server it means.

use takopi_core::settings::{Instance, Reading, Secret, Settings};
use takopi_discord::{Discord, DiscordConfig};
use takopi_telegram::{Telegram, TelegramConfig};

/// A bot's table.
#[derive(Clone, PartialEq)]
pub(crate) enum BotTable {
    /// Of a Telegram bot.
    Telegram(TelegramConfig),
    /// Of a Discord bot.
    Discord(DiscordConfig),
}

/// Returns whether an instance is a Telegram bot.
pub(crate) fn is_telegram(instance: &Instance) -> bool {
    instance.kind == Telegram::spec().kind
}

/// Returns whether an instance is a Discord bot.
pub(crate) fn is_discord(instance: &Instance) -> bool {
    instance.kind == Discord::spec().kind
}

impl BotTable {
    /// Reads the table of an instance; `None` where it isn't a bot's.
    pub(crate) fn read(settings: &Settings, instance: &Instance) -> Option<Reading<Self>> {
        fn of<T>(Reading { value, diagnostics }: Reading<T>, table: fn(T) -> BotTable) -> Reading<BotTable> {
            Reading { value: table(value), diagnostics }
        }
        match instance {
            it if is_telegram(it) => Some(of(settings.transport(&it.id), Self::Telegram)),
            it if is_discord(it) => Some(of(settings.transport(&it.id), Self::Discord)),
            _ => None,
        }
    }

    /// Returns the bot's token, read from its file when it is not written itself.
    ///
    /// # Errors
    /// When there is none or the file cannot be used.
    pub(crate) fn token(&self) -> anyhow::Result<Secret> {
        Ok(match self {
            Self::Telegram(config) => config.token()?,
            Self::Discord(config) => config.token()?,
        })
    }

    /// Returns whether another table's bots live at the same server.
    pub(crate) fn is_at_server_of(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Telegram(one), Self::Telegram(other)) => one.api_url == other.api_url,
            (Self::Discord(one), Self::Discord(other)) => one.api_url == other.api_url,
            _ => false,
        }
    }

    /// Returns where people get a bot, for what is told of two tables with one.
    pub(crate) fn source(&self) -> &'static str {
        match self {
            Self::Telegram(_) => "from @BotFather",
            Self::Discord(_) => "from https://discord.com/developers/applications",
        }
    }
}

//! `takopi chat-id`: the ids of the chat and the person that a message to the bot comes from.

use std::io::{self, IsTerminal};

use takopi_core::text::visible;

use super::ask;
use super::bot::{self, Keep, Stop};
use super::{ChatIdArguments, runtime};
use crate::config;
use crate::report::{Exit, Failure, remark, say};
use crate::signals::Signals;

pub(super) fn run(arguments: &ChatIdArguments) -> Result<Exit, Failure> {
    match find(arguments) {
        Ok(()) => Ok(Exit::Done),
        Err(Stop::Left) => Ok(Exit::Interrupted),
        Err(Stop::Failed(failure)) => Err(failure),
    }
}

fn find(arguments: &ChatIdArguments) -> Result<(), Stop> {
    let place = arguments.config.place()?;
    let settings = config::read(&place, &[])?.settings;
    let written = bot::configured(&settings);
    let url = arguments.api_url.clone().or_else(|| written.as_ref().map(|config| config.api_url.clone()));
    let token = match (&arguments.bot_token_file, written) {
        (Some(path), _) => bot::token_in(path)?,
        (None, Some(config)) => config.token().map_err(Failure::told)?,
        (None, None) => ask::ask_secret("The bot's token, from @BotFather", "--bot-token-file PATH")?,
    };
    let mut setup = bot::free(&place, &settings, url.as_deref(), &token)?;
    runtime()?.block_on(async {
        let mut signals = Signals::listen()?;
        let name = tokio::select! {
            name = setup.name() => name?,
            _ = signals.stop() => return Err(Stop::Left),
        };
        remark(format_args!("write something to @{} … (Ctrl-C ends this)", visible(&name)));
        let heard = bot::wait_for(&mut setup, Keep::Waiting, &mut signals, |_| true).await?;
        say(format_args!("chat_id = {}", heard.chat))?;
        say(format_args!("type = {}", visible(&heard.kind)))?;
        say(format_args!("title = {}", visible(&heard.title)))?;
        if let Some(user) = heard.user {
            say(format_args!("user_id = {user}"))?;
        }
        if io::stdout().is_terminal() {
            remark("the message still waits at the bot: takopi takes it when it starts");
        }
        Ok(())
    })
}

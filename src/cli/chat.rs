//! `takopi chat`: a message from the terminal, or a conversation. Always a client of the control socket,
//! even when it hosts the house itself because no daemon runs.

mod link;
mod paint;
mod progress;
mod session;
mod turn;
mod view;

use std::io::{self, IsTerminal, Read};
use std::time::Duration;

use clap::CommandFactory;
use clap::error::ErrorKind;
use takopi_core::text::visible;
use takopi_local::{ConversationId, Submit};
use tracing::level_filters::LevelFilter;
use uuid::Uuid;

use super::{ChatArguments, Cli, runtime};
use crate::logs::{LogSettings, Logs};
use crate::report::{Exit, Failure};
use crate::signals::Signals;

use link::Link;
use turn::{Ending, say_to};
use view::View;

/// Bytes of stdin that are read as a message; the house takes fewer, and says so.
const MAX_STDIN_BYTES: u64 = 1 << 20;

pub(super) fn run(arguments: &ChatArguments) -> Result<Exit, Failure> {
    let message = message(arguments)?;
    let place = arguments.config.place()?;
    // Warnings of a house we may host would stand between the lines of the answer.
    let usual = if arguments.debug { LevelFilter::DEBUG } else { LevelFilter::ERROR };
    let logs = Logs::open(&LogSettings::from_environment(arguments.debug, usual));
    let dir = std::env::current_dir().map_err(|error| {
        Failure::told(format_args!("there is no current directory: {error}"))
            .hint("change to one that exists")
    })?;
    let runtime = runtime()?;
    let ended = runtime.block_on(async {
        let mut signals = Signals::listen()?;
        let conversation = arguments.conversation.unwrap_or_else(ConversationId::mint);
        let submit = Submit {
            conversation: Some(conversation),
            engine: arguments.engine.clone(),
            dir: Some(dir),
            ..Submit::default()
        };
        let mut link = tokio::select! {
            link = Link::open(place.clone(), logs) => link?,
            _ = signals.stop() => return Ok(Exit::Interrupted),
        };
        let ended = match message {
            Some(text) => once(&mut link, Submit { text, ..submit }, arguments.json, &mut signals).await,
            None => session::hold(&mut link, &submit, &place, &mut signals).await,
        };
        // Whatever happened to us, others may be using the house that we host.
        link.leave(&mut signals, matches!(ended, Ok(Exit::Interrupted))).await;
        ended
    });
    // Only a prompt that is still being read could be waited for.
    runtime.shutdown_timeout(Duration::from_millis(100));
    ended
}

/// Returns what is to be said, or `None` for a conversation.
fn message(arguments: &ChatArguments) -> Result<Option<String>, Failure> {
    let terminal = io::stdin().is_terminal();
    let usage = |problem: &str| {
        let mut cli = Cli::command();
        cli.build();
        let chat = cli
            .find_subcommand_mut("chat")
            .map(|chat| chat.error(ErrorKind::MissingRequiredArgument, problem));
        chat.map_or_else(|| Failure::told(problem), Failure::from)
    };
    match &arguments.message {
        Some(text) if text != "-" => {}
        None if terminal && arguments.json => return Err(usage("--json needs a MESSAGE")),
        None if terminal => return Ok(None),
        _ => {
            let mut text = String::new();
            let read = io::stdin().lock().take(MAX_STDIN_BYTES).read_to_string(&mut text);
            read.map_err(|error| Failure::told(format_args!("stdin could not be read: {error}")))?;
            let text = text.trim_end_matches('\n').to_owned();
            return if text.trim().is_empty() {
                Err(usage("there is no MESSAGE on stdin"))
            } else {
                Ok(Some(text))
            };
        }
    }
    Ok(arguments.message.clone())
}

/// Says one thing and waits for the answer.
async fn once(link: &mut Link, submit: Submit, json: bool, signals: &mut Signals) -> Result<Exit, Failure> {
    let mut view = if json { View::json() } else { View::for_stderr() };
    let ending = say_to(link, identified(submit), &mut view, signals).await?;
    if !json {
        let exit = report(&ending)?;
        // How to go on with the session: every message at the command line is a conversation of its own.
        if let Some(line) = ending.resume() {
            crate::report::remark(visible(line));
        }
        return Ok(exit);
    }
    // What came of the message stands on stdout already, unless it wasn't even taken.
    if let Ending::Refused(text) = &ending {
        crate::report::remark(visible(text));
    }
    Ok(ending.exit())
}

/// Gives a message an identity, by which it is taken once however often it is submitted.
fn identified(submit: Submit) -> Submit {
    Submit { client_id: Some(Uuid::new_v4().to_string()), ..submit }
}

/// Puts the answer on stdout and anything else on stderr.
fn report(ending: &Ending) -> Result<Exit, Failure> {
    let text = ending.answer().trim_end_matches('\n');
    // What an engine wrote may hold sequences that would drive this terminal.
    let shown = if io::stdout().is_terminal() { visible(text).into_owned() } else { text.to_owned() };
    if let Ending::Refused(text) = ending {
        return Err(Failure::told(visible(text)));
    }
    if !shown.is_empty() {
        crate::report::say(shown)?;
    }
    if let Some(problem) = ending.problem() {
        crate::report::remark(visible(&problem));
    }
    Ok(ending.exit())
}

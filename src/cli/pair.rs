//! `takopi pair`: shows a code and waits until somebody has sent it to the bot; lists and revokes who was let in.
//! The running house does the work; Ctrl-C closes the connection, and with it the code.

use std::time::Duration;

use takopi_core::text::visible;
use tokio_util::task::TaskTracker;

use super::{PairArguments, PairCommand, PairList, PairNew, PairRevoke, runtime};
use crate::control::client::{Client, ClientError};
use crate::control::wire::pair::{Opened, Person};
use crate::lock;
use crate::place::Place;
use crate::report::{Exit, Failure, remark, say};
use crate::signals::Signals;

/// How long the house may take to answer what needs no more than a look.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) fn run(arguments: &PairArguments) -> Result<Exit, Failure> {
    runtime()?.block_on(async {
        match &arguments.command {
            None => invite(&arguments.new).await,
            Some(PairCommand::List(arguments)) => list(arguments).await,
            Some(PairCommand::Revoke(arguments)) => revoke(arguments).await,
        }
    })
}

async fn connect(place: &Place) -> Result<Client, Failure> {
    let Some(socket) = lock::holder(&place.lock()).and_then(|holder| holder.socket) else {
        let failure = Failure::told(format_args!("takopi is not running for {}", place.shown(&place.config)));
        return Err(failure.hint("start it with `takopi`, then type this again"));
    };
    in_time(Client::connect(&socket, &TaskTracker::new())).await
}

async fn in_time<T>(ask: impl Future<Output = Result<T, ClientError>>) -> Result<T, Failure> {
    let answer = tokio::time::timeout(PATIENCE, ask).await;
    answer.map_err(|_| Failure::told("takopi does not answer"))?.map_err(Failure::told)
}

async fn invite(arguments: &PairNew) -> Result<Exit, Failure> {
    let mut signals = Signals::listen()?;
    let client = connect(&arguments.config.place()?).await?;
    let opened = in_time(client.open_code(arguments.instance.clone())).await?;
    show(&opened, arguments.json)?;
    let used = tokio::select! {
        used = client.code_used(opened.number) => used.map_err(Failure::told)?,
        _ = signals.stop() => {
            remark("the code is taken back");
            return Ok(Exit::Interrupted);
        }
    };
    let Some(person) = used else {
        let failure = Failure::told(format_args!("nobody sent the code within {}", minutes(opened.valid_s)));
        return Err(failure.hint("type `takopi pair` for a new one"));
    };
    if arguments.json {
        say(serde_json::json!({ "paired": person }))?;
    } else {
        let Opened { instance, reach, .. } = opened;
        say(format_args!("paired {} on {instance}; they are served {reach}", named(&person)))?;
    }
    Ok(Exit::Done)
}

fn show(opened: &Opened, as_json: bool) -> Result<(), Failure> {
    let Opened { instance, code, valid_s, reach, .. } = opened;
    if as_json {
        let shown = serde_json::json!({
            "instance": instance, "code": code, "valid_s": valid_s, "reach": reach,
        });
        return say(shown);
    }
    say(format_args!(
        "to be let in, send this to the bot of {instance}, in a private chat with it:\n\n    {code}\n"
    ))?;
    let minutes = minutes(*valid_s);
    say(format_args!("It is good for {minutes} and for one person. Waiting … (Ctrl-C takes it back)"))
}

fn minutes(seconds: u64) -> String {
    format!("{} minutes", seconds.div_ceil(60))
}

/// Returns how a person is called. They chose that themselves.
fn named(person: &Person) -> String {
    format!("{} (id {})", visible(&person.name), visible(&person.id))
}

async fn list(arguments: &PairList) -> Result<Exit, Failure> {
    let client = connect(&arguments.config.place()?).await?;
    let people = in_time(client.paired()).await?;
    if arguments.json {
        say(serde_json::json!({ "paired": people }))?;
        return Ok(Exit::Done);
    }
    if people.is_empty() {
        remark("nobody is paired; `takopi pair` lets somebody in");
    }
    for person in people {
        say(format_args!("{} · {}", person.instance, named(&person)))?;
    }
    Ok(Exit::Done)
}

async fn revoke(arguments: &PairRevoke) -> Result<Exit, Failure> {
    let client = connect(&arguments.config.place()?).await?;
    for person in in_time(client.unpair(&arguments.id, arguments.instance.clone())).await? {
        say(format_args!("{} is not paired on {} any more", named(&person), person.instance))?;
    }
    Ok(Exit::Done)
}

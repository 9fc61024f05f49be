//! One call of a command, from its decision to its answer: a task of its own with a time limit, which people can
//! take back.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::{Caller, Host, settle};
use crate::desk::Shared;
use crate::desk::calls::UnderWay;
use crate::desk::generation::InForce;
use crate::directive::split_words;
use crate::id::{CommandId, RunId};
use crate::message::{Body, Reply};
use crate::port::command::{Call, Command, CommandError, CommandHost as _, CommandReply};
use crate::port::ledger::{FactsQuery, Settled};

/// How long a command may take before it is stopped and the caller is told, runs it waits for aside.
const CALL_TIMEOUT: Duration = Duration::from_secs(600);

/// How long a stopped command gets before it is given up.
const STOP_GRACE: Duration = Duration::from_secs(5);

/// What a call that was taken back answers, unless the command has something better to say: as its run would.
const CANCELLED: &str = "`cancelled`";

type Answer = Result<Option<CommandReply>, CommandError>;

/// Calls a command and posts its reply. It counts as under way at once, before the task of it is there.
pub(in crate::desk) fn call(
    desk: Arc<Shared>,
    in_force: Arc<InForce>,
    caller: Caller,
    command: CommandId,
    text: String,
    stopped: Vec<RunId>,
) -> impl Future<Output = ()> + Send {
    let under_way = desk.calls.begin(&command, &caller.message);
    let host = Arc::new(Host {
        desk: desk.clone(),
        in_force: in_force.clone(),
        call: under_way.call(),
        caller,
        runs: AtomicUsize::new(0),
    });
    begun(desk, in_force, host, under_way, command, text, stopped)
}

async fn begun(
    desk: Arc<Shared>,
    in_force: Arc<InForce>,
    host: Arc<Host>,
    under_way: UnderWay,
    command: CommandId,
    text: String,
    stopped: Vec<RunId>,
) {
    let _work = in_force.work.token();
    let caller = host.caller.clone();
    let call = Call {
        words: split_words(&text),
        command: command.clone(),
        text,
        message: caller.message.clone(),
        sender: caller.sender.clone(),
        reply_to: with_text(&desk, caller.reply_to.clone()).await,
        files: caller.files.clone(),
        album: caller.album,
        stopped,
        pressed: caller.pressed,
        settings: in_force.by.command_settings.get(&command).cloned().unwrap_or_default(),
    };
    let answered = match in_force.by.commands.load(&command).await {
        Ok(command) => answer(&desk, command, call, host.clone()).await,
        Err(error) => Err(CommandError(error.to_string())),
    };
    drop(under_way);
    let reply = answered.unwrap_or_else(|error| {
        tracing::info!(%command, %error, "command failed");
        Some(CommandReply { body: Body::plain(format!("error: {error}")), notify: true })
    });
    if let Some(CommandReply { body, notify }) = reply
        && let Err(error) = host.send(body, notify).await
    {
        // Not settled: it is called again at the next start, which is better than no answer at all.
        tracing::error!(%command, %error, "a command's reply could not be stored");
        return;
    }
    settle(&desk, &caller.inbox, &caller.message.address, Settled::Done).await;
}

/// Returns what was replied to with its text: as the service tells, else as the ledger has it, for a message of ours
/// or one that was answered.
async fn with_text(desk: &Shared, reply: Option<Reply>) -> Option<Reply> {
    let mut reply = reply?;
    if reply.text.is_none() {
        let (scope, about) = (reply.message.address.clone().into(), Some(reply.message.clone()));
        match desk.ledger.facts(&FactsQuery { scope, about, session: None }).await {
            Ok(facts) => {
                reply.text =
                    facts.run.and_then(|run| match run.opened.reply_to.as_ref() == Some(&reply.message) {
                        true => Some(run.opened.prompt),
                        false => run.answer,
                    });
            }
            Err(error) => tracing::warn!(%error, "what a command's caller replied to is not known"),
        }
    }
    Some(reply)
}

/// Waits for a command in a task of its own, so that its panic is only its own.
async fn answer(desk: &Arc<Shared>, command: Arc<dyn Command>, call: Call, host: Arc<Host>) -> Answer {
    let stop = host.call.stop.clone();
    let (stopped, lent) = (stop.clone(), host.clone());
    let work = desk.work.spawn(async move { command.call(call, lent, stopped).await });
    tokio::pin!(work);
    let timeout = async {
        desk.clock.sleep_until(desk.now() + CALL_TIMEOUT).await;
        while host.runs.load(Ordering::Relaxed) > 0 {
            desk.clock.sleep_until(desk.now() + CALL_TIMEOUT).await;
        }
    };
    let why = tokio::select! {
        result = &mut work => return finished(result),
        () = timeout => Why::TooLate,
        () = stop.cancelled() => Why::TakenBack,
        () = desk.closing.cancelled() => Why::Closing,
    };
    stop.cancel();
    tokio::select! {
        result = &mut work => why.or(finished(result)),
        () = desk.clock.sleep_until(desk.now() + STOP_GRACE) => {
            work.abort();
            why.or(Ok(None))
        }
    }
}

/// Why a call was stopped.
#[derive(Clone, Copy)]
enum Why {
    TooLate,
    TakenBack,
    Closing,
}

impl Why {
    /// Returns what is answered: what the command itself has to say, if it is more than that it was stopped.
    fn or(self, answer: Answer) -> Answer {
        match (answer, self) {
            (Ok(Some(reply)), _) => Ok(Some(reply)),
            (_, Self::TakenBack) => Ok(Some(CommandReply::markdown(CANCELLED))),
            (_, Self::TooLate) => Err(CommandError("it took too long and was stopped".to_owned())),
            (_, Self::Closing) => Err(CommandError("takopi is closing".to_owned())),
        }
    }
}

fn finished(result: Result<Answer, tokio::task::JoinError>) -> Answer {
    result.unwrap_or_else(|panic| {
        tracing::error!(%panic, "a command crashed");
        Err(CommandError("the command crashed inside takopi".to_owned()))
    })
}

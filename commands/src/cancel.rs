//! `/cancel`: stops a run, or a command that is at work. The desk has signalled the runs a call is about before
//! the call gets here, so that it never waits in a queue; what is left is commands, and to say which, or to ask.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use takopi_core::id::{NameError, RunId};
use takopi_core::message::{Body, Button, ButtonAction};
use takopi_core::port::command::{
    Call, CallSummary, Command, CommandError, CommandHost, CommandReply, CommandSpec, OptionKind, RunSummary,
};
use takopi_core::render::shorten;
use tokio_util::sync::CancellationToken;

/// Runs that get a button: what fits on a phone, and below every service's limit.
const LISTED: usize = 8;

/// What is said when the message replied to is of no run, or of one that is over.
const NOTHING_THERE: &str = "nothing is currently running for that message.";

/// What is said when nothing runs and nothing was replied to.
const NOTHING_HERE: &str = "reply to the progress message to cancel. Nothing is running here now.";

/// What is said when runs and commands are stopped.
const ALL_HERE: &str = "cancelling all that is under way here";

pub(crate) fn spec() -> Result<CommandSpec, NameError> {
    let run = crate::option("run", OptionKind::Text, "a run's id, or all");
    crate::spec("cancel", "/cancel [RUN | all]", "cancel run", vec![run])
}

pub(crate) struct Cancel;

#[async_trait]
impl Command for Cancel {
    async fn call(
        &self,
        call: Call,
        host: Arc<dyn CommandHost>,
        _stop: CancellationToken,
    ) -> Result<Option<CommandReply>, CommandError> {
        let asked = call.text.trim();
        let (all, named) = (asked.eq_ignore_ascii_case("all"), RunId::parse(asked));
        let calls = host.calls().await;
        let replied = call.reply_to.as_ref().filter(|_| named.is_none()).map(|reply| &reply.message);
        let is_meant = |one: &&CallSummary| all || replied.is_some_and(|to| one.messages.contains(to));
        let commands = calls.iter().filter(is_meant).filter(|one| host.stop_call(one.id)).count();
        match (call.stopped.len(), commands) {
            (0, 0) => {}
            // What has begun since is meant as well.
            (0, _) if all => {}
            // The message replied to, or the command that was stopped, says so itself.
            (1, 0) | (_, 1..) if !all && call.reply_to.is_some() => return Ok(None),
            (runs, 0) => return Ok(Some(stopped(runs))),
            _ => return Ok(Some(CommandReply::markdown(ALL_HERE))),
        }
        // Nothing was signalled: it is over, unclear which, or began only after the call came in.
        let runs = host.runs(false).await;
        let meant: Vec<RunId> = if all {
            runs.iter().map(|run| run.id).collect()
        } else if let Some(run) = named {
            vec![run]
        } else if let Some(reply) = &call.reply_to {
            match host.run_of(&reply.message).await {
                Some(run) => vec![run],
                None => return Ok(Some(CommandReply::markdown(NOTHING_THERE))),
            }
        } else {
            // A run that a command waits for is stopped with the command.
            let is_lent = |run: &RunSummary| calls.iter().any(|one| run.of_call == Some(one.id));
            let working = runs.iter().filter(|run| !run.answered && !is_lent(run));
            let working: Vec<RunSummary> = working.cloned().collect();
            match (working.as_slice(), calls.as_slice()) {
                ([], [one]) if host.stop_call(one.id) => return Ok(Some(stopped(1))),
                ([], [_, _, ..]) => return Ok(Some(which_command(&calls))),
                ([_, _, ..], _) => return Ok(Some(which(&working))),
                _ => working.iter().map(|run| run.id).collect(),
            }
        };
        if meant.is_empty() && commands == 0 {
            return Ok(Some(CommandReply::markdown(NOTHING_HERE)));
        }
        let mut count = 0;
        for run in meant {
            // Only what shows in this chat can be stopped from it.
            let is_here = runs.iter().any(|here| here.id == run);
            count += usize::from(is_here && host.cancel(run).await);
        }
        Ok(Some(match count {
            _ if commands > 0 => CommandReply::markdown(ALL_HERE),
            0 if call.reply_to.is_some() => CommandReply::markdown(NOTHING_THERE),
            0 => CommandReply::markdown("no such run here; it may be over already"),
            count => stopped(count),
        }))
    }
}

/// Several commands and no hint: they have no buttons, so the answer is a reply.
fn which_command(calls: &[CallSummary]) -> CommandReply {
    // Each once, however many calls of it there are.
    let names: BTreeSet<String> = calls.iter().map(|call| format!("/{}", call.command)).collect();
    let names: Vec<String> = names.into_iter().take(LISTED).collect();
    let (count, names) = (calls.len(), names.join(", "));
    CommandReply::markdown(format!(
        "{count} commands are at work here: {names}. Reply `/cancel` to the message of one\n\n`/cancel all` stops them all"
    ))
}

fn stopped(count: usize) -> CommandReply {
    CommandReply::markdown(match count {
        1 => "cancelling".to_owned(),
        several => format!("cancelling {several} runs"),
    })
}

/// Several runs and no hint: a button each, so that the answer is one tap.
fn which(runs: &[RunSummary]) -> CommandReply {
    let count = runs.len();
    let shown = if count > LISTED { format!("; the oldest {LISTED} of them") } else { String::new() };
    let text = format!("{count} runs here, which one?{shown}\n\n`/cancel all` stops them all");
    let button = |run: &RunSummary| {
        let state = if run.ahead.is_some() { "waiting" } else { "running" };
        let prompt = shorten(&run.prompt, 40);
        let label = shorten(&format!("{prompt} · {} · {state}", run.engine), 80);
        vec![Button { label, action: ButtonAction::Cancel { run: run.id } }]
    };
    let buttons = runs.iter().take(LISTED).map(button).collect();
    CommandReply { body: Body { text, buttons, ..Body::default() }, notify: false }
}

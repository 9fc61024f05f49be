//! `/cancel`: stops a run. The desk has signalled the runs a call is about before the call gets here, so
//! that it never waits in a queue; what is left is to say which, or to ask.

use std::sync::Arc;

use async_trait::async_trait;
use takopi_core::id::{NameError, RunId};
use takopi_core::message::{Body, Button, ButtonAction};
use takopi_core::port::command::{
    Call, Command, CommandError, CommandHost, CommandReply, CommandSpec, OptionKind, RunSummary,
};
use takopi_core::render::shorten;
use tokio_util::sync::CancellationToken;

/// Runs that get a button: what fits on a phone, and below every service's limit.
const LISTED: usize = 8;

/// What is said when the message replied to is of no run, or of one that is over.
const NOTHING_THERE: &str = "nothing is currently running for that message.";

/// What is said when nothing runs and nothing was replied to.
const NOTHING_HERE: &str = "reply to the progress message to cancel. Nothing is running here now.";

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
        match call.stopped.len() {
            0 => {}
            // The message replied to says so itself.
            1 if call.reply_to.is_some() => return Ok(None),
            count => return Ok(Some(stopped(count))),
        }
        // Nothing was signalled: it is over, unclear which, or began only after the call came in.
        let runs = host.runs(false).await;
        let asked = call.text.trim();
        let meant: Vec<RunId> = if asked.eq_ignore_ascii_case("all") {
            runs.iter().map(|run| run.id).collect()
        } else if let Some(run) = RunId::parse(asked) {
            vec![run]
        } else if let Some(reply) = &call.reply_to {
            match host.run_of(&reply.message).await {
                Some(run) => vec![run],
                None => return Ok(Some(CommandReply::markdown(NOTHING_THERE))),
            }
        } else {
            let working: Vec<RunSummary> = runs.iter().filter(|run| !run.answered).cloned().collect();
            if working.len() > 1 {
                return Ok(Some(which(&working)));
            }
            working.iter().map(|run| run.id).collect()
        };
        if meant.is_empty() {
            return Ok(Some(CommandReply::markdown(NOTHING_HERE)));
        }
        let mut count = 0;
        for run in meant {
            // Only what shows in this chat can be stopped from it.
            let is_here = runs.iter().any(|here| here.id == run);
            count += usize::from(is_here && host.cancel(run).await);
        }
        Ok(Some(match count {
            0 if call.reply_to.is_some() => CommandReply::markdown(NOTHING_THERE),
            0 => CommandReply::markdown("no such run here; it may be over already"),
            count => stopped(count),
        }))
    }
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

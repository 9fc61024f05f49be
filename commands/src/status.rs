//! `/status`: what runs and waits, here and elsewhere.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use takopi_core::id::NameError;
use takopi_core::port::command::{
    Call, CallSummary, Command, CommandError, CommandHost, CommandReply, CommandSpec, RunSummary,
};
use takopi_core::render::{code_span, format_elapsed, shorten};
use tokio_util::sync::CancellationToken;

/// Runs and commands listed one by one; more are only counted.
const LISTED: usize = 10;

pub(crate) fn spec() -> Result<CommandSpec, NameError> {
    crate::spec("status", "/status", "show what runs and waits", Vec::new()).map(crate::private)
}

pub(crate) struct Status;

#[async_trait]
impl Command for Status {
    async fn call(
        &self,
        call: Call,
        host: Arc<dyn CommandHost>,
        _stop: CancellationToken,
    ) -> Result<Option<CommandReply>, CommandError> {
        let runs = host.runs(true).await;
        let (here, elsewhere): (Vec<_>, Vec<_>) =
            runs.into_iter().partition(|run| run.address == call.message.address);
        let calls = host.calls().await;
        let mut paragraphs = vec![match (here.len(), calls.len()) {
            (0, 0) => "nothing is running here".to_owned(),
            _ => listed(&here, &calls),
        }];
        match elsewhere.len() {
            0 => {}
            1 => paragraphs.push("1 run in another chat".to_owned()),
            several => paragraphs.push(format!("{several} runs in other chats")),
        }
        let place = host.context().await.ok().and_then(|context| crate::place(&context));
        let place = place.map_or_else(String::new, |place| format!("\n\nproject here: {place}"));
        paragraphs.push(format!("engine here: {}{place}", crate::engine_here(&*host).await));
        Ok(Some(CommandReply::markdown(paragraphs.join("\n\n"))))
    }
}

fn listed(runs: &[RunSummary], calls: &[CallSummary]) -> String {
    let commands = calls.iter().map(|call| format!("- at work · `/{}`", call.command));
    let mut lines: Vec<String> = runs.iter().map(line).chain(commands).collect();
    if lines.len() > LISTED {
        let more = lines.len() - LISTED;
        lines.truncate(LISTED);
        lines.push(format!("- … and {more} more"));
    }
    lines.join("\n")
}

fn line(run: &RunSummary) -> String {
    let elapsed = format_elapsed(Duration::from_secs(run.elapsed_s));
    let state = match run.ahead {
        None => "running".to_owned(),
        Some(ahead) => format!("waiting behind {ahead}"),
    };
    let place = crate::place(&run.context).map_or_else(String::new, |place| format!(" · {place}"));
    let prompt = code_span(&shorten(&run.prompt, 50));
    format!("- {state} · {elapsed} · {}{place} · {prompt}", run.engine)
}

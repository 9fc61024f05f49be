//! The contract of commands: a call is answered whatever its arguments are, and one that is taken back ends soon.

use std::time::Duration;

use takopi_plugin_protocol::command::Call;
use takopi_plugin_protocol::life::Kind;
use takopi_plugin_protocol::message::{Address, MessageRef, Sender};
use takopi_stdio::rpc::{CallError, Patience};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::probe::{Farewell, Probe};
use super::{CANCELLED_WITHIN, Row, Rows, SLOW, Subject};
use crate::process::Failure;

/// What a command is called with, and how that is called.
const CALLS: [(&str, &str); 3] = [
    ("a call with arguments is answered", "one 'two words'"),
    ("a call without arguments is answered", ""),
    ("a call in other letters is answered", "Grüße 🐙 «日本»\nthe second line"),
];

/// How long a call may take. What it asks takopi for is answered at once here.
const CALL: Duration = Duration::from_secs(30);

/// Why a call is not tried.
const UNANSWERED: &str = "the call before was not answered";

const CANCEL: &str = "a call that is taken back ends within 5 s";

/// Tries a command; returns how its process went too.
pub(super) async fn check(subject: &Subject, id: &str, rows: &mut Rows<'_>) -> Vec<Farewell> {
    let about = format!("command {id}");
    let probe = match subject.start().await {
        Ok(probe) => probe,
        Err(failure) => {
            rows.push(Row::failed(&about, CALLS[0].0, failure));
            return Vec::new();
        }
    };
    let mut answers_calls = true;
    for (check, text) in CALLS {
        rows.push(if answers_calls {
            let (row, was_answered) = answers(subject, &probe, id, &about, check, text).await;
            answers_calls = was_answered;
            row
        } else {
            Row::skipped(&about, check, UNANSWERED)
        });
    }
    rows.push(match answers_calls {
        true => cancels(subject, &probe, id, &about).await,
        false => Row::skipped(&about, CANCEL, UNANSWERED),
    });
    vec![probe.farewell().await]
}

/// Tries one call; returns whether it was answered too, however.
async fn answers(
    subject: &Subject,
    probe: &Probe,
    id: &str,
    about: &str,
    check: &str,
    text: &str,
) -> (Row, bool) {
    let begun = Instant::now();
    let context = format!("made-up {check}");
    probe.heard.open_context(&context);
    let answer = probe.call(&call(subject, id, &context, text), &subject.patience(CALL)).await;
    probe.heard.close_context(&context);
    let took = begun.elapsed();
    let row = match answer {
        // What the arguments lack is the command's to say, in whichever way.
        Ok(_) | Err(Failure::Call(CallError::Refused(_))) if took > SLOW => {
            Row::note(about, check, format_args!("that took {} ms", took.as_millis()))
        }
        Ok(answer) => match answer.reply {
            Some(reply) if reply.body.text.is_empty() && reply.body.files.is_empty() => {
                Row::failed(about, check, "the reply has no text")
                    .remedy("put something into `reply.body.text`, or leave `reply` out to say nothing")
            }
            _ => Row::ok(about, check),
        },
        Err(Failure::Call(CallError::Refused(error))) => {
            Row::note(about, check, format_args!("people read: {}", error.message))
        }
        Err(failure) => {
            let row = Row::failed(about, check, failure)
                .remedy("answer `command/call` with {\"reply\": {\"body\": {\"text\": …}}} or {}");
            return (row, false);
        }
    };
    (row, true)
}

async fn cancels(subject: &Subject, probe: &Probe, id: &str, about: &str) -> Row {
    let cancel = CancellationToken::new();
    let patience = Patience::of(CALL).until(cancel.clone()).grace(CANCELLED_WITHIN);
    let context = "made-up cancelled";
    probe.heard.open_context(context);
    let params = call(subject, id, context, "one");
    let begun = Instant::now();
    let (answer, ()) = tokio::join!(probe.call(&params, &patience), async {
        // Let the request be written first.
        tokio::task::yield_now().await;
        cancel.cancel();
    });
    probe.heard.close_context(context);
    match answer {
        Ok(_) | Err(Failure::Call(CallError::Refused(_))) => Row::ok(about, CANCEL),
        Err(Failure::Call(CallError::Cancelled)) if begun.elapsed() < CANCELLED_WITHIN => {
            Row::ok(about, CANCEL)
        }
        Err(Failure::Call(CallError::Cancelled)) => Row::failed(about, CANCEL, "it was not answered")
            .remedy("answer each request once, a cancelled one too: with its result or with error -32800"),
        Err(failure) => Row::failed(about, CANCEL, failure),
    }
}

fn call(subject: &Subject, id: &str, context: &str, text: &str) -> Call {
    let address = Address { instance: "check".to_owned(), chat: "made-up".to_owned(), thread: None };
    let args = match text {
        "one 'two words'" => vec!["one".to_owned(), "two words".to_owned()],
        text => text.split_whitespace().map(str::to_owned).collect(),
    };
    Call {
        id: id.to_owned(),
        context: context.to_owned(),
        args_text: text.to_owned(),
        args,
        message: MessageRef { address, id: "1".to_owned() },
        sender: Sender { id: "1".to_owned(), name: "Somebody".to_owned(), is_bot: false },
        pressed: false,
        reply_to: None,
        project: None,
        branch: None,
        config: subject.tables.of(Kind::Command, id),
    }
}

//! One message from being submitted to the end of what came of it, over as many connections as it takes.
//!
//! A lost connection is not the end of a run: this connects again and follows on. Ctrl-C is: it cancels the
//! run and waits until its processes are gone; pressed again, it leaves at once.

use std::sync::Arc;
use std::time::Duration;

use takopi_core::desk::Followed;
use takopi_core::event::{Outcome, RunEnd};
use takopi_core::id::RunId;
use takopi_local::Submit;
use tokio::time::Instant;

use super::link::Link;
use super::view::View;
use crate::control::client::{Client, ClientError};
use crate::control::wire::{Subject, Told};
use crate::report::{Exit, Failure};
use crate::signals::Signals;

/// How long to go on trying without any success.
const PERSISTENCE: Duration = Duration::from_secs(30);

/// How long to leave the house alone after it said `not now`.
const BREATHER: Duration = Duration::from_millis(100);

/// How often a view that shows the time is painted while nothing happens.
const HEARTBEAT: Duration = Duration::from_millis(500);

/// What came of a message.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Ending {
    /// A run.
    Run {
        /// How it ended.
        end: RunEnd,
        /// The line that continues its session.
        resume: Option<String>,
    },
    /// The house replied without a run; empty when there was nothing to say.
    Reply(String),
    /// The house refused.
    Refused(String),
    /// The person would not wait for the end.
    Left,
}

impl Ending {
    /// Returns what belongs on stdout.
    pub(super) fn answer(&self) -> &str {
        match self {
            Self::Run { end, .. } => &end.answer,
            Self::Reply(text) => text,
            Self::Refused(_) | Self::Left => "",
        }
    }

    /// Returns the line that continues the session.
    pub(super) fn resume(&self) -> Option<&str> {
        match self {
            Self::Run { resume, .. } => resume.as_deref(),
            Self::Reply(_) | Self::Refused(_) | Self::Left => None,
        }
    }

    /// Returns what else the person should know.
    pub(super) fn problem(&self) -> Option<String> {
        let Self::Run { end, .. } = self else { return None };
        let left = || {
            (!end.left_running.is_empty()).then(|| format!("left running: {}", end.left_running.join(", ")))
        };
        match &end.outcome {
            Outcome::Answered => left(),
            Outcome::Cancelled => Some("cancelled".to_owned()),
            Outcome::Interrupted => Some("error: interrupted: takopi was stopped while it worked".to_owned()),
            Outcome::Failed(reason) => Some(format!("error: {reason}")),
        }
    }

    /// Returns the exit code it comes to.
    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::Run { end: RunEnd { outcome: Outcome::Answered, .. }, .. } | Self::Reply(_) => Exit::Done,
            Self::Run { end: RunEnd { outcome: Outcome::Cancelled, .. }, .. } | Self::Left => {
                Exit::Interrupted
            }
            Self::Run { .. } | Self::Refused(_) => Exit::Failed,
        }
    }
}

/// What is known of a message so far, whichever connection told it.
struct Turn {
    submit: Submit,
    accepted: bool,
    run: Option<RunId>,
    seq: u64,
    replies: Vec<String>,
    cancel: bool,
    trouble_since: Option<Instant>,
}

/// How one connection served.
enum Served {
    Ended(Ending),
    Lost(ClientError),
}

/// Says something and returns what came of it.
///
/// # Errors
/// [`Failure`] when the house could not be reached for too long, or refused to be spoken to.
pub(super) async fn say_to(
    link: &mut Link,
    submit: Submit,
    view: &mut View,
    signals: &mut Signals,
) -> Result<Ending, Failure> {
    let mut turn = Turn {
        submit,
        accepted: false,
        run: None,
        seq: 0,
        replies: Vec::new(),
        cancel: false,
        trouble_since: None,
    };
    let ending = loop {
        match turn.serve(link.client(), view, signals).await? {
            Served::Ended(ending) => break ending,
            Served::Lost(error) => turn.check_patience(&error)?,
        }
        let renewed = async {
            tokio::time::sleep(BREATHER).await;
            link.renew().await
        };
        tokio::select! {
            renewed = renewed => renewed?,
            _ = signals.stop() => break Ending::Left,
        }
    };
    view.finish();
    Ok(ending)
}

impl Turn {
    fn check_patience(&mut self, error: &ClientError) -> Result<(), Failure> {
        tracing::debug!(%error, "following on over another connection");
        let since = *self.trouble_since.get_or_insert_with(Instant::now);
        if since.elapsed() < PERSISTENCE {
            return Ok(());
        }
        let failure = Failure::told(error);
        Err(if self.accepted {
            failure.hint("the message was accepted; see `takopi status`")
        } else {
            failure
        })
    }

    fn subject(&self) -> Option<Subject> {
        if let Some(run) = self.run {
            return Some(Subject::Run { run });
        }
        let (conversation, message) = (self.submit.conversation?, self.submit.client_id.clone()?);
        Some(Subject::Message { conversation, message })
    }

    /// Follows over one connection, submitting first what isn't accepted yet.
    async fn serve(
        &mut self,
        client: Arc<Client>,
        view: &mut View,
        signals: &mut Signals,
    ) -> Result<Served, Failure> {
        let Some(subject) = self.subject() else { return Err(Failure::told("the message has no identity")) };
        let mut following = client.follow(subject, self.seq);
        let submit = self.submit.clone();
        let mut submitting = Box::pin(async { client.submit(&submit).await });
        let mut cancelling = Box::pin(self.cancelling(&client));
        let mut heartbeat = tokio::time::interval(HEARTBEAT);
        let (mut submit_pending, mut cancel_pending) = (!self.accepted, self.cancel);
        loop {
            tokio::select! {
                // Following is asked for first: then nothing of what comes of the message is missed.
                biased;
                told = following.next() => match told {
                    Ok(Some(told)) => {
                        if let Some(ending) = self.hear(told, view)? {
                            return Ok(Served::Ended(ending));
                        }
                        if self.cancel && !cancel_pending && self.run.is_some() {
                            cancelling = Box::pin(self.cancelling(&client));
                            cancel_pending = true;
                        }
                    }
                    Ok(None) => return Ok(Served::Ended(Ending::Reply(self.replies.join("\n\n")))),
                    // A daemon that was restarted has given the message another run.
                    Err(ClientError::NotFound(_)) if self.run.is_some() => {
                        (self.run, self.seq) = (None, 0);
                        return Ok(Served::Lost(ClientError::NotNow("the run is not known any more".to_owned())));
                    }
                    Err(error) if error.is_passing() => return Ok(Served::Lost(error)),
                    Err(error) => return Err(Failure::told(error)),
                },
                submitted = &mut submitting, if submit_pending => {
                    submit_pending = false;
                    match submitted {
                        Ok(_) => self.accepted = true,
                        Err(error) if error.is_passing() => return Ok(Served::Lost(error)),
                        Err(error) => return Ok(Served::Ended(Ending::Refused(error.to_string()))),
                    }
                }
                cancelled = &mut cancelling, if cancel_pending => {
                    // The end of the run is what counts; if this failed, the person presses again.
                    cancel_pending = false;
                    if let Err(error) = cancelled {
                        view.remark(&format!("could not cancel: {error}"));
                    }
                }
                _ = signals.stop() => {
                    if std::mem::replace(&mut self.cancel, true) {
                        return Ok(Served::Ended(Ending::Left));
                    }
                    view.remark("stopping … (Ctrl-C again leaves at once)");
                    cancelling = Box::pin(self.cancelling(&client));
                    cancel_pending = true;
                }
                _ = heartbeat.tick() => view.tick(),
            }
        }
    }

    fn hear(&mut self, told: Told, view: &mut View) -> Result<Option<Ending>, Failure> {
        self.trouble_since = None;
        match &told {
            Told::Accepted => self.accepted = true,
            Told::Queued { run, .. } | Told::Started { run } | Told::Run { run, .. } => self.run = Some(*run),
            Told::Reply { text } => self.replies.push(text.clone()),
            Told::Settled => {}
        }
        view.show(&told, self.submit.conversation)?;
        Ok(match told {
            Told::Run { item: Followed::End { end, .. }, resume, .. } => {
                Some(Ending::Run { end: *end, resume })
            }
            Told::Run { item: Followed::Event { seq, .. } | Followed::Snapshot { seq, .. }, .. } => {
                self.seq = seq;
                None
            }
            Told::Settled => Some(self.reply()),
            _ => None,
        })
    }

    /// Stops the run; where there is none, the command that is at work for the message.
    fn cancelling(&self, client: &Arc<Client>) -> impl Future<Output = Result<(), ClientError>> + use<> {
        let (client, run) = (client.clone(), self.run);
        let conversation = self.submit.conversation;
        let command = Submit { conversation, text: "/cancel".to_owned(), ..Submit::default() };
        async move {
            match run {
                Some(run) => client.cancel(run).await.map(|_| ()),
                None => client.submit(&command).await.map(|_| ()),
            }
        }
    }

    fn reply(&mut self) -> Ending {
        let text = std::mem::take(&mut self.replies).join("\n\n");
        // As the desk answers for a command that was taken back.
        if self.cancel && text.trim_matches('`') == "cancelled" {
            return Ending::Run { end: RunEnd::new(Outcome::Cancelled, ""), resume: None };
        }
        // Commands have no exit code; their refusals begin like this in every chat.
        if text.starts_with("error: ") { Ending::Refused(text) } else { Ending::Reply(text) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(outcome: Outcome) -> Ending {
        Ending::Run { end: RunEnd::new(outcome, "out"), resume: None }
    }

    #[test]
    fn every_ending_has_its_exit_code_and_its_words() {
        let failed = Outcome::Failed("exit status 3".to_owned());
        let interrupted = "error: interrupted: takopi was stopped while it worked";
        for (ending, exit, answer, problem) in [
            (run(Outcome::Answered), Exit::Done, "out", None),
            (run(Outcome::Cancelled), Exit::Interrupted, "out", Some("cancelled")),
            (run(Outcome::Interrupted), Exit::Failed, "out", Some(interrupted)),
            (run(failed), Exit::Failed, "out", Some("error: exit status 3")),
            (Ending::Reply("queued: 0".to_owned()), Exit::Done, "queued: 0", None),
            (Ending::Refused("error: no".to_owned()), Exit::Failed, "", None),
            (Ending::Left, Exit::Interrupted, "", None),
        ] {
            assert_eq!(ending.exit(), exit, "{ending:?}");
            assert_eq!((ending.answer(), ending.problem().as_deref()), (answer, problem), "{ending:?}");
        }
    }

    #[test]
    fn what_an_engine_left_running_is_named() {
        let mut end = RunEnd::new(Outcome::Answered, "");
        end.left_running.push("npm run dev (pid 7)".to_owned());
        assert_eq!(
            Ending::Run { end, resume: None }.problem().as_deref(),
            Some("left running: npm run dev (pid 7)")
        );
    }
}

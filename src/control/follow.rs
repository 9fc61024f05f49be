//! Following a message: from being accepted to the end of the run it became, or to the house's reply.
//!
//! Whoever follows may come at any time, even before the message is submitted and again after a lost
//! connection. What was missed is read from the ledger.

use std::time::Duration;

use takopi_core::desk::{DeskEvent, Followed};
use takopi_core::event::{Outcome, RunEnd};
use takopi_core::id::RunId;
use takopi_core::message::Body;
use takopi_core::port::ledger::{InboxId, RunRow, Said};
use takopi_local::{ConversationId, Door, Listener, LocalError, LocalEvent};
use takopi_stdio::rpc::{CallError, Peer};

use super::wire::{Notice, Subject, Told, method};

/// How far back a message is looked for.
const LOOK_BACK: usize = 200;

/// How long nothing is heard before the ledger is asked whether the message is dealt with: it may have been before we
/// listened.
const SILENCE: Duration = Duration::from_secs(10);

/// Why following ended before its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum FollowError {
    /// There is no such run, here or in the ledger.
    #[error("there is no run {0}")]
    NoRun(RunId),
    /// The house is closing, or has not taken up what was left of the last one.
    #[error("takopi is starting or closing")]
    NotNow,
    /// Reading failed.
    #[error(transparent)]
    Local(#[from] LocalError),
    /// The client is gone.
    #[error(transparent)]
    Gone(#[from] CallError),
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Fate {
    /// A run, with the words for it unless it was found in the ledger.
    Run(RunId, Option<Told>),
    /// Nothing that runs.
    Settled,
}

/// Tells the client.
pub(super) struct Teller {
    pub(super) peer: Peer,
    pub(super) id: u64,
}

impl Teller {
    async fn tell(&self, told: Told) -> Result<(), CallError> {
        let notice = Notice { id: self.id, told };
        let params = serde_json::to_value(notice).unwrap_or_default();
        self.peer.notify(method::TOLD, params).await
    }
}

/// Tells of `subject` until its end.
pub(super) async fn follow(
    door: &Door,
    subject: Subject,
    from_seq: u64,
    teller: &Teller,
) -> Result<(), FollowError> {
    let (conversation, message) = match subject {
        Subject::Run { run } => return follow_run(door, run, from_seq, from_seq > 0, teller).await,
        Subject::Message { conversation, message } => (conversation, message),
    };
    let mut search = Search::begin(door, conversation, message);
    let fate = search.fate(Some(teller)).await?;
    match fate {
        Fate::Run(run, queued) => {
            if let Some(queued) = queued {
                teller.tell(queued).await?;
            }
            follow_run(door, run, from_seq, from_seq > 0, teller).await
        }
        Fate::Settled => {
            for text in search.replies().await? {
                teller.tell(Told::Reply { text }).await?;
            }
            Ok(teller.tell(Told::Settled).await?)
        }
    }
}

/// Waits until the desk has decided on a message. Begin before it is submitted.
pub(super) struct Search<'a> {
    door: &'a Door,
    listener: Listener,
    conversation: ConversationId,
    message: String,
    inbox: Option<InboxId>,
}

impl<'a> Search<'a> {
    /// Begins to listen.
    pub(super) fn begin(door: &'a Door, conversation: ConversationId, message: String) -> Self {
        let listener = door.listen(Some(conversation));
        Self { door, listener, conversation, message, inbox: None }
    }

    /// Returns what becomes of the message, telling of its acceptance.
    pub(super) async fn fate(&mut self, teller: Option<&Teller>) -> Result<Fate, FollowError> {
        let mut look = true;
        let mut told = false;
        loop {
            let fate = if std::mem::take(&mut look) { self.look_back().await? } else { None };
            if let (false, Some(_), Some(teller)) = (told, self.inbox, teller) {
                teller.tell(Told::Accepted).await?;
                told = true;
            }
            if let Some(fate) = fate {
                return Ok(fate);
            }
            let Ok(event) = tokio::time::timeout(SILENCE, self.listener.next()).await else {
                // A command may take minutes, so silence alone says nothing.
                let is_over = match self.inbox {
                    Some(inbox) => !self.door.is_pending(inbox).await?,
                    None => false,
                };
                if is_over {
                    return Ok(self.look_back().await?.unwrap_or(Fate::Settled));
                }
                look = true;
                continue;
            };
            let event = event.ok_or(FollowError::NotNow)?;
            match event {
                LocalEvent::Desk { event, .. } => {
                    // When a run starts the ledger learns which messages it answers.
                    let began = matches!(event, DeskEvent::Started { .. } | DeskEvent::Ended { .. });
                    look = began && self.inbox.is_some();
                    if let Some(fate) = self.heard(event) {
                        return Ok(fate);
                    }
                }
                LocalEvent::Missed => look = true,
                _ => {}
            }
        }
    }

    fn heard(&mut self, event: DeskEvent) -> Option<Fate> {
        match event {
            DeskEvent::Accepted { inbox, upstream, .. } if upstream == self.message => {
                self.inbox = Some(inbox);
                None
            }
            DeskEvent::Queued { run, inbox, engine, ahead, .. }
                if self.inbox.is_some_and(|id| inbox.contains(&id)) =>
            {
                Some(Fate::Run(run, Some(Told::Queued { run, engine, ahead })))
            }
            DeskEvent::Settled { inbox, .. } if self.inbox == Some(inbox) => Some(Fate::Settled),
            _ => None,
        }
    }

    /// Looks for the message in the ledger: it may have been decided on before we listened.
    async fn look_back(&mut self) -> Result<Option<Fate>, LocalError> {
        let mut settled = false;
        for said in self.door.history(self.conversation, None, LOOK_BACK).await? {
            match said {
                Said::Inbound { id, inbound, run, .. } if inbound.upstream() == self.message => {
                    self.inbox = Some(id);
                    if let Some(run) = run {
                        return Ok(Some(Fate::Run(run, None)));
                    }
                }
                Said::Post(row) => {
                    settled |= row.post.run.is_none() && answers(&row.post.reply_to, &self.message)
                }
                _ => {}
            }
        }
        Ok(settled.then_some(Fate::Settled))
    }

    /// Returns what the house said in answer. It is stored before the message counts as dealt with.
    async fn replies(&self) -> Result<Vec<String>, LocalError> {
        let said = self.door.history(self.conversation, None, LOOK_BACK).await?;
        let reply = |said| match said {
            Said::Post(row) if answers(&row.post.reply_to, &self.message) => {
                Some(row.post.parts.iter().map(text_of).collect::<Vec<_>>().join("\n\n"))
            }
            _ => None,
        };
        Ok(said.into_iter().filter_map(reply).collect())
    }
}

fn answers(reply_to: &Option<takopi_core::message::MessageRef>, message: &str) -> bool {
    reply_to.as_ref().is_some_and(|to| to.id == message)
}

/// Returns what a body says, for a terminal.
pub(super) fn text_of(body: &Body) -> String {
    let header = body.header.iter().map(String::as_str);
    let footer = body.footer.iter().map(String::as_str);
    let paragraphs = header.chain([body.text.as_str()]).chain(footer);
    paragraphs.map(str::trim_end).filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n\n")
}

async fn follow_run(
    door: &Door,
    run: RunId,
    from_seq: u64,
    mut started: bool,
    teller: &Teller,
) -> Result<(), FollowError> {
    let mut listener = door.listen(None);
    let Some(mut reader) = door.follow(run, from_seq) else {
        let row = door.run(run).await?.ok_or(FollowError::NoRun(run))?;
        let end = end_of(row).ok_or(FollowError::NotNow)?;
        let item = Followed::End { seq: from_seq, elapsed_ms: 0, end: Box::new(end) };
        let resume = resume_of(door, run, &item).await?;
        return Ok(teller.tell(Told::Run { run, item, resume }).await?);
    };
    let mut listening = true;
    loop {
        let item = tokio::select! {
            biased;
            event = listener.next(), if listening && !started => {
                match event {
                    Some(LocalEvent::Desk { event: DeskEvent::Started { run: other, .. }, .. }) if other == run => {
                        started = true;
                        teller.tell(Told::Started { run }).await?;
                    }
                    Some(_) => {}
                    None => listening = false,
                }
                continue;
            }
            item = reader.next() => item,
        };
        let Some(item) = item else { return Ok(()) };
        if !started && !matches!(item, Followed::End { .. }) {
            started = true;
            teller.tell(Told::Started { run }).await?;
        }
        let resume = resume_of(door, run, &item).await?;
        teller.tell(Told::Run { run, item, resume }).await?;
    }
}

/// Returns the line that continues the session of a run that has ended.
async fn resume_of(door: &Door, run: RunId, item: &Followed) -> Result<Option<String>, LocalError> {
    let Followed::End { end, .. } = item else { return Ok(None) };
    let Some(session) = &end.session else { return Ok(None) };
    let row = door.run(run).await?;
    Ok(row.and_then(|row| door.resume_line(&row.opened.engine, session)))
}

fn end_of(row: RunRow) -> Option<RunEnd> {
    let outcome: Outcome = row.outcome?;
    let mut end = RunEnd::new(outcome, row.answer.unwrap_or_default());
    end.session = row.opened.session;
    end.usage = row.usage;
    Some(end)
}

//! Updates, as they come: each is durable before the server is told that we have it. One that cannot be read is
//! stepped over; a server that is away, or polled by somebody else, is waited for.
//!
//! Own loop instead of teloxide's stream: the stream decodes a batch as a whole and sleeps on its own.

use std::time::Duration;

use serde::Serialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use takopi_core::desk::{AcceptError, FirstResponse, Inbox, RunAt};
use takopi_core::message::{ButtonAction, Inbound, MessageRef, Press, Sender};
use takopi_core::port::transport::TransportError;
use teloxide::ApiError;
use teloxide::payloads::{AnswerCallbackQuery, AnswerCallbackQuerySetters as _, DeleteWebhook};
use teloxide::requests::Payload;
use teloxide::types::{CallbackQueryId, Update as DecodedUpdate};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::api::{CALL_TIMEOUT, CallError};
use crate::callback::Here;
use crate::inbound::{Reader, Undecodable, Update, WANTED, press_identity, update_id};
use crate::transport::Telegram;

/// How long the server holds a poll open that has nothing to tell.
const LONG_POLL: Duration = Duration::from_secs(50);

/// How much longer than that its answer may take.
pub(crate) const POLL_SLACK: Duration = Duration::from_secs(15);

/// Pause after a failed poll: doubles from the first to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LAST_PAUSE: Duration = Duration::from_secs(32);

/// Pause while somebody else polls this bot. The other one loses its poll each time we try.
const RIVAL_PAUSE: Duration = Duration::from_secs(5);

/// How long the answer to a press may take. Telegram forgets a press after some seconds.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the last answers may take when receiving ends.
const FAREWELL: Duration = Duration::from_secs(1);

/// What a press of a button is told that nobody knows any more.
const FORGOTTEN: &str = "this button is too old; type what you want";

/// What presses of buttons of the Python takopi are told; no engine of ours takes a message into a turn.
const NOTHING_THERE: &str = "nothing is currently running for that message.";
const NOT_STEERABLE: &str = "active turn is not steerable; still queued.";
const NOT_QUEUED: &str = "this message is not queued.";

/// A poll (Bot API, getUpdates). Not teloxide's own: its offset has 32 bits.
#[derive(Debug, Serialize)]
pub(crate) struct Poll {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) offset: Option<i64>,
    /// Seconds.
    pub(crate) timeout: u64,
    pub(crate) allowed_updates: &'static [&'static str],
}

impl Payload for Poll {
    type Output = Vec<DecodedUpdate>;

    const NAME: &'static str = "GetUpdates";
}

/// An update that was read.
#[derive(Debug)]
struct Work {
    /// The update's id.
    id: i64,
    /// What is to be accepted of it.
    inbound: Option<Inbound>,
    /// The press that is to be answered, and what it is told if there is nothing to be accepted of it.
    query: Option<(String, Option<&'static str>)>,
}

/// Where a poller stands.
#[derive(Debug)]
pub(crate) struct Poller<'a> {
    bot: &'a Telegram,
    inbox: &'a Inbox,
    stop: &'a CancellationToken,
    offset: Option<i64>,
    pause: Duration,
    rival_told: bool,
    /// Answers to presses on their way.
    answers: JoinSet<()>,
}

impl<'a> Poller<'a> {
    pub(crate) fn new(bot: &'a Telegram, inbox: &'a Inbox, stop: &'a CancellationToken) -> Self {
        Self {
            bot,
            inbox,
            stop,
            offset: None,
            pause: FIRST_PAUSE,
            rival_told: false,
            answers: JoinSet::new(),
        }
    }

    /// Polls until `stop` fires.
    ///
    /// # Errors
    /// [`TransportError::Fatal`] when the token is none, [`TransportError::Broken`] when the house will not
    /// have what comes.
    pub(crate) async fn poll(mut self) -> Result<(), TransportError> {
        while !self.stop.is_cancelled() {
            while self.answers.try_join_next().is_some() {}
            let poll = Poll { offset: self.offset, timeout: LONG_POLL.as_secs(), allowed_updates: &WANTED };
            let polled = tokio::select! {
                () = self.stop.cancelled() => break,
                polled = self.bot.api.call::<_, Vec<Value>>(&poll, LONG_POLL + POLL_SLACK) => polled,
            };
            let pause = match polled {
                Ok(updates) => {
                    self.heard();
                    self.take(updates).await?
                }
                Err(error) => Some(self.failed(&error).await?),
            };
            if let Some(pause) = pause {
                tokio::select! {
                    () = self.stop.cancelled() => break,
                    () = self.bot.sleep(pause) => {}
                }
            }
        }
        // What was pressed last is answered, if that takes no time.
        let answered = async { while self.answers.join_next().await.is_some() {} };
        tokio::select! {
            () = answered => {}
            () = self.bot.sleep(FAREWELL) => {}
        }
        Ok(())
    }

    /// Answers a press beside what comes next: its button spins until then.
    fn answer(&mut self, query: String, toast: Option<String>) {
        let api = self.bot.api.clone();
        let payload = answer(query, toast);
        self.answers.spawn(async move {
            if let Err(error) = api.call::<_, IgnoredAny>(&payload, ANSWER_TIMEOUT).await {
                tracing::debug!(%error, "a press was not answered; its button stops spinning by itself");
            }
        });
    }

    /// The server answers.
    fn heard(&mut self) {
        if self.rival_told {
            tracing::info!(instance = %self.bot.instance, "nobody else polls this bot any more");
            self.rival_told = false;
        }
        self.bot.set_trouble(None);
    }

    /// Takes in a batch, in order; the offset goes no further than what is durable. It is written as a whole, and
    /// only where that fails one by one, as far as it goes. Returns how long to wait before the rest is asked for
    /// again.
    async fn take(&mut self, updates: Vec<Value>) -> Result<Option<Duration>, TransportError> {
        if self.stop.is_cancelled() {
            return Ok(None);
        }
        let batch: Vec<Work> = updates.into_iter().filter_map(|update| self.read(update)).collect();
        let Err(error) = self.take_in(&batch).await else { return Ok(None) };
        if let [_] = batch.as_slice() {
            return self.not_taken(&error);
        }
        tracing::warn!(updates = batch.len(), %error, "what came together is taken one by one");
        for one in batch.chunks(1) {
            if let Err(error) = self.take_in(one).await {
                return self.not_taken(&error);
            }
        }
        Ok(None)
    }

    /// Reads an update; one nobody can read, or that concerns nobody, is only to be stepped over.
    fn read(&self, update: Value) -> Option<Work> {
        let bot = self.bot;
        let Some(id) = update_id(&update) else {
            // Whether it comes again is for the server to know; it must not keep us busy.
            bot.step_over(None, &Undecodable { problem: "it has no update_id".to_owned() });
            return None;
        };
        let reader = Reader { instance: &bot.instance, bot: bot.api.bot_id(), kept: &bot.kept };
        let nothing = Work { id, inbound: None, query: None };
        Some(match reader.read(id, update) {
            Ok(Update::Said(inbound)) => Work { inbound: Some(inbound), ..nothing },
            Ok(Update::Pressed { query, inbound, here, is_ours, sender, message })
                if bot.gate.admits(&message.address.chat, Some(&sender)) =>
            {
                let (inbound, toast) = match here {
                    None => (inbound, is_ours.then_some(FORGOTTEN)),
                    Some(here) => self.pressed_here(here, &query, message, sender),
                };
                Work { inbound, query: Some((query, toast)), ..nothing }
            }
            Ok(Update::Pressed { .. } | Update::Nothing) => nothing,
            Ok(Update::Moved { from, to }) => {
                bot.chat_moved(from, to);
                nothing
            }
            Err(problem) => {
                bot.step_over(Some(id), &problem);
                nothing
            }
        })
    }

    /// Returns what a press of a button of the Python takopi is, by the run its message shows, or what it is told.
    fn pressed_here(
        &self,
        here: Here,
        query: &str,
        message: MessageRef,
        sender: Sender,
    ) -> (Option<Inbound>, Option<&'static str>) {
        match (here, self.inbox.run_at(&message)) {
            (Here::Cancel, Some(RunAt { run, .. })) => {
                let (upstream, action) = (press_identity(query), ButtonAction::Cancel { run });
                (Some(Inbound::Press(Press { upstream, message, sender, action })), None)
            }
            (Here::Cancel, None) => (None, Some(NOTHING_THERE)),
            (Here::Steer, Some(RunAt { waits: true, .. })) => (None, Some(NOT_STEERABLE)),
            (Here::Steer, _) => (None, Some(NOT_QUEUED)),
        }
    }

    /// Takes in all of these or none, answers presses, and moves the offset behind them.
    async fn take_in(&mut self, batch: &[Work]) -> Result<(), AcceptError> {
        let inbounds: Vec<_> = batch.iter().filter_map(|work| work.inbound.clone()).collect();
        let mut first = match inbounds.is_empty() {
            true => Vec::new().into_iter(),
            false => self.inbox.accept_all(inbounds).await?.into_iter(),
        };
        for work in batch {
            let first = work.inbound.as_ref().and_then(|_| first.next());
            if let Some((query, without)) = &work.query {
                let without = || without.map(str::to_owned);
                self.answer(query.clone(), first.map_or_else(without, toast));
            }
        }
        if let Some(last) = batch.last() {
            self.offset = Some(last.id.saturating_add(1));
            self.pause = FIRST_PAUSE;
        }
        Ok(())
    }

    /// Returns how long to wait before what was not taken is asked for again.
    fn not_taken(&mut self, error: &AcceptError) -> Result<Option<Duration>, TransportError> {
        match error {
            AcceptError::Closing if self.stop.is_cancelled() => Ok(None),
            AcceptError::Closing | AcceptError::NotServed(_) => {
                Err(TransportError::Broken(error.to_string()))
            }
            AcceptError::Ledger(_) => {
                let pause = self.longer();
                tracing::error!(%error, pause_ms = pause.as_millis(), "an update is not taken yet");
                Ok(Some(pause))
            }
        }
    }

    /// Returns how long to wait after a failed poll.
    async fn failed(&mut self, error: &CallError) -> Result<Duration, TransportError> {
        let instance = &self.bot.instance;
        match error {
            CallError::Limited(after) => return Ok(*after),
            CallError::Refused { code: 401 | 404, .. } => return Err(self.bot.unknown_token()),
            CallError::Refused { error, .. } if matches!(**error, ApiError::CantGetUpdates) => {
                self.remove_webhook().await;
                return Ok(FIRST_PAUSE);
            }
            CallError::Refused { code: 409, .. } => {
                if !self.rival_told {
                    let rival = self.bot.rival();
                    tracing::error!(%instance, "{rival}");
                    self.bot.set_trouble(Some(rival));
                    self.rival_told = true;
                }
                return Ok(RIVAL_PAUSE);
            }
            _ => {}
        }
        let pause = self.longer();
        tracing::warn!(%instance, %error, pause_ms = pause.as_millis(), "updates could not be fetched");
        self.bot.set_trouble(Some(format!("updates cannot be fetched: {error}")));
        Ok(pause)
    }

    /// Makes polling possible where somebody has set a webhook before. What waits there is kept.
    async fn remove_webhook(&self) {
        let instance = &self.bot.instance;
        match self.bot.api.call::<_, bool>(&DeleteWebhook::new(), CALL_TIMEOUT).await {
            Ok(_) => tracing::warn!(%instance, "the bot's webhook is removed: takopi polls"),
            Err(error) => tracing::error!(%instance, %error, "the bot's webhook is in the way"),
        }
    }

    fn longer(&mut self) -> Duration {
        let pause = self.pause;
        self.pause = (pause * 2).min(LAST_PAUSE);
        pause
    }
}

fn toast(first: FirstResponse) -> Option<String> {
    match first {
        FirstResponse::Toast(text) => Some(text),
        FirstResponse::Ack | FirstResponse::Defer { .. } => None,
    }
}

fn answer(query: String, toast: Option<String>) -> AnswerCallbackQuery {
    let answer = AnswerCallbackQuery::new(CallbackQueryId(query));
    match toast {
        Some(text) => answer.text(text),
        None => answer,
    }
}

//! What an interaction means, and its first response: within three seconds, whatever the ledger does meanwhile.
//!
//! A prompt (`prompt.rs`) is answered first, in public: the answer is the message its thread opens on. Everything else
//! is accepted first, for a second and a half at most, so that the first response is the desk's own where it has one.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Map, Value};
use takopi_core::desk::{FirstResponse, Inbox};
use takopi_core::id::EngineId;
use takopi_core::message::{ButtonAction, Chosen, Inbound, Invoke, Message, MessageRef, Press};
use takopi_core::port::command::options_of;
use takopi_core::port::ledger::InboxId;
use takopi_core::port::transport::Admission;
use takopi_core::session::{Context, Session, SessionToken};
use takopi_core::time::Moment;

use super::arrival::Arrival;
use super::read::{Given, Origin, Wish};
use super::rest::{Ask, To};
use super::set::{self, ASK, RUN};
use super::{IDENTITY, Native, NativeCommand, NativeKind, response};
use crate::answers::Next;
use crate::api::CallError;
use crate::failure::is_answered_already;

/// How long accepting may take before Discord is told to wait.
const ACCEPT_WAIT: Duration = Duration::from_millis(1500);

/// How long after it was heard an interaction is answered for the first time: three seconds are allowed, and some were
/// spent on the way.
const ANSWER_BY: Duration = Duration::from_millis(2700);

/// How long one try of a first response may take, and the pause before the next.
const ONE_TRY: Duration = Duration::from_millis(900);
const TRY_AGAIN: Duration = Duration::from_millis(100);

/// How long any other call about an interaction may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// Tries of a call about an interaction that was answered, and the longest silence that is kept for one.
const TRIES: u32 = 5;
const LONGEST_SILENCE: Duration = Duration::from_secs(60);

/// Most files that come with a command: as many as Discord lets a message have, of those that an option takes one each.
const MAX_FILES: usize = 10;

const NOT_SERVED: &str = "you may not use this bot here; ask whoever runs it";
const NOT_TAKEN: &str = "this could not be written down and was not done; please try again";
const TOO_LATE: &str = "this came too late and was not done; please try again";
const NO_SESSION: &str = "that is no session; choose one of those that are offered while you type";
const UNKNOWN_COMMAND: &str = "there is no such command any more";

/// An interaction that is being done.
pub(super) struct Doing<'a> {
    pub(super) native: &'a Native,
    pub(super) inbox: &'a Inbox,
    pub(super) origin: Origin,
    heard: Moment,
}

/// How a kind of interaction is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Manner {
    /// By a message of its own.
    Command {
        /// Whether only the caller sees it, where the desk does not say.
        ephemeral: bool,
    },
    /// By leaving the message as it is that carries the button.
    Press {
        /// That message, when what it shows may be over.
        may_be_over: Option<MessageRef>,
    },
}

impl Native {
    /// Does what somebody wants.
    pub(super) async fn do_it(&self, arrival: Arrival, origin: Origin, wish: Wish, inbox: &Inbox) {
        let doing = Doing { native: self, inbox, origin, heard: self.clock.moment() };
        match arrival {
            Arrival::Fresh => doing.wished(wish).await,
            Arrival::Stale(age) => doing.too_late(age, &wish).await,
            Arrival::Again => tracing::debug!(interaction = doing.origin.id, "an interaction came twice"),
        }
    }
}

impl Doing<'_> {
    async fn wished(&self, wish: Wish) {
        match wish {
            Wish::Command { name, given } => self.command(&name, given).await,
            Wish::OnMessage { text, files } => self.run_message(text, files).await,
            Wish::Choices { name, option, typed, given } => {
                self.choices(&name, &option, typed, &given).await;
            }
            Wish::Press { message, custom_id, values } => self.press(message, &custom_id, &values).await,
            Wish::Form { message, custom_id, fields } => self.form(message, &custom_id, fields).await,
            Wish::Nothing => self.whisper(UNKNOWN_COMMAND).await,
        }
    }

    /// Answers what seems too old. Discord knows better: if it still waits, our clock is wrong.
    async fn too_late(&self, age: Duration, wish: &Wish) {
        if matches!(wish, Wish::Choices { .. }) {
            return;
        }
        let (instance, age_s) = (&self.native.instance, age.as_secs());
        match self.respond(response::whisper(TOO_LATE)).await {
            Ok(_) => {
                self.native.arrivals.was_waited_for(age);
                tracing::warn!(%instance, age_s, "this machine's clock is ahead of Discord's: set it right");
            }
            Err(error) => tracing::info!(%instance, age_s, %error, "an old interaction is not done again"),
        }
    }

    async fn command(&self, name: &str, mut given: Given) {
        let commands = self.native.commands();
        match name {
            ASK => {
                let engine = given.texts.remove(set::ENGINE);
                self.ask(engine.as_deref(), given).await;
            }
            RUN => {
                let named = given.texts.remove(set::NAME).unwrap_or_default();
                let typed = given.texts.remove(set::ARGUMENTS).unwrap_or_default();
                match commands.get(named.trim().trim_start_matches('/')) {
                    Some(command) => self.typed(command, &typed, given).await,
                    None => self.whisper(UNKNOWN_COMMAND).await,
                }
            }
            _ => match commands.get(name) {
                Some(command) => self.native_command(command, given).await,
                None => self.whisper(UNKNOWN_COMMAND).await,
            },
        }
    }

    async fn native_command(&self, command: &NativeCommand, given: Given) {
        let id = match &command.kind {
            NativeKind::Engine(engine) => return self.ask(Some(engine.as_str()), given).await,
            NativeKind::Command(id) => id.clone(),
        };
        let Given { verb, texts, mut files } = given;
        let options = options_of(&command.options, verb.as_deref());
        // Discord writes names in lower case.
        let name_of = |told: &str| {
            let known = options.iter().find(|option| option.name.to_lowercase() == told);
            known.map_or_else(|| told.to_owned(), |option| option.name.clone())
        };
        let texts = texts.into_iter().map(|(name, text)| (name_of(&name), Value::String(text)));
        let texts: Map<_, _> = texts.collect();
        files.truncate(MAX_FILES);
        let inbound = Inbound::Invoke(Invoke {
            upstream: self.identity(),
            message: self.origin.message(),
            sender: self.origin.sender.clone(),
            command: id,
            arguments: match verb {
                Some(verb) => Map::from_iter([(verb, Value::Object(texts))]),
                None => texts,
            },
            files,
        });
        self.take(inbound, Manner::Command { ephemeral: command.ephemeral }).await;
    }

    /// Gives a command with its arguments as they are typed.
    async fn typed(&self, command: &NativeCommand, typed: &str, mut given: Given) {
        match &command.kind {
            NativeKind::Engine(engine) => {
                given.texts.insert(set::PROMPT.to_owned(), typed.to_owned());
                self.ask(Some(engine.as_str()), given).await;
            }
            NativeKind::Command(id) => {
                let text = format!("/{id} {}", typed.trim());
                let message = self.message(self.origin.message(), text.trim_end().to_owned());
                let manner = Manner::Command { ephemeral: command.ephemeral };
                self.take(Inbound::Message(message), manner).await;
            }
        }
    }

    /// Runs a prompt, with the engine of that name where one is given.
    async fn ask(&self, engine: Option<&str>, mut given: Given) {
        let named = engine.map(|name| name.trim().to_lowercase()).filter(|name| !name.is_empty());
        let engine = match named.as_deref().map(EngineId::parse).transpose() {
            Ok(engine) => engine,
            Err(error) => return self.whisper(&error.to_string()).await,
        };
        let mut text_of = |option| {
            let text = given.texts.remove(option)?.trim().to_owned();
            (!text.is_empty()).then_some(text)
        };
        let project = text_of(set::PROJECT).map(|alias| alias.to_lowercase());
        let branch = text_of(set::BRANCH).map(|name| name.trim_start_matches('@').to_owned());
        let prompt = text_of(set::PROMPT).unwrap_or_default();
        let session = match text_of(set::SESSION).map(|text| session(&text, engine.as_ref())) {
            Some(None) => return self.whisper(NO_SESSION).await,
            Some(found) => found,
            None => None,
        };
        let chosen = Chosen { engine, context: Context { project, branch }, session, dir: None };
        self.prompt(chosen, prompt, given.files).await;
    }

    /// Accepts something and answers the interaction, in time.
    pub(super) async fn take(&self, inbound: Inbound, manner: Manner) {
        if let Some(refusal) = self.refusal() {
            return self.whisper(&refusal).await;
        }
        if let Manner::Command { .. } = manner {
            let (key, max_upload) = (&self.origin.key, self.origin.max_upload);
            self.native.answers.expect(key, max_upload, self.native.clock.moment());
        }
        let accepting = self.inbox.accept(inbound);
        tokio::pin!(accepting);
        let in_time = tokio::select! {
            taken = &mut accepting => Some(taken),
            () = self.sleep(ACCEPT_WAIT) => None,
        };
        match in_time {
            Some(Ok(first)) => return self.answer(first, &manner).await,
            Some(Err(error)) => {
                tracing::error!(instance = %self.native.instance, %error, "an interaction is not taken");
                return self.whisper(NOT_TAKEN).await;
            }
            None => self.answer(FirstResponse::Ack, &manner).await,
        }
        match accepting.await {
            Ok(FirstResponse::Toast(text)) => self.add(&text, &manner).await,
            Ok(FirstResponse::Ack | FirstResponse::Defer { .. }) => {}
            Err(error) => {
                tracing::error!(instance = %self.native.instance, %error, "an interaction is not taken");
                self.add(NOT_TAKEN, &manner).await;
            }
        }
    }

    /// Gives the first response. A failure is told in the log: nobody waits for it any more.
    async fn answer(&self, first: FirstResponse, manner: &Manner) {
        let answers = &self.native.answers;
        let id = self.origin.key.interaction.as_str();
        let (body, more) = match (first, manner) {
            (FirstResponse::Toast(text), Manner::Command { .. }) => return self.whisper(&text).await,
            (first @ (FirstResponse::Ack | FirstResponse::Defer { .. }), Manner::Command { ephemeral }) => {
                let ephemeral = match first {
                    FirstResponse::Defer { ephemeral } => ephemeral,
                    _ => *ephemeral,
                };
                match self.respond(response::defer(ephemeral)).await {
                    Ok(_) => answers.deferred(id, ephemeral),
                    Err(error) => self.unanswered(&error),
                }
                return;
            }
            (FirstResponse::Toast(text), Manner::Press { may_be_over }) => {
                let is_over = |message: &MessageRef| self.inbox.run_at(message).is_none();
                let is_over = may_be_over.as_ref().is_some_and(is_over);
                (if is_over { response::strip() } else { response::heard() }, Some(text))
            }
            (FirstResponse::Ack | FirstResponse::Defer { .. }, Manner::Press { .. }) => {
                (response::heard(), None)
            }
        };
        match self.respond(body).await {
            Err(error) => self.unanswered(&error),
            Ok(_) => {
                if let Some(text) = more {
                    self.add(&text, manner).await;
                }
            }
        }
    }

    /// Says something after the first response, to the one person alone.
    pub(super) async fn add(&self, text: &str, manner: &Manner) {
        if let (Manner::Command { .. }, Some(Next::Call(claim))) =
            (manner, self.native.answers.first(&self.origin.message(), self.native.clock.moment()))
        {
            let (method, to) = claim.call();
            let body = claim.body(response::message(text));
            if let Some(answer) = self.surely(method, to.clone(), Some(body)).await {
                let id = answer.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
                claim.stands(&MessageRef { address: self.origin.address.clone(), id });
            }
            return;
        }
        let to = To::FollowUp(self.origin.key.clone());
        self.surely(Method::POST, to, Some(response::whispered(text))).await;
    }

    /// Says something as the first response, to the one person alone.
    pub(super) async fn whisper(&self, text: &str) {
        match self.respond(response::whisper(text)).await {
            Ok(_) => self.native.answers.said(&self.origin.key.interaction, true),
            Err(error) => self.unanswered(&error),
        }
    }

    /// Answers the interaction for the first time, as often as it takes while Discord waits. Answering twice is
    /// answering once.
    ///
    /// # Errors
    /// [`CallError`] when it stays unanswered, as far as is known.
    pub(super) async fn respond(&self, body: Value) -> Result<Value, CallError> {
        let (clock, until) = (&self.native.clock, self.heard + ANSWER_BY);
        let mut may_stand = false;
        loop {
            let patience = until.since(clock.moment()).clamp(TRY_AGAIN, ONE_TRY);
            let to = To::Callback(self.origin.key.clone());
            let ask = Ask { method: Method::POST, to, body: Some(body.clone()), patience };
            let error = match self.native.rest.ask(ask).await {
                Ok(answer) => return Ok(answer),
                Err(error) if may_stand && is_answered_already(&error) => {
                    return Ok(Value::Null);
                }
                Err(error @ CallError::Refused { status: ..500, .. }) => return Err(error),
                Err(error) => error,
            };
            let pause = match &error {
                CallError::Limited { after, .. } => *after,
                CallError::Unreachable(_) => TRY_AGAIN,
                CallError::Unknown(_) | CallError::Refused { .. } => {
                    may_stand = true;
                    TRY_AGAIN
                }
            };
            if clock.moment() + pause >= until {
                return Err(error);
            }
            self.sleep(pause).await;
        }
    }

    /// Makes a call after the first response, several times if need be; a failure is told in the log.
    pub(super) async fn surely(&self, method: Method, to: To, body: Option<Value>) -> Option<Value> {
        let mut pause = TRY_AGAIN;
        for tries_left in (0..TRIES).rev() {
            let (method, to, body) = (method.clone(), to.clone(), body.clone());
            let error = match self.native.rest.ask(Ask { method, to, body, patience: PATIENCE }).await {
                Ok(answer) => return Some(answer),
                Err(error) => error,
            };
            let is_final = match &error {
                CallError::Limited { after, .. } => {
                    pause = (*after).min(LONGEST_SILENCE);
                    false
                }
                CallError::Refused { status, .. } => *status < 500,
                CallError::Unknown(_) | CallError::Unreachable(_) => false,
            };
            if is_final || tries_left == 0 {
                tracing::warn!(instance = %self.native.instance, %error, "an interaction's answer stays as it was");
                return None;
            }
            self.sleep(pause).await;
            pause *= 2;
        }
        None
    }

    /// Returns why whoever did this may not, there. It is asked for as a press, whatever it was: nobody does one by
    /// accident, so that it always gets an answer.
    pub(super) fn refusal(&self) -> Option<String> {
        let probe = Press {
            upstream: self.identity(),
            message: self.origin.message(),
            sender: self.origin.sender.clone(),
            action: ButtonAction::Run { inbox: InboxId(0) },
        };
        match self.native.around.admits(&Inbound::Press(probe)) {
            // What came too late is not here any more.
            Admission::Served | Admission::Late(_) => None,
            Admission::Told(why) => Some(why),
            Admission::Silence | Admission::Stranger => Some(NOT_SERVED.to_owned()),
        }
    }

    /// Returns a message of whoever did this.
    pub(super) fn message(&self, message: MessageRef, text: String) -> Message {
        Message {
            upstream: self.identity(),
            message,
            sender: self.origin.sender.clone(),
            text,
            reply_to: None,
            attachments: Vec::new(),
            album: None,
            forwarded: false,
            sent_at: self.origin.made,
            chosen: Chosen::default(),
        }
    }

    /// Returns what this is known by, however often it comes.
    pub(super) fn identity(&self) -> String {
        format!("{IDENTITY}{}", self.origin.key.interaction)
    }

    pub(super) fn unanswered(&self, error: &CallError) {
        self.native.answers.lost(&self.origin.key.interaction);
        tracing::warn!(instance = %self.native.instance, %error, "an interaction could not be answered in time");
    }

    pub(super) async fn sleep(&self, pause: Duration) {
        let clock = &self.native.clock;
        clock.sleep_until(clock.moment() + pause).await;
    }
}

/// Reads a session as it is offered, `ENGINE TOKEN`, or the token alone where an engine is chosen.
pub(super) fn session(text: &str, chosen: Option<&EngineId>) -> Option<Session> {
    let (engine, token) = match text.split_once(' ') {
        Some((engine, token)) => (EngineId::parse(engine).ok()?, token),
        None => (chosen?.clone(), text),
    };
    Some(Session { engine, token: SessionToken::parse(token.trim())? })
}

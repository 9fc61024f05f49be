//! The transport itself: what the port asks for, put together from the parts beside it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use takopi_core::desk::Inbox;
use takopi_core::gather::Windows;
use takopi_core::id::{InstanceId, TransportKind};
use takopi_core::message::{Address, Attachment, Body, Inbound, Message, MessageRef, Sender};
use takopi_core::port::SetupIssue;
use takopi_core::port::clock::Clock;
use takopi_core::port::transport::{
    Admission, FetchError, FilePolicy, Limits, Rate, SendError, SendOptions, Sent, TextLimit, TextUnit,
    Topics, Transport, TransportError, TransportFeatures, TransportSpec,
};
use takopi_core::render::format_elapsed;
use takopi_core::settings::{Secret, SessionMode};
use takopi_core::time::Timestamp;
use teloxide::payloads::GetMe;
use tokio::io::AsyncWrite;
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

use crate::api::{Api, CallError};
use crate::callback::Kept;
use crate::config::TelegramConfig;
use crate::download;
use crate::error::TelegramError;
use crate::fingerprint;
use crate::gate::Gate;
use crate::inbound::{Me, Undecodable};
use crate::limited::Limited;
use crate::menu::{Menu, MenuEntry};
use crate::outbound::Outbound;
use crate::poll::Poller;
use crate::render::{self, MAX_TEXT_UNITS};
use crate::topics::{self, TopicsCheck};

/// How long the server may take to say who the bot is, before anything else is done.
const INTRODUCTION: Duration = Duration::from_secs(10);

/// Calls of one bot over all chats: about 30 messages a second (Bot FAQ, "My bot is hitting limits"). Calls get there
/// closer together or further apart than they left here, and one too many costs a whole second.
const BOT_RATE: Rate = Rate { calls: 30, per: Duration::from_millis(1_050), bursts: false };

/// Calls to a private chat: one a second, and short bursts beyond it (Bot FAQ). Of three at once edits leave two: an
/// answer, and the progress of what is asked next. A little slower than allowed, for the same reason.
const PRIVATE_RATE: Rate = Rate { calls: 3, per: Duration::from_millis(3_050), bursts: true };

/// Calls to a group: 20 a minute (Bot FAQ).
const GROUP_RATE: Rate = Rate { calls: 20, per: Duration::from_secs(60), bursts: false };

/// Shortest time between two edits of one message: nobody reads faster.
const EDIT_GAP: Duration = Duration::from_secs(1);

/// Says who else may be polling the bot whose token has this fingerprint, when this machine knows.
pub type RivalCheck = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// What the transport is made of.
pub struct TelegramParts {
    /// The name of its table.
    pub instance: InstanceId,
    /// What its table says.
    pub config: TelegramConfig,
    /// The bot's token; [`TelegramConfig::token`] knows where it is.
    pub token: Secret,
    /// Chats of projects, which are served too.
    pub project_chats: Vec<i64>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where files on their way out lie.
    pub spool: PathBuf,
    /// Who else may be polling this bot.
    pub rival: RivalCheck,
}

/// A bot's chats.
pub struct Telegram {
    pub(crate) instance: InstanceId,
    pub(crate) api: Arc<Api>,
    pub(crate) gate: Gate,
    pub(crate) kept: Arc<Kept>,
    pub(crate) config: TelegramConfig,
    /// Whether topics can work, once that was asked.
    pub(crate) topics_checked: OnceCell<TopicsCheck>,
    clock: Arc<dyn Clock>,
    spool: PathBuf,
    rival: RivalCheck,
    menu: Menu,
    trouble: Mutex<Option<String>>,
    undecodable: AtomicU64,
    limited: Limited,
}

impl std::fmt::Debug for Telegram {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Telegram").field("instance", &self.instance).finish_non_exhaustive()
    }
}

impl Telegram {
    /// Returns the transport. Nothing is asked of the network before it receives or sends.
    ///
    /// # Errors
    /// [`TelegramError::Client`].
    pub fn new(parts: TelegramParts) -> Result<Self, TelegramError> {
        let TelegramParts { instance, config, token, project_chats, clock, spool, rival } = parts;
        Ok(Self {
            api: Arc::new(Api::new(&config.api_url, token)?),
            gate: Gate::new(config.chat_id, config.allowed_user_ids.clone(), project_chats),
            kept: Arc::default(),
            topics_checked: OnceCell::new(),
            menu: Menu::default(),
            trouble: Mutex::default(),
            undecodable: AtomicU64::new(0),
            limited: Limited::default(),
            instance,
            config,
            clock,
            spool,
            rival,
        })
    }

    /// Takes the place of another transport of the same instance: its buttons go on working, and of the same bot
    /// it knows what that one had learnt.
    #[must_use]
    pub fn instead_of(mut self, old: &Self) -> Self {
        self.kept = old.kept.clone();
        if self.api.bot_id() == old.api.bot_id() {
            self.gate.inherit(&old.gate);
        }
        self
    }

    /// Returns what to do when the server does not know the token. One that does not answer may know it.
    pub async fn disowned(&self) -> Option<String> {
        match self.me().await {
            Err(CallError::Refused { code: 401 | 404, .. }) => Some(self.unknown_token_text()),
            _ => None,
        }
    }

    /// Returns what is known of this kind of transport, whatever its table says.
    #[must_use]
    #[expect(clippy::expect_used, reason = "`telegram` obeys the id rule")]
    pub fn spec() -> TransportSpec {
        TransportSpec {
            kind: TransportKind::parse("telegram").expect("`telegram` obeys the id rule"),
            title: "Telegram".to_owned(),
            limits: Limits {
                text: TextLimit { max: MAX_TEXT_UNITS, unit: TextUnit::Utf16 },
                bot: Some(BOT_RATE),
                chat: Some(GROUP_RATE),
                edit_gap: EDIT_GAP,
            },
            features: TransportFeatures {
                edit: true,
                delete: true,
                buttons: true,
                forms: false,
                follows: false,
                caller_dir: false,
                conversations: false,
                hides_resume_lines: false,
                threads: false,
            },
        }
    }

    /// Returns what is known of this instance, by its table.
    #[must_use]
    pub fn own_spec(&self) -> TransportSpec {
        let spec = Self::spec();
        let features = TransportFeatures {
            conversations: self.config.session_mode == SessionMode::Chat,
            hides_resume_lines: !self.config.show_resume_line,
            ..spec.features
        };
        TransportSpec { features, ..spec }
    }

    /// Returns the main chat.
    #[must_use]
    pub fn main_chat(&self) -> Option<Address> {
        let chat = self.config.chat_id?.to_string();
        Some(Address { instance: self.instance.clone(), chat, thread: None })
    }

    /// Serves other projects' chats from now on.
    pub fn set_project_chats(&self, chats: Vec<i64>) {
        self.gate.set_project_chats(chats);
    }

    /// Offers other commands in the bot's menu from now on; Telegram learns of it while receiving.
    pub fn set_menu(&self, entries: Vec<MenuEntry>) {
        self.menu.set(entries);
    }

    /// Asks who the bot is. An unknown token is the one thing nothing can be done about.
    async fn introduce(&self) -> Result<(), TransportError> {
        match self.me().await {
            Ok(me) => {
                tracing::info!(instance = %self.instance, bot = me.username.as_deref(), "Telegram knows the bot");
                self.gate.set_username(me.username);
                Ok(())
            }
            Err(CallError::Refused { code: 401 | 404, .. }) => Err(self.unknown_token()),
            Err(error) => {
                tracing::warn!(instance = %self.instance, %error, "the bot's name is not known yet");
                Ok(())
            }
        }
    }

    async fn me(&self) -> Result<Me, CallError> {
        self.api.call(&GetMe::new(), INTRODUCTION).await
    }

    /// Returns why nothing can be done.
    pub(crate) fn unknown_token(&self) -> TransportError {
        TransportError::Fatal(self.unknown_token_text())
    }

    fn unknown_token_text(&self) -> String {
        let server = match self.config.api_url.as_str() {
            crate::config::DEFAULT_API_URL => "Telegram",
            other => other,
        };
        format!(
            "{server} does not know this bot token; ask @BotFather for the bot's token and write it as bot_token \
             in [transports.{}]",
            self.instance
        )
    }

    /// Returns who else polls this bot, as far as it is known.
    pub(crate) fn rival(&self) -> String {
        let fingerprint = fingerprint::of_token(self.api.token());
        let who = (self.rival)(&fingerprint).unwrap_or_else(|| "somebody else".to_owned());
        format!(
            "{who} receives this bot's messages; takopi waits. Stop it there, or get a new token from @BotFather \
             and write it as bot_token in [transports.{}]",
            self.instance
        )
    }

    pub(crate) fn set_trouble(&self, trouble: Option<String>) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    /// Counts an update nobody can read.
    pub(crate) fn step_over(&self, update: Option<i64>, problem: &Undecodable) {
        let count = self.undecodable.fetch_add(1, Ordering::Relaxed) + 1;
        tracing::warn!(instance = %self.instance, update, %problem, count, "an update cannot be read and is stepped over");
    }

    /// Learns that a group has another id now.
    pub(crate) fn chat_moved(&self, from: i64, to: i64) {
        if self.gate.moved(from, to) {
            let instance = &self.instance;
            tracing::warn!(%instance, from, to, "a group became a supergroup: write chat_id = {to} where {from} stands");
        }
    }

    pub(crate) async fn sleep(&self, pause: Duration) {
        self.clock.sleep_until(self.clock.moment() + pause).await;
    }

    /// Returns whether a message was sent so long ago that it runs only when its sender still wants it.
    fn lateness(&self, message: &Message) -> Admission {
        let age = self.clock.now().since(message.sent_at);
        // A message without a time is one we made ourselves.
        if message.sent_at == Timestamp::default() || age <= self.config.backlog_max_age {
            return Admission::Served;
        }
        let ago = format_elapsed(age);
        Admission::Late(format!("this came while takopi was away ({ago} ago) and has not run."))
    }

    fn outbound(&self) -> Outbound<'_> {
        Outbound { api: &self.api, kept: &self.kept, spool: &self.spool }
    }

    /// Notices where a chat has gone, so that it is served there too, and whether it is the bot that is limited.
    fn heed<T>(&self, from: &Address, outcome: Result<T, SendError>) -> Result<T, SendError> {
        if let Err(SendError::RetryAfter { after, .. }) = outcome {
            let scope = self.limited.refused(&from.chat, self.clock.moment());
            return Err(SendError::RetryAfter { after, scope });
        }
        if let Err(SendError::Moved(to)) = &outcome
            && let (Ok(from), Ok(to)) = (from.chat.parse(), to.chat.parse())
            && from != to
        {
            self.chat_moved(from, to);
        }
        outcome
    }
}

#[async_trait]
impl Transport for Telegram {
    async fn receive(&self, inbox: Inbox, stop: CancellationToken) -> Result<(), TransportError> {
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            introduced = self.introduce() => introduced?,
        }
        tokio::select! {
            ended = Poller::new(self, &inbox, &stop).poll() => ended,
            () = self.menu.keep(&self.instance, &self.api, &*self.clock) => Ok(()),
            missing = self.topics_missing() => Err(TransportError::Fatal(missing)),
        }
    }

    fn admits(&self, inbound: &Inbound) -> Admission {
        let (chat, sender) = (&inbound.address().chat, inbound.sender());
        if !self.gate.is_for_us(inbound) {
            return Admission::Silence;
        }
        if !self.gate.admits(chat, sender) {
            let may_pair = self.gate.is_stranger(chat, sender);
            return if may_pair { Admission::Stranger } else { Admission::Silence };
        }
        match inbound {
            Inbound::Message(message) => self.lateness(message),
            _ => Admission::Served,
        }
    }

    fn pairing(&self) -> Option<String> {
        Some(self.gate.reach_of_paired().to_owned())
    }

    fn serve_also(&self, people: &[String]) {
        self.gate.set_paired(people);
    }

    fn names_bot(&self, message: &Message) -> bool {
        self.gate.is_named_in(&message.text)
    }

    fn shares(&self, chat: &Address) -> bool {
        is_group(chat)
    }

    fn bot_name(&self) -> Option<String> {
        self.gate.username()
    }

    async fn is_manager(&self, chat: &Address, sender: &Sender) -> Result<bool, SendError> {
        // Only groups have members who may not; a group's own voice is that of an anonymous administrator.
        if !is_group(chat) || chat.chat == sender.id {
            return Ok(true);
        }
        self.outbound().is_administrator(chat, sender).await
    }

    fn lay_out(&self, body: &Body) -> Vec<Body> {
        render::lay_out(body, self.config.message_overflow)
    }

    fn windows(&self) -> Windows {
        Windows { album: self.config.media_group_debounce, forward: self.config.forward_coalesce }
    }

    fn chat_rate(&self, to: &Address) -> Option<Rate> {
        Some(if is_group(to) { GROUP_RATE } else { PRIVATE_RATE })
    }

    async fn send(&self, to: &Address, part: &Body, options: &SendOptions) -> Result<Sent, SendError> {
        self.heed(to, self.outbound().send(to, part, options).await)
    }

    async fn edit(&self, message: &MessageRef, part: &Body) -> Result<Sent, SendError> {
        self.heed(&message.address, self.outbound().edit(message, part).await)
    }

    async fn delete(&self, message: &MessageRef) -> Result<(), SendError> {
        self.heed(&message.address, self.outbound().delete(message).await)
    }

    fn files(&self) -> Option<FilePolicy> {
        self.config.files.policy()
    }

    async fn fetch(
        &self,
        file: &Attachment,
        max_bytes: u64,
        into: &mut (dyn AsyncWrite + Send + Unpin),
    ) -> Result<Option<String>, FetchError> {
        download::fetch(&self.api, &file.handle, max_bytes, into).await
    }

    fn topics(&self, chat: &Address) -> Topics {
        self.threads_of(chat)
    }

    async fn create_thread(&self, chat: &Address, title: &str) -> Result<Address, SendError> {
        self.heed(chat, topics::create(&self.api, chat, title).await)
    }

    async fn rename_thread(&self, thread: &Address, title: &str) -> Result<(), SendError> {
        self.heed(thread, topics::rename(&self.api, thread, title).await)
    }

    async fn check(&self) -> Vec<SetupIssue> {
        match self.me().await {
            Ok(_) => Vec::new(),
            Err(CallError::Refused { code: 401 | 404, .. }) => {
                vec![SetupIssue { title: self.unknown_token_text(), remedy: Vec::new() }]
            }
            Err(error) => {
                let title = format!("{} does not answer: {error}", self.config.api_url);
                let remedy = vec!["see that this machine is online, and that api_url is right".to_owned()];
                vec![SetupIssue { title, remedy }]
            }
        }
    }

    fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn account(&self) -> Option<String> {
        Some(self.api.bot_id().to_owned())
    }

    fn lock_token(&self) -> Option<String> {
        Some(fingerprint::of_token(self.api.token()))
    }
}

/// Returns whether a chat is one of several people: the ids of groups are negative, those of private chats are not.
fn is_group(chat: &Address) -> bool {
    chat.chat.starts_with('-')
}

//! The transport itself: what the port asks for, put together from the parts beside it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use takopi_core::desk::Inbox;
use takopi_core::gather::Windows;
use takopi_core::id::{InstanceId, TransportKind};
use takopi_core::message::{Address, Attachment, Body, ButtonAction, Inbound, Message, MessageRef, Sender};
use takopi_core::port::SetupIssue;
use takopi_core::port::clock::Clock;
use takopi_core::port::transport::{
    Admission, FetchError, FilePolicy, Limits, PlaceSetting, Rate, SendError, SendOptions, Sent, TextLimit,
    TextUnit, Topics, Transport, TransportError, TransportFeatures, TransportSpec, Trigger,
};
use takopi_core::settings::Secret;
use takopi_core::time::{Moment, Timestamp};
use tokio::io::AsyncWrite;
use tokio_util::sync::CancellationToken;

use crate::api::{Api, Call, CallError};
use crate::components::Kept;
use crate::config::{DEFAULT_API_URL, DiscordConfig, Id};
use crate::download::Downloads;
use crate::error::DiscordError;
use crate::failure::{Doing, send_error};
use crate::fingerprint;
use crate::gate::Person;
use crate::gateway::Gateway;
use crate::inbound;
use crate::intake::{Bursts, roles_of};
use crate::native::{Native, NativeCommand, NativeParts, Surroundings, is_asked};
use crate::outbound::Outbound;
use crate::places::{Places, Recent};
use crate::render::{self, Layout, MAX_TEXT};
use crate::route::Route;
use crate::threads::{self, Starters};
use crate::threshold::Threshold;
use crate::turns::Turns;

/// Calls of one bot over all chats. Discord's own limit is 50 a second (Discord, "Global Rate Limit"); calls get
/// there closer together than they left here.
const BOT_RATE: Rate = Rate { calls: 45, per: Duration::from_secs(1), bursts: true };

/// Messages to one channel where its answers have not told better: what they usually tell.
const CHAT_RATE: Rate = Rate { calls: 5, per: Duration::from_secs(5), bursts: true };

/// Shortest time between two edits of one message: five in five seconds are usual, and the answer needs one too.
const EDIT_GAP: Duration = Duration::from_millis(1_200);

/// How often others are shown that the bot is at work: Discord shows it for ten seconds.
const TYPING: Duration = Duration::from_secs(8);

/// Messages that are known to have been decided about: more than come in the seconds that are read again.
const MOST_DECIDED: usize = 8192;

/// What the transport is made of.
pub struct DiscordParts {
    /// The name of its table.
    pub instance: InstanceId,
    /// What its table says.
    pub config: DiscordConfig,
    /// The bot's token; [`DiscordConfig::token`] knows where it is.
    pub token: Secret,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where files on their way out lie.
    pub spool: PathBuf,
}

/// A bot's servers.
pub struct Discord {
    pub(crate) instance: InstanceId,
    pub(crate) config: DiscordConfig,
    pub(crate) token: Secret,
    pub(crate) api: Arc<Api>,
    pub(crate) threshold: Arc<Threshold>,
    pub(crate) turns: Turns,
    pub(crate) bursts: Bursts,
    pub(crate) starters: Arc<Starters>,
    pub(crate) native: Arc<Native>,
    /// Messages that were decided about: what is read once more, after a reload too, is not decided again.
    decided: Arc<Mutex<Recent<Id>>>,
    kept: Arc<Kept>,
    pub(crate) downloads: Downloads,
    /// Where files on their way out lie.
    spool: PathBuf,
    clock: Arc<dyn Clock>,
    trouble: Mutex<Option<String>>,
}

/// What a bot has learnt, which the next one of the same account knows too.
struct Memory {
    places: Arc<Places>,
    starters: Arc<Starters>,
    kept: Arc<Kept>,
    decided: Arc<Mutex<Recent<Id>>>,
}

/// What interactions need of the parts beside them.
struct Around {
    threshold: Arc<Threshold>,
    starters: Arc<Starters>,
    kept: Arc<Kept>,
}

impl Surroundings for Around {
    fn admits(&self, inbound: &Inbound) -> Admission {
        self.threshold.admission(inbound)
    }

    fn action_of(&self, custom_id: &str) -> Option<ButtonAction> {
        self.kept.action_of(custom_id)
    }

    fn text_of(&self, message: &serenity::model::channel::Message) -> String {
        inbound::text_of(message, &self.threshold.places)
    }

    fn began(&self, starter: &MessageRef, prompt: &str, sender: &Sender) {
        self.starters.expect(&starter.id, prompt, &sender.id);
    }
}

impl std::fmt::Debug for Discord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Discord").field("instance", &self.instance).finish_non_exhaustive()
    }
}

impl Discord {
    /// Returns the transport. Nothing is asked of the network before it receives or sends.
    ///
    /// # Errors
    /// [`DiscordError`].
    pub fn new(parts: DiscordParts) -> Result<Self, DiscordError> {
        let memory = Memory {
            places: Arc::new(Places::new(parts.instance.clone())),
            starters: Arc::default(),
            kept: Arc::default(),
            decided: Arc::new(Mutex::new(Recent::new(MOST_DECIDED))),
        };
        let api = Arc::new(Api::new(&parts.config.api_url, parts.token.clone())?);
        let downloads = Downloads::new(&parts.config.api_url)?;
        Ok(Self::of(parts, memory, api, downloads))
    }

    fn of(parts: DiscordParts, memory: Memory, api: Arc<Api>, downloads: Downloads) -> Self {
        let DiscordParts { instance, config, token, clock, spool } = parts;
        let Memory { places, starters, kept, decided } = memory;
        let threshold = Arc::new(Threshold::new(&config, places, clock.clone()));
        let around = Around { threshold: threshold.clone(), starters: starters.clone(), kept: kept.clone() };
        let native = Native::new(NativeParts {
            instance: instance.clone(),
            rest: api.clone(),
            around: Arc::new(around),
            clock: clock.clone(),
        });
        Self {
            turns: Turns::default(),
            bursts: Bursts::default(),
            trouble: Mutex::default(),
            instance,
            config,
            token,
            api,
            threshold,
            starters,
            native,
            decided,
            kept,
            downloads,
            spool,
            clock,
        }
    }

    /// Takes the place of another transport of the same instance: of the same bot it knows what that one had learnt.
    #[must_use]
    pub fn instead_of(self, old: &Self) -> Self {
        if self.account() != old.account() {
            return self;
        }
        let Self { instance, config, token, api, downloads, clock, spool, .. } = self;
        let memory = Memory {
            places: old.threshold.places.clone(),
            starters: old.starters.clone(),
            kept: old.kept.clone(),
            decided: old.decided.clone(),
        };
        Self::of(DiscordParts { instance, config, token, clock, spool }, memory, api, downloads)
    }

    /// Returns what is known of this kind of transport, whatever its table says.
    #[must_use]
    #[expect(clippy::expect_used, reason = "`discord` obeys the id rule")]
    pub fn spec() -> TransportSpec {
        TransportSpec {
            kind: TransportKind::parse("discord").expect("`discord` obeys the id rule"),
            title: "Discord".to_owned(),
            limits: Limits {
                text: TextLimit { max: MAX_TEXT, unit: TextUnit::Chars },
                bot: Some(BOT_RATE),
                chat: Some(CHAT_RATE),
                edit_gap: EDIT_GAP,
            },
            features: TransportFeatures {
                edit: true,
                delete: true,
                buttons: true,
                forms: true,
                follows: false,
                caller_dir: false,
                conversations: true,
                hides_resume_lines: false,
                threads: true,
            },
        }
    }

    /// Returns what is known of this instance, by its table.
    #[must_use]
    pub fn own_spec(&self) -> TransportSpec {
        let spec = Self::spec();
        let features = TransportFeatures {
            conversations: self.config.conversations,
            hides_resume_lines: !self.config.show_resume_line,
            ..spec.features
        };
        TransportSpec { features, ..spec }
    }

    /// Knows these words from now on: the commands, which are answered where they are typed, and the engines and
    /// projects that a prompt can begin with.
    pub fn set_words(&self, commands: Vec<String>, directives: Vec<String>) {
        self.threshold.words.set(commands, directives);
    }

    /// Offers these commands as Discord's own from now on; Discord learns of it while receiving.
    pub fn set_commands(&self, commands: Vec<NativeCommand>) {
        self.native.set_commands(commands);
    }

    /// Returns what to do when Discord does not know the token. A server that does not answer may know it.
    pub async fn disowned(&self) -> Option<String> {
        match self.api.call(Call::get(Route::me())).await {
            Err(CallError::Refused { status: 401, .. }) => Some(self.unknown_token_text()),
            _ => None,
        }
    }

    pub(crate) fn unknown_token_text(&self) -> String {
        let server = match self.config.api_url.as_str() {
            DEFAULT_API_URL => "Discord",
            other => other,
        };
        format!(
            "{server} does not know this bot token; open https://discord.com/developers/applications, choose the \
             application, press Reset Token on its Bot page and write the token as bot_token in [transports.{}]",
            self.instance
        )
    }

    pub(crate) fn bad_intents_text(&self) -> String {
        "Discord does not let this bot read messages; open https://discord.com/developers/applications, choose the \
         application, switch on Message Content Intent under Privileged Gateway Intents on its Bot page, save, and \
         start takopi again"
            .to_owned()
    }

    pub(crate) fn set_trouble(&self, trouble: Option<String>) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    /// Returns whether a message was decided about before.
    pub(crate) fn has_decided(&self, message: Id) -> bool {
        self.decided.lock().unwrap_or_else(PoisonError::into_inner).contains(&message)
    }

    /// Returns the messages younger than `from` that were decided about, the oldest first.
    pub(crate) fn decided_since(&self, from: Id) -> Vec<Id> {
        let decided = self.decided.lock().unwrap_or_else(PoisonError::into_inner);
        let mut since: Vec<Id> = decided.keys().filter(|id| **id > from).copied().collect();
        since.sort_unstable();
        since
    }

    /// Learns that messages were decided about.
    pub(crate) fn decided(&self, messages: impl IntoIterator<Item = Id>) {
        let mut decided = self.decided.lock().unwrap_or_else(PoisonError::into_inner);
        for message in messages {
            decided.insert(message);
        }
    }

    pub(crate) async fn sleep(&self, pause: Duration) {
        self.clock.sleep_until(self.clock.moment() + pause).await;
    }

    pub(crate) fn moment(&self) -> Moment {
        self.clock.moment()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn outbound(&self) -> Outbound<'_> {
        Outbound {
            api: &self.api,
            kept: &self.kept,
            starters: &self.starters,
            places: &self.threshold.places,
            answers: self.native.answers(),
            now: self.clock.moment(),
            spool: &self.spool,
        }
    }
}

#[async_trait]
impl Transport for Discord {
    async fn receive(&self, inbox: Inbox, stop: CancellationToken) -> Result<(), TransportError> {
        let ended = tokio::select! {
            ended = Gateway::new(self, &stop).keep(&inbox) => ended,
            () = self.native.keep(&inbox) => Ok(()),
        };
        self.native.finish().await;
        ended
    }

    fn admits(&self, inbound: &Inbound) -> Admission {
        self.threshold.admission(inbound)
    }

    fn pairing(&self) -> Option<String> {
        Some(self.threshold.gate.reach_of_paired().to_owned())
    }

    fn serve_also(&self, people: &[String]) {
        self.threshold.gate.set_paired(people);
    }

    fn names_bot(&self, message: &Message) -> bool {
        is_asked(message) || self.threshold.audience.names_bot(&message.message)
    }

    fn usual_trigger(&self) -> Trigger {
        self.threshold.audience.usual()
    }

    fn takes_part(&self, message: &Message) -> bool {
        let scene = self.threshold.scene(&message.message.address);
        scene.direct || scene.takes_part
    }

    fn learn_places(&self, places: &[PlaceSetting]) {
        self.threshold.audience.learn(places);
    }

    fn branches_threads(&self, chat: &Address) -> bool {
        self.config.auto_worktree && self.threshold.places.guild_at(chat).is_some()
    }

    fn typing_every(&self) -> Option<Duration> {
        self.config.typing.then_some(TYPING)
    }

    async fn show_typing(&self, to: &Address) -> Result<(), SendError> {
        threads::show_typing(&self.api, &self.starters, to).await
    }

    fn shares(&self, chat: &Address) -> bool {
        // A thread is one conversation of whoever writes in it.
        chat.thread.is_none() && self.threshold.places.guild_at(chat).is_some()
    }

    fn bot_name(&self) -> Option<String> {
        self.threshold.places.me().map(|me| me.name)
    }

    async fn is_manager(&self, chat: &Address, sender: &Sender) -> Result<bool, SendError> {
        let Some(guild) = self.threshold.places.guild_at(chat) else { return Ok(true) };
        let Ok(id) = sender.id.parse::<Id>() else { return Ok(false) };
        let roles = match self.threshold.places.roles_of(guild, id) {
            Some(roles) => roles,
            None => {
                let route = Route::member(&guild.to_string(), &sender.id);
                match self.api.call(Call::get(route)).await {
                    Ok(member) => roles_of(&member.body).unwrap_or_default(),
                    // Whoever is not in the server manages nothing there.
                    Err(CallError::Refused { status: 404, .. }) => return Ok(false),
                    Err(error) => return Err(send_error(error, Doing::Reading)),
                }
            }
        };
        self.threshold.places.saw_member(guild, id, roles.clone());
        let may_manage = self.threshold.places.may_manage(guild, id, &roles);
        Ok(self.threshold.gate.manages(&Person { id, is_bot: sender.is_bot, roles, may_manage }))
    }

    fn lay_out(&self, body: &Body) -> Vec<Body> {
        let layout = Layout { max_parts: self.config.max_parts, overflow: self.config.message_overflow };
        render::lay_out(body, &layout)
    }

    fn windows(&self) -> Windows {
        Windows { album: self.config.media_group_debounce, ..Windows::NONE }
    }

    fn chat_rate(&self, _to: &Address) -> Option<Rate> {
        Some(CHAT_RATE)
    }

    /// A thread is a channel to Discord, and limits are told by channel (Discord docs, "Rate Limits").
    fn budget(&self, to: &Address) -> Address {
        to.clone()
    }

    async fn send(&self, to: &Address, part: &Body, options: &SendOptions) -> Result<Sent, SendError> {
        self.outbound().send(to, part, options).await
    }

    async fn edit(&self, message: &MessageRef, part: &Body) -> Result<Sent, SendError> {
        self.outbound().edit(message, part).await
    }

    async fn delete(&self, message: &MessageRef) -> Result<(), SendError> {
        self.outbound().delete(message).await
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
        // Its name came with the message.
        self.downloads.fetch(&file.handle, max_bytes, into).await.map(|()| None)
    }

    fn topics(&self, chat: &Address) -> Topics {
        match self.threshold.places.guild_at(chat) {
            Some(_) => Topics::Here("threads".to_owned()),
            None => Topics::Off("there are no threads in direct messages; write in a server".to_owned()),
        }
    }

    async fn create_thread(&self, chat: &Address, title: &str) -> Result<Address, SendError> {
        threads::create(&self.api, &self.starters, chat, title).await
    }

    async fn rename_thread(&self, thread: &Address, title: &str) -> Result<(), SendError> {
        threads::rename(&self.api, thread, title).await
    }

    async fn check(&self) -> Vec<SetupIssue> {
        match self.api.call(Call::get(Route::me())).await {
            Ok(_) => Vec::new(),
            Err(CallError::Refused { status: 401, .. }) => {
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
        let trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone();
        trouble.or_else(|| self.native.trouble())
    }

    fn account(&self) -> Option<String> {
        Some(fingerprint::of_bot(&self.token))
    }

    fn lock_token(&self) -> Option<String> {
        Some(fingerprint::of_token(&self.token))
    }
}

//! The house as a command sees it, in memory; and the contract every command keeps.

mod contract;
mod files;
mod guest;
mod topics;

pub use contract::command_contract;
pub use topics::FakeTopics;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::event::Outcome;
use crate::files::FilePath;
use crate::id::{CommandId, Distribution, EngineId, InstanceId, RunId};
use crate::message::{Address, Body, MessageRef, Sender};
use crate::port::command::{
    Call, CallId, CallSummary, CommandError, CommandHost, CommandSettings, CommandSpec, EngineStatus,
    ProjectStatus, Renewed, RunMode, RunRequest, RunResult, RunSummary, TopicHost as _,
};
use crate::port::engine::{Choices, RunOptions};
use crate::port::ledger::{Preference, PreferenceKey, Remembered};
use crate::port::transport::{AutoPut, FilePolicy, Trigger};
use crate::port::workspace::FileRules;
use crate::route::parse_binding;
use crate::session::{Context, Scope};

/// Something a command did.
#[derive(Debug, Clone, PartialEq)]
pub enum Deed {
    /// It sent a body; the flag is whether with a sound.
    Sent(Body, bool),
    /// It ran an engine.
    Ran(RunRequest, RunMode),
    /// It stopped a run.
    Cancelled(RunId),
    /// It set a preference, or cleared it with `None`.
    Preferred(PreferenceKey, Option<EngineId>, Option<String>),
    /// It set or cleared a preference of the whole chat.
    PreferredInChat(PreferenceKey, Option<EngineId>, Option<String>),
    /// It stored a file: in which project and branch, at which path, whether by force.
    Stored(Context, String, bool),
    /// It began a new conversation.
    Renewed,
    /// It forgot the chat.
    Forgot,
    /// It sent a file of a project's directory.
    HandedOut(FilePath, Context),
    /// It opened a topic bound to this, which is the topic 9.
    Opened(Context),
    /// It had the caller's topic named.
    Named,
    /// It said something in a topic.
    SaidIn(Address, Body),
    /// It forgot a topic.
    LostTopic(Address),
    /// It stopped the call of a command.
    StoppedCall(CallId),
    /// It put a value away, or took it away with `None`: whose, under which key.
    Kept(Distribution, String, Option<String>),
    /// It waits no more for a run with this prompt, which has not ended.
    Left(String),
}

/// The house, set up by its fields before a call; [`FakeHost::deeds`] tells what came of it.
#[derive(Debug, Default)]
pub struct FakeHost {
    /// The engines that serve the chat; the first is the default one.
    pub engines: Vec<EngineStatus>,
    /// The projects.
    pub projects: Vec<ProjectStatus>,
    /// The project when nothing is set, by key.
    pub default_project: Option<String>,
    /// Whose conversation the caller's plain messages continue; `None` where they continue none.
    pub scope: Option<Scope>,
    /// The runs that wait or run, everywhere.
    pub runs: Vec<RunSummary>,
    /// The other calls of commands that are under way in the chat.
    pub calls: Vec<CallSummary>,
    /// Which run a message belongs to.
    pub messages: Vec<(MessageRef, RunId)>,
    /// Whether the caller is a mere member of a group, and may not change what holds there.
    pub is_member: bool,
    /// Whether the service does not tell who may.
    pub unverified: bool,
    /// The commands, for help.
    pub commands: Vec<CommandSpec>,
    /// What the settings name for an engine, and what may be chosen for it; nothing for those not here.
    pub options: BTreeMap<EngineId, (RunOptions, Choices)>,
    /// What is kept of the chat.
    pub remembered: Remembered,
    /// Whether engines never tell what may be chosen.
    pub silent: bool,
    /// What people may do with files.
    pub files: Option<FilePolicy>,
    /// What is known of topics.
    pub topics: FakeTopics,
    /// Makes everything that stores something fail with this text.
    pub broken: Option<String>,
    preferences: Mutex<Vec<Preference>>,
    kept: Mutex<BTreeMap<(Distribution, String), String>>,
    deeds: Mutex<Vec<Deed>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl FakeHost {
    /// Adds an engine that can run, or one that cannot because of `issue`.
    ///
    /// # Panics
    /// When `id` is no id.
    #[must_use]
    #[expect(clippy::unwrap_used, reason = "a test that names no id is wrong")]
    pub fn with_engine(mut self, id: &str, title: &str, issue: Option<&str>) -> Self {
        let (id, issue) = (EngineId::parse(id).unwrap(), issue.map(str::to_owned));
        self.engines.push(EngineStatus { id, title: title.to_owned(), issue, options: false });
        self
    }

    /// Lets the engine that was added last take options: these, of which its settings name `configured`.
    ///
    /// # Panics
    /// When there is no engine yet.
    #[must_use]
    #[expect(clippy::unwrap_used, reason = "a test that names no engine is wrong")]
    pub fn taking(mut self, models: &[&str], levels: &[&str], configured: RunOptions) -> Self {
        let engine = self.engines.last_mut().unwrap();
        engine.options = true;
        let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let choices = Choices { models: owned(models), levels: owned(levels), untold: None };
        self.options.insert(engine.id.clone(), (configured, choices));
        self
    }

    /// Adds a project.
    #[must_use]
    pub fn with_project(mut self, alias: &str) -> Self {
        self.projects.push(ProjectStatus { alias: alias.to_owned(), default_engine: None });
        self
    }

    /// Lets files come and go, in the first project where nothing is said.
    ///
    /// # Panics
    /// Never: the folder and the rules are usual ones.
    #[must_use]
    #[expect(clippy::unwrap_used, reason = "the folder and the rules are usual ones")]
    pub fn with_files(mut self) -> Self {
        self.files = Some(FilePolicy {
            auto_put: AutoPut::Store,
            uploads: FilePath::parse("incoming/").unwrap(),
            people: Vec::new(),
            rules: FileRules::usual().unwrap(),
        });
        self.default_project = self.projects.first().map(|project| project.alias.to_lowercase());
        self
    }

    /// Adds a run of the first engine, in the caller's chat or another; `number` makes its id.
    ///
    /// # Panics
    /// When there is no engine yet.
    #[must_use]
    #[expect(clippy::unwrap_used, reason = "a test that adds a run before an engine is wrong")]
    pub fn with_run(mut self, number: u8, here: bool, ahead: Option<usize>, prompt: &str) -> Self {
        let engine = self.engines.first().unwrap().id.clone();
        let chat = if here { Self::address().chat } else { "elsewhere".to_owned() };
        self.runs.push(RunSummary {
            id: Self::run_id(number),
            address: Address { chat, ..Self::address() },
            engine,
            context: Context::default(),
            prompt: prompt.to_owned(),
            ahead,
            answered: false,
            elapsed_s: 60 * u64::from(number) + 5,
            asked_by: None,
            of_call: None,
        });
        self
    }

    /// Returns the id of the run with that number.
    ///
    /// # Panics
    /// Never: it is an id.
    #[must_use]
    #[expect(clippy::unwrap_used, reason = "it is an id")]
    pub fn run_id(number: u8) -> RunId {
        RunId::parse(&format!("01900000-0000-7000-8000-0000000000{number:02x}")).unwrap()
    }

    /// Returns the caller's chat.
    ///
    /// # Panics
    /// Never: the name is legal.
    #[must_use]
    #[expect(clippy::unwrap_used, reason = "the name is legal")]
    pub fn address() -> Address {
        Address { instance: InstanceId::parse("fake").unwrap(), chat: "here".to_owned(), thread: None }
    }

    /// Returns a call of `command` with that text after its name, from the caller's chat.
    #[must_use]
    pub fn call(command: &CommandId, text: &str) -> Call {
        Call {
            command: command.clone(),
            text: text.to_owned(),
            words: crate::directive::split_words(text),
            message: MessageRef { address: Self::address(), id: "1".to_owned() },
            sender: Sender { id: "1".to_owned(), name: "Ada".to_owned(), is_bot: false },
            reply_to: None,
            files: Vec::new(),
            album: false,
            stopped: Vec::new(),
            pressed: false,
            settings: CommandSettings::default(),
        }
    }

    /// Returns what was done, in that order.
    #[must_use]
    pub fn deeds(&self) -> Vec<Deed> {
        lock(&self.deeds).clone()
    }

    fn done(&self, deed: Deed) -> Result<(), CommandError> {
        match &self.broken {
            Some(text) => Err(CommandError(text.clone())),
            None => {
                lock(&self.deeds).push(deed);
                Ok(())
            }
        }
    }

    /// Keeps what is set for a place, in the place of what was; a topic's come first.
    fn keep(&self, scope: Address, key: PreferenceKey, engine: Option<&EngineId>, value: Option<&str>) {
        let mut preferences = lock(&self.preferences);
        let is_it = |row: &Preference| row.scope == scope && row.key == key && row.engine.as_ref() == engine;
        preferences.retain(|row| !is_it(row));
        let engine = engine.cloned();
        preferences.extend(value.map(|value| Preference { scope, key, engine, value: value.to_owned() }));
        preferences.sort_by_key(|row| row.scope.thread.is_none());
    }

    fn preference(&self, key: PreferenceKey) -> Option<String> {
        lock(&self.preferences).iter().find(|row| row.key == key).map(|row| row.value.clone())
    }
}

#[async_trait]
impl CommandHost for FakeHost {
    async fn send(&self, body: Body, notify: bool) -> Result<(), CommandError> {
        self.done(Deed::Sent(body, notify))
    }

    /// Answers with the prompt; a run whose prompt is `hang` never ends.
    async fn run(&self, request: RunRequest, mode: RunMode) -> Result<RunResult, CommandError> {
        self.done(Deed::Ran(request.clone(), mode))?;
        let default = self.default_engine().await.map(|(id, _)| id);
        let engine = request.engine.map_or(default, Ok)?;
        if !self.engines.iter().any(|known| known.id == engine) {
            return Err(CommandError(format!("unknown engine '{engine}'")));
        }
        if request.prompt == "hang" {
            let _left = guest::Left { host: self, prompt: &request.prompt };
            return std::future::pending().await;
        }
        let (answer, session) = (request.prompt, request.session);
        Ok(RunResult { run: Self::run_id(0), engine, outcome: Outcome::Answered, answer, session })
    }

    async fn cancel(&self, run: RunId) -> bool {
        let known = self.runs.iter().any(|summary| summary.id == run);
        if known {
            lock(&self.deeds).push(Deed::Cancelled(run));
        }
        known
    }

    async fn calls(&self) -> Vec<CallSummary> {
        self.calls.clone()
    }

    fn stop_call(&self, call: CallId) -> bool {
        let known = self.calls.iter().any(|summary| summary.id == call);
        if known {
            lock(&self.deeds).push(Deed::StoppedCall(call));
        }
        known
    }

    async fn runs(&self, everywhere: bool) -> Vec<RunSummary> {
        let here = |run: &&RunSummary| everywhere || run.address == Self::address();
        self.runs.iter().filter(here).cloned().collect()
    }

    async fn run_of(&self, message: &MessageRef) -> Option<RunId> {
        self.messages.iter().find(|(of, _)| of == message).map(|(_, run)| *run)
    }

    async fn engines(&self) -> Vec<EngineStatus> {
        self.engines.clone()
    }

    async fn configured(&self, engine: &EngineId) -> Result<RunOptions, CommandError> {
        Ok(self.options.get(engine).map(|(configured, _)| configured.clone()).unwrap_or_default())
    }

    async fn choices(&self, engine: &EngineId, _model: Option<&str>) -> Result<Choices, CommandError> {
        if self.silent {
            return std::future::pending().await;
        }
        Ok(self.options.get(engine).map(|(_, choices)| choices.clone()).unwrap_or_default())
    }

    fn projects(&self) -> Vec<ProjectStatus> {
        self.projects.clone()
    }

    fn commands(&self) -> Vec<CommandSpec> {
        self.commands.clone()
    }

    async fn default_engine(&self) -> Result<(EngineId, &'static str), CommandError> {
        let set = self.preference(PreferenceKey::Engine).and_then(|id| EngineId::parse(&id).ok());
        let set = set.map(|id| (id, "chat"));
        let default = || self.engines.first().map(|engine| (engine.id.clone(), "default"));
        set.or_else(default).ok_or_else(|| CommandError("no engine serves this chat".to_owned()))
    }

    fn house_engine(&self) -> Option<EngineId> {
        self.engines.first().map(|engine| engine.id.clone())
    }

    async fn may_manage(&self) -> Result<bool, CommandError> {
        if self.unverified {
            return Err(CommandError("it is not known who manages this chat".to_owned()));
        }
        Ok(!self.is_member)
    }

    async fn context(&self) -> Result<Context, CommandError> {
        let set = self.preference(PreferenceKey::Context).map(|value| parse_binding(&value));
        Ok(set.unwrap_or_else(|| Context { project: self.default_project.clone(), branch: None }))
    }

    fn check_context(&self, context: Context) -> Result<Context, CommandError> {
        let known = |key: &str| self.projects.iter().any(|project| project.alias.to_lowercase() == key);
        match &context.project {
            Some(key) if !known(key) => {
                let aliases = self.projects.iter().map(|project| project.alias.as_str());
                Err(CommandError(crate::route::unknown_project(key, aliases)))
            }
            _ => Ok(context),
        }
    }

    async fn preferences(&self) -> Result<Vec<Preference>, CommandError> {
        Ok(lock(&self.preferences).clone())
    }

    async fn prefer(
        &self,
        key: PreferenceKey,
        engine: Option<&EngineId>,
        value: Option<&str>,
    ) -> Result<(), CommandError> {
        self.done(Deed::Preferred(key, engine.cloned(), value.map(str::to_owned)))?;
        self.keep(self.topic().unwrap_or_else(Self::address), key, engine, value);
        Ok(())
    }

    fn triggers(&self) -> Vec<Trigger> {
        match self.topics.threads {
            true => vec![Trigger::Involved, Trigger::All, Trigger::Mentions],
            false => vec![Trigger::All, Trigger::Mentions],
        }
    }

    async fn renew(&self) -> Result<Option<Renewed>, CommandError> {
        let Some(scope) = self.scope.clone() else { return Ok(None) };
        self.done(Deed::Renewed)?;
        let under_way = self.runs.iter().filter(|run| run.address == Self::address()).count();
        Ok(Some(Renewed { scope, under_way }))
    }

    async fn remembered(&self) -> Result<Remembered, CommandError> {
        Ok(self.remembered)
    }

    async fn forget(&self) -> Result<Remembered, CommandError> {
        self.done(Deed::Forgot).map(|()| self.remembered)
    }
}

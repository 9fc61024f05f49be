//! What could be meant by something half typed: names of engines, projects and the like, for services that offer
//! choices while people type. Nobody waits for it longer than for a look at a disk: what takes seconds to learn is
//! asked in the background, and offered the next time. What was learnt is kept in `complete/kept.rs`.

mod kept;

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::generation::InForce;
use super::{Inbox, Instance, Shared, files};
use crate::files::FilePath;
use crate::id::EngineId;
use crate::message::{Address, MessageRef, Sender};
use crate::port::command::OptionKind;
use crate::port::engine::Choices;
use crate::port::ledger::{FactsQuery, PreferenceKey, SessionOfChat};
use crate::port::workspace::List;
use crate::render::{format_elapsed, shorten};
use crate::route::{self, Facts, Known};
use crate::session::Session;
use kept::Kept;

/// Most choices that are offered: no service shows more than 25 (Discord, "Application Command Option Choice").
const MOST: usize = 25;

/// Sessions that are looked through for what is typed, and how much is shown of what one is about, in characters: with
/// the engine's name and its age it is a line (Discord cuts choices at 100 characters).
const MOST_SESSIONS: usize = 200;
const SHOWN_TITLE_CHARS: usize = 60;

/// How long branches are kept: as long as somebody types the name of one.
const BRANCHES_FRESH: Duration = Duration::from_secs(5);

/// How long the disk may take over branches and files. Services give an answer about 3 s.
const LOOK_TIMEOUT: Duration = Duration::from_secs(2);

/// How long an engine's models and levels are kept: they change with its versions and with its service.
const CHOICES_FRESH: Duration = Duration::from_secs(300);

/// How long an engine may take to tell them: nobody waits for it.
const CHOICES_TIMEOUT: Duration = Duration::from_secs(30);

/// Something half typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// Where it is typed.
    pub at: Address,
    /// Who types it: names of files are for those alone who may have the files.
    pub by: Sender,
    /// What is to come of it.
    pub kind: OptionKind,
    /// What is typed so far.
    pub typed: String,
    /// The engine that was chosen beside it.
    pub engine: Option<EngineId>,
    /// The project that was chosen beside it, by alias.
    pub project: Option<String>,
}

/// Something that could be meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// What is typed for it.
    pub value: String,
    /// What people see.
    pub shown: String,
}

impl From<String> for Offer {
    fn from(value: String) -> Self {
        Self { shown: value.clone(), value }
    }
}

/// What is known of things that take a while to learn.
#[derive(Debug, Default)]
pub(super) struct Learnt {
    /// The branches of a project, by its key.
    branches: Kept<String, Vec<String>>,
    /// What may be chosen for an engine and a model.
    choices: Kept<(EngineId, Option<String>), Choices>,
}

impl Learnt {
    /// Forgets it all: other settings are in force.
    pub(super) fn forget(&self) {
        self.branches.forget();
        self.choices.forget();
    }
}

impl Inbox {
    /// Returns what could be meant, best first, 25 at most: what begins with what is typed, then what has it
    /// inside. Nothing where nothing is known, or not yet. Takes 2 s at most.
    pub async fn complete(&self, half: &Completion) -> Vec<Offer> {
        let Some(instance) = self.desk.instance(&half.at.instance) else { return Vec::new() };
        let in_force = self.desk.in_force();
        let typing = Typing { desk: &self.desk, known: in_force.known(&half.at, &instance), in_force, half };
        let names: Vec<String> = match half.kind {
            OptionKind::Engine => typing.known.engines.iter().map(ToString::to_string).collect(),
            OptionKind::Project => typing.known.projects.iter().map(|one| one.alias.clone()).collect(),
            OptionKind::Command => typing.commands(&instance),
            OptionKind::Branch => typing.branches().await,
            OptionKind::Model => typing.choices().await.models,
            OptionKind::Level => typing.choices().await.levels,
            OptionKind::Path => typing.paths(&instance).await,
            OptionKind::Session => return matching(typing.sessions().await, &half.typed),
            OptionKind::Text | OptionKind::File | OptionKind::Flag | OptionKind::Verb => Vec::new(),
        };
        matching(names.into_iter().map(Offer::from).collect(), &half.typed)
    }
}

/// Something half typed, where it is typed.
struct Typing<'a> {
    desk: &'a Arc<Shared>,
    in_force: Arc<InForce>,
    known: Known,
    half: &'a Completion,
}

impl Typing<'_> {
    fn commands(&self, instance: &Instance) -> Vec<String> {
        self.in_force.by.commands_at(&instance.spec).map(|spec| spec.id.to_string()).collect()
    }

    /// Returns what is set where it is typed.
    async fn facts(&self) -> Facts {
        let scope = self.known.scope(&self.half.at, None);
        match self.desk.ledger.facts(&FactsQuery { scope, about: None, session: None }).await {
            Ok(stored) => self.desk.facts_at(&self.half.at, stored),
            Err(error) => {
                tracing::warn!(%error, "choices are offered without what is set there");
                Facts::default()
            }
        }
    }

    /// Returns the key of the project that is meant: the one chosen beside it, else the one here.
    fn project(&self, facts: &Facts) -> Option<String> {
        match &self.half.project {
            Some(alias) => Some(alias.to_lowercase()),
            None => route::plain_context(&facts.stored.preferences, &self.known, &self.half.at).project,
        }
    }

    async fn branches(&self) -> Vec<String> {
        let Some(project) = self.project(&self.facts().await) else { return Vec::new() };
        if !self.known.projects.iter().any(|known| known.key == project) {
            return Vec::new();
        }
        let (mut branches, is_due) = self.desk.learnt.branches.get(&project, self.desk.now(), BRANCHES_FRESH);
        if is_due {
            self.desk.work.spawn(look(self.desk.clone(), self.in_force.clone(), project));
        }
        let timeout = self.desk.clock.sleep_until(self.desk.now() + LOOK_TIMEOUT);
        let known = tokio::select! {
            biased;
            known = branches.wait_for(Option::is_some) => known.ok().and_then(|known| known.clone().flatten()),
            () = timeout => None,
        };
        known.unwrap_or_default()
    }

    /// Returns the sessions of the chat, those of an engine where one is chosen.
    async fn sessions(&self) -> Vec<Offer> {
        let (desk, chat) = (self.desk, self.half.at.whole_chat());
        let found = tokio::select! {
            found = desk.ledger.sessions(&chat, MOST_SESSIONS) => found,
            () = desk.clock.sleep_until(desk.now() + LOOK_TIMEOUT) => return Vec::new(),
        };
        let found = found.inspect_err(|error| tracing::warn!(%error, "no sessions are offered"));
        let is_known = |one: &SessionOfChat| self.known.engines.contains(&one.session.engine);
        let is_meant = |one: &SessionOfChat| {
            self.half.engine.as_ref().is_none_or(|engine| *engine == one.session.engine) && is_known(one)
        };
        let now = desk.clock.now();
        let offer = |one: SessionOfChat| {
            let SessionOfChat { session: Session { engine, token }, title, last_at } = one;
            // What it is about may be long; how old it is should be seen.
            let (title, age) = (shorten(&title, SHOWN_TITLE_CHARS), format_elapsed(now.since(last_at)));
            Offer { value: format!("{engine} {token}"), shown: format!("{engine} · {title} · {age} ago") }
        };
        found.unwrap_or_default().into_iter().filter(is_meant).map(offer).collect()
    }

    /// Returns what lies in the folder whose path is typed. Nothing is kept: files come and go.
    async fn paths(&self, instance: &Instance) -> Vec<String> {
        let stop = self.desk.closing.child_token();
        tokio::select! {
            found = self.look_into(instance, &stop) => found.unwrap_or_default(),
            () = self.desk.clock.sleep_until(self.desk.now() + LOOK_TIMEOUT) => {
                stop.cancel();
                Vec::new()
            }
        }
    }

    async fn look_into(&self, instance: &Instance, stop: &CancellationToken) -> Option<Vec<String>> {
        let Completion { at, by, typed, .. } = self.half;
        let folder = match typed.trim_start().rsplit_once('/') {
            None => FilePath::top(),
            Some((folder, _)) => FilePath::parse(folder)?,
        };
        let policy = instance.transport.files()?;
        if files::refusal(self.desk, instance, &policy, at, by).await.is_some() {
            return None;
        }
        let nowhere = MessageRef { address: at.clone(), id: String::new() };
        let meant = route::meant_directory("", None, &nowhere, &self.facts().await, &self.known).ok()?;
        let list = List { context: meant.context, folder, rules: policy.rules };
        let found = self.in_force.by.workspace.list(&list, stop).await;
        found.inspect_err(|error| tracing::debug!(%error, "no files are offered")).ok()
    }

    async fn choices(&self) -> Choices {
        let facts = self.facts().await;
        let context = || route::plain_context(&facts.stored.preferences, &self.known, &self.half.at);
        let usual = || route::default_engine(&context(), &facts, &self.known).map(|(id, _)| id);
        let Some(engine) = self.half.engine.clone().or_else(usual) else { return Choices::default() };
        if !self.known.engines.contains(&engine) {
            return Choices::default();
        }
        // A level belongs to a model.
        let rows = &facts.stored.preferences;
        let model =
            rows.iter().find(|row| row.key == PreferenceKey::Model && row.engine.as_ref() == Some(&engine));
        let meant = (engine, model.map(|row| row.value.clone()));
        let (choices, is_due) = self.desk.learnt.choices.get(&meant, self.desk.now(), CHOICES_FRESH);
        if is_due {
            self.desk.work.spawn(ask(self.desk.clone(), self.in_force.clone(), meant));
        }
        choices.borrow().clone().flatten().unwrap_or_default()
    }
}

/// Looks which branches a project has.
async fn look(desk: Arc<Shared>, in_force: Arc<InForce>, project: String) {
    let _work = in_force.work.token();
    let stop = desk.closing.child_token();
    let mut looking = std::pin::pin!(in_force.by.workspace.branches(&project, &stop));
    let found = tokio::select! {
        found = &mut looking => found,
        () = desk.clock.sleep_until(desk.now() + LOOK_TIMEOUT) => {
            // Nobody waits any more; what it has begun is put away.
            desk.learnt.branches.put(&project, None);
            stop.cancel();
            looking.await
        }
    };
    let found = found.inspect_err(|error| tracing::debug!(%project, %error, "no branches are offered"));
    desk.learnt.branches.put(&project, found.ok());
}

/// Asks an engine what may be chosen.
async fn ask(desk: Arc<Shared>, in_force: Arc<InForce>, meant: (EngineId, Option<String>)) {
    let _work = in_force.work.token();
    let (id, model) = &meant;
    let asking = async {
        match in_force.by.engines.load(id).await {
            Ok(engine) => Some(engine.choices(model.as_deref()).await),
            Err(error) => {
                tracing::debug!(engine = %id, %error, "no choices are offered");
                None
            }
        }
    };
    let told = tokio::select! {
        told = asking => told,
        () = desk.clock.sleep_until(desk.now() + CHOICES_TIMEOUT) => None,
        () = desk.closing.cancelled() => None,
    };
    desk.learnt.choices.put(&meant, told);
}

/// Returns the offers that `typed` could become, in any case, best first. Branches are typed with an `@` or without.
fn matching(offers: Vec<Offer>, typed: &str) -> Vec<Offer> {
    let typed = typed.trim().trim_start_matches(['@', '/']).to_lowercase();
    let (first, rest): (Vec<_>, Vec<_>) =
        offers.into_iter().partition(|offer| offer.value.to_lowercase().starts_with(&typed));
    let inside = rest.into_iter().filter(|offer| offer.shown.to_lowercase().contains(&typed));
    first.into_iter().chain(inside).take(MOST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_with_what_is_typed_comes_first() {
        let names = ["codex", "Claude", "opencode", "pi"];
        let matching = |names: &[&str], typed: &str| -> Vec<String> {
            let offers = names.iter().map(|name| Offer::from((*name).to_owned())).collect();
            super::matching(offers, typed).into_iter().map(|offer| offer.value).collect()
        };
        assert_eq!(matching(&names, "c"), ["codex", "Claude", "opencode"]);
        assert_eq!(matching(&names, " @CODE"), ["codex", "opencode"]);
        assert_eq!(matching(&names, ""), names);
        assert_eq!(matching(&["a"; 30], "a").len(), MOST);
    }

    #[test]
    fn what_is_shown_of_a_session_finds_it() {
        let offer =
            Offer { value: "codex 0199".to_owned(), shown: "codex · fix the login · 3h ago".to_owned() };
        for (typed, found) in [("login", 1), ("codex 01", 1), ("logout", 0)] {
            assert_eq!(matching(vec![offer.clone()], typed).len(), found, "{typed}");
        }
    }
}

//! Which engine, project and branch hold in a scope where a message names none.

use super::prompt::Prompt;
use super::{Facts, Known, KnownProject, LiveFacts};
use crate::id::EngineId;
use crate::message::Address;
use crate::port::engine::RunOptions;
use crate::port::ledger::{Preference, PreferenceKey};
use crate::session::{Context, ThreadKey};
use crate::settings::closest;

/// Returns project and branch: a replied `ctx:` line, else directives, else what was chosen, else what the
/// scope is bound to, else, for a branch, where the conversation would go on, else the chat's or the default
/// project.
///
/// # Errors
/// A text for the sender when a branch is named without any project.
pub(super) fn ambient_context(
    prompt: &Prompt,
    facts: &Facts,
    known: &Known,
    address: &Address,
) -> Result<Context, String> {
    if let Some(replied) = &prompt.replied {
        return Ok(replied.clone());
    }
    let directed = prompt.asked_context();
    let bound = bound_context(&facts.stored.preferences);
    let chat_project = || own_project(known, address).map(|project| project.key.clone());
    let running = || directed.branch.as_ref().and_then(|_| running_project(prompt, facts, known, address));
    let project = directed
        .project
        .clone()
        .or_else(|| bound.project.clone())
        .or_else(running)
        .or_else(chat_project)
        .or_else(|| known.default_project.clone());
    let same = project == bound.project;
    let branch = directed.branch.or_else(|| if same { bound.branch.clone() } else { None });
    match (&project, &branch) {
        (None, Some(branch)) => Err(format!(
            "@{branch} needs a project; write /PROJECT @{branch}, or bind this chat to one with /ctx PROJECT"
        )),
        (Some(key), _) if known.project(key).is_none() => {
            Err(unknown_project(key, known.projects.iter().map(|project| project.alias.as_str())))
        }
        _ => Ok(Context { project, branch }),
    }
}

/// Returns the project of the running session with which the message would go on if it named no branch.
fn running_project(prompt: &Prompt, facts: &Facts, known: &Known, address: &Address) -> Option<String> {
    if !known.conversations {
        return None;
    }
    let unbranched = plain_context(&facts.stored.preferences, known, address);
    let usual = || default_engine(&unbranched, facts, known).map(|(id, _)| id);
    let engine = prompt.asked_engine().or_else(usual)?;
    let running = facts.stored.conversations.iter().find(|row| row.session.engine == engine)?;
    running.context.project.clone()
}

/// Says that there is no such project, and which there are.
pub(crate) fn unknown_project<'a>(key: &str, aliases: impl Iterator<Item = &'a str> + Clone) -> String {
    let known: Vec<&str> = aliases.clone().collect();
    let near = closest(key, aliases).map_or_else(String::new, |near| format!("did you mean {near}? "));
    match known.is_empty() {
        true => format!("unknown project '{key}'; none is configured"),
        false => format!("unknown project '{key}'; {near}known: {}", known.join(", ")),
    }
}

/// Returns the context a scope is bound to by `/ctx`; the thread's binding comes before the chat's.
#[must_use]
pub fn bound_context(preferences: &[Preference]) -> Context {
    let Some(bound) = preferences.iter().find(|row| row.key == PreferenceKey::Context) else {
        return Context::default();
    };
    parse_binding(&bound.value)
}

/// Returns the project whose own chat this is.
fn own_project<'a>(known: &'a Known, address: &Address) -> Option<&'a KnownProject> {
    known.projects.iter().find(|project| project.chat.as_deref() == Some(&address.chat))
}

/// Returns whether nobody has said yet where this topic's messages are worked on: neither a binding nor the
/// chat's own project does. The default project is for chats, and for threads that are worked on as their chat is.
pub(super) fn is_unbound_topic(facts: &Facts, known: &Known, address: &Address) -> bool {
    let bound = bound_context(&facts.stored.preferences);
    known.topic && !known.threads && bound.is_empty() && own_project(known, address).is_none()
}

/// Reads `project`, `project @branch` or `@branch` as `/ctx` stores it.
#[must_use]
pub fn parse_binding(text: &str) -> Context {
    let mut context = Context::default();
    for word in text.split_whitespace() {
        match word.strip_prefix('@') {
            Some(branch) if !branch.is_empty() => context.branch = Some(branch.to_owned()),
            Some(_) => {}
            None => context.project = Some(word.to_lowercase()),
        }
    }
    context
}

/// Returns a binding as `/ctx` stores it.
#[must_use]
pub fn format_binding(context: &Context) -> String {
    let branch = context.branch.as_ref().map(|branch| format!("@{branch}"));
    context.project.iter().cloned().chain(branch).collect::<Vec<_>>().join(" ")
}

/// Returns the context a plain message would get, without anything typed or chosen.
#[must_use]
pub fn plain_context(preferences: &[Preference], known: &Known, address: &Address) -> Context {
    let bound = bound_context(preferences);
    if bound.project.is_some() {
        return bound;
    }
    let own = own_project(known, address);
    let project = own.map(|project| project.key.clone()).or_else(|| known.default_project.clone());
    Context { project, branch: bound.branch }
}

/// Returns the engine of a message that names none and where that was set: `thread`, `conversation`, `chat`,
/// `project` or `default`.
#[must_use]
pub fn default_engine(context: &Context, facts: &Facts, known: &Known) -> Option<(EngineId, &'static str)> {
    let chosen = |in_thread: bool| {
        facts.stored.preferences.iter().find_map(|row| {
            let is_meant = row.key == PreferenceKey::Engine && row.scope.thread.is_some() == in_thread;
            let id = is_meant.then(|| EngineId::parse(&row.value).ok()).flatten()?;
            known.names_engine(&id).then_some(id)
        })
    };
    let of_project = || known.project(context.project.as_deref()?)?.default_engine.clone();
    let from = |place| move |id| (id, place);
    chosen(true)
        .map(from("thread"))
        .or_else(|| engine_of_thread(facts, known).map(from("conversation")))
        .or_else(|| chosen(false).map(from("chat")))
        .or_else(|| of_project().map(from("project")))
        .or_else(|| known.default_engine.clone().map(from("default")))
}

/// Returns the engine that a thread goes on with where threads are conversations: that of its last run, since with
/// another one the session would be left behind. Runs under way count, as their session may not be known yet; runs
/// of an engine without sessions never do, and nor does what was before `/new`.
fn engine_of_thread(facts: &Facts, known: &Known) -> Option<EngineId> {
    if !(known.threads && known.topic && known.conversations) {
        return None;
    }
    let Facts { stored, under_way, .. } = facts;
    let belongs = |live: &&LiveFacts| match &live.thread {
        ThreadKey::Scope(_, engine, generation) => {
            *generation == stored.generation && known.resume.get(engine).is_some()
        }
        ThreadKey::Token(session) => stored.conversations.iter().any(|row| row.session == *session),
        ThreadKey::Run(_) => false,
    };
    let under_way = under_way.iter().rev().find(belongs).map(|live| &live.engine);
    let last = || stored.conversations.first().map(|row| &row.session.engine);
    under_way.or_else(last).filter(|engine| known.names_engine(engine)).cloned()
}

/// Returns the model and the level that were chosen for an engine where the facts are from.
pub(crate) fn options_for(engine: &EngineId, facts: &Facts) -> RunOptions {
    let value = |key: PreferenceKey| {
        let rows = &facts.stored.preferences;
        rows.iter()
            .find(|row| row.key == key && row.engine.as_ref() == Some(engine))
            .map(|row| row.value.clone())
    };
    RunOptions { model: value(PreferenceKey::Model), reasoning: value(PreferenceKey::Reasoning) }
}

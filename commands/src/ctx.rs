//! `/ctx`: shows and sets the project and branch plain messages here work in.

use std::sync::Arc;

use async_trait::async_trait;
use takopi_core::directive::{Vocabulary, parse_context_line};
use takopi_core::id::NameError;
use takopi_core::port::command::{
    Call, Command, CommandError, CommandHost, CommandReply, CommandSpec, OptionKind,
};
use takopi_core::port::ledger::PreferenceKey;
use takopi_core::port::transport::Topics;
use takopi_core::render::code_span;
use takopi_core::route::{bound_context, format_binding};
use takopi_core::session::Context;
use tokio_util::sync::CancellationToken;

use crate::context;

/// Projects listed; more are only counted.
const LISTED: usize = 30;

/// What is said of a word that is no project either.
const UNKNOWN: &str = "unknown /ctx command. use /ctx, /ctx set, or /ctx clear.";

/// How a topic that is bound to nothing is bound.
const UNBOUND: &str =
    "note: unbound topic — bind with `/topic <project> @branch` or `/ctx set <project> [@branch]`";

pub(crate) fn spec() -> Result<CommandSpec, NameError> {
    let project = crate::option("project", OptionKind::Project, "the project, or clear");
    let branch = crate::option("branch", OptionKind::Branch, "its branch, as @name");
    crate::spec(
        "ctx",
        "/ctx [set [PROJECT] [@BRANCH] | clear]",
        "show or update context",
        vec![project, branch],
    )
    .map(crate::private)
}

pub(crate) struct Ctx;

#[async_trait]
impl Command for Ctx {
    async fn call(
        &self,
        call: Call,
        host: Arc<dyn CommandHost>,
        _stop: CancellationToken,
    ) -> Result<Option<CommandReply>, CommandError> {
        let words = crate::words(&call.words);
        let verb = call.words.first().is_some_and(|word| word.eq_ignore_ascii_case("set"));
        let scope = crate::scope(&*host);
        let text = match words.as_slice() {
            [] if verb => return Err(CommandError(set_usage(&*host).to_owned())),
            [] => show(&*host, replied(&call, &*host)?).await?,
            [word, ..] if !verb && word.eq_ignore_ascii_case("clear") => {
                host.prefer(PreferenceKey::Context, None, None).await?;
                match scope {
                    "topic" => "topic binding cleared.".to_owned(),
                    _ => "chat context cleared.".to_owned(),
                }
            }
            [word, ..] if !verb && !is_known(&*host, word) => UNKNOWN.to_owned(),
            words => {
                let bound = set(&*host, words).await?;
                host.name_topic().await;
                format!("{scope} bound to {}", code_span(&bound))
            }
        };
        Ok(Some(CommandReply::markdown(text)))
    }
}

/// Returns the context of the message replied to, where a prompt in the place of the call would work.
fn replied(call: &Call, host: &dyn CommandHost) -> Result<Option<Context>, CommandError> {
    let Some(text) = call.reply_to.as_ref().and_then(|reply| reply.text.as_deref()) else { return Ok(None) };
    let known = Vocabulary::new([], host.projects().iter().map(|project| &project.alias));
    parse_context_line(text, &known).map_err(|error| CommandError(error.to_string()))
}

async fn show(host: &dyn CommandHost, replied: Option<Context>) -> Result<String, CommandError> {
    let (bound, plain) = (bound_context(&host.preferences().await?), host.context().await?);
    let in_topic = host.topic().is_some();
    let own = host.chat_project();
    let from = match (&replied, &plain.project, &bound.project) {
        (Some(_), ..) => "reply_ctx",
        (None, None, _) => "none",
        (None, Some(_), _) if in_topic => "ambient",
        (None, Some(_), Some(_)) => "bound",
        (None, Some(_), None) => "default_project",
    };
    let context = replied.unwrap_or(plain);
    let (bound_to, resolved) = (place(host, &bound), place(host, &context));
    let here = format!("bound ctx: {bound_to}  \nresolved ctx: {resolved} (source: {from})");
    match host.topics() {
        Topics::Here(scope) if in_topic => {
            let unbound = bound.is_empty() && own.is_none();
            let sessions = crate::list(host.running_sessions().await?);
            let lines = [
                Some(format!("topics: enabled (scope={scope})")),
                Some(here),
                unbound.then(|| UNBOUND.to_owned()),
                Some(format!("sessions: {}", if sessions.is_empty() { "none" } else { &sessions })),
            ];
            Ok(lines.into_iter().flatten().collect::<Vec<_>>().join("  \n"))
        }
        _ => Ok(format!("{here}\n\n{}", how_to_set(host, bound.is_empty()))),
    }
}

fn how_to_set(host: &dyn CommandHost, unbound: bool) -> String {
    let projects = host.projects();
    if projects.is_empty() {
        return "to add one, write `[projects.NAME]` and its `path` to takopi.toml".to_owned();
    }
    let more = projects.len().saturating_sub(LISTED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let aliases = crate::list(projects.iter().take(LISTED).map(|project| code_span(&project.alias)));
    let note = if unbound { "note: no bound context — bind with" } else { "bind another with" };
    format!("{note} `/ctx set PROJECT` or `/ctx set PROJECT @BRANCH`: {aliases}{more}")
}

fn set_usage(host: &dyn CommandHost) -> &'static str {
    match host.chat_project().filter(|_| host.topic().is_some()) {
        Some(_) => "usage: /ctx set [@branch]",
        None => "usage: /ctx set <project> [@branch], /ctx set @branch, /ctx clear or /ctx",
    }
}

/// Binds the caller's topic or chat, and returns to what.
async fn set(host: &dyn CommandHost, words: &[&str]) -> Result<String, CommandError> {
    let told = |problem: String| CommandError(format!("{problem}\n{}", set_usage(host)));
    let mut asked = context::read(words).map_err(told)?;
    if asked.project.is_none() {
        asked.project = host.context().await?.project;
    }
    let own = host.chat_project().filter(|_| host.topic().is_some());
    let context = context::settle(host, asked, own).map_err(told)?;
    host.prefer(PreferenceKey::Context, None, Some(&format_binding(&context))).await?;
    Ok(context::written(host, &context))
}

fn is_known(host: &dyn CommandHost, word: &str) -> bool {
    word.starts_with('@') || host.projects().iter().any(|project| project.alias.eq_ignore_ascii_case(word))
}

/// Returns a project and its branch as they are shown.
pub(crate) fn place(host: &dyn CommandHost, context: &Context) -> String {
    match &context.project {
        Some(_) => code_span(&context::written(host, context)),
        None => "none".to_owned(),
    }
}

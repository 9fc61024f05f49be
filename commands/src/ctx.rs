//! `/ctx`: shows and sets the project and branch plain messages here work in.

use std::sync::Arc;

use async_trait::async_trait;
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

const USAGE: &str = "usage: /ctx, /ctx set PROJECT [@BRANCH], /ctx set @BRANCH or /ctx clear";

/// How a topic that is bound to nothing is bound.
const UNBOUND: &str =
    "note: unbound topic — bind with `/topic <project> @branch` or `/ctx set <project> [@branch]`";

pub(crate) fn spec() -> Result<CommandSpec, NameError> {
    let project = crate::option("project", OptionKind::Project, "the project, or clear");
    let branch = crate::option("branch", OptionKind::Branch, "its branch, as @name");
    crate::spec(
        "ctx",
        "/ctx [set [PROJECT] [@BRANCH] | clear]",
        "show or set project and branch for this chat",
        vec![project, branch],
    )
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
            [] => show(&*host).await?,
            [word] if word.eq_ignore_ascii_case("clear") => {
                host.prefer(PreferenceKey::Context, None, None).await?;
                match scope {
                    "topic" => "topic binding cleared.".to_owned(),
                    _ => "chat context cleared.".to_owned(),
                }
            }
            [word] if !verb && !is_known(&*host, word) => {
                let word = crate::quoted(word);
                return Err(CommandError(format!("unknown /ctx command {word}\n{USAGE}")));
            }
            words => {
                let bound = set(&*host, words).await?;
                host.name_topic().await;
                format!("{scope} bound to {}", code_span(&bound))
            }
        };
        Ok(Some(CommandReply::markdown(text)))
    }
}

async fn show(host: &dyn CommandHost) -> Result<String, CommandError> {
    let (bound, context) = (bound_context(&host.preferences().await?), host.context().await?);
    let in_topic = host.topic().is_some();
    let own = host.chat_project();
    let from = match (&context.project, &bound.project) {
        (None, _) => "none",
        (Some(_), Some(_)) if in_topic => "ambient",
        (Some(_), Some(_)) => "bound",
        (Some(project), None) if Some(project) == own.as_ref() => "ambient",
        (Some(_), None) => "default_project",
    };
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
        _ => Ok(format!("{here}\n\n{}", how_to_set(host))),
    }
}

fn how_to_set(host: &dyn CommandHost) -> String {
    let projects = host.projects();
    if projects.is_empty() {
        return "to add one, write `[projects.NAME]` and its `path` to takopi.toml".to_owned();
    }
    let more = projects.len().saturating_sub(LISTED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let aliases = crate::list(projects.iter().take(LISTED).map(|project| code_span(&project.alias)));
    format!("set one with `/ctx set PROJECT` or `/ctx set PROJECT @BRANCH`: {aliases}{more}")
}

fn set_usage(host: &dyn CommandHost) -> &'static str {
    match host.chat_project().filter(|_| host.topic().is_some()) {
        Some(_) => "usage: /ctx set [@branch]",
        None => "usage: /ctx set <project> [@branch]",
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

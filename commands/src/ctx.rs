//! `/ctx`: shows and sets the project and branch plain messages here work in.

use std::sync::Arc;

use async_trait::async_trait;
use takopi_core::directive::{Vocabulary, parse_context_line};
use takopi_core::id::NameError;
use takopi_core::port::command::{
    Call, Command, CommandError, CommandHost, CommandReply, CommandSpec, OptionKind,
};
use takopi_core::port::ledger::PreferenceKey;
use takopi_core::render::code_span;
use takopi_core::route::{bound_context, parse_binding};
use takopi_core::session::Context;
use tokio_util::sync::CancellationToken;

/// Projects listed; more are only counted.
const LISTED: usize = 30;

const USAGE: &str = "usage: /ctx set <project> [@branch], /ctx set @branch, /ctx clear or /ctx";

/// What is said of a word that is no project either.
const UNKNOWN: &str = "unknown /ctx command. use /ctx, /ctx set, or /ctx clear.";

/// Longest name of a project or branch, in bytes: file systems end branch names at 255.
const MAX_NAME_BYTES: usize = 255;

pub(crate) fn spec() -> Result<CommandSpec, NameError> {
    let project = crate::option("project", OptionKind::Project, "the project, or clear");
    let branch = crate::option("branch", OptionKind::Branch, "its branch, as @name");
    crate::spec(
        "ctx",
        "/ctx [set [PROJECT] [@BRANCH] | clear]",
        "show or update context",
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
        let scope = crate::scope(&call);
        let text = match words.as_slice() {
            [] if verb => return Err(CommandError(USAGE.to_owned())),
            [] => show(&*host, replied(&call, &*host)?).await?,
            [word, ..] if !verb && word.eq_ignore_ascii_case("clear") => {
                host.prefer(PreferenceKey::Context, None, None).await?;
                match scope {
                    "topic" => "topic binding cleared.".to_owned(),
                    _ => "chat context cleared.".to_owned(),
                }
            }
            [word, ..] if !verb && !is_known(&*host, word) => UNKNOWN.to_owned(),
            words => format!("{scope} bound to {}", set(&*host, words).await?),
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
    let from = match (&replied, &plain.project, &bound.project) {
        (Some(_), ..) => "reply_ctx",
        (None, None, _) => "none",
        (None, Some(_), Some(_)) => "bound",
        (None, Some(_), None) => "default_project",
    };
    let (context, unbound) = (replied.unwrap_or(plain), bound.is_empty());
    let projects = host.projects();
    let (bound, resolved) = (place(host, &bound), place(host, &context));
    let here = format!("bound ctx: {bound}  \nresolved ctx: {resolved} (source: {from})");
    if projects.is_empty() {
        return Ok(format!("{here}\n\nto add one, write `[projects.NAME]` and its `path` to takopi.toml"));
    }
    let more = projects.len().saturating_sub(LISTED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let aliases = crate::list(projects.iter().take(LISTED).map(|project| code_span(&project.alias)));
    let note = if unbound { "note: no bound context — bind with" } else { "bind another with" };
    Ok(format!("{here}\n\n{note} `/ctx set PROJECT` or `/ctx set PROJECT @BRANCH`: {aliases}{more}"))
}

async fn set(host: &dyn CommandHost, words: &[&str]) -> Result<String, CommandError> {
    let (branches, projects): (Vec<&str>, Vec<&str>) = words.iter().partition(|word| word.starts_with('@'));
    let is_name = |word: &&str| {
        *word != "@"
            && word.len() <= MAX_NAME_BYTES
            && !word.contains(|character: char| character.is_whitespace() || character.is_control())
    };
    let wrong = match (projects.len(), branches.len()) {
        (2, 0) => Some("branch must be prefixed with @"),
        (2.., _) | (_, 2..) => Some("too many arguments"),
        _ if words.iter().all(is_name) => None,
        _ => return Err(CommandError(USAGE.to_owned())),
    };
    if let Some(wrong) = wrong {
        return Err(CommandError(format!("{wrong}\n{USAGE}")));
    }
    let mut asked = parse_binding(&words.join(" "));
    if asked.project.is_none() {
        asked.project = host.context().await?.project;
    }
    if asked.project.is_none() {
        return Err(CommandError("project is required: write /ctx set PROJECT @BRANCH".to_owned()));
    }
    let context = host.check_context(asked)?;
    let value = [context.project.clone(), context.branch.as_ref().map(|branch| format!("@{branch}"))];
    let value = value.into_iter().flatten().collect::<Vec<_>>().join(" ");
    host.prefer(PreferenceKey::Context, None, Some(&value)).await?;
    Ok(place(host, &context))
}

fn is_known(host: &dyn CommandHost, word: &str) -> bool {
    word.starts_with('@') || host.projects().iter().any(|project| project.alias.eq_ignore_ascii_case(word))
}

/// Returns a project, as its alias is written in the config, and its branch.
fn place(host: &dyn CommandHost, context: &Context) -> String {
    let projects = host.projects();
    let known = projects.iter().find(|project| Some(project.alias.to_lowercase()) == context.project);
    let project = known.map(|project| project.alias.clone()).or_else(|| context.project.clone());
    let written = Context { project, branch: context.branch.clone() };
    crate::place(&written).unwrap_or_else(|| "none".to_owned())
}

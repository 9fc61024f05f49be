//! `/ctx`: shows and sets the project and branch plain messages here work in.

use std::sync::Arc;

use async_trait::async_trait;
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

const USAGE: &str = "usage: /ctx, /ctx set PROJECT [@BRANCH], /ctx set @BRANCH or /ctx clear";

/// Longest name of a project or branch, in bytes: file systems end branch names at 255.
const MAX_NAME_BYTES: usize = 255;

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
        let scope = crate::scope(&call);
        let text = match words.as_slice() {
            [] if verb => return Err(CommandError(USAGE.to_owned())),
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
            words => format!("{scope} bound to {}", set(&*host, words).await?),
        };
        Ok(Some(CommandReply::markdown(text)))
    }
}

async fn show(host: &dyn CommandHost) -> Result<String, CommandError> {
    let (bound, context) = (bound_context(&host.preferences().await?), host.context().await?);
    let from = match (&context.project, &bound.project) {
        (None, _) => String::new(),
        (Some(_), Some(_)) => " (source: bound)".to_owned(),
        (Some(_), None) => " (source: settings)".to_owned(),
    };
    let projects = host.projects();
    let (bound, resolved) = (place(host, &bound), place(host, &context));
    let here = format!("bound ctx: {bound}  \nresolved ctx: {resolved}{from}");
    if projects.is_empty() {
        return Ok(format!("{here}\n\nto add one, write `[projects.NAME]` and its `path` to takopi.toml"));
    }
    let more = projects.len().saturating_sub(LISTED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let aliases = crate::list(projects.iter().take(LISTED).map(|project| code_span(&project.alias)));
    Ok(format!("{here}\n\nset one with `/ctx set PROJECT` or `/ctx set PROJECT @BRANCH`: {aliases}{more}"))
}

async fn set(host: &dyn CommandHost, words: &[&str]) -> Result<String, CommandError> {
    let (branches, projects): (Vec<&str>, Vec<&str>) = words.iter().partition(|word| word.starts_with('@'));
    let is_name = |word: &&str| {
        *word != "@"
            && word.len() <= MAX_NAME_BYTES
            && !word.contains(|character: char| character.is_whitespace() || character.is_control())
    };
    if projects.len() > 1 && branches.is_empty() {
        return Err(CommandError(format!("branch must be prefixed with @\n{USAGE}")));
    }
    if projects.len() > 1 || branches.len() > 1 || !words.iter().all(is_name) {
        return Err(CommandError(USAGE.to_owned()));
    }
    let mut asked = parse_binding(&words.join(" "));
    if asked.project.is_none() {
        asked.project = host.context().await?.project;
    }
    if asked.project.is_none() {
        return Err(CommandError("a branch needs a project: write /ctx set PROJECT @BRANCH".to_owned()));
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
pub(crate) fn place(host: &dyn CommandHost, context: &Context) -> String {
    let projects = host.projects();
    let known = projects.iter().find(|project| Some(project.alias.to_lowercase()) == context.project);
    let project = known.map(|project| project.alias.clone()).or_else(|| context.project.clone());
    let written = Context { project, branch: context.branch.clone() };
    crate::place(&written).unwrap_or_else(|| "none".to_owned())
}

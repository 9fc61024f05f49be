//! The built-in slash commands, written once against the ports: every transport serves them, menus and help
//! follow from [`all`]. A command knows the house only through `CommandHost`.
//!
//! A new one is a file here and a line in [`all`].

mod agent;
mod bind;
mod cancel;
mod choice;
mod context;
mod ctx;
mod file;
mod forget;
mod help;
mod model;
mod new;
mod reasoning;
mod status;
mod topic;
mod trigger;

use std::sync::Arc;

use takopi_core::id::{CommandId, NameError};
use takopi_core::port::command::{
    Access, Command, CommandError, CommandHost, CommandOption, CommandSpec, OptionKind,
};
use takopi_core::render::{code_span, shorten};
use takopi_core::session::Context;
use takopi_core::settings::closest;

/// Engines listed one by one; more are only counted.
const LISTED: usize = 15;

/// A command and what is known of it.
pub type BuiltIn = (CommandSpec, Arc<dyn Command>);

/// Returns the built-in commands in the order of menus.
///
/// # Errors
/// [`NameError`] when a command's id breaks the rule for ids.
pub fn all() -> Result<Vec<BuiltIn>, NameError> {
    Ok(vec![
        (cancel::spec()?, Arc::new(cancel::Cancel)),
        (new::spec()?, Arc::new(new::New)),
        (ctx::spec()?, Arc::new(ctx::Ctx)),
        (agent::spec()?, Arc::new(agent::Agent)),
        (model::spec()?, Arc::new(model::COMMAND)),
        (reasoning::spec()?, Arc::new(reasoning::COMMAND)),
        (trigger::spec()?, Arc::new(trigger::Trigger)),
        (topic::spec()?, Arc::new(topic::Topic)),
        (bind::spec()?, Arc::new(bind::Bind)),
        (bind::unbind_spec()?, Arc::new(bind::Unbind)),
        (file::spec()?, Arc::new(file::File)),
        (forget::spec()?, Arc::new(forget::Forget)),
        (status::spec()?, Arc::new(status::Status)),
        (help::spec()?, Arc::new(help::Help)),
    ])
}

fn spec(
    id: &str,
    usage: &str,
    description: &str,
    options: Vec<CommandOption>,
) -> Result<CommandSpec, NameError> {
    Ok(CommandSpec {
        id: CommandId::parse(id)?,
        description: description.to_owned(),
        usage: usage.to_owned(),
        options,
        ephemeral: false,
        access: Access::Everyone,
    })
}

/// Makes a command one that shows and sets, to whom it concerns alone.
fn private(spec: CommandSpec) -> CommandSpec {
    CommandSpec { ephemeral: true, ..spec }
}

fn option(name: &str, kind: OptionKind, description: &str) -> CommandOption {
    CommandOption { name: name.to_owned(), kind, description: description.to_owned(), required: false }
}

/// Returns the words of a call. A leading `set` is how the Python takopi is told, and means nothing; after
/// `show` nothing is looked at there.
fn words(words: &[String]) -> Vec<&str> {
    let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.first() {
        Some(word) if word.eq_ignore_ascii_case("show") => words.clear(),
        Some(word) if word.eq_ignore_ascii_case("set") => drop(words.remove(0)),
        _ => {}
    }
    words
}

/// Returns what somebody typed as it can be shown in an error: short, and on one line.
fn shown(text: &str) -> String {
    let text: String = text.chars().filter(|character| !character.is_control()).collect();
    shorten(&text, 40)
}

/// The same between quotes.
fn quoted(text: &str) -> String {
    format!("'{}'", shown(text))
}

/// Returns a list for people: `a, b, c`.
fn list<T: ToString>(items: impl IntoIterator<Item = T>) -> String {
    items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(", ")
}

/// Says that no engine here is called so, and which there are.
fn unknown_engine<'a>(word: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    let listed = list(known.clone().take(LISTED));
    let near = closest(word, known).map_or_else(String::new, |near| format!("did you mean {near}? "));
    match listed.as_str() {
        "" => format!("unknown engine {}. none serves this chat", shown(word)),
        _ => format!("unknown engine {}. {near}available engines: {listed}", shown(word)),
    }
}

/// Returns a project and branch as they are typed, or `None` without a project.
fn place(context: &Context) -> Option<String> {
    let project = context.project.as_ref()?;
    Some(match &context.branch {
        Some(branch) => code_span(&format!("{project} @{branch}")),
        None => code_span(project),
    })
}

/// Returns what a preference that is set by a call holds for.
fn scope(host: &dyn CommandHost) -> &'static str {
    if host.topic().is_some() { "topic" } else { "chat" }
}

/// Returns what a caller is told who may not change `what` here, or `None` when they may. Nobody may while it
/// is not known who manages the chat; `right` is what is then not known to be had.
async fn refusal(host: &dyn CommandHost, what: &str, right: &str) -> Option<String> {
    match host.may_manage().await {
        Ok(true) => None,
        Ok(false) => Some(format!("changing {what} is restricted to group admins.")),
        Err(CommandError(problem)) => Some(format!("failed to verify {right} permissions. {problem}")),
    }
}

/// Returns the engine of a plain message here and why it is that one, or why there is none.
async fn engine_here(host: &dyn CommandHost) -> String {
    match host.default_engine().await {
        Ok((engine, from)) => {
            let why = match from {
                "thread" => "topic default",
                "conversation" => "of this thread's session",
                "chat" => "chat default",
                "project" => "project default",
                _ => "global default",
            };
            format!("`{engine}` ({why})")
        }
        Err(CommandError(problem)) => format!("none; {problem}"),
    }
}

#[cfg(test)]
mod tests;

//! A project and a branch as they are typed after `/ctx set` and `/topic`, and as they are shown.

use takopi_core::port::command::{CommandError, CommandHost};
use takopi_core::session::Context;

/// Longest name of a project or branch, in bytes: file systems end branch names at 255.
const MAX_NAME_BYTES: usize = 255;

/// What was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    /// The project, by key.
    pub(crate) project: Option<String>,
    /// The branch.
    pub(crate) branch: Option<String>,
}

/// Reads `PROJECT`, `PROJECT @BRANCH` or `@BRANCH`.
///
/// # Errors
/// With what is wrong, in a few words.
pub(crate) fn read(words: &[&str]) -> Result<Asked, String> {
    let (project, branch) = match words {
        [branch] if branch.starts_with('@') => (None, Some(*branch)),
        [project] => (Some(*project), None),
        [branch, ..] if branch.starts_with('@') => return Err("too many arguments".to_owned()),
        [project, branch] => (Some(*project), Some(*branch)),
        _ => return Err("too many arguments".to_owned()),
    };
    let branch = match branch.map(|branch| branch.strip_prefix('@')) {
        Some(None) => return Err("branch must be prefixed with @".to_owned()),
        Some(Some("")) => return Err("branch is required".to_owned()),
        Some(Some(branch)) => Some(branch),
        None => None,
    };
    if let Some(name) = project.into_iter().chain(branch).find(|name| !is_name(name)) {
        return Err(format!("{} is no name", crate::quoted(name)));
    }
    Ok(Asked { project: project.map(str::to_lowercase), branch: branch.map(str::to_owned) })
}

fn is_name(word: &str) -> bool {
    let legal = |character: char| !character.is_whitespace() && !character.is_control();
    (1..=MAX_NAME_BYTES).contains(&word.len()) && word.chars().all(legal)
}

/// Returns where that is: in a chat of a project's `own` in that project, elsewhere in the one that was named.
///
/// # Errors
/// With what is wrong, in a few words.
pub(crate) fn settle(host: &dyn CommandHost, asked: Asked, own: Option<String>) -> Result<Context, String> {
    let Asked { project, branch } = asked;
    let named = Context { project, branch };
    let known = host.check_context(named).map_err(|CommandError(problem)| problem)?;
    match (&known.project, own) {
        (Some(named), Some(own)) if *named != own => {
            Err(format!("project mismatch for this chat; expected '{}'.", alias(host, own)))
        }
        (None, None) => Err("project is required".to_owned()),
        (_, own) => Ok(Context { project: known.project.or(own), branch: known.branch }),
    }
}

/// Returns a project, as its alias is written in the config, and its branch; nothing without a project.
pub(crate) fn written(host: &dyn CommandHost, context: &Context) -> String {
    let project = context.project.clone().map(|key| alias(host, key));
    let branch = context.branch.as_ref().map(|branch| format!("@{branch}"));
    project.into_iter().chain(branch).collect::<Vec<_>>().join(" ")
}

/// Returns a project's alias as it is written in the config.
fn alias(host: &dyn CommandHost, key: String) -> String {
    let projects = host.projects();
    projects.into_iter().find(|project| project.alias.to_lowercase() == key).map_or(key, |found| found.alias)
}

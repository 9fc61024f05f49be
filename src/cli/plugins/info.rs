//! `takopi plugins info`: one plugin on a page, from its manifest and the settings. Nothing is started.

use std::path::Path;

use takopi_core::catalog::{PluginError, Problem};
use takopi_plugin_host::info::{Info, Surroundings, render_info};

use super::arguments::InfoArguments;
use super::shelf::{Shelf, Thing};
use crate::house;
use crate::report::{Exit, Failure, say};

pub(super) fn run(arguments: &InfoArguments) -> Result<Exit, Failure> {
    let place = arguments.config.place()?;
    let shelf = Shelf::open(&place)?;
    let thing = shelf.thing(&arguments.id, arguments.kind.map(Into::into))?;
    let on_path = |name: &str| house::is_on_path(name);
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let shown = |path: &Path| place.shown(path);
    let mut info =
        Info::of(&thing.package, &Surroundings { on_path: &on_path, is_set: &is_set, shown: &shown });
    info.enabled = shelf.is_enabled(&thing.origin());
    info.problems = problems(&shelf, &thing);
    for subject in shelf.subjects(&thing.package) {
        match shelf.configured(&thing.package, &subject) {
            Ok(configured) => info.settings.push(configured.info(&subject)),
            Err(problem) => info.problems.push(problem),
        }
    }
    if arguments.json {
        say(serde_json::to_string_pretty(&info).map_err(anyhow::Error::from)?)?;
    } else {
        say(render_info(&info).trim_end())?;
    }
    Ok(Exit::Done)
}

/// Returns what the listing says is wrong with what the package of a thing registers; each once.
fn problems(shelf: &Shelf, thing: &Thing) -> Vec<Problem> {
    let registers = thing.package.manifest.provides();
    let distribution = thing.package.manifest.distribution.name.as_str();
    let listing = shelf.listing();
    let is_its = |error: &&PluginError| {
        error.distribution.as_deref() == Some(distribution) && registers.iter().any(|one| one.id == error.id)
    };
    let mut problems: Vec<Problem> = Vec::new();
    for error in listing.errors.iter().filter(is_its) {
        let problem = Problem::new(error.code, error.message.clone());
        if !problems.contains(&problem) {
            problems.push(problem);
        }
    }
    problems
}

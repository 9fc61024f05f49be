//! `takopi plugins`: what there is and what is wrong with it, in the Python takopi's layout or as JSON.
//!
//! Listing reads files and starts nothing; what starts plugins is in `plugins/load.rs` and `plugins/check.rs`. A config
//! file that cannot be read doesn't keep the listing from coming: then the defaults hold.

mod arguments;
mod check;
mod config;
mod info;
mod json;
mod load;
mod new;
mod paper;
mod shelf;
mod trial;

use takopi_core::catalog::{Code, Listing, PluginError, render_plugins};
use takopi_core::id::{Distribution, PluginKind};
use takopi_core::settings::{Diagnostic, Known, KnownEngine, Severity, Standing};

pub(super) use arguments::PluginsArguments;
use arguments::{ListArguments, PluginsCommand};
use shelf::Shelf;

use crate::house;
use crate::report::{Exit, Failure, say};

pub(super) fn run(arguments: &PluginsArguments) -> Result<Exit, Failure> {
    match &arguments.command {
        Some(PluginsCommand::Info(arguments)) => info::run(arguments),
        Some(PluginsCommand::Config(arguments)) => config::run(arguments),
        Some(PluginsCommand::New(arguments)) => new::run(arguments),
        Some(PluginsCommand::Check(arguments)) => check::run(arguments),
        None => list(&arguments.list),
    }
}

fn list(arguments: &ListArguments) -> Result<Exit, Failure> {
    let shelf = Shelf::open(&arguments.config.place()?)?;
    let mut listing = shelf.listing();
    listing.notes.extend(shelf.found.notes.iter().cloned());
    if arguments.load {
        let mistakes = house::mistakes(&shelf.settings)?;
        let mistakes = mistakes.iter().filter(|mistake| mistake.severity == Severity::Error);
        listing.add_errors(&mistakes.map(broken).collect::<Vec<_>>());
        note_missing(&mut listing, &shelf.known);
        if !load::load(&shelf, &mut listing)? {
            return Ok(Exit::Interrupted);
        }
        // They are no fault of the plugins, and nothing a person could mend.
        listing.notes.append(&mut listing.not_run);
    } else {
        listing.add_errors(&shelf.refused());
    }
    if arguments.json {
        say(json::render(&shelf, &listing)?)?;
    } else {
        say(render_plugins(&listing).trim_end())?;
    }
    // The process ends now: freeing a thousand manifests one by one would be a tenth of its time.
    std::mem::forget(shelf);
    Ok(if arguments.load && listing.is_broken() { Exit::Failed } else { Exit::Done })
}

/// Returns a mistake in an engine's table as what is wrong with that engine.
fn broken(mistake: &Diagnostic) -> PluginError {
    let key = mistake.key.strip_prefix("engines.").unwrap_or(&mistake.key);
    PluginError {
        kind: Some(PluginKind::Engine),
        id: key.split('.').next().unwrap_or_default().to_owned(),
        distribution: Some(Distribution::builtin().as_str().to_owned()),
        code: Code::BadConfig,
        message: mistake.told(),
    }
}

/// Notes engines whose program isn't there: that is nothing wrong with the plugin.
fn note_missing(listing: &mut Listing, known: &Known) {
    let is_ours = |engine: &&KnownEngine| engine.standing != Standing::ThirdParty;
    for engine in known.engines.iter().filter(is_ours).filter(|engine| !engine.installed) {
        let message = engine.missing().to_string();
        listing.notes.push(PluginError {
            kind: Some(PluginKind::Engine),
            id: engine.id.to_string(),
            distribution: Some(Distribution::builtin().as_str().to_owned()),
            code: Code::MissingExecutable,
            message,
        });
    }
}
